# not-in-host: a compiler
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/roots.sh"
command -v musl-gcc > /dev/null || skip "no musl-gcc: install musl-tools"
cat > "$T/hello.c" <<'END'
#include <stdio.h>
int main(void) { return puts("hello from musl") < 0; }
END
musl-gcc -o "$T/root/bin/hello" "$T/hello.c" || fail "musl-gcc"
loader=$(readelf -l "$T/root/bin/hello" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
[ "$loader" ] || fail "hello asks for no loader"
mkdir -p "$T/root$(dirname "$loader")"
cp -L "$loader" "$T/root$loader"
tar_of "$T/root" | xz -0 > "$T/musl.tar.xz"
equal "$("$SANDBOX" run --cold --root "$T/musl.tar.xz" -- hello)" "hello from musl" output
