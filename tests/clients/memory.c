/* Whose memory a mapping is: across an exec, and within RLIMIT_MEMLOCK. SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "client.h"
#include "modes.h"
#include "pci-test.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE 0x1000ul
#define PLACE 0x1000000000ul	/* an address that no program's own parts are at */
#define OLD_IOVA 0x50000000ul
#define NEW_IOVA 0x60000000ul
#define LARGE 0x10000ul		/* bytes that are copied in one piece of more than a few pages */

static unsigned char *memory_at(unsigned long address, unsigned long size)
{
	void *memory = mmap((void *)address, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | (address ? MAP_FIXED_NOREPLACE : 0), -1, 0);

	if (memory == MAP_FAILED)
		fail("mmap: %s", strerrorname_np(errno));
	return memory;
}

static long map(const struct client *client, uint32_t flags, const void *memory, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof map, .flags = flags, .vaddr = (uintptr_t)memory, .iova = iova, .size = size };

	return ioctl(client->container, VFIO_IOMMU_MAP_DMA, &map);
}

static uint64_t unmap(const struct client *client, uint32_t flags, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof unmap, .flags = flags, .iova = iova, .size = size };

	must(ioctl(client->container, VFIO_IOMMU_UNMAP_DMA, &unmap), "VFIO_IOMMU_UNMAP_DMA");
	return unmap.size;
}

#define READ_WRITE (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

void exec_memory(struct client *client)
{
	char text[3][32];

	open_all(client);
	must(map(client, READ_WRITE, memory_at(PLACE, 2 * LARGE), OLD_IOVA, 2 * LARGE), "VFIO_IOMMU_MAP_DMA");
	memset((void *)PLACE, 0x11, 2 * LARGE);
	if (copy(client, OLD_IOVA, OLD_IOVA + LARGE, LARGE, 0) != PCI_TEST_STATUS_DONE)
		fail("copy before the exec");
	snprintf(text[0], sizeof text[0], "%d", (int)must(dup(client->container), "dup"));	/* without O_CLOEXEC */
	snprintf(text[1], sizeof text[1], "%d", (int)must(dup(client->device), "dup"));
	snprintf(text[2], sizeof text[2], "0x%llx", (unsigned long long)client->bar0);
	execl("/proc/self/exe", "vfio-client", "memory-after-exec", text[0], text[1], text[2], NULL);
	fail("exec: %s", strerrorname_np(errno));
}

/* The program after the exec has memory where the one before had it, and has told nobody. No device may reach it. */
void memory_after_exec(int argc, char **argv)
{
	struct client client = { .bdf = "?" };
	unsigned char *there, *mine;
	unsigned long i;

	if (argc != 5)
		fail("memory-after-exec: %d arguments", argc);
	client.container = atoi(argv[2]);
	client.device = atoi(argv[3]);
	client.bar0 = strtoull(argv[4], NULL, 0);
	there = memory_at(PLACE, 2 * LARGE);
	memset(there, 0x77, 2 * LARGE);
	mine = memory_at(0, LARGE);
	memset(mine, 0x22, LARGE);
	must(map(&client, READ_WRITE, mine, NEW_IOVA, LARGE), "VFIO_IOMMU_MAP_DMA after the exec");
	if (copy(&client, OLD_IOVA, NEW_IOVA, LARGE, 0) != PCI_TEST_STATUS_SOURCE_FAULT || copy(&client, OLD_IOVA, NEW_IOVA, 64, 0) != PCI_TEST_STATUS_SOURCE_FAULT)
		fail("the device read the new program's memory by the old one's mapping");
	if (copy(&client, NEW_IOVA, OLD_IOVA, LARGE, 0) != PCI_TEST_STATUS_TARGET_FAULT || copy(&client, NEW_IOVA, OLD_IOVA, 64, 0) != PCI_TEST_STATUS_TARGET_FAULT)
		fail("the device wrote the new program's memory by the old one's mapping");
	for (i = 0; i < LARGE; i++)
		if (mine[i] != 0x22 || there[i] != 0x77)
			fail("byte 0x%lx changed", i);
	ok("the old program's mapping does not reach the new one's memory");

	/* Now it says where the memory is: VFIO_UPDATE_VADDR, for which the kernel has it. */
	if (unmap(&client, VFIO_DMA_UNMAP_FLAG_VADDR, OLD_IOVA, 2 * LARGE) != 2 * LARGE)
		fail("VFIO_DMA_UNMAP_FLAG_VADDR: not the whole mapping");
	must(map(&client, VFIO_DMA_MAP_FLAG_VADDR, there, OLD_IOVA, 2 * LARGE), "VFIO_DMA_MAP_FLAG_VADDR");
	if (copy(&client, NEW_IOVA, OLD_IOVA, LARGE, 0) != PCI_TEST_STATUS_DONE || memcmp(mine, there, LARGE) != 0)
		fail("the device does not reach the memory at its new address");
	ok("it does after the address was updated");
	if (unmap(&client, VFIO_DMA_UNMAP_FLAG_ALL, 0, 0) != BUFFER_SIZE + 3 * LARGE)
		fail("unmapping all");
	ok("all of exec-memory");
}

void memlock(struct client *client)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };
	struct rlimit limit = { 16 * PAGE, 16 * PAGE };
	unsigned char *memory;

	open_all(client);
	unmap_memory(client);
	must(syscall(SYS_capset, &header, none), "capset");
	memory = memory_at(0, 64 * PAGE);
	must(map(client, READ_WRITE, memory, OLD_IOVA, 64 * PAGE), "map under the limit the run was started with");
	unmap(client, 0, OLD_IOVA, 64 * PAGE);
	must(setrlimit(RLIMIT_MEMLOCK, &limit), "setrlimit");
	must_fail(map(client, READ_WRITE, memory, OLD_IOVA, 64 * PAGE), ENOMEM, "map over RLIMIT_MEMLOCK");
	must(map(client, READ_WRITE, memory, OLD_IOVA, 10 * PAGE), "map below RLIMIT_MEMLOCK");
	must_fail(map(client, READ_WRITE, memory, NEW_IOVA, 7 * PAGE), ENOMEM, "the same memory counts again");
	must(map(client, READ_WRITE, memory, NEW_IOVA, 6 * PAGE), "map up to RLIMIT_MEMLOCK");
	unmap(client, 0, OLD_IOVA, 10 * PAGE);
	must_fail(map(client, READ_WRITE, (void *)PLACE, OLD_IOVA, PAGE), EFAULT, "memory that is not there, below the limit");
	must(map(client, READ_WRITE, memory, OLD_IOVA, 10 * PAGE), "map what was given back");
	if (unmap(client, VFIO_DMA_UNMAP_FLAG_ALL, 0, 0) != 16 * PAGE)
		fail("unmapping all");
	close_all(client);
}
