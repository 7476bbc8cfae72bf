// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/firewall.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source/child.h"
#include "source/firewall_parse.h"

#define SECOND UINT64_C(1000000000)
#define EVERY (30 * SECOND)
#define SHARE 100 /* reading takes at most one part in so many of the time */
#define PATIENCE (10 * SECOND)
#define OUTPUT_MOST (8U << 20) /* bytes */

/* -t: without the elements of named sets, which may be many */
static const struct program {
	const char *argv[6];
	int (*read)(const char *text, size_t size, struct firewall *ret);
	bool legacy; /* only when the kernel has such rules: reading them would load modules */
} programs[] = {
	{{"nft", "-j", "-t", "list", "ruleset"}, firewall_read_nft, false},
	{{"iptables-nft-save", "-t", "nat"}, firewall_read_iptables, false},
	{{"iptables-legacy-save", "-t", "nat"}, firewall_read_iptables, true},
};
#define PROGRAMS (sizeof(programs) / sizeof(programs[0]))

struct firewall_source {
	struct firewall now, next;
	size_t program; /* that runs, or is to be started; PROGRAMS: none until `due_ns` */
	pid_t child;	/* 0: none */
	int output;
	bool any;	 /* one of them answered in this round */
	char failed[64]; /* what the first that did not said of it; "" none */
	uint64_t due_ns, begun_ns, started_ns;
};

int firewall_open(struct firewall_source **ret)
{
	struct firewall_source *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->program = PROGRAMS;
	s->output = -1;
	snprintf(s->now.why, sizeof(s->now.why), "not read yet");
	*ret = s;
	return 0;
}

static void end_child(struct firewall_source *s)
{
	if (s->child) {
		kill(-s->child, SIGKILL);
		while (waitpid(s->child, NULL, 0) < 0 && errno == EINTR)
			;
	}
	s->child = 0;
	if (s->output >= 0)
		close(s->output);
	s->output = -1;
}

void firewall_close(struct firewall_source *s)
{
	if (!s)
		return;
	end_child(s);
	firewall_free(&s->now);
	firewall_free(&s->next);
	free(s);
}

const struct firewall *firewall_now(const struct firewall_source *s)
{
	return &s->now;
}

/* ---- a round */

__attribute__((format(printf, 2, 3))) static void fail(struct firewall_source *s, const char *format, ...)
{
	va_list args;

	if (*s->failed)
		return;
	va_start(args, format);
	vsnprintf(s->failed, sizeof(s->failed), format, args);
	va_end(args);
}

/* Rules of the older kind are there when this names the table. */
static bool has_legacy_nat(void)
{
	FILE *file = fopen("/proc/net/ip_tables_names", "re");
	char name[64];
	bool found = false;

	while (file && !found && fgets(name, sizeof(name), file))
		found = !strcmp(name, "nat\n");
	if (file)
		fclose(file);
	return found;
}

static void start(struct firewall_source *s, uint64_t now_ns)
{
	const struct program *p = &programs[s->program];
	int err;

	s->started_ns = now_ns;
	if (p->legacy && !has_legacy_nat()) {
		s->program++;
		return;
	}
	s->output = memfd_create("espial-firewall", MFD_CLOEXEC);
	err = s->output < 0 ? -errno : child_ask(p->argv[0], p->argv, s->output, &s->child);
	if (!err)
		return;
	if (err != -ENOENT)
		fail(s, "%s: %s", p->argv[0], strerror(-err));
	s->child = 0;
	end_child(s);
	s->program++;
}

static void take_output(struct firewall_source *s)
{
	const struct program *p = &programs[s->program];
	struct stat stat;
	char *text;
	int err;

	if (fstat(s->output, &stat) < 0 || stat.st_size == 0 || stat.st_size > OUTPUT_MOST) {
		fail(s, "%s: %s", p->argv[0], stat.st_size ? "its answer is too long" : "no answer");
		return;
	}
	text = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, s->output, 0);
	if (text == MAP_FAILED) {
		fail(s, "%s: %s", p->argv[0], strerror(errno));
		return;
	}
	err = p->read(text, (size_t)stat.st_size, &s->next);
	munmap(text, (size_t)stat.st_size);
	if (err)
		fail(s, "%s: %s", p->argv[0], err == -ENOMEM ? strerror(ENOMEM) : "its answer is not JSON");
	else
		s->any = true;
}

static bool is_over(const struct firewall_source *s, uint64_t now_ns)
{
	struct stat stat;

	return now_ns - s->started_ns > PATIENCE ||
	       (fstat(s->output, &stat) == 0 && stat.st_size > OUTPUT_MOST);
}

static void poll_child(struct firewall_source *s, uint64_t now_ns)
{
	const char *name = programs[s->program].argv[0];
	int status = 0;
	pid_t pid = waitpid(s->child, &status, WNOHANG);

	if (!pid && is_over(s, now_ns)) {
		fail(s, "%s: no end of its answer", name);
		end_child(s);
		s->program++;
		return;
	}
	if (pid != s->child && !(pid < 0 && errno == ECHILD))
		return;
	s->child = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		take_output(s);
	else if (WIFEXITED(status) && WEXITSTATUS(status) != 127)
		fail(s, "%s: status %d: it needs CAP_NET_ADMIN", name, WEXITSTATUS(status));
	end_child(s);
	s->program++;
}

/* What was not read whole is worse than nothing: an exception may be missing. */
static void finish(struct firewall_source *s, uint64_t now_ns)
{
	uint64_t took = (now_ns - s->begun_ns) * SHARE;

	s->due_ns = now_ns + (took > EVERY ? took : EVERY);
	firewall_free(&s->now);
	if (s->any && !*s->failed) {
		s->now = s->next;
		memset(&s->next, 0, sizeof(s->next));
		s->now.available = true;
		s->now.read_ns = now_ns;
		return;
	}
	firewall_free(&s->next);
	snprintf(s->now.why, sizeof(s->now.why), "%s",
		 *s->failed ? s->failed : "neither nft nor iptables-save is here");
}

void firewall_tick(struct firewall_source *s, uint64_t now_ns)
{
	if (now_ns < s->begun_ns) /* the clock was set back */
		s->begun_ns = s->started_ns = s->due_ns = now_ns;
	if (s->program == PROGRAMS) {
		if (now_ns < s->due_ns)
			return;
		s->program = 0;
		s->any = false;
		*s->failed = '\0';
		s->begun_ns = now_ns;
	}
	if (s->child)
		poll_child(s, now_ns);
	while (!s->child && s->program < PROGRAMS)
		start(s, now_ns);
	if (s->program == PROGRAMS)
		finish(s, now_ns);
}
