/* SPDX-License-Identifier: Apache-2.0 */
/* A way in: how primitives travel.  One struct; no rule about resources in it. */
#ifndef BINDINGS_BINDING_H
#define BINDINGS_BINDING_H

#include "cse/core/gate.h"

struct binding; /* an opened one */
struct conf;
struct tls;
struct aside;

struct binding_opts {
	struct conf *conf;
	struct clock *clock;
	struct log *log;
	struct stats *const *stats; /* per loop */
	struct gate *gate;
	struct security *security;
	struct tls *tls;            /* contexts per loop (security/tls.h); NULL for the loopback binding */
	struct loop *const *loops;
	unsigned n_loops;
	const struct aside *asides; /* answered by others (bindings/aside.h); a list, may be NULL */
	struct addr_self self;
	struct str sp_fqdn;
};

struct binding_kind {
	const char *name; /* "https" */
	/* Listens (descriptors are bound in here, loops start them).  E_SYS or E_CONF with a sentence in why. */
	int (*open)(const struct binding_opts *o, struct binding **out, struct why *why);
	void (*reload)(struct binding *b, struct conf *c, struct tls *tls);
	/* Stops accepting, closes connections after their answers are sent or `grace_ms`. Loops have stopped or are this
	 * thread's. */
	void (*close)(struct binding *b);
};

extern const struct binding_kind binding_https;

#endif
