/* SPDX-License-Identifier: Apache-2.0 */
/* A whole CSE for one flow, made of the real rooms; shared by the ways. */
#ifndef FLOWS_WORLD_H
#define FLOWS_WORLD_H

#include <pthread.h>

#include "bindings/binding.h"
#include "cse/base/clock.h"
#include "cse/base/conf.h"
#include "cse/base/loop.h"
#include "cse/base/rand.h"
#include "cse/base/stat.h"
#include "cse/base/work.h"
#include "cse/core/gate.h"
#include "security/seal.h"
#include "security/tls.h"
#include "tests/flows/way.h"

enum { WORLD_ACTORS = 48, WORLD_SINKS = 32 };

struct world {
	bool durable, threaded, verbose;
	char dir[64];              /* durable: state folder */
	struct conf *conf;
	struct clock *clock;
	struct rnd *rnd;
	struct stats stats, *lanes[2];
	struct addr_self self;

	/* Made anew by a restart. */
	struct workers *workers;
	struct loop *loop;
	struct keystore *keystore;
	struct seal *seal;
	struct security *security;
	struct store *store;
	struct ca *ca;
	struct tls *tls;
	struct gate *gate;
	struct binding *https;
	void *carrier;             /* of what is sent, when https */
	pthread_t thread;          /* runs the loop, when threaded */
	bool running;

	struct actor *actors[WORLD_ACTORS]; /* enrolled ones */
	size_t n_actors;
	struct sink *sinks[WORLD_SINKS];    /* open ones */
	size_t n_sinks;
	bool (*is_quiet)(struct world *w);  /* nothing is on its way that takes real time; NULL: always */
};

/* kind of way: a store on disk, an HTTPS server.  0, or -1 and a sentence; then nothing is left. */
int world_open(const struct way_setup *s, bool durable, bool https, struct world **out, struct fail *f);
void world_close(struct world *w);
/* Everything is closed and opened again on the same folder.  The ways have let go of peers and connections before. */
int world_reopen(struct world *w, struct fail *f);
/* Lets happen what needs no time: loops turn, the writer writes. */
void world_settle(struct world *w);
/* Settles until the world is quiet: before time passes, as what takes real time would seem to last long. */
void world_calm(struct world *w);
/* Attempts to reach a target that have not ended. */
unsigned world_sending(const struct world *w);
/* Makes the actor's credential known (fingerprint: of its key).  0, or -1. */
int world_issue(struct world *w, struct actor *a, struct str fingerprint, struct fail *f);
/* Names of an actor as slices, in the arena. */
struct strs world_names(struct arena *a, const struct actor *actor);
enum cred_kind world_kind(const struct actor *actor);
/* The address that an actor comes from. */
struct ipaddr world_address(const struct actor *actor);

#endif
