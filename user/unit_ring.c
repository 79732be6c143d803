// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <weft/ring.h>
#include <weft/unit.h>
#include "pid_ns.h"
#include "stream_file.h"
#include "unit_dir.h"
#include "unit_owner.h"
#include "unit_record.h"
#include "unit_ring.h"

#define CHUNK (256u << 10)	  /* bytes of a ring that are read at once, and make one packet */
#define PATIENCE_NS 1000000000ull /* records wait so long for company in their packet */

/* One ring file. It is unlinked as soon as it is known; the descriptor keeps it. */
struct ring {
	struct unit_rings *set;
	int fd;
	uint32_t tgid, copy, nr; /* its name */
	uint32_t pid_ns;	 /* the PID namespace of its ids; 0: they are the trace's */
	uint32_t trace_tgid;	 /* its process in the trace */
	uint32_t local_tgid;	 /* and in our own namespace */
	bool known;		 /* its header has been seen whole and checked */
	bool bad;		 /* given up; */
	bool bad_told;		 /* and a unit_invalid record says so */
	bool foreign;		 /* of a process that nobody told of: its ids say nothing here */
	uint32_t size;
	uint64_t head, tail;	/* head: as last read */
	uint64_t found;		/* CLOCK_MONOTONIC, ns: when the file was */
	uint64_t pending_since; /* CLOCK_MONOTONIC, ns: since when records wait; 0: none do */
	uint64_t refused;
	uint64_t lost, lost_first, lost_last; /* header: not told yet */
	struct unit_stream stream;
	struct stream_file file;
	uint64_t packets;
	uint64_t told; /* lost, in the packets so far */
};

struct word {
	pid_t tgid;
	int64_t tp_offset;
};

struct unit_rings {
	struct unit_dir dir;
	struct unit_owners owners;
	char env[96];
	int outfd;	      /* units_dir, -1: not there yet */
	uint32_t clock;	      /* of the stamps: WEFT_UNIT_CLOCK_* */
	bool convert;	      /* stamps are TSC, the kernel stream is not */
	uint64_t start;	      /* stamp */
	uint64_t start_ticks; /* as field starttime of /proc/PID/stat */
	uint32_t pid_ns;
	struct pid_ns_ids ids;
	void (*take_notices)(void *arg);
	void *take_arg;
	struct clock_relation relation;
	struct ring **rings;
	size_t nr, capacity;
	uint32_t files;
	struct word *words;
	size_t nr_words, next_word, words_capacity;
	unsigned char *in;
	unsigned char *out; /* room for a packet's header, a chunk's records, padding */
	uint64_t events, lost, bytes, back_max; /* of rings that are closed, and bytes of all */
	int wait_ms;
};

#define OUT_SIZE (sizeof(struct weft_packet) + UNIT_OUT_ROOM(CHUNK) + WEFT_PACKET_ALIGN)

static uint64_t stamp(const struct unit_rings *u)
{
	return u->clock == WEFT_UNIT_CLOCK_TSC ? clock_tsc() : clock_monotonic();
}

/* ---- Beginning and end ---- */

int unit_rings_create(struct unit_rings **out, uint32_t clock, char *errbuf, size_t len)
{
	struct unit_rings *u = calloc(1, sizeof(*u));
	struct timespec ts;
	int err = -ENOMEM;

	if (u) {
		u->dir.fd = u->owners.fd = u->outfd = -1;
		u->wait_ms = 100;
		u->in = malloc(CHUNK);
		u->out = malloc(OUT_SIZE);
	}
	if (!u || !u->in || !u->out)
		snprintf(errbuf, len, "cannot set up unit rings: out of memory");
	else
		err = unit_dir_create(&u->dir, errbuf, len);
	if (err) {
		unit_rings_free(u);
		return err;
	}
	if (clock == WEFT_CLOCK_TSC || clock_tsc_usable())
		u->clock = WEFT_UNIT_CLOCK_TSC;
	else
		u->clock = WEFT_UNIT_CLOCK_MONOTONIC;
	u->convert = u->clock == WEFT_UNIT_CLOCK_TSC && clock != WEFT_CLOCK_TSC;
	if (u->clock == WEFT_UNIT_CLOCK_TSC)
		clock_relation_sample(&u->relation);
	u->start = stamp(u);
	clock_gettime(CLOCK_BOOTTIME, &ts);
	u->start_ticks =
		ts.tv_sec * sysconf(_SC_CLK_TCK) + ts.tv_nsec / (1000000000 / sysconf(_SC_CLK_TCK));
	u->pid_ns = pid_ns_own();
	snprintf(u->env, sizeof(u->env), "WEFT_UNITS=%s:%s",
		 u->clock == WEFT_UNIT_CLOCK_TSC ? "tsc" : "monotonic", u->dir.path);
	*out = u;
	return 0;
}

