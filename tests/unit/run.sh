#!/bin/sh
# run.sh BUILD_DIR - every unit test program; cmocka's TAP becomes our lines.
set -u
for t in "$1"/unit/test_*; do
	case ${t##*/} in *.*) continue ;; esac
	name=${t##*/test_}
	CMOCKA_MESSAGE_OUTPUT=TAP timeout 120 "$t" > "$t.log" 2>&1
	rc=$?
	sed -n -e "s/^ok [0-9]* - \(.*\) # SKIP.*/skip $name.\1: $(sed -n 's/^skip: //p' "$t.log" | head -n 1)/p;t" \
	       -e "s/^ok [0-9]* - /ok $name./p" \
	       -e "s/^not ok [0-9]* - \(.*\)/FAIL $name.\1: see $(echo "$t" | sed 's:/:\\/:g').log/p" "$t.log"
	if [ $rc -ne 0 ] && ! grep -q '^not ok' "$t.log"; then
		echo "FAIL $name: ended with status $rc, see $t.log"
	fi
done
