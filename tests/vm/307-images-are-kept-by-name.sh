. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/roots.sh"
image="$SANDBOX image"
tar_of "$T/root" > "$T/a.tar"
echo b > "$T/root/etc/b"; tar_of "$T/root" > "$T/b.tar"
a=$($image build -t one "$T/a.tar"); b=$($image build "$T/b.tar")
[ "$a" != "$b" ] || fail "two tars, one image"
equal "$($image ls | awk '{ print $4 $5 }' | sort)" "$(printf '%s\n' "${a}one" "$b" | sort)" ls
$image build -t two:1.0 "$T/a.tar" > /dev/null
$image build -t one "$T/b.tar" > /dev/null		# the name moves on
equal "$($image inspect one | jq -r .id)" "$b" "the name's image"
equal "$($image inspect "$a" | jq -r .source)" "$(realpath "$T/a.tar")" "the image's source"
$image rm one; $image rm two:1.0
equal "$(images)" "" "after the last names"
i=$($image import -t base "$BUILD/base.erofs") || fail "import: $?"
cmp "$BUILD/base.erofs" "$XDG_DATA_HOME/sandbox/images/$i.img" || fail "the copy differs"
equal "$("$SANDBOX" run --cold --root base -- echo from a name)" "from a name" output
"$SANDBOX" run --explain --root "$i" -- true > /dev/null || fail "by ID: $?"
refused "already" $image build "$BUILD/base.erofs"
refused "build" $image import "$T/a.tar"
refused "gone" $image rm gone
refused "gone" $image inspect gone
refused "name" $image build -t ../x "$T/a.tar"
refused "size" $image build --max-size much "$T/a.tar"
status 125 $image frobnicate 2> /dev/null
HOME= XDG_DATA_HOME= refused XDG_DATA_HOME $image ls
