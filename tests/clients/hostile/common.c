/* The steps of a driver, each with its errno and without a word. SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "hostile.h"
#include "../pci-test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

void seed(struct random *random, uint64_t seed)
{
	random->state = seed * 0x9e3779b97f4a7c15ull + 0x2545f4914f6cdd1dull;
	if (!random->state)
		random->state = 1;
}

uint64_t any(struct random *random)
{
	uint64_t x = random->state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	random->state = x;
	return x * 0x2545f4914f6cdd1dull;
}

uint64_t below(struct random *random, uint64_t limit)
{
	return any(random) % limit;
}

int chance(struct random *random, unsigned int percent)
{
	return below(random, 100) < percent;
}

double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int group_of(const char *bdf)
{
	char path[256], target[256];
	ssize_t length;

	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/iommu_group", bdf);
	length = must(readlink(path, target, sizeof target - 1), path);
	target[length] = 0;
	return atoi(strrchr(target, '/') + 1);
}

int open_group_of(const char *bdf)
{
	char path[64];

	snprintf(path, sizeof path, "/dev/vfio/%d", group_of(bdf));
	return open(path, O_RDWR | O_CLOEXEC);
}

int take_group(struct held *held)
{
	held->container = held->group = held->device = -1;
	held->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (held->container < 0)
		return -1;
	held->group = open_group_of(held->bdf);
	return held->group < 0 ? -1 : 0;
}

int take_iommu(struct held *held)
{
	return ioctl(held->group, VFIO_GROUP_SET_CONTAINER, &held->container) || ioctl(held->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) ? -1 : 0;
}

int map(const struct held *held, void *memory, uint64_t iova, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof map, .flags = flags, .vaddr = (uintptr_t)memory, .iova = iova, .size = size };

	return ioctl(held->container, VFIO_IOMMU_MAP_DMA, &map);
}

int unmap(const struct held *held, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof unmap, .iova = iova, .size = size };

	return ioctl(held->container, VFIO_IOMMU_UNMAP_DMA, &unmap);
}

uint64_t region(int device, uint32_t index)
{
	struct vfio_region_info info = { .argsz = sizeof info, .index = index };

	return ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info) ? 0 : info.offset;
}

int take_device(struct held *held)
{
	uint16_t command = 6; /* memory space, bus master */

	held->device = ioctl(held->group, VFIO_GROUP_GET_DEVICE_FD, held->bdf);
	if (held->device < 0)
		return -1;
	held->bar0 = region(held->device, VFIO_PCI_BAR0_REGION_INDEX);
	held->config = region(held->device, VFIO_PCI_CONFIG_REGION_INDEX);
	return pwrite(held->device, &command, sizeof command, held->config + 4) == sizeof command ? 0 : -1;
}

int arm(struct held *held, unsigned int vectors)
{
	struct {
		struct vfio_irq_set set;
		int32_t fd[VECTORS];
	} irqs = {
		.set = { .argsz = sizeof irqs.set + vectors * sizeof(int32_t), .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			.index = VFIO_PCI_MSIX_IRQ_INDEX, .count = vectors },
	};
	unsigned int i;

	for (i = 0; i < vectors; i++)
		irqs.fd[i] = held->event[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return ioctl(held->device, VFIO_DEVICE_SET_IRQS, &irqs);
}

int disarm(const struct held *held)
{
	struct vfio_irq_set set = { .argsz = sizeof set, .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, .index = VFIO_PCI_MSIX_IRQ_INDEX };

	return ioctl(held->device, VFIO_DEVICE_SET_IRQS, &set);
}

int write_register(const struct held *held, uint32_t offset, uint32_t value)
{
	return pwrite(held->device, &value, sizeof value, held->bar0 + offset) == sizeof value ? 0 : -1;
}

uint32_t read_register(const struct held *held, uint32_t offset)
{
	uint32_t value = 0;

	if (pread(held->device, &value, sizeof value, held->bar0 + offset) != sizeof value)
		fail("read of register 0x%x: %s", offset, strerrorname_np(errno));
	return value;
}

uint32_t copy(const struct held *held, uint64_t from, uint64_t to, uint32_t length)
{
	write_register(held, PCI_TEST_SOURCE_LOW, (uint32_t)from);
	write_register(held, PCI_TEST_SOURCE_HIGH, (uint32_t)(from >> 32));
	write_register(held, PCI_TEST_DESTINATION_LOW, (uint32_t)to);
	write_register(held, PCI_TEST_DESTINATION_HIGH, (uint32_t)(to >> 32));
	write_register(held, PCI_TEST_LENGTH, length);
	write_register(held, PCI_TEST_COPY, PCI_TEST_COPY_START);
	return read_register(held, PCI_TEST_STATUS);
}

uint64_t events(const struct held *held, unsigned int vector, int milliseconds)
{
	struct pollfd wait = { .fd = held->event[vector], .events = POLLIN };
	uint64_t count = 0;

	return poll(&wait, 1, milliseconds) == 1 && read(held->event[vector], &count, sizeof count) == sizeof count ? count : 0;
}

void take_all(struct held *held)
{
	must(take_group(held), "open of the group");
	must(take_iommu(held), "SET_IOMMU");
	held->memory = mmap(NULL, BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(map(held, held->memory, BUFFER_IOVA, BUFFER_SIZE, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE), "MAP_DMA");
	must(take_device(held), "GET_DEVICE_FD");
	must(arm(held, VECTORS), "SET_IRQS");
}

void release(struct held *held)
{
	int i;

	for (i = 0; i < VECTORS; i++)
		close(held->event[i]);
	close(held->device);
	close(held->group);
	close(held->container);
	munmap(held->memory, BUFFER_SIZE);
}

static pid_t parent_of(pid_t pid)
{
	return (pid_t)status_of(pid, "PPid:");
}

pid_t supervisor(void)
{
	pid_t pid = getpid();
	char path[64], name[64];
	FILE *file;

	/* The nearest two doorbells above: the reaper, and what answers. */
	for (int found = 0; pid > 1; pid = parent_of(pid)) {
		snprintf(path, sizeof path, "/proc/%d/comm", pid);
		file = fopen(path, "r");
		if (file && fgets(name, sizeof name, file) && (!strncasecmp(name, "doorbell", 8) || !strncmp(name, "dotnet", 6)) && ++found == 2) {
			fclose(file);
			return pid;
		}
		if (file)
			fclose(file);
	}
	fail("no supervisor above");
}

long status_of(pid_t pid, const char *field)
{
	char path[64], line[256];
	long value = -1;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/status", pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof line, file))
		if (!strncmp(line, field, strlen(field)))
			value = atol(line + strlen(field));
	if (file)
		fclose(file);
	return value;
}

int descriptors_of(pid_t pid)
{
	char path[64];
	int count = 0;
	DIR *folder;

	snprintf(path, sizeof path, "/proc/%d/fd", pid);
	folder = opendir(path);
	if (!folder)
		return -1;
	while (readdir(folder))
		count++;
	closedir(folder);
	return count - 2;
}
