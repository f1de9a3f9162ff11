#define _GNU_SOURCE
#include "client.h"
#include "pci-test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

void must_fail(long result, int error, const char *step)
{
	int found = errno;

	if (result >= 0)
		fail("%s: succeeded, %s expected", step, strerrorname_np(error));
	if (found != error)
		fail("%s: %s, %s expected", step, strerrorname_np(found), strerrorname_np(error));
	ok("%s: %s", step, strerrorname_np(error));
}

void find_group(struct client *client)
{
	char path[256], target[256];
	ssize_t length;

	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/iommu_group", client->bdf);
	length = must(readlink(path, target, sizeof target - 1), path);
	target[length] = 0;
	if (!strrchr(target, '/'))
		fail("%s points to '%s'", path, target);
	client->group_number = atoi(strrchr(target, '/') + 1);
	ok("group %d of %s", client->group_number, client->bdf);
}

void open_container(struct client *client)
{
	client->container = must(open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC), "open /dev/vfio/vfio");
	if (must(ioctl(client->container, VFIO_GET_API_VERSION), "VFIO_GET_API_VERSION") != VFIO_API_VERSION)
		fail("VFIO_GET_API_VERSION: not %d", VFIO_API_VERSION);
	if (must(ioctl(client->container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU), "VFIO_CHECK_EXTENSION") != 1)
		fail("VFIO_CHECK_EXTENSION: no VFIO_TYPE1v2_IOMMU");
	if (must(ioctl(client->container, VFIO_CHECK_EXTENSION, 4711), "VFIO_CHECK_EXTENSION 4711") != 0)
		fail("VFIO_CHECK_EXTENSION 4711: claimed");
	must_fail(ioctl(client->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), EINVAL, "VFIO_SET_IOMMU without a group");
	ok("container");
}

void open_group(struct client *client)
{
	struct vfio_group_status status = { .argsz = sizeof status };
	char path[64];

	snprintf(path, sizeof path, "/dev/vfio/%d", client->group_number);
	client->group = must(open(path, O_RDWR | O_CLOEXEC), path);
	must_fail(open(path, O_RDWR | O_CLOEXEC), EBUSY, "group opened twice");
	must(ioctl(client->group, VFIO_GROUP_GET_STATUS, &status), "VFIO_GROUP_GET_STATUS");
	if (status.flags != VFIO_GROUP_FLAGS_VIABLE)
		fail("VFIO_GROUP_GET_STATUS: flags 0x%x, only VIABLE expected", status.flags);
	must_fail(ioctl(client->group, VFIO_GROUP_GET_DEVICE_FD, client->bdf), EINVAL, "device without a container");
	must(ioctl(client->group, VFIO_GROUP_SET_CONTAINER, &client->container), "VFIO_GROUP_SET_CONTAINER");
	must(ioctl(client->group, VFIO_GROUP_GET_STATUS, &status), "VFIO_GROUP_GET_STATUS");
	if (status.flags != (VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET))
		fail("VFIO_GROUP_GET_STATUS: flags 0x%x with a container", status.flags);
	ok("group");
}

