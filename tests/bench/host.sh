#!/bin/sh
# host.sh BUILD_DIR JSON_FILE - in the test host (hardware-like KVM), in turns: `sandbox run --
# true` booted, `qemu -M microvm` booting the same kernel to an init that ends at once, and a
# run from its template.  The figures are their ratios; the times themselves are those of an
# emulated processor.  Then $CALLS (1,000) calls through `sandbox serve`, with serve.sh.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../host/stage.sh"
. "$here/lib.sh"
build=$(realpath "$1") json=$2
host=$(dirname "$build")/test-host
job=$(mktemp -d); trap 'rm -rf "$job"' EXIT

sh "$here/../host/build.sh" "$host" >&2
stage_build "$build" "$job"
# A guest that ends at once: what a boot costs without any of our protocol.
cat > "$job/init.c" <<'END'
#include <sys/reboot.h>
int main(void) { reboot(RB_AUTOBOOT); for (;;); }
END
mkdir "$job/cpio"
gcc -static -Os -o "$job/cpio/init" "$job/init.c"
(cd "$job/cpio" && echo init | cpio -o -H newc --quiet) > "$job/reboot.cpio"
cat > "$job/run.sh" <<END
cd /job/build/$(basename "$build")
us() { echo \$((\$(date +%s%N) / 1000)); }
export XDG_CACHE_HOME=/tmp
./sandbox run -- true 2> /dev/null
for i in \$(seq ${N:-8}); do
	a=\$(us); ./sandbox run --cold -- true; b=\$(us)
	qemu-system-x86_64 -M microvm,x-option-roms=off,pic=off,pit=off,rtc=off,isa-serial=off \\
		-cpu host -enable-kvm -m 128 -nodefaults -no-user-config -nographic -no-reboot \\
		-kernel vmlinux-up -initrd /job/reboot.cpio -append 'quiet reboot=t panic=-1 tsc=reliable'
	c=\$(us); ./sandbox run -- true; d=\$(us)
	echo "\$((b - a)) \$((c - b)) \$((d - c))" >> /job/out/times
done

mkdir /tmp/bench
CALLS=${CALLS:-1000} sh /job/bench/serve.sh . /tmp/bench/json > /job/out/serve 2>&1
cp /tmp/bench/json /job/out/serve.json
END
cp -r "$here" "$job/bench"
sh "$here/../host/run.sh" "$host" "$job" "${HOST_BENCH_TIMEOUT:-3000}" || {
	cat "$job/out/serve"
	exit 1
}
column() { cut -d' ' -f"$1" "$job/out/times" | median; }
ours=$(column 1) theirs=$(column 2) warm=$(column 3)
echo "in the test host, in turns, median of ${N:-8}:"
printf '%-58s %12s\n' "sandbox run --cold -- true: wall (us)" "$ours" \
	"qemu -M microvm, same kernel, to init and out: wall (us)" "$theirs" \
	"ratio, ours to QEMU's" "$(ratio "$ours" "$theirs")" \
	"sandbox run -- true, from its template: wall (us)" "$warm" \
	"ratio, warm to QEMU's" "$(ratio "$warm" "$theirs")" \
	"ratio, warm to cold" "$(ratio "$warm" "$ours")"
echo "there, too:"
cat "$job/out/serve"
jq --argjson a "$ours" --argjson b "$theirs" --argjson c "$warm" \
	--slurpfile calls "$job/out/serve.json" '. + {host_run_us: $a, host_microvm_us: $b, host_warm_us: $c} +
	($calls[0] | with_entries(.key = "host_" + .key))' "$json" > "$json.new"
mv "$json.new" "$json"
