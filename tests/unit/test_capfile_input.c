// SPDX-License-Identifier: GPL-2.0-or-later
/* test_capfile_input.c - where the bytes come from: gzip, files, pipes, standard input, more than a buffer */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create() */
#endif
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capfile_build.h"
#include "source/capfile_internal.h"

static void test_gzip(void **state)
{
	FILE_AUTO f = {0}, z = {0}, many = {0}, twice = {0}, empty = {0};

	(void)state;
	pcap_small_file(&f);
	put_gzip(&z, f.d, f.len);
	expect_fault(&z, 3, CAPFILE_FAULT_NONE);

	/* A member per 7 bytes and empty ones between, then the zeros of a tape. */
	for (size_t at = 0; at < f.len; at += 7) {
		put_gzip(&many, f.d + at, f.len - at < 7 ? f.len - at : 7);
		put_gzip(&many, "", 0);
	}
	expect_fault(&many, 3, CAPFILE_FAULT_NONE);
	put(&many, (uint8_t[600]){0}, 600);
	expect_fault(&many, 3, CAPFILE_FAULT_NONE);
	put(&many, "x", 1);
	expect_fault(&many, 3, CAPFILE_FAULT_GZIP);

	put_gzip(&twice, z.d, z.len);
	expect_no_open(&twice, "compressed twice");
	put_gzip(&empty, "", 0);
	expect_no_open(&empty, "empty");

	/* A damaged check sum: all packets are there, but the file is not sound. */
	z.d[z.len - 8] ^= 1;
	expect_fault(&z, 3, CAPFILE_FAULT_GZIP);
}

static void test_gzip_cut_and_damaged(void **state)
{
	FILE_AUTO f = {0}, z = {0};

	(void)state;
	pcap_small_file(&f);
	pcap_packet(&f, 4, 4, 0, 1500,
		    1500); /* repeats itself: inflate() owes output when its input is used up */
	put_gzip(&z, f.d, f.len);
	for (size_t cut = 2; cut < z.len; cut++) {
		enum capfile_fault fault, first = CAPFILE_FAULT_NONE;
		FILE_AUTO part = {0};
		uint64_t packets = 0;
		int rc;

		put(&part, z.d, cut);
		for (size_t i = 0; i < ARRAY_LEN(buffer_sizes); i++) {
			uint64_t n = drain(&part, buffer_sizes[i], &rc, &fault);

			if (!i) {
				packets = n;
				first = fault;
			}
			/* Never taken for whole, even when all packets came out; and the buffer makes no
			 * difference. */
			assert_int_equal(rc, -EBADMSG);
			assert_int_equal(n, packets);
			assert_int_equal(fault, first);
			if (fault != CAPFILE_FAULT_NONE)
				assert_int_equal(fault, CAPFILE_FAULT_GZIP_TRUNCATED);
		}
		assert_true(packets <= 4);
	}
	for (size_t at = 10; at < z.len; at++)
		for (unsigned int bit = 0; bit < 8; bit++) {
			struct capfile_reader *r = NULL;
			struct capfile_packet p;
			int rc;

			z.d[at] ^= (uint8_t)(1u << bit);
			rc = capfile_open_mem(z.d, z.len, 64, &r, NULL, 0);
			while (!rc && (rc = capfile_next(r, &p)) == 1)
				rc = 0;
			assert_int_equal(rc == 0 && !r, 0);
			capfile_close(r);
			z.d[at] ^= (uint8_t)(1u << bit);
		}
}

/* Many packets, more than the buffer holds. */
static void large_file(struct file *f, uint32_t packets)
{
	uint8_t *at;

	pcap_head(f, 0xa1b23c4d, 1);
	f->d = realloc(f->d, f->len + packets * (16u + 1000u));
	assert_non_null(f->d);
	at = f->d + f->len;
	for (uint32_t i = 1; i <= packets; i++) {
		uint32_t head[4] = {i, i, 1000,
				    1000}; /* in the order of this machine, like pcap_head() below */

		memcpy(at, head, sizeof(head));
		for (uint32_t b = 0; b < 1000; b++)
			at[16 + b] = content(i, b);
		at += 16 + 1000;
	}
	f->len = (size_t)(at - f->d);
}

