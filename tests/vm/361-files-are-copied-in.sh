. "$(dirname "$0")/lib.sh"
cd "$T"
mkdir -p tree/sub tree/empty
echo one > tree/one; echo two > tree/sub/two; ln -s ../one tree/sub/link; chmod 640 tree/one
head -c 3M /dev/urandom > large
head -c 5000 /dev/urandom > odd
printf 'END=here\n' > release
seq 2000 > numbers

"$SANDBOX" run --copy-in tree --copy-in large --copy-in odd:deep/er/odd --copy-in release:/etc/os-release \
	--copy-in numbers:/home/user/n --copy-in tree:/usr/share/doc/tree -- sh -ec '
	pwd; cat tree/one tree/sub/link tree/sub/two /usr/share/doc/tree/one /etc/os-release
	sha256sum large deep/er/odd | cut -c 1-64
	stat -c "%u %a" . tree tree/one /home/user /etc /usr /root; ls tree/empty | wc -l
	echo changed > tree/one; echo new > tree/new; cat tree/one tree/new
	tail -n 1 ~/n; touch ~/x; ls /dev/null /proc/self/exe > /dev/null; cat /etc/hostname; df -k /tmp | wc -l' > out
{
	echo /work; printf 'one\none\ntwo\none\nEND=here\n'
	sha256sum large odd | cut -c 1-64
	printf '1000 755\n1000 755\n1000 640\n1000 755\n0 755\n0 755\n0 700\n0\nchanged\nnew\n2000\nsandbox\n2\n'
} > want
diff want out || fail "not what was to be seen"
equal "$(cat tree/one)" one "the host's own copy"

# A root that has another idea of where things are, as root, in another directory.
equal "$("$SANDBOX" run --user root --workdir /srv --copy-in release:bin/x --copy-in tree/one:/bin/zz -- sh -c '
	pwd; cat bin/x /usr/bin/zz; readlink /bin; id -u' | tr '\n' ' ')" "/srv END=here one usr/bin 0 " "elsewhere"

run="$SANDBOX run"
mkfifo pipe
refused "no-such-file"		$run --copy-in no-such-file -- true
refused "pipe is a device, a socket or a pipe"	$run --copy-in pipe -- true
refused "nothing can be put into /tmp"	$run --copy-in odd:/tmp/x -- true
refused "nothing can be put into /proc"	$run --copy-in odd:../proc/x -- true
refused "two files would be"	$run --copy-in odd:x --copy-in large:x -- true
refused "is not SRC or SRC:DST"	$run --copy-in : -- true
refused "TMPDIR"		env TMPDIR="$T/none" $run --copy-in odd -- true
