/*
 * A small VFIO client against a pci-test device, as a program written for the kernel would be: `vfio-client MODE BDF`.
 *
 *   walk        everything once: open, map, arm, trigger, copy, fault, disarm, unmap, close
 *   refuse      VFIO_SET_IOMMU must answer EPERM
 *   signals     a timer interrupts thousands of register writes; each must happen exactly once
 *   alarm       an alarm ends a read that would wait for ever
 *   fork-dup    the device's descriptor through dup, fork, SCM_RIGHTS and exec
 *   outlive     a process opens everything, hands it to another and ends: the other goes on alone
 *   events      eventfds that the client signals (INTx resample, ioeventfd) and those of errors and wake-ups
 *   exec-memory mappings of the program before an exec do not reach the memory of the one after it
 *   memlock     RLIMIT_MEMLOCK counts once the client has lowered it
 *   exec        everything stays open across an exec of the whole program, which goes on with it
 *   threads     threads map, unmap, arm, disarm and copy at once
 *   series      the series' own uAPI, v6: the window for doorbells is the client's (run --uapi reserved-iova-v6)
 *   close-orders  container, group and device closed in every order, each time followed by a fresh open
 *   reopen      a file is opened anew through /proc and closed again, which must not be taken for the last close
 *   undumpable  a client that cannot be looked at is refused, and finds no empty file instead
 *   leaderless  a thread goes on alone after the main thread has ended
 *   apart       a thread with descriptors of its own arms vectors
 *   ioctls      every number of VFIO's on every kind of file, with an argument of zeros: says what each answers
 *   troubles    everything that a report explains: refusals, probing calls, lost interrupts, faults
 *   hold        arms everything, says `ok holding`, and waits to be killed
 */
#define _GNU_SOURCE
#include "client.h"
#include "modes.h"
#include "pci-test.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

void trigger_each(const struct client *client)
{
	unsigned int vector, other;

	for (vector = 0; vector < client->vectors; vector++) {
		uint64_t count;

		write_register(client, PCI_TEST_RAISE, vector);
		count = wait_event(client, vector, EVENT_TIMEOUT);
		if (count != 1)
			fail("vector %u: %llu events", vector, (unsigned long long)count);
		for (other = 0; other < client->vectors; other++)
			if (wait_event(client, other, 0))
				fail("vector %u came on eventfd %u", vector, other);
	}
	ok("triggered %u vectors", client->vectors);
}

/* The user never sees the physical message: the MSI-X table reads all ones, and what is written to it is dropped. */
static void check_message_is_hidden(const struct client *client)
{
	uint8_t at = 0, id = 0, next;
	uint32_t table, entry[4] = { 0 }, i;
	struct vfio_region_info bar = { .argsz = sizeof bar };
	int budget = 48;

	must(pread(client->device, &at, 1, client->config + PCI_CAPABILITY_LIST), "read of config space");
	while (at && budget--) {
		must(pread(client->device, &id, 1, client->config + at), "read of config space");
		must(pread(client->device, &next, 1, client->config + at + 1), "read of config space");
		if (id == PCI_CAP_ID_MSIX)
			break;
		at = next;
	}
	if (!at || id != PCI_CAP_ID_MSIX)
		fail("no MSI-X capability");
	must(pread(client->device, &table, sizeof table, client->config + at + PCI_MSIX_TABLE), "read of config space");
	bar.index = table & PCI_MSIX_TABLE_BIR;
	must(ioctl(client->device, VFIO_DEVICE_GET_REGION_INFO, &bar), "VFIO_DEVICE_GET_REGION_INFO");
	must(pwrite(client->device, entry, sizeof entry, bar.offset + (table & PCI_MSIX_TABLE_OFFSET)), "write of the MSI-X table");
	must(pread(client->device, entry, sizeof entry, bar.offset + (table & PCI_MSIX_TABLE_OFFSET)), "read of the MSI-X table");
	for (i = 0; i < 4; i++)
		if (entry[i] != 0xffffffff)
			fail("the MSI-X table shows 0x%x", entry[i]);
	ok("message hidden");
}

static void fill(unsigned char *memory, size_t length)
{
	uint32_t state = 1;
	size_t i;

	for (i = 0; i < length; i++) {
		state = state * 1103515245u + 12345u;
		memory[i] = state >> 16;
	}
}

