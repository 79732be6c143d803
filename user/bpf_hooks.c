// SPDX-License-Identifier: GPL-2.0-only
/* Which hooks the BPF probes have on this kernel. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "bpf_hooks.h"

#define SCHED (WEFT_GROUP_SCHED)
#define FAULT (WEFT_GROUP_FAULT)
#define MM (WEFT_GROUP_MM)

#define TRACEPOINT(name, groups)                                                                   \
	{                                                                                          \
		WEFT_HOOK_##name, groups, BPF_WAY_TRACEPOINT, #name, { #name }, "tp_btf/" #name    \
	}
#define FUNCTION(name, function)                                                                   \
	{                                                                                          \
		WEFT_HOOK_##name, MM, BPF_WAY_FUNCTION, function,                                  \
			{ #name "_enter", #name "_exit" }, "fentry and fexit of " function         \
	}
#define SYSCALL(name)                                                                              \
	{                                                                                          \
		WEFT_HOOK_##name, MM, BPF_WAY_SYSCALL, #name, { "sys_enter", "sys_exit" },         \
			"tp_btf/sys_enter and sys_exit of " #name                                  \
	}
#if defined(__x86_64__)
#define SYSCALL_FUNCTION(name) "__x64_sys_" name
#else
#define SYSCALL_FUNCTION(name) "__arm64_sys_" name
#endif

/* For each hook the first that this kernel has is taken. */
static const struct bpf_way ways[] = {
	TRACEPOINT(sched_switch, 0), /* a thread's books are read at its last one */
	TRACEPOINT(task_newtask, 0),
	TRACEPOINT(sched_process_exec, 0),
	TRACEPOINT(sched_process_exit, 0),
	TRACEPOINT(task_rename, 0),
	TRACEPOINT(signal_deliver, 0),
	TRACEPOINT(sched_waking, SCHED),
	TRACEPOINT(sched_wakeup, SCHED),
	TRACEPOINT(sched_wakeup_new, SCHED),
	TRACEPOINT(sched_migrate_task, SCHED),
	{ WEFT_HOOK_context_switch,
	  WEFT_GROUP_COST,
	  BPF_WAY_KPROBE,
	  "finish_task_switch",
	  { "context_switch" },
	  "kprobe finish_task_switch" },
	{ WEFT_HOOK_page_fault,
	  FAULT,
	  BPF_WAY_FUNCTION,
	  "handle_mm_fault",
	  { "fault_enter", "fault_exit" },
	  "fentry and fexit of handle_mm_fault" },
	{ WEFT_HOOK_page_fault_entry,
	  FAULT,
	  BPF_WAY_TRACEPOINT,
	  "page_fault_user",
	  { "page_fault_user", "page_fault_kernel" },
	  "tp_btf/page_fault_user and page_fault_kernel" },
	FUNCTION(mmap, "vm_mmap_pgoff"),
	SYSCALL(mmap),
	FUNCTION(munmap, "__vm_munmap"),
	SYSCALL(munmap),
	FUNCTION(brk, SYSCALL_FUNCTION("brk")),
	SYSCALL(brk),
	FUNCTION(mprotect, "do_mprotect_pkey"),
	SYSCALL(mprotect),
	FUNCTION(mremap, SYSCALL_FUNCTION("mremap")),
	SYSCALL(mremap),
	FUNCTION(madvise, "do_madvise"),
	SYSCALL(madvise),
	TRACEPOINT(tlb_flush, WEFT_GROUP_TLB),
};

static char complaint[256];

static int __attribute__((format(printf, 2, 0)))
remember(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBBPF_WARN && !complaint[0]) {
		vsnprintf(complaint, sizeof(complaint), fmt, ap);
		complaint[strcspn(complaint, "\n")] = '\0';
	}
	return 0;
}

void bpf_hush(void)
{
	libbpf_set_print(remember);
	complaint[0] = '\0';
}

const char *bpf_complaint(void)
{
	return complaint;
}

