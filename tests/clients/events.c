/* Eventfds that this program signals and the host acts on, and those of the rarer indexes. SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "client.h"
#include "modes.h"
#include "pci-test.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

static long set_irq(const struct client *client, uint32_t index, uint32_t flags, uint32_t count, int32_t fd)
{
	union {
		struct vfio_irq_set set;
		unsigned char space[sizeof(struct vfio_irq_set) + sizeof(int32_t)];
	} irqs = { .set = { .argsz = sizeof irqs.set + count * sizeof fd, .flags = flags, .index = index, .count = count } };

	memcpy(irqs.set.data, &fd, sizeof fd);
	return ioctl(client->device, VFIO_DEVICE_SET_IRQS, &irqs.set);
}

static long arm(const struct client *client, uint32_t index, int32_t fd)
{
	return set_irq(client, index, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, 1, fd);
}

static uint64_t take(int fd, int milliseconds)
{
	struct pollfd event = { .fd = fd, .events = POLLIN };
	uint64_t count;

	if (must(poll(&event, 1, milliseconds), "poll") == 0)
		return 0;
	must(read(fd, &count, sizeof count), "read of an eventfd");
	return count;
}

static void signal_event(int fd)
{
	uint64_t one = 1;

	must(write(fd, &one, sizeof one), "write of an eventfd");
}

/* A blocking eventfd, as most programs have them: the host must not hang in a read of it. */
static void resample(const struct client *client)
{
	const uint32_t unmask = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK;
	int line = must(eventfd(0, EFD_CLOEXEC), "eventfd"), back = must(eventfd(0, EFD_CLOEXEC), "eventfd");
	int i;

	must_fail(set_irq(client, VFIO_PCI_INTX_IRQ_INDEX, unmask, 1, back), EINVAL, "unmask before INTx is armed");
	must(arm(client, VFIO_PCI_INTX_IRQ_INDEX, line), "INTx");
	must(set_irq(client, VFIO_PCI_INTX_IRQ_INDEX, unmask, 1, back), "unmask by eventfd");
	must_fail(set_irq(client, VFIO_PCI_INTX_IRQ_INDEX, unmask, 1, line), EBUSY, "unmask by two eventfds");
	write_register(client, PCI_TEST_INTX, 1);
	if (take(line, EVENT_TIMEOUT) != 1)
		fail("INTx did not come");
	for (i = 0; i < 100; i++) {
		signal_event(back);
		if (take(line, EVENT_TIMEOUT) != 1)
			fail("INTx did not come again after unmask %d, with the pin still up", i);
	}
	write_register(client, PCI_TEST_INTX, 0);
	signal_event(back);
	if (take(line, SILENCE))
		fail("INTx came with the pin down");
	must(set_irq(client, VFIO_PCI_INTX_IRQ_INDEX, unmask, 1, -1), "unmask by none");
	must(set_irq(client, VFIO_PCI_INTX_IRQ_INDEX, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, 0, 0), "INTx off");
	must(close(line), "close");
	must(close(back), "close");
	ok("INTx came again 100 times");
}

static void register_by_event(const struct client *client)
{
	struct vfio_device_ioeventfd io = {
		.argsz = sizeof io, .flags = VFIO_DEVICE_IOEVENTFD_32, .offset = client->bar0 + PCI_TEST_SCRATCH, .data = 0x10e,
		.fd = must(eventfd(0, EFD_CLOEXEC), "eventfd"),
	};
	int i, fd = io.fd;

	must(ioctl(client->device, VFIO_DEVICE_IOEVENTFD, &io), "VFIO_DEVICE_IOEVENTFD");
	must_fail(ioctl(client->device, VFIO_DEVICE_IOEVENTFD, &io), EEXIST, "the same ioeventfd twice");
	for (i = 0; i < 200; i++) {
		write_register(client, PCI_TEST_SCRATCH, i);
		signal_event(fd);
		/* The thread that signalled finds its write done. */
		if (read_register(client, PCI_TEST_SCRATCH) != 0x10e)
			fail("ioeventfd %d was not written when its signaller read", i);
	}
	io.fd = -1;
	must(ioctl(client->device, VFIO_DEVICE_IOEVENTFD, &io), "ioeventfd taken away");
	must_fail(ioctl(client->device, VFIO_DEVICE_IOEVENTFD, &io), ENODEV, "taken away twice");
	write_register(client, PCI_TEST_SCRATCH, 1);
	signal_event(fd);
	if (read_register(client, PCI_TEST_SCRATCH) != 1)
		fail("an ioeventfd that was taken away was written");
	must(close(fd), "close");
	ok("ioeventfd wrote 200 times");
}

static void report_error(const struct client *client)
{
	int error = must(eventfd(0, EFD_CLOEXEC), "eventfd");

	must(arm(client, VFIO_PCI_ERR_IRQ_INDEX, error), "ERR");
	write_register(client, PCI_TEST_ERROR, 1);
	if (take(error, EVENT_TIMEOUT) != 1)
		fail("ERR did not come");
	must(close(error), "close");
	ok("ERR came");
}

static void sleep_and_wake(const struct client *client)
{
	struct {
		struct vfio_device_feature head;
		struct vfio_device_low_power_entry_with_wakeup entry;
	} feature = { .head = { .argsz = sizeof feature, .flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP } };
	int wakeup = must(eventfd(0, EFD_CLOEXEC), "eventfd");

	feature.entry.wakeup_eventfd = wakeup;
	must(ioctl(client->device, VFIO_DEVICE_FEATURE, &feature), "LOW_POWER_ENTRY_WITH_WAKEUP");
	if (take(wakeup, SILENCE))
		fail("the device woke by itself");
	if (read_register(client, PCI_TEST_ID) != PCI_TEST_ID_VALUE || take(wakeup, EVENT_TIMEOUT) != 1)
		fail("the device did not wake for an access, or did not say so");
	must(close(wakeup), "close");
	ok("slept and woke");
}

void events(struct client *client)
{
	open_all(client);
	disarm_vectors(client);
	resample(client);
	register_by_event(client);
	report_error(client);
	sleep_and_wake(client);
	close_all(client);
}
