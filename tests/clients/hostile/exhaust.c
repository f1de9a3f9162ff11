/*
 * As many files as the limits of client and supervisor allow, and then as many again: EMFILE, never a file taken for closed, nor for open for ever, nor anybody
 * slowed down by files of which closes are told that are not the last. SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 3000
#define CALLS 21	/* looking at them all, they must be over within the 2 s that a suspicion is fresh */
#define SLOWER 8.0	/* times what a call took before; looking at them all is a hundred times and more */

static int compare(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/* What an ioctl takes, whatever else the computer does: the middle one of many. */
static double time_of_a_call(int container)
{
	double times[CALLS];
	int i;

	for (i = 0; i < CALLS; i++) {
		times[i] = now();
		must(ioctl(container, VFIO_GET_API_VERSION), "VFIO_GET_API_VERSION");
		times[i] = now() - times[i];
	}
	qsort(times, CALLS, sizeof times[0], compare);
	return times[CALLS / 2];
}

/* Another process, whose memory the supervisor would need descriptors for. */
static void map_from_another(const struct held *held)
{
	pid_t child = (pid_t)must(fork(), "fork");
	int status;

	if (child == 0) {
		void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (map(held, memory, BUFFER_IOVA + 0x10000000, 4096, VFIO_DMA_MAP_FLAG_READ) == 0)
			fail("memory was mapped without a descriptor for it");
		if (errno != EMFILE && errno != ENFILE)
			fail("MAP_DMA without a descriptor for the memory: %s", strerrorname_np(errno));
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || status != 0)
		fail("the other process ended with 0x%x", status);
}

void exhaust(const char *bdf, unsigned long limit, int is_reached)
{
	static int files[MOST];
	struct rlimit own;
	struct held held = { .bdf = bdf };
	pid_t above = supervisor();
	int count = 0, i, before, again;
	char path[64];
	double usual, then;

	must(getrlimit(RLIMIT_NOFILE, &own), "getrlimit");
	if (own.rlim_cur != limit)
		fail("the limit of open files is %lu, and was %lu", (unsigned long)own.rlim_cur, limit);
	own.rlim_cur = own.rlim_max;
	must(setrlimit(RLIMIT_NOFILE, &own), "setrlimit");
	before = descriptors_of(above);
	must(take_group(&held), "open of the group");
	must(take_iommu(&held), "SET_IOMMU");
	usual = time_of_a_call(held.container);
	while (count < MOST) {
		files[count] = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
		if (files[count] < 0)
			break;
		count++;
	}
	if (count < MOST && errno != EMFILE && errno != ENFILE)
		fail("the container after %d: %s", count, strerrorname_np(errno));
	if ((count < MOST) != !!is_reached)
		fail("%d containers with a limit of %lu", count, limit);
	if (is_reached) {
		/* What the device shows of itself changes with this, and its file needs descriptors. */
		if (take_device(&held) == 0)
			fail("a device was opened without a descriptor for it");
		if (errno != EMFILE && errno != ENFILE)
			fail("GET_DEVICE_FD without a descriptor for it: %s", strerrorname_np(errno));
		map_from_another(&held);
	}
	/* Closes that are not the last ones. */
	close(files[--count]);
	for (i = 0; i < count; i++) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", files[i]);
		again = open(path, O_WRONLY | O_CLOEXEC);
		if (again < 0)
			fail("%s anew: %s", path, strerrorname_np(errno));
		close(again);
	}
	then = time_of_a_call(held.container);
	if (then > SLOWER * usual)
		fail("a call takes %.0f us, and took %.0f", then * 1e6, usual * 1e6);
	for (i = 0; i < count; i++)
		if (ioctl(files[i], VFIO_GET_API_VERSION) != VFIO_API_VERSION)
			fail("container %d of %d: %s", i, count, strerrorname_np(errno));
	for (i = 0; i < count; i++)
		close(files[i]);
	close(held.group);
	close(held.container);
	/* Free again, all of it. */
	take_all(&held);
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
