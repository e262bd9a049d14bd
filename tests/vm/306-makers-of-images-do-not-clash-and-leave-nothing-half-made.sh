# alone
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/roots.sh"
store=$XDG_DATA_HOME/sandbox/images
for i in $(seq 20); do head -c 2000000 /dev/urandom > "$T/root/etc/$i"; done
tar_of "$T/root" > "$T/root.tar"

# Four at once make one image.
for i in 1 2 3 4; do "$SANDBOX" image build -t "n$i" "$T/root.tar" > "$T/id.$i" & done
wait
equal "$(sort -u "$T"/id.? | wc -l)" 1 "IDs of one tar"
equal "$(images | wc -l)" 1 "images of one tar"
equal "$("$SANDBOX" image ls | awk '{ print $5, $6, $7, $8 }' | tr ' ' '\n' | sort | tr '\n' ' ')" "n1 n2 n3 n4 " names

# Once more, from nothing: the same bytes.
first=$(images | xargs sha256sum | cut -c 1-64)
for i in 1 2 3 4; do "$SANDBOX" image rm "n$i" || fail "rm n$i"; done
equal "$(images)" "" "after the last name"
"$SANDBOX" image build "$T/root.tar" > /dev/null
equal "$(images | xargs sha256sum | cut -c 1-64)" "$first" "the image made again"
"$SANDBOX" image rm "$(cat "$T/id.1")"

# A directory that changes is another image; one that does not is the same.
a=$("$SANDBOX" image build "$T/root"); b=$("$SANDBOX" image build "$T/root")
equal "$b" "$a" "an unchanged directory's ID"
echo more >> "$T/root/etc/1"
[ "$("$SANDBOX" image build "$T/root")" != "$a" ] || fail "a changed directory is the same image"
rm -rf "$store"

# killed in the middle of it: nothing, and nobody goes on.
for ms in 05 10 20 40; do
	"$SANDBOX" image build "$T/root.tar" > /dev/null & pid=$!
	sleep 0.$ms
	kill -9 $pid 2> /dev/null; wait $pid 2> /dev/null
	for _ in $(seq 50); do pgrep -x sandbox-pack > /dev/null || break; sleep 0.1; done
	pgrep -x sandbox-pack > /dev/null && fail "sandbox-pack goes on"
	equal "$(find "$store" -name '*.tmp')" "" "left behind"
done
"$SANDBOX" image build "$T/root.tar" > /dev/null || fail "after that: $?"
equal "$(cd "$store" && find . -type f | sed 's/.*\.//' | sort | tr '\n' ' ')" "img json " "files after that"
rm -rf "$store"

# No room.
if [ "$(id -u)" -eq 0 ]; then
	mkdir "$T/small"
	mount -t tmpfs -o size=8m tmpfs "$T/small" || skip "no tmpfs"
	XDG_DATA_HOME=$T/small
	refused "No space left" "$SANDBOX" image build "$T/root.tar"
	refused "No space left" "$SANDBOX" image build "$T/root"
	left=$(find "$T/small" -type f; df --output=used "$T/small" | tail -n 1)
	umount "$T/small"
	[ "$left" -lt 100 ] 2> /dev/null || fail "left on the full disk: $left"
fi
exit 0
