/*
 * A page that the client itself has to deliver, and does not: the argument of a call, on userfaultfd. SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void withhold(const char *bdf)
{
	struct held held = { .bdf = bdf };
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	range.range.start = (uintptr_t)page;
	range.range.len = 4096;
	if (faults < 0 || ioctl(faults, UFFDIO_API, &api) != 0 || ioctl(faults, UFFDIO_REGISTER, &range) != 0) {
		ok("no userfaultfd for the kernel's own faults here");
		return;
	}
	must(take_group(&held), "open of the group");
	must(take_iommu(&held), "SET_IOMMU");
	ok("the page of the argument does not come");
	ioctl(held.container, VFIO_IOMMU_MAP_DMA, page);
	/* Without its supervisor a call is none. */
	if (errno != ENOSYS)
		fail("the call came back: %s", strerrorname_np(errno));
}
