/* Threads that share a container and a device, and race (T1, N2). SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include "client.h"
#include "modes.h"
#include "pci-test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROUNDS 300
#define MAPPERS 3
#define PAGE 0x1000ul
#define RACE_IOVA 0x50000000ul		/* where the racing threads map */
#define SHARED_IOVA 0x60000000ul	/* and one page that all of them want */

struct racer {
	const struct client *client;
	pthread_t thread;
	unsigned int number;
	unsigned int shared;		/* times this one had the page all want */
	pthread_barrier_t *start;
};

static int map_page(const struct client *client, void *memory, uint64_t iova)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof map, .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)memory, .iova = iova, .size = PAGE,
	};

	return ioctl(client->container, VFIO_IOMMU_MAP_DMA, &map);
}

static unsigned long unmap_page(const struct client *client, uint64_t iova)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof unmap, .iova = iova, .size = PAGE };

	must(ioctl(client->container, VFIO_IOMMU_UNMAP_DMA, &unmap), "VFIO_IOMMU_UNMAP_DMA in a thread");
	return unmap.size;
}

/* Its own IOVA always maps and unmaps; the page everybody wants maps for one at a time. */
static void *map_and_unmap(void *argument)
{
	struct racer *racer = argument;
	uint64_t own = RACE_IOVA + racer->number * PAGE;
	void *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int round;

	if (memory == MAP_FAILED)
		fail("mmap: %s", strerrorname_np(errno));
	pthread_barrier_wait(racer->start);
	for (round = 0; round < ROUNDS; round++) {
		must(map_page(racer->client, memory, own), "VFIO_IOMMU_MAP_DMA in a thread");
		if (map_page(racer->client, memory, SHARED_IOVA) == 0) {
			racer->shared++;
			if (unmap_page(racer->client, SHARED_IOVA) != PAGE)
				fail("the page everybody wants was unmapped by another");
		} else if (errno != EEXIST) {
			fail("the page everybody wants: %s", strerrorname_np(errno));
		}
		if (unmap_page(racer->client, own) != PAGE)
			fail("thread %u: its own page was not there", racer->number);
	}
	return NULL;
}

/* Vectors off and on again beside them; what is armed comes. */
static void *arm_and_disarm(void *argument)
{
	struct racer *racer = argument;
	struct client mine = *racer->client;
	unsigned int round, vector;

	pthread_barrier_wait(racer->start);
	for (round = 0; round < ROUNDS / 10; round++) {
		for (vector = 0; vector < mine.vectors; vector++) {
			write_register(&mine, PCI_TEST_RAISE, vector);
			if (wait_event(&mine, vector, EVENT_TIMEOUT) != 1)
				fail("vector %u did not come beside other threads' calls", vector);
		}
		set_vectors(&mine, 0);
		set_vectors(&mine, mine.vectors);
	}
	return NULL;
}

/* Copies from page to page through mappings that stay, so a mapping that is lost for a moment would show. */
static void *copy_all_the_time(void *argument)
{
	struct racer *racer = argument;
	const struct client *client = racer->client;
	unsigned int round;

	pthread_barrier_wait(racer->start);
	for (round = 0; round < ROUNDS; round++) {
		memset(client->memory, (int)round, PAGE);
		if (copy(client, BUFFER_IOVA, BUFFER_IOVA + 2 * PAGE, PAGE, 0) != PCI_TEST_STATUS_DONE)
			fail("a copy faulted beside other threads' calls");
		if (memcmp(client->memory, client->memory + 2 * PAGE, PAGE) != 0)
			fail("a copy brought other bytes");
	}
	return NULL;
}

void threads(struct client *client)
{
	static void *(*const others[])(void *) = { arm_and_disarm, copy_all_the_time };
	struct racer racers[MAPPERS + 2] = { 0 };
	pthread_barrier_t start;
	unsigned int i, shared = 0;

	open_all(client);
	pthread_barrier_init(&start, NULL, MAPPERS + 2);
	for (i = 0; i < MAPPERS + 2; i++) {
		racers[i] = (struct racer){ .client = client, .number = i, .start = &start };
		if (pthread_create(&racers[i].thread, NULL, i < MAPPERS ? map_and_unmap : others[i - MAPPERS], &racers[i]) != 0)
			fail("pthread_create");
	}
	for (i = 0; i < MAPPERS + 2; i++) {
		pthread_join(racers[i].thread, NULL);
		shared += racers[i].shared;
	}
	if (shared == 0)
		fail("nobody ever had the page everybody wanted");
	ok("%u threads, %u maps of one page", MAPPERS + 2, shared);
	trigger_each(client);
	unmap_memory(client);
	close_all(client);
}
