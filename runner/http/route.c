/* route.c - three paths. */
#include "runner/http/route.h"

#include <stddef.h>
#include <string.h>

#include "runner/http/wire.h"

#define FUNCTIONS "/v1/functions/"

static const char name_letters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

enum route route_of(const char *path, const char **name)
{
	size_t prefix = strlen(FUNCTIONS), n;

	if (!strcmp(path, "/metrics"))
		return ROUTE_METRICS;
	if (!strcmp(path, "/healthz"))
		return ROUTE_HEALTH;
	if (strncmp(path, FUNCTIONS, prefix))
		return ROUTE_NONE;
	n = strspn(path + prefix, name_letters);
	if (n == 0 || n >= HTTP_NAME || path[prefix + n])
		return ROUTE_NONE;
	*name = path + prefix;
	return ROUTE_CALL;
}

const char *route_method(enum route route)
{
	static const char *const methods[] = {
		[ROUTE_CALL] = "POST", [ROUTE_METRICS] = "GET", [ROUTE_HEALTH] = "GET",
	};

	return methods[route];
}
