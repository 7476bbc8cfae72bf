// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/log_child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source/child.h"
#include "source/log_line.h"

#define BLOCK 65536

/* Options and their values, in room of their own */
#define ARGUMENTS 32

struct arguments {
	char text[ARGUMENTS][320];
	const char *list[ARGUMENTS + 1];
	size_t count;
};

static void add(struct arguments *a, const char *name, const char *value)
{
	if (a->count == ARGUMENTS)
		return;
	snprintf(a->text[a->count], sizeof(a->text[0]), "%s%s", name, value);
	a->list[a->count] = a->text[a->count];
	a->count++;
}

static void make_arguments(struct arguments *a, const struct log_child *c, const char *unit,
			   uint64_t since_ns, bool follow)
{
	const char *program;
	char since[32];

	add(a, "journalctl", "");
	add(a, "--output=json", "");
	add(a, "--output-fields=", "MESSAGE,_HOSTNAME,SYSLOG_IDENTIFIER,THREAD,IKE_SA_NAME,IKE_SA_UNIQUE_ID");
	add(a, "--no-pager", "");
	if (*unit)
		add(a, "--unit=", unit);
	for (size_t i = 0; !*unit && (program = log_line_program(i)) != NULL; i++)
		add(a, "--identifier=", program);
	if (*c->cursor) {
		add(a, "--after-cursor=", c->cursor);
	} else if (since_ns) {
		snprintf(since, sizeof(since), "@%" PRIu64, since_ns / 1000000000U);
		add(a, "--since=", since);
	}
	/* Of its own, it would begin with the last ten lines */
	add(a, "--lines=all", "");
	if (follow)
		add(a, "--follow", "");
	a->list[a->count] = NULL;
}

int log_child_start(struct log_child *c, const char *unit, uint64_t since_ns, bool follow)
{
	struct arguments a = {.count = 0};
	int pipes[2], err;

	c->fd = -1;
	c->splitter.used = 0;
	c->splitter.skip = false;
	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) != 0)
		return -errno;
	c->complaints = memfd_create("espial-journalctl", MFD_CLOEXEC);
	make_arguments(&a, c, unit, since_ns, follow);
	/* The child's end blocks, as it is used to. */
	if (c->complaints < 0 || fcntl(pipes[1], F_SETFL, 0) != 0)
		err = -errno;
	else
		err = child_spawn(a.list[0], a.list,
				  &(struct child_options){.files = {CHILD_NOTHING, pipes[1], c->complaints}},
				  &c->pid);
	close(pipes[1]);
	c->fd = pipes[0];
	if (err)
		log_child_stop(c);
	return err;
}

void log_child_stop(struct log_child *c)
{
	if (c->pid) {
		kill(c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
		c->pid = 0;
	}
	if (c->fd >= 0)
		close(c->fd);
	if (c->complaints > 0)
		close(c->complaints);
	c->fd = -1;
	c->complaints = 0;
}

void log_child_free(struct log_child *c)
{
	log_child_stop(c);
	free(c->splitter.rest);
	*c = (struct log_child){.fd = -1};
}

/* ---- what it says */

struct reading {
	struct log_child *c;
	log_line_fn line;
	void *arg;
};

/* "__CURSOR" is a member of each line; what a message may contain of it has its quotes escaped */
static void on_line(void *arg, const char *text, size_t length)
{
	static const char name[] = "\"__CURSOR\":\"";
	const struct reading *r = arg;
	const char *at = memmem(text, length, name, sizeof(name) - 1), *end;

	r->line(r->arg, text, length);
	if (!at)
		return;
	at += sizeof(name) - 1;
	end = memchr(at, '"', (size_t)(text + length - at));
	if (end && end - at < LOG_CURSOR) {
		memcpy(r->c->cursor, at, (size_t)(end - at));
		r->c->cursor[end - at] = '\0';
	}
}

/* How it ended, in one line */
static void how(struct log_child *c, int status, char *error)
{
	ssize_t n;

	*error = '\0';
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	n = pread(c->complaints, error, LOG_CHILD_ERROR - 1, 0);
	error[n > 0 ? n : 0] = '\0';
	error[strcspn(error, "\n")] = '\0';
	if (*error)
		return;
	if (WIFEXITED(status))
		snprintf(error, LOG_CHILD_ERROR, "ended with status %d", WEXITSTATUS(status));
	else
		snprintf(error, LOG_CHILD_ERROR, "ended by signal %d", WTERMSIG(status));
}

static ssize_t ended(struct log_child *c, char *error)
{
	int status = 0;

	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
	how(c, status, error);
	log_child_stop(c);
	return -EPIPE;
}

ssize_t log_child_read(struct log_child *c, size_t most, log_line_fn line, void *arg, char *error)
{
	struct reading r = {c, line, arg};
	char block[BLOCK];
	size_t sum = 0;

	while (sum < most && c->fd >= 0) {
		ssize_t n = read(c->fd, block, sizeof(block));
		int err;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0)
			return sum ? (ssize_t)sum : ended(c, error);
		sum += (size_t)n;
		err = log_split(&c->splitter, block, (size_t)n, on_line, &r);
		if (err)
			return err;
	}
	return (ssize_t)sum;
}
