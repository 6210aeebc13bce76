/* SPDX-License-Identifier: Apache-2.0 */
/* One group at a time: its members in slices, then, if its content is still the same, what follows in one transaction. */
#include "cse/core/regroup.h"

#include <stdlib.h>

#include "cse/base/conf.h"
#include "cse/core/event.h"
#include "cse/core/members.h"

enum { LOOKED_AT = 64, ARENA = 4096 };
#define PERIOD_NS INT64_C(60000000000)

#define REGROUP_MAGIC 0x72656772u
struct regroup {
	uint32_t magic;
	struct gate *gate;
	struct loop *loop;
	struct loop_timer timer;
	struct loop_task task;
	struct commit commit;
	bool busy;              /* the commit is under way */
	struct events events;
	uint32_t after;         /* groups up to this rid have been looked at */
	struct request *r;      /* what members are judged in; NULL: no group is */
	uint32_t rid;           /* the group that is judged */
	struct res *res;        /* its content, counted */
	struct arena arena;
};

static void turn(struct loop *l, struct loop_task *t);
static void wake(struct loop *l, struct loop_timer *t);

static void rest(struct regroup *w)
{
	w->after = 0;
	loop_timer_set(w->loop, &w->timer, loop_now_ns(w->loop) + PERIOD_NS, wake);
}

static void wake(struct loop *l, struct loop_timer *t)
{
	struct regroup *w = CONTAINER_OF(t, struct regroup, timer);

	CHECK(w, REGROUP);
	loop_defer(l, &w->task, turn);
}

static void leave_group(struct regroup *w)
{
	if (w->r)
		gate_discard(w->r);
	res_unref(w->res);
	w->r = NULL;
	w->res = NULL;
}

/* --- what follows -------------------------------------------------------------------------------------------------- */

static void committed(struct commit *c, int err)
{
	struct regroup *w = CONTAINER_OF(c, struct regroup, commit);

	(void)err; /* then it is judged again in the next round */
	CHECK(w, REGROUP);
	w->busy = false;
	loop_defer(w->loop, &w->task, turn);
}

static void need_grant(struct regroup *w, struct tx *tx, const struct node *n, enum op op)
{
	struct prim *p = request_prim(w->r);
	struct ask q = { .prim = p, .origin = &w->gate->self, .acop = op == OP_DELETE ? ACOP_D : ACOP_U, .node = n, .internal = true };

	REQUIRE(grant_covers(authz_decide(w->gate->o.security, tx, &q), tx, n, q.acop));
}

/* The hook of the type says what the group becomes; a refusal is the end of the group (ABANDON_GROUP). */
static void settle(struct regroup *w, struct tx *tx, const struct node *n)
{
	struct gate *g = w->gate;
	struct arena *a = &w->r->arena;
	struct why why = { .rsc = RSC_NONE };
	struct counters counters;
	struct change c = { .tx = tx, .arena = a, .prim = &w->r->prim, .origin = &g->self, .conf = gate_settings(g)->conf,
		            .security = g->o.security, .self = &g->o.self, .known = &g->known, .node = n, .parent = n->parent,
		            .old = w->res, .res = res_edit(a, w->res), .now = tx_now(tx), .members = members_of(w->r), .why = &why };

	if (gate_type(g, TY_GRP)->b->update(&c) != RSC_NONE) {
		need_grant(w, tx, n, OP_DELETE);
		event_note_removal(&w->events, g, tx, n);
		store_remove(tx, n);
		if (n->parent->type->sets & SET_ST)
			store_touch(tx, n->parent);
		return;
	}
	need_grant(w, tx, n, OP_UPDATE);
	node_counters(tx, n, &counters);
	store_update(tx, n, c.res, false);
	event_note_update(&w->events, g, tx, n, w->res, &counters);
}

