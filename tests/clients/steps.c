#define _GNU_SOURCE
#include "steps.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void ok(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	printf("ok ");
	vprintf(format, arguments);
	printf("\n");
	va_end(arguments);
	fflush(stdout);
}

void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	printf("FAIL ");
	vprintf(format, arguments);
	printf("\n");
	va_end(arguments);
	fflush(stdout);
	_exit(1);
}

long must(long result, const char *step)
{
	if (result < 0)
		fail("%s: %s", step, strerrorname_np(errno));
	return result;
}
