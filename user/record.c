// SPDX-License-Identifier: GPL-2.0-only
/*
 * A recording from its beginning to its end. The order of things matters:
 *
 *	fork	the child, which waits and inherits nothing of what follows
 *	open	the session, a directory under a hidden name, metadata that is complete but for the end
 *	start	the hooks, then let the child go and give the directory its name
 *	loop	notices, complete sub-buffers and unit rings, until the child ends or a signal comes
 *	finish	hooks off, what is left in the rings, the closing metadata
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "child.h"
#include "cmd.h"
#include "event_table.h"
#include "kernel_streams.h"
#include "metadata.h"
#include "record.h"
#include "tracedir.h"
#include "unit_lookup.h"
#include "unit_ring.h"
#include "unit_word.h"

#define SUB_SIZE (128u << 10)
#define NR_SUBS 32u
#define FLUSH_NS                                                                                   \
	1000000000ULL /* what was recorded reaches the disk after this time at the latest */
#define GRACE_NS 1000000000ULL /* for the child to end after it has been told to */
#define TURN_MS 100
#define LOOKUP_TURN_MS 2

struct recording {
	const struct record_opts *o;
	struct record_result *r;
	char *errbuf;
	size_t errlen;
	const struct backend_ops *ops;
	struct weft_setup setup;
	struct backend *b;
	struct child child;
	struct tracedir dir;
	struct metadata meta;
	struct kernel_streams streams;
	struct unit_rings *units;
	char *units_dir;
	bool units_seen; /* units_dir has its metadata */
	struct unit_lookup lookup;
	struct pollfd *fds; /* the session, the signals, the child, then each -p process */
	nfds_t nr_fds;
	sigset_t old_mask;
	uint64_t start_ns;
};

enum { FD_SESSION, FD_SIGNAL, FD_CHILD, FD_PIDS };

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int __attribute__((format(printf, 3, 4)))
failed(const struct recording *rec, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(rec->errbuf, rec->errlen, fmt, ap);
	va_end(ap);
	return err;
}

/* The ring's shape for a size in bytes per CPU, rounded up to a power of two. */
static int ring_shape(struct recording *rec)
{
	const uint64_t min = WEFT_RING_MIN_SUBS * WEFT_RING_MIN_SUB_SIZE;
	const uint64_t max = (uint64_t)WEFT_RING_MAX_SUBS * WEFT_RING_MAX_SUB_SIZE;
	uint64_t want = rec->o->buffer_size, size = min;

	rec->setup.sub_size = SUB_SIZE;
	rec->setup.nr_subs = NR_SUBS;
	if (!want)
		return 0;
	if (want < min || want > max)
		return failed(rec, -EINVAL,
			      "a buffer of %llu bytes per CPU can't be had: it is from %llu to %llu",
			      (unsigned long long)want, (unsigned long long)min,
			      (unsigned long long)max);
	while (size < want)
		size *= 2;
	rec->setup.sub_size = (uint32_t)(size / NR_SUBS);
	if (rec->setup.sub_size < WEFT_RING_MIN_SUB_SIZE)
		rec->setup.sub_size = WEFT_RING_MIN_SUB_SIZE;
	if (rec->setup.sub_size > WEFT_RING_MAX_SUB_SIZE)
		rec->setup.sub_size = WEFT_RING_MAX_SUB_SIZE;
	rec->setup.nr_subs = (uint32_t)(size / rec->setup.sub_size);
	return 0;
}

/* What is told by id is looked up in /proc: it must be that of our PID namespace. */
static int check_proc(const struct recording *rec)
{
	char link[16];
	ssize_t n = readlink("/proc/self", link, sizeof(link) - 1);

	if (n < 0)
		return 0;
	link[n] = 0;
	return atoi(link) == getpid() ? 0 :
					failed(rec, -EINVAL,
					       "/proc is that of another PID namespace; mount this "
					       "one's: mount -t proc proc /proc");
}

