. "$(dirname "$0")/lib.sh"
cd "$T"
mkdir -p proj/src proj/build proj/old proj/.git/hooks
echo 'secret = 1' > proj/.env; echo '[core]' > proj/.git/config; echo ref > proj/.git/HEAD
echo build/ > proj/.gitignore; echo mine > proj/build/x
echo one > proj/src/a; echo two > proj/src/b; echo three > proj/old/c; echo same > proj/same

"$SANDBOX" run --workspace proj -- sh -ec '
	pwd; find . ! -type d | sort; echo 1 > src/a; rm src/b; rm -r old; mkdir new; echo 4 > new/d' > out 2> err
equal "$(tr '\n' ' ' < out)" "/work ./.git/HEAD ./.gitignore ./old/c ./same ./src/a ./src/b " "what went in"
equal "$(cat proj/src/a)" one "the host's own"
equal "$(tar tf proj.changes.tar | grep -v '/$' | sort | tr '\n' ' ')" "./.wh.old ./new/d ./src/.wh.b ./src/a " "the tar file"
equal "$(tar xOf proj.changes.tar ./src/a)" 1 "what is in it"

status 3 "$SANDBOX" run --workspace proj --apply -- sh -c '
	echo 1 > src/a; rm src/b; rm -r old; mkdir new; echo 4 > new/d; rm -r src2; mkdir -p .git/hooks
	echo evil > .git/config; echo evil > .git/hooks/post-checkout; ln -s /etc/passwd out; exit 3' 2> err
equal "$(cd proj && find . ! -type d | sort | tr '\n' ' ')" \
	"./.env ./.git/HEAD ./.git/config ./.gitignore ./build/x ./new/d ./same ./src/a " "what is there after"
equal "$(cat proj/src/a proj/.git/config | tr '\n' ' ')" "1 [core] " "what is in it"
grep -q "not written back" err || fail "not said what was withheld: $(cat err)"
[ ! -e proj/.git/hooks/post-checkout ] || fail "a hook was written"

refused "proj/same: Not a directory" "$SANDBOX" run --workspace proj/same -- true
refused "cannot write into" "$SANDBOX" run --workspace none -- true
refused "no --workspace" "$SANDBOX" run --apply -- true
