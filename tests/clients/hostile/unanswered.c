/*
 * A file system whose server, a process of the client's, answers nothing but the greeting: one thread of the client waits for it, and nobody else.
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "hostile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE 30.0

/* The first of the server's answers, and its last. */
static void greet(int server)
{
	static char buffer[FUSE_MIN_READ_BUFFER];
	struct fuse_in_header *request = (void *)buffer;
	struct {
		struct fuse_out_header head;
		struct fuse_init_out init;
	} answer = {
		.head.len = sizeof answer,
		.init = { .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = 4096 },
	};

	must(read(server, buffer, sizeof buffer), "read of FUSE_INIT");
	if (request->opcode != FUSE_INIT)
		fail("the kernel began with %u", request->opcode);
	answer.head.unique = request->unique;
	must(write(server, &answer, sizeof answer), "the answer to FUSE_INIT");
}

/* Who waits for the server for ever: each in a process of its own, to be killed. */
static pid_t start(const char *path, int server, const struct held *held)
{
	pid_t child = (pid_t)must(fork(), "fork");

	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* The server's last descriptor is the parent's: with it go those who wait for an answer. */
		close(server);
		close(held->group);
		close(held->container);
		if (open(path, O_RDWR) >= 0)
			fail("%s was opened, though nobody answers", path);
		_exit(1);
	}
	return child;
}

void unanswered(const char *bdf)
{
	static const char *const names[] = { "3", "vfio", "3/vfio" };
	char folder[] = "/tmp/doorbell-unanswered-XXXXXX", options[128], path[64], proc[64];
	int server, i;
	struct pollfd request;
	struct held held = { .bdf = bdf };
	pid_t children[4];
	double began;

	if (getuid() != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
		ok("no user namespace, no file system of one's own");
		return;
	}
	server = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (server < 0) {
		ok("no FUSE here");
		return;
	}
	must(mkdtemp(folder) ? 0 : -1, "mkdtemp");
	snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=%d,group_id=%d", server, getuid(), getgid());
	if (mount("unanswered", folder, "fuse", MS_NOSUID | MS_NODEV, options) != 0) {
		rmdir(folder);
		ok("no FUSE here");
		return;
	}
	greet(server);
	must(take_group(&held), "open of the group");
	/* Names that could be a node's, or a descriptor's: the supervisor has to find out. */
	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		children[i] = start(path, server, &held);
		/* Its request has come to the server, or another's. */
		request = (struct pollfd){ .fd = server, .events = POLLIN };
		if (poll(&request, 1, 20000) != 1)
			fail("nobody asks the server");
	}
	/* And by a descriptor of the file system's, whose attributes the server would be asked for. */
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", (int)must(open(folder, O_PATH | O_CLOEXEC), "open with O_PATH"));
	children[3] = start(proc, server, &held);
	began = now();
	must(take_iommu(&held), "SET_IOMMU while others wait for a server that does not answer");
	must(take_device(&held), "GET_DEVICE_FD then");
	close(held.device);
	close(held.group);
	close(held.container);
	must(take_group(&held), "open of the group again");
	if (now() - began > PATIENCE)
		fail("the supervisor waited for a server of the client's");
	close(held.group);
	close(held.container);
	for (i = 0; i < 4; i++)
		kill(children[i], SIGKILL);
	umount2(folder, MNT_DETACH);
	close(server);
	for (i = 0; i < 4; i++)
		waitpid(children[i], NULL, 0);
	rmdir(folder);
	ok("nobody waits for a server that does not answer but who asked it");
}
