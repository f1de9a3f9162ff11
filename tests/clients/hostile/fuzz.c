/*
 * Random calls on emulated files: valid, mutated and wild, from threads that change each other's memory and close each other's
 * descriptors. Afterwards everything must be as good as new. With one thread, a seed is the same run each time.
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "hostile.h"
#include "../pci-test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Far from everything else a process has, so that an address with a flipped bit leads nowhere, or here. */
#define ARENA ((unsigned char *)0x200000000000ul)
#define ARENA_SIZE 0x400000ul
#define READ_ONLY (ARENA + ARENA_SIZE)			/* a page */
#define NO_ACCESS (ARENA + ARENA_SIZE + 0x1000)		/* a page; nothing behind it */
#define EACH 8
#define MOST_THREADS 16
#define REGION(n) (regions[n])

enum kind { CONTAINER, GROUP, DEVICE, EVENT, STRANGE, KINDS };

static int files[KINDS][EACH];				/* read and written by all threads, on purpose without order */
static const char *bdfs[2];
static int groups[2];
static uint64_t regions[12];				/* where they begin; the last are none */
static unsigned long wanted, done, succeeded;
static unsigned int thread_count;
static long early_memory;

static __thread sigjmp_buf escape;
static __thread volatile sig_atomic_t may_fault;

static void on_fault(int number)
{
	if (may_fault)
		siglongjmp(escape, 1);
	signal(number, SIG_DFL);
}

static int file(struct random *random, enum kind kind)
{
	return files[kind][below(random, EACH)];
}

static int any_file(struct random *random)
{
	static const int odd[] = { -1, -100, 0x7fffffff, 5000 };

	if (chance(random, 3))
		return odd[below(random, 4)];
	return file(random, below(random, KINDS));
}

static uint64_t extreme(struct random *random)
{
	static const uint64_t values[] = {
		0, 1, 2, 3, 4, 7, 8, 15, 16, 0xff, 0xfff, 0x1000, 0x1001, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
		0x0fffffffffff, 0x7fffffffffffffff, 0x8000000000000000, 0xfffffffffffff000, 0xffffffffffffffff, 0x8000000, 0x80fffff, 0xfee00000,
	};

	return chance(random, 20) ? any(random) : values[below(random, sizeof values / sizeof *values)];
}

/* Somewhere in the arena: in one's own part mostly, in another thread's sometimes, at an end of a page often. */
static unsigned char *somewhere(struct random *random, unsigned int thread, size_t size)
{
	unsigned int part = chance(random, 80) ? thread : (unsigned int)below(random, MOST_THREADS);
	unsigned char *start = ARENA + part * (ARENA_SIZE / 2 / MOST_THREADS);

	if (chance(random, 15))
		return READ_ONLY - below(random, 2 * size + 1);
	return chance(random, 20) ? start + 0x1000 - below(random, size + 1) : start + 8 * below(random, 0x200);
}

static void *wild(struct random *random)
{
	switch (below(random, 10)) {
	case 0: return NULL;
	case 1: return (void *)below(random, 0x1000);
	case 2: return READ_ONLY + below(random, 0x1000);
	case 3: return NO_ACCESS + below(random, 0x1000);
	case 4: return NO_ACCESS + 0x1000 + below(random, 0x1000);
	case 5: return (void *)(0xffffffff81000000ul + below(random, 0x1000000));
	case 6: return (void *)(0xffffffffff600000ul + below(random, 0x1000));
	case 7: return (void *)0x0000800000000000ul;
	case 8: return (void *)(~0ul - below(random, 64));
	default: return NO_ACCESS - below(random, 64);
	}
}

static uint64_t iova(struct random *random)
{
	return chance(random, 90) ? BUFFER_IOVA + 0x1000 * below(random, 256) : extreme(random);
}

/* Numbers mean one thing on a container and another on a device. */
#define ON(kind, request) ((uint64_t)(kind) << 32 | (uint32_t)(request))

