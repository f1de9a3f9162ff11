/* A device reached by every kind of descriptor and process (T4, T8, T11). SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include "client.h"
#include "modes.h"
#include "pci-test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

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
void use(const struct client *client, int descriptor, uint32_t mark)
{
	struct client mine = *client;

	mine.device = descriptor;
	write_register(&mine, PCI_TEST_SCRATCH, mark);
	if (read_register(&mine, PCI_TEST_SCRATCH) != mark)
		fail("descriptor %d does not reach the device", descriptor);
}

void fork_dup(struct client *client)
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

/* The descriptors of an open client, in the order in which they are handed over. */
#define HANDED 4

static void descriptors_of(struct client *client, int *all[HANDED])
{
	all[0] = &client->container;
	all[1] = &client->group;
	all[2] = &client->device;
	all[3] = &client->event[0];
}

/* Everything a process can do with what another opened. The memory that one had mapped is gone with it, so this one maps its own. */
static void go_on(struct client *client)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof unmap, .flags = VFIO_DMA_UNMAP_FLAG_ALL };

	use(client, client->device, 0x901);
	write_register(client, PCI_TEST_RAISE, 0);
	if (wait_event(client, 0, EVENT_TIMEOUT) != 1)
		fail("vector 0, armed by the one before");
	must(ioctl(client->container, VFIO_IOMMU_UNMAP_DMA, &unmap), "VFIO_IOMMU_UNMAP_DMA of all");
	if (unmap.size != BUFFER_SIZE)
		fail("VFIO_IOMMU_UNMAP_DMA of all: 0x%llx bytes", unmap.size);
	map_memory(client);
	memset(client->memory, 0x3c, 0x1000);
	if (copy(client, BUFFER_IOVA, BUFFER_IOVA + 0x5000, 0x1000, 0) != PCI_TEST_STATUS_DONE || memcmp(client->memory, client->memory + 0x5000, 0x1000) != 0)
		fail("the device does not reach this process's memory");
	ok("went on with another's descriptors");
	disarm_vectors(client);
	client->vectors = 1;
	set_vectors(client, 1);
	trigger_each(client);
	unmap_memory(client);
	close_all(client);
}

void outlive(struct client *client)
{
	int sockets[2], *all[HANDED], i;
	pid_t opener;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), "socketpair");
	opener = must(fork(), "fork");
	if (opener == 0) {
		char byte;

		open_all(client);
		must(write(sockets[1], client, sizeof *client), "write");
		descriptors_of(client, all);
		for (i = 0; i < HANDED; i++) {
			send_descriptor(sockets[1], *all[i]);
			must(read(sockets[1], &byte, 1), "read");	/* one byte, one descriptor */
		}
		_exit(0);
	}
	must(read(sockets[0], client, sizeof *client), "read");
	client->bdf = strdup("?");	/* was a pointer of the other's */
	descriptors_of(client, all);
	for (i = 0; i < HANDED; i++) {
		*all[i] = receive_descriptor(sockets[0]);
		must(write(sockets[0], "", 1), "write");
	}
	join(opener, "the process that opened everything has ended");
	go_on(client);
}

void exec_whole(struct client *client)
{
	char text[6][32], *arguments[9] = { "vfio-client", "after-exec" };
	int *all[HANDED], i;

	open_all(client);
	descriptors_of(client, all);
	for (i = 0; i < HANDED; i++)
		snprintf(text[i], sizeof text[i], "%d", (int)must(dup(*all[i]), "dup"));	/* without O_CLOEXEC; the others go */
	snprintf(text[4], sizeof text[4], "0x%llx", (unsigned long long)client->bar0);
	for (i = 0; i < 5; i++)
		arguments[2 + i] = text[i];
	execv("/proc/self/exe", arguments);
	fail("exec: %s", strerrorname_np(errno));
}

void after_exec(int argc, char **argv)
{
	struct client client = { .bdf = "?" };
	int *all[HANDED], i;

	if (argc != 2 + HANDED + 1)
		fail("after-exec: %d arguments", argc);
	descriptors_of(&client, all);
	for (i = 0; i < HANDED; i++)
		*all[i] = atoi(argv[2 + i]);
	client.bar0 = strtoull(argv[2 + HANDED], NULL, 0);
	client.vectors = 1;
	go_on(&client);
	ok("all of exec");
}

static int open_anew(int descriptor, int flags)
{
	char path[32];

	snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
	return must(open(path, flags), "open through /proc");
}

void reopen(struct client *client)
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

void undumpable(struct client *client)
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

static void *work_apart(void *argument)
{
	struct client *client = argument;

	/* From here on the numbers of new eventfds mean nothing to the other threads, or another file. */
	must(unshare(CLONE_FILES), "unshare");
	arm_vectors(client);
	write_register(client, PCI_TEST_RAISE, 0);
	if (wait_event(client, 0, EVENT_TIMEOUT) != 1)
		fail("the eventfd of the thread that armed it was not signalled");
	disarm_vectors(client);
	return NULL;
}

void apart(struct client *client)
{
	pthread_t thread;

	open_all(client);
	if (pthread_create(&thread, NULL, work_apart, client) != 0 || pthread_join(thread, NULL) != 0)
		fail("pthread");
	close_all(client);
}

void leaderless(struct client *client)
{
	static struct client theirs;
	pthread_t thread;

	theirs = *client;
	if (pthread_create(&thread, NULL, go_on_alone, &theirs) != 0)
		fail("pthread_create");
	pthread_exit(NULL);
}