const char *unit_rings_env(struct unit_rings *u)
{
	return u->env;
}

int unit_rings_attach_self(struct unit_rings *u)
{
	if (setenv("WEFT_UNITS", strchr(u->env, '=') + 1, 1))
		return -errno;
	/* Whatever the parent knew about itself: undecided again. */
	weft_unit_process_1.off = 0;
	weft_unit_process_1.session = NULL;
	weft_unit_self_()->ring = WEFT_UNIT_UNDECIDED_;
	return 0;
}

static void forget(struct unit_rings *u, size_t i)
{
	struct ring *r = u->rings[i];

	u->events += r->foreign ? 0 : r->stream.records;
	u->lost += r->stream.lost + r->refused + (r->foreign ? r->stream.records : 0);
	if (r->stream.back_max > u->back_max)
		u->back_max = r->stream.back_max;
	close(r->fd);
	stream_file_close(&r->file);
	free(r);
	u->rings[i] = u->rings[--u->nr];
}

void unit_rings_free(struct unit_rings *u)
{
	if (!u)
		return;
	while (u->nr)
		forget(u, u->nr - 1);
	unit_dir_remove(&u->dir);
	unit_owners_free(&u->owners);
	if (u->outfd >= 0)
		close(u->outfd);
	pid_ns_free(&u->ids);
	free(u->rings);
	free(u->words);
	free(u->in);
	free(u->out);
	free(u);
}

void unit_rings_stat(struct unit_rings *u, uint64_t *events, uint64_t *lost, uint64_t *bytes,
		     uint64_t *clock_error_ns)
{
	uint64_t nr = u->events, gone = u->lost, back = u->back_max;
	size_t i;

	for (i = 0; i < u->nr; i++) {
		const struct ring *r = u->rings[i];

		nr += r->foreign ? 0 : r->stream.records;
		gone += r->stream.lost + r->refused + (r->foreign ? r->stream.records : 0);
		if (r->stream.back_max > back)
			back = r->stream.back_max;
	}
	if (events)
		*events = nr;
	if (lost)
		*lost = gone;
	if (bytes)
		*bytes = u->bytes;
	if (clock_error_ns)
		*clock_error_ns = (u->convert ? u->relation.error_ns : 0) +
				  clock_relation_ns(&u->relation, back);
}

int unit_rings_wait_ms(const struct unit_rings *u)
{
	return u->wait_ms;
}

int unit_rings_word(struct unit_rings *u, pid_t *tgid, int64_t *tp_offset)
{
	if (u->next_word == u->nr_words)
		return 0;
	*tgid = u->words[u->next_word].tgid;
	*tp_offset = u->words[u->next_word++].tp_offset;
	return 1;
}

/* ---- Who is who ---- */

/*
 * Did process or thread `id` exist before this session? Then it is none of the programs recorded in
 * it.
 */
static bool is_older(const struct unit_rings *u, uint32_t id)
{
	char path[32], buf[1024], *p;
	unsigned long long ticks;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/stat", id);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false; /* it has ended */
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return false;
	buf[n] = 0;
	p = strrchr(buf, ')');
	/* starttime is field 22; the name in brackets, field 2, may hold anything. */
	if (!p || sscanf(p + 1,
			 " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
			 "%*d %llu",
			 &ticks) != 1)
		return false;
	return ticks < u->start_ticks;
}

void unit_rings_learn(struct unit_rings *u, const struct weft_notice *n)
{
	/* Out of memory: what its ring says counts as lost. */
	pid_ns_learn(&u->ids, n);
}

int unit_rings_watch(struct unit_rings *u)
{
	return unit_owners_watch(&u->owners, u->dir.fd);
}

void unit_rings_ask(struct unit_rings *u, void (*take)(void *arg), void *arg)
{
	u->take_notices = take;
	u->take_arg = arg;
}

static const struct pid_ns_thread *find_thread(struct unit_rings *u, uint32_t pid_ns, uint32_t tid)
{
	const struct pid_ns_thread *t = pid_ns_find(&u->ids, pid_ns, tid);

	if (t || !u->take_notices)
		return t;
	u->take_notices(u->take_arg);
	return pid_ns_find(&u->ids, pid_ns, tid);
}

