# not-in-host: mmdebstrap and its mirror
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/roots.sh"
command -v mmdebstrap > /dev/null || skip "no mmdebstrap"
rm -rf "$T/root"
mmdebstrap --quiet --variant=apt bookworm "$T/debian.tar" > "$T/log" 2>&1 ||
	skip "mmdebstrap has no mirror: $(tail -n 1 "$T/log")"
out=$("$SANDBOX" run --root "$T/debian.tar" -- apt-get --version) || fail "apt-get: $?"
case $out in apt\ 2.*) ;; *) fail "output: $out" ;; esac
"$SANDBOX" run --root "$T/debian.tar" --result "$T/r" -- sh -c '. /etc/os-release; echo $ID; stat -c %a /usr/bin/su' > "$T/out" 2> "$T/err"
equal "$(cat "$T/out")" "debian
4755" "in the second run"
equal "$(cat "$T/err")" "" "the second run makes nothing"
equal "$(images | wc -l)" 1 "images"
