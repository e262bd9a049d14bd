/* processor.h - which processor this is, as far as a saved machine must find the same one. */
#ifndef RUNNER_PROCESSOR_H
#define RUNNER_PROCESSOR_H

#define PROCESSOR_NAME 160	/* bytes, with the NUL */

/* Its model and features, in digits; one line. */
void processor_name(char out[PROCESSOR_NAME]);

#endif
