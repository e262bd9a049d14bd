#!/bin/sh
# check.sh BUILD_DIR PART... - run parts of the test suite and count.
#
# "unit" is that part on BUILD_DIR, "san/unit" the same on BUILD_DIR-san, and so on.
# A part is a program that says a line a test: "ok NAME", "FAIL NAME: why" or
# "skip NAME: what is missing"; "note NAME: ..." is worth knowing and no verdict.  Here they
# are counted; all but the passed are shown, those with V=1.  The last line is the count; the
# exit status is 1 on any failure, also when a part ends badly or says nothing at all.
set -u
build=$1; shift
log=$build/check; mkdir -p "$log"

count() { grep -c "^$1 " "$2"; }

part() {
	name=$1; shift
	out=$log/$(echo "$name" | tr / -).log
	start=$(date +%s)
	"$@" > "$out" 2>&1
	rc=$?
	if [ "$rc" -ne 0 ] && [ "$(count FAIL "$out")" -eq 0 ]; then
		tail -n 20 "$out" | sed 's/^/    /'
		echo "FAIL $name: ended with status $rc, see $out" | tee -a "$out"
	elif [ "$(count '\(ok\|FAIL\|skip\)' "$out")" -eq 0 ]; then
		echo "FAIL $name: ran no test" | tee -a "$out"
	fi
	grep -a '^\(FAIL\|skip\|note\) ' "$out"
	[ -n "${V:-}" ] && grep -a '^ok ' "$out"
	echo "$name: $(count ok "$out") passed in $(($(date +%s) - start)) s"
}

for p in "$@"; do
	b=$build
	case $p in */*) b=$build-${p%/*} ;; esac
	rm -f "$log/$(echo "$p" | tr / -).log"
	case ${p#*/} in
	lint)	part "$p" sh tests/lint/run.sh "$b" ;;
	unit)	part "$p" sh tests/unit/run.sh "$b" ;;
	fuzz)	part "$p" sh tests/fuzz/run.sh "build/$(uname -m)-fuzz" ;;
	proof)	part "$p" sh tests/proof/run.sh ;;
	jail)	part "$p" sh tests/jail/run.sh "$b" ;;
	guest)	part "$p" sh tests/guest/run.sh "$b" ;;
	vm)	part "$p" sh tests/vm/run.sh "$b" ;;
	host)	part "$p" sh tests/host/check.sh "$b" ;;
	claims)	part "$p" sh tests/claims.sh "$log" ;;
	*)	echo "FAIL $p: there is no such part"; exit 1 ;;
	esac
done

passed=0 failed=0 skipped=0
for p in "$@"; do
	out=$log/$(echo "$p" | tr / -).log
	passed=$((passed + $(count ok "$out")))
	failed=$((failed + $(count FAIL "$out")))
	skipped=$((skipped + $(count skip "$out")))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
