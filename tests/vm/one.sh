#!/bin/sh
# one.sh TEST - for run.sh: runs it and says its line.  What it said itself, and how long it took,
# is afterwards in $BUILD/check.
name=$(basename "$1" .sh)
log=$BUILD/check/$name.log
began=$(date +%s)
timeout -k 5 "${TEST_TIMEOUT:-300}" sh "$1" > "$log" 2>&1 < /dev/null
case $? in
0)	echo "ok vm.$name" ;;
77)	echo "skip vm.$name: $(sed -n 's/^skip: //p' "$log" | head -n 1)" ;;
124)	echo "FAIL vm.$name: timed out" ;;
*)	echo "FAIL vm.$name: $(tail -n 4 "$log" | paste -s -d '|') (see $log)" ;;
esac
echo "took $(($(date +%s) - began)) s" >> "$log"
