/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the CSE does by itself, once a second on loop 0: resources and instances whose time has passed are removed in
 * small transactions (TS-0004 7.3.3.5), never while the wall clock is doubtful; the size of the tree is compared with
 * its bound.  An expired resource is invisible at once, whatever this lags.
 */
#include "cse/core/expire.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cse/core/event.h"
#include "cse/core/replay.h"

enum { NODES = 64, CONTAINERS = 16, INSTS = 64 };
#define PERIOD_NS INT64_C(1000000000)

#define EXPIRE_MAGIC 0x65787069u
struct expire {
	uint32_t magic;
	struct gate *gate;
	struct loop *loop;
	struct loop_timer timer;
	struct arena arena;
	struct commit commit;
	struct events events;
	struct fetch fetch;    /* the content of an instance that expires and is to be told of */
	uint64_t wanted;       /* id; 0: none */
	bool fetching;
	bool busy, more;       /* a commit is under way; there was more than it took */
	uint64_t tree_bytes;   /* bound when the configuration gives none */
};

static void run(struct expire *e);

/* --- the tree's size --------------------------------------------------------------------------------------------- */

/* 60 % of the memory that this process may use: the machine's, or its control group's when that is less. */
static uint64_t default_bound(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	uint64_t bytes = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : UINT64_MAX / 2, group;
	FILE *f = fopen("/sys/fs/cgroup/memory.max", "re");
	char line[32];

	if (f) {
		if (fgets(line, sizeof(line), f) && str_u64(str_first(str_of(line), strcspn(line, "\n")), &group) == 0 &&
		    group < bytes)
			bytes = group;
		(void)fclose(f);
	}
	return bytes / 10 * 6;
}

static void watch_size(struct expire *e)
{
	struct store_usage u;
	uint64_t bound = gate_settings(e->gate)->tree_bytes;

	store_usage(e->gate->o.store, &u);
	atomic_store_explicit(&e->gate->tree_full, u.tree_bytes > (bound ? bound : e->tree_bytes), memory_order_relaxed);
}

/* --- expiration -------------------------------------------------------------------------------------------------- */

static const struct grant *own_grant(struct expire *e, struct tx *tx, const struct node *n, bool on_instance)
{
	struct prim prim;
	struct ask q = { .prim = &prim, .origin = &e->gate->self, .acop = ACOP_D, .node = n, .on_instance = on_instance,
		             .internal = true };
	const struct grant *g;

	prim_init(&prim, &e->arena);
	prim.op = OP_DELETE;
	g = authz_decide(e->gate->o.security, tx, &q);
	REQUIRE(g && grant_covers(g, tx, n, ACOP_D));
	return g;
}

/* Is it below one that this tx has removed? */
static bool is_gone(const struct node *n, const struct node *const *removed, size_t k)
{
	for (n = n->parent; n; n = n->parent)
		for (size_t i = 0; i < k; i++)
			if (removed[i] == n)
				return true;
	return false;
}

static size_t remove_nodes(struct expire *e, struct tx *tx, int64_t now)
{
	const struct node *found[NODES], *removed[NODES];
	size_t n = store_expired(tx, now, found, NODES), k = 0;

	for (size_t i = 0; i < n; i++) {
		const struct node *parent = found[i]->parent;

		if (!parent || is_gone(found[i], removed, k))
			continue;
		own_grant(e, tx, found[i], false);
		event_note_removal(&e->events, e->gate, tx, found[i]);
		store_remove(tx, found[i]);
		if (parent->type->sets & SET_ST)
			store_touch(tx, parent);
		removed[k++] = found[i];
	}
	return n;
}

/* When an instance ends by its container's rules. */
static int64_t inst_end(const struct expire *e, struct tx *tx, const struct node *cnt, const struct inst *i)
{
	const struct typeinfo *ti = gate_type(e->gate, cnt->type->ty);
	const struct res *res = node_res(tx, cnt);
	int64_t et = res_stamp(res, &attr_et, INT64_MAX);
	int64_t age = ti->b->instance_age ? ti->b->instance_age(&e->gate->known, res) : INT64_MAX;

	return age < et - i->ct ? i->ct + age : et;
}

