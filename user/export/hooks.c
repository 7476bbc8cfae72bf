// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "diagnose/catalogue.h"
#include "export/finding_json.h"
#include "source/child.h"

#define CURL "curl"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define VARIABLES 5
#define MS_PER_TOKEN (60000 / HOOKS_PER_MINUTE)

struct job {
	int input; /* memory file with the JSON: a pipe could block */
	char variables[VARIABLES][160];
};

struct child {
	pid_t pid; /* also its process group; 0: none */
	int64_t started_ms;
	bool killed;
};

struct hooks {
	struct hooks_options options;
	const char *name; /* of the setting, for lines of the log */
	char *command;	  /* or the address */
	int config; /* memory file with what curl is to do: not on its command line, where tokens of the address would be seen; -1 */
	bool failing; /* of an address, that it fails is told once */
	struct child children[HOOKS_CHILDREN];
	struct job waiting[HOOKS_WAITING]; /* ring */
	size_t first, count;
	unsigned int tokens;
	int64_t token_ms; /* when the latest was given; 0: never */
	uint64_t told_left_out;
	struct hooks_stats stats;
};

static void tell(const struct hooks *h, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(const struct hooks *h, const char *format, ...)
{
	char line[256];
	va_list ap;

	if (!h->options.tell)
		return;
	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	h->options.tell(h->options.arg, line);
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
	}
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

/* Readable, at its beginning, or -errno. */
static int make_file(const char *text, size_t length)
{
	int fd = memfd_create("espial-hook", MFD_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = write_all(fd, text, length);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* The address has neither blanks nor quotes nor backslashes: config_values.c */
static int make_config(struct hooks *h)
{
	char text[1024];
	int n = snprintf(
		text, sizeof(text),
		"url = \"%s\"\nproto = \"=http,https\"\nheader = \"Content-Type: application/json\"\n"
		"user-agent = \"espial\"\ndata-binary = \"@-\"\noutput = \"/dev/null\"\nsilent\nfail\n"
		"max-time = %d\nretry = 1\nretry-connrefused\n",
		h->command, HOOKS_TRY_S);

	if (n < 0 || (size_t)n >= sizeof(text))
		return -ENAMETOOLONG;
	h->config = make_file(text, (size_t)n);
	return h->config < 0 ? h->config : 0;
}

static bool has_program(const char *name)
{
	const char *at = getenv("PATH");
	char file[512];

	for (at = at ? at : "/usr/bin:/bin"; *at; at += *at == ':') {
		size_t length = strcspn(at, ":");

		snprintf(file, sizeof(file), "%.*s/%s", (int)length, at, name);
		if (access(file, X_OK) == 0)
			return true;
		at += length;
	}
	return false;
}

int hooks_open(const struct hooks_options *options, struct hooks **ret)
{
	struct hooks *h = calloc(1, sizeof(*h));
	int err = 0;

	if (!h)
		return -ENOMEM;
	h->options = *options;
	if (!h->options.timeout_ms)
		h->options.timeout_ms = HOOKS_TIMEOUT_MS;
	h->config = -1;
	h->name = options->url ? "hook-url" : "hook-command";
	h->command = strdup(options->url ? options->url : options->command);
	if (!h->command)
		err = -ENOMEM;
	else if (options->url)
		err = make_config(h);
	if (err) {
		free(h->command);
		free(h);
		return err;
	}
	if (options->url && !has_program(CURL))
		tell(h,
		     "hook-url: there is no %s here, so that nothing is sent: install it (apt-get install "
		     "%s)",
		     CURL, CURL);
	h->tokens = HOOKS_BURST;
	*ret = h;
	return 0;
}

void hooks_close(struct hooks *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < COUNT(h->children); i++) {
		if (!h->children[i].pid)
			continue;
		kill(-h->children[i].pid, SIGKILL);
		while (waitpid(h->children[i].pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	for (; h->count; h->count--, h->first++)
		close(h->waiting[h->first % HOOKS_WAITING].input);
	if (h->config >= 0)
		close(h->config);
	free(h->command);
	free(h);
}

/* ---- what the command gets */

/* A readable file at its beginning, or -errno. */
static int make_input(const struct finding *f, bool raised, uint64_t wall_ns)
{
	struct finding *list[] = {(struct finding *)f};
	const struct findings one = {.list = list, .count = 1};
	struct json_writer w = {0};
	int fd = -ENOMEM;

	json_write_open(&w, NULL, '{');
	json_write_string(&w, "event", raised ? "raised" : "cleared");
	json_write_time(&w, "time", wall_ns);
	finding_json_write(&w, "findings", &one);
	json_write_close(&w, '}');
	text_printf(&w.text, "\n");
	if (!w.text.failed)
		fd = make_file(w.text.data, w.text.length);
	text_free(&w.text);
	return fd;
}

/* Text of others: as it is, but for what no variable can hold. */
static void set_variable(char ret[160], const char *name, const char *value)
{
	snprintf(ret, 160, "%s=%s", name, value ? value : "");
}

/* ---- running it */

static void complain(struct hooks *h, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Of an address, once: a receiver may be away for days. */
static void complain(struct hooks *h, const char *format, ...)
{
	char what[200];
	va_list ap;

	if (h->failing)
		return;
	h->failing = h->config >= 0;
	va_start(ap, format);
	vsnprintf(what, sizeof(what), format, ap);
	va_end(ap);
	tell(h, "%s: %s", h->name, what);
}

static int start(struct hooks *h, struct child *child, struct job *job, int64_t now_ms)
{
	const char *const command[] = {"/bin/sh", "-c", h->command, NULL};
	static const char *const url[] = {CURL, "-q", "-K", "/dev/fd/3", NULL};
	const char *const *argv = h->config < 0 ? command : url;
	struct child_options options = {.files = {job->input, STDOUT_FILENO, STDERR_FILENO}, .group = true};
	size_t count = 0, kept = 0;
	char **variables;
	pid_t pid;
	int err;

	while (environ && environ[count])
		count++;
	variables = calloc(count + VARIABLES + 1, sizeof(*variables));
	if (!variables)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (strncmp(environ[i], "ESPIAL_", 7) != 0)
			variables[kept++] = environ[i];
	for (size_t i = 0; i < VARIABLES; i++)
		variables[kept++] = job->variables[i];
	options.environment = variables;
	if (h->config >= 0)
		options.extra = h->config;
	err = child_spawn(argv[0], argv, &options, &pid);
	free(variables);
	if (!err)
		*child = (struct child){.pid = pid, .started_ms = now_ms};
	return err;
}

static void start_waiting(struct hooks *h, int64_t now_ms)
{
	for (size_t i = 0; i < COUNT(h->children) && h->count; i++) {
		struct job *job = &h->waiting[h->first % HOOKS_WAITING];
		int err;

		if (h->children[i].pid)
			continue;
		err = start(h, &h->children[i], job, now_ms);
		close(job->input);
		h->first++;
		h->count--;
		h->stats.run++;
		if (err) {
			h->stats.failed++;
			complain(h, "cannot be started: %s", strerror(-err));
		}
	}
}

/* What curl's status says of the receiver */
static const char *curl_reason(int status)
{
	switch (status) {
	case 6:
		return "no such host";
	case 7:
		return "nobody listens there, or no route";
	case 22:
		return "the receiver refused it with an HTTP error";
	case 28:
		return "the receiver did not answer in time";
	case 35:
	case 60:
		return "TLS failed: is its certificate valid, and trusted here?";
	default:
		return "curl failed: see its manual for the status";
	}
}

static void ended(struct hooks *h, struct child *child, int status)
{
	if (child->killed) {
		h->stats.timed_out++;
		complain(h, "killed after %d s%s", h->options.timeout_ms / 1000,
			 h->config >= 0 ? "" : ": let it do less, or leave work behind in another session");
	} else if (WIFSIGNALED(status)) {
		h->stats.failed++;
		complain(h, "ended by signal %d", WTERMSIG(status));
	} else if (WEXITSTATUS(status) && h->config >= 0) {
		h->stats.failed++;
		complain(h, "%s (status %d of curl): told once until it works again",
			 WEXITSTATUS(status) == 127 ? "there is no curl here"
						    : curl_reason(WEXITSTATUS(status)),
			 WEXITSTATUS(status));
	} else if (WEXITSTATUS(status)) {
		h->stats.failed++;
		complain(h, "ended with status %d%s", WEXITSTATUS(status),
			 WEXITSTATUS(status) == 127 ? ": no such command" : "");
	} else if (h->failing) {
		tell(h, "%s: works again", h->name);
		h->failing = false;
	}
	/* What it left behind in its group does not outlive it, or it would not count among the children. */
	kill(-child->pid, SIGKILL);
	memset(child, 0, sizeof(*child));
}

void hooks_tick(struct hooks *h, int64_t now_ms)
{
	if (!h)
		return;
	for (size_t i = 0; i < COUNT(h->children); i++) {
		struct child *child = &h->children[i];
		int status = 0;
		pid_t pid;

		if (!child->pid)
			continue;
		if (!child->killed && now_ms - child->started_ms >= h->options.timeout_ms) {
			child->killed = true;
			kill(-child->pid, SIGKILL);
		}
		pid = waitpid(child->pid, &status, WNOHANG);
		if (pid == child->pid || (pid < 0 && errno == ECHILD))
			ended(h, child, status);
	}
	start_waiting(h, now_ms);
	if (h->stats.left_out != h->told_left_out && h->count == 0) {
		tell(h, "%s: left out %llu times: more than %d in a minute, or it is slow", h->name,
		     (unsigned long long)(h->stats.left_out - h->told_left_out), HOOKS_PER_MINUTE);
		h->told_left_out = h->stats.left_out;
	}
}

/* A bucket of HOOKS_BURST, refilled with HOOKS_PER_MINUTE. */
static bool may_run(struct hooks *h, int64_t now_ms)
{
	int64_t fresh = h->token_ms ? (now_ms - h->token_ms) / MS_PER_TOKEN : 0;

	if (!h->token_ms)
		h->token_ms = now_ms;
	if (fresh > 0) {
		h->tokens = fresh + h->tokens > HOOKS_BURST ? HOOKS_BURST : h->tokens + (unsigned int)fresh;
		h->token_ms += fresh * MS_PER_TOKEN;
	}
	if (!h->tokens)
		return false;
	h->tokens--;
	return true;
}

void hooks_finding(struct hooks *h, const struct finding *f, bool raised, uint64_t wall_ns, int64_t now_ms)
{
	struct job *job;
	int input;

	if (!h)
		return;
	if (h->count == HOOKS_WAITING || !may_run(h, now_ms)) {
		h->stats.left_out++;
		return;
	}
	input = make_input(f, raised, wall_ns);
	if (input < 0) {
		h->stats.left_out++;
		return;
	}
	job = &h->waiting[(h->first + h->count) % HOOKS_WAITING];
	job->input = input;
	set_variable(job->variables[0], "ESPIAL_EVENT", raised ? "raised" : "cleared");
	set_variable(job->variables[1], "ESPIAL_FINDING", catalogue_row(f->id)->id);
	set_variable(job->variables[2], "ESPIAL_SEVERITY", finding_severity_name(f->severity));
	set_variable(job->variables[3], "ESPIAL_TUNNEL", f->tunnel);
	set_variable(job->variables[4], "ESPIAL_PEER", f->peer);
	h->count++;
	start_waiting(h, now_ms);
}

void hooks_stats(const struct hooks *h, struct hooks_stats *ret)
{
	*ret = h->stats;
	ret->waiting = (unsigned int)h->count;
	ret->running = 0;
	for (size_t i = 0; i < COUNT(h->children); i++)
		ret->running += h->children[i].pid != 0;
}
