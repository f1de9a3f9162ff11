/* Processes that fork and end, for ever: whoever ends them must be faster. SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "hostile.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void grow(void)
{
	setsid();
	for (int signal_number = 1; signal_number < 32; signal_number++)
		signal(signal_number, SIG_IGN);
	for (;;)
		if (fork() > 0)
			_exit(0);
}

void hydra(void)
{
	for (int heads = 0; heads < 2; heads++)
		if (must(fork(), "fork") == 0)
			grow();
	ok("holding");
	for (;;)
		pause();
}
