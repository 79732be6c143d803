// SPDX-License-Identifier: GPL-2.0-only
/* A group of child processes. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "process.h"

int processes_init(struct processes *p, uint64_t max)
{
	/* Had our parent us ignore it, there would be nothing to wait for. */
	signal(SIGCHLD, SIG_DFL);
	*p = (struct processes){ .pid = calloc(max, sizeof(*p->pid)) };
	return p->pid ? 0 : -ENOMEM;
}

int process_start(struct processes *p, int (*fn)(void *arg), void *arg)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		/* If the parent has ended before this, it is another one by now. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(getppid() == parent ? -fn(arg) : ECANCELED);
	}
	p->pid[p->nr++] = pid;
	return 0;
}

/* Reaps one, waiting for it unless flags say otherwise; false if there was none. */
static bool reap(struct processes *p, int flags)
{
	pid_t pid;
	int status;

	if (p->reaped == p->nr)
		return false;
	do
		pid = waitpid(-1, &status, flags);
	while (pid < 0 && errno == EINTR);
	if (pid <= 0)
		return false;
	p->reaped++;
	if (status && !p->status)
		p->status = status;
	return true;
}

bool processes_check(struct processes *p)
{
	while (reap(p, WNOHANG))
		;
	return !p->status;
}

static void kill_all(struct processes *p)
{
	uint64_t i;
	siginfo_t info;

	/*
	 * The number of one that was reaped may be somebody else's by now: kill none but our
	 * children.
	 */
	for (i = 0; i < p->nr && p->reaped < p->nr; i++)
		if (!waitid(P_PID, (id_t)p->pid[i], &info, WEXITED | WNOHANG | WNOWAIT))
			kill(p->pid[i], SIGKILL);
	while (reap(p, 0))
		;
}

int processes_wait(struct processes *p)
{
	while (!p->status && reap(p, 0))
		;
	if (!p->status)
		return 0;
	kill_all(p);
	return -ECHILD;
}

void processes_destroy(struct processes *p)
{
	kill_all(p);
	free(p->pid);
}

struct pipe *pipes_open(uint64_t nr)
{
	struct pipe *pipe = calloc(nr, sizeof(*pipe));
	struct rlimit limit;
	int fd[2], err;
	uint64_t i;

	if (!pipe)
		return NULL;
	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	for (i = 0; i < nr; i++) {
		if (pipe2(fd, O_CLOEXEC)) {
			err = errno;
			pipes_close(pipe, i);
			errno = err;
			return NULL;
		}
		pipe[i] = (struct pipe){ .in = fd[1], .out = fd[0] };
	}
	return pipe;
}

void pipes_close(struct pipe *pipe, uint64_t nr)
{
	while (nr--) {
		close(pipe[nr].in);
		close(pipe[nr].out);
	}
	free(pipe);
}

int pipe_write(const struct pipe *p, const void *data, size_t size)
{
	const char *at = data;
	ssize_t n;

	for (; size; size -= (size_t)n, at += n) {
		n = write(p->in, at, size);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n < 0)
			n = 0;
	}
	return 0;
}

int pipe_read(const struct pipe *p, void *data, size_t size)
{
	char *at = data;
	ssize_t n;

	for (; size; size -= (size_t)n, at += n) {
		n = read(p->out, at, size);
		if (!n)
			return -EPIPE;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n < 0)
			n = 0;
	}
	return 0;
}

void *shared_alloc(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void shared_free(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}