/*
 * Which process the ring is of. The header's claim is taken for no more than a key to what the kernel side has
 * told, so it can name traced processes of that namespace only.
 */
static void identify(struct ring *r, uint64_t pid_ns)
{
	struct unit_rings *u = r->set;
	const struct pid_ns_thread *leader;

	if (!pid_ns)
		pid_ns = u->pid_ns;
	r->trace_tgid = r->local_tgid = r->tgid;
	if (pid_ns == PID_NS_INITIAL) {
		/* From inside another one, who is outside is nothing that we have started. */
		r->foreign = u->pid_ns != PID_NS_INITIAL;
		return;
	}
	leader = pid_ns <= UINT32_MAX ? find_thread(u, (uint32_t)pid_ns, r->tgid) : NULL;
	r->foreign = !leader || leader->tid != leader->tgid;
	if (r->foreign)
		return;
	r->pid_ns = (uint32_t)pid_ns;
	r->trace_tgid = leader->tgid;
	r->local_tgid = leader->local_tgid;
}

/* Has a process put its ring under another's name? As far as that can be known. */
static bool is_usurped(const struct ring *r)
{
	const struct unit_owners *owners = &r->set->owners;
	const uint32_t name[3] = { r->tgid, r->copy, r->nr };

	return owners->fd >= 0 && unit_owners_find(owners, name) != (pid_t)r->local_tgid;
}

/* See struct unit_stream. */
static uint32_t thread_in_trace(void *arg, uint32_t tid)
{
	const struct pid_ns_thread *t;
	struct ring *r = arg;
	char path[48];

	if (r->foreign)
		return tid;
	if (r->pid_ns) {
		t = find_thread(r->set, r->pid_ns, tid);
		return t && t->tgid == r->trace_tgid ? t->tid : 0;
	}
	if (tid > 1u << 22) /* PID_MAX_LIMIT */
		return 0;
	snprintf(path, sizeof(path), "/proc/%u/task/%u", r->tgid, tid);
	return !access(path, F_OK) || !is_older(r->set, tid) ? tid : 0;
}

/* ---- Finding rings ---- */

/*
 * Takes a ring file's name away. The first one's of each program must stay taken (unit.h tells
 * programs of one process id apart by it): a symbolic link, which a scan recognizes without looking
 * further.
 */
static void take_name(const struct unit_rings *u, const char *name, bool first)
{
	if (!first || symlinkat("taken", u->dir.fd, "new") ||
	    renameat(u->dir.fd, "new", u->dir.fd, name))
		unlinkat(u->dir.fd, name, 0);
}

