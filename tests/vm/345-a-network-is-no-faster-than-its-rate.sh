# --net-rate holds for both ways; without one the same takes a fraction of the time.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/net.sh"
head -c 2M /dev/urandom > "$T/www/data"
sum=$(sha256sum < "$T/www/data")
for rate in none 500K; do
	[ $rate = none ] || run="$run --net-rate $rate"
	equal "$($run --result "$T/$rate" -- sh -c 'wget -qO- http://203.0.113.7/data | sha256sum')" "$sum" \
		"the sum of what came at rate $rate"
done
fast=$(result "$T/none" .phases_us.command) slow=$(result "$T/500K" .phases_us.command)
[ "$slow" -gt 3500000 ] && [ "$slow" -lt 20000000 ] || fail "2 MiB at 500 KiB/s took $slow us"
echo "2 MiB in $fast us without a rate, $slow us at 500 KiB/s"
