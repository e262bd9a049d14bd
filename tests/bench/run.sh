#!/bin/sh
# run.sh BUILD_DIR [JSON_FILE] - what a run costs: a table on stdout, JSON in the file
# (BUILD_DIR/bench.json).  Medians of $N runs; one machine, one moment: compare rows of one
# table, not tables of two days.
set -eu
build=$1 json=${2:-$1/bench.json}
n=${N:-10}
here=$(dirname "$0")
t=$(mktemp -d); trap 'rm -rf "$t"' EXIT

. "$here/lib.sh"
of() { cat "$t"/r.* | jq "$1" | median; }
with() { cat "$t/$1".* | jq "$2" | median; }
warm() { with w "$1"; }

# The same programs with an init that resets the machine, which is the end of the run.
mkdir "$t/bare"
cp "$build/sandbox" "$build/sandbox-jailer" "$build/sandbox-vmm" "$t/bare"
ln -s "$(realpath "$build/vmlinux-up")" "$(realpath "$build/base.erofs")" "$t/bare"
musl-gcc -static -O2 -o "$t/reset" "$here/reset.c"
sh "$here/../../rootfs/mkinitrd.sh" "$t/reset" "$t/bare/init.cpio"

"$build/sandbox" run -- true 2> /dev/null		# the template is there
for i in $(seq "$n"); do
	"$build/sandbox" run --cold --result "$t/r.$i" -- true
	"$t/bare/sandbox" run --cold --result "$t/bare.$i" -- true 2> /dev/null || true
	"$build/sandbox" run --result "$t/w.$i" -- true
	"$build/sandbox" run --prefault --result "$t/prefault.$i" -- true
	"$build/sandbox" run --huge-pages --result "$t/huge-pages.$i" -- true
done
kvm=$(jq -r .kvm "$t/r.1")
echo "sandbox run --cold -- true, median of $n, $kvm KVM"
row start_cpu_us	"exec to first KVM_RUN: CPU, all processes (us)" "$(of \
	'.cpu_us | .runner_start + .jailer + .vmm_start - .memory_region_cpu')" "without KVM_SET_USER_MEMORY_REGION"
row start_runner_us	"  of it the runner" "$(of .cpu_us.runner_start)" ""
row start_jailer_us	"  of it the jailer" "$(of .cpu_us.jailer)" ""
row start_vmm_us	"  of it the monitor" "$(of '.cpu_us | .vmm_start - .memory_region_cpu')" ""
row memory_region_us	"KVM_SET_USER_MEMORY_REGION, wall (us)" "$(of .cpu_us.memory_region)" "its CPU is not counted above"
row start_wall_us	"exec to first KVM_RUN: wall (us)" "$(of '.phases_us | .spec + .jail + .vmm')" ""
row boot_wall_us	"first KVM_RUN to the agent's first word: wall (us)" "$(of .phases_us.boot)" ""
row total_wall_us	"whole run: wall (us)" "$(of .phases_us.total)" ""
if [ "$kvm" = software ]; then
	row init_instructions "guest kernel instructions to init" "$(with bare .counters.insn_emulation)" "emulated one by one"
	row agent_instructions "  to the agent's first word, the root mounted" "$(of .counters.insn_to_agent)" ""
fi

echo "sandbox run -- true, from its template, in turns with the above"
row warm_cpu_us		"exec to first KVM_RUN: CPU, all processes (us)" "$(warm \
	'.cpu_us | .runner_start + .jailer + .vmm_start - .memory_region_cpu')" "without KVM_SET_USER_MEMORY_REGION"
row warm_start_wall_us	"exec to first KVM_RUN: wall (us)" "$(warm '.phases_us | .spec + .jail + .vmm')" ""
row warm_create_vm_us	"  of it KVM_CREATE_VM" "$(warm .cpu_us.create_vm)" ""
row warm_memory_region_us "  of it KVM_SET_USER_MEMORY_REGION" "$(warm .cpu_us.memory_region)" ""
start='.phases_us.vmm - .cpu_us.create_vm - .cpu_us.memory_region'
row warm_vmm_us		"exec of the monitor to first guest instruction (us)" "$(warm "$start")" "wall, beyond the two"
row warm_total_us	"whole run: wall (us)" "$(warm .phases_us.total)" ""
[ "$kvm" = software ] &&
	row warm_instructions "guest kernel instructions, whole run" "$(warm .counters.insn_emulation)" "emulated one by one"

for how in prefault huge-pages; do
	row "warm_${how}_vmm_us" "with --$how: monitor to first instruction (us)" "$(with $how "$start")" ""
	row "warm_${how}_total_us" "  whole run: wall (us)" "$(with $how .phases_us.total)" ""
done

# The monitor's memory besides guest RAM, while the guest idles: all private pages of all
# mappings but those that KVM has as guest memory, which are the ones marked dd (no dump).
"$build/sandbox" run --cold -- sleep 20 & pid=$!
sleep "${SETTLE:-8}"
vmm=$(pgrep -x sandbox-vmm | head -n 1)
row private_kib "monitor: private memory beyond guest RAM (KiB)" "$(awk '
	/^Private_(Clean|Dirty):/ { kib += $2 }
	/^VmFlags:/ { if (!/ dd( |$)/) sum += kib; kib = 0 }
	END { print sum + 0 }' "/proc/$vmm/smaps")" ""
kill -TERM $pid; wait $pid || true

"$build/sandbox" run --explain -- true > "$t/plan"
calls() { sed -n "/^$1:/,/^$/p" "$t/plan" | awk '/^  / { print $1 }' | sort -u; }
row union_calls "system calls allowed after lock_down(), all threads" \
	"$( { calls loop; calls blk; calls vcpu; } | sort -u | wc -l)" ""
row vcpu_calls "  a vcpu thread" "$(calls vcpu | wc -l)" ""

rm -f "$json"
save "$json"
[ -n "${NO_MANY:-}" ] || for many in image mounts copy clones density serve; do sh "$here/$many.sh" "$build" "$json"; done
echo "as JSON: $json"
[ -z "${NO_HOST:-}" ] && exec sh "$here/host.sh" "$build" "$json"
