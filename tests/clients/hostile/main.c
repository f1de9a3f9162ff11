/*
 * A client that means harm, or has bad luck: `hostile MODE BDF [ARGUMENT...]`, always below `doorbell run` on a pci-test device.
 *
 *   kill BDF SEED ROUNDS          a client is killed at random points of the cycle, and the next one finds everything free
 *   fuzz BDF SEED CALLS THREADS MIB [OTHER]  random calls: valid, mutated, wild
 *                                 (the supervisor may grow by MIB at most)
 *   fight BDF SEED PROCESSES SECONDS     processes fight for one group
 *   storm BDF THREADS             signals at full rate; each write and each ioctl happens exactly once
 *   brim BDF SECONDS              eventfd counters filled to the brim while the device signals them
 *   reach BDF OTHER               two processes, two containers: neither reaches the other's memory
 *   exhaust BDF LIMIT [1]         as many files as the limits allow; LIMIT is the soft one to begin with, and 1
 *                                 says that the hard one is too low for all of them
 *   hoard BDF                     as much to map as there is nowhere
 *   hydra BDF                     processes that fork and end for ever
 *   unanswered BDF                a file system whose server does not answer
 *   withhold BDF                  a page that the supervisor waits for
 *   attack BDF                    the supervisor's own process and files
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long number(int count, char **arguments, int index, unsigned long otherwise)
{
	return index < count ? strtoul(arguments[index], NULL, 0) : otherwise;
}

int main(int count, char **arguments)
{
	const char *mode = count > 1 ? arguments[1] : "", *bdf = count > 2 ? arguments[2] : "";
	struct random random;

	seed(&random, number(count, arguments, 3, 1));
	if (!strcmp(mode, "kill"))
		kills(&random, bdf, number(count, arguments, 4, 100));
	else if (!strcmp(mode, "fuzz"))
		fuzz(number(count, arguments, 3, 1), number(count, arguments, 4, 10000), (unsigned int)number(count, arguments, 5, 2), (long)number(count, arguments, 6, 48),
			bdf, count > 7 ? arguments[7] : NULL);
	else if (!strcmp(mode, "fight"))
		fight(&random, bdf, (unsigned int)number(count, arguments, 4, 4), (unsigned int)number(count, arguments, 5, 2));
	else if (!strcmp(mode, "storm"))
		signal_storm(bdf, (unsigned int)number(count, arguments, 3, 2));
	else if (!strcmp(mode, "brim"))
		brim(bdf, (unsigned int)number(count, arguments, 3, 2));
	else if (!strcmp(mode, "reach"))
		reach(bdf, count > 3 ? arguments[3] : "");
	else if (!strcmp(mode, "exhaust"))
		exhaust(bdf, number(count, arguments, 3, 1024), count > 4);
	else if (!strcmp(mode, "hoard"))
		hoard(bdf);
	else if (!strcmp(mode, "hydra"))
		hydra();
	else if (!strcmp(mode, "unanswered"))
		unanswered(bdf);
	else if (!strcmp(mode, "withhold"))
		withhold(bdf);
	else if (!strcmp(mode, "attack"))
		attack(bdf);
	else
		fail("no mode '%s'", mode);
	ok("all of %s", mode);
	return 0;
}
