#!/bin/sh
# density.sh BUILD_DIR JSON_FILE - $CLONES (300) idle machines at once, all restored from one
# template and with a command that sleeps: the memory that each has for itself and the
# processor time that all of them take together.
#
# An idle guest is woken by one timer: the kernel looks every 120 seconds for IPv4 addresses
# whose time is over, and what had been put off until somebody wakes is done then, too.  So
# the time is taken over a whole such period, and after the first, which has more to do.
set -eu
build=$1 json=$2 n=${CLONES:-300}
here=$(cd "$(dirname "$0")" && pwd)
t=$(mktemp -d)
. "$here/lib.sh"
trap 'kill $(cat "$t/pids") 2> /dev/null; wait; rm -rf "$t"' EXIT

# All processes of our runs: runner, keeper, monitor.
ours() {
	for p in $(cat "$t/pids"); do
		k=$(pgrep -P "$p") && echo "$p $k $(pgrep -P "$k")"
	done
}
cpu_ticks() { for p in $(cat "$t/all"); do cat "/proc/$p/stat"; done 2> /dev/null | awk '{ n += $14 + $15 } END { print n }'; }

"$build/sandbox" run -- true 2> /dev/null		# the template is there
for i in $(seq "$n"); do
	"$build/sandbox" run -- sh -c 'echo up; exec sleep 100000' > "$t/up.$i" 2> "$t/err.$i" < /dev/null &
	echo $! >> "$t/pids"
	[ $((i % 4)) -ne 0 ] || until [ -s "$t/up.$i" ] || [ -s "$t/err.$i" ]; do sleep 0.1; done
done
for i in $(seq 600); do
	up=$(cat "$t"/up.* | wc -l)
	[ "$up" -lt "$n" ] || break
	sleep 0.1
done
period=${PERIOD:-120}
sleep "$period"
ours > "$t/ours"
tr ' ' '\n' < "$t/ours" > "$t/all"

# Pages that no other process maps, and dirty ones: what is freed when the machine goes.
own_kib() { awk '/^Private_(Dirty|Clean):/ { n += $2 } END { print n + 0 }' "/proc/$1/smaps_rollup"; }
while read -r runner keeper monitor; do
	echo "$(own_kib "$monitor") $(own_kib "$keeper") $(own_kib "$runner")"
done < "$t/ours" > "$t/own"

before=$(cpu_ticks)
sleep "$period"
after=$(cpu_ticks)

echo "$n idle clones of a 128 MiB machine at once"
row clones_up "clones that run" "$up" ""
row clone_monitor_kib "memory of its own, monitor and guest: median (KiB)" "$(cut -d' ' -f1 "$t/own" | median)" ""
row clone_all_kib "  with keeper and runner (KiB)" "$(awk '{ print $1 + $2 + $3 }' "$t/own" | median)" ""
percent() { awk -v n=$((after - before)) -v hz="$(getconf CLK_TCK)" -v s="$period" -v cpus="$1" \
	'BEGIN { printf "%.2f", n * 100 / hz / s / cpus }'; }
row clones_cpu_percent "processor time of all together (% of one processor)" "$(percent 1)" ""
row clones_host_percent "  of this host's $(nproc)" "$(percent "$(nproc)")" ""
save "$json"
