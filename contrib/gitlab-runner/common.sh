# common.sh - what the four steps of the executor share.  $SANDBOX_SETTINGS, or the file `settings`
# beside this one, is the operator's and may set:
SANDBOX=sandbox			# the program
SANDBOX_OPTIONS="--memory 2G --cpus 2"	# of `sandbox run`, for every job
SANDBOX_USER=root		# who a job is in its machine
SANDBOX_IMAGES=			# a directory: a job's `image: NAME` is NAME.img in it; else only the default
SANDBOX_JOB_TIME=4h		# the longest that a machine lives, should its cleanup never come

settings=${SANDBOX_SETTINGS:-$(dirname "$0")/settings}
[ ! -r "$settings" ] || . "$settings"

# Ours, not the job's.
system_failure() {
	echo "sandbox: $*" >&2
	exit "${SYSTEM_FAILURE_EXIT_CODE:-2}"
}

build_failure() {
	[ -z "${BUILD_EXIT_CODE_FILE:-}" ] || printf '%s' "$1" > "$BUILD_EXIT_CODE_FILE"
	exit "${BUILD_FAILURE_EXIT_CODE:-1}"
}

# config.sh has chosen it, as a variable of the executor that no job can set: a job's own all have
# CUSTOM_ENV_ in front.
machine() {
	case ${SANDBOX_MACHINE:-} in
	''|*[!A-Za-z0-9-]*) system_failure "no SANDBOX_MACHINE from the config step: is config_exec set?" ;;
	esac
	echo "$SANDBOX_MACHINE"
}
