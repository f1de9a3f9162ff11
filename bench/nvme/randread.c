/*
 * Random reads of 4 KiB from a VFIO nvme device by one thread that maps the doorbells and polls for completions, as SPDK's and fio's drivers do.
 * randread BDF SECONDS DEPTH writes 64 MiB, prints `reads SECONDS NUMBER` and checks every block it gets; randread BDF idle prints `mapped` and waits.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define IOVA 0x100000000ul
#define ENTRIES 256u
#define MOST 128u

enum { ADMIN_SQ, ADMIN_CQ, IO_SQ, IO_CQ = IO_SQ + ENTRIES * 64 / 4096, DATA = IO_CQ + 1, PAGES = DATA + MOST };

struct command {
	uint8_t opcode, flags;
	uint16_t id;
	uint32_t nsid;
	uint64_t reserved, metadata, prp1, prp2;
	uint32_t cdw10, cdw11, cdw12, cdw13, cdw14, cdw15;
};

struct completion {
	uint32_t result, reserved;
	uint16_t head, queue, id, status;
};

struct queue {
	volatile struct command *commands;
	volatile struct completion *completions;
	volatile uint32_t *tail_bell, *head_bell;
	uint32_t entries, tail, head, phase;
};

static int device;
static uint64_t bar0;
static unsigned char *memory;
static volatile uint32_t *bells;

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

static void set(uint32_t offset, uint32_t value)
{
	if (pwrite(device, &value, 4, bar0 + offset) != 4)
		die("pwrite");
}

static uint32_t get(uint32_t offset)
{
	uint32_t value;

	if (pread(device, &value, 4, bar0 + offset) != 4)
		die("pread");
	return value;
}

static void open_device(const char *bdf)
{
	char path[128], link[256];
	int group, container;
	ssize_t length;
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map), .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE };
	struct vfio_region_info region = { .argsz = sizeof(region), .index = 0 };
	struct vfio_region_info config = { .argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX };
	uint16_t command = 6;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	length = readlink(path, link, sizeof(link) - 1);
	if (length < 0)
		die(path);
	link[length] = 0;
	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(link, '/') + 1);
	container = open("/dev/vfio/vfio", O_RDWR);
	group = open(path, O_RDWR);
	if (container < 0 || group < 0)
		die(path);
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) || ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		die("VFIO_SET_IOMMU");
	memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	map.vaddr = (uint64_t)memory;
	map.iova = IOVA;
	map.size = PAGES * PAGE;
	if (ioctl(container, VFIO_IOMMU_MAP_DMA, &map))
		die("VFIO_IOMMU_MAP_DMA");
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, bdf);
	if (device < 0)
		die("VFIO_GROUP_GET_DEVICE_FD");
	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &region) || ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config))
		die("VFIO_DEVICE_GET_REGION_INFO");
	bar0 = region.offset;
	if (pwrite(device, &command, 2, config.offset + 4) != 2)
		die("command register");
	bells = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, device, bar0 + PAGE);
	if (bells == MAP_FAILED)
		die("mmap of the doorbells");
}

static struct queue make_queue(unsigned int id, int sq, int cq, uint32_t entries)
{
	return (struct queue){
		.commands = (void *)(memory + sq * PAGE), .completions = (void *)(memory + cq * PAGE),
		.tail_bell = bells + 2 * id, .head_bell = bells + 2 * id + 1, .entries = entries, .phase = 1,
	};
}

static void submit(struct queue *queue, const struct command *command)
{
	memcpy((void *)&queue->commands[queue->tail], command, sizeof(*command));
	queue->tail = queue->tail + 1 == queue->entries ? 0 : queue->tail + 1;
}

/* The id of the next completion, -1 where there is none yet. */
static int take(struct queue *queue)
{
	volatile struct completion *entry = &queue->completions[queue->head];
	int id;

	if ((entry->status & 1) != queue->phase)
		return -1;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (entry->status >> 1) {
		fprintf(stderr, "command %d failed with status 0x%x\n", entry->id, entry->status >> 1);
		exit(1);
	}
	id = entry->id;
	if (++queue->head == queue->entries) {
		queue->head = 0;
		queue->phase ^= 1;
	}
	return id;
}