void set_iommu(struct client *client)
{
	must(ioctl(client->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "VFIO_SET_IOMMU");
	must_fail(ioctl(client->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), EINVAL, "VFIO_SET_IOMMU twice");
	ok("iommu type1v2");
}

void show_ranges(struct client *client)
{
	struct vfio_iommu_type1_info probe = { .argsz = sizeof probe }, *info;
	struct vfio_iommu_type1_info_cap_iova_range *ranges = NULL;
	uint32_t offset, i;

	must(ioctl(client->container, VFIO_IOMMU_GET_INFO, &probe), "VFIO_IOMMU_GET_INFO");
	if (!(probe.flags & VFIO_IOMMU_INFO_CAPS) || probe.argsz <= sizeof probe)
		fail("VFIO_IOMMU_GET_INFO: no capabilities, flags 0x%x argsz %u", probe.flags, probe.argsz);
	info = calloc(1, probe.argsz);
	info->argsz = probe.argsz;
	must(ioctl(client->container, VFIO_IOMMU_GET_INFO, info), "VFIO_IOMMU_GET_INFO with capabilities");
	if (!(info->flags & VFIO_IOMMU_INFO_PGSIZES) || !(info->iova_pgsizes & 0x1000))
		fail("VFIO_IOMMU_GET_INFO: page sizes 0x%llx", info->iova_pgsizes);
	ok("page sizes 0x%llx", info->iova_pgsizes);
	for (offset = info->cap_offset; offset;) {
		struct vfio_info_cap_header *header = (void *)((char *)info + offset);

		if (offset + sizeof *header > probe.argsz)
			fail("VFIO_IOMMU_GET_INFO: capability at 0x%x outside", offset);
		if (header->id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
			ranges = (void *)header;
		offset = header->next;
	}
	if (!ranges || !ranges->nr_iovas)
		fail("VFIO_IOMMU_GET_INFO: no usable IOVA ranges");
	for (i = 0; i < ranges->nr_iovas; i++) {
		ok("range 0x%llx-0x%llx", ranges->iova_ranges[i].start, ranges->iova_ranges[i].end);
		if (i > 0) {
			client->window = 1;
			client->window_start = ranges->iova_ranges[i - 1].end + 1;
		}
	}
	free(info);
}

void map_memory(struct client *client)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof map, .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.iova = BUFFER_IOVA, .size = BUFFER_SIZE,
	};

	client->memory = mmap(NULL, BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (client->memory == MAP_FAILED)
		fail("mmap: %s", strerrorname_np(errno));
	memset(client->memory, 0, BUFFER_SIZE);
	map.vaddr = (uintptr_t)client->memory;
	must(ioctl(client->container, VFIO_IOMMU_MAP_DMA, &map), "VFIO_IOMMU_MAP_DMA");
	must_fail(ioctl(client->container, VFIO_IOMMU_MAP_DMA, &map), EEXIST, "mapped twice");
	if (client->window) {
		map.iova = client->window_start;
		map.size = 0x1000;
		must_fail(ioctl(client->container, VFIO_IOMMU_MAP_DMA, &map), EINVAL, "mapped in the MSI window");
	}
	ok("map 0x%lx-0x%lx", BUFFER_IOVA, BUFFER_IOVA + BUFFER_SIZE - 1);
}

void unmap_memory(struct client *client)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof unmap, .iova = BUFFER_IOVA, .size = BUFFER_SIZE };

	must(ioctl(client->container, VFIO_IOMMU_UNMAP_DMA, &unmap), "VFIO_IOMMU_UNMAP_DMA");
	if (unmap.size != BUFFER_SIZE)
		fail("VFIO_IOMMU_UNMAP_DMA: 0x%llx bytes", unmap.size);
	/* QEMU unmaps ranges in which there is nothing: that succeeds. */
	must(ioctl(client->container, VFIO_IOMMU_UNMAP_DMA, &unmap), "VFIO_IOMMU_UNMAP_DMA of nothing");
	if (unmap.size != 0)
		fail("VFIO_IOMMU_UNMAP_DMA of nothing: 0x%llx bytes", unmap.size);
	ok("unmap");
}

static struct vfio_region_info region(const struct client *client, uint32_t index)
{
	struct vfio_region_info info = { .argsz = sizeof info, .index = index };

	must(ioctl(client->device, VFIO_DEVICE_GET_REGION_INFO, &info), "VFIO_DEVICE_GET_REGION_INFO");
	ok("region %u size 0x%llx flags 0x%x", index, info.size, info.flags);
	return info;
}

