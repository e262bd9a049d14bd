. "$(dirname "$0")/lib.sh"
cd "$T"
export XDG_CACHE_HOME=$T/cache
echo first > a; echo second > b
equal "$("$SANDBOX" run --copy-in a:x --result 1.json -- cat x 2> err)" first "the first run's file"
grep -q "first run of this machine" err || fail "no template was made"
equal "$(result 1.json .start)" warm "how the first run started"
equal "$("$SANDBOX" run --copy-in b:x --result 2.json -- cat x)" second "the second run's file"
equal "$(result 2.json .start)" warm "how the second run started"
equal "$(ls cache/sandbox/*.snap | wc -l)" 1 "templates"
head -c 2M /dev/urandom > large
equal "$("$SANDBOX" run --copy-in large -- sha256sum large | cut -c 1-64)" "$(sha256sum large | cut -c 1-64)" "a larger one"
