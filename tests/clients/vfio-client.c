/*
 * A small VFIO client against a pci-test device, as a program written for the kernel would be: `vfio-client MODE BDF`.
 *
 *   walk        everything once: open, map, arm, trigger, copy, fault, disarm, unmap, close
 *   refuse      VFIO_SET_IOMMU must answer EPERM
 *   signals     a timer interrupts thousands of register writes; each must happen exactly once
 *   alarm       an alarm ends a read that would wait for ever
 *   fork-dup    the device's descriptor through dup, fork, SCM_RIGHTS and exec
 *   close-orders  container, group and device closed in every order, each time followed by a fresh open
 *   reopen      a file is opened anew through /proc and closed again, which must not be taken for the last close
 *   undumpable  a client that cannot be looked at is refused, and finds no empty file instead
 *   leaderless  a thread goes on alone after the main thread has ended
 *   ioctls      every number of VFIO's on every kind of file, with an argument of zeros: says what each answers
 *   hold        arms everything, says `ok holding`, and waits to be killed
 */
#define _GNU_SOURCE
#include "client.h"
#include "pci-test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EVENT_TIMEOUT 5000	/* milliseconds: far longer than any event takes */
#define SILENCE 50		/* milliseconds in which an event that must not come would have come */

static void trigger_each(const struct client *client)
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

static void walk(struct client *client)
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

static volatile sig_atomic_t alarms;

static void on_alarm(int signal_number)
{
	(void)signal_number;
	alarms++;
}

static void write_under_signals(const struct client *client, int flags, const char *name)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = flags };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec often = { { 0, 50000 }, { 0, 50000 } };
	timer_t timer;
	uint32_t before = read_register(client, PCI_TEST_RAISES), raised, i;
	const uint32_t writes = 10000;
	uint64_t events;

	alarms = 0;
	must(sigaction(SIGUSR1, &action, NULL), "sigaction");
	must(timer_create(CLOCK_MONOTONIC, &event, &timer), "timer_create");
	must(timer_settime(timer, 0, &often, NULL), "timer_settime");
	for (i = 0; i < writes; i++)
		write_register(client, PCI_TEST_RAISE, 0);
	must(timer_delete(timer), "timer_delete");
	raised = read_register(client, PCI_TEST_RAISES) - before;
	events = wait_event(client, 0, EVENT_TIMEOUT);
	if (raised != writes || events != writes)
		fail("%s: %u writes became %u and %llu events", name, writes, raised, (unsigned long long)events);
	if (alarms < 100)
		fail("%s: only %d signals came", name, (int)alarms);
	ok("%s: %u writes, none lost or repeated", name, writes);
}

static void under_signals(struct client *client)
{
	open_all(client);
	write_under_signals(client, SA_RESTART, "with SA_RESTART");
	write_under_signals(client, 0, "without SA_RESTART");
	close_all(client);
}

/* Programs time their waits this way: the handler must stay without SA_RESTART. */
static void interrupted_by_alarm(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	int ends[2];
	char byte;

	must(pipe(ends), "pipe");
	must(sigaction(SIGALRM, &action, NULL), "sigaction");
	alarm(1);
	must_fail(read(ends[0], &byte, 1), EINTR, "read of an empty pipe");
}

static void send_descriptor(int socket, int descriptor)
{
	union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } control = { 0 };
	char byte = 'x';
	struct iovec vector = { &byte, 1 };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };

	control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
	must(sendmsg(socket, &message, 0), "sendmsg");
}

static int receive_descriptor(int socket)
{
	union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } control = { 0 };
	char byte;
	struct iovec vector = { &byte, 1 };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	int descriptor;

	if (must(recvmsg(socket, &message, 0), "recvmsg") != 1 || message.msg_controllen == 0)
		fail("recvmsg: no descriptor");
	memcpy(&descriptor, CMSG_DATA(&control.header), sizeof descriptor);
	return descriptor;
}

