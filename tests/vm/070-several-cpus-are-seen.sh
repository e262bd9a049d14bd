. "$(dirname "$0")/lib.sh"
equal "$("$SANDBOX" run --cpus "${CPUS:-2}" -- nproc)" "${CPUS:-2}" nproc