static int open_ring(const struct unit_rings *u, const char *name)
{
	struct rlimit lim;
	struct stat st;
	int fd = openat(u->dir.fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	/* Not earlier, for the programs that we started would have inherited it. */
	if (fd < 0 && errno == EMFILE && !getrlimit(RLIMIT_NOFILE, &lim) &&
	    lim.rlim_cur < lim.rlim_max) {
		lim.rlim_cur = lim.rlim_max;
		if (!setrlimit(RLIMIT_NOFILE, &lim))
			fd = openat(u->dir.fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	}
	/* See is_orphan(): whoever breaks a lease must not kill us with SIGIO. */
	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode) || fcntl(fd, F_SETSIG, SIGURG))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void add_ring(struct unit_rings *u, const char *name, const uint32_t v[3])
{
	struct ring *r;
	int fd;

	if (u->nr == u->capacity) {
		size_t capacity = u->capacity ? 2 * u->capacity : 64;
		struct ring **more = realloc(u->rings, capacity * sizeof(*more));

		if (!more)
			return; /* the file stays, and is tried again */
		u->rings = more;
		u->capacity = capacity;
	}
	fd = open_ring(u, name);
	if (fd < 0)
		return;
	r = calloc(1, sizeof(*r));
	if (!r) {
		close(fd);
		return;
	}
	take_name(u, name, !v[2]);
	r->set = u;
	r->found = clock_monotonic();
	r->fd = fd;
	r->tgid = v[0];
	r->copy = v[1];
	r->nr = v[2];
	r->file = (struct stream_file)STREAM_FILE_INIT;
	r->stream.clock = u->convert ? &u->relation : NULL;
	r->stream.start = u->start;
	r->stream.thread = thread_in_trace;
	r->stream.arg = r;
	u->rings[u->nr++] = r;
}

static void find_rings(struct unit_rings *u)
{
	int fd = openat(u->dir.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	uint32_t v[3];

	if (!d) {
		if (fd >= 0)
			close(fd);
		return; /* no descriptor to be had now */
	}
	while ((e = readdir(d)))
		if (e->d_type == DT_REG && unit_name_parse(e->d_name, v))
			add_ring(u, e->d_name, v);
	closedir(d);
}

/*
 * Does no program have it mapped any more? A write lease is given only to the one who alone has the
 * file open; a mapping counts as open, whatever the process ids and namespaces.
 */
static bool is_orphan(const struct ring *r)
{
	/*
	 * A new file has a name before its maker has it open: for a while nobody may have it at
	 * all.
	 */
	if (!r->known && !r->bad && clock_monotonic() - r->found < PATIENCE_NS)
		return false;
	if (fcntl(r->fd, F_SETLEASE, F_WRLCK))
		return false;
	fcntl(r->fd, F_SETLEASE, F_UNLCK);
	return true;
}

/*
 * A program's first ring tells where its word is, unless it is a further copy within a program
 * known before.
 */
static void add_word(struct unit_rings *u, const struct ring *first, int64_t tp_offset)
{
	size_t i;

	for (i = 0; i < u->nr; i++)
		if (u->rings[i]->trace_tgid == first->trace_tgid &&
		    u->rings[i]->copy < first->copy && !is_orphan(u->rings[i]))
			return;
	if (u->nr_words == u->words_capacity) {
		size_t capacity = u->words_capacity ? 2 * u->words_capacity : 16;
		struct word *more = realloc(u->words, capacity * sizeof(*more));

		if (!more)
			return;
		u->words = more;
		u->words_capacity = capacity;
	}
	u->words[u->nr_words++] = (struct word){ (pid_t)first->local_tgid, tp_offset };
}

/*
 * Reads the header, once, and takes from it what can be. A ring that contradicts itself is given
 * up.
 */
static void read_header(struct ring *r)
{
	struct unit_rings *u = r->set;
	struct weft_unit_ring h;

	if (r->bad)
		return;
	if (pread(r->fd, &h, sizeof(h), 0) != sizeof(h)) {
		r->bad = r->known; /* cut off; or not made yet */
		return;
	}
	if (!h.magic && !r->known)
		return;
	/* Pairs with the release of head: what was written before it is what we read after it. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	r->bad = h.magic != WEFT_UNIT_RING_MAGIC || h.version != WEFT_UNIT_RING_VERSION ||
		 h.tgid != r->tgid || h.copy != r->copy || h.clock != u->clock ||
		 h.size < WEFT_UNIT_RING_MIN || h.size > WEFT_UNIT_RING_MAX ||
		 h.size & (h.size - 1) || (r->known && h.size != r->size) || h.head % 8 ||
		 h.head - r->tail > h.size;
	if (r->bad)
		return;
	if (!r->known) {
		r->known = true;
		r->size = h.size;
		identify(r, h.pid_ns);
		unit_owners_update(&u->owners);
		r->foreign = r->foreign || is_usurped(r);
		r->bad = !r->foreign && is_older(u, r->local_tgid);
		if (!r->bad && !r->foreign && !r->nr)
			add_word(u, r, h.tp_offset);
	}
	r->head = h.head;
	r->refused = h.refused;
	r->lost = h.lost;
	r->lost_first = h.lost_first;
	r->lost_last = h.lost_last;
}

/* ---- Draining ---- */

/* Writes the records in out as one packet. */
static int write_packet(struct ring *r, const struct unit_out *out, const char *units_dir,
			const uint8_t uuid[16])
{
	struct unit_rings *u = r->set;
	struct weft_packet *p = (void *)u->out;
	size_t len = sizeof(*p) + out->len;
	size_t size = (len + WEFT_PACKET_ALIGN - 1) & ~(size_t)(WEFT_PACKET_ALIGN - 1);
	int err;

	if (u->outfd < 0) {
		if (mkdir(units_dir, 0777) && errno != EEXIST)
			return -errno;
		u->outfd = open(units_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (u->outfd < 0)
			return -errno;
	}
	if (r->file.fd < 0) {
		char name[24];

		snprintf(name, sizeof(name), "ring%u", u->files);
		err = stream_file_create(&r->file, u->outfd, name);
		if (err)
			return err;
		u->files++;
	}
	*p = (struct weft_packet){
		.magic = WEFT_CTF_MAGIC,
		.stream_id = WEFT_STREAM_UNITS,
		.timestamp_begin = out->first_time,
		.timestamp_end = r->stream.last_time,
		.content_size = len * 8,
		.packet_size = size * 8,
		.packet_seq_num = r->packets,
		.events_discarded = r->told,
		.cpu_id = r->trace_tgid,
		.pad = r->copy,
	};
	memcpy(p->uuid, uuid, 16);
	memset(u->out + len, 0, size - len);
	err = stream_file_append(&r->file, u->out, size);
	if (err)
		return err;
	r->packets++;
	r->told = r->stream.lost;
	u->bytes += size;
	return 0;
}

/*
 * Takes what stands between tail and head (as last read), a chunk at a time. With `last` also what
 * the header says was lost since. A chunk that can't be written is as if it had not been taken.
 */
static int drain_ring(struct ring *r, bool last, const char *units_dir, const uint8_t uuid[16])
{
	struct unit_rings *u = r->set;
	uint64_t written = r->stream.records;
	for (;;) {
		struct unit_stream before = r->stream;
		struct unit_out out = { .buf = u->out + sizeof(struct weft_packet),
					.room = UNIT_OUT_ROOM(CHUNK) };
		uint64_t next = r->tail;
		int err;

		if (r->bad && !r->bad_told) {
			unit_stream_invalid(&r->stream, WEFT_INVALID_RING, 1, &out);
		} else if (!r->bad && next != r->head) {
			size_t left = r->head - next;
			size_t lap = r->size - (next & (r->size - 1));
			size_t len = left < lap ? left : lap;

			if (len > CHUNK)
				len = CHUNK;
			if (lap < WEFT_UNIT_EVENT_MAX_SIZE) {
				next += len; /* the end that is skipped */
			} else if (pread(r->fd, u->in, len,
					 WEFT_UNIT_RING_HEADER + (next & (r->size - 1))) !=
				   (ssize_t)len) {
				r->bad = true; /* cut off */
				continue;
			} else {
				next += unit_stream_take(&r->stream, u->in, len, len < left, &out);
			}
		} else if (!r->bad && last && r->lost) {
			unit_stream_lost(&r->stream, r->lost, r->lost_first, r->lost_last, &out);
			r->lost = 0;
		} else {
			return r->stream.records - written;
		}
		if (out.len && !r->foreign) {
			err = write_packet(r, &out, units_dir, uuid);
			if (err) {
				r->stream = before;
				return err;
			}
		}
		r->tail = next;
		r->bad_told = r->bad;
	}
}

static void hand_back(struct ring *r)
{
	if (pwrite(r->fd, &r->tail, sizeof(r->tail), offsetof(struct weft_unit_ring, tail)) < 0)
		r->bad = true;
}

/* Are the records that wait worth a packet? */
static bool is_worth(struct ring *r, uint64_t now)
{
	uint64_t pending = r->head - r->tail;

	if (!pending) {
		r->pending_since = 0;
		return false;
	}
	if (!r->pending_since)
		r->pending_since = now;
	return pending >= WEFT_PACKET_ALIGN - sizeof(struct weft_packet) ||
	       pending >= r->size / 4 || now - r->pending_since >= PATIENCE_NS;
}

int unit_rings_drain(struct unit_rings *u, const char *units_dir, const uint8_t uuid[16],
		     bool final)
{
	uint64_t now, now_ns;
	unsigned int fill = 0; /* of the fullest ring, sixteenths rounded up */
	int records = 0, n = 0;
	size_t i;

	find_rings(u);
	for (i = 0; i < u->nr; i++)
		read_header(u->rings[i]);
	/* After the heads: every stamp below them lies before this. */
	if (u->clock == WEFT_UNIT_CLOCK_TSC)
		clock_relation_sample(&u->relation);
	now = stamp(u);
	now_ns = clock_monotonic();
	for (i = u->nr; i-- > 0 && n >= 0;) {
		struct ring *r = u->rings[i];
		bool worth = is_worth(r, now_ns) || (r->bad && !r->bad_told);
		bool orphan = !worth && is_orphan(r);

		/* Once more, as nobody can write it any longer. */
		if (orphan)
			read_header(r);
		if (r->known && (r->head - r->tail + r->size / 16 - 1) / (r->size / 16) > fill)
			fill = (r->head - r->tail + r->size / 16 - 1) / (r->size / 16);
		r->stream.now = orphan ? stamp(u) : now;
		if (worth || orphan || final) {
			n = drain_ring(r, orphan || final, units_dir, uuid);
			hand_back(r);
			r->pending_since = 0;
		}
		if (n >= 0 && orphan)
			forget(u, i);
		if (n > 0)
			records += n;
	}
	if (n < 0)
		return n;
	u->wait_ms = fill > 8 ? 1 : fill ? 10 : 100;
	return records;
}
