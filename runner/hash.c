/* hash.c - SHA-256 of a file, by sha256sum(1). */
#include "runner/hash.h"

#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/io.h"

#define MAX_SIZE (1ll << 30)

static bool spawn_sum(int in, int out, pid_t *pid)
{
	char name[] = "sha256sum";
	char *const argv[] = { name, NULL }, *const no_environment[] = { NULL };
	posix_spawn_file_actions_t fa;
	int rc;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&fa, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	rc = posix_spawn(pid, "/usr/bin/sha256sum", &fa, NULL, argv, no_environment);
	posix_spawn_file_actions_destroy(&fa);
	return rc == 0;
}

bool hash_file(int fd, char hex[HASH_HEX])
{
	struct stat st;
	int end[2], rc, status = -1;
	pid_t pid;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size > MAX_SIZE || lseek(fd, 0, SEEK_SET) < 0 ||
	    pipe2(end, O_CLOEXEC) < 0)
		return false;
	if (!spawn_sum(fd, end[1], &pid)) {
		close(end[0]);
		close(end[1]);
		return false;
	}
	close(end[1]);
	rc = io_read(end[0], hex, HASH_HEX - 1);
	close(end[0]);
	hex[HASH_HEX - 1] = '\0';
	waitpid(pid, &status, 0);
	return rc == 0 && status == 0 && strspn(hex, "0123456789abcdef") == HASH_HEX - 1;
}
