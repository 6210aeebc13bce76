/* SPDX-License-Identifier: Apache-2.0 */
/* One table for all loops.  A pending request is in it by a link of its own: nothing is allocated but for answers that were lost. */
#include "cse/core/replay.h"

#include <pthread.h>
#include <stdlib.h>

#include "cse/base/clock.h"
#include "cse/base/loop.h"
#include "cse/base/rand.h"
#include "security/lockout.h"

enum {
	BUCKETS = 4096, STRIPES = 64,
	KEPT_MOST = 1024, KEPT_BYTES = 4 << 20, KEPT_ONE = 64 << 10, /* answers that were lost; a larger one loses its content */
	LINE = 64,
};
#define LIFE_MOST_NS (INT64_C(600) * 1000000000)

__extension__ typedef unsigned __int128 wide;

/* An answer that nobody has got. */
struct kept {
	struct pend pend; /* first; pend.kept */
	struct kept *next; /* the younger one */
	int64_t until_ns;
	struct arena mem; /* of resp */
	struct resp resp;
};

struct stripe {
	pthread_mutex_t lock;
	char apart[LINE - sizeof(pthread_mutex_t) % LINE];
};

struct replays {
	uint64_t key[2], seed;
	struct stripe stripes[STRIPES];  /* guard the buckets of the same last bits */
	struct pend *buckets[BUCKETS];
	pthread_mutex_t lock;            /* guards the list below; a stripe is taken inside */
	struct kept *first, **last;      /* oldest first */
	unsigned n;
	size_t bytes;
};

struct replays *replays_new(struct rnd *rnd)
{
	struct replays *rs = calloc(1, sizeof(*rs));

	REQUIRE(rs && pthread_mutex_init(&rs->lock, NULL) == 0);
	rnd_bytes(rnd, rs->key, sizeof(rs->key));
	rs->seed = rnd_u64(rnd);
	rs->last = &rs->first;
	for (unsigned i = 0; i < STRIPES; i++)
		REQUIRE(pthread_mutex_init(&rs->stripes[i].lock, NULL) == 0);
	return rs;
}

/* --- the table ----------------------------------------------------------------------------------------------------- */

static pthread_mutex_t *lock_of(struct replays *rs, uint64_t key)
{
	return &rs->stripes[key % STRIPES].lock;
}

static void put(struct replays *rs, struct pend *p)
{
	struct pend **at = &rs->buckets[p->key % BUCKETS];

	p->next = *at;
	p->in = true;
	*at = p;
}

static void take(struct replays *rs, struct pend *p)
{
	struct pend **at = &rs->buckets[p->key % BUCKETS];

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	p->in = false;
}

static struct pend *find(const struct replays *rs, uint64_t key, int64_t now_ns)
{
	for (struct pend *p = rs->buckets[key % BUCKETS]; p; p = p->next)
		if (p->key == key && (!p->kept || CONTAINER_OF(p, struct kept, pend)->until_ns > now_ns))
			return p;
	return NULL;
}

static void kept_free(struct kept *k)
{
	arena_fini(&k->mem);
	free(k);
}

/* Under the list's lock. */
static void drop_first(struct replays *rs)
{
	struct kept *k = rs->first;
	pthread_mutex_t *lock = lock_of(rs, k->pend.key);

	pthread_mutex_lock(lock);
	take(rs, &k->pend);
	pthread_mutex_unlock(lock);
	rs->first = k->next;
	if (!rs->first)
		rs->last = &rs->first;
	rs->n--;
	rs->bytes -= k->mem.used;
	kept_free(k);
}

void replays_free(struct replays *rs)
{
	if (!rs)
		return;
	while (rs->first)
		drop_first(rs);
	for (unsigned i = 0; i < STRIPES; i++)
		pthread_mutex_destroy(&rs->stripes[i].lock);
	pthread_mutex_destroy(&rs->lock);
	free(rs);
}

/* Lives differ: one that ends early waits for those before it, ten minutes at most. */
void replays_tick(struct gate *g)
{
	struct replays *rs = g->replays;
	int64_t now_ns = clock_mono_ns(g->o.clock);

	pthread_mutex_lock(&rs->lock);
	while (rs->first && rs->first->until_ns <= now_ns)
		drop_first(rs);
	pthread_mutex_unlock(&rs->lock);
}

/* --- what a request is --------------------------------------------------------------------------------------------- */

/* Keyed and quick, 16 bytes a multiplication.  Who finds two contents of one sum has only spared himself the strike. */
static uint64_t fold(uint64_t sum, struct str s)
{
	uint64_t w[2];
	size_t i = 0;

	for (;; i += sizeof(w)) {
		size_t n = s.n - i < sizeof(w) ? s.n - i : sizeof(w);

		w[0] = w[1] = n;
		if (n)
			memcpy(w, s.p + i, n);
		wide m = (wide)(w[0] ^ sum) * (w[1] ^ UINT64_C(0xa0761d6478bd642f));
		sum = (uint64_t)m ^ (uint64_t)(m >> 64) ^ UINT64_C(0xe7037ed1a0b428db);
		if (n < sizeof(w))
			return sum;
	}
}

