# --net-rate holds for both ways; without one the same takes a fraction of the time.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/net.sh"
head -c 600K /dev/urandom > "$T/www/data"
sum=$(sha256sum < "$T/www/data")
for rate in none 100K; do
	[ $rate = none ] || run="$run --net-rate $rate"
	equal "$($run --result "$T/$rate" -- sh -c 'wget -qO- http://203.0.113.7/data | sha256sum')" "$sum" \
		"the sum of what came at rate $rate"
done
fast=$(result "$T/none" .phases_us.command) slow=$(result "$T/100K" .phases_us.command)
[ "$slow" -gt 5000000 ] && [ "$slow" -lt 20000000 ] || fail "600 KiB at 100 KiB/s took $slow us"
[ "$fast" -lt $((slow * 3 / 4)) ] || fail "without a rate it took $fast us, with it $slow us"
echo "600 KiB in $fast us without a rate, $slow us at 100 KiB/s"
