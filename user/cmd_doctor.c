// SPDX-License-Identifier: GPL-2.0-only
/* weft doctor: what this kernel and this user can do, and what to do about the rest. */
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <weft/ring.h>
#include "backend.h"
#include "cmd.h"
#include "json.h"
#include "machine.h"
#include "options.h"

static const char *const hook_name[] = {
#define WEFT_X(bit, name) [bit] = #name,
	WEFT_HOOKS(WEFT_X)
#undef WEFT_X
};

static const struct capability {
	const char *name;
	int bit;
	const char *what;
} capabilities[] = {
	{ "CAP_SYS_ADMIN", CAP_SYS_ADMIN, "stands in for CAP_PERFMON and CAP_BPF" },
	{ "CAP_PERFMON", CAP_PERFMON, "to open /dev/weft, and for BPF" },
	{ "CAP_BPF", CAP_BPF, "for BPF" },
	{ "CAP_SYS_PTRACE", CAP_SYS_PTRACE, "to find the units of other users' processes" },
};

#define NR_CAPABILITIES (sizeof(capabilities) / sizeof(capabilities[0]))

struct doctor {
	struct utsname uts;
	bool emulated;
	long cpus;
	bool has[NR_CAPABILITIES];
	char clocksource[64];
	bool tsc_constant, tsc_nonstop;
	bool btf;
	const char *tracefs; /* NULL: not mounted */
	struct rlimit memlock, nofile;
	struct diagnosis {
		const struct backend_ops *ops;
		struct backend_info info;
		bool usable;
		char why[1024]; /* not usable */
	} backends[2];
};

/* The first line of a file; "" if it can't be read. */
static void read_line(const char *path, char *buf, size_t len)
{
	FILE *f = fopen(path, "re");

	if (!f || !fgets(buf, (int)len, f))
		*buf = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	if (f)
		fclose(f);
}

static void find_capabilities(struct doctor *d)
{
	FILE *f = fopen("/proc/self/status", "re");
	uint64_t mask = 0;
	char line[256];
	size_t i;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %" SCNx64, &mask) == 1)
			break;
	if (f)
		fclose(f);
	for (i = 0; i < NR_CAPABILITIES; i++)
		d->has[i] = mask >> capabilities[i].bit & 1;
}

/* A flag of the first CPU; where there is no such list (arm64), the counter has both properties. */
static void find_clock(struct doctor *d)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[8192];

	read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource",
		  d->clocksource, sizeof(d->clocksource));
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "flags", 5))
			continue;
		d->tsc_constant = strstr(line, " constant_tsc");
		d->tsc_nonstop = strstr(line, " nonstop_tsc");
		break;
	}
	if (f)
		fclose(f);
}

