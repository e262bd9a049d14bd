# docs/escapes.md is typed: every command of its console blocks, in one shell; what comes is what
# stands there, where `...` is anything.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || skip "the page is written for root: run as root"
[ -x "$FAULTY" ] || skip "no test build: make FAULTS=1"
cd "$(dirname "$0")/../.."
page=docs/escapes.md
awk '/^```console/ { on = 1; next } /^```/ { on = 0 } on' "$page" > "$T/blocks"
[ "$(grep -c '^\$ ' "$T/blocks")" -gt 10 ] || fail "$page: where are its commands?"

# After each command a line says that what follows is the next one's.
sed -n 's/^\$ //p' "$T/blocks" | sed 's/$/\necho "@@@"/' > "$T/typed"
sh "$T/typed" > "$T/got" 2>&1 < /dev/null

# wanted N, got N: what command N, from 1, shall print and did print
wanted() { awk -v n="$1" '/^\$ / { i++; next } i == n' "$T/blocks"; }
got() { awk -v n="$1" 'BEGIN { i = 1 } $0 == "@@@" { i++; next } i == n' "$T/got"; }

n=0
while read -r command; do
	n=$((n + 1))
	pattern=$(wanted $n | sed 's/[][*?\\]/\\&/g; s/\.\.\./*/g')
	seen=$(got $n | grep -v 'first run of this machine')
	case $seen in
	$pattern) ;;
	*) fail "$command: $seen" ;;
	esac
done <<END
$(sed -n 's/^\$ //p' "$T/blocks")
END