/* The backend and the clock, known before the child is forked because its unit marks need the clock. */
static int choose(struct recording *rec)
{
	const struct record_opts *o = rec->o;
	struct backend_info info = { 0 };
	int ret;

	rec->ops = backend_by_name(o->backend, rec->errbuf, rec->errlen);
	if (!rec->ops)
		return -ENODEV;
	ret = rec->ops->probe(&info, rec->errbuf, rec->errlen);
	if (ret)
		return ret;
	rec->setup.size = sizeof(rec->setup);
	rec->setup.flags = o->system_wide ? WEFT_SETUP_ALL : 0;
	rec->setup.groups = o->groups ? o->groups : WEFT_GROUP_ALL;
	rec->setup.clock = o->clock;
	if (!o->clock)
		rec->setup.clock = info.clocks & 1u << WEFT_CLOCK_TSC ? WEFT_CLOCK_TSC :
									WEFT_CLOCK_MONOTONIC;
	if (!(info.clocks & 1u << rec->setup.clock))
		return failed(rec, -EINVAL,
			      "the %s backend can't use the clock %s here; leave --clock out",
			      rec->ops->name,
			      rec->setup.clock == WEFT_CLOCK_TSC ? "tsc" : "monotonic");
	machine_relate_clock(&rec->meta.clock, rec->setup.clock, info.tsc_khz);
	ret = metadata_new_uuids(&rec->meta);
	if (ret)
		return failed(rec, ret, "cannot make a UUID: %s", strerror(-ret));
	memcpy(rec->setup.uuid, rec->meta.uuid[WEFT_STREAM_KERNEL], sizeof(rec->setup.uuid));
	rec->r->backend = rec->ops->name;
	return ring_shape(rec);
}

