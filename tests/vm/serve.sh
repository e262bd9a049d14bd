# serve.sh - sourced by tests of `sandbox serve`, after lib.sh.  $T/config is its file, in which
# SOCKET stands for the socket.
command -v curl > /dev/null || skip "curl"

serve=
trap 'kill -9 $serve 2> /dev/null; rm -rf "$T"' EXIT

serve() {
	sed -i "s|SOCKET|$T/socket|" "$T/config"
	"$SANDBOX" serve --config "$T/config" 2> "$T/log" & serve=$!
	for _ in $(seq 600); do grep -q 'functions\? at' "$T/log" && return; sleep 0.1; done
	fail "it does not serve: $(cat "$T/log")"
}

# call NAME CURL-OPTION...: the answer's body to stdout and $T/out, its head to $T/head.
call() {
	name=$1; shift
	curl -s --unix-socket "$T/socket" -H Expect: -D "$T/head" "$@" "http://x/v1/functions/$name" > "$T/out" &&
		cat "$T/out"
}
# aside NAME CURL-OPTION...: a call beside others; the answer's body to stdout only.
aside() {
	name=$1; shift
	curl -s --unix-socket "$T/socket" "$@" "http://x/v1/functions/$name"
}
get() { curl -s --unix-socket "$T/socket" -D "$T/head" -o "$T/out" "http://x/$1"; }
header() { sed -n "s/^$1: //p" "$T/head" | tr -d '\r'; }

# expect NAME STATUS CODE REASON CURL-OPTION...
expect() {
	expected="$2 $3 $4"; called=$1
	shift 4
	call "$called" "$@" > "$T/unused" || fail "$called: no answer"
	equal "$(sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p' "$T/head" | tail -n 1) $(header X-Sandbox-Exit-Code) $(header X-Sandbox-Reason)" \
		"$expected" "status, code, reason of $called ($(head -c 200 "$T/out"))"
}

# reload PATTERN: what it says of it
reload() {
	n=$(wc -l < "$T/log")
	kill -HUP "$serve"
	for _ in $(seq 300); do
		tail -n "+$((n + 1))" "$T/log" | grep -q "$1" && return
		sleep 0.1
	done
	fail "after SIGHUP: $(tail -n "+$((n + 1))" "$T/log")"
}
