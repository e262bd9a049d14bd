#!/bin/sh
# record.sh BUILD_DIR - makes seen.txt anew: how many calls each row of each filter let pass
# while the tests below ran, traced, on this machine's KVM and in the test host.
#
# What these tests find is not the point here, and being traced they are slow: their verdicts
# are shown and not counted.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "$1")
vm=$here/../vm
traces=$build/check/traces

# Boots and clones, terminal, signals, timeouts, disks, console, cards, pools, functions, saving; and
# monitors that break a filter, for what they may do after.  Not 038: pid 1 of a namespace that is
# traced does not die of what it does.
here_and_there='010 031 032 039 050 072 200 207 210 212 217 218 341 343'
only_here='012 014 020 030 036 037 041 051 053 209 301 305'
only_there='090'
tests() { for n in "$@"; do ls "$vm/$n"-*.sh; done; }

export TRACED=1
rm -rf "$traces" "$build/check/host/traces"
TEST_TIMEOUT=900 sh "$vm/run.sh" "$build" $(tests $here_and_there $only_here) "$here/ends.sh"
install -D "$vm/traced.sh" "$build/unit/traced/test_http"
TRACES=$traces "$build/unit/traced/test_http" > "$build/check/traced-http.log" 2>&1
sh "$here/../host/vm.sh" "$build" $(tests $here_and_there $only_there)

find "$traces" "$build/check/host/traces" -type f |
	"$build/seccomp/seen" > "$build/check/seen.txt" 2> "$build/check/unallowed.txt" ||
	{ cat "$build/check/unallowed.txt"; exit 1; }
echo 'calls that no row allows, which are the violations of test 039:'
sort "$build/check/unallowed.txt" | uniq -c
{ echo '# A row, and the calls that needed it: made by record.sh.'; cat "$build/check/seen.txt"; } \
	> "$here/seen.txt"
