# not-in-host: a compiler
. "$(dirname "$0")/lib.sh"
command -v cc > /dev/null && command -v musl-gcc > /dev/null || skip "no compiler"
cd "$T"
mkdir lib bin
cat > lib.c <<'END'
int seven(void) { return 7; }
END
cat > prog.c <<'END'
#include <math.h>
#include <stdio.h>
int seven(void);
int main(int argc, char **argv)
{
	printf("%s %g\n", argv[argc - 1], pow(seven(), argc));
	return seven();
}
END
cc -shared -fPIC -o lib/libseven.so lib.c
cc -o bin/prog prog.c -Llib -lseven -lm -Wl,-rpath,'$ORIGIN/../lib'
cc -static -o still prog.c lib.c -lm
musl-gcc -o musl prog.c lib.c -lm
printf '#!/bin/bash\necho "$BASH_VERSINFO $1" | grep -c "^[0-9]* hi$"\n' > script
chmod +x script

# Nothing of it is in the base image: no C library, no bash.
status 7 "$SANDBOX" run ./bin/prog x > out;		equal "$(cat out)" "x 49" "a dynamic program"
status 7 "$SANDBOX" run ./still a y > out;		equal "$(cat out)" "y 343" "a static one"
status 7 "$SANDBOX" run ./musl z > out;			equal "$(cat out)" "z 49" "one of another C library"
status 0 "$SANDBOX" run ./script hi > out;		equal "$(cat out)" 1 "a script"
status 0 "$SANDBOX" run --host-program jq -n 1+1 > out;	equal "$(cat out)" 2 "a program that is installed"

# The guest's own are still what is meant by a name alone, and by a path that is not there.
equal "$("$SANDBOX" run -- readlink /bin/ls)" busybox "a name alone"
status 127 "$SANDBOX" run ./nobody 2> /dev/null

mv lib/libseven.so lib/libeight.so
refused "prog needs the library libseven.so" "$SANDBOX" run ./bin/prog
cc -o odd prog.c lib.c -lm -Wl,--dynamic-linker=/lib/ld-of-nobody.so.1
refused "/lib/ld-of-nobody.so.1" "$SANDBOX" run ./odd
printf '#!/no/such/interpreter\n' > script
refused "/no/such/interpreter" "$SANDBOX" run ./script
head -c 200 still > cut; chmod +x cut
refused "is not a whole ELF file" "$SANDBOX" run ./cut
refused "not in PATH" "$SANDBOX" run --host-program no-such-program
