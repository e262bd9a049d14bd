. "$(dirname "$0")/lib.sh"
cd "$T"
mkdir out
status 3 "$SANDBOX" run --output result --output tree:out/t --output /etc/os-release:release --output sparse -- sh -c '
	head -c 700000 /dev/urandom > result; sha256sum result | cut -c 1-64
	mkdir -p tree/a/b tree/none; echo deep > tree/a/b/f; chmod 4755 tree/a/b/f; chmod 500 tree/a/b
	ln -s a/b/f tree/in; ln -s /etc/passwd tree/out; ln -s ../../x tree/up; mkfifo tree/pipe
	truncate -s 100M sparse; exit 3' > sum 2> err
equal "$(sha256sum result | cut -c 1-64)" "$(cat sum)" "the sum of a file"
equal "$(cd out/t && find . -printf '%P %y %m\n' | sort | tr '\n' ';')" \
	" d 755;a d 755;a/b d 700;a/b/f f 755;in l 777;none d 755;" "the tree"
equal "$(cat out/t/in)" deep "a link within"
grep -q "2 links that lead out" err || fail "not said what was left out: $(cat err)"
grep -q busybox release || fail "not the guest's file"
equal "$(stat -c %s sparse)" 104857600 "the size of a file with holes"
[ "$(stat -c %b sparse)" -lt 2048 ] || fail "its holes are filled"
equal "$(ls -A | grep -c sandbox-output)" 0 "what was half made"

# What is not there is said; whether that is a failure depends on the command's.
refused "output nothing: No such file" "$SANDBOX" run --output nothing -- true
status 4 "$SANDBOX" run --output nothing -- sh -c 'exit 4' 2> err
grep -q "output nothing: No such file" err || fail "not said: $(cat err)"
refused "neither a file nor a directory" "$SANDBOX" run --output /dev/null:x -- true

# Limits; and then nothing is left, not of the one that was on its way.
refused "too large" "$SANDBOX" run --output big --output-max 1M -- sh -c 'mkdir big; for i in 1 2 3; do head -c 600000 /dev/zero > big/$i; done'
refused "too many files" "$SANDBOX" run --output many --output-files 5 -- sh -c 'mkdir many; touch many/1 many/2 many/3 many/4 many/5'
equal "$(ls -A | grep -cE 'big|many|sandbox')" 0 "what was half made"

run="$SANDBOX run"
refused "not empty"		$run --output x:out -- true
refused "cannot write into"	$run --output x:no/such/x -- true
refused "is not PATH or PATH:DST" $run --output x: -- true
refused "is no name"		$run --output / -- true
