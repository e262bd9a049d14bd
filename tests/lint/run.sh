#!/bin/sh
# run.sh BUILD_DIR - rules that a compiler does not check, one script a rule.
set -u
for t in tests/lint/*.sh; do
	name=${t##*/}; name=${name%.sh}
	[ "$name" = run ] && continue
	out=$(sh "$t" "$1" 2>&1)
	case $? in
	0)	echo "ok lint.$name" ;;
	77)	echo "skip lint.$name: $out" ;;
	*)	echo "FAIL lint.$name: $(echo "$out" | tr '\n' ';')" ;;
	esac
done
