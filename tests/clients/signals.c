/* Signals during register writes and timed waits (T2). SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include "client.h"
#include "modes.h"
#include "pci-test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t alarms;

static void on_alarm(int signal_number)
{
	(void)signal_number;
	alarms++;
}

static void write_under_signals(const struct client *client, int flags, const char *name)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = flags };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec often = { { 0, 50000 }, { 0, 50000 } };
	timer_t timer;
	uint32_t before = read_register(client, PCI_TEST_RAISES), raised, i;
	const uint32_t writes = 10000;
	uint64_t events;

	alarms = 0;
	must(sigaction(SIGUSR1, &action, NULL), "sigaction");
	must(timer_create(CLOCK_MONOTONIC, &event, &timer), "timer_create");
	must(timer_settime(timer, 0, &often, NULL), "timer_settime");
	for (i = 0; i < writes; i++)
		write_register(client, PCI_TEST_RAISE, 0);
	must(timer_delete(timer), "timer_delete");
	raised = read_register(client, PCI_TEST_RAISES) - before;
	events = wait_event(client, 0, EVENT_TIMEOUT);
	if (raised != writes || events != writes)
		fail("%s: %u writes became %u and %llu events", name, writes, raised, (unsigned long long)events);
	if (alarms < 100)
		fail("%s: only %d signals came", name, (int)alarms);
	ok("%s: %u writes, none lost or repeated", name, writes);
}

void under_signals(struct client *client)
{
	open_all(client);
	write_under_signals(client, SA_RESTART, "with SA_RESTART");
	write_under_signals(client, 0, "without SA_RESTART");
	close_all(client);
}

/* Programs time their waits this way: the handler must stay without SA_RESTART. */
void interrupted_by_alarm(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	int ends[2];
	char byte;

	must(pipe(ends), "pipe");
	must(sigaction(SIGALRM, &action, NULL), "sigaction");
	alarm(1);
	must_fail(read(ends[0], &byte, 1), EINTR, "read of an empty pipe");
}
