/*
 * The program that uses the device: plain VFIO, nothing of Doorbell's. It would run the same on a machine that had such a card.
 *	cc -o client client.c && own-device run -- ./client
 */
#include <err.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define BDF "0000:01:00.0"
#define IOVA 0x100000ul
enum { ADDRESS_LOW = 0x00, ADDRESS_HIGH = 0x04, LENGTH = 0x08, STATUS = 0x0c, SUM = 0x10 };

static int device;
static uint64_t bar0;

static int must(int result, const char *step)
{
	if (result < 0)
		err(1, "%s", step);
	return result;
}

static void put(uint32_t reg, uint32_t value)
{
	must(pwrite(device, &value, 4, bar0 + reg) == 4 ? 0 : -1, "write a register");
}

static uint32_t get(uint32_t reg)
{
	uint32_t value;

	must(pread(device, &value, 4, bar0 + reg) == 4 ? 0 : -1, "read a register");
	return value;
}

int main(void)
{
	char link[256] = "", group_path[32];
	int container, group, event = must(eventfd(0, 0), "eventfd");
	uint64_t rings;
	uint16_t command = 0x6;		/* memory space, bus master */
	char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct { struct vfio_irq_set set; int event; } irq = {
		{ sizeof irq, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1 }, event };
	struct vfio_region_info bar = { .argsz = sizeof bar, .index = VFIO_PCI_BAR0_REGION_INDEX };
	struct vfio_region_info config = { .argsz = sizeof config, .index = VFIO_PCI_CONFIG_REGION_INDEX };
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof map, .flags = VFIO_DMA_MAP_FLAG_READ,
		.vaddr = (uintptr_t)memory, .iova = IOVA, .size = 4096 };

	/* Container, group, device: Documentation/driver-api/vfio.rst. */
	must(readlink("/sys/bus/pci/devices/" BDF "/iommu_group", link, sizeof link - 1), "find the group");
	snprintf(group_path, sizeof group_path, "/dev/vfio/%d", atoi(strrchr(link, '/') + 1));
	container = must(open("/dev/vfio/vfio", O_RDWR), "open the container");
	group = must(open(group_path, O_RDWR), "open the group");
	must(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container), "put the group into the container");
	must(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "choose the IOMMU");
	device = must(ioctl(group, VFIO_GROUP_GET_DEVICE_FD, BDF), "open the device");
	must(ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &bar), "find BAR 0");
	must(ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config), "find configuration space");
	bar0 = bar.offset;

	must(ioctl(container, VFIO_IOMMU_MAP_DMA, &map), "give the device memory");
	must(ioctl(device, VFIO_DEVICE_SET_IRQS, &irq), "arm vector 0");
	must(pwrite(device, &command, 2, config.offset + 4) == 2 ? 0 : -1, "enable bus mastering");

	strcpy(memory, "123456789");
	put(ADDRESS_LOW, (uint32_t)IOVA);
	put(ADDRESS_HIGH, IOVA >> 32);
	put(LENGTH, 9);
	must(read(event, &rings, sizeof rings) == sizeof rings ? 0 : -1, "wait for the interrupt");
	printf("status %u, sum %08x, %llu interrupt\n", get(STATUS), get(SUM), (unsigned long long)rings);
	return get(SUM) == 0xcbf43926 ? 0 : 1;
}
