#!/bin/sh
# claims.sh LOG_DIR - did each test that SECURITY.md names run here, and pass?  After the other
# parts; tests/lint/claims.sh has looked whether they exist.
set -u
log=$1
logs=
for part in lint unit fuzz proof jail guest vm host; do
	[ ! -e "$log/$part.log" ] || logs="$logs $log/$part.log"
done

# What the line of a passed test begins with, for `FILE`: NAME of a row.
line_of() {
	file=${1##*/} stem=${1##*/} name=$2
	stem=${stem%.*}
	case $1 in
	tests/lint/*) echo "lint[.]$stem" ;;
	tests/unit/*) echo "${stem#test_}[.].*$name" ;;
	tests/proof/*) echo "proof[.]$stem" ;;
	tests/fuzz/*) echo "fuzz[.]${stem#fuzz_}" ;;
	tests/jail/expected.*) echo "${file#expected.}: jail_is_as_expected" ;;
	tests/jail/hostile.c | tests/jail/attack.c) echo "helper: .*$name" ;;
	tests/jail/*) echo "root: .*$name" ;;
	tests/guest/cases.h) echo "guest[.]$name" ;;
	tests/guest/*) echo "guest[.]" ;;
	tests/vm/*) echo "vm[.]$stem" ;;
	*) echo "no such kind of test: $1" ;;
	esac
}

# With the part or the test named: a skip is as loud here as it was there.
was_skipped() {
	part=${1#tests/} stem=${1##*/}
	grep -qE "^skip (host[.])?(${part%%/*}( |:)|[a-z]*[.]${stem%.*})" $logs
}

grep '^| ' SECURITY.md | grep -o '`tests/[^`]*`: [a-z0-9_A-Z-]*' | tr -d '`' | sort -u |
while IFS=': ' read -r file name; do
	if grep -qE "^ok (host[.])?$(line_of "$file" "$name")" $logs; then
		echo "ok claims.$file: $name"
	elif was_skipped "$file"; then
		echo "skip claims.$file: $name: the test was skipped"
	else
		echo "FAIL claims.$file: $name: SECURITY.md says that this proves it, and it did not run and pass"
	fi
done
