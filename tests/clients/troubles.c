/* Everything that a report explains: refusals, probing calls, lost interrupts, faults. SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "client.h"
#include "modes.h"
#include "pci-test.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REFUSALS 1000
#define NO_SUCH_EVENT 0x1234u
#define DOORBELL 0x40		/* GITS_TRANSLATER in its page */

static void refused_again_and_again(const struct client *client)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof map, .flags = VFIO_DMA_MAP_FLAG_READ, .vaddr = (uintptr_t)client->memory,
		.iova = client->window_start, .size = 0x2000,
	};
	int i;

	for (i = 0; i < REFUSALS; i++)
		if (ioctl(client->container, VFIO_IOMMU_MAP_DMA, &map) != -1 || errno != EINVAL)
			fail("mapped in the MSI window");
	ok("refused %d times", REFUSALS);
}

/* What programs ask as a matter of course. */
static void probes(const struct client *client)
{
	struct vfio_pci_hot_reset_info reset = { .argsz = sizeof reset };
	struct vfio_device_info info = { .argsz = 4 };
	struct vfio_device_feature feature = { .argsz = sizeof feature, .flags = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET | 0x7fff };
	struct vfio_region_info region = { .argsz = sizeof region, .index = 4711 };

	must_fail(ioctl(client->device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &reset), ENOSPC, "hot reset info without room");
	must_fail(ioctl(client->device, VFIO_DEVICE_GET_INFO, &info), EINVAL, "device info with a short argsz");
	must_fail(ioctl(client->device, VFIO_DEVICE_FEATURE, &feature), ENOTTY, "an unknown feature");
	must_fail(ioctl(client->device, VFIO_DEVICE_GET_REGION_INFO, &region), EINVAL, "an unknown region");
}

/* Nobody explains these in particular: each has the meaning of its errno. */
static void bad_arguments(const struct client *client)
{
	char byte;

	must_fail(ioctl(client->device, VFIO_DEVICE_GET_INFO, (void *)0x10), EFAULT, "an argument that is no memory");
	must_fail(pread(client->group, &byte, 1, client->bar0), EINVAL, "read of a group");
}

static void set_master(const struct client *client, int on)
{
	uint16_t command = PCI_COMMAND_MEMORY | (on ? PCI_COMMAND_MASTER : 0);

	must(pwrite(client->device, &command, sizeof command, client->config + PCI_COMMAND), "write of PCI_COMMAND");
}

static void lose_interrupts(const struct client *client)
{
	uint64_t full = 0xfffffffffffffffe;
	uint32_t event = NO_SUCH_EVENT;

	memcpy(client->memory, &event, sizeof event);
	copy(client, BUFFER_IOVA, client->window_start + DOORBELL, sizeof event, 0);
	ok("a message with an EventID of nobody's");
	set_master(client, 0);
	write_register(client, PCI_TEST_RAISE, 2);
	set_master(client, 1);
	ok("a message with bus mastering off");
	must(write(client->event[3], &full, sizeof full), "write of an eventfd");
	write_register(client, PCI_TEST_RAISE, 3);
	write_register(client, PCI_TEST_RAISE, 3);
	must(read(client->event[3], &full, sizeof full), "read of an eventfd");
	ok("an eventfd that is full");
}

void troubles(struct client *client)
{
	int i;

	open_all(client);
	if (!client->window)
		fail("no MSI window");
	trigger_each(client);
	probes(client);
	bad_arguments(client);
	refused_again_and_again(client);
	lose_interrupts(client);
	for (i = 0; i < 25; i++)
		if (copy(client, UNMAPPED_IOVA + i * 0x1000, BUFFER_IOVA, 16, 0) != PCI_TEST_STATUS_SOURCE_FAULT)
			fail("copy from an unmapped IOVA");
	if (copy(client, BUFFER_IOVA, UNMAPPED_IOVA, 16, 0) != PCI_TEST_STATUS_TARGET_FAULT)
		fail("copy to an unmapped IOVA");
	ok("faults");
	disarm_vectors(client);
	write_register(client, PCI_TEST_RAISE, 0);
	close_all(client);
}