static void ring(volatile uint32_t *bell, uint32_t value)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
	*bell = value;
}

static void run(struct queue *queue, const struct command *command)
{
	submit(queue, command);
	ring(queue->tail_bell, queue->tail);
	while (take(queue) < 0)
		;
	ring(queue->head_bell, queue->head);
}

static struct queue enable(void)
{
	struct queue admin = make_queue(0, ADMIN_SQ, ADMIN_CQ, 32), io = make_queue(1, IO_SQ, IO_CQ, ENTRIES);
	struct command completion_queue = { .opcode = 5, .prp1 = IOVA + IO_CQ * PAGE, .cdw10 = 1 | (ENTRIES - 1) << 16, .cdw11 = 1 };
	struct command submission_queue = { .opcode = 1, .prp1 = IOVA + IO_SQ * PAGE, .cdw10 = 1 | (ENTRIES - 1) << 16, .cdw11 = 1 | 1 << 16 };

	set(0x14, 0);
	while (get(0x1c) & 1)
		;
	set(0x24, 31 | 31 << 16);
	set(0x28, (uint32_t)(IOVA + ADMIN_SQ * PAGE));
	set(0x2c, (IOVA + ADMIN_SQ * PAGE) >> 32);
	set(0x30, (uint32_t)(IOVA + ADMIN_CQ * PAGE));
	set(0x34, (IOVA + ADMIN_CQ * PAGE) >> 32);
	set(0x14, 0x460001);
	while (!(get(0x1c) & 1))
		;
	run(&admin, &completion_queue);
	run(&admin, &submission_queue);
	return io;
}

static uint64_t data(unsigned int slot)
{
	return IOVA + (DATA + slot) * PAGE;
}

static uint32_t next_random(void)
{
	static uint32_t state = 2463534242u;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

int main(int argc, char **argv)
{
	unsigned int depth = argc > 3 ? atoi(argv[3]) : 32, blocks = 16384;
	double length = argc > 2 ? atof(argv[2]) : 1, start, now;
	uint32_t wanted[MOST];
	uint64_t reads = 0;
	struct queue io;

	if (argc < 2 || depth < 1 || depth > MOST) {
		fputs("randread BDF SECONDS DEPTH | randread BDF idle\n", stderr);
		return 2;
	}
	open_device(argv[1]);
	io = enable();
	if (argc > 2 && !strcmp(argv[2], "idle")) {
		puts("mapped");
		fflush(stdout);
		pause();
	}
	for (uint32_t block = 0; block < blocks; block++) {
		struct command write = { .opcode = 1, .nsid = 1, .prp1 = data(0), .cdw10 = block * 8, .cdw12 = 7 };

		*(uint32_t *)(memory + DATA * PAGE) = block;
		run(&io, &write);
	}

	start = now = seconds();
	for (unsigned int slot = 0; slot < depth; slot++) {
		struct command read = { .opcode = 2, .id = slot, .nsid = 1, .prp1 = data(slot), .cdw12 = 7 };

		wanted[slot] = next_random() % blocks;
		read.cdw10 = wanted[slot] * 8;
		submit(&io, &read);
	}
	ring(io.tail_bell, io.tail);
	while (now < start + length) {
		uint32_t before = io.head;
		int slot;

		while ((slot = take(&io)) >= 0) {
			struct command read = { .opcode = 2, .id = slot, .nsid = 1, .prp1 = data(slot), .cdw12 = 7 };

			if (*(volatile uint32_t *)(memory + (DATA + slot) * PAGE) != wanted[slot]) {
				fprintf(stderr, "block %u came back wrong\n", wanted[slot]);
				return 1;
			}
			reads++;
			wanted[slot] = next_random() % blocks;
			read.cdw10 = wanted[slot] * 8;
			submit(&io, &read);
		}
		if (io.head != before) {
			ring(io.head_bell, io.head);
			ring(io.tail_bell, io.tail);
			now = seconds();
		}
	}
	printf("reads %.6f %lu\n", now - start, (unsigned long)reads);
	return 0;
}
