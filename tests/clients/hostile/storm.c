/*
 * T2: signals at full rate, to every thread, with handlers of both kinds; each register write and each ioctl happens exactly once.
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "hostile.h"
#include "../pci-test.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define WRITES 4000
#define MAPS 400
#define MOST 8

static struct held device;
static int over;
static unsigned int finished;
static unsigned long handled;
static pthread_t writers[MOST];
static unsigned int count;

static void on_signal(int number)
{
	(void)number;
	__atomic_add_fetch(&handled, 1, __ATOMIC_RELAXED);
}

/* The RAISES register counts the writes; an eventfd counts the vectors. A call that is repeated or lost shows in both. */
static void *writer(void *argument)
{
	uint64_t part = (uintptr_t)argument;
	uint64_t base = BUFFER_IOVA + BUFFER_SIZE * (1 + part);
	unsigned int i;

	for (i = 0; i < WRITES; i++)
		if (write_register(&device, PCI_TEST_RAISE, (uint32_t)part))
			fail("a register write under signals: %s", strerrorname_np(errno));
	for (i = 0; i < MAPS; i++) {
		struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof unmap, .iova = base, .size = 0x1000 };

		/* A repeated map would be EEXIST; a lost one would leave nothing to unmap, a repeated unmap neither. */
		if (map(&device, device.memory + 0x1000 * part, base, 0x1000, VFIO_DMA_MAP_FLAG_READ))
			fail("MAP_DMA under signals: %s", strerrorname_np(errno));
		if (ioctl(device.container, VFIO_IOMMU_UNMAP_DMA, &unmap) || unmap.size != 0x1000)
			fail("UNMAP_DMA under signals: %s, 0x%llx bytes", strerrorname_np(errno), unmap.size);
	}
	__atomic_add_fetch(&finished, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* A loopback test: SET_IRQS of no data with the action TRIGGER signals once a call. */
static void *trigger(void *argument)
{
	struct vfio_irq_set set = { .argsz = sizeof set, .flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, .index = VFIO_PCI_MSIX_IRQ_INDEX,
		.start = VECTORS - 1, .count = 1 };

	(void)argument;
	for (unsigned int i = 0; i < WRITES / 4; i++)
		if (ioctl(device.device, VFIO_DEVICE_SET_IRQS, &set))
			fail("SET_IRQS under signals: %s", strerrorname_np(errno));
	__atomic_add_fetch(&finished, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void *shooter(void *argument)
{
	(void)argument;
	while (!__atomic_load_n(&over, __ATOMIC_SEQ_CST))
		for (unsigned int i = 0; i <= count; i++)
			pthread_kill(writers[i], i % 2 ? SIGUSR1 : SIGUSR2);
	return NULL;
}

void signal_storm(const char *bdf, unsigned int threads)
{
	struct sigaction restarting = { .sa_handler = on_signal, .sa_flags = SA_RESTART }, plain = { .sa_handler = on_signal };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	struct itimerspec often = { { 0, 70000 }, { 0, 70000 } };
	struct itimerval profile = { { 0, 100 }, { 0, 100 } };
	pthread_t gun;
	timer_t timer;
	uint32_t raised;

	count = threads < VECTORS - 1 ? threads : VECTORS - 2;
	device.bdf = bdf;
	take_all(&device);
	must(sigaction(SIGUSR1, &restarting, NULL), "sigaction");
	must(sigaction(SIGUSR2, &plain, NULL), "sigaction");
	must(sigaction(SIGRTMIN, &plain, NULL), "sigaction");
	must(sigaction(SIGPROF, &plain, NULL), "sigaction");
	must(timer_create(CLOCK_MONOTONIC, &event, &timer), "timer_create");
	must(timer_settime(timer, 0, &often, NULL), "timer_settime");
	must(setitimer(ITIMER_PROF, &profile, NULL), "setitimer");
	for (unsigned int i = 0; i < count; i++)
		pthread_create(&writers[i], NULL, writer, (void *)(uintptr_t)i);
	pthread_create(&writers[count], NULL, trigger, NULL);
	pthread_create(&gun, NULL, shooter, NULL);
	/* A thread that ended may be shot at until it is joined, so the gun goes first. */
	while (__atomic_load_n(&finished, __ATOMIC_SEQ_CST) <= count)
		usleep(1000);
	__atomic_store_n(&over, 1, __ATOMIC_SEQ_CST);
	pthread_join(gun, NULL);
	for (unsigned int i = 0; i <= count; i++)
		pthread_join(writers[i], NULL);
	timer_delete(timer);
	memset(&profile, 0, sizeof profile);
	setitimer(ITIMER_PROF, &profile, NULL);

	raised = read_register(&device, PCI_TEST_RAISES);
	if (raised != count * WRITES)
		fail("%u register writes became %u", count * WRITES, raised);
	for (unsigned int i = 0; i < count; i++) {
		uint64_t came = events(&device, i, 5000);

		if (came != WRITES)
			fail("vector %u was raised %u times and came %llu times", i, WRITES, (unsigned long long)came);
	}
	if (events(&device, VECTORS - 1, 5000) != WRITES / 4)
		fail("SET_IRQS triggered otherwise than %u times", WRITES / 4);
	if (handled < 1000)
		fail("only %lu signals came", handled);
	release(&device);
	ok("%u register writes, %u maps and unmaps, %u triggers by SET_IRQS: each once, under %lu signals", count * WRITES, count * MAPS, WRITES / 4, handled);
}