static void copy_and_fault(const struct client *client)
{
	/* An odd start and length that cross pages, so that nothing works by alignment alone. */
	const uint64_t from = 0x1003, to = 0x101ffd, length = 0x3456;
	unsigned char *source = client->memory + from, *target = client->memory + to;
	uint32_t status;
	size_t i;

	fill(source, length);
	status = copy(client, BUFFER_IOVA + from, BUFFER_IOVA + to, length, PCI_TEST_COPY_RAISES(1));
	if (status != PCI_TEST_STATUS_DONE || read_register(client, PCI_TEST_COPIED) != length)
		fail("copy: status 0x%x", status);
	if (memcmp(source, target, length) != 0)
		fail("copy: other bytes arrived");
	if (target[-1] != 0 || target[length] != 0)
		fail("copy: bytes beside the target changed");
	if (wait_event(client, 1, EVENT_TIMEOUT) != 1)
		fail("copy: vector 1 did not follow");
	ok("copied 0x%llx bytes", (unsigned long long)length);

	memset(target, 0x5a, length);
	status = copy(client, UNMAPPED_IOVA, BUFFER_IOVA + to, length, 0);
	if (status != PCI_TEST_STATUS_SOURCE_FAULT || read_register(client, PCI_TEST_COPIED) != 0)
		fail("copy from an unmapped IOVA: status 0x%x", status);
	for (i = 0; i < length; i++)
		if (target[i] != 0x5a)
			fail("copy from an unmapped IOVA moved byte 0x%zx", i);
	ok("fault from 0x%lx", UNMAPPED_IOVA);
	status = copy(client, BUFFER_IOVA + from, UNMAPPED_IOVA, length, 0);
	if (status != PCI_TEST_STATUS_TARGET_FAULT || read_register(client, PCI_TEST_COPIED) != 0)
		fail("copy to an unmapped IOVA: status 0x%x", status);
	ok("fault to 0x%lx", UNMAPPED_IOVA);
	status = copy(client, BUFFER_IOVA + from, BUFFER_IOVA + to, length, 0);
	if (status != PCI_TEST_STATUS_DONE || memcmp(source, target, length) != 0)
		fail("copy after a fault: status 0x%x", status);
	ok("copied after a fault");
}

void walk(struct client *client)
{
	uint32_t status;

	open_all(client);
	check_message_is_hidden(client);
	trigger_each(client);
	copy_and_fault(client);
	disarm_vectors(client);
	write_register(client, PCI_TEST_RAISE, 0);
	if (wait_event(client, 0, SILENCE) || read_register(client, PCI_TEST_RAISED) == PCI_TEST_RAISED_SENT)
		fail("a disarmed vector came");
	ok("disarmed vector is silent");
	unmap_memory(client);
	memset(client->memory, 0x77, 0x1000);
	status = copy(client, BUFFER_IOVA, BUFFER_IOVA + 0x2000, 0x1000, 0);
	if (status != PCI_TEST_STATUS_SOURCE_FAULT)
		fail("copy after the unmap: status 0x%x", status);
	ok("fault after the unmap");
	close_all(client);
}

static void refuse(struct client *client)
{
	find_group(client);
	open_container(client);
	open_group(client);
	must_fail(ioctl(client->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), EPERM, "VFIO_SET_IOMMU");
	must_fail(ioctl(client->group, VFIO_GROUP_GET_DEVICE_FD, client->bdf), EINVAL, "device without an iommu");
	must(close(client->group), "close of the group");
	must(close(client->container), "close of the container");
	ok("closed");
}


static void close_orders(struct client *client)
{
	static const char orders[][4] = { "cgd", "cdg", "gcd", "gdc", "dcg", "dgc" };
	size_t i, j;
	unsigned int vector;

	for (i = 0; i < sizeof orders / sizeof *orders; i++) {
		open_all(client);
		for (j = 0; j < 3; j++) {
			must(close(orders[i][j] == 'c' ? client->container : orders[i][j] == 'g' ? client->group : client->device), "close");
			/* The container lives as long as a group is in it, the group as long as its device is open. */
			if (!memchr(orders[i], 'd', j + 1)) {
				write_register(client, PCI_TEST_RAISE, 0);
				if (wait_event(client, 0, EVENT_TIMEOUT) != 1)
					fail("order %s: vector 0 after close %zu", orders[i], j);
			}
		}
		for (vector = 0; vector < client->vectors; vector++)
			close(client->event[vector]);
		ok("close order %s", orders[i]);
	}
}