static const uint64_t requests[] = {
	ON(CONTAINER, VFIO_GET_API_VERSION), ON(CONTAINER, VFIO_CHECK_EXTENSION), ON(CONTAINER, VFIO_SET_IOMMU), ON(CONTAINER, VFIO_IOMMU_GET_INFO),
	ON(CONTAINER, VFIO_IOMMU_MAP_DMA), ON(CONTAINER, VFIO_IOMMU_MAP_DMA), ON(CONTAINER, VFIO_IOMMU_MAP_DMA), ON(CONTAINER, VFIO_IOMMU_UNMAP_DMA),
	ON(CONTAINER, VFIO_IOMMU_UNMAP_DMA), ON(CONTAINER, VFIO_IOMMU_DIRTY_PAGES), ON(GROUP, VFIO_GROUP_GET_STATUS), ON(GROUP, VFIO_GROUP_SET_CONTAINER),
	ON(GROUP, VFIO_GROUP_UNSET_CONTAINER), ON(GROUP, VFIO_GROUP_GET_DEVICE_FD), ON(DEVICE, VFIO_DEVICE_GET_INFO), ON(DEVICE, VFIO_DEVICE_GET_REGION_INFO),
	ON(DEVICE, VFIO_DEVICE_GET_IRQ_INFO), ON(DEVICE, VFIO_DEVICE_SET_IRQS), ON(DEVICE, VFIO_DEVICE_SET_IRQS), ON(DEVICE, VFIO_DEVICE_SET_IRQS),
	ON(DEVICE, VFIO_DEVICE_SET_IRQS), ON(DEVICE, VFIO_DEVICE_RESET), ON(DEVICE, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO), ON(DEVICE, VFIO_DEVICE_PCI_HOT_RESET),
	ON(DEVICE, VFIO_DEVICE_IOEVENTFD), ON(DEVICE, VFIO_DEVICE_FEATURE),
};

/* A structure as a good client would fill it, in SPACE (512 bytes); its size, or 0 where the argument is the number in SPACE. */
static size_t fill(struct random *random, uint64_t which, unsigned char *space)
{
	uint32_t *word = (uint32_t *)space;
	uint64_t *twice = (uint64_t *)space;
	uint32_t i, count;

	memset(space, 0, 512);
	switch (which) {
	case ON(CONTAINER, VFIO_CHECK_EXTENSION):
	case ON(CONTAINER, VFIO_SET_IOMMU):
		*twice = below(random, 12);
		return 0;
	case ON(GROUP, VFIO_GROUP_SET_CONTAINER):
		*word = (uint32_t)(chance(random, 80) ? file(random, CONTAINER) : any_file(random));
		return 4;
	case ON(GROUP, VFIO_GROUP_GET_DEVICE_FD):
		return (size_t)snprintf((char *)space, 64, "%s", bdfs[below(random, 2)]) + 1;
	case ON(DEVICE, VFIO_DEVICE_SET_IRQS):
		word[1] = 1u << below(random, 3) | 8u << below(random, 3);	/* one kind of data, one action */
		word[2] = chance(random, 60) ? VFIO_PCI_MSIX_IRQ_INDEX : (uint32_t)below(random, 6);
		word[3] = chance(random, 60) ? 0 : (uint32_t)below(random, 9);
		word[4] = count = (uint32_t)below(random, 9);
		for (i = 0; i < count; i++)
			word[5 + i] = (uint32_t)(chance(random, 80) ? file(random, EVENT) : chance(random, 50) ? -1 : any_file(random));
		return *word = 20 + 4 * count;
	case ON(DEVICE, VFIO_DEVICE_GET_REGION_INFO):
	case ON(DEVICE, VFIO_DEVICE_GET_IRQ_INFO):
		word[2] = (uint32_t)below(random, 12);
		return *word = which == ON(DEVICE, VFIO_DEVICE_GET_IRQ_INFO) ? 16 : 32;
	case ON(DEVICE, VFIO_DEVICE_PCI_HOT_RESET):
		word[2] = (uint32_t)below(random, 4);
		for (i = 0; i < 4; i++)
			word[3 + i] = (uint32_t)file(random, GROUP);
		return *word = 12 + 4 * word[2];
	case ON(DEVICE, VFIO_DEVICE_IOEVENTFD):
		word[1] = 1u << below(random, 4);
		twice[1] = REGION(0) + 4 * below(random, 32);
		twice[2] = any(random);
		word[6] = (uint32_t)file(random, EVENT);
		return *word = 32;
	case ON(DEVICE, VFIO_DEVICE_FEATURE):
		word[1] = (uint32_t)below(random, 16) | 1u << (16 + below(random, 3));
		return *word = 8 + 8 * (uint32_t)below(random, 5);
	case ON(CONTAINER, VFIO_IOMMU_GET_INFO):
	case ON(DEVICE, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO):
		return *word = 8 + 8 * (uint32_t)below(random, 20);
	case ON(CONTAINER, VFIO_IOMMU_MAP_DMA):
		word[1] = (uint32_t)below(random, 4);
		twice[1] = (uintptr_t)ARENA + ARENA_SIZE / 2 + 0x1000 * below(random, 256);
		twice[2] = iova(random);
		twice[3] = 0x1000 * (1 + below(random, 16));
		return *word = 32;
	case ON(CONTAINER, VFIO_IOMMU_UNMAP_DMA):
		word[1] = chance(random, 90) ? 0 : (uint32_t)below(random, 4);
		twice[1] = word[1] == 2 ? 0 : iova(random);
		twice[2] = word[1] == 2 ? 0 : 0x1000 * (1 + below(random, 64));
		twice[3] = 0x1000;
		twice[4] = 8 * below(random, 5);
		twice[5] = (uintptr_t)somewhere(random, 0, 64);
		return *word = 48;
	case ON(CONTAINER, VFIO_IOMMU_DIRTY_PAGES):
		word[1] = 1u << below(random, 3);
		twice[2] = iova(random);
		twice[3] = 0x1000 * (1 + below(random, 64));
		twice[4] = 0x1000;
		twice[5] = 8 * below(random, 5);
		twice[6] = (uintptr_t)somewhere(random, 0, 64);
		return *word = 56;
	default:
		return *word = 8 * (uint32_t)below(random, 9);
	}
}

