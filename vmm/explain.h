/* explain.h - the machine's plan, for people. */
#ifndef VMM_EXPLAIN_H
#define VMM_EXPLAIN_H

#include <stdio.h>

#include "vmm/vm.h"

/* Print what vm_plan() decided. */
void explain(FILE *out, const struct vm *vm);

#endif
