#!/bin/sh
# prepare.sh - prepare_exec: one machine for all stages of the job.  It waits; run.sh goes in.
. "$(dirname "$0")/common.sh"
machine=$(machine) || exit

# The job says which image, the operator which ones there are.
root=
image=${CUSTOM_ENV_CI_JOB_IMAGE:-}
if [ -n "$image" ]; then
	case $image in
	.*|*[!A-Za-z0-9._-]*) echo "image: '$image' is not the plain name of one" >&2; build_failure 1 ;;
	esac
	[ -n "$SANDBOX_IMAGES" ] || { echo "image: this runner has only its default image; leave out image" >&2; build_failure 1; }
	root=$SANDBOX_IMAGES/$image.img
	[ -r "$root" ] || { echo "image: this runner has no image '$image'" >&2; build_failure 1; }
fi

"$SANDBOX" kill "$machine" 2> /dev/null && "$SANDBOX" wait "$machine"	# of a try before this one
# shellcheck disable=SC2086 # options are words
"$SANDBOX" run --detach --name "$machine" --timeout "$SANDBOX_JOB_TIME" $SANDBOX_OPTIONS ${root:+--root "$root"} \
	-- sleep infinity &&
	"$SANDBOX" exec --user root "$machine" -- sh -c 'mkdir -p /builds /cache && chmod 1777 /builds /cache' ||
	system_failure "the machine of the job could not be started"
