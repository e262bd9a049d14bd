#!/bin/sh
# No function over 80 lines, and the median under 20: read, not scrolled through.
set -u
git ls-files 'lib/*.c' 'runner/*.c' 'jailer/*.c' 'vmm/*.c' 'virtio/*.c' 'seccomp/*.c' 'rootfs/*.c' |
xargs awk '
	/^[a-zA-Z_].*\(/ { name = $0 }
	/^\{/ { start = FNR }
	/^\}/ { if (start) { print FNR - start - 1, FILENAME, name; start = 0 } }' |
sort -n | awk '
	{ n++; len[n] = $1; if ($1 > 80) { print; bad = 1 } }
	END { if (len[int((n + 1) / 2)] >= 20) { print "median", len[int((n + 1) / 2)]; bad = 1 }
	      exit bad }'
