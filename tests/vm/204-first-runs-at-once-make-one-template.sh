. "$(dirname "$0")/lib.sh"
export XDG_CACHE_HOME=$T/cache
mkdir "$T/cache"
for i in 1 2 3 4; do
	{ "$SANDBOX" run -- sh -c "echo $i; exit $i" > "$T/out$i" 2> "$T/err$i"; echo $? > "$T/status$i"; } &
done
wait
for i in 1 2 3 4; do
	equal "$(cat "$T/out$i") $(cat "$T/status$i")" "$i $i" "run $i"
done
equal "$(cat "$T"/err? | grep -c 'first run')" 1 "templates made"
equal "$(ls "$T/cache/sandbox" | grep -c '\.snap$')" 1 "templates there"
