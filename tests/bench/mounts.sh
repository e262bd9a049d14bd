#!/bin/sh
# mounts.sh BUILD_DIR JSON_FILE - what the jailer takes on a host with $MOUNTS (500) mounts more,
# in turns with the host as it is.
set -eu
build=$(realpath "$1") json=$2 n=${N:-10} mounts=${MOUNTS:-500}
t=$(mktemp -d)
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || { echo "the jailer with $mounts mounts more: not measured, it takes root"; exit 0; }

# A mount namespace of its own, for as long as this script runs.
mkdir "$t/m"
unshare -m sh -c 'mount --make-rprivate / &&
	for i in $(seq "$1"); do mkdir "$2/$i" && mount -t tmpfs none "$2/$i" || exit; done
	touch "$2/full"; exec sleep 100000' - "$mounts" "$t/m" & full=$!
trap 'kill $full; rm -rf "$t"' EXIT
until [ -e "$t/m/full" ]; do sleep 0.1; done

for i in $(seq "$n"); do
	"$build/sandbox" run --result "$t/few.$i" -- true
	nsenter -t $full -m "$build/sandbox" run --result "$t/many.$i" -- true
done
of() { cat "$t/$1".* | jq "$2" | median; }
few=$(of few .phases_us.jail) many=$(of many .phases_us.jail)
echo "the jailer, in turns on this host and with $mounts mounts more"
row jail_wall_us	"exec of the jailer to exec of the monitor: wall (us)" "$few" ""
row jail_mounts_wall_us	"  with the mounts" "$many" "ratio $(ratio "$many" "$few")"
row jail_cpu_us		"  CPU (us)" "$(of few .cpu_us.jailer)" ""
row jail_mounts_cpu_us	"  CPU with the mounts (us)" "$(of many .cpu_us.jailer)" ""
save "$json"
