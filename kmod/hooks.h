/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hooks: which of WEFT_HOOKS this kernel has and on what they hang, and putting them on and off for
 * one session. Every session has probes of its own, so that nothing runs where nobody records.
 */
#ifndef WEFT_KMOD_HOOKS_H
#define WEFT_KMOD_HOOKS_H

#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/tracepoint.h>
#include <linux/types.h>
#include <weft/device.h>

struct kernel_siginfo;
struct k_sigaction;
struct linux_binprm;
struct session;

/* Hooks that keep the filter right; on from the first FILTER. */
#define HOOKS_LIFE                                                                                 \
	(1 << WEFT_HOOK_task_newtask | 1 << WEFT_HOOK_sched_process_exec |                         \
	 1 << WEFT_HOOK_sched_process_exit)

/* At module load: finds what the kernel has. */
void hooks_find(void);
/* 1 << WEFT_HOOK_* of what was found. */
u64 hooks_found(void);

/*
 * Puts those hooks of `mask` on that the session's groups ask for and that are not on yet. 0, or a
 * negative errno, and then none of them is on that was not before. Sleeps; under session.lock.
 */
int hooks_on(struct session *s, u64 mask);
/* Takes all off and waits until no probe is in flight. Adds to session.missed. */
void hooks_off(struct session *s);
/* Returns that were not seen since the session began. */
u64 hooks_missed(const struct session *s);

/*
 * One return hook of one session. The kretprobe's instance data is a struct return_data.
 */
struct return_probe {
	struct kretprobe rp; /* first */
	struct session *session;
	const struct return_hook *hook;
	bool wrapper; /* the function is a system call's, given the user's registers */
};

/* What a return hook's entry leaves for its return. */
struct return_data {
	u64 time;
	u64 start;
	u64 length;
	u64 extra; /* page_fault: ip; brk: the old break */
	u32 prot;
	u32 flags;
};

#define RETURN_MAX_SYMBOLS 2
struct return_hook {
	unsigned int bit; /* WEFT_HOOK_* */
	unsigned int event;
	unsigned int group;
	const char *symbols[RETURN_MAX_SYMBOLS]; /* tried in this order */
	kretprobe_handler_t entry, ret;
	bool result_is_int;
};

/* In a kretprobe's handler. */
static inline struct return_probe *return_probe(struct kretprobe_instance *ri)
{
	return container_of(get_kretprobe(ri), struct return_probe, rp);
}

extern const struct return_hook fault_hook; /* fault.c */
/*
 * The same events at a fraction of the cost: 0, or a negative errno if that is not possible here or now
 * (-EBUSY: another session has it), and then fault_hook it is. Both sleep. off: as hooks_off() does.
 */
int fault_replace_on(struct session *s);
void fault_replace_off(void);
/* At module unload; sleeps until no thread is left in this module's code. */
void fault_exit(void);
#define MM_HOOKS 6
extern const struct return_hook mm_hooks[MM_HOOKS]; /* mm.c */

/* Tracepoint probes; data is the session. Called with preemption off. */

/* sched.c; what sched_switch does depends on the groups. */
void *sched_switch_probe(u32 groups);
void probe_sched_waking(void *data, struct task_struct *p);
void probe_sched_wakeup(void *data, struct task_struct *p);
void probe_sched_wakeup_new(void *data, struct task_struct *p);
void probe_sched_migrate_task(void *data, struct task_struct *p, int dest_cpu);
/* At the entry of finish_task_switch(); ops->private is the session. */
void sched_switched(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
		    struct ftrace_regs *fregs);

/* task.c */
void probe_task_newtask(void *data, struct task_struct *child, unsigned long clone_flags);
void probe_sched_process_exec(void *data, struct task_struct *p, pid_t old_pid,
			      struct linux_binprm *bprm);
void probe_sched_process_exit(void *data, struct task_struct *p);
void probe_task_rename(void *data, struct task_struct *p, const char *comm);
void probe_signal_deliver(void *data, int sig, struct kernel_siginfo *info, struct k_sigaction *ka);

/* tlb.c */
void probe_tlb_flush(void *data, int reason, unsigned long pages);

#endif
