/* paths.c - where the other programs and the images are. */
#include "runner/paths.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* What does not fit is no path; opening "" then fails and is reported. */
static void join(char *out, const char *dir, const char *name)
{
	if (snprintf(out, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
		*out = '\0';
}

/* Kernel and root image are built once for all variants of the programs: a build
 * directory like x86_64-san finds them in x86_64. */
static void find_image(char *out, const char *dir, const char *name)
{
	struct utsname u;
	char parent[PATH_MAX], sibling[PATH_MAX];

	join(out, dir, name);
	if (access(out, F_OK) == 0 || uname(&u) < 0)
		return;
	join(parent, dir, "..");
	join(sibling, parent, u.machine);
	join(out, sibling, name);
}

void paths_from(struct paths *p, const char *dir, unsigned cpus)
{
	const char *kernel = cpus > 1 ? "vmlinux" : "vmlinux-up";
	char at[PATH_MAX];

	join(p->jailer, dir, "sandbox-jailer");
	if (access(p->jailer, F_OK) == 0) {
		join(p->vmm, dir, "sandbox-vmm");
		join(p->http, dir, "sandbox-http");
		join(p->net, dir, "sandbox-net");
		join(p->names, dir, "sandbox-names");
		join(p->pack, dir, "sandbox-pack");
		join(p->agent, dir, "init.cpio");
		find_image(p->kernel, dir, kernel);
		find_image(p->root, dir, "base.erofs");
		return;
	}
	join(at, dir, "../libexec/sandbox");
	join(p->jailer, at, "sandbox-jailer");
	join(p->vmm, at, "sandbox-vmm");
	join(p->http, at, "sandbox-http");
	join(p->net, at, "sandbox-net");
	join(p->names, at, "sandbox-names");
	join(p->pack, at, "sandbox-pack");
	join(at, dir, "../share/sandbox");
	join(p->agent, at, "init.cpio");
	join(p->kernel, at, kernel);
	join(p->root, at, "base.erofs");
}

int paths_find(struct paths *p, unsigned cpus, struct err *err)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return err_sys(err, "cannot find my own program: /proc/self/exe");
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	paths_from(p, self, cpus);
	return 0;
}
