/* bare.c - bare COMMAND...: run it where no user namespace may be made. */
#include <stdio.h>
#include <unistd.h>

#include "tests/jail/less.h"

int main(int argc, char **argv)
{
	if (argc > 1) {
		less_user_namespaces();
		execvp(argv[1], argv + 1);
	}
	perror("bare: COMMAND");
	return 127;
}
