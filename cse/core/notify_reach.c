/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When may it be sent?  The schedule of the subscription, and those of the nodes that its targets are on.  TS-0004 7.5.1.2.2
 * step 3.0, TS-0001 9.6.9.  Read anew each time: whatever becomes of them in the tree holds at once.
 */
#include "cse/core/notify_priv.h"

#include "cse/model/schedule.h"

/* Children of a node that are looked at; rounds in search of a moment that suits all. */
enum { CHILDREN = 64, SCHEDULES = 8, ROUNDS = 64, GROUPS = 65 };

/* Schedules of which one must let pass: a node may have one for each of its networks. */
struct group {
	const struct res *sch[SCHEDULES]; /* a reference each */
	unsigned n;                       /* 0: always */
};

static void take(struct group *g, struct tx *tx, const struct node *n)
{
	if (g->n < SCHEDULES)
		g->sch[g->n++] = res_ref(node_res(tx, n));
}

/* A child by the one name that TS-0001 table 9.6.8-1 gives it. */
static void take_own(struct nsub *s, struct tx *tx, struct group *g)
{
	const struct node *n = store_by_rid(tx, s->rid);
	const struct node *child = n ? store_child(tx, n, STR("notificationSchedule")) : NULL;

	if (child && child->type->ty == TY_SCH)
		take(g, tx, child);
}

/* Of the node that the AE's nodeLink names. */
static void take_target(struct nlane *l, struct tx *tx, struct str id, struct group *g)
{
	const struct node *ae = notify_sub_find(l, tx, id, TY_AE), *node, *child[CHILDREN];
	const struct res *r = ae ? node_res(tx, ae) : NULL;
	const struct val *nl = r ? res_find(r, "nl") : NULL;
	uint32_t after = 0;
	size_t n;

	node = nl && val_is_text(nl->kind) ? notify_sub_find(l, tx, nl->s, TY_NOD) : NULL;
	n = node ? store_children(tx, node, &after, child, CHILDREN) : 0;
	for (size_t i = 0; i < n; i++)
		if (child[i]->type->ty == TY_SCH)
			take(g, tx, child[i]);
}

static int64_t next_of(struct arena *a, const struct group *g, int64_t us)
{
	int64_t best = INT64_MAX;

	if (g->n == 0)
		return us;
	for (unsigned i = 0; i < g->n && best > us; i++) {
		int64_t t = schedule_next(a, res_find(g->sch[i], "se"), us);

		if (t < best)
			best = t;
	}
	return best;
}

/* The first moment that all groups hold; after too many rounds one that is not too late. */
static int64_t common(struct arena *a, const struct group *g, size_t n, int64_t us)
{
	bool again = true;

	for (int round = 0; again && round < ROUNDS && us != INT64_MAX; round++) {
		again = false;
		for (size_t i = 0; i < n; i++) {
			int64_t t = next_of(a, &g[i], us);

			again |= t > us;
			us = t > us ? t : us;
		}
	}
	return us;
}

void notify_reach_look(struct nsub *s, int64_t now, struct reach *out)
{
	struct nlane *l = s->lane;
	size_t n = s->p.n_targets < GROUPS - 1 ? s->p.n_targets : GROUPS - 1;
	struct group *g;
	struct tx *tx;

	arena_reset(&l->arena);
	g = arena_array(&l->arena, n + 1, sizeof(*g));
	tx = store_begin(l->n->gate->o.store, &l->arena, TX_READ);
	if (s->p.ec != EC_IMMEDIATE)
		take_own(s, tx, &g[0]);
	for (size_t i = 0; i < n; i++)
		take_target(l, tx, s->p.target[i].to, &g[i + 1]);
	store_end(tx);
	*out = (struct reach){ .own = next_of(&l->arena, &g[0], now) <= now, .at = common(&l->arena, g, n + 1, now) };
	for (size_t i = 0; i < n; i++)
		if (next_of(&l->arena, &g[i + 1], now) <= now)
			out->targets |= UINT64_C(1) << i;
	for (size_t i = 0; i <= n; i++)
		for (unsigned k = 0; k < g[i].n; k++)
			res_unref(g[i].sch[k]);
}
