#!/bin/sh
# Every row of the filters was needed in a recorded run (tests/seccomp/seen.txt, made by `make
# filters-seen`), or tests/seccomp/unseen.txt says why none can show it; and neither file speaks
# of a row that is not there.
set -u
here=tests/seccomp
[ -x "$1/seccomp/seen" ] || { echo "$1/seccomp/seen is not built"; exit 1; }
"$1/seccomp/seen" < /dev/null | awk '
	/^#/ { next }
	FILENAME ~ /unseen/ { row = $1 " " $2; sub(/:$/, "", row); excused[row] = NF > 2; next }
	FILENAME ~ /seen/ { seen[$1 " " $2] = $3; next }
	{ rows[$1 " " $2] }
	function bad(text) { print text; failed = 1 }
	END {
		for (row in rows)
			if (!seen[row] && !excused[row])
				bad(row " was never needed: make filters-seen, say why in unseen.txt, or remove it")
		for (row in excused) {
			if (!(row in rows)) bad("unseen.txt excuses " row ", which is no row")
			if (seen[row]) bad("unseen.txt excuses " row ", which was needed")
		}
		for (row in seen)
			if (!(row in rows)) bad("seen.txt has " row ", which is no row: make filters-seen")
		exit failed
	}' $here/unseen.txt $here/seen.txt -
