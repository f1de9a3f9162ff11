/*
 * Two processes with a container and a device each, then descriptors that change hands: a device reaches what its container maps and
 * nothing else, and the memory it reaches is that of the process that mapped it. SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "hostile.h"
#include "../pci-test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ONLY_MINE (BUFFER_IOVA + 0x10000000ul)		/* mapped by one of the two alone */
#define BOTH BUFFER_IOVA				/* the same IOVA, each its own memory */
#define RW (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

static void send_descriptor(int socket, int descriptor)
{
	char byte = 0, control[CMSG_SPACE(sizeof descriptor)] = { 0 };
	struct iovec vector = { &byte, 1 };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof descriptor);
	memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
	must(sendmsg(socket, &message, 0), "sendmsg");
}

static int receive_descriptor(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec vector = { &byte, 1 };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	int descriptor;

	if (must(recvmsg(socket, &message, 0), "recvmsg") != 1 || !CMSG_FIRSTHDR(&message))
		fail("no descriptor came");
	memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof descriptor);
	return descriptor;
}

static void tell(int socket)
{
	must(write(socket, "x", 1), "write");
}

static void wait_for(int socket)
{
	char byte;

	if (must(read(socket, &byte, 1), "read") != 1)
		fail("the other process ended");
}

static unsigned char *memory(unsigned char with, size_t size)
{
	unsigned char *area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(area, with, size);
	return area;
}

static void must_be(const unsigned char *memory, unsigned char with, size_t size, const char *whose)
{
	for (size_t i = 0; i < size; i++)
		if (memory[i] != with)
			fail("%s changed at 0x%zx: 0x%02x", whose, i, memory[i]);
}

/* The owner of another container, in another process: its memory must stay as it is. */
static void neighbour(const char *bdf, int socket)
{
	struct held held = { .bdf = bdf };
	unsigned char *secret = memory(0x22, 0x4000), *shared = memory(0x33, 0x4000);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	must(take_group(&held), "the neighbour's group");
	must(take_iommu(&held), "the neighbour's SET_IOMMU");
	must(map(&held, secret, ONLY_MINE, 0x4000, RW), "the neighbour's MAP_DMA");
	must(map(&held, shared, BOTH, 0x4000, RW), "the neighbour's MAP_DMA");
	must(take_device(&held), "the neighbour's GET_DEVICE_FD");
	tell(socket);
	wait_for(socket);
	must_be(secret, 0x22, 0x4000, "the neighbour's memory");
	must_be(shared, 0x33, 0x4000, "the neighbour's memory at the same IOVA");
	/* Its own device does reach it. */
	if (copy(&held, BOTH, ONLY_MINE, 0x1000) != PCI_TEST_STATUS_DONE)
		fail("the neighbour's own copy failed");
	must_be(secret, 0x33, 0x1000, "the copy of the neighbour's own device");
	_exit(0);
}

static void two_containers(const char *bdf, const char *other)
{
	struct held held = { .bdf = bdf };
	int ends[2], status;
	unsigned char *mine;
	pid_t child;

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "socketpair");
	child = (pid_t)must(fork(), "fork");
	if (!child)
		neighbour(other, ends[1]);
	close(ends[1]);
	wait_for(ends[0]);
	mine = memory(0x11, 0x4000);
	must(take_group(&held), "open of the group");
	must(take_iommu(&held), "SET_IOMMU");
	must(map(&held, mine, BOTH, 0x4000, RW), "MAP_DMA");
	must(take_device(&held), "GET_DEVICE_FD");

	if (copy(&held, BOTH, ONLY_MINE, 0x1000) != PCI_TEST_STATUS_TARGET_FAULT || read_register(&held, PCI_TEST_COPIED) != 0)
		fail("a device wrote to an IOVA that only another container maps");
	if (copy(&held, ONLY_MINE, BOTH, 0x1000) != PCI_TEST_STATUS_SOURCE_FAULT)
		fail("a device read an IOVA that only another container maps");
	if (copy(&held, BOTH, BOTH + 0x2000, 0x1000) != PCI_TEST_STATUS_DONE)
		fail("a copy in the container's own memory failed");
	must_be(mine, 0x11, 0x4000, "what no other device may write");
	/* A copy that runs off the end of the mapping stops there. */
	if (copy(&held, BOTH, BOTH + 0x3000, 0x2000) != PCI_TEST_STATUS_TARGET_FAULT || read_register(&held, PCI_TEST_COPIED) != 0x1000)
		fail("a copy past the mapping's end: 0x%x bytes", read_register(&held, PCI_TEST_COPIED));
	tell(ends[0]);
	must(waitpid(child, &status, 0), "waitpid");
	if (status)
		fail("the neighbour ended with 0x%x", status);
	close(held.device);
	close(held.group);
	close(held.container);
	ok("a device reaches its own container's memory and not the other's, at another IOVA nor at the same");
}

