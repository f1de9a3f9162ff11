/* A line a step, for every client here: `ok <step>`, or `FAIL <step>: <why>` and exit status 1. */
#ifndef STEPS_H
#define STEPS_H

void ok(const char *format, ...) __attribute__((format(printf, 1, 2)));
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* RESULT of the call named STEP must be 0 or more; errno is reported otherwise. */
long must(long result, const char *step);

#endif