static void conclude(struct regroup *w)
{
	const struct members *m = members_of(w->r);
	struct store *s = w->gate->o.store;
	const struct node *n;
	struct tx *tx;

	if (m->n_other == 0 && m->n_unreachable)
		return; /* as before */
	tx = store_begin(s, &w->r->arena, TX_WRITE);
	n = store_by_rid(tx, w->rid);
	/* Whoever changed it meanwhile has had its members judged. */
	if (!n || node_res(tx, n) != w->res) {
		store_end(tx);
		return;
	}
	settle(w, tx, n);
	w->commit = (struct commit){ .magic = COMMIT_MAGIC, .loop = w->loop, .done = committed };
	w->busy = store_commit(tx, &w->commit) != 0;
	event_tell_commit(&w->events, w->gate, &w->r->arena, &w->commit);
	if (w->busy)
		store_ready(s, &w->commit);
}

/* --- looking ------------------------------------------------------------------------------------------------------- */

static bool is_doubtful(const struct regroup *w, const struct res *res)
{
	const struct val *mtv = res_get(res, w->gate->known.at[AT_GRP_MTV]);

	return mtv && mtv->kind == K_BOOL && !mtv->b;
}

static void begin(struct regroup *w, uint32_t rid, const struct res *res)
{
	struct prim *p;

	w->rid = rid;
	w->res = res_ref(res);
	w->r = gate_open(w->gate, w->loop);
	p = request_prim(w->r);
	p->op = OP_CREATE;
	p->pc.kind = PC_RES;
	p->pc.res = w->res;
}

/* What is looked up is kept in fresh pages: not while others wait for the tree. */
static void prepare(struct regroup *w)
{
	const struct val *owner = res_get(w->res, &attr_owner);

	members_begin(w->r, owner ? owner->s : STR_NONE);
}

/* The next group that could not be judged.  False: there is none in this slice. */
static bool find(struct regroup *w, bool *more)
{
	struct store_ref ref[LOOKED_AT];
	struct tx *tx;
	size_t n;

	arena_reset(&w->arena);
	tx = store_begin(w->gate->o.store, &w->arena, TX_READ);
	n = store_typed(tx, TY_GRP, w->after, ref, LOOKED_AT);
	*more = n == LOOKED_AT;
	for (size_t i = 0; i < n && !w->r; i++) {
		const struct node *node = store_by_rid(tx, ref[i].rid);

		w->after = ref[i].rid;
		if (node && is_doubtful(w, node_res(tx, node)))
			begin(w, node->rid, node_res(tx, node));
	}
	store_end(tx);
	return w->r != NULL;
}

static void turn(struct loop *l, struct loop_task *t)
{
	struct regroup *w = CONTAINER_OF(t, struct regroup, task);
	bool more = true, done;

	CHECK(w, REGROUP);
	if (w->gate->ending)
		return;
	if (!w->r && !find(w, &more)) {
		if (more)
			loop_defer(l, t, turn);
		else
			rest(w);
		return;
	}
	if (!w->r->members)
		prepare(w);
	w->r->tx = store_begin(w->gate->o.store, &w->r->arena, TX_READ);
	done = members_some(w->r);
	request_end(w->r);
	if (done) {
		if (w->r->prim.why.rsc == RSC_NONE)
			conclude(w);
		leave_group(w);
	}
	if (!w->busy)
		loop_defer(l, t, turn);
}

/* --- life ---------------------------------------------------------------------------------------------------------- */

struct regroup *regroup_new(struct gate *g)
{
	struct regroup *w = calloc(1, sizeof(*w));

	REQUIRE(w);
	w->magic = REGROUP_MAGIC;
	w->gate = g;
	w->loop = g->o.loops[0];
	arena_init(&w->arena, ARENA);
	rest(w);
	return w;
}

void regroup_free(struct regroup *w)
{
	if (!w)
		return;
	CHECK(w, REGROUP);
	loop_timer_cancel(w->loop, &w->timer);
	loop_defer_cancel(w->loop, &w->task);
	leave_group(w);
	event_drop(&w->events);
	arena_fini(&w->arena);
	w->magic = 0;
	free(w);
}
