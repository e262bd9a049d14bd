. "$(dirname "$0")/lib.sh"
run="$SANDBOX run"
refused bogus		$run --bogus -- true
refused memory		$run --memory 0 -- true
refused memory		$run --memory 900G -- true
refused memory		$run --memory lots -- true
refused cpus		$run --cpus 9 -- true
refused timeout		$run --timeout soon -- true
refused env		$run --env =x -- true
refused hostname	$run --hostname 'a b' -- true
refused COMMAND		$run
refused "$T/none"	$run --root "$T/none" -- true
refused "$T/none"	$run --kernel "$T/none" -- true
refused "$T/none"	$run --disk "$T/none" -- true
refused "$T"		$run --kernel "$T" -- true
echo text > "$T/text"
refused "$T/text"	$run --root "$T/text" -- true
refused kernel		$run --kernel "$T/text" -- true
head -c 300000 "$BUILD/vmlinux" > "$T/cut"
refused kernel		$run --kernel "$T/cut" -- true
head -c 300000 "$BUILD/base.erofs" > "$T/cut.erofs"
refused "$T/cut.erofs"	$run --root "$T/cut.erofs" -- true
refused "$T/no/dir"	$run --result "$T/no/dir/r" -- true
refused "kvm-fd"	$run --kvm-fd 99 -- true
