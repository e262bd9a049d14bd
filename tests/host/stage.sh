# stage.sh - sourced: what a job needs to run the built sandbox in the test host.

# stage_build BUILD_DIR JOBDIR: the programs and images, as JOBDIR/build/NAME like here.
stage_build() {
	stage=$2/build/$(basename "$1")
	mkdir -p "$stage"
	for file in sandbox sandbox-jailer sandbox-vmm sandbox-http sandbox-net sandbox-names sandbox-pack init.cpio vmlinux vmlinux-up base.erofs sandbox.1; do
		[ ! -e "$1/$file" ] || cp "$1/$file" "$stage"
	done
}

# quoted WORD...: lines of shell that continue a command with these very words.
quoted() {
	for word in "$@"; do
		printf '%s\n' "$word" | sed "s/'/'\\\\''/g; 1s/^/ '/; \$s/\$/' \\\\/"
	done
	echo
}
