/* route.h - what a path asks for, and by which method. */
#ifndef RUNNER_HTTP_ROUTE_H
#define RUNNER_HTTP_ROUTE_H

enum route { ROUTE_NONE, ROUTE_CALL, ROUTE_METRICS, ROUTE_HEALTH };

/* A path without its query, as it was sent: no escape is decoded, for no name needs one.
 * *name points into the path where the route is a call, and fits HTTP_NAME. */
enum route route_of(const char *path, const char **name);

/* The one method a route takes, "POST"; NULL of ROUTE_NONE. */
const char *route_method(enum route route);

#endif
