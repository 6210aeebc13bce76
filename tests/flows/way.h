/* SPDX-License-Identifier: Apache-2.0 */
/* A way of playing flows: a fresh CSE behind one binding and store.  A flow knows nothing of it. */
#ifndef FLOWS_WAY_H
#define FLOWS_WAY_H

#include "tests/flows/relaxed.h"

enum actor_kind { ACTOR_DEVICE, ACTOR_GATEWAY, ACTOR_ADMIN, ACTOR_CSE, ACTOR_STRANGER };
enum actor_state { ACTOR_ACTIVE, ACTOR_SUSPENDED, ACTOR_REVOKED, ACTOR_RELEASED /* from a lock */ };

struct actor {
	char name[32];
	enum actor_kind kind;
	char *names;            /* what the credential names, separated by commas */
	char *from;             /* From of its requests; NULL: none */
	unsigned zone, max_ae;
	bool random_stems, has_location;
	double lat, lon;
	char country[8];
	char address[48];       /* its own IP address; empty: 127.0.0.1 */
	char credential[64];    /* id of the credential, set by enroll */
	void *line;             /* of the way: connection, peer */
};

/* What came back. */
struct answer {
	json_t *prim;           /* response primitive (TS-0004 8.2.2 names), NULL when the door was closed */
	char complaint[600];    /* what the mapping of the answer to the protocol violates, or empty */
};

/* A notification target. */
enum sink_mood { SINK_ANSWERS, SINK_HANGS, SINK_CLOSES, SINK_GARBAGE, SINK_REFUSES };
struct sink {
	char name[32];
	struct actor *owner;    /* whose credential it shows */
	char url[120];          /* https://127.0.0.1:port/NAME */
	enum sink_mood mood;
	long rsc;               /* SINK_ANSWERS: with what */
	void *line;             /* of the way; NULL: not open */
};

struct world; /* one CSE */
struct way_setup {
	const char *const *conf; /* "section.name=value" */
	size_t n_conf;
	int64_t wall_us;
	bool verbose;
};

struct way {
	const char *name;
	bool durable;  /* survives a restart */
	int (*open)(const struct way_setup *s, struct world **out, struct fail *f);
	void (*close)(struct world *w);
	/* Issues the actor's credential and makes its line. */
	int (*enroll)(struct world *w, struct actor *a, struct fail *f);
	/* The actor hangs up; before close. */
	void (*leave)(struct world *w, struct actor *a);
	/* Sends; the answer is taken later.  One request of an actor at a time. */
	int (*post)(struct world *w, struct actor *a, const json_t *request, struct fail *f);
	/* Has the answer come?  Lets everything happen that needs no time first. */
	bool (*arrived)(struct world *w, struct actor *a);
	/* Waits for it; -1 when none comes at all. */
	int (*take)(struct world *w, struct actor *a, struct answer *out, struct fail *f);
	int (*restart)(struct world *w, struct fail *f);
	/* Makes the target, which sets url, and ends it (before close). */
	int (*sink_open)(struct world *w, struct sink *s, struct fail *f);
	void (*sink_close)(struct world *w, struct sink *s);
	/* Its mood has changed. */
	int (*sink_set)(struct world *w, struct sink *s, struct fail *f);
	/* The next notification in order: a request primitive (new reference).  NULL: none has come, and when it is not
	 * `wanted`, none is on its way.  A sentence in f when what came is none. */
	json_t *(*sink_next)(struct world *w, struct sink *s, bool wanted, struct fail *f);
};
extern const struct way way_memory, way_sqlite, way_https;

/* What all worlds can do (world.c). */
int64_t world_now(const struct world *w);
void world_advance(struct world *w, int64_t us);
void world_jump(struct world *w, int64_t us);
void world_accept_clock(struct world *w);
int world_set_state(struct world *w, struct actor *a, enum actor_state state, struct fail *f);
int world_set_conduit(struct world *w, unsigned from, unsigned to, bool open, struct fail *f);
/* How many security events of that name have been recorded; -1 when the name is unknown or the chain is broken. */
long world_events(struct world *w, const char *name, struct fail *f);

#endif
