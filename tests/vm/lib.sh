# lib.sh - sourced by every VM test.  $SANDBOX is the program, $T a directory of the
# test's own that is gone afterwards.  A test ends at its first unmet expectation.
set -u

T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT

# A verdict goes to the log even where an expectation's own output is redirected.
exec 8>&1
fail() { echo "FAIL: $*" >&8; exit 1; }
skip() { echo "skip: $*" >&8; exit 77; }

# status WANT COMMAND...: the command's exit status is WANT.
status() {
	want=$1; shift
	"$@"
	got=$?
	[ "$got" -eq "$want" ] || fail "status $got instead of $want: $*"
}

# equal GOT WANT WHAT
equal() { [ "$1" = "$2" ] || fail "$3: '$1' instead of '$2'"; }

# result FILE JQ-EXPRESSION: a field of a result record.
result() { jq -r "$2" "$1"; }

# refused TEXT COMMAND...: exit 125 and exactly one line on stderr, which has TEXT in it; but for
# the line that says, where a host is slow, that a template is being made.
refused() {
	text=$1; shift
	"$@" > "$T/refused.out" 2> "$T/refused.all" < /dev/null
	got=$?
	grep -v '^sandbox: first run of this machine' "$T/refused.all" > "$T/refused.err"
	[ "$got" -eq 125 ] || fail "status $got instead of 125: $*"
	[ "$(wc -l < "$T/refused.err")" -eq 1 ] || fail "not one line: $(cat "$T/refused.err")"
	grep -qF -- "$text" "$T/refused.err" || fail "'$(cat "$T/refused.err")' does not say '$text'"
}

# What a run could leave behind on this host, as text to compare.
leftovers() {
	ps -eo comm= | grep -E '^(sandbox|passt)' | sort
	find /sys/fs/cgroup -maxdepth 4 -type d -name 'sandbox-*' 2>/dev/null
	wc -l < /proc/self/mountinfo
	ls -d /tmp/sandbox* /run/sandbox* 2>/dev/null
	lsns -n -o TYPE 2>/dev/null | sort | uniq -c
	ip -o link 2>/dev/null | wc -l
}

# nothing_left BEFORE: within three seconds leftovers() is again what it was.
nothing_left() {
	for _ in $(seq 30); do
		[ "$(leftovers)" = "$1" ] && return 0
		sleep 0.1
	done
	fail "left behind:
$(leftovers | diff - /dev/fd/3 3<<-END
$1
END
)"
}