static void try_ioctls(const char *file, int descriptor)
{
	static unsigned char zeros[4096];
	unsigned int number;

	for (number = VFIO_BASE - 1; number < VFIO_BASE + 25; number++) {
		long result;

		memset(zeros, 0, sizeof zeros);
		result = ioctl(descriptor, _IO(VFIO_TYPE, number), zeros);
		if (result < 0)
			ok("ioctl %s %u %s", file, number, strerrorname_np(errno));
		else
			ok("ioctl %s %u %ld", file, number, result);
	}
}

/* Not emulated, so it must fail in the kernel; an empty file behind the descriptor would have answered 0. */
static void without_offset(int descriptor)
{
	char byte = 0;

	must_fail(read(descriptor, &byte, 1), EBADF, "read without an offset");
	must_fail(pread(descriptor, &byte, 1, 0), EBADF, "pread below every region");
	must_fail((long)mmap(NULL, 0x1000, PROT_READ, MAP_SHARED, descriptor, 0), EACCES, "mmap below every region");
	must_fail(write(descriptor, &byte, 1), ENOSPC, "write without an offset");
	must_fail(pwrite(descriptor, &byte, 1, 0), ENOSPC, "pwrite below every region");
}

static void ioctls(struct client *client)
{
	open_all(client);
	try_ioctls("container", client->container);
	try_ioctls("group", client->group);
	try_ioctls("device", client->device);
	without_offset(client->container);
	without_offset(client->group);
	without_offset(client->device);
	close_all(client);
}

static void hold(struct client *client)
{
	open_all(client);
	trigger_each(client);
	ok("holding");
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	struct client client = { 0 };
	const char *mode = argc > 1 ? argv[1] : "";

	if (argc == 5 && strcmp(mode, "inherited") == 0) {
		client.bar0 = strtoull(argv[4], NULL, 0);
		use(&client, atoi(argv[3]), 0xe8ec);
		return 0;
	}
	if (argc > 3 && strcmp(mode, "memory-after-exec") == 0) {
		memory_after_exec(argc, argv);
		return 0;
	}
	if (argc > 3 && strcmp(mode, "after-exec") == 0) {
		after_exec(argc, argv);
		return 0;
	}
	if (argc != 3) {
		fprintf(stderr, "usage: vfio-client walk|refuse|signals|alarm|fork-dup|outlive|events|exec|exec-memory|memlock|threads|series|close-orders|reopen|undumpable|leaderless|apart|ioctls|troubles|hold BDF\n");
		return 2;
	}
	client.bdf = argv[2];
	if (strcmp(mode, "walk") == 0)
		walk(&client);
	else if (strcmp(mode, "refuse") == 0)
		refuse(&client);
	else if (strcmp(mode, "signals") == 0)
		under_signals(&client);
	else if (strcmp(mode, "alarm") == 0)
		interrupted_by_alarm();
	else if (strcmp(mode, "fork-dup") == 0)
		fork_dup(&client);
	else if (strcmp(mode, "outlive") == 0)
		outlive(&client);
	else if (strcmp(mode, "events") == 0)
		events(&client);
	else if (strcmp(mode, "exec-memory") == 0)
		exec_memory(&client);
	else if (strcmp(mode, "memlock") == 0)
		memlock(&client);
	else if (strcmp(mode, "exec") == 0)
		exec_whole(&client);
	else if (strcmp(mode, "threads") == 0)
		threads(&client);
	else if (strcmp(mode, "series") == 0)
		series(&client);
	else if (strcmp(mode, "close-orders") == 0)
		close_orders(&client);
	else if (strcmp(mode, "reopen") == 0)
		reopen(&client);
	else if (strcmp(mode, "undumpable") == 0)
		undumpable(&client);
	else if (strcmp(mode, "leaderless") == 0)
		leaderless(&client);
	else if (strcmp(mode, "apart") == 0)
		apart(&client);
	else if (strcmp(mode, "ioctls") == 0)
		ioctls(&client);
	else if (strcmp(mode, "troubles") == 0)
		troubles(&client);
	else if (strcmp(mode, "hold") == 0)
		hold(&client);
	else
		fail("mode %s: unknown", mode);
	ok("all of %s", mode);
	return 0;
}