void open_device(struct client *client)
{
	struct vfio_device_info info = { .argsz = sizeof info };
	struct vfio_irq_info irq = { .argsz = sizeof irq, .index = VFIO_PCI_MSIX_IRQ_INDEX };
	struct vfio_region_info bar;

	must_fail(ioctl(client->group, VFIO_GROUP_GET_DEVICE_FD, "ffff:ff:1f.7"), ENODEV, "a device of no group");
	client->device = must(ioctl(client->group, VFIO_GROUP_GET_DEVICE_FD, client->bdf), "VFIO_GROUP_GET_DEVICE_FD");
	must(ioctl(client->device, VFIO_DEVICE_GET_INFO, &info), "VFIO_DEVICE_GET_INFO");
	if (!(info.flags & VFIO_DEVICE_FLAGS_PCI) || info.num_regions < VFIO_PCI_NUM_REGIONS || info.num_irqs < VFIO_PCI_NUM_IRQS)
		fail("VFIO_DEVICE_GET_INFO: flags 0x%x, %u regions, %u irqs", info.flags, info.num_regions, info.num_irqs);
	ok("device flags 0x%x", info.flags);

	client->config = region(client, VFIO_PCI_CONFIG_REGION_INDEX).offset;
	bar = region(client, VFIO_PCI_BAR0_REGION_INDEX);
	if (bar.size == 0 || !(bar.flags & VFIO_REGION_INFO_FLAG_READ) || !(bar.flags & VFIO_REGION_INFO_FLAG_WRITE))
		fail("BAR 0 cannot be used");
	client->bar0 = bar.offset;

	must(ioctl(client->device, VFIO_DEVICE_GET_IRQ_INFO, &irq), "VFIO_DEVICE_GET_IRQ_INFO");
	if (!(irq.flags & VFIO_IRQ_INFO_EVENTFD) || irq.count == 0)
		fail("MSI-X: flags 0x%x count %u", irq.flags, irq.count);
	client->vectors = irq.count < MAX_VECTORS ? irq.count : MAX_VECTORS;
	ok("msi-x flags 0x%x count %u", irq.flags, irq.count);
}

static uint16_t read_config(const struct client *client, unsigned int offset)
{
	uint16_t value;

	if (must(pread(client->device, &value, sizeof value, client->config + offset), "read of config space") != sizeof value)
		fail("read of config space at 0x%x: short", offset);
	return value;
}

static unsigned int sysfs(const struct client *client, const char *name)
{
	char path[256];
	unsigned int value;
	FILE *file;

	snprintf(path, sizeof path, "/sys/bus/pci/devices/%s/%s", client->bdf, name);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%x", &value) != 1)
		fail("%s: cannot be read", path);
	fclose(file);
	return value;
}

void check_config(struct client *client)
{
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	volatile size_t too_many = (size_t)1 << 63;

	if (read_config(client, PCI_VENDOR_ID) != sysfs(client, "vendor") || read_config(client, PCI_DEVICE_ID) != sysfs(client, "device"))
		fail("config space says %04x:%04x, sysfs %04x:%04x", read_config(client, PCI_VENDOR_ID), read_config(client, PCI_DEVICE_ID),
			sysfs(client, "vendor"), sysfs(client, "device"));
	must_fail(pread(client->device, &command, sizeof command, client->config + 0x1000), EFAULT, "read past config space");
	must_fail(pread(client->device, &command, too_many, client->config), EINVAL, "read of 2^63 bytes");
	if (must(pread(client->device, &command, 0, client->config + 0x1000), "read of nothing past config space") != 0 ||
	    must(pread(client->device, &command, 0, (off_t)60 << 40), "read of nothing in no region") != 0)
		fail("a read of nothing gave something");
	if (must(pwrite(client->device, &command, sizeof command, client->config + PCI_COMMAND), "write of PCI_COMMAND") != sizeof command)
		fail("write of PCI_COMMAND: short");
	if ((read_config(client, PCI_COMMAND) & command) != command)
		fail("PCI_COMMAND reads 0x%x", read_config(client, PCI_COMMAND));
	if (read_register(client, PCI_TEST_ID) != PCI_TEST_ID_VALUE)
		fail("not a pci-test: id 0x%x", read_register(client, PCI_TEST_ID));
	ok("config %04x:%04x", read_config(client, PCI_VENDOR_ID), read_config(client, PCI_DEVICE_ID));
}