static void control(struct random *random, unsigned int thread)
{
	uint64_t which = requests[below(random, sizeof requests / sizeof *requests)];
	uint32_t request = (uint32_t)which;
	unsigned char space[512];
	size_t size = fill(random, which, space);
	int fd = chance(random, 92) ? file(random, (enum kind)(which >> 32)) : any_file(random), result;
	void *argument;

	if (chance(random, 8))
		request = (uint32_t)(';' << 8 | below(random, 256));		/* every number of the type */
	if (chance(random, 4))
		request |= (uint32_t)any(random) & 0xffff0000;			/* with sizes and directions VFIO's do not have */
	if (size && chance(random, 10))
		*(uint32_t *)space = (uint32_t)extreme(random);			/* argsz */
	for (unsigned int flips = chance(random, 25) ? 1 + (unsigned int)below(random, 3) : 0; size && flips; flips--)
		space[below(random, size)] ^= (unsigned char)(1u << below(random, 8));
	if (size >= 8 && chance(random, 10))
		((uint32_t *)space)[below(random, size / 4)] = (uint32_t)extreme(random);
	if (size >= 16 && chance(random, 10))
		((uint64_t *)space)[below(random, size / 8)] = extreme(random);
	if (!size) {
		argument = (void *)*(uint64_t *)space;
	} else if (chance(random, 10)) {
		argument = wild(random);
	} else {
		/* A structure that begins on the last bytes before a page that may not be there, or in memory another thread writes to. */
		argument = somewhere(random, thread, size);
		may_fault = 1;
		if (!sigsetjmp(escape, 1))
			memcpy(argument, space, size);
		may_fault = 0;
	}
	result = ioctl(fd, request, argument);
	if (result < 0)
		return;
	__atomic_add_fetch(&succeeded, 1, __ATOMIC_RELAXED);
	if (request == VFIO_GROUP_GET_DEVICE_FD) {
		int old = __atomic_exchange_n(&files[DEVICE][below(random, EACH)], result, __ATOMIC_RELAXED);

		if (old >= 0)
			close(old);
	}
}

