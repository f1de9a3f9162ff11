/* The client's modes that have files of their own. SPDX-License-Identifier: MIT */
#ifndef MODES_H
#define MODES_H

#include "client.h"

#include <stdint.h>

#define EVENT_TIMEOUT 5000	/* milliseconds: far longer than any event takes */
#define SILENCE 50		/* milliseconds in which an event that must not come would have come */

void trigger_each(const struct client *client);
void walk(struct client *client);

void under_signals(struct client *client);
void interrupted_by_alarm(void);

/* Uses the device by DESCRIPTOR alone, as a program that got it from another does. */
void use(const struct client *client, int descriptor, uint32_t mark);
void fork_dup(struct client *client);
void outlive(struct client *client);
void exec_whole(struct client *client);
void after_exec(int argc, char **argv);
void reopen(struct client *client);
void undumpable(struct client *client);
void leaderless(struct client *client);
void apart(struct client *client);

void events(struct client *client);
void exec_memory(struct client *client);
void memory_after_exec(int argc, char **argv);
void memlock(struct client *client);

void series(struct client *client);
void threads(struct client *client);
void troubles(struct client *client);

#endif
