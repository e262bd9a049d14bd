/* opens.c - opens FILE: can this program, under that name, open the file?  Says why not. */
#include <fcntl.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	if (argc == 2 && open(argv[1], O_RDONLY | O_CLOEXEC) >= 0)
		return 0;
	perror("opens");
	return 1;
}
