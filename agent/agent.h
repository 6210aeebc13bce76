/* SPDX-License-Identifier: Apache-2.0 */
/*
 * troth-agent: the device's end.  It makes and keeps the device's key, enrols, renews, checks the CSE's identity before it sends,
 * and gives local, unmodified oneM2M clients a loopback port.  One process, one loop, a worker for disk and key work.
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include "cse/base/log.h"
#include "cse/base/loop.h"
#include "cse/base/work.h"
#include "cse/model/addr.h"
#include "cse/model/rsc.h"

struct conf;
struct identity;
struct upstream;
struct book;
struct policy;
struct door;
struct notice;
struct control;
struct sd;

struct agent {
	struct conf *conf;        /* options of agent.def: conf_str(a->conf, AGENT_STATE), agent/conf.h */
	struct conf *first_conf;  /* of the start: texts that parts hold are slices of it */
	struct clock *clock;
	struct rnd *rnd;
	struct log *log;
	struct loop *loop;
	struct workers *workers;
	struct identity *identity; /* key, certificates, renewal: agent/identity.h */
	struct upstream *upstream; /* connections to the CSE: agent/upstream.h */
	struct policy *policy;     /* what may leave and what is taken: agent/policy.h */
	struct book *book;         /* what is kept of the local clients, durably: agent/book.h */
	struct door *door;         /* the loopback port and the UNIX socket: agent/door.h */
	struct notice *notice;     /* the HTTPS port where the CSE's notifications come in: agent/notice.h */
	struct control *control;  /* for `status` and `renew`: agent/control.h */
	struct sd *sd;            /* the service manager; borrowed, may be NULL */
};

/* Everything that every command needs (clock, randomness, log, loop, worker); takes the reference of conf. */
int agent_new(struct conf *conf, struct agent **out, struct why *why);
/* What --check-config looks at beyond the values' own ranges; nothing is opened.  E_CONF with a sentence. */
int agent_check(struct agent *a, struct why *why);
/* The parts that `run` needs, in the order of agent.c's table; on failure those that are open stay until agent_free. */
int agent_open(struct agent *a, struct why *why);
/* Checks the whole set and takes it over, or nothing of it with a sentence (E_CONF): it is bad, or changes what cannot change while the
 * agent runs.  No client and no request notices. */
int agent_reload(struct agent *a, struct conf *fresh, struct why *why);
/* Until a signal ends it. */
void agent_run(struct agent *a);
void agent_free(struct agent *a);

#endif
