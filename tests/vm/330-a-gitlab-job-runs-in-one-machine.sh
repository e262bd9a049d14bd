# The test plays the part of gitlab-runner, which calls config, prepare, run for each stage, and cleanup.
. "$(dirname "$0")/living.sh"
executor=$(realpath "$(dirname "$0")/../../contrib/gitlab-runner")
export SANDBOX_SETTINGS=$T/settings
mkdir "$T/images"
ln -s "$BUILD/base.erofs" "$T/images/base.img"
cat > "$SANDBOX_SETTINGS" <<END
SANDBOX='$SANDBOX'
SANDBOX_OPTIONS=
SANDBOX_IMAGES='$T/images'
END
export BUILD_FAILURE_EXIT_CODE=71 SYSTEM_FAILURE_EXIT_CODE=72 BUILD_EXIT_CODE_FILE=$T/code
export CUSTOM_ENV_CI_JOB_ID=42 CUSTOM_ENV_SANDBOX_MACHINE=not-this-one

# A job's first step: what config says, checked as the runner does, and its job_env for the others.
begin() {
	unset SANDBOX_MACHINE
	status 0 "$executor/config.sh" > "$T/config"
	jq -e '.builds_dir == "/builds" and .cache_dir == "/cache" and .driver.name == "sandbox" and
		(.driver.version | length > 0)' "$T/config" > "$T/o" || fail "config: $(cat "$T/config")"
	SANDBOX_MACHINE=$(jq -r .job_env.SANDBOX_MACHINE "$T/config")
	export SANDBOX_MACHINE
}
# stage WANT NAME: its script on stdin.
stage() {
	cat > "$T/script"
	rm -f "$T/code"
	"$executor/run.sh" "$T/script" "$2" > "$T/out" 2> "$T/err"
	equal "$?" "$1" "stage $2: $(cat "$T/out" "$T/err")"
}

begin
first=$SANDBOX_MACHINE
status 0 env CUSTOM_ENV_CI_JOB_IMAGE=base "$executor/prepare.sh" > "$T/out"
equal "$("$SANDBOX" ps | grep -c "^$first *running")" 1 "machines of the job"
stage 0 prepare_script <<'END'
set -e
echo "on $(hostname)"; mkdir -p /builds/group/project /cache/group/project
END
grep -q '^on sandbox$' "$T/out" || fail "prepare_script said: $(cat "$T/out")"
stage 0 get_sources <<'END'
set -e
cd /builds/group/project
printf 'all: out\nout: in\n\ttr a-z A-Z < in > out\n' > Makefile; echo text > in
END
stage 0 restore_cache <<'END'
tar xf /cache/group/project/key.tar 2> /dev/null || echo "no cache"
END
equal "$(cat "$T/out")" "no cache" "the cache of a new machine"
# It reads stdin, and the rest of the script is not that.
stage 0 build_script <<'END'
set -e
cd /builds/group/project
cat
tr a-z A-Z < in > out; echo built
END
equal "$(cat "$T/out")" built "what the build said"
stage 0 archive_cache <<'END'
cd /builds/group/project && tar cf /cache/group/project/key.tar out
END
stage 0 restore_cache <<'END'
cd /tmp && tar xf /cache/group/project/key.tar && cat out
END
equal "$(cat "$T/out")" TEXT "what an earlier stage of the job has kept"
stage 0 upload_artifacts_on_success <<'END'
cat /builds/group/project/out
END
equal "$(cat "$T/out"),$(ls "$T/code" 2> /dev/null)" TEXT, "an artifact"
stage 71 after_script <<'END'
exit 125
END
equal "$(cat "$T/code")" 125 "the code of a script that fails like we do"
stage 71 after_script <<'END'
kill -9 $$
END
equal "$(cat "$T/code")" 137 "the code of a script that was killed"

# Cancelled.
echo 'trap "echo told; exit 9" TERM; echo begun; while :; do sleep 0.1; done' > "$T/script"
"$executor/run.sh" "$T/script" build_script > "$T/out" 2> "$T/err" &
run=$!
for _ in $(seq 100); do grep -q begun "$T/out" && break; sleep 0.1; done
kill -TERM $run
wait $run
equal "$?,$(tail -1 "$T/out"),$(cat "$T/code")" 71,told,9 "a stage that is cancelled"

# Another job at the same time has a machine of its own, and is not in this one's way.
begin
[ "$SANDBOX_MACHINE" != "$first" ] || fail "two jobs with one name"
status 0 "$executor/prepare.sh" > "$T/out"
stage 0 get_sources <<'END'
ls /builds/group 2> /dev/null || echo "nothing here"
END
equal "$(cat "$T/out")" "nothing here" "what one job sees of another"
# Prepared again, as after a failure; then its machine is lost: that is not the job's fault.
status 0 "$executor/prepare.sh" > "$T/out"
"$SANDBOX" kill "$SANDBOX_MACHINE"
"$SANDBOX" wait "$SANDBOX_MACHINE"
stage 72 build_script < /dev/null
equal "$(ls "$T/code" 2> /dev/null)" "" "no code of a job that did not run"
status 0 "$executor/cleanup.sh"

# One that uses up its machine's time has failed by itself.
sed -i 's/^SANDBOX_OPTIONS=.*/SANDBOX_OPTIONS="--cpu-seconds 4"/' "$SANDBOX_SETTINGS"
begin
status 0 "$executor/prepare.sh" > "$T/out"
stage 71 build_script <<'END'
while :; do :; done
END
equal "$(cat "$T/code")" 152 "its code"
status 0 "$executor/cleanup.sh"

# Images are the operator's; what a job says of them is checked.
begin
for image in ../images/base .hidden 'a b' '$(id)' none; do
	env CUSTOM_ENV_CI_JOB_IMAGE="$image" "$executor/prepare.sh" > "$T/out" 2> "$T/err"
	equal "$?" 71 "image $image: $(cat "$T/err")"
done
status 72 env SANDBOX_MACHINE='x; id' "$executor/prepare.sh" 2> "$T/err"

status 0 env SANDBOX_MACHINE="$first" "$executor/cleanup.sh"
status 0 env SANDBOX_MACHINE="$first" "$executor/cleanup.sh"
equal "$(ls "$T/sandbox" 2> /dev/null)" "" "what is left of all jobs"
