/* build.h - which build of the monitor this is: no two different ones have the same name. */
#ifndef VMM_BUILD_H
#define VMM_BUILD_H

/* The linker's build id as hexadecimal digits, or "" when the linker was told to leave it
 * out.  Static storage. */
const char *build_id(void);

#endif