static const struct bpf_insn do_nothing[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
	{ .code = BPF_JMP | BPF_EXIT },
};

/* May this user load a program that sees the kernel's events, and is there anything to see? */
static int try_load(char *errbuf, size_t len)
{
	int fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, NULL, "GPL", do_nothing, 2, NULL);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (fd == -EPERM || fd == -EACCES)
		snprintf(errbuf, len,
			 "no permission to use BPF; it takes root, or CAP_BPF and CAP_PERFMON, "
			 "and a kernel that is not locked down");
	else if (fd == -ENOSYS)
		snprintf(errbuf, len, "this kernel has no BPF (CONFIG_BPF_SYSCALL)");
	else
		snprintf(errbuf, len,
			 "cannot load a BPF program: %s; it takes CONFIG_BPF_SYSCALL and "
			 "CONFIG_BPF_EVENTS",
			 strerror(-fd));
	return fd;
}

/* 0 if programs can be attached to functions: tried with one that the kernel keeps for such tests. */
static int try_function(const struct btf *btf)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FENTRY);
	int id = btf__find_by_name_kind(btf, "bpf_fentry_test1", BTF_KIND_FUNC);
	int prog, link;

	if (id < 0)
		return -ENOENT;
	opts.attach_btf_id = (__u32)id;
	prog = bpf_prog_load(BPF_PROG_TYPE_TRACING, NULL, "GPL", do_nothing, 2, &opts);
	if (prog < 0)
		return prog;
	link = bpf_raw_tracepoint_open(NULL, prog);
	close(prog);
	if (link < 0)
		return link;
	close(link);
	return 0;
}

static bool has_tracepoint(const struct btf *btf, const char *name)
{
	char type[64];

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	return btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF) > 0;
}

/* The compiler may have made finish_task_switch.isra.0 of it. */
static void find_switch_symbol(char *symbol, size_t len)
{
	FILE *f = access("/sys/bus/event_source/devices/kprobe/type", R_OK) ?
			  NULL :
			  fopen("/proc/kallsyms", "re");
	char line[512], name[256];
	const size_t base = strlen("finish_task_switch");

	*symbol = '\0';
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %*c %255s", name) != 1 ||
		    strncmp(name, "finish_task_switch", base) ||
		    (name[base] && name[base] != '.') || strstr(name, ".cold") ||
		    strlen(name) >= len)
			continue;
		strcpy(symbol, name);
		break;
	}
	if (f)
		fclose(f);
}

/* Offset of a per-CPU variable in its section; -1 if the BTF does not have it. */
static int64_t percpu_offset(const struct btf *btf, const char *name)
{
	int var = btf__find_by_name_kind(btf, name, BTF_KIND_VAR);
	int sec = btf__find_by_name_kind(btf, ".data..percpu", BTF_KIND_DATASEC);
	const struct btf_type *t = sec > 0 ? btf__type_by_id(btf, (__u32)sec) : NULL;
	const struct btf_var_secinfo *v = t ? btf_var_secinfos(t) : NULL;
	int i;

	for (i = 0; var > 0 && t && i < btf_vlen(t); i++)
		if (v[i].type == (__u32)var)
			return v[i].offset;
	return -1;
}

/* From runqueues to the preemption count; see in_interrupt() in bpf/compat.bpf.h. */
static int64_t count_from_rq(const struct btf *btf)
{
	int64_t rq = percpu_offset(btf, "runqueues"), count = percpu_offset(btf, "__preempt_count");

	if (count < 0) {
		/* In pcpu_hot it is the second word, after current_task. */
		count = percpu_offset(btf, "pcpu_hot");
		if (count >= 0)
			count += (int64_t)sizeof(void *);
	}
	return rq < 0 || count < 0 ? 0 : count - rq;
}

