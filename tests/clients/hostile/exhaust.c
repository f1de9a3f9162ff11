/*
 * As many files and mappings as the limits allow, and then as many again: refusals, never a file taken for closed. SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define MOST 3000

void exhaust(const char *bdf)
{
	static int files[MOST];
	struct rlimit limit;
	struct held held = { .bdf = bdf };
	pid_t above = supervisor();
	int count = 0, i, before;

	must(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
	limit.rlim_cur = limit.rlim_max;
	must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
	take_all(&held);
	before = descriptors_of(above);
	while (count < MOST) {
		files[count] = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
		if (files[count] < 0)
			break;
		count++;
	}
	if (count < MOST && errno != EMFILE && errno != ENFILE)
		fail("the container after %d: %s", count, strerrorname_np(errno));
	/* A close that is not the last one, at a time when the supervisor may not be able to look. */
	for (i = 0; i < count; i += 100)
		close(dup(files[i]));
	for (i = 0; i < count; i++)
		if (ioctl(files[i], VFIO_GET_API_VERSION) != VFIO_API_VERSION)
			fail("container %d of %d: %s", i, count, strerrorname_np(errno));
	for (i = 0; i < count; i++)
		close(files[i]);
	must(write_register(&held, 0x0c, 0), "RAISE");
	if (events(&held, 0, 5000) != 1)
		fail("the vector did not come");
	release(&held);
	for (int patience = 200; descriptors_of(above) > before + KEPT && patience; patience--)
		usleep(50000);
	if (before >= 0 && descriptors_of(above) > before + KEPT)
		fail("the supervisor had %d descriptors and has %d", before, descriptors_of(above));
	ok("%d containers at once", count);
}
