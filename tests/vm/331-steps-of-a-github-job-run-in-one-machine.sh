# The test plays the part of the runner: a file for each step, and the shell of the step with it.
. "$(dirname "$0")/living.sh"
export GITHUB_RUN_ID=77 GITHUB_RUN_ATTEMPT=2 GITHUB_WORKSPACE=$T/work SANDBOX_OPTIONS="--pids 200"
shell=$(realpath "$(dirname "$0")/../../contrib/github/sandbox-step")
mkdir -p "$T/bin" "$T/work/.git"
ln -s "$SANDBOX" "$T/bin/sandbox"
PATH=$T/bin:$PATH
echo hello > "$T/work/in"; echo secret > "$T/work/.git/config"
# step WANT: its script on stdin, what it prints in $T/out.
step() {
	cat > "$T/step"
	"$shell" "$T/step" > "$T/out" 2> "$T/err"
	equal "$?" "$1" "a step: $(cat "$T/out" "$T/err")"
}
step 0 <<'END'
tr a-z A-Z < in > out
cat
ls .git
id -u
END
equal "$(cat "$T/out")" 1000 "what the first step sees: no stdin, no credentials"
step 0 <<'END'
cat out
END
equal "$(cat "$T/out")" HELLO "what the second step finds of the first"
step 3 <<'END'
echo before
(exit 3)
echo not reached
END
equal "$(cat "$T/out")" before "a step that fails in its middle"
equal "$(sandbox ps | grep -c '^github-77-2 ')" 1 "machines of the job"
ls "$T/work/out" 2> /dev/null && fail "a file came out"
sandbox kill github-77-2