/* A maps and ends; B holds the descriptors. A's memory is gone, and B's at the same address is not A's. */
static void memory_of_the_dead(const char *bdf)
{
	struct held held = { .bdf = bdf };
	unsigned char *area = memory(0x44, 0x4000), *own = memory(0x55, 0x4000);
	int ends[2], status;
	pid_t child;

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "socketpair");
	child = (pid_t)must(fork(), "fork");
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		must(take_group(&held), "open of the group");
		must(take_iommu(&held), "SET_IOMMU");
		memset(area, 0x66, 0x4000);
		must(map(&held, area, BOTH, 0x4000, RW), "MAP_DMA");
		must(take_device(&held), "GET_DEVICE_FD");
		send_descriptor(ends[1], held.container);
		send_descriptor(ends[1], held.group);
		send_descriptor(ends[1], held.device);
		wait_for(ends[1]);
		_exit(0);
	}
	held.container = receive_descriptor(ends[0]);
	held.group = receive_descriptor(ends[0]);
	held.device = receive_descriptor(ends[0]);
	held.bar0 = region(held.device, VFIO_PCI_BAR0_REGION_INDEX);
	must(map(&held, own, ONLY_MINE, 0x4000, RW), "MAP_DMA by the second process");
	if (copy(&held, BOTH, ONLY_MINE, 0x1000) != PCI_TEST_STATUS_DONE)
		fail("a copy from one process's memory to another's of the same container failed");
	must_be(own, 0x66, 0x1000, "what came of the first process's memory");
	tell(ends[0]);
	must(waitpid(child, &status, 0), "waitpid");
	if (copy(&held, BOTH, ONLY_MINE, 0x1000) != PCI_TEST_STATUS_SOURCE_FAULT)
		fail("the memory of a process that ended was read");
	if (copy(&held, ONLY_MINE, BOTH, 0x1000) != PCI_TEST_STATUS_TARGET_FAULT)
		fail("the memory of a process that ended was written");
	must_be(area, 0x44, 0x4000, "the memory at the dead process's address");

	/* Its number may be another's soon: all of them are used up until it is, and what the new one has there stays as it is. */
	for (int tries = 0; tries < 34000; tries++) {
		pid_t next = (pid_t)must(vfork(), "vfork");

		if (!next)
			_exit(0);
		must(waitpid(next, &status, 0), "waitpid");
		if (next == child - 1) {
			next = (pid_t)must(fork(), "fork");
			if (!next) {
				prctl(PR_SET_PDEATHSIG, SIGKILL);
				wait_for(ends[1]);
				must_be(area, 0x44, 0x4000, "the memory of a process that got a dead one's number");
				_exit(0);
			}
			if (copy(&held, ONLY_MINE, BOTH, 0x1000) != PCI_TEST_STATUS_TARGET_FAULT)
				fail("the memory of a process that got a dead one's number was written");
			tell(ends[0]);
			must(waitpid(next, &status, 0), "waitpid");
			if (status)
				fail("the process that got a dead one's number ended with 0x%x", status);
			ok("a number was reused: %s", next == child ? "the dead process's own" : "another's first");
			break;
		}
	}
	close(held.device);
	close(held.group);
	close(held.container);
	ok("the memory of a process that ended is out of reach, and no other's is taken for it");
}

void reach(const char *bdf, const char *other)
{
	two_containers(bdf, other);
	memory_of_the_dead(bdf);
}
