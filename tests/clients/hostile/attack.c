/*
 * What a client might try on its supervisor: its process, its files, its filter. SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "hostile.h"
#include "../pci-test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Nothing of the supervisor's or the launcher's comes along: no listener, no channel, no tmpfs. */
static void nothing_inherited(void)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;

	while ((entry = readdir(folder))) {
		int fd = atoi(entry->d_name);
		char path[300], target[256] = "";

		if (entry->d_name[0] == '.' || fd <= 2 || fd == dirfd(folder))
			continue;
		snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
		(void)!readlink(path, target, sizeof target - 1);
		/* Whoever started doorbell may have left it an ordinary file or a pipe more. */
		if (!strncmp(target, "anon_inode:", 11) || !strncmp(target, "socket:", 7) || strstr(target, "(deleted)") || strstr(target, "memfd:") || strstr(target, "doorbell"))
			fail("descriptor %d came along: %s", fd, target);
	}
	closedir(folder);
	ok("no listener, channel or file of the supervisor's came along");
}

static void no_second_listener(void)
{
	struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF) };
	struct sock_fprog program = { 1, allow };

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program) >= 0 || errno != EBUSY)
		fail("a listener of the client's own: %s", strerrorname_np(errno));
	/* What the client filters itself, it does not get past the supervisor's filter. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		fail("no_new_privs went away");
	ok("no listener of the client's own");
}

/* Denied without CAP_SYS_PTRACE; a client with it was given root by whoever started it. */
static void supervisor_is_closed(pid_t pid, const char *who)
{
	char path[64];
	char byte;
	struct iovec own = { &byte, 1 }, its = { (void *)0x400000, 1 };
	int fd;

	if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0)
		fail("the %s can be traced", who);
	if (process_vm_readv(pid, &own, 1, &its, 1, 0) >= 0 || errno != EPERM)
		fail("the %s's memory: %s", who, strerrorname_np(errno));
	snprintf(path, sizeof path, "/proc/%d/mem", pid);
	if ((fd = open(path, O_RDWR)) >= 0 || errno != EACCES)
		fail("%s: %s", path, strerrorname_np(errno));
	snprintf(path, sizeof path, "/proc/%d/fd", pid);
	if ((fd = open(path, O_RDONLY | O_DIRECTORY)) >= 0 || errno != EACCES)
		fail("%s: %s", path, strerrorname_np(errno));
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	for (int i = 0; fd >= 0 && i < 64; i++)
		if (syscall(SYS_pidfd_getfd, fd, i, 0) >= 0 || errno != EPERM)
			fail("descriptor %d of the %s: %s", i, who, strerrorname_np(errno));
	close(fd);
	ok("the %s's memory and descriptors are out of reach", who);
}

/* A lease on one's own emulated file: the supervisor, which looks whether it is still open, must not wait for it. */
static void lease(void)
{
	int container = (int)must(open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC), "open");
	double start = now();

	signal(SIGIO, SIG_IGN);
	if (fcntl(container, F_SETLEASE, F_WRLCK) == 0) {
		close((int)must(dup(container), "dup"));
		must(ioctl(container, VFIO_GET_API_VERSION), "VFIO_GET_API_VERSION under a lease");
		if (now() - start > 20)
			fail("the supervisor waited for a lease of the client's");
	}
	close(container);
	ok("a lease keeps nobody waiting");
}

/* fchmod on one's own emulated group: the supervisor must still see that it was closed. */
static void mode(const char *bdf)
{
	int group = (int)must(open_group_of(bdf), "open of the group"), again;

	fchmod(group, 0);
	close(group);
	again = open_group_of(bdf);
	for (int patience = 100; again < 0 && errno == EBUSY && patience; patience--) {
		usleep(50000);
		again = open_group_of(bdf);
	}
	must(again, "open of the group after fchmod and close");
	close(again);
	ok("a file without permissions is seen to close");
}

static void tricks_with_paths(const char *bdf)
{
	char path[128], node[64];
	int anchor, fd;

	snprintf(node, sizeof node, "/dev/vfio/%d", group_of(bdf));
	/* O_PATH opens nothing; what is opened by it is the node. */
	anchor = (int)must(open(node, O_PATH | O_CLOEXEC), "open with O_PATH");
	snprintf(path, sizeof path, "/proc/self/fd/%d", anchor);
	fd = (int)must(open(path, O_RDWR | O_CLOEXEC), "open of an O_PATH descriptor");
	if (open(path, O_RDWR) >= 0 || errno != EBUSY)
		fail("the group was opened twice by way of O_PATH: %s", strerrorname_np(errno));
	close(fd);
	close(anchor);
	/* The computer's own devices behind /proc/self/root and ..: the view has no way around it. */
	for (int way = 0; way < 3; way++) {
		static const char *const ways[] = { "/proc/self/root", "/proc/thread-self/root", "/sys/../../../.." };
		DIR *folder;
		struct dirent *entry;

		snprintf(path, sizeof path, "%s/sys/bus/pci/devices", ways[way]);
		folder = opendir(path);
		while (folder && (entry = readdir(folder))) {
			snprintf(node, sizeof node, "%.40s", entry->d_name);
			if (node[0] != '.' && strncmp(node, "0000:0", 6))
				fail("%s shows %s", path, node);
		}
		if (folder)
			closedir(folder);
	}
	/* What was opened below the view cannot be opened for writing behind it. */
	if (open("/sys/bus/pci/devices/x", O_CREAT | O_RDWR, 0600) >= 0 || (errno != EROFS && errno != EACCES && errno != EPERM))
		fail("a file made in the view: %s", strerrorname_np(errno));
	ok("no path leads around the view");
}

/* A signal of the client's to its supervisor ends them both: that is a client that ends itself. */
void attack(const char *bdf)
{
	pid_t above = supervisor();
	struct held held = { .bdf = bdf };

	nothing_inherited();
	no_second_listener();
	lease();
	mode(bdf);
	tricks_with_paths(bdf);
	if (getuid() == 0 && prctl(PR_CAPBSET_READ, 19 /* CAP_SYS_PTRACE */) == 1 && status_of(getpid(), "CapEff:") != 0)
		ok("the client is root with CAP_SYS_PTRACE: nothing is out of its reach");
	else {
		supervisor_is_closed(above, "supervisor");
		supervisor_is_closed((pid_t)status_of(getpid(), "PPid:"), "launcher");
	}
	take_all(&held);
	release(&held);
}
