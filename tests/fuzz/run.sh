#!/bin/sh
# run.sh FUZZ_BUILD_DIR [RUNS] - a short run of every fuzz target from its corpus.
# For a long one: build/ARCH-fuzz/fuzz_NAME -max_total_time=3600 /tmp/new tests/fuzz/corpus/NAME
set -u
runs=${2:-20000}
for t in "$1"/fuzz_*; do
	case $t in *.log|*.d) continue ;; esac
	name=${t##*/fuzz_}
	corpus=tests/fuzz/corpus/$name
	[ -d "$corpus" ] || { echo "FAIL fuzz.$name: no corpus in $corpus"; continue; }
	work=$(mktemp -d)
	if timeout 120 "$t" -runs="$runs" -max_total_time=20 -seed=1 -timeout=10 -rss_limit_mb=1024 \
		-artifact_prefix="$1/" "$work" "$corpus" > "$t.log" 2>&1; then
		echo "ok fuzz.$name ($(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$t.log") executions)"
	else
		echo "FAIL fuzz.$name: see $t.log"
	fi
	rm -rf "$work"
done