static uint64_t key_of(const struct replays *rs, const struct request *r)
{
	uint64_t who[2] = { rs->key[0] ^ peer_credential_key(r->peer), rs->key[1] };

	who[1] ^= str_hash(r->origin.from, who);
	return str_hash(r->prim.rqi, who);
}

static uint64_t digest_of(const struct replays *rs, const struct request *r)
{
	const struct prim *p = &r->prim;
	uint64_t sum = fold(rs->seed ^ ((uint64_t)p->op << 56 | (uint64_t)r->rcn << 48 | (p->ty & UINT32_MAX)), p->to);

	return fold(sum, p->raw);
}

/* --- the step ------------------------------------------------------------------------------------------------------ */

static struct str copy(struct arena *a, struct str s)
{
	return s.n ? arena_str(a, s) : STR_NONE;
}

static void copy_resp(struct arena *a, struct resp *to, const struct resp *from)
{
	*to = *from;
	to->rvi = STR_NONE;
	to->rqi = STR_NONE;
	to->vsi = copy(a, from->vsi);
	to->fr = copy(a, from->fr);
	to->to = copy(a, from->to);
	to->created = copy(a, from->created);
	to->ot = copy(a, from->ot);
	to->rset = copy(a, from->rset);
	if (from->has_pc)
		to->pc = val_copy(a, &from->pc);
}

enum seen { NEW, PENDING, ANSWERED, REPLAYED };

static enum seen look(struct replays *rs, struct request *r)
{
	struct pend *p = &r->pend, *was;
	pthread_mutex_t *lock;
	enum seen seen = NEW;

	p->key = key_of(rs, r);
	p->digest = digest_of(rs, r);
	lock = lock_of(rs, p->key);
	pthread_mutex_lock(lock);
	was = find(rs, p->key, r->begin_ns);
	if (!was) {
		put(rs, p);
	} else if (was->digest != p->digest) {
		seen = REPLAYED;
	} else if (was->kept) {
		copy_resp(&r->arena, &r->resp, &CONTAINER_OF(was, struct kept, pend)->resp);
		seen = ANSWERED;
	} else {
		seen = PENDING;
	}
	pthread_mutex_unlock(lock);
	return seen;
}

enum step_result replay_check(struct request *r)
{
	if (r->pend.in || r->prim.op == OP_RETRIEVE || r->up || r->origin.self)
		return STEP_NEXT;
	switch (look(r->gate->replays, r)) {
	case NEW:
		return STEP_NEXT;
	case ANSWERED:
		return STEP_DONE;
	case PENDING:
		prim_fail(&r->prim, RSC_CONFLICT, "this very request (rqi) is being carried out; ask again when it is over");
		return STEP_ANSWER;
	case REPLAYED:
		lockout_strike(r->gate->o.security, r->peer, STRIKE_REPLAY, r->prim.fr);
		prim_fail(&r->prim, RSC_CONFLICT, "another request of this requestIdentifier (rqi) is pending; each needs its own (TS-0001 7.1.7)");
		return STEP_ANSWER;
	}
	UNREACHABLE();
}

/* --- the end ------------------------------------------------------------------------------------------------------- */

static struct kept *keep(const struct request *r)
{
	struct kept *k = calloc(1, sizeof(*k));

	REQUIRE(k);
	arena_init(&k->mem, 512);
	copy_resp(&k->mem, &k->resp, &r->resp);
	if (k->mem.used > KEPT_ONE) {
		k->resp = (struct resp){ .rsc = r->resp.rsc };
		arena_reset(&k->mem);
	}
	k->pend = (struct pend){ .key = r->pend.key, .digest = r->pend.digest, .kept = true };
	k->until_ns = r->deadline_ns < r->begin_ns + LIFE_MOST_NS ? r->deadline_ns : r->begin_ns + LIFE_MOST_NS;
	return k;
}

static void remember(struct replays *rs, struct kept *k)
{
	pthread_mutex_lock(&rs->lock);
	while (rs->n && (rs->n == KEPT_MOST || rs->bytes + k->mem.used > KEPT_BYTES))
		drop_first(rs);
	rs->bytes += k->mem.used;
	*rs->last = k;
	rs->last = &k->next;
	rs->n++;
	pthread_mutex_unlock(&rs->lock);
}

void replay_lost(struct request *r)
{
	if (r->pend.in && !r->kept && rsc_is_ok(r->resp.rsc))
		r->kept = keep(r);
}

void replay_end(struct request *r, bool lost)
{
	struct replays *rs = r->gate->replays;
	struct kept *k = r->kept;
	pthread_mutex_t *lock;

	r->kept = NULL;
	if (k && (!lost || !rsc_is_ok(r->resp.rsc))) {
		kept_free(k);
		k = NULL;
	}
	if (!r->pend.in)
		return;
	lock = lock_of(rs, r->pend.key);
	pthread_mutex_lock(lock);
	take(rs, &r->pend);
	if (k)
		put(rs, &k->pend);
	pthread_mutex_unlock(lock);
	if (k)
		remember(rs, k);
}
