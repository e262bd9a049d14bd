# host-only: software KVM cannot run a distribution's kernel
. "$(dirname "$0")/lib.sh"
out=$("$SANDBOX" run --memory 256M --kernel "$STOCK_KERNEL" --initrd "$STOCK_INITRD" -- uname -r) || fail "status $?"
case $out in *-cloud-amd64) ;; *) fail "uname: $out" ;; esac
