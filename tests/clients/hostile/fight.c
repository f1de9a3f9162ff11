/*
 * Processes, exec'ed ones too, that fight for one group: never two winners, never a stuck group. SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "hostile.h"
#include "../pci-test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct ring {
	int winners;			/* who holds the group now */
	unsigned long wins, refusals, containers_refused;
	int over;
};

/* Alone in the ring: the device is this process's, and its memory, and a second group of the name cannot be had. */
static void hold(struct held *held, struct random *random, struct ring *ring)
{
	static const uint32_t flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	uint32_t mark = (uint32_t)any(random);
	int again;

	if (__atomic_add_fetch(&ring->winners, 1, __ATOMIC_SEQ_CST) != 1)
		fail("two processes hold one group");
	again = open_group_of(held->bdf);
	if (again >= 0 || errno != EBUSY)
		fail("the group held was opened again: %s", again >= 0 ? "success" : strerrorname_np(errno));
	must(take_iommu(held), "SET_IOMMU of the winner");
	/* Into another container as well: the kernel says EINVAL. */
	again = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (ioctl(held->group, VFIO_GROUP_SET_CONTAINER, &again) == 0)
		fail("a group went into two containers");
	close(again);
	must(map(held, held->memory, BUFFER_IOVA, BUFFER_SIZE, flags), "MAP_DMA of the winner");
	must(take_device(held), "GET_DEVICE_FD of the winner");
	must(arm(held, 2), "SET_IRQS of the winner");
	write_register(held, PCI_TEST_SCRATCH, mark);
	write_register(held, PCI_TEST_RAISE, 1);
	if (events(held, 1, 5000) != 1)
		fail("the winner's vector did not come once");
	memcpy(held->memory, &mark, sizeof mark);
	if (copy(held, BUFFER_IOVA, BUFFER_IOVA + 0x1000, sizeof mark) != PCI_TEST_STATUS_DONE || memcmp(held->memory + 0x1000, &mark, sizeof mark))
		fail("the winner's copy did not arrive");
	if (read_register(held, PCI_TEST_SCRATCH) != mark)
		fail("another writes to the winner's device");
	close(held->event[0]);
	close(held->event[1]);
	/* Before the descriptors go: a close that frees the group lets another in at once. */
	__atomic_sub_fetch(&ring->winners, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&ring->wins, 1, __ATOMIC_SEQ_CST);
	close(held->device);
	if (chance(random, 50)) {
		close(held->container);
		close(held->group);
	} else {
		close(held->group);
		close(held->container);
	}
}

static void fighter(struct random *random, const char *bdf, struct ring *ring)
{
	struct held held = { .bdf = bdf };

	held.memory = mmap(NULL, BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	while (!__atomic_load_n(&ring->over, __ATOMIC_SEQ_CST)) {
		if (take_group(&held) == 0) {
			hold(&held, random, ring);
			continue;
		}
		if (errno != EBUSY)
			fail("the loser was told %s", strerrorname_np(errno));
		__atomic_add_fetch(&ring->refusals, 1, __ATOMIC_SEQ_CST);
		close(held.container);
	}
	_exit(0);
}

void fight(struct random *random, const char *bdf, unsigned int processes, unsigned int seconds)
{
	struct ring *ring = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct held held = { .bdf = bdf };
	int status;

	for (unsigned int i = 0; i < processes; i++) {
		any(random);
		if (must(fork(), "fork") == 0)
			fighter(random, bdf, ring);
	}
	sleep(seconds);
	__atomic_store_n(&ring->over, 1, __ATOMIC_SEQ_CST);
	for (unsigned int i = 0; i < processes; i++) {
		must(wait(&status), "wait");
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			fail("a fighter ended with 0x%x", status);
	}
	take_all(&held);
	release(&held);
	if (!ring->wins || !ring->refusals)
		fail("no fight: %lu wins, %lu refusals", ring->wins, ring->refusals);
	ok("%lu wins, %lu refusals with EBUSY, never two winners, and the group is free", ring->wins, ring->refusals);
}
