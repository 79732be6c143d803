/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A producer of the kernel stream as the tool sees it: the module (backend_kmod.c) or the BPF probes
 * (backend_bpf.c). Both fill rings of the layout in <weft/ring.h>; everything behind the rings is the
 * same for both.
 */
#ifndef WEFT_USER_BACKEND_H
#define WEFT_USER_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <weft/device.h>

/* One CPU's ring, mapped. data is nr_subs * sub_size bytes. */
struct backend_ring {
	const struct weft_ring_ctl *ctl;
	struct weft_ring_user *user;
	const unsigned char *data;
	uint32_t cpu;
};

/* Why a hook is missing and what to do about it; text is static or owned by the backend. */
struct backend_hook {
	bool present;
	const char *how; /* present: on what it hangs ("tp_btf/sched_switch") */
	const char *why; /* missing: the reason and what to try */
};

struct backend_info {
	uint32_t clocks;  /* 1 << WEFT_CLOCK_* */
	uint32_t tsc_khz; /* 0 if WEFT_CLOCK_TSC can't be used */
	uint32_t nr_cpus; /* rings: possible CPUs */
	struct backend_hook hooks[WEFT_HOOK_MAX];
};

struct backend;

/*
 * Every function returns 0 (or as said) or a negative errno, after having put one line for the user
 * into errbuf (what, to what, why, what to try).
 */
struct backend_ops {
	const char *name; /* "kmod", "bpf" */

	/*
	 * Can this backend be used by this user on this kernel? Fills info (if not NULL) as far as it can be
	 * known without recording. Negative if not at all.
	 */
	int (*probe)(struct backend_info *info, char *errbuf, size_t len);

	/* A session. setup->clock 0: the backend's best, told in setup on return. */
	int (*open)(struct backend **out, struct weft_setup *setup, char *errbuf, size_t len);
	int (*filter)(struct backend *b, pid_t tgid, char *errbuf, size_t len);
	/* Where tgid's current-unit word is; none: it has no units. */
	int (*unit_word)(struct backend *b, pid_t tgid, bool none, int64_t tp_offset);
	int (*start)(struct backend *b, char *errbuf, size_t len);
	int (*stop)(struct backend *b);
	/* Completes begun sub-buffers of all CPUs, so that the reader sees all records written so far. */
	int (*flush)(struct backend *b);
	int (*stat)(struct backend *b, struct weft_stat *st);
	/* A descriptor that polls readable on a notice or a complete sub-buffer. */
	int (*pollfd)(struct backend *b);
	/* Up to max notices; the number read, 0 if there are none. Never blocks. */
	int (*notices)(struct backend *b, struct weft_notice *buf, int max);
	/* Ends the session at whatever point it is, frees b. */
	void (*close)(struct backend *b);
};

/* What all backends have in common; a backend embeds it first. */
struct backend {
	const struct backend_ops *ops;
	struct backend_info info;
	struct backend_ring *rings; /* info.nr_cpus of them; ctl is NULL for a CPU without one */
};

extern const struct backend_ops backend_kmod;
extern const struct backend_ops backend_bpf;

/* "kmod", "bpf" or "auto" (the module if it is loaded, else BPF). NULL and a line in errbuf if none. */
const struct backend_ops *backend_by_name(const char *name, char *errbuf, size_t len);

#endif
