#!/bin/sh
# run.sh FUZZ_BUILD_DIR [RUNS SECONDS] - every fuzz target from its corpus: a short run, or each
# that many executions and that long at most, from another seed every time.  LOG.md is about those.
set -u
runs=${2:-20000} seconds=${3:-20}
seed=1
[ $# -lt 3 ] || seed=0
for t in "$1"/fuzz_*; do
	case $t in *.log|*.d) continue ;; esac
	name=${t##*/fuzz_}
	corpus=tests/fuzz/corpus/$name
	[ -d "$corpus" ] || { echo "FAIL fuzz.$name: no corpus in $corpus"; continue; }
	work=$(mktemp -d)
	if timeout $((seconds * 6)) "$t" -runs="$runs" -max_total_time="$seconds" -seed=$seed -timeout=10 \
		-rss_limit_mb=1024 \
		-artifact_prefix="$1/" "$work" "$corpus" > "$t.log" 2>&1; then
		echo "ok fuzz.$name ($(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$t.log") executions)"
	else
		echo "FAIL fuzz.$name: see $t.log"
	fi
	rm -rf "$work"
done
