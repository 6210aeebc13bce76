/* SPDX-License-Identifier: Apache-2.0 */
/* struct cse holds all other objects of a running trothd; there is no writable object at file scope. */
#ifndef CSE_CSE_H
#define CSE_CSE_H

#include "bindings/aside.h"
#include "cse/base/conf.h"
#include "cse/core/gate.h"

struct sd;
struct watchdog;
struct keystore;
struct seal;
struct ca;
struct tls;
struct rotate;
struct binding;
struct admin;
struct enrol;

struct cse {
	struct conf *conf;        /* in use */
	struct conf *first_conf;  /* of the start: names of this CSE lie in it */
	const char *conf_path;
	char *const *envp;
	const char *const *sets;  /* of the command line; they win over file and environment at a reload too */
	size_t n_sets;
	char *set_since[CONF_COUNT]; /* "section.name=value" that the administrator set since the start, or NULL; win over all */
	const struct sd *sd;      /* the service manager, or NULL; set between cse_open and cse_run */
	struct watchdog *watchdog;
	struct clock *clock;
	struct rnd *rnd;
	struct log *log;
	struct workers *workers;
	struct loop **loops;      /* n_loops */
	struct stats **stats;     /* one block per loop, and one for other threads at [n_loops] */
	unsigned n_loops;
	struct addr_self self;
	struct keystore *keystore;
	struct seal *seal;
	struct store *store;
	struct security *security;
	struct ca *ca;
	struct tls *tls;
	struct rotate *rotate;
	struct gate *gate;
	struct enrol *enrol;
	struct aside est_aside;   /* EST; the next in the list is */
	struct aside admin_aside; /* what the HTTPS listener hands to the admin room */
	struct binding *https;
	void *https_out; /* of what is sent */
	struct admin *admin;
	struct loop_timer tick;   /* on loop 0, every second: certificates */
	struct work trim;         /* gives free memory back to the system */
	bool trimming;
	uint64_t freed, trimmed;  /* what freed memory so far: a second ago, when it was given back last */
	int64_t trim_ns;          /* not before then */
};

/* Makes everything, in the order of the struct; a failure is a sentence in why and leaves nothing behind.
 * envp as conf_read; path, envp and sets must live as long as the cse. */
int cse_open(const char *conf_path, char *const *envp, const char *const *sets, size_t n_sets, struct cse **out,
             struct why *why);
/* Reads the configuration again: all of it is good and becomes valid, or nothing changes and why says what is wrong.  An
 * option that is not reloadable must be as it was.  On loop 0's thread.  No connection is dropped. */
int cse_reload(struct cse *c, struct why *why);
/* Options that go over all others from now until trothd ends, or no longer (NULL), taken over like a reload. */
struct cse_option {
	enum conf_id id;
	const char *assignment; /* "section.name=value" */
};
int cse_set_options(struct cse *c, const struct cse_option *v, size_t n, struct why *why);
/* Runs the loops until cse_stop (one on this thread). */
void cse_run(struct cse *c);
/* Async-signal-safe through an eventfd. */
void cse_stop(struct cse *c);
void cse_close(struct cse *c);

#endif
