// SPDX-License-Identifier: MIT
// What a trapped call costs. Two halves, one clock:
//   roundtrip least [N]        a seccomp notification answered here, in C: bare, and as little as an honest answer
//                              needs (identify the fd, copy the same arguments in and out)
//   roundtrip client BDF [N]   the same calls as a client of VFIO, to be run under `doorbell run`
// Each line is "name median tenth": nanoseconds a call, the median of batches and their first decile, which says what a call takes
// when nothing else runs. bench/transport/run divides them.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/vfio.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#define REGION_BASE (1ULL << 40)
#define BATCH 100

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return (d > 0) - (d < 0);
}

static void measure(const char *name, void (*once)(void *), void *context, long count)
{
	long batches = count / BATCH > 10 ? count / BATCH : 10;
	double *time = calloc(batches, sizeof(*time));

	if (!time)
		die("calloc");
	for (long b = 0; b < batches; b++) {
		double start = now();

		for (int i = 0; i < BATCH; i++)
			once(context);
		time[b] = (now() - start) / BATCH;
	}
	qsort(time, batches, sizeof(*time), compare);
	printf("%s %.0f %.0f\n", name, time[batches / 2], time[batches / 10]);
	free(time);
}

struct target {
	int fd;
	uint64_t offset;
};

static void do_bare(void *context)
{
	struct target *t = context;

	if (ioctl(t->fd, VFIO_GET_API_VERSION) != VFIO_API_VERSION)
		die("VFIO_GET_API_VERSION");
}

static void do_ioctl(void *context)
{
	struct target *t = context;
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = VFIO_PCI_MSIX_IRQ_INDEX };

	if (ioctl(t->fd, VFIO_DEVICE_GET_IRQ_INFO, &info))
		die("VFIO_DEVICE_GET_IRQ_INFO");
}

static void do_pread(void *context)
{
	struct target *t = context;
	uint32_t value;

	if (pread(t->fd, &value, sizeof(value), t->offset) != sizeof(value))
		die("pread");
}

static void do_pwrite(void *context)
{
	struct target *t = context;
	uint32_t value = 0x600df00d;

	if (pwrite(t->fd, &value, sizeof(value), t->offset) != sizeof(value))
		die("pwrite");
}

// ---- the least that answers -------------------------------------------------------------------------------------

static int install_filter(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pread64, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pwrite64, 4, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff00),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ';' << 8, 3, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[3]) + 4),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, REGION_BASE >> 32, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};
	struct sock_fprog prog = { sizeof(program) / sizeof(program[0]), program };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		die("no_new_privs");
	int fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			 SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &prog);
	if (fd < 0)
		die("seccomp");
	return fd;
}

static void send_fd(int socket, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	if (sendmsg(socket, &message, 0) != 1)
		die("sendmsg");
}

static int receive_fd(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	int fd;

	if (recvmsg(socket, &message, 0) != 1)
		die("recvmsg");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	return fd;
}

static void copy(pid_t pid, void *ours, uint64_t theirs, size_t size, int out)
{
	struct iovec local = { ours, size }, remote = { (void *)(uintptr_t)theirs, size };
	ssize_t done = out ? process_vm_writev(pid, &local, 1, &remote, 1, 0) : process_vm_readv(pid, &local, 1, &remote, 1, 0);

	if (done != (ssize_t)size)
		die("process_vm");
}

static void answer(int listener, struct stat *expected)
{
	uint64_t flags = SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP;
	struct vfio_irq_info info;
	uint32_t value = 0;

	ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, flags);
	for (;;) {
		struct seccomp_notif request = { 0 };
		struct seccomp_notif_resp response = { 0 };
		struct stat st;
		char path[64];

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request)) {
			if (errno == EINTR)
				continue;
			return;
		}
		response.id = request.id;
		if (request.data.nr != SYS_ioctl || request.data.args[1] != VFIO_GET_API_VERSION) {
			snprintf(path, sizeof(path), "/proc/%d/fd/%d", request.pid, (int)request.data.args[0]);
			if (stat(path, &st) || st.st_dev != expected->st_dev || st.st_ino != expected->st_ino)
				die("stat");
		}
		switch (request.data.nr) {
		case SYS_pread64:
			copy(request.pid, &value, request.data.args[1], sizeof(value), 1);
			response.val = sizeof(value);
			break;
		case SYS_pwrite64:
			copy(request.pid, &value, request.data.args[1], sizeof(value), 0);
			response.val = sizeof(value);
			break;
		default:
			if (request.data.args[1] == VFIO_DEVICE_GET_IRQ_INFO) {
				copy(request.pid, &info, request.data.args[2], sizeof(info), 0);
				info.count = 8;
				copy(request.pid, &info, request.data.args[2], sizeof(info), 1);
			}
		}
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
	}
}

static int least(long count)
{
	int pair[2];
	char name[] = "/tmp/roundtrip.XXXXXX";
	int fd = mkstemp(name);
	struct stat st;

	unlink(name);
	if (fd < 0 || fstat(fd, &st) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		die("setup");
	pid_t child = fork();
	if (child == 0) {
		struct target t = { fd, REGION_BASE };

		send_fd(pair[1], install_filter());
		measure("bare", do_bare, &t, count);
		measure("ioctl", do_ioctl, &t, count);
		measure("pread", do_pread, &t, count);
		measure("pwrite", do_pwrite, &t, count);
		fflush(stdout);
		_exit(0);
	}
	int listener = receive_fd(pair[0]);
	pid_t answerer = fork();
	if (answerer == 0) {
		answer(listener, &st);
		_exit(0);
	}
	close(listener);
	int status;
	waitpid(child, &status, 0);
	kill(answerer, SIGKILL);
	waitpid(answerer, NULL, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

// ---- a client ---------------------------------------------------------------------------------------------------

static int client(const char *bdf, long count)
{
	char path[256], link[256];
	int container = open("/dev/vfio/vfio", O_RDWR);
	struct vfio_region_info region = { .argsz = sizeof(region), .index = VFIO_PCI_BAR0_REGION_INDEX };

	if (container < 0)
		die("/dev/vfio/vfio");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	ssize_t length = readlink(path, link, sizeof(link) - 1);
	if (length < 0)
		die(path);
	link[length] = 0;
	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(link, '/') + 1);
	int group = open(path, O_RDWR);
	if (group < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) || ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		die(path);
	int device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, bdf);
	if (device < 0 || ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &region))
		die(bdf);
	struct target c = { container, 0 }, d = { device, region.offset + 8 };
	measure("bare", do_bare, &c, count);
	measure("ioctl", do_ioctl, &d, count);
	measure("pread", do_pread, &d, count);
	measure("pwrite", do_pwrite, &d, count);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 2 && !strcmp(argv[1], "least"))
		return least(argc > 2 ? atol(argv[2]) : 20000);
	if (argc >= 3 && !strcmp(argv[1], "client"))
		return client(argv[2], argc > 3 ? atol(argv[3]) : 20000);
	fprintf(stderr, "usage: roundtrip least [N] | client BDF [N]\n");
	return 2;
}