/* Whoever is subscribed is shown what goes: at most as many as have their content at hand; the next one is fetched. */
static size_t note_insts(struct expire *e, struct tx *tx, const struct node *cnt, int64_t now)
{
	struct inst found[INSTS];
	size_t n = store_expiring(tx, cnt, now, found, INSTS), i;

	for (i = 0; i < n; i++) {
		struct body *b = NULL;

		if (!e->fetching && e->fetch.id == found[i].id && (e->fetch.body || e->fetch.err)) {
			if (!e->fetch.body)
				continue; /* it cannot be read: it goes untold */
			b = body_ref(e->fetch.body);
		} else if (store_body(tx, cnt, found[i].id, &b) != 0) {
			e->wanted = e->wanted ? e->wanted : found[i].id;
			break;
		}
		event_note_inst(&e->events, e->gate, tx, cnt, &found[i], inst_end(e, tx, cnt, &found[i]), b);
		body_unref(b);
	}
	return i;
}

/* The container's stateTag grows by one for each instance that goes, as for any DELETE of a child. */
static size_t expire_insts(struct expire *e, struct tx *tx, const struct node *cnt, int64_t now)
{
	size_t n;

	own_grant(e, tx, cnt, true);
	n = store_expire(tx, cnt, now, cnt->subs ? note_insts(e, tx, cnt, now) : INSTS);
	for (size_t i = 0; i < n; i++)
		store_touch(tx, cnt);
	return n;
}

static void committed(struct commit *c, int err)
{
	struct expire *e = CONTAINER_OF(c, struct expire, commit);

	CHECK(e, EXPIRE);
	e->busy = false;
	if (e->more && !err && !e->gate->ending)
		run(e);
}

static void fetched(struct fetch *f)
{
	struct expire *e = CONTAINER_OF(f, struct expire, fetch);

	CHECK(e, EXPIRE);
	e->fetching = false;
	if (!e->busy && !e->gate->ending)
		run(e);
}

static void fetch(struct expire *e)
{
	uint64_t id = e->wanted;

	e->wanted = 0;
	if (!id || e->fetching)
		return;
	body_unref(e->fetch.body);
	e->fetch = (struct fetch){ .id = id };
	e->fetching = true;
	store_fetch(e->gate->o.store, &e->fetch, id, e->loop, fetched);
}

static void run(struct expire *e)
{
	struct store *s = e->gate->o.store;
	const struct node *stale[CONTAINERS];
	struct tx *tx;
	size_t nodes, containers, insts = 0;
	int64_t now;

	arena_reset(&e->arena);
	tx = store_begin(s, &e->arena, TX_WRITE);
	now = tx_wall(tx);
	nodes = remove_nodes(e, tx, now);
	containers = store_stale(tx, now, stale, CONTAINERS);
	for (size_t i = 0; i < containers; i++)
		insts += expire_insts(e, tx, stale[i], now);
	if (nodes + insts == 0) {
		store_end(tx);
		event_drop(&e->events);
		fetch(e);
		return;
	}
	e->more = nodes == NODES || containers == CONTAINERS || insts >= INSTS;
	e->commit = (struct commit){ .magic = COMMIT_MAGIC, .loop = e->loop, .done = committed };
	e->busy = store_commit(tx, &e->commit) != 0;
	if (!e->busy)
		return;
	event_tell_commit(&e->events, e->gate, &e->arena, &e->commit);
	store_ready(s, &e->commit);
	fetch(e);
}

static void tick(struct loop *l, struct loop_timer *t)
{
	struct expire *e = CONTAINER_OF(t, struct expire, timer);
	bool doubtful;

	CHECK(e, EXPIRE);
	doubtful = clockguard_tick(e->gate->o.security);
	watch_size(e);
	replays_tick(e->gate);
	if (!doubtful && !e->busy && !e->fetching)
		run(e);
	loop_timer_set(l, t, loop_now_ns(l) + PERIOD_NS, tick);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

int expire_new(struct gate *g, struct expire **out)
{
	struct expire *e = calloc(1, sizeof(*e));

	REQUIRE(e);
	e->magic = EXPIRE_MAGIC;
	e->gate = g;
	e->loop = g->o.loops[0];
	e->tree_bytes = default_bound();
	arena_init(&e->arena, 4096);
	loop_timer_set(e->loop, &e->timer, loop_now_ns(e->loop) + PERIOD_NS, tick);
	*out = e;
	return 0;
}

void expire_free(struct expire *e)
{
	if (!e)
		return;
	CHECK(e, EXPIRE);
	loop_timer_cancel(e->loop, &e->timer);
	event_drop(&e->events);
	body_unref(e->fetch.body);
	arena_fini(&e->arena);
	e->magic = 0;
	free(e);
}