static void access_region(struct random *random, unsigned int thread)
{
	static const uint64_t sizes[] = { 1, 2, 4, 4, 4, 4, 8, 16, 3, 5, 64, 4096 };
	uint64_t region = chance(random, 50) ? 0 : chance(random, 50) ? VFIO_PCI_CONFIG_REGION_INDEX : below(random, 12);
	uint64_t offset = chance(random, 80) ? below(random, 0x80) * 4 : chance(random, 80) ? below(random, 0x2000) : extreme(random) & 0xffffffffff;
	size_t size = chance(random, 95) ? sizes[below(random, sizeof sizes / sizeof *sizes)] : (size_t)extreme(random);
	int fd = chance(random, 92) ? file(random, DEVICE) : any_file(random);
	unsigned char *buffer = chance(random, 92) ? somewhere(random, thread, size & 0xfff) : wild(random);
	long result;

	may_fault = 1;
	if (!sigsetjmp(escape, 1)) {
		uint64_t value = region == 0 && chance(random, 50) ? (chance(random, 50) ? below(random, 16) : iova(random)) : extreme(random);

		if (buffer >= ARENA && buffer + 8 <= READ_ONLY)
			memcpy(buffer, &value, sizeof value);
	}
	may_fault = 0;
	if (chance(random, 12)) {
		struct iovec vectors[4];

		for (int i = 0; i < 4; i++)
			vectors[i] = (struct iovec){ chance(random, 95) ? somewhere(random, thread, 64) : wild(random), chance(random, 95) ? sizes[below(random, 12)] : (size_t)extreme(random) };
		result = chance(random, 5) ? preadv(fd, wild(random), (int)below(random, 2000), (off_t)(REGION(region) + offset))
			: chance(random, 50) ? preadv2(fd, vectors, (int)below(random, 5), (off_t)(REGION(region) + offset), chance(random, 90) ? 0 : (int)below(random, 64))
			: pwritev(fd, vectors, (int)below(random, 5), (off_t)(REGION(region) + offset));
	} else if (chance(random, 45)) {
		result = pread(fd, buffer, size, (off_t)(REGION(region) + offset));
	} else {
		result = pwrite(fd, buffer, size, (off_t)(REGION(region) + offset));
	}
	if (result > 0)
		__atomic_add_fetch(&succeeded, 1, __ATOMIC_RELAXED);
}

static void replace(struct random *random, enum kind kind, int fd)
{
	int old = __atomic_exchange_n(&files[kind][below(random, EACH)], fd, __ATOMIC_RELAXED);

	if (old >= 0)
		close(old);
}

static void play_with_files(struct random *random)
{
	enum kind kind = (enum kind)below(random, 3);
	int fd = file(random, kind), copy;
	char path[64];
	char bytes[16] = { 0 };

	switch (below(random, 20)) {
	case 0: case 1: case 2:
		replace(random, kind, dup(fd));
		break;
	case 3:
		replace(random, kind, -1);
		break;
	case 4: case 5: case 6:
		replace(random, CONTAINER, open("/dev/vfio/vfio", O_RDWR | (chance(random, 50) ? O_CLOEXEC : 0)));
		break;
	case 7: case 8: case 9: case 10:
		snprintf(path, sizeof path, "/dev/vfio/%d", groups[below(random, 2)]);
		copy = open(path, chance(random, 90) ? O_RDWR : (int)(any(random) & 07777777) & ~(O_CREAT | O_PATH));
		if (copy >= 0)
			replace(random, GROUP, copy);
		break;
	case 11:
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		copy = open(path, (chance(random, 50) ? O_RDONLY : O_RDWR) | O_NONBLOCK);
		if (copy >= 0)
			close(copy);
		break;
	case 12:
		if (ftruncate(fd, (off_t)(extreme(random) & 0x7ffffffffff)) == 0)
			__atomic_add_fetch(&succeeded, 1, __ATOMIC_RELAXED);
		break;
	case 13:
		fallocate(fd, (int)below(random, 64), (off_t)(extreme(random) & 0x7fffffffffff), (off_t)(extreme(random) & 0x7ffffffff));
		break;
	case 14:
		lseek(fd, (off_t)extreme(random), (int)below(random, 5));
		break;
	case 15:
		(void)!read(fd, bytes, sizeof bytes);
		(void)!write(fd, bytes, sizeof bytes);
		break;
	case 16:
		fchmod(fd, (mode_t)below(random, 01000));
		fcntl(fd, F_SETFL, (int)(extreme(random) & O_NONBLOCK));
		break;
	case 17:
		fcntl(fd, F_SETLEASE, (int)below(random, 3));
		break;
	case 18:
		replace(random, EVENT, eventfd((unsigned int)below(random, 2) * 0xfffffffe, EFD_CLOEXEC | EFD_NONBLOCK));
		break;
	default: {
		uint64_t full = 0xfffffffffffffffe;

		fd = file(random, EVENT);
		if (chance(random, 50))
			(void)!write(fd, &full, sizeof full);
		else
			(void)!read(fd, &full, sizeof full);
	}
	}
}

