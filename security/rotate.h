/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is renewed by itself: the server's certificate, the issuing CA, the data key, the keys of tickets.  Each at half of its
 * life, on a worker, so that nobody waits; one that fails is tried again every minute, is loud at 50, 75 and 90 % of the life
 * (event, log, counter), and at its end service is refused until it succeeds (lifespan.h, security-model 2.2, 2.4, 5.2).
 */
#ifndef SECURITY_ROTATE_H
#define SECURITY_ROTATE_H

#include "cse/base/loop.h"
#include "security/lifespan.h"
#include "security/security.h"

struct ca;
struct seal;
struct stats;
struct tls;
struct workers;

enum rotation {
	ROTATE_SERVER,  /* the server's key and certificate */
	ROTATE_CA,      /* the issuing CA */
	ROTATE_DATA,    /* the key that new rows are sealed with */
	ROTATE_TICKETS, /* hourly, when there are any */
	ROTATE_ROOT,    /* is told of only: a new root is a new authority */
	ROTATIONS
};

struct rotate;
struct rotate_opts {
	struct conf *conf;
	struct clock *clock;
	struct log *log;
	struct stats *stats;
	struct security *security;
	struct ca *ca;
	struct tls *tls;
	struct seal *seal;
	struct workers *workers;
	struct loop *loop; /* whose thread calls all of this */
};
struct rotate *rotate_new(const struct rotate_opts *o);
/* After the workers have ended. */
void rotate_free(struct rotate *r);
void rotate_reload(struct rotate *r, struct conf *c);
/* Once a second. */
void rotate_tick(struct rotate *r);

/* Now: ROTATE_SERVER, ROTATE_CA or ROTATE_DATA.  at_once: what the issuing CA so far has signed is accepted no more (its key is
 * known to somebody); every device enrols again then.  done(arg, err, sentence) on the loop; E_EXISTS, without done: another
 * one is under way. */
int rotate_now(struct rotate *r, enum rotation what, bool at_once, void (*done)(void *arg, int err, const char *text), void *arg);

struct rotate_info {
	const char *name;        /* "server-certificate" */
	int64_t from_us, until_us, due_us; /* 0: there is none */
	enum lifespan_stage stage;
	uint64_t done, failed;   /* since the start */
	const char *error;       /* of the last one when it failed, else empty */
};
void rotate_look(const struct rotate *r, enum rotation what, struct rotate_info *out);

#endif
