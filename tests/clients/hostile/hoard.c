/*
 * Mappings that cost most: terabytes that lie nowhere, a page off from where large blocks would do. SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define TERABYTE (1ULL << 40)
#define FIRST_IOVA 0x10000000000ULL

static int unmap_vaddr(const struct held *held, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof unmap, .flags = VFIO_DMA_UNMAP_FLAG_VADDR, .iova = iova, .size = size };

	return ioctl(held->container, VFIO_IOMMU_UNMAP_DMA, &unmap);
}

void hoard(const char *bdf)
{
	struct held held = { .bdf = bdf };
	uint32_t both = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	char *much;

	take_all(&held);
	much = mmap(NULL, 8 * TERABYTE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (much == MAP_FAILED)
		fail("8 TiB: %s", strerrorname_np(errno));
	/* The first address in it that no block of a larger page than the smallest leads to. */
	much += ((FIRST_IOVA - (uintptr_t)much) & 0x1fffff) + 0x1000;
	for (int i = 0; i < 3; i++)
		if (map(&held, much, FIRST_IOVA, 7 * TERABYTE, both) != -1 || errno != ENOMEM)
			fail("7 TiB a page off: %s", strerrorname_np(errno));
	/* Half of it where large blocks do, and then a page off by its new address. */
	must(map(&held, much - 0x1000, FIRST_IOVA, TERABYTE, both), "MAP_DMA of 1 TiB");
	must(unmap_vaddr(&held, FIRST_IOVA, TERABYTE), "UNMAP_DMA with VADDR");
	if (map(&held, much, FIRST_IOVA, TERABYTE, VFIO_DMA_MAP_FLAG_VADDR) != -1 || errno != ENOMEM)
		fail("1 TiB moved a page off: %s", strerrorname_np(errno));
	must(map(&held, much - 0x1000, FIRST_IOVA, TERABYTE, VFIO_DMA_MAP_FLAG_VADDR), "MAP_DMA with VADDR");
	must(unmap(&held, FIRST_IOVA, TERABYTE), "UNMAP_DMA");
	/* What does fit goes on. */
	must(map(&held, much, FIRST_IOVA, 1 << 21, both), "MAP_DMA of 2 MiB");
	must(write_register(&held, 0x0c, 0), "RAISE");
	if (events(&held, 0, 5000) != 1)
		fail("the vector did not come");
	ok("7 TiB a page off are refused");
	release(&held);
}
