/* reset.c - an init that ends its machine at once: what a guest has cost until then, the kernel
 * has cost. */
#include <sys/reboot.h>

int main(void)
{
	return reboot(RB_AUTOBOOT);
}
