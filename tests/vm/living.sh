# living.sh - sourced by tests of machines that have a name: lib.sh, and a place of the test's own for them.
# What of them still lives when the test ends, ends then.
. "$(dirname "$0")/lib.sh"
export XDG_RUNTIME_DIR=$T

end_all() {
	"$SANDBOX" ps | sed -n '2,$s/ .*//p' | while read -r name; do "$SANDBOX" kill "$name"; done > /dev/null 2>&1
	rm -rf "$T"
}
trap end_all EXIT

# told FILE TEXT: wait until it is there.
told() {
	for _ in $(seq 1500); do
		grep -q "$2" "$1" && return
		sleep 0.1
	done
	fail "no '$2' in: $(cat "$1")"
}
