#!/bin/sh
# build.sh OUTDIR - a complete KVM host for any machine: Debian's stock kernel with kvm-amd
# on the AMD SVM that QEMU emulates, booted once and saved, so that run.sh can go on from there.
#
# Left in OUTDIR: root.ext4 initrd ram state (the host), vmlinuz and modules/RELEASE (its
# kernel, for guests as well).  What is up to date is not made again.  Needs mmdebstrap,
# qemu-system-x86 and e2fsprogs; root, or an account that mmdebstrap can work with.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/qemu.sh"
[ $# -eq 1 ] || { echo "usage: build.sh OUTDIR" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)

# One build at a time; who comes second finds everything done.
[ -n "${HOST_LOCKED:-}" ] || HOST_LOCKED=1 exec flock -o "$out/lock" sh "$0" "$out"

say() { echo "test host: $*"; }
die() { echo "test host: $*" >&2; exit 1; }

# The machine's own sources of Debian packages, whatever files they are written in.
sources() {
	key=/usr/share/keyrings/debian-archive-keyring.gpg
	[ -e $key ] && key="[signed-by=$key] " || key=
	apt-get indextargets --format "deb $key\$(REPO_URI) \$(RELEASE) \$(COMPONENT)" \
		'Created-By: Packages' 'Origin: Debian'
}

# Packages are unpacked, not configured: that, and no copy on the way, is most of the speed.
make_root() {
	say "unpacking Debian's cloud kernel and what tests need"
	rm -rf "$out/modules" "$out"/*.stamp
	sources > "$out/sources.list"
	[ -s "$out/sources.list" ] || die "apt knows no Debian archive here: apt-get update"
	mmdebstrap --quiet --variant=extract --skip=chroot/mount \
		--include="$(tr '\n' ' ' < "$here/image/packages")" \
		--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
		--extract-hook='mkdir "$1/host-image"' \
		--extract-hook="sync-in '$here/image' /host-image" \
		--extract-hook="$(cat "$here/image/make.sh")" \
		--extract-hook="sync-out /out '$out'" \
		"" /dev/null "$out/sources.list" > "$out/root.log" 2>&1 < /dev/null ||
		{ tail -n 20 "$out/root.log" >&2; die "mmdebstrap failed, see $out/root.log"; }
	mkdir "$out/modules"
	tar -xf "$out/modules.tar" -C "$out/modules"
	rm "$out/modules.tar"
}

# A work directory for one boot.  QEMU opens an absent file behind a link forever, so
# everything it is given exists before.
make_work() {
	work=$(mktemp -d "$out/boot.XXXXXX")
	rm -f "$out/ram" "$out/state"
	truncate -s $HOST_MEMORY "$out/ram"
	truncate -s $JOB_SIZE "$work/job.img"
	for file in vmlinuz initrd root.ext4 ram; do
		ln -s "../$file" "$work/$file"
	done
	for file in stdout stderr results; do
		ln -s /dev/null "$work/$file"
	done
}

# Memory in the file ram, the rest of the machine in state.  It is saved running, so it
# runs as soon as it is restored.
save() {
	qmp_ignore_shared
	qmp '{"execute": "migrate", "arguments": {"uri": "exec:cat > ../state"}}'
	until case $answer in *'"status": "completed"'*) ;; *) false ;; esac; do
		case $answer in *'"status": "failed"'*) die "QEMU could not save the host" ;; esac
		sleep 0.1
		qmp '{"execute": "query-migrate"}'
	done
}

make_state() {
	say "booting it once and saving that"
	make_work
	launcher='timeout 120'
	trap 'kill $qemu 2> /dev/null || true; rm -rf "$work"' EXIT
	host_start "$work" on || { cat "$work/qemu.log" >&2; die "QEMU did not start"; }
	read -r word <&6 || true
	[ "$word" = ready ] || { tail "$work/console.log" >&2; die "the host did not boot"; }
	sleep 0.5		# until its pid 1 sleeps, too
	save
	host_quit
}

# step NAME SUM FUNCTION: unless it was done with the same inputs.
step() {
	[ "$(cat "$out/$1.stamp" 2> /dev/null)" = "$2" ] && return
	for tool in mmdebstrap qemu-system-x86_64; do
		command -v $tool > /dev/null ||
			die "$tool is missing: apt-get install mmdebstrap qemu-system-x86 e2fsprogs"
	done
	$3
	echo "$2" > "$out/$1.stamp"
}

qemu=
started=$(date +%s)
step root "$(cat "$here"/image/* | cksum)" make_root
step state "$(cat "$here"/image/* "$here/qemu.sh" | cksum) $(qemu-system-x86_64 --version | head -n 1)" \
	make_state
say "ready after $(($(date +%s) - started)) s"
