// SPDX-License-Identifier: GPL-2.0-only
/* Forking, holding and releasing the child, see child.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "child.h"

static void __attribute__((noreturn))
child_main(const struct child_job *job, int go, int exec_error)
{
	ssize_t n;
	char c;
	int err;

	do
		n = read(go, &c, 1);
	while (n < 0 && errno == EINTR);
	/* Nothing to read: the recorder died or gave up. */
	if (n != 1)
		_exit(127);
	close(go);
	if (job->env)
		putenv((char *)job->env);
	if (job->sigmask)
		sigprocmask(SIG_SETMASK, job->sigmask, NULL);
	if (job->function) {
		close(exec_error);
		err = job->function(job->arg);
		fflush(NULL);
		_exit(err);
	}
	execvp(job->argv[0], job->argv);
	err = errno;
	if (write(exec_error, &err, sizeof(err)) != sizeof(err))
		_exit(126);
	_exit(127);
}

int child_fork(struct child *c, const struct child_job *job)
{
	int go[2], error[2], ret;

	/* A socket, as writing to it can be had without SIGPIPE. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go))
		return -errno;
	if (pipe2(error, O_CLOEXEC)) {
		ret = -errno;
		goto close_go;
	}
	/* What is buffered now must not be written twice. */
	fflush(NULL);
	c->pid = fork();
	if (c->pid < 0) {
		ret = -errno;
		goto close_error;
	}
	if (!c->pid) {
		close(go[1]);
		close(error[0]);
		child_main(job, go[0], error[1]);
	}
	close(go[0]);
	close(error[1]);
	c->go = go[1];
	c->exec_error = error[0];
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	if (c->pidfd < 0) {
		ret = -errno;
		child_close(c);
		return ret;
	}
	return 0;
close_error:
	c->pid = 0;
	close(error[0]);
	close(error[1]);
close_go:
	close(go[0]);
	close(go[1]);
	return ret;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* It is about to end. */
static void reap(struct child *c)
{
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
}

int child_release(struct child *c)
{
	int err = 0;
	ssize_t n;

	/* If it was killed meanwhile nobody hears this; its end is then seen like any other. */
	send(c->go, "", 1, MSG_NOSIGNAL);
	close_fd(&c->go);
	do
		n = read(c->exec_error, &err, sizeof(err));
	while (n < 0 && errno == EINTR);
	close_fd(&c->exec_error);
	if (n != sizeof(err))
		return 0;
	reap(c);
	return -err;
}

bool child_ended(struct child *c, int *status)
{
	if (!c->pid || waitpid(c->pid, status, WNOHANG) != c->pid)
		return false;
	c->pid = 0;
	return true;
}

void child_close(struct child *c)
{
	bool held = c->go >= 0;

	close_fd(&c->go);
	close_fd(&c->exec_error);
	close_fd(&c->pidfd);
	if (held)
		reap(c);
}
