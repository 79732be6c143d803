/* SPDX-License-Identifier: GPL-2.0-only */
/* What the jobs share, whatever the model. */
#ifndef WEFT_USER_JOB_H
#define WEFT_USER_JOB_H

#include <stdint.h>
#include "model.h"
#include "timer.h"

/* The jobs, each in its job_*.c (switch in job_ring.c); jobs[] lists them. */
extern const struct job job_create, job_switch, job_ring, job_compute, job_sleep, job_share,
	job_touch;

/*
 * A number that depends on every bit of x (splitmix64): work whose result shows that it was done.
 */
static inline uint64_t job_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/*
 * What unit nr makes of a token before it passes it on: the order in which it went round shows in
 * the end.
 */
static inline uint64_t job_token(uint64_t token, uint64_t nr)
{
	return token * 6364136223846793005 + nr + 1;
}

/*
 * Writes "TEXT: REASON; ADVICE" into errbuf and returns err, a negative errno, whose meaning is the
 * reason (for -EINVAL, -ERANGE and -EINTR the text says it). advice: what to try, or NULL.
 */
int job_error(char *errbuf, size_t len, int err, const char *advice, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* The same where memory, or descriptors for pipes, for nr units could not be had. */
int job_no_memory(char *errbuf, size_t len, uint64_t nr);
int job_no_pipes(char *errbuf, size_t len, int err, uint64_t nr);

#endif
