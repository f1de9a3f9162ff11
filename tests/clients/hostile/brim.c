/*
 * Eventfds whose counters are filled to the brim again and again, and blocking ones, while the device signals them: whoever signals must
 * not wait for whoever reads. SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "hostile.h"
#include "../pci-test.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct held device;
static int over;

/* The counter is at its end most of the time, and just below it some of the time. */
static void *filler(void *argument)
{
	uint64_t full = 0xfffffffffffffffe, read_back;

	(void)argument;
	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		(void)!write(device.event[0], &full, sizeof full);
		if (device.event[1] >= 0)
			(void)!read(device.event[0], &read_back, sizeof read_back);
	}
	return NULL;
}

void brim(const char *bdf, unsigned int seconds)
{
	struct {
		struct vfio_irq_set set;
		int32_t fd;
	} blocking = { .set = { .argsz = sizeof blocking, .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, .index = VFIO_PCI_MSIX_IRQ_INDEX, .count = 1 } };
	uint64_t full = 0xfffffffffffffffe, value;
	unsigned long raises = 0;
	pthread_t thread;
	double end;

	device.bdf = bdf;
	take_all(&device);

	/* As the kernel's own signal does it: the counter goes to its very end, where a write(2) cannot bring it, and stays there. */
	must(write(device.event[2], &full, sizeof full), "write to an eventfd");
	for (int i = 0; i < 3; i++)
		must(write_register(&device, PCI_TEST_RAISE, 2), "RAISE at the brim");
	must(read(device.event[2], &value, sizeof value), "read of an eventfd");
	if (value != 0xffffffffffffffff)
		fail("three signals on a full counter left 0x%llx", (unsigned long long)value);
	ok("a full counter goes to its end and stays there");

	/* Without O_NONBLOCK a write would wait for a reader. */
	close(device.event[0]);
	blocking.fd = device.event[0] = eventfd(0, EFD_CLOEXEC);
	must(ioctl(device.device, VFIO_DEVICE_SET_IRQS, &blocking), "SET_IRQS of a blocking eventfd");
	pthread_create(&thread, NULL, filler, NULL);
	for (end = now() + seconds; now() < end; raises++)
		must(write_register(&device, PCI_TEST_RAISE, 0), "RAISE under a filler");
	__atomic_store_n(&over, 1, __ATOMIC_RELAXED);
	(void)!read(device.event[0], &value, sizeof value); /* a filler that waits for room */
	pthread_join(thread, NULL);
	must(write_register(&device, PCI_TEST_RAISE, 1), "RAISE of another vector");
	if (events(&device, 1, 5000) != 1)
		fail("another vector did not come");
	release(&device);
	ok("%lu signals, none of which waited", raises);
}
