# Booted or restored, in the host's pages or in huge ones: the same run, and more memory used.
. "$(dirname "$0")/lib.sh"

# peak OPTION...: the most memory that the monitor had, in KiB; the run is what it always is.
peak() {
	echo through | "$SANDBOX" run --memory 64M --result "$T/json" "$@" -- cat > "$T/out" || fail "status $? with: $*"
	equal "$(cat "$T/out")" through "output with: $*"
	result "$T/json" .peak_rss_kib
}
plain=$(peak) || exit 1
equal "$(result "$T/json" .start)" warm "how it started"
for how in --prefault --huge-pages; do
	more=$(peak $how) || exit 1
	equal "$(result "$T/json" .start)" warm "how it started with $how"
	[ "$more" -gt $((plain + 1024)) ] || fail "$how: $more KiB at most, $plain without"
done
booted=$(peak --cold --prefault) || exit 1
[ "$booted" -ge 65536 ] || fail "64M were to be in place, the monitor had $booted KiB at most"
peak --cold --huge-pages > /dev/null
