. "$(dirname "$0")/lib.sh"
cd "$T"
# The machine ends in the middle of one; the one before is whole, and stays.
"$SANDBOX" run --cold --user root --memory 512M --output first --output big -- sh -c '
	echo whole > first; mkdir big; for i in 1 2 3; do head -c 30000000 /dev/zero > big/$i; done
	(sleep 1; reboot -f) > /dev/null 2>&1 &' 2> err
equal $? 125 "the status"
equal "$(wc -l < err)" 1 "lines: $(cat err)"
[ ! -e big ] || fail "there is half an output"
equal "$(ls -A | grep -c sandbox)" 0 "what was half made"

# The host's disk is full.
mkdir small
mount -t tmpfs -o size=1m none small 2> /dev/null || exit 0
trap 'umount "$T/small"; rm -rf "$T"' EXIT
refused "No space left on device" "$SANDBOX" run --output big:small/big -- sh -c 'head -c 3000000 /dev/zero > big'
equal "$(ls -A small)" "" "what was half made"
refused "No space left on device" env TMPDIR="$T/small" "$SANDBOX" run --copy-in "$BUILD/base.erofs" --copy-in "$BUILD/base.erofs:2" -- true
