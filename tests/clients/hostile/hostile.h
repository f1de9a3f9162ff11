/*
 * What the modes of the hostile client share. Unlike the well-behaved one beside it, a call that fails says nothing: what may not happen does.
 * SPDX-License-Identifier: MIT
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "../steps.h"

#include <linux/vfio.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BUFFER_SIZE 0x200000ul
#define BUFFER_IOVA 0x40000000ul
#define VECTORS 8
#define KEPT 32		/* folders of the threads that called last, which the supervisor keeps open */

/* One assigned device, the way a driver holds it. */
struct held {
	const char *bdf;
	int container, group, device;
	int event[VECTORS];
	uint64_t bar0, config;
	unsigned char *memory;
};

/* xorshift: a seed is a run. */
struct random {
	uint64_t state;
};

void seed(struct random *random, uint64_t seed);
uint64_t any(struct random *random);
uint64_t below(struct random *random, uint64_t limit);
int chance(struct random *random, unsigned int percent);

double now(void);
int group_of(const char *bdf);
int open_group_of(const char *bdf);
/* Each step gives 0, or -1 with errno. */
int take_group(struct held *held);
int take_iommu(struct held *held);
int map(const struct held *held, void *memory, uint64_t iova, uint64_t size, uint32_t flags);
int unmap(const struct held *held, uint64_t iova, uint64_t size);
int take_device(struct held *held);
/* Where a region begins in the device's file. */
uint64_t region(int device, uint32_t index);
int arm(struct held *held, unsigned int vectors);
int disarm(const struct held *held);
int write_register(const struct held *held, uint32_t offset, uint32_t value);
uint32_t read_register(const struct held *held, uint32_t offset);
/* Lets the device copy LENGTH bytes between two IOVAs; gives its status register. */
uint32_t copy(const struct held *held, uint64_t from, uint64_t to, uint32_t length);
uint64_t events(const struct held *held, unsigned int vector, int milliseconds);
/* All of it; a step that fails ends the program. */
void take_all(struct held *held);
void release(struct held *held);

/* The doorbell that watches this process: the launcher's parent. */
pid_t supervisor(void);
/* A line of /proc/PID/status, as a number. */
long status_of(pid_t pid, const char *field);
int descriptors_of(pid_t pid);

void kills(struct random *random, const char *bdf, unsigned long rounds);
void fuzz(uint64_t number, unsigned long calls, unsigned int threads, long mebibytes, const char *bdf, const char *other);
void fight(struct random *random, const char *bdf, unsigned int processes, unsigned int seconds);
void signal_storm(const char *bdf, unsigned int threads);
void brim(const char *bdf, unsigned int seconds);
void reach(const char *bdf, const char *other);
void exhaust(const char *bdf, unsigned long limit, int is_reached);
void hoard(const char *bdf);
void hydra(void);
void unanswered(const char *bdf);
void withhold(const char *bdf);
void attack(const char *bdf);

#endif
