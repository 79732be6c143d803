/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The recorder's end of the unit rings (include/weft/unit.h): offers them to the programs that it
 * starts, drains them and writes them as streams of the trace, on the kernel stream's clock.
 *
 * Nothing that a program puts into its rings or their directory is trusted. Rings are read with
 * pread(), not mapped: a program may truncate its file at any time, and what is checked must be a
 * copy anyway. Records that are none are counted, and a unit_invalid record stands in their place.
 *
 * Not for several threads at once.
 */
#ifndef WEFT_USER_UNIT_RING_H
#define WEFT_USER_UNIT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <weft/device.h>

struct unit_rings;

/*
 * A fresh directory for rings. clock: enum weft_clock of the kernel stream. 0, or a negative errno
 * with a line in errbuf.
 */
int unit_rings_create(struct unit_rings **out, uint32_t clock, char *errbuf, size_t len);

/*
 * From now on a ring is taken only if the process that its ids are of has made it, as far as this user can see
 * that (unit_owner.h). Not for rings of this process itself. 0; or a negative errno, and then nothing changes.
 */
int unit_rings_watch(struct unit_rings *u);

/*
 * "WEFT_UNITS=…": for the environment of the programs to be recorded. Valid until
 * unit_rings_free().
 */
const char *unit_rings_env(struct unit_rings *u);

/*
 * In a forked child that goes on without exec: its own unit marks, and its children's, are recorded
 * too.
 */
int unit_rings_attach_self(struct unit_rings *u);

/*
 * Takes in a WEFT_NOTICE_ID: which ids the threads have in the trace that do not live in the initial PID
 * namespace. What their rings say is taken only of threads that were told so.
 */
void unit_rings_learn(struct unit_rings *u, const struct weft_notice *n);

/*
 * take() is called within a drain when a ring names an unknown thread, to take in the notices that have come
 * until then: the thread's is among them.
 */
void unit_rings_ask(struct unit_rings *u, void (*take)(void *arg), void *arg);

/*
 * Looks for new rings and appends what is in them to units_dir/ring<N>, one stream for each, in
 * whole CTF packets with this uuid; creates units_dir when there is something to write. A few
 * records are left in the ring until they are worth a packet or a second old, unless final. Returns
 * the number of records written, or a negative errno, and then what was not written is still in the
 * rings.
 */
int unit_rings_drain(struct unit_rings *u, const char *units_dir, const uint8_t uuid[16],
		     bool final);

/* After a drain: how long the next one may wait, ms (1 to 100), as the rings fill now. */
int unit_rings_wait_ms(const struct unit_rings *u);

/*
 * Processes seen in the drains so far, each program of theirs once: 1 and where its unit word is
 * (as unit_word.h, but for libraries that were loaded later too), 0 if there is no further one.
 */
int unit_rings_word(struct unit_rings *u, pid_t *tgid, int64_t *tp_offset);

/*
 * So far: records written; marks lost (no room, no ring, not readable), of those that are known;
 * bytes written; and the bound of the error of the records' times against the kernel's clock, ns.
 * Any may be NULL.
 */
void unit_rings_stat(struct unit_rings *u, uint64_t *events, uint64_t *lost, uint64_t *bytes,
		     uint64_t *clock_error_ns);

/* Removes the directory and what is in it. */
void unit_rings_free(struct unit_rings *u);

#endif
