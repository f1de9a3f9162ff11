/*
 * V7: a client is killed at a random moment of the cycle, and the next one finds everything as it was before. SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "hostile.h"
#include "../pci-test.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Where a victim was when it died; shared with it. */
enum point { STARTED, GROUP, IOMMU, MAPPED, DEVICE, ARMED, FIRING, COPYING, MAPPING, REARMED, DISARMED, UNMAPPED, CLOSED, POINTS };

static const char *const names[POINTS] = {
	"start", "open", "SET_IOMMU", "map", "device", "arm", "fire", "DMA", "more maps", "armed again", "disarm", "unmap", "close",
};

static void *fire(void *argument)
{
	const struct held *held = argument;

	for (unsigned int i = 0;; i++)
		write_register(held, PCI_TEST_RAISE, i % VECTORS);
	return NULL;
}

static void *move(void *argument)
{
	const struct held *held = argument;

	for (;;)
		copy(held, BUFFER_IOVA, BUFFER_IOVA + BUFFER_SIZE / 2, 0x100000);
	return NULL;
}

/* Goes round the cycle until it is killed; a second thread fires or copies meanwhile in some rounds. */
static void victim(const char *bdf, unsigned int kind, volatile int *at)
{
	struct held held = { .bdf = bdf };
	pthread_t thread;
	unsigned int i;

	held.memory = mmap(NULL, BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (;;) {
		if (take_group(&held))
			fail("the group after a kill at another's %s: %s", names[*at], strerrorname_np(errno));
		*at = GROUP;
		must(take_iommu(&held), "SET_IOMMU");
		*at = IOMMU;
		/* The same IOVA as all that died before: EEXIST would say that one was left. */
		must(map(&held, held.memory, BUFFER_IOVA, BUFFER_SIZE, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE), "MAP_DMA of the same IOVA");
		*at = MAPPED;
		must(take_device(&held), "GET_DEVICE_FD");
		*at = DEVICE;
		must(arm(&held, VECTORS), "SET_IRQS of all vectors");
		*at = ARMED;
		if (kind)
			pthread_create(&thread, NULL, kind == 1 ? fire : move, &held);
		for (i = 0; i < VECTORS; i++)
			write_register(&held, PCI_TEST_RAISE, i);
		*at = FIRING;
		copy(&held, BUFFER_IOVA, BUFFER_IOVA + BUFFER_SIZE / 2, 0x10000);
		*at = COPYING;
		for (i = 0; i < 8; i++)
			map(&held, held.memory + i * 0x1000, BUFFER_IOVA + BUFFER_SIZE + i * 0x1000, 0x1000, VFIO_DMA_MAP_FLAG_READ);
		*at = MAPPING;
		if (kind)
			pause(); /* armed, mapped and busy to the end */
		must(disarm(&held), "SET_IRQS off");
		for (i = 0; i < VECTORS; i++)
			close(held.event[i]);
		must(arm(&held, 3), "SET_IRQS of three vectors");
		*at = REARMED;
		must(disarm(&held), "SET_IRQS off");
		for (i = 0; i < 3; i++)
			close(held.event[i]);
		*at = DISARMED;
		must(unmap(&held, BUFFER_IOVA, BUFFER_SIZE), "UNMAP_DMA");
		*at = UNMAPPED;
		close(held.device);
		close(held.container);
		close(held.group);
		*at = CLOSED;
	}
}

/* What the next client must find: everything to be had, vectors that arrive once, memory that is its own. */
static void next(const char *bdf)
{
	struct held held = { .bdf = bdf };

	take_all(&held);
	must(write_register(&held, PCI_TEST_RAISE, VECTORS - 1), "RAISE");
	if (events(&held, VECTORS - 1, 5000) != 1)
		fail("the vector of the client after a kill did not come once");
	memcpy(held.memory, "mine", 4);
	if (copy(&held, BUFFER_IOVA, BUFFER_IOVA + 0x1000, 4) != PCI_TEST_STATUS_DONE || memcmp(held.memory + 0x1000, "mine", 4))
		fail("the copy of the client after a kill did not arrive");
	if (copy(&held, BUFFER_IOVA + BUFFER_SIZE, BUFFER_IOVA, 4) != PCI_TEST_STATUS_SOURCE_FAULT)
		fail("a mapping of a killed client is still there");
	release(&held);
}

void kills(struct random *random, const char *bdf, unsigned long rounds)
{
	volatile int *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long died[POINTS] = { 0 };
	pid_t above = supervisor();
	int before;

	next(bdf);
	before = descriptors_of(above);
	for (unsigned long round = 0; round < rounds; round++) {
		unsigned int kind = (unsigned int)below(random, 3);
		struct timespec wait = { 0, (long)below(random, 3500000) };
		pid_t child;
		int status;

		*at = STARTED;
		child = (pid_t)must(fork(), "fork");
		if (!child)
			victim(bdf, kind, at);
		nanosleep(&wait, NULL);
		kill(child, SIGKILL);
		must(waitpid(child, &status, 0), "waitpid");
		if (WIFEXITED(status))
			fail("a victim ended by itself in round %lu", round);
		died[*at]++;
		next(bdf);
	}
	for (int i = 0; i < POINTS; i++)
		ok("%lu died after %s", died[i], names[i]);
	/* The end of the last client's process may take the supervisor a moment to see. */
	for (int patience = 100; descriptors_of(above) > before + KEPT && patience; patience--)
		usleep(50000);
	if (before >= 0 && descriptors_of(above) > before + KEPT)
		fail("the supervisor had %d descriptors and has %d", before, descriptors_of(above));
	ok("%lu clients killed, each followed by one that found everything free", rounds);
}
