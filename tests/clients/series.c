/*
 * A client written to the series' own uAPI, v6 (V1, V2, V6): it finds out that MSIs need a mapping, and for how many pages, gives the window
 * for them, and arms. No kernel's header has these names; the numbers are the series'. SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE

#include "client.h"
#include "modes.h"
#include "pci-test.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define V6_MAP_MSI_RESERVED_IOVA	(1 << 2)	/* VFIO_DMA_MAP_FLAG_MSI_RESERVED_IOVA */
#define V6_INFO_REQUIRE_MSI_MAP		(1 << 1)	/* VFIO_IOMMU_INFO_REQUIRE_MSI_MAP */

struct v6_iommu_info {
	uint32_t argsz;
	uint32_t flags;
	uint64_t iova_pgsizes;
	uint32_t msi_iova_pages;
	uint32_t pad;
};

/* Two places for the window; the test knows them too. */
#define WINDOW		0x0c000000ul
#define OTHER_WINDOW	0x0c040000ul
#define PAGE		0x1000ul

static int register_window(const struct client *client, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof map, .flags = V6_MAP_MSI_RESERVED_IOVA, .iova = iova, .size = size };

	return ioctl(client->container, VFIO_IOMMU_MAP_DMA, &map);
}

static int map_at(const struct client *client, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof map, .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)client->memory, .iova = iova, .size = size,
	};

	return ioctl(client->container, VFIO_IOMMU_MAP_DMA, &map);
}

/* Gives the bytes that were unmapped, or -1. */
static long unmap_at(const struct client *client, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof unmap, .iova = iova, .size = size };

	return ioctl(client->container, VFIO_IOMMU_UNMAP_DMA, &unmap) < 0 ? -1 : (long)unmap.size;
}

static void arm_and_fail(const struct client *client, int error, const char *step)
{
	union {
		struct vfio_irq_set set;
		unsigned char space[sizeof(struct vfio_irq_set) + sizeof(int32_t)];
	} irqs = { .set = { .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, .index = VFIO_PCI_MSIX_IRQ_INDEX, .count = 1 } };
	int32_t event = must(eventfd(0, EFD_CLOEXEC), "eventfd");

	irqs.set.argsz = sizeof irqs.set + sizeof event;
	memcpy(irqs.set.data, &event, sizeof event);
	must_fail(ioctl(client->device, VFIO_DEVICE_SET_IRQS, &irqs), error, step);
	close(event);
}

/* What the user must set aside: VFIO_IOMMU_GET_INFO says how many pages of IOVA the doorbells take. */
static uint32_t pages_asked_for(const struct client *client)
{
	struct v6_iommu_info info = { .argsz = sizeof info };

	must(ioctl(client->container, VFIO_IOMMU_GET_INFO, &info), "VFIO_IOMMU_GET_INFO");
	if (!(info.flags & V6_INFO_REQUIRE_MSI_MAP) || info.msi_iova_pages == 0)
		fail("VFIO_IOMMU_GET_INFO: flags 0x%x, %u pages: MSIs need no mapping", info.flags, info.msi_iova_pages);
	ok("pages asked for: %u", info.msi_iova_pages);
	return info.msi_iova_pages;
}

void series(struct client *client)
{
	uint64_t size;

	find_group(client);
	open_container(client);
	open_group(client);
	set_iommu(client);
	size = pages_asked_for(client) * PAGE;
	map_memory(client);
	open_device(client);
	check_config(client);

	/* Without a window: no vector, whatever the user does then. */
	arm_and_fail(client, EINVAL, "armed without a window");
	must_fail(register_window(client, WINDOW, size / 2), EINVAL, "a window smaller than a page");
	must_fail(register_window(client, WINDOW + 0x800, size), EINVAL, "a window that begins in a page");
	must_fail(register_window(client, WINDOW, 0), EINVAL, "an empty window");
	must_fail(register_window(client, BUFFER_IOVA + BUFFER_SIZE - PAGE, size + PAGE), EEXIST, "a window over mapped memory");
	arm_and_fail(client, EINVAL, "armed after windows that were refused");

	must(register_window(client, WINDOW, size), "the window");
	ok("window 0x%lx-0x%lx", WINDOW, WINDOW + size - 1);
	must_fail(register_window(client, OTHER_WINDOW, size), EEXIST, "a second window");
	must_fail(map_at(client, WINDOW, PAGE), EEXIST, "memory mapped in the window");
	must_fail(map_at(client, WINDOW - PAGE, 0x100 * PAGE), EEXIST, "memory mapped over the window");
	arm_vectors(client);
	trigger_each(client);

	/* N1: a device that is armed holds an address in it. */
	must_fail(unmap_at(client, WINDOW, size), EBUSY, "the window unmapped while a vector is armed");
	if (must(unmap_at(client, 0, BUFFER_IOVA + BUFFER_SIZE), "all of the user's memory unmapped") != BUFFER_SIZE)
		fail("all of the user's memory unmapped: the window went with it");
	trigger_each(client);
	ok("armed vectors outlive the sweeps of the user's memory");

	disarm_vectors(client);
	if (must(unmap_at(client, WINDOW, size), "the window unmapped") != (long)size)
		fail("the window unmapped: not 0x%lx bytes", size);
	arm_and_fail(client, EINVAL, "armed after the window was unmapped");
	must(map_at(client, WINDOW, PAGE), "memory where the window was");
	must(register_window(client, OTHER_WINDOW, size), "a window elsewhere");
	arm_vectors(client);
	trigger_each(client);
	ok("window moved to 0x%lx", OTHER_WINDOW);
	close_all(client);
}
