/* less.h - a host that offers less than this one, for the process that asks and its children. */
#ifndef TESTS_JAIL_LESS_H
#define TESTS_JAIL_LESS_H

/* clone3() is not known, as before Linux 5.3. */
void less_clone3(void);

/* Nor may a user namespace be made. */
void less_user_namespaces(void);

/* One may be made, but gives no right to mount anything, as on Ubuntu since 23.10. */
void less_rights(void);

#endif
