# Twice is enough for an hour: the run says why it boots, and how to have it tried again.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || skip "needs root, for a cache that is too small"
if [ "${1:-}" != apart ]; then
	unshare -m sh "$0" apart
	exit
fi
mkdir "$T/cache"
export XDG_CACHE_HOME=$T/cache
mount -t tmpfs -o size=4M none "$T/cache" || skip "no mount"
trap 'umount "$T/cache"; rm -rf "$T"' EXIT

# again TEXT: a run that boots, and says that: whether saving was tried, and what came of it.
again() {
	status 5 "$SANDBOX" run --result "$T/r" -- sh -c 'exit 5' 2> "$T/err"
	equal "$(result "$T/r" .start)" cold "how it starts"
	grep -q "^sandbox: no warm start: $1" "$T/err" || fail "'$(cat "$T/err")' does not say '$1'"
}
again "no template could be made: .*No space left"
again "no template could be made: .*No space left"
again "saving this machine failed again and again: .*No space left.*sandbox cache rm"
touch -d "2 hours ago" "$T"/cache/sandbox/*.failed
again "no template could be made: .*No space left"
equal "$(ls "$T/cache/sandbox" | grep -c '\.failed$')" 1 "notes of failures"
"$SANDBOX" cache rm > /dev/null
equal "$(ls "$T/cache/sandbox" | grep -c failed)" 0 "notes that cache rm leaves"
