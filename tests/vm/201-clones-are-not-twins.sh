# Two clones of one snapshot: each has randomness, a clock and a name of its own, also on a
# processor without RDRAND.
. "$(dirname "$0")/lib.sh"
off=clearcpuid=popcnt,smap,erms,fsrm,invpcid,pku,rdrand,rdseed
status 0 "$SANDBOX" snapshot take --template --cmdline "$off" "$T/s"
for i in 1 2; do
	from=$(date +%s%N)
	"$SANDBOX" run --from "$T/s" --hostname "clone$i" -- sh -c \
		'head -c 32 /dev/urandom | od -An -tx1 | tr -d " \n"; echo; hostname; date +%s; cat /proc/uptime
		 grep -c rdrand /proc/cpuinfo; cat /proc/sys/kernel/random/uuid' > "$T/$i"
	to=$(date +%s%N)
	line() { sed -n "$1p" "$T/$i"; }
	equal "$(line 2)" "clone$i" "host name"
	[ "$(line 3)" -ge $((from / 1000000000)) ] && [ "$(line 3)" -le $((to / 1000000000)) ] ||
		fail "clone $i has time $(line 3), it ran between $from and $to"
	equal "$(line 5)" 0 "processors with RDRAND"
done
[ "$(sed -n 1p "$T/1")" != "$(sed -n 1p "$T/2")" ] || fail "the same random bytes"
[ "$(sed -n 6p "$T/1")" != "$(sed -n 6p "$T/2")" ] || fail "the same uuid"
[ "$(sed -n 1p "$T/1" | tr -d '\n' | wc -c)" -eq 64 ] || fail "not 32 bytes: $(sed -n 1p "$T/1")"
