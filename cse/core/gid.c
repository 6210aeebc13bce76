/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers are kept as keyed hashes in a ring; a table of chains finds them. */
#include "cse/core/gid.h"

#include <pthread.h>
#include <stdlib.h>

#include "cse/base/rand.h"

enum { CAPACITY = 32768, MAX_GID = 256 };
/* Longer than any request may take (cse.request_deadline). */
#define KEEP_NS (INT64_C(900) * 1000000000)

struct entry {
	uint64_t hash[2];
	int64_t until_ns;
	uint32_t next; /* in the chain, index + 1 */
	bool used;
};

struct gids {
	pthread_mutex_t lock;
	uint64_t key[2][2];
	struct entry *ring;   /* made when the first identifier comes */
	uint32_t *chains;
	uint32_t at;
};

struct gids *gids_new(struct rnd *rnd)
{
	struct gids *g = calloc(1, sizeof(*g));

	REQUIRE(g && pthread_mutex_init(&g->lock, NULL) == 0);
	rnd_bytes(rnd, g->key, sizeof(g->key));
	return g;
}

void gids_free(struct gids *g)
{
	if (!g)
		return;
	pthread_mutex_destroy(&g->lock);
	free(g->ring);
	free(g->chains);
	free(g);
}

static void forget(struct gids *g, uint32_t i)
{
	uint32_t *p = &g->chains[g->ring[i].hash[0] % CAPACITY];

	while (*p && *p != i + 1)
		p = &g->ring[*p - 1].next;
	if (*p)
		*p = g->ring[i].next;
	g->ring[i].used = false;
}

static bool is_known(const struct gids *g, const uint64_t hash[2], int64_t now_ns)
{
	for (uint32_t i = g->chains[hash[0] % CAPACITY]; i; i = g->ring[i - 1].next) {
		const struct entry *e = &g->ring[i - 1];

		if (e->hash[0] == hash[0] && e->hash[1] == hash[1] && e->until_ns > now_ns)
			return true;
	}
	return false;
}

/* False: it was there. */
static bool note(struct gids *g, const uint64_t hash[2], int64_t now_ns)
{
	uint32_t *chain;
	bool known;

	pthread_mutex_lock(&g->lock);
	if (!g->ring) {
		g->ring = calloc(CAPACITY, sizeof(*g->ring));
		g->chains = calloc(CAPACITY, sizeof(*g->chains));
		REQUIRE(g->ring && g->chains);
	}
	known = is_known(g, hash, now_ns);
	if (!known) {
		if (g->ring[g->at].used)
			forget(g, g->at);
		chain = &g->chains[hash[0] % CAPACITY];
		g->ring[g->at] = (struct entry){ { hash[0], hash[1] }, now_ns + KEEP_NS, *chain, true };
		*chain = g->at + 1;
		g->at = (g->at + 1) % CAPACITY;
	}
	pthread_mutex_unlock(&g->lock);
	return !known;
}

/* Who, which, and what for: the target as it was found, whatever the form of its address. */
static bool note_target(struct request *r, struct str gid)
{
	const struct target *t = &r->target;
	uint64_t where[3] = { t->node->rid, t->virt, t->is_inst ? t->inst.id : 0 }, hash[2];
	size_t n = sizeof(where) + gid.n + r->origin.from.n + 2, at = 0;
	char *text;

	for (size_t i = 0; i < t->n_rest; i++)
		n += t->rest[i].n + 1;
	text = arena_alloc(&r->arena, n);
	memcpy(text, where, sizeof(where));
	at = sizeof(where);
	memcpy(text + at, gid.p, gid.n);
	at += gid.n;
	text[at++] = '\0';
	memcpy(text + at, r->origin.from.p, r->origin.from.n);
	at += r->origin.from.n;
	text[at++] = '\0';
	for (size_t i = 0; i < t->n_rest; i++) {
		memcpy(text + at, t->rest[i].p, t->rest[i].n);
		at += t->rest[i].n;
		text[at++] = '/';
	}
	for (int i = 0; i < 2; i++)
		hash[i] = str_hash(str_make(text, at), r->gate->gids->key[i]);
	return note(r->gate->gids, hash, loop_now_ns(r->loop));
}

enum step_result gid_check(struct request *r)
{
	struct prim *p = &r->prim;

	if (!prim_has(p, P_GID) || r->gid_noted)
		return STEP_NEXT;
	if (p->gid.n == 0 || p->gid.n > MAX_GID) {
		prim_fail(p, RSC_BAD_REQUEST, "groupRequestIdentifier (gid) must be a text of 1 to %d bytes", MAX_GID);
		return STEP_ANSWER;
	}
	if (!note_target(r, p->gid)) {
		prim_fail(p, RSC_GROUP_REQUEST_IDENTIFIER_EXISTS, "this group request has come to this resource already");
		return STEP_ANSWER;
	}
	r->gid_noted = true; /* it comes back to resolve when it had to wait */
	return STEP_NEXT;
}

struct str gid_make(struct request *r)
{
	struct rnd *rnd = r->gate->o.rnd;
	struct str gid = arena_printf(&r->arena, "%016llx%016llx", (unsigned long long)rnd_u64(rnd), (unsigned long long)rnd_u64(rnd));

	note_target(r, gid);
	return gid;
}
