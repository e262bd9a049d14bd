#!/bin/sh
# host.sh BUILD_DIR JSON_FILE - in the test host (hardware-like KVM): `sandbox run -- true`
# and `qemu -M microvm` booting the same kernel to the same agent's first act, in turns.
# The figure is their ratio; the times themselves are those of an emulated processor.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../host/stage.sh"
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
for i in \$(seq ${N:-8}); do
	a=\$(us); ./sandbox run -- true; b=\$(us)
	qemu-system-x86_64 -M microvm,x-option-roms=off,pic=off,pit=off,rtc=off,isa-serial=off \\
		-cpu host -enable-kvm -m 128 -nodefaults -no-user-config -nographic -no-reboot \\
		-kernel vmlinux-up -initrd /job/reboot.cpio -append 'quiet reboot=t panic=-1 tsc=reliable'
	c=\$(us)
	echo "\$((b - a)) \$((c - b))" >> /job/out/times
done
END
sh "$here/../host/run.sh" "$host" "$job" 900
median() { cut -d' ' -f"$1" "$job/out/times" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
ours=$(median 1) theirs=$(median 2)
echo "in the test host, in turns, median of ${N:-8}:"
printf '%-58s %12s\n' "sandbox run -- true: wall (us)" "$ours" \
	"qemu -M microvm, same kernel, to init and out: wall (us)" "$theirs" \
	"ratio, ours to QEMU's" "$(awk "BEGIN { printf \"%.2f\", $ours / $theirs }")"
jq --argjson a "$ours" --argjson b "$theirs" '. + {host_run_us: $a, host_microvm_us: $b}' "$json" > "$json.new"
mv "$json.new" "$json"
