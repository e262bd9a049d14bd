# lib.sh - sourced by the benchmarks: rows of a table, which are also lines of JSON in $t/rows.
row() { printf '%-58s %12s %s\n' "$2" "$3" "$4"; jq -n --arg k "$1" --argjson v "$3" '{($k): $v}' >> "$t/rows"; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
percentile() { sort -n | awk -v p="$1" '{ v[NR] = $1 } END { i = int(NR * p / 100 + 0.999); print v[i < 1 ? 1 : i] }'; }
ratio() { awk "BEGIN { printf \"%.2f\", $1 / $2 }"; }

# save FILE: the rows, added to what is in it.
save() {
	[ -s "$1" ] || echo '{}' > "$1"
	jq -s add "$1" "$t/rows" > "$1.tmp" && mv "$1.tmp" "$1"
}
