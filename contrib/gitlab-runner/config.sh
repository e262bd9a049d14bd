#!/bin/sh
# config.sh - config_exec: where a job's files are in its machine, and what the machine is called.
. "$(dirname "$0")/common.sh"
random=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
[ ${#random} -eq 16 ] || system_failure "no random name"
cat <<END
{
  "builds_dir": "/builds",
  "cache_dir": "/cache",
  "builds_dir_is_shared": false,
  "driver": { "name": "sandbox", "version": "$("$SANDBOX" version | sed 's/[^A-Za-z0-9. ]//g')" },
  "job_env": { "SANDBOX_MACHINE": "gitlab-$random" }
}
END
