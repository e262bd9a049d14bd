#!/bin/sh
# cleanup.sh - cleanup_exec: the machine ends, and with it all that the job has left.
. "$(dirname "$0")/common.sh"
machine=$(machine) || exit
"$SANDBOX" kill "$machine" 2> /dev/null
"$SANDBOX" wait "$machine" 2> /dev/null
"$SANDBOX" gc "$machine" > /dev/null
exit 0