void set_vectors(const struct client *client, unsigned int count)
{
	union {
		struct vfio_irq_set set;
		unsigned char space[sizeof(struct vfio_irq_set) + MAX_VECTORS * sizeof(int32_t)];
	} irqs = { .set = { .index = VFIO_PCI_MSIX_IRQ_INDEX, .count = count } };
	unsigned int i;

	irqs.set.flags = VFIO_IRQ_SET_ACTION_TRIGGER | (count ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE);
	irqs.set.argsz = sizeof irqs.set + count * sizeof(int32_t);
	for (i = 0; i < count; i++) {
		int32_t fd = client->event[i];

		memcpy(irqs.set.data + i * sizeof fd, &fd, sizeof fd);
	}
	must(ioctl(client->device, VFIO_DEVICE_SET_IRQS, &irqs), "VFIO_DEVICE_SET_IRQS");
}

void arm_vectors(struct client *client)
{
	unsigned int i;

	for (i = 0; i < client->vectors; i++)
		client->event[i] = must(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
	set_vectors(client, client->vectors);
	ok("armed %u vectors", client->vectors);
}

void disarm_vectors(struct client *client)
{
	struct vfio_irq_set set = {
		.argsz = sizeof set, .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, .index = VFIO_PCI_MSIX_IRQ_INDEX,
	};

	must(ioctl(client->device, VFIO_DEVICE_SET_IRQS, &set), "VFIO_DEVICE_SET_IRQS off");
	must_fail(ioctl(client->device, VFIO_DEVICE_SET_IRQS, &set), EINVAL, "disarmed twice");
	ok("disarmed");
}

void open_all(struct client *client)
{
	find_group(client);
	open_container(client);
	open_group(client);
	set_iommu(client);
	show_ranges(client);
	map_memory(client);
	open_device(client);
	check_config(client);
	arm_vectors(client);
}

void close_all(struct client *client)
{
	unsigned int i;

	for (i = 0; i < client->vectors; i++)
		close(client->event[i]);
	must(close(client->device), "close of the device");
	must(close(client->group), "close of the group");
	must(close(client->container), "close of the container");
	munmap(client->memory, BUFFER_SIZE);
	ok("closed");
}

void write_register(const struct client *client, uint32_t offset, uint32_t value)
{
	if (must(pwrite(client->device, &value, sizeof value, client->bar0 + offset), "write of a register") != sizeof value)
		fail("write of register 0x%x: short", offset);
}

uint32_t read_register(const struct client *client, uint32_t offset)
{
	uint32_t value;

	if (must(pread(client->device, &value, sizeof value, client->bar0 + offset), "read of a register") != sizeof value)
		fail("read of register 0x%x: short", offset);
	return value;
}

uint64_t wait_event(const struct client *client, unsigned int vector, int milliseconds)
{
	struct pollfd poll_event = { .fd = client->event[vector], .events = POLLIN };
	uint64_t count;

	if (must(poll(&poll_event, 1, milliseconds), "poll") == 0)
		return 0;
	if (must(read(client->event[vector], &count, sizeof count), "read of an eventfd") != sizeof count)
		fail("read of an eventfd: short");
	return count;
}

uint32_t copy(const struct client *client, uint64_t from, uint64_t to, uint32_t length, uint32_t options)
{
	write_register(client, PCI_TEST_SOURCE_LOW, (uint32_t)from);
	write_register(client, PCI_TEST_SOURCE_HIGH, (uint32_t)(from >> 32));
	write_register(client, PCI_TEST_DESTINATION_LOW, (uint32_t)to);
	write_register(client, PCI_TEST_DESTINATION_HIGH, (uint32_t)(to >> 32));
	write_register(client, PCI_TEST_LENGTH, length);
	write_register(client, PCI_TEST_COPY, PCI_TEST_COPY_START | options);
	return read_register(client, PCI_TEST_STATUS);
}
