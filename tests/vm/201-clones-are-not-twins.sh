# Two clones of one snapshot: each has randomness, a clock, a name, a machine-id and a
# generation of its own, also on a processor without RDRAND.
. "$(dirname "$0")/lib.sh"
off=clearcpuid=popcnt,smap,erms,fsrm,invpcid,pku,rdrand,rdseed
status 0 "$SANDBOX" snapshot take --template --cmdline "$off" "$T/s"
for i in 1 2; do
	from=$(date +%s%N)
	"$SANDBOX" run --from "$T/s" --hostname "clone$i" -- sh -c \
		'head -c 32 /dev/urandom | od -An -tx1 | tr -d " \n"; echo; hostname; date +%s; cat /proc/uptime
		 grep -c rdrand /proc/cpuinfo; cat /proc/sys/kernel/random/uuid
		 cat /etc/machine-id; echo "$SANDBOX_GENERATION"' > "$T/$i"
	to=$(date +%s%N)
	line() { sed -n "$1p" "$T/$i"; }
	equal "$(line 2)" "clone$i" "host name"
	[ "$(line 3)" -ge $((from / 1000000000)) ] && [ "$(line 3)" -le $((to / 1000000000)) ] ||
		fail "clone $i has time $(line 3), it ran between $from and $to"
	equal "$(line 5)" 0 "processors with RDRAND"
	equal "$(line 7 | tr -d 0-9a-f)$(line 7 | wc -c)" 33 "what is no digit of the machine-id, and its length"
	[ "$(line 8)" != 0 ] || fail "a clone that says it was booted"
done
differ() { [ "$(sed -n "$1p" "$T/1")" != "$(sed -n "$1p" "$T/2")" ] || fail "the same $2"; }
differ 1 "random bytes"
differ 6 uuid
differ 7 machine-id
differ 8 generation
[ "$(sed -n 1p "$T/1" | tr -d '\n' | wc -c)" -eq 64 ] || fail "not 32 bytes: $(sed -n 1p "$T/1")"
