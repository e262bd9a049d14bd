#!/bin/sh
# What systemd says of the units, with a program in the place of ours, which is not installed here.
set -u
command -v systemd-analyze > /dev/null || { echo "skip: needs systemd-analyze (package systemd)"; exit 77; }
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
for u in contrib/systemd/*.service contrib/systemd/*.timer; do
	sed -e 's:/usr/local/bin/sandbox:/bin/true:' -e '/^Documentation=man:/d' "$u" > "$dir/${u##*/}"
done
systemd-analyze verify "$dir"/* > "$dir/said" 2>&1 && [ ! -s "$dir/said" ] || { cat "$dir/said"; exit 1; }