static void test_large(void **state)
{
	FILE_AUTO f = {.big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__}, z = {0};
	const struct file *kinds[] = {&f, &z};

	(void)state;
	large_file(&f, 9000);
	put_gzip(&z, f.d, f.len);
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		struct capfile_reader *r = open_ok(kinds[k], 0);
		struct capfile_packet p;
		uint64_t offset = 0;
		uint32_t n = 0;

		assert_int_equal(capfile_size(r), kinds[k]->len);
		while (capfile_next(r, &p) == 1) {
			n++;
			assert_int_equal(p.number, n);
			assert_true(p.data[0] == content(n, 0) && p.data[999] == content(n, 999));
			assert_true(capfile_offset(r) >= offset && capfile_offset(r) <= kinds[k]->len);
			offset = capfile_offset(r);
		}
		assert_int_equal(n, 9000);
		assert_int_equal(capfile_offset(r), kinds[k]->len);
		assert_int_equal(r->in.cap, CAPFILE_BUFFER); /* did not grow with the file */
		capfile_close(r);
	}
}

/* A path to an unlinked file with this content. */
static int temp_file(const struct file *f, char *path, size_t len)
{
	int fd = memfd_create("capfile", 0);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, f->d, f->len), f->len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	snprintf(path, len, "/proc/self/fd/%d", fd);
	return fd;
}

static void test_file(void **state)
{
	struct capfile_reader *r = NULL;
	struct capfile_packet p;
	FILE_AUTO f = {0};
	char path[64], err[CAPFILE_ERROR_MAX];
	int fd, saved;

	(void)state;
	pcap_small_file(&f);
	fd = temp_file(&f, path, sizeof(path));
	assert_int_equal(capfile_open(path, &r, err, sizeof(err)), 0);
	assert_int_equal(capfile_size(r), f.len);
	assert_int_equal(capfile_next(r, &p), 1);
	assert_int_equal(capfile_offset(r), 45);
	assert_int_equal(capfile_next(r, &p), 1);
	assert_int_equal(capfile_next(r, &p), 1);
	assert_int_equal(capfile_next(r, &p), 0);
	capfile_close(r);

	/* As standard input, after somebody has read 24 bytes of something else. */
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(write(fd, "something else before...", 24), 24);
	assert_int_equal(write(fd, f.d, f.len), f.len);
	assert_int_equal(lseek(fd, 24, SEEK_SET), 24);
	saved = dup(STDIN_FILENO);
	assert_true(dup2(fd, STDIN_FILENO) == STDIN_FILENO);
	assert_int_equal(capfile_open("-", &r, err, sizeof(err)), 0);
	assert_int_equal(capfile_size(r), f.len);
	for (int i = 0; i < 3; i++)
		assert_int_equal(capfile_next(r, &p), 1);
	assert_int_equal(capfile_offset(r), f.len);
	assert_int_equal(capfile_next(r, &p), 0);
	capfile_close(r);
	assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0); /* not ours to close */
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(fd);
}

/* Reads @f from standard input, a pipe that a child fills @step bytes at a time. */
static void from_pipe(const struct file *f, size_t step, bool nonblock, uint64_t packets,
		      enum capfile_fault fault)
{
	struct capfile_reader *r = NULL;
	struct capfile_packet p;
	int fds[2], status, rc, saved = dup(STDIN_FILENO);
	uint64_t n = 0;
	char err[CAPFILE_ERROR_MAX] = "";
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(fds[0]);
		for (size_t at = 0; at < f->len; at += step) {
			size_t len = f->len - at < step ? f->len - at : step;

			if (write(fds[1], f->d + at, len) != (ssize_t)len)
				_exit(1);
			if (f->len < 1000)
				usleep(100); /* lets the reader find the pipe empty */
		}
		_exit(0);
	}
	close(fds[1]);
	if (nonblock)
		assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	assert_true(dup2(fds[0], STDIN_FILENO) == STDIN_FILENO);
	close(fds[0]);
	rc = capfile_open("-", &r, err, sizeof(err));
	assert_string_equal(err, "");
	assert_int_equal(rc, 0);
	assert_int_equal(capfile_size(r), 0);
	while ((rc = capfile_next(r, &p)) == 1)
		expect_content(&p, (uint32_t)++n, p.caplen);
	assert_int_equal(n, packets);
	assert_int_equal(capfile_fault(r), fault);
	if (rc < 0)
		assert_non_null(strstr(capfile_error(r), "standard input: cut off"));
	assert_int_equal(capfile_offset(r) > 0, 1);
	capfile_close(r);
	dup2(saved, STDIN_FILENO);
	close(saved);
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	assert_int_equal(status, 0);
}

