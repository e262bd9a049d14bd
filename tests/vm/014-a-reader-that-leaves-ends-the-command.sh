. "$(dirname "$0")/lib.sh"
out=$(timeout 60 "$SANDBOX" run -- yes | head -n 2) || fail "did not end"
equal "$(echo "$out" | tr '\n' ' ')" "y y " "first lines"