static void examine(struct doctor *d)
{
	static const struct backend_ops *const backends[] = { &backend_kmod, &backend_bpf };
	static const char *const tracefs[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	char path[64];
	int i;

	uname(&d->uts);
	d->emulated = machine_emulated();
	d->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	find_capabilities(d);
	find_clock(d);
	d->btf = !access("/sys/kernel/btf/vmlinux", R_OK);
	for (i = 0; i < 2 && !d->tracefs; i++) {
		snprintf(path, sizeof(path), "%s/events", tracefs[i]);
		if (!access(path, F_OK))
			d->tracefs = tracefs[i];
	}
	getrlimit(RLIMIT_MEMLOCK, &d->memlock);
	getrlimit(RLIMIT_NOFILE, &d->nofile);
	for (i = 0; i < 2; i++) {
		struct diagnosis *b = &d->backends[i];

		b->ops = backends[i];
		b->usable = !b->ops->probe(&b->info, b->why, sizeof(b->why));
	}
}

static const char *limit(char *buf, size_t len, rlim_t value)
{
	if (value == RLIM_INFINITY)
		return "unlimited";
	snprintf(buf, len, "%" PRIu64, (uint64_t)value);
	return buf;
}

static void print_backend(const struct diagnosis *b)
{
	if (!b->usable) {
		printf("%-12s- %s\n", b->ops->name, b->why);
		return;
	}
	printf("%-12susable; clocks:%s%s", b->ops->name,
	       b->info.clocks & 1u << WEFT_CLOCK_TSC ? " tsc" : "",
	       b->info.clocks & 1u << WEFT_CLOCK_MONOTONIC ? " monotonic" : "");
	if (b->info.clocks & 1u << WEFT_CLOCK_TSC)
		printf(" (tsc at %u kHz)", b->info.tsc_khz);
	printf("\n");
}

/* Of a backend that can't be used at all, whatever its hooks would be, none is there. */
static const char *hook_cell(const struct diagnosis *b, int hook)
{
	const struct backend_hook *h = &b->info.hooks[hook];

	return b->usable && h->present ? h->how ? h->how : "yes" : "-";
}

static void print_text(const struct doctor *d)
{
	char a[32], b[32];
	size_t i;
	int h;

	printf("%-12s%s %s, %ld CPU%s%s\n", "kernel", d->uts.release, d->uts.machine, d->cpus,
	       d->cpus == 1 ? "" : "s",
	       d->emulated ? ", emulated: times say little about hardware" : "");
	printf("%-12s%s%s%s\n", "clock", *d->clocksource ? d->clocksource : "-",
	       d->tsc_constant ? ", constant TSC" : "",
	       d->tsc_nonstop ? ", TSC runs in sleep states" : "");
	for (i = 0; i < NR_CAPABILITIES; i++)
		printf("%-12s%-16s%-5s%s\n", i ? "" : "privileges", capabilities[i].name,
		       d->has[i] ? "yes" : "-", capabilities[i].what);
	printf("%-12s%s\n", "BTF",
	       d->btf ?
		       "/sys/kernel/btf/vmlinux" :
		       "- the kernel tells no types (CONFIG_DEBUG_INFO_BTF), so the BPF probes can't be loaded");
	printf("%-12s%s\n", "tracefs",
	       d->tracefs ? d->tracefs : "- as root: mount -t tracefs tracefs /sys/kernel/tracing");
	printf("%-12slocked memory %s bytes, open files %s; perf_event_paranoid plays no part\n",
	       "limits", limit(a, sizeof(a), d->memlock.rlim_cur),
	       limit(b, sizeof(b), d->nofile.rlim_cur));
	for (i = 0; i < 2; i++)
		print_backend(&d->backends[i]);
	if (!d->backends[0].usable && !d->backends[1].usable)
		return;
	printf("\n%-20s%-44s%s\n", "hook", d->backends[0].ops->name, d->backends[1].ops->name);
	for (h = 0; h < WEFT_HOOK_MAX; h++)
		printf("%-20s%-44s%s\n", hook_name[h], hook_cell(&d->backends[0], h),
		       hook_cell(&d->backends[1], h));
	for (i = 0; i < 2; i++)
		for (h = 0; d->backends[i].usable && h < WEFT_HOOK_MAX; h++) {
			const struct backend_hook *hook = &d->backends[i].info.hooks[h];

			if (!hook->present)
				printf("%s has no %s: %s\n", d->backends[i].ops->name, hook_name[h],
				       hook->why ? hook->why : "unknown why");
		}
}

static void json_limit(struct json *j, const char *key, rlim_t value)
{
	json_u64(j, key, value == RLIM_INFINITY ? WEFT_UNKNOWN : (uint64_t)value);
}

static void print_backend_json(struct json *j, const struct diagnosis *b)
{
	int h;

	json_object(j, NULL);
	json_text(j, "backend", b->ops->name);
	json_bool(j, "usable", b->usable);
	json_text(j, "why", b->usable ? NULL : b->why);
	json_array(j, "clocks");
	if (b->usable && b->info.clocks & 1u << WEFT_CLOCK_TSC)
		json_text(j, NULL, "tsc");
	if (b->usable && b->info.clocks & 1u << WEFT_CLOCK_MONOTONIC)
		json_text(j, NULL, "monotonic");
	json_end(j);
	json_u64(j, "tsc_khz", b->usable && b->info.tsc_khz ? b->info.tsc_khz : WEFT_UNKNOWN);
	json_object(j, "hooks");
	for (h = 0; b->usable && h < WEFT_HOOK_MAX; h++) {
		const struct backend_hook *hook = &b->info.hooks[h];

		json_object(j, hook_name[h]);
		json_bool(j, "present", hook->present);
		json_text(j, "how", hook->present ? hook->how : NULL);
		json_text(j, "why", hook->present ? NULL : hook->why);
		json_end(j);
	}
	json_end(j);
	json_end(j);
}

static void print_json(const struct doctor *d)
{
	struct json j;
	size_t i;

	json_init(&j, stdout);
	json_object(&j, NULL);
	json_text(&j, "kernel", d->uts.release);
	json_text(&j, "machine", d->uts.machine);
	json_u64(&j, "cpus", (uint64_t)d->cpus);
	json_bool(&j, "emulated", d->emulated);
	json_text(&j, "clocksource", *d->clocksource ? d->clocksource : NULL);
	json_bool(&j, "tsc_constant", d->tsc_constant);
	json_bool(&j, "tsc_nonstop", d->tsc_nonstop);
	json_object(&j, "capabilities");
	for (i = 0; i < NR_CAPABILITIES; i++)
		json_bool(&j, capabilities[i].name, d->has[i]);
	json_end(&j);
	json_bool(&j, "btf", d->btf);
	json_text(&j, "tracefs", d->tracefs);
	json_object(&j, "limits");
	json_limit(&j, "memlock_bytes", d->memlock.rlim_cur);
	json_limit(&j, "open_files", d->nofile.rlim_cur);
	json_end(&j);
	json_array(&j, "backends");
	for (i = 0; i < 2; i++)
		print_backend_json(&j, &d->backends[i]);
	json_end(&j);
	json_end(&j);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'j':
		*(bool *)state->input = true;
		return 0;
	case ARGP_KEY_ARG:
		option_error(state, "it takes no argument, so '%s' is one too many", arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = { { "json", 'j', NULL, 0, "Print JSON", 0 }, { 0 } };

static const struct argp argp = {
	options,
	parse,
	NULL,
	"Say what can be traced on this kernel by this user, and for what is missing, why and what to do.\v"
	"The exit code is 0 if at least one backend can be used, else 1.",
	NULL,
	NULL,
	NULL
};

int cmd_doctor(int argc, char **argv)
{
	static struct doctor d;
	bool json = false;

	options_parse(&argp, argc, argv, 0, &json);
	examine(&d);
	if (json)
		print_json(&d);
	else
		print_text(&d);
	return d.backends[0].usable || d.backends[1].usable ? EXIT_DONE : EXIT_FAILED;
}
