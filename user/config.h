/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config.h - how `espial run` is set up: defaults, then the configuration file, then the command line
 *
 * Every setting is one row of a table (config.c) with its name, which is that of the option and of the key in section [run]
 * of the file. Nothing prints: errors are one line in the caller's buffer, object, cause and remedy.
 */
#ifndef ESPIAL_CONFIG_H
#define ESPIAL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/bpf_live.h"

#define CONFIG_INTERFACES 64
#define CONFIG_WORD 108 /* as long as the path of a Unix socket, terminated */
#define CONFIG_ERROR 512
#define CONFIG_COMMAND 160 /* as long as a line of the file may be */
#define CONFIG_VICI 8	   /* IKE daemons */
#define CONFIG_LOGS 8	   /* files, and as many units of the journal */
#define CONFIG_NETNS 8	   /* network namespaces */

struct config {
	char interface[CONFIG_INTERFACES][STATE_NAME];
	size_t interface_count;
	char inner[CONFIG_INTERFACES][STATE_NAME]; /* inner interfaces; none: they are not watched */
	size_t inner_count;
	enum live_xdp_mode xdp_mode;
	char socket[CONFIG_WORD];
	char listen[CONFIG_WORD]; /* "": no TCP. Else ADDRESS:PORT, [ADDRESS]:PORT or PORT */
	uint64_t sa_capacity, newcomer_sets, fragment_sets, ring_bytes,
		events_per_second; /* 0: the source's default */
	uint64_t ike_port[2], natt_port[2];
	size_t ike_port_count, natt_port_count;
	char vici[CONFIG_VICI]
		 [CONFIG_WORD]; /* sockets of charon; none given: the usual one; "none": not to be asked */
	size_t vici_count;
	char journal[CONFIG_WORD];	       /* path, or "none" */
	uint64_t journal_max_age;	       /* nanoseconds; 0: the journal's default, as is the next */
	uint64_t journal_max_size;	       /* bytes */
	char netns[CONFIG_NETNS][CONFIG_WORD]; /* other network namespaces whose SAs are read: name or path */
	size_t netns_count;
	bool xfrm;		 /* read the kernel's SAs and policies */
	bool firewall;		 /* read the NAT rules */
	uint64_t probe_interval; /* nanoseconds; 0: no probes by time */
	bool probe_on_finding;	 /* probes when a finding asks for one */
	enum live_keep keep;
	char bpffs[CONFIG_WORD];
	char hook_command[CONFIG_COMMAND];	 /* run when a finding is raised or cleared; "": none */
	char hook_url[CONFIG_COMMAND];		 /* … and told to this http(s) address */
	char log_file[CONFIG_LOGS][CONFIG_WORD]; /* paths, or "none" */
	size_t log_file_count;
	char log_journal[CONFIG_LOGS]
			[CONFIG_WORD]; /* units, "ike" (the daemons, whatever they run as) or "none" */
	size_t log_journal_count;
};

/* An argument "?NAME" may be left out on the command line, and is "yes" then. */
struct config_key {
	const char *name, *argument, *help;
	char letter; /* short option, or 0 */
	bool many;   /* may be given several times: adds */
	bool reload; /* a change applies on SIGHUP; others need a restart */
};

/* The table, and its length. */
const struct config_key *config_keys(size_t *ret_count);

/* Settings of the command line, kept as text so that they can be laid over the file again on SIGHUP. */
struct config_given {
	size_t key; /* index into the table */
	const char *value;
};

struct config_list {
	struct config_given given[CONFIG_INTERFACES + 32];
	size_t count;
};

/* -ENOSPC: more than anyone means. The value is not copied. */
int config_give(struct config_list *list, size_t key, const char *value);

/*
 * *ret = defaults, the file (NULL: none), the list (NULL: none). 0, or -EINVAL (a key or value), -errno of the file, with a
 * line in `error`.
 */
int config_build(const char *file, const struct config_list *list, struct config *ret, char *error,
		 size_t error_size);

/* "ADDRESS", "PORT" out of a `listen` value; loopback when it is only a port. -EINVAL with a line in `error`. */
int config_listen(const char *value, char ret_address[64], uint16_t *ret_port, char *error,
		  size_t error_size);

/*
 * The live source's options; `names` holds pointers into the config, which must outlive them.
 */
void config_live_options(const struct config *config, const char *names[CONFIG_INTERFACES],
			 struct live_options *ret);

/* Is this setting the same in both? */
bool config_same(const struct config *a, const struct config *b, size_t key);
/* Copies one setting. */
void config_copy(struct config *to, const struct config *from, size_t key);

#endif