static int add_fd(struct recording *rec, int fd)
{
	rec->fds[rec->nr_fds++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	return fd;
}

/*
 * Signals end the recording in order, and so does a file that reaches a size limit. They are blocked before
 * the fork: none may come between and find the recorder unprepared.
 */
static int catch_signals(struct recording *rec)
{
	static const int stop[] = { SIGINT, SIGTERM, SIGHUP, SIGXFSZ };
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(stop) / sizeof(stop[0]); i++)
		sigaddset(&set, stop[i]);
	sigprocmask(SIG_BLOCK, &set, &rec->old_mask);
	rec->fds = calloc(FD_PIDS + rec->o->nr_pids, sizeof(*rec->fds));
	if (!rec->fds)
		return failed(rec, -ENOMEM, "out of memory");
	add_fd(rec, -1); /* no session yet */
	if (add_fd(rec, signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
		return failed(rec, -errno, "cannot wait for signals: %s", strerror(errno));
	return 0;
}

/* The first signal that has come, 0 if none. */
static int caught(const struct recording *rec, bool *from_terminal)
{
	struct signalfd_siginfo info;
	int sig = 0;

	while (read(rec->fds[FD_SIGNAL].fd, &info, sizeof(info)) == sizeof(info)) {
		if (sig || info.ssi_signo == SIGXFSZ)
			continue;
		sig = (int)info.ssi_signo;
		*from_terminal = info.ssi_code == SI_KERNEL;
	}
	return sig;
}

/* In the child: a function of ours that has units marks them in the recorder's rings. */
static int run_function(void *arg)
{
	struct recording *rec = arg;

	if (rec->units)
		unit_rings_attach_self(rec->units);
	return rec->o->child(rec->o->child_arg);
}

static int fork_child(struct recording *rec)
{
	const struct record_opts *o = rec->o;
	struct child_job job = { .argv = o->command, .sigmask = &rec->old_mask };
	int ret;

	if (!o->command && !o->child) {
		add_fd(rec, -1);
		return 0;
	}
	if (!o->no_units) {
		ret = unit_rings_create(&rec->units, rec->setup.clock, rec->errbuf, rec->errlen);
		if (ret)
			return ret;
		unit_rings_watch(rec->units);
	}
	if (o->child) {
		job.function = run_function;
		job.arg = rec;
	} else if (rec->units) {
		job.env = unit_rings_env(rec->units);
	}
	ret = child_fork(&rec->child, &job);
	if (ret)
		return failed(rec, ret, "cannot create a process: %s", strerror(-ret));
	add_fd(rec, rec->child.pidfd);
	return 0;
}

/* What is traced, and where those processes' unit words are. */
static int set_filter(struct recording *rec)
{
	const struct record_opts *o = rec->o;
	int ret = 0;
	size_t i;

	if (rec->child.pid) {
		int64_t tp_offset = 0;
		/* Until it executes something it is a copy of this process. */
		int found = unit_word_find_pid(getpid(), &tp_offset);

		ret = rec->ops->filter(rec->b, rec->child.pid, rec->errbuf, rec->errlen);
		if (!ret && (!found || found == -ENOENT))
			rec->ops->unit_word(rec->b, rec->child.pid, found == -ENOENT, tp_offset);
	}
	for (i = 0; i < o->nr_pids && !ret; i++) {
		if (add_fd(rec, (int)syscall(SYS_pidfd_open, o->pids[i], 0)) < 0)
			return failed(rec, -errno, "cannot trace %d: %s", o->pids[i],
				      errno == EINVAL ? "it is a thread, not a process" :
							strerror(errno));
		ret = rec->ops->filter(rec->b, o->pids[i], rec->errbuf, rec->errlen);
		unit_lookup_add(&rec->lookup, o->pids[i]);
	}
	if (o->system_wide)
		unit_lookup_add_all(&rec->lookup);
	unit_lookup_turn(&rec->lookup, rec->b);
	return ret;
}

/* A command line as a text, as it would be typed if no word had blanks. */
static char *join(char **argv)
{
	size_t len = 1;
	char *text, *p;
	int i;

	for (i = 0; argv[i]; i++)
		len += strlen(argv[i]) + 1;
	text = p = malloc(len);
	for (i = 0; text && argv[i]; i++) {
		if (i)
			*p++ = ' ';
		p = stpcpy(p, argv[i]);
	}
	return text;
}

static int describe(struct recording *rec)
{
	const struct record_opts *o = rec->o;
	struct metadata *m = &rec->meta;
	char *text = o->command ? join(o->command) : strdup(o->child ? o->command_text : "");
	int i;

	if (!text)
		return failed(rec, -ENOMEM, "out of memory");
	m->command = text;
	m->backend = rec->ops->name;
	m->nr_cpus = rec->b->info.nr_cpus;
	m->groups = rec->setup.groups | WEFT_GROUP_META | WEFT_GROUP_TASK;
	m->emulated = machine_emulated();
	m->system_wide = o->system_wide;
	m->clock_error_ns = WEFT_UNKNOWN;
	for (i = 0; i < WEFT_HOOK_MAX; i++)
		if (rec->b->info.hooks[i].present)
			m->hooks |= 1ULL << i;
	return 0;
}

static int write_metadata(struct recording *rec)
{
	int ret = metadata_write(rec->dir.kernel, &rec->meta, WEFT_STREAM_KERNEL);

	return ret ? failed(rec, ret, "cannot write '%s/kernel/metadata': %s", rec->dir.path,
			    strerror(-ret)) :
		     0;
}

static int write_units_metadata(struct recording *rec)
{
	int dir = open(rec->units_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = dir < 0 ? -errno : metadata_write(dir, &rec->meta, WEFT_STREAM_UNITS);

	if (dir >= 0)
		close(dir);
	rec->units_seen = true;
	return ret ? failed(rec, ret, "cannot write '%s/metadata': %s", rec->units_dir,
			    strerror(-ret)) :
		     0;
}

/* Events that were asked for and that have no hook here. */
static void say_missing(const struct recording *rec)
{
	static const char *const name[] = {
#define WEFT_X(bit, hook) [bit] = #hook,
		WEFT_HOOKS(WEFT_X)
#undef WEFT_X
	};
	char list[512] = "";
	size_t n = 0;
	int i;

	for (i = 0; i < WEFT_HOOK_MAX; i++) {
		const struct event_type *t = event_type_by_name(name[i]);

		if (rec->b->info.hooks[i].present || (t && !(t->group & rec->meta.groups)) ||
		    i == WEFT_HOOK_page_fault_entry)
			continue;
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", name[i]);
	}
	if (n)
		say_warning("not to be had here: %s; 'weft doctor' says why", list);
}

static void say_start(const struct recording *rec)
{
	const struct record_opts *o = rec->o;
	char what[256];

	if (o->system_wide)
		snprintf(what, sizeof(what), "everything");
	else if (o->nr_pids)
		snprintf(what, sizeof(what), "%zu process%s and what they create", o->nr_pids,
			 o->nr_pids > 1 ? "es" : "");
	else
		snprintf(what, sizeof(what), "'%s'", rec->meta.command);
	say_note("recording %s with %s into %s; %s ends it", what,
		 !strcmp(rec->ops->name, "kmod") ? "the module" : "BPF", rec->dir.path,
		 rec->child.pid ? "its end or ^C" :
		 o->nr_pids	? "their end or ^C" :
				  "^C");
	say_missing(rec);
}

static void read_notices(void *arg)
{
	struct recording *rec = arg;
	struct weft_notice n[64];
	int i, got;

	do {
		got = rec->ops->notices(rec->b, n, 64);
		for (i = 0; i < got; i++) {
			if (n[i].lost)
				unit_lookup_add_all(&rec->lookup);
			if (n[i].kind == WEFT_NOTICE_EXEC)
				unit_lookup_add(&rec->lookup, (pid_t)n[i].tgid);
			if (n[i].kind == WEFT_NOTICE_ID && rec->units)
				unit_rings_learn(rec->units, &n[i]);
		}
	} while (got == 64);
}

static int begin(struct recording *rec)
{
	const struct record_opts *o = rec->o;
	int ret;

	ret = check_proc(rec);
	if (!ret)
		ret = choose(rec);
	if (!ret)
		ret = catch_signals(rec);
	if (!ret)
		ret = fork_child(rec);
	if (!ret)
		ret = tracedir_create(&rec->dir, o->dir, rec->errbuf, rec->errlen);
	if (!ret)
		ret = rec->ops->open(&rec->b, &rec->setup, rec->errbuf, rec->errlen);
	if (ret)
		return ret;
	rec->fds[FD_SESSION].fd = rec->ops->pollfd(rec->b);
	if (asprintf(&rec->units_dir, "%s/units", rec->dir.path) < 0)
		rec->units_dir = NULL;
	ret = rec->units_dir ? kernel_streams_open(&rec->streams, rec->b, &rec->setup, &rec->dir,
						   rec->errbuf, rec->errlen) :
			       failed(rec, -ENOMEM, "out of memory");
	if (!ret)
		ret = set_filter(rec);
	if (!ret)
		ret = describe(rec);
	if (!ret)
		ret = write_metadata(rec);
	if (!ret)
		ret = rec->ops->start(rec->b, rec->errbuf, rec->errlen);
	if (ret)
		return ret;
	rec->start_ns = now_ns();
	if (rec->units)
		unit_rings_ask(rec->units, read_notices, rec);
	if (rec->child.pid) {
		ret = child_release(&rec->child);
		if (ret)
			return failed(rec, ret, "cannot execute '%s': %s%s", o->command[0],
				      strerror(-ret),
				      ret == -ENOENT && !strchr(o->command[0], '/') ?
					      "; it is in no directory of PATH" :
					      "");
	}
	return tracedir_publish(&rec->dir, rec->errbuf, rec->errlen);
}

static int drain_rings(struct recording *rec)
{
	return kernel_streams_drain(&rec->streams, rec->errbuf, rec->errlen);
}

static int drain_units(struct recording *rec, bool final)
{
	int64_t tp_offset;
	pid_t tgid;
	int ret;

	if (!rec->units)
		return 0;
	ret = unit_rings_drain(rec->units, rec->units_dir, rec->meta.uuid[WEFT_STREAM_UNITS],
			       final);
	if (ret < 0)
		return failed(rec, ret,
			      "cannot write to '%s': %s; what was recorded before is kept",
			      rec->units_dir, strerror(-ret));
	/* A program that marks units knows best where their word is. */
	while (unit_rings_word(rec->units, &tgid, &tp_offset) == 1)
		rec->ops->unit_word(rec->b, tgid, false, tp_offset);
	/* All may have been refused, and then there is nothing to describe. */
	if (!ret || rec->units_seen || access(rec->units_dir, F_OK))
		return 0;
	return write_units_metadata(rec);
}

static void take_notices(struct recording *rec)
{
	read_notices(rec);
	unit_lookup_turn(&rec->lookup, rec->b);
}

/* Has the child, or has the last -p process, ended? */
static bool ended(struct recording *rec)
{
	nfds_t i, alive = 0;

	if (child_ended(&rec->child, &rec->r->child_status))
		return true;
	for (i = FD_PIDS; i < rec->nr_fds; i++) {
		if (rec->fds[i].revents) {
			close(rec->fds[i].fd);
			rec->fds[i].fd = -1;
		}
		alive += rec->fds[i].fd >= 0;
	}
	return rec->nr_fds > FD_PIDS && !alive;
}

/* How long to sleep if nothing happens. */
static int turn_ms(const struct recording *rec)
{
	int ms = rec->lookup.nr ? LOOKUP_TURN_MS : TURN_MS;
	int units = rec->units ? unit_rings_wait_ms(rec->units) : ms;

	return units < ms ? units : ms;
}

static int loop(struct recording *rec)
{
	uint64_t flushed = rec->start_ns, deadline = UINT64_MAX, now;
	bool from_terminal = false;
	int ret;

	do {
		poll(rec->fds, rec->nr_fds, turn_ms(rec));
		take_notices(rec);
		ret = drain_rings(rec);
		if (ret >= 0)
			ret = drain_units(rec, false);
		if (ret < 0)
			return ret;
		now = now_ns();
		if (now - flushed >= FLUSH_NS) {
			rec->ops->flush(rec->b);
			flushed = now;
		}
		/* The terminal has told the child, too; of other signals only the recorder knows. */
		if (caught(rec, &from_terminal) && deadline == UINT64_MAX) {
			deadline = now;
			if (rec->child.pid) {
				deadline += GRACE_NS;
				if (!from_terminal)
					kill(rec->child.pid, SIGTERM);
			}
		}
	} while (!ended(rec) && now < deadline);
	return 0;
}

/* err: why it ends, 0 if in order; then everything that was recorded is written first. */
static int finish(struct recording *rec, int err)
{
	struct record_result *r = rec->r;
	struct weft_stat st = { .size = sizeof(st) };
	uint64_t unit_bytes = 0, clock_error_ns;
	int ret;

	rec->ops->stop(rec->b);
	r->duration_ns = now_ns() - rec->start_ns;
	machine_measure_clock(&rec->meta.clock);
	if (!err) {
		bool more;

		/* In a full ring a flush finds no room to tell what was lost: again, once it is drained. */
		do {
			more = false;
			rec->ops->flush(rec->b);
			while ((err = drain_rings(rec)) > 0)
				more = true;
		} while (!err && more);
		if (!err)
			err = drain_units(rec, true);
	} else if (rec->child.pid) {
		/* Nobody watches it any more; this is what perf does, too. */
		kill(rec->child.pid, SIGTERM);
	}
	if (!rec->ops->stat(rec->b, &st)) {
		r->events = st.events;
		r->lost = st.lost;
		r->missed = rec->meta.missed = st.missed;
	}
	if (rec->units) {
		unit_rings_stat(rec->units, &r->unit_events, &r->unit_lost, &unit_bytes,
				&clock_error_ns);
		/* Without a mark there is nothing whose error it could be. */
		if (r->unit_events)
			rec->meta.clock_error_ns = clock_error_ns;
	}
	r->bytes = rec->streams.bytes + unit_bytes;
	rec->meta.ended = !err;
	ret = rec->units_seen ? write_units_metadata(rec) : 0;
	/* Last, as its `ended` speaks for everything. The first error is the one to tell. */
	if (!err && !ret)
		return write_metadata(rec);
	return err ? err : ret;
}

static void clean_up(struct recording *rec)
{
	bool from_terminal;
	nfds_t i;

	child_close(&rec->child);
	if (rec->b)
		rec->ops->close(rec->b);
	kernel_streams_close(&rec->streams);
	if (rec->units)
		unit_rings_free(rec->units);
	unit_lookup_free(&rec->lookup);
	tracedir_close(&rec->dir);
	for (i = FD_SIGNAL; i < rec->nr_fds; i++) {
		if (i == FD_CHILD || rec->fds[i].fd < 0)
			continue;
		/* A second ^C must not kill what comes after the recording. */
		if (i == FD_SIGNAL)
			caught(rec, &from_terminal);
		close(rec->fds[i].fd);
	}
	if (rec->nr_fds)
		sigprocmask(SIG_SETMASK, &rec->old_mask, NULL);
	free(rec->fds);
	free(rec->units_dir);
	free((char *)rec->meta.command);
}

int record_run(const struct record_opts *o, struct record_result *r, char *errbuf, size_t len)
{
	struct recording rec = {
		.o = o,
		.r = r,
		.errbuf = errbuf,
		.errlen = len,
		.child = CHILD_NONE,
		.dir.kernel = -1,
	};
	int ret;

	*r = (struct record_result){ 0 };
	ret = begin(&rec);
	if (!ret) {
		if (!o->quiet)
			say_start(&rec);
		ret = finish(&rec, loop(&rec));
	}
	clean_up(&rec);
	return ret;
}
