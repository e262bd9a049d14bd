/* host.c - the connection to the host: framed messages on one vsock stream, and more
 * streams on request.  When it ends, so does the machine. */
#include "rootfs/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "lib/fd.h"
#include "lib/io.h"

/* A connect that takes this long is not late, it is lost.  The kernel's own two seconds
 * are too few on a loaded host that emulates the guest's kernel. */
#define CONNECT_SECONDS 60

/* The first one waits in a machine that is saved, or held ready, until somebody wants it. */
#define FOREVER_SECONDS (10 * 365 * 86400)

/* Last words are on their way for so long at most. */
#define LAST_WORDS_SECONDS 5

static int control = -1;

static int new_socket(int flags, time_t seconds)
{
	struct timeval patience = { .tv_sec = seconds };
	autoclose int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &patience,
		       sizeof(patience)) < 0)
		return -errno;
	return fd_take(&fd);
}

int host_socket(void)
{
	return new_socket(SOCK_NONBLOCK, CONNECT_SECONDS);
}

int host_connect(int fd, uint32_t port)
{
	struct sockaddr_vm to = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST,
				  .svm_port = port };

	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
		return -errno;
	return 0;
}

int host_connected(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t n = sizeof(int);
	int error = 0;

	while (poll(&p, 1, -1) < 0)
		if (errno != EINTR)
			return -errno;
	if (p.revents == POLLOUT)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0 || error == 0)
		return -ECONNRESET;
	return -error;
}

int host_hello(uint32_t session)
{
	static struct msg m;
	int rc;

	if (control >= 0)
		close(control);
	control = new_socket(0, FOREVER_SECONDS);
	rc = control < 0 ? control : host_connect(control, PORT_CONTROL);
	if (rc < 0)
		return rc;
	m.hello = (struct msg_hello){ .agent_version = PROTO_VERSION, .session = session,
				      .boot_ns = now_ns() };
	host_send(&m, MSG_HELLO, 0, sizeof(m.hello));
	return 0;
}

int host_fd(void)
{
	return control;
}

void host_recv(struct msg *m)
{
	int rc = msg_recv(control, m, FROM_HOST);

	if (rc < 0)
		host_give_up("control connection: %s", strerror(-rc));
}

void host_send(struct msg *m, enum msg_type type, uint32_t id, size_t body)
{
	int rc;

	msg_seal(m, type, id, body);
	rc = msg_send(control, m);
	if (rc < 0) {
		control = -1;
		host_give_up("control connection: %s", strerror(-rc));
	}
}

static void log_kernel(const char *text)
{
	autoclose int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		dprintf(fd, "<3>init: %s\n", text);
}

static void __attribute__((format(printf, 1, 0))) log_line(const char *fmt, va_list ap)
{
	struct { struct msg_header head; struct msg_log log; } m = { 0 };

	vsnprintf(m.log.text, sizeof(m.log.text), fmt, ap);
	m.head = (struct msg_header){ .magic = PROTO_MAGIC, .version = PROTO_VERSION,
				      .type = MSG_LOG, .length = sizeof(m.log) };
	if (control < 0 || io_write(control, &m, sizeof(m)) < 0)
		log_kernel(m.log.text);
}

void host_log(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(fmt, ap);
	va_end(ap);
}

/* The kernel sends from a work queue, and a reset does not wait for those.  A host that has
 * read to the end closes its side, which is our end. */
static void await_delivery(void)
{
	struct timeval patience = { .tv_sec = LAST_WORDS_SECONDS };
	char rest[512];

	if (control < 0 || shutdown(control, SHUT_WR) < 0 ||
	    setsockopt(control, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return;
	while (io_read_some(control, rest, sizeof(rest)) > 0)
		;
}

void host_give_up(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(fmt, ap);
	va_end(ap);
	await_delivery();
	for (;;) {
		reboot(RB_AUTOBOOT);
		pause();
	}
}
