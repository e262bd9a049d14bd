# The first run of a kind of machine boots and saves it, with a line that says so.
. "$(dirname "$0")/lib.sh"
export XDG_CACHE_HOME=$T/cache
mkdir "$T/cache"
status 7 "$SANDBOX" run --result "$T/1" -- sh -c 'echo out; echo err >&2; exit 7' > "$T/out" 2> "$T/err"
equal "$(cat "$T/out")" out "stdout of the first run"
equal "$(tail -n 1 "$T/err")" err "stderr of the first run"
equal "$(grep -c '^sandbox: first run' "$T/err")" 1 "lines about the template"
status 7 "$SANDBOX" run --result "$T/2" -- sh -c 'echo out; echo err >&2; exit 7' > "$T/out" 2> "$T/err"
equal "$(cat "$T/out" "$T/err")" "out
err" "what the second run says"
equal "$(result "$T/1" .start) $(result "$T/2" .start)" "warm warm" "how they started"
equal "$(ls "$T/cache/sandbox" | grep -c '\.snap$')" 1 "templates"
equal "$(ls "$T/cache/sandbox" | grep -vc '\.snap$\|^key$')" 0 "other files"
equal "$(stat -c %a "$T/cache/sandbox" "$T/cache/sandbox/key" | paste -s -d ' ')" "700 600" "modes"
"$SANDBOX" run --cold --result "$T/3" -- true
equal "$(result "$T/3" .start)" cold "how --cold starts"
"$SANDBOX" cache ls | grep -q '\.snap$' || fail "cache ls does not list it"
equal "$("$SANDBOX" cache rm)" "1 removed" "cache rm"
equal "$(ls "$T/cache/sandbox")" key "what is left"
