#!/bin/sh
# Every claim in SECURITY.md names where it is enforced and which test proves it: both must
# exist.  A row is | claim | `file` ... | `test file`: name, ... |
set -u
bad=0
rows=$(grep '^| ' SECURITY.md | grep -c 'tests/')
[ "$rows" -ge 20 ] || { echo "SECURITY.md has only $rows claims with a test"; exit 1; }
for f in $(grep '^| ' SECURITY.md | grep -o '`[a-z]*/[^` ]*`' | tr -d '`' | sort -u); do
	[ -e "$f" ] || { echo "SECURITY.md names $f, which is not there"; bad=1; }
done
grep '^| ' SECURITY.md | grep -o '`tests/[^`]*`: [a-z0-9_-]*' | tr -d '`' | while IFS=': ' read -r f name; do
	grep -rq -- "$name" "$f" || echo "$f has no test $name"
done | grep . && bad=1
exit $bad