static void play_with_memory(struct random *random)
{
	static const int protections[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE };
	unsigned char *page = ARENA + ARENA_SIZE / 2 + 0x1000 * below(random, 256);
	size_t size = 0x1000 * (1 + below(random, 16));
	int fd = file(random, DEVICE);
	void *area;

	switch (below(random, 7)) {
	case 0:
		mprotect(page, size, protections[below(random, 4)]);
		break;
	case 1:
		madvise(page, size, chance(random, 50) ? MADV_DONTNEED : MADV_COLD);
		break;
	case 2: /* what is mapped for DMA goes away, or becomes other memory */
		if (chance(random, 30))
			munmap(page, size);
		else
			mmap(page, size, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		break;
	case 3:
		mmap(ARENA + ARENA_SIZE / 2, ARENA_SIZE / 4, PROT_READ | PROT_WRITE, MAP_FIXED | (chance(random, 50) ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
		break;
	default: {
		uint64_t offset = chance(random, 80) ? REGION(below(random, 10)) + 0x1000 * below(random, 4) : chance(random, 50) ? 0x1000 * below(random, 64) : extreme(random) & ~0xffful;

		area = mmap(NULL, size, chance(random, 50) ? PROT_READ : PROT_READ | PROT_WRITE, chance(random, 90) ? MAP_SHARED : MAP_PRIVATE, fd, (off_t)offset);
		if (area == MAP_FAILED)
			break;
		__atomic_add_fetch(&succeeded, 1, __ATOMIC_RELAXED);
		may_fault = 1;
		if (!sigsetjmp(escape, 1)) {
			volatile uint32_t *word = (volatile uint32_t *)((unsigned char *)area + 4 * below(random, size / 4));

			if (chance(random, 50))
				*word = (uint32_t)extreme(random);
			else
				(void)*word;
		}
		may_fault = 0;
		if (chance(random, 20)) {
			void *moved = mremap(area, size, size * 2, MREMAP_MAYMOVE);

			if (moved != MAP_FAILED) {
				area = moved;
				size *= 2;
			}
		}
		munmap(area, size); /* all of it: what stays mapped keeps the device */
	}
	}
}

/* The way to a device, from whatever state things are in; other threads are in the way. */
static void proceed(struct random *random)
{
	int which = (int)below(random, 2), group, container = file(random, CONTAINER);
	char path[64];
	uint16_t command = 6;

	snprintf(path, sizeof path, "/dev/vfio/%d", groups[which]);
	group = open(path, O_RDWR | O_CLOEXEC);
	if (group >= 0)
		replace(random, GROUP, group);
	else
		group = file(random, GROUP);
	ioctl(group, VFIO_GROUP_SET_CONTAINER, &container);
	ioctl(container, VFIO_SET_IOMMU, chance(random, 80) ? VFIO_TYPE1v2_IOMMU : VFIO_TYPE1_IOMMU);
	int device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, bdfs[which]);
	if (device >= 0) {
		(void)!pwrite(device, &command, sizeof command, (off_t)(REGION(VFIO_PCI_CONFIG_REGION_INDEX) + 4));
		replace(random, DEVICE, device);
	}
}

static void start_over(struct random *random, int all)
{
	for (int kind = CONTAINER; kind <= DEVICE; kind++)
		for (int i = 0; i < EACH; i++)
			if (all || chance(random, 50)) {
				int old = __atomic_exchange_n(&files[kind][i], -1, __ATOMIC_RELAXED);

				if (old >= 0)
					close(old);
			}
}

struct work {
	unsigned int thread;
	struct random random;
};

static void *run(void *argument)
{
	struct work *work = argument;
	struct random *random = &work->random;

	for (unsigned long mine = wanted / thread_count; mine; mine--) {
		uint64_t which = below(random, 1000);

		if (which < 550)
			control(random, work->thread);
		else if (which < 880)
			access_region(random, work->thread);
		else if (which < 940)
			play_with_files(random);
		else if (which < 965)
			play_with_memory(random);
		else if (which < 999)
			proceed(random);
		else
			start_over(random, 0);
		if (__atomic_add_fetch(&done, 1, __ATOMIC_RELAXED) == wanted / 10)
			early_memory = status_of(supervisor(), "VmRSS:");
	}
	return NULL;
}

static int strange(int i)
{
	int ends[2];

	switch (i) {
	case 0: return memfd_create("memory", MFD_CLOEXEC);
	case 1: return open("/dev/null", O_RDWR | O_CLOEXEC);
	case 2: return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	case 3: return epoll_create1(EPOLL_CLOEXEC);
	case 4: return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	case 5: return open("/dev/vfio/vfio", O_PATH | O_CLOEXEC);
	case 6: return pipe2(ends, O_CLOEXEC | O_NONBLOCK) ? -1 : ends[0];
	default: return open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	}
}

void fuzz(uint64_t number, unsigned long calls, unsigned int threads, long mebibytes, const char *bdf, const char *other)
{
	struct held held = { .bdf = bdf };
	struct sigaction fault = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	struct work works[MOST_THREADS];
	pthread_t ids[MOST_THREADS];
	pid_t above = supervisor();
	struct rlimit few = { 500, 500 };
	int before;
	long late_memory;
	double start;

	ok("fuzz seed %llu, %lu calls, %u threads", (unsigned long long)number, calls, threads);
	setrlimit(RLIMIT_NOFILE, &few);
	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGBUS, &fault, NULL);
	signal(SIGIO, SIG_IGN); /* a lease of ours is broken: no answer */
	bdfs[0] = bdf;
	bdfs[1] = other ? other : bdf;
	groups[0] = group_of(bdfs[0]);
	groups[1] = group_of(bdfs[1]);
	if (mmap(ARENA, ARENA_SIZE + 0x2000, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != ARENA)
		fail("no arena");
	mprotect(READ_ONLY, 0x1000, PROT_READ);
	mprotect(NO_ACCESS, 0x1000, PROT_NONE);

	take_all(&held); /* what the supervisor loads on first use is no growth */
	for (uint32_t i = 0; i < 12; i++)
		if (!(regions[i] = region(held.device, i)))
			regions[i] = (uint64_t)i << 40;
	release(&held);
	before = descriptors_of(above);

	memset(files, 0xff, sizeof files);
	for (int i = 0; i < EACH; i++) {
		files[EVENT][i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		files[STRANGE][i] = strange(i);
	}
	wanted = calls;
	thread_count = threads < MOST_THREADS ? threads : MOST_THREADS;
	start = now();
	for (unsigned int i = 0; i < thread_count; i++) {
		works[i].thread = i;
		seed(&works[i].random, number + 1000003 * i);
		if (i)
			pthread_create(&ids[i], NULL, run, &works[i]);
	}
	run(&works[0]);
	for (unsigned int i = 1; i < thread_count; i++)
		pthread_join(ids[i], NULL);
	late_memory = status_of(above, "VmRSS:");
	ok("%lu calls in %.1f s, %lu of them succeeded", done, now() - start, succeeded);
	start_over(&works[0].random, 1);

	/* As good as new: what one client left behind would show here. */
	take_all(&held);
	must(write_register(&held, PCI_TEST_RAISE, 0), "RAISE");
	if (events(&held, 0, 5000) != 1)
		fail("the vector armed afterwards did not come once");
	memset(held.memory, 0x5a, 0x1000);
	if (copy(&held, BUFFER_IOVA, BUFFER_IOVA + 0x1000, 0x1000) != PCI_TEST_STATUS_DONE || memcmp(held.memory, held.memory + 0x1000, 0x1000))
		fail("the copy made afterwards did not arrive");
	release(&held);
	for (int patience = 100; descriptors_of(above) > before + KEPT && patience; patience--)
		usleep(50000);
	if (before >= 0 && descriptors_of(above) > before + KEPT)
		fail("the supervisor had %d descriptors and has %d", before, descriptors_of(above));
	ok("the supervisor's memory: %ld KiB after a tenth, %ld KiB at the end", early_memory, late_memory);
	if (late_memory > early_memory + mebibytes * 1024)
		fail("the supervisor's memory grew");
	ok("as good as new, and the supervisor holds %d descriptors as before", before);
}
