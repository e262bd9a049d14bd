#!/bin/sh
# run.sh [-i] OUTDIR JOBDIR [TIMEOUT] - run JOBDIR/run.sh as root in the test host in OUTDIR.
#
# The host is restored from its saved state, so every job finds it freshly booted.  JOBDIR is
# copied to /job; the job's stdout and stderr come out here as they are written, -i hands
# it this program's stdin, and the files it leaves in /job/out are afterwards in JOBDIR/out.
# The exit status is the job's; 124 after TIMEOUT seconds (600), 125 if the host failed.
#
# Words on the control port, a line each: the host says "ready" when booted, "alive" every
# five seconds of a job, "exit STATUS" at its end; it is told "go EPOCH STDIN TIMEOUT".
# A host that is silent for SILENCE seconds or ends without "exit" has failed; its last words
# are kept in OUTDIR/failed.*.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/qemu.sh"
SILENCE=${HOST_SILENCE:-60}
stdin=none
[ "${1:-}" = -i ] && { stdin=piped; shift; }
[ $# -ge 2 ] || { echo "usage: run.sh [-i] OUTDIR JOBDIR [TIMEOUT]" >&2; exit 2; }
out=$(cd "$1" && pwd) || exit 125
job=$(cd "$2" && pwd) || exit 125
limit=${3:-600}
[ -e "$out/state.stamp" ] || { echo "test host: not built: build.sh $out" >&2; exit 125; }

say() { echo "test host: $*" >&2; }

# Everything this started, by process id; then its files.
clean_up() {
	kill -9 $helpers $qemu 2> /dev/null
	wait 2> /dev/null
	[ -z "$work" ] || rm -rf "$work"
	helpers= qemu= work=
}

make_work() {
	work=$(mktemp -d "$out/run.XXXXXX") || return 1
	for file in vmlinuz initrd root.ext4 ram state; do
		ln -s "../$file" "$work/$file"
	done
	mkfifo "$work/stdout" "$work/stderr" "$work/results"
	make_job "$job" "$work/job.img"
}

# QEMU opens each of these for writing, and waits until somebody reads.
start_readers() {
	cat "$work/stdout" & readers=$!
	cat "$work/stderr" >&2 & readers="$readers $!"
	rm -rf "$job/out"
	mkdir "$job/out"
	tar -xf - -C "$job/out" < "$work/results" 2> "$work/tar.log" & readers="$readers $!"
	helpers=$readers
}

restore() {
	host_start "$work" off -incoming defer || return 1
	qmp_ignore_shared && qmp '{"execute": "migrate-incoming", "arguments": {"uri": "exec:cat state"}}'
}

# The connection outlives the data: one that is cut may lose its end.
feed_stdin() {
	{ echo; cat <&7; } | socat -t 1000000 - "UNIX-CONNECT:$work/stdin" > /dev/null 2>&1 &
	helpers="$helpers $!"
}

# monitor COMMAND: what QEMU's own monitor says to it.
monitor() {
	qmp "{\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": \"$1\"}}" &&
		printf '%b\n' "$answer"
}

# A second process that looks for news; on none, it keeps what can be kept and ends QEMU.
start_watchdog() {
	: > "$work/news"
	(
		while sleep $SILENCE; do
			[ -e "$work/news" ] || break
			rm "$work/news"
		done
		(
			for sample in 1 2 3; do
				monitor 'info registers -a'
				monitor 'x /64gx $rsp'
				sleep 1
			done
			monitor 'info lapic 0'
			monitor 'info lapic 1'
		) > "$work/registers" &
		sleep 8
		kill -9 $! $qemu
	) 2> /dev/null &
	helpers="$helpers $!"
}

# listen: until the job has ended; its status is then in $status, empty if it never did.
listen() {
	status=
	while read -r word value <&6; do
		: > "$work/news"
		case $word in
		exit)	status=$value; return ;;
		esac
	done
}

keep_evidence() {
	evidence=$(mktemp -d "$out/failed.XXXXXX") || return
	cp "$work/console.log" "$work/qemu.log" "$work/registers" "$evidence" 2> /dev/null
	say "the host fell silent or ended without a status; see $evidence"
	{
		grep -v '^ *$' "$evidence/console.log" | tail -n 3
		grep -o 'RIP=[0-9a-f]*\|HLT=.' "$evidence/registers" | paste -s -d ' '
	} 2> /dev/null | while read -r line; do say "its last words: $line"; done
}

attempt() {
	make_work || return 1
	start_readers
	if restore; then
		start_watchdog
		[ $stdin = none ] || feed_stdin
		echo "go $(date +%s.%N) $stdin $limit" >&5
		listen
	fi
	[ -n "$status" ] || { keep_evidence; clean_up; return 1; }
	host_quit
	wait $readers
	[ "$status" -ne 124 ] || say "the job was still running after $limit s"
	clean_up
}

helpers= qemu= work= status=
exec 7<&0
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
attempt || exit 125
exit "$status"
