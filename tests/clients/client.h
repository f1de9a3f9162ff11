/*
 * What every mode of the VFIO client shares: one line a step, and the walk to an open device.
 * A step that does not answer as the kernel would ends the program: `FAIL <step>: <why>`, exit status 1.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include "steps.h"

#include <linux/vfio.h>
#include <stdint.h>
#include <stddef.h>

/* The client's IOVAs: one buffer, far from any machine's MSI window, and an address that is never mapped. */
#define BUFFER_SIZE 0x200000ul
#define BUFFER_IOVA 0x40000000ul
#define UNMAPPED_IOVA 0x80000000ul
#define MAX_VECTORS 8

struct client {
	const char *bdf;
	int group_number;
	int container;
	int group;
	int device;
	uint64_t config;		/* file offsets of the regions in the device fd */
	uint64_t bar0;
	unsigned int vectors;		/* armed */
	int event[MAX_VECTORS];
	unsigned char *memory;		/* BUFFER_SIZE bytes, mapped at BUFFER_IOVA */
	int window;			/* the container's ranges leave out an MSI window */
	uint64_t window_start;
};

/* The call named STEP must have failed with ERROR. */
void must_fail(long result, int error, const char *step);

void find_group(struct client *client);
void open_container(struct client *client);
void open_group(struct client *client);
void set_iommu(struct client *client);
void show_ranges(struct client *client);
void map_memory(struct client *client);
void unmap_memory(struct client *client);
void open_device(struct client *client);
void check_config(struct client *client);
/* Arms the first COUNT vectors with the client's eventfds; 0 turns all of them off. */
void set_vectors(const struct client *client, unsigned int count);
void arm_vectors(struct client *client);
void disarm_vectors(struct client *client);
/* All of the above up to armed vectors. */
void open_all(struct client *client);
void close_all(struct client *client);

void write_register(const struct client *client, uint32_t offset, uint32_t value);
uint32_t read_register(const struct client *client, uint32_t offset);
/* Waits for an event of VECTOR; gives their number, 0 when none came. */
uint64_t wait_event(const struct client *client, unsigned int vector, int milliseconds);
/* Lets the device copy, OPTIONS as PCI_TEST_COPY has them; gives its status register. */
uint32_t copy(const struct client *client, uint64_t from, uint64_t to, uint32_t length, uint32_t options);

#endif
