/* doctor.h - the parts of `sandbox doctor` that can be judged without the host. */
#ifndef RUNNER_DOCTOR_H
#define RUNNER_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>

enum health {
	GOOD,		/* as it should be, or of no importance */
	WEAK,		/* `run` works, with less isolation */
	FATAL,		/* `run` does not work */
};

struct finding {
	enum health health;
	char state[200];
	const char *means, *todo;	/* NULL where nothing is wrong */
	uint64_t layers;		/* of the jail's finding: which are on, bits of enum layer */
};

/* Does `word` stand by itself in a list such as "flags : fpu vme de"? */
bool doctor_has_word(const char *list, const char *word);

void doctor_print(const char *name, const struct finding *f);

/* The last line; returns the exit status. */
int doctor_verdict(unsigned weak, unsigned fatal);

#endif