static bool possible(const struct bpf_hooks *h, const struct btf *btf, const struct bpf_way *w,
		     int function_err)
{
	switch (w->kind) {
	case BPF_WAY_TRACEPOINT:
		return has_tracepoint(btf, w->target);
	case BPF_WAY_FUNCTION:
		return !function_err && btf__find_by_name_kind(btf, w->target, BTF_KIND_FUNC) > 0;
	case BPF_WAY_KPROBE:
		return h->switch_symbol[0];
	case BPF_WAY_SYSCALL:
		return has_tracepoint(btf, "sys_enter") && has_tracepoint(btf, "sys_exit");
	}
	return false;
}

static const char *why_not(const struct bpf_way *w, int function_err)
{
	switch (w->kind) {
	case BPF_WAY_TRACEPOINT:
		return "this kernel has no such tracepoint";
	case BPF_WAY_FUNCTION:
		return function_err ? "this kernel does not let BPF hook functions; it takes "
				      "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS" :
				      "this kernel has no such function to hook";
	case BPF_WAY_KPROBE:
		return "no tracepoint is there; it takes CONFIG_KPROBES and CONFIG_KPROBE_EVENTS";
	case BPF_WAY_SYSCALL:
		return "neither functions nor system calls can be hooked; it takes "
		       "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS or CONFIG_FTRACE_SYSCALLS";
	}
	return NULL;
}

static void choose(struct bpf_hooks *h, const struct btf *btf, int function_err)
{
	struct backend_hook *entry = &h->hook[WEFT_HOOK_page_fault_entry];
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const struct bpf_way *w = &ways[i];
		struct backend_hook *hook = &h->hook[w->hook];

		if (hook->present)
			continue;
		hook->present = possible(h, btf, w, function_err);
		if (hook->present) {
			h->way[w->hook] = w;
			hook->how = w->how;
			hook->why = NULL;
		} else {
			hook->why = why_not(w, function_err);
		}
	}
	if (h->hook[WEFT_HOOK_page_fault].present) {
		h->way[WEFT_HOOK_page_fault_entry] = NULL;
		*entry = (struct backend_hook){ .why = "not needed: page_fault has more" };
	}
	h->hook[WEFT_HOOK_unit_word] = (struct backend_hook){
		.present = true,
		.how = "the thread pointer in task_struct, and bpf_probe_read_user",
	};
}

static int find(struct bpf_hooks *h, char *errbuf, size_t len)
{
	static const enum weft_hook needed[] = { WEFT_HOOK_sched_switch, WEFT_HOOK_task_newtask,
						 WEFT_HOOK_sched_process_exec,
						 WEFT_HOOK_sched_process_exit };
	struct btf *btf;
	size_t i;
	int ret;

	bpf_hush();
	ret = try_load(errbuf, len);
	if (ret)
		return ret;
	btf = access("/sys/kernel/btf/vmlinux", R_OK) ? NULL : btf__load_vmlinux_btf();
	if (!btf) {
		snprintf(errbuf, len,
			 "this kernel does not describe its types (/sys/kernel/btf/vmlinux); "
			 "it takes CONFIG_DEBUG_INFO_BTF");
		return -ENOTSUP;
	}
	find_switch_symbol(h->switch_symbol, sizeof(h->switch_symbol));
	h->count_from_rq = count_from_rq(btf);
	choose(h, btf, try_function(btf));
	btf__free(btf);
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (h->hook[needed[i]].present)
			continue;
		snprintf(errbuf, len,
			 "this kernel lacks a tracepoint that the BPF probes can't do without; "
			 "'weft doctor' lists them");
		return -ENOTSUP;
	}
	return 0;
}

int bpf_hooks_find(struct bpf_hooks *h, char *errbuf, size_t len)
{
	/* It takes a while, and the kernel does not change under a process. */
	static struct bpf_hooks found;
	static bool known;

	if (!known) {
		int ret;

		found = (struct bpf_hooks){ 0 };
		ret = find(&found, errbuf, len);
		if (ret)
			return ret;
		known = true;
	}
	*h = found;
	return 0;
}