static void test_pipe(void **state)
{
	FILE_AUTO f = {0}, z = {0}, cut = {0}, large = {.big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__};

	(void)state;
	pcap_small_file(&f);
	put_gzip(&z, f.d, f.len);
	put(&cut, f.d, f.len - 1);
	for (size_t step = 1; step < 100; step = step * 2 + 1)
		for (int nonblock = 0; nonblock < 2; nonblock++) {
			from_pipe(&f, step, nonblock, 3, CAPFILE_FAULT_NONE);
			from_pipe(&z, step, nonblock, 3, CAPFILE_FAULT_NONE);
			from_pipe(&cut, step, nonblock, 2, CAPFILE_FAULT_TRUNCATED);
		}
	large_file(&large, 3000);
	from_pipe(&large, 4099, false, 3000, CAPFILE_FAULT_NONE);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* Signals whose handlers do not restart system calls must not be taken for errors. */
static void test_signals(void **state)
{
	struct sigaction act = {.sa_handler = on_alarm}, old;
	struct itimerval often = {{0, 200}, {0, 200}}, never = {0};
	FILE_AUTO f = {0};

	(void)state;
	pcap_small_file(&f);
	assert_int_equal(sigaction(SIGALRM, &act, &old), 0);
	for (int nonblock = 0; nonblock < 2; nonblock++) {
		assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
		from_pipe(&f, 1, nonblock, 3, CAPFILE_FAULT_NONE);
		assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	}
	assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);
}

/* Somebody forgot the file name: say so instead of waiting for a capture to be typed. */
static void test_terminal(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave = -1, saved = dup(STDIN_FILENO);
	struct capfile_reader *r = NULL;
	char err[CAPFILE_ERROR_MAX] = "";

	(void)state;
	if (master >= 0 && !grantpt(master) && !unlockpt(master))
		slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	if (slave < 0) {
		print_message("SKIP: no pseudo terminal here\n");
		skip();
	}
	assert_true(dup2(slave, STDIN_FILENO) == STDIN_FILENO);
	assert_int_equal(capfile_open("-", &r, err, sizeof(err)), -EBADMSG);
	assert_string_equal(err, "standard input: a terminal: pipe a capture into it, or name a file");
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(slave);
	close(master);
}

/* A packet is handed out when it is complete, not when the buffer is full: a live pipe keeps flowing. */
static void test_live_pipe(void **state)
{
	struct capfile_reader *r = NULL;
	struct capfile_packet p;
	FILE_AUTO f = {0};
	int fds[2], saved = dup(STDIN_FILENO);

	(void)state;
	pcap_small_file(&f);
	assert_int_equal(pipe(fds), 0);
	assert_true(dup2(fds[0], STDIN_FILENO) == STDIN_FILENO);
	close(fds[0]);
	assert_int_equal(write(fds[1], f.d, 45), 45);
	assert_int_equal(capfile_open("-", &r, NULL, 0), 0);
	assert_int_equal(capfile_next(r, &p), 1); /* would hang */
	expect_content(&p, 1, 5);
	assert_int_equal(write(fds[1], f.d + 45, f.len - 45), f.len - 45);
	assert_int_equal(capfile_next(r, &p), 1);
	assert_int_equal(capfile_next(r, &p), 1);
	close(fds[1]);
	assert_int_equal(capfile_next(r, &p), 0);
	capfile_close(r);
	dup2(saved, STDIN_FILENO);
	close(saved);
}

/* A descriptor that fails in the middle: what it gave before counts. */
static void test_read_error(void **state)
{
	struct capfile_reader *r = NULL;
	struct capfile_packet p;
	FILE_AUTO f = {0};
	char path[64];
	int fd;

	(void)state;
	pcap_small_file(&f);
	f.len -= 5;
	fd = temp_file(&f, path, sizeof(path));
	assert_int_equal(capfile_open(path, &r, NULL, 0), 0);
	close(r->in.fd);
	r->in.fd = open("/", O_RDONLY); /* read(): EISDIR */
	assert_int_equal(capfile_next(r, &p), 1);
	assert_int_equal(capfile_next(r, &p), 1);
	assert_int_equal(capfile_next(r, &p), -EISDIR);
	assert_int_equal(capfile_fault(r), CAPFILE_FAULT_SYSTEM);
	assert_non_null(strstr(capfile_error(r),
			       "cannot read on: Is a directory; 2 packets read, stopped at byte 61"));
	assert_int_equal(capfile_next(r, &p), -EISDIR);
	capfile_close(r);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gzip),	   cmocka_unit_test(test_gzip_cut_and_damaged),
		cmocka_unit_test(test_large),	   cmocka_unit_test(test_file),
		cmocka_unit_test(test_pipe),	   cmocka_unit_test(test_signals),
		cmocka_unit_test(test_terminal),   cmocka_unit_test(test_live_pipe),
		cmocka_unit_test(test_read_error),
	};

	return cmocka_run_group_tests_name("capfile_input", tests, NULL, NULL);
}