static void join(pid_t child, const char *name)
{
	int status;

	must(waitpid(child, &status, 0), "waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail("%s: the child ended with 0x%x", name, status);
	ok("%s", name);
}

/* A child of its own uses the device by DESCRIPTOR, which it got in whatever way. */
static void use(const struct client *client, int descriptor, uint32_t mark)
{
	struct client mine = *client;

	mine.device = descriptor;
	write_register(&mine, PCI_TEST_SCRATCH, mark);
	if (read_register(&mine, PCI_TEST_SCRATCH) != mark)
		fail("descriptor %d does not reach the device", descriptor);
}

static void fork_dup(struct client *client)
{
	int sockets[2], copied, go[2];
	char byte = 0, text[3][32];
	pid_t receiver, child;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), "socketpair");
	must(pipe(go), "pipe");
	/* Started before the device is opened: all it will ever know of it comes through the socket. */
	receiver = must(fork(), "fork");
	if (receiver == 0) {
		struct client theirs;
		int descriptor = receive_descriptor(sockets[1]);

		must(read(sockets[1], &theirs, sizeof theirs), "read");
		must(read(go[0], &byte, 1), "read");	/* by now the parent has closed everything */
		use(&theirs, descriptor, 0x5c31);
		_exit(0);
	}

	open_all(client);
	copied = must(dup(client->device), "dup");
	use(client, copied, 0xd0b);
	must(close(copied), "close of the copy");
	use(client, client->device, 0xd0c);
	ok("dup");

	child = must(fork(), "fork");
	if (child == 0) {
		use(client, client->device, 0xf0);
		_exit(0);
	}
	join(child, "fork");
	use(client, client->device, 0xf1);

	child = must(fork(), "fork");
	if (child == 0) {
		copied = must(dup(client->device), "dup");	/* without O_CLOEXEC */
		snprintf(text[0], sizeof text[0], "%d", copied);
		snprintf(text[1], sizeof text[1], "0x%llx", (unsigned long long)client->bar0);
		execl("/proc/self/exe", "vfio-client", "inherited", client->bdf, text[0], text[1], NULL);
		fail("exec: %s", strerrorname_np(errno));
	}
	join(child, "exec");

	send_descriptor(sockets[0], client->device);
	must(write(sockets[0], client, sizeof *client), "write");
	close_all(client);
	must(write(go[1], &byte, 1), "write");
	join(receiver, "SCM_RIGHTS, after every other descriptor was closed");
	/* With the last descriptor gone the group must be free again. */
	open_all(client);
	close_all(client);
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

static int open_anew(int descriptor, int flags)
{
	char path[32];

	snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
	return must(open(path, flags), "open through /proc");
}

static void reopen(struct client *client)
{
	int reader;

	open_all(client);
	must(close(open_anew(client->device, O_WRONLY)), "close");
	must(close(open_anew(client->group, O_WRONLY)), "close");
	must(close(open_anew(client->container, O_WRONLY)), "close");
	usleep(1000 * SILENCE);
	use(client, client->device, 0x4e0);
	write_register(client, PCI_TEST_RAISE, 0);
	if (wait_event(client, 0, EVENT_TIMEOUT) != 1)
		fail("vector 0 after a second open was closed");
	reader = open_anew(client->device, O_RDONLY);
	close_all(client);
	must_fail(ioctl(reader, VFIO_DEVICE_RESET), EBADF, "ioctl of a released device");
	must(close(reader), "close");
	/* All of it must be free again. */
	open_all(client);
	close_all(client);
}

static void undumpable(struct client *client)
{
	uint32_t value = 0;

	open_all(client);
	must(prctl(PR_SET_DUMPABLE, 0), "prctl");
	must_fail(pread(client->device, &value, sizeof value, client->bar0), EPERM, "pread");
	must_fail(pwrite(client->device, &value, sizeof value, client->bar0), EPERM, "pwrite");
	must_fail(ioctl(client->device, VFIO_DEVICE_RESET), EPERM, "ioctl");
}

static void *go_on_alone(void *argument)
{
	struct client *client = argument;
	char path[64], state = 0;

	while (state != 'Z') {	/* until the main thread is a zombie, with neither memory nor descriptors */
		FILE *stat;

		snprintf(path, sizeof path, "/proc/%d/stat", getpid());
		stat = fopen(path, "r");
		if (!stat || fscanf(stat, "%*d %*s %c", &state) != 1)
			fail("%s: unreadable", path);
		fclose(stat);
		usleep(1000);
	}
	walk(client);
	ok("all of leaderless");
	exit(0);
}

static void leaderless(struct client *client)
{
	static struct client theirs;
	pthread_t thread;

	theirs = *client;
	if (pthread_create(&thread, NULL, go_on_alone, &theirs) != 0)
		fail("pthread_create");
	pthread_exit(NULL);
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
	if (argc != 3) {
		fprintf(stderr, "usage: vfio-client walk|refuse|signals|alarm|fork-dup|close-orders|reopen|undumpable|leaderless|ioctls|hold BDF\n");
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
	else if (strcmp(mode, "close-orders") == 0)
		close_orders(&client);
	else if (strcmp(mode, "reopen") == 0)
		reopen(&client);
	else if (strcmp(mode, "undumpable") == 0)
		undumpable(&client);
	else if (strcmp(mode, "leaderless") == 0)
		leaderless(&client);
	else if (strcmp(mode, "ioctls") == 0)
		ioctls(&client);
	else if (strcmp(mode, "hold") == 0)
		hold(&client);
	else
		fail("mode %s: unknown", mode);
	ok("all of %s", mode);
	return 0;
}
