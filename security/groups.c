/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups as originators of a rule (TS-0001 9.6.2.1): is who asks among the members?  Members are compared as they stand in
 * the group's durable content, so that nothing has to follow a group's changes.  A group that cannot be read, or that is too
 * large or too deeply nested to be looked through in one decision, rejects.
 */
#include "security/authz_priv.h"

enum { MAX_MEMBERS = 20000, MAX_GROUPS = 64, MAX_DEPTH = 4 };

/* --- names of the originator --------------------------------------------------------------------------------------- */

static void add_name(struct look *l, struct str name)
{
	struct group_look *g = &l->groups;

	REQUIRE(g->n_names < ARRAY_LEN(g->names));
	g->lengths |= UINT64_C(1) << (name.n & 63);
	g->names[g->n_names++] = name;
}

static struct str prefixed(struct look *l, const char *before, struct str cse, struct str after)
{
	return arena_printf(tx_arena(l->tx), "%s/%.*s/%.*s", before, STR_ARG(cse), STR_ARG(after));
}

/* The forms in which memberIDs may name an entity: TS-0001 7.2, TS-0004 6.2.4. */
static void add_entity(struct look *l)
{
	const struct addr_self *self = &l->sec->self;
	struct arena *a = tx_arena(l->tx);
	struct str from = l->f.from, stem = l->q->origin->stem, home = arena_printf(a, "//%.*s", STR_ARG(self->sp));

	add_name(l, from);
	if (str_starts(from, home) && from.n > home.n)
		add_name(l, str_from(from, home.n)); /* "/id-in/CDev1", "/Sdev1", "/mn1" */
	if (stem.n)
		add_name(l, stem);
}

/* The same for its <AE>, by its path: only while it is the one that the group was made for. */
static void add_paths(struct look *l)
{
	const struct addr_self *self = &l->sec->self;
	struct group_look *g = &l->groups;
	const struct node *ae = l->q->origin->stem.n ? store_by_ri(l->tx, l->q->origin->stem) : NULL;
	const struct res *res = ae && ae->type->ty == TY_AE ? node_durable(l->tx, ae) : NULL;
	struct str path;
	char *sp;

	g->n_entity = g->n_names;
	if (!res)
		return;
	g->since = res_stamp(res, &attr_ct, INT64_MAX);
	path = node_path(l->tx, ae);
	add_name(l, path);
	add_name(l, arena_printf(tx_arena(l->tx), "-%.*s", STR_ARG(str_from(path, self->base.n))));
	add_name(l, prefixed(l, "", self->cse, path));
	sp = arena_strz(tx_arena(l->tx), arena_printf(tx_arena(l->tx), "//%.*s", STR_ARG(self->sp)));
	add_name(l, prefixed(l, sp, self->cse, path));
}

/* --- members ------------------------------------------------------------------------------------------------------- */

static bool is_named(const struct group_look *g, struct str id, bool by_path)
{
	unsigned n = by_path ? g->n_names : g->n_entity;

	if (!(g->lengths >> (id.n & 63) & 1))
		return false;
	for (unsigned i = 0; i < n; i++)
		if (str_eq(g->names[i], id))
			return true;
	return false;
}

static enum acp_member look_into(struct look *l, const struct node *group, bool only_read, unsigned depth);

static const struct node *find_group(struct look *l, struct str id, uint16_t zone)
{
	const struct node *n;
	bool remote = false;

	n = str_index(id, '/') == id.n ? store_by_ri(l->tx, id) : look_by_address(l, id, &remote);
	if (!n || n->type->ty != TY_GRP || node_durable(l->tx, n) == NULL)
		return NULL;
	/* A policy of one zone does not read what another holds. */
	return zone == ZONE_COMMON || n->zone == ZONE_COMMON || n->zone == zone ? n : NULL;
}

static enum acp_member sub_group(struct look *l, struct str id, uint16_t zone, unsigned depth)
{
	const struct node *n = find_group(l, str_first(id, id.n - 5), zone);

	return n ? look_into(l, n, false, depth + 1) : ACP_MEMBER_UNREADABLE;
}

static enum acp_member look_into(struct look *l, const struct node *group, bool only_read, unsigned depth)
{
	struct group_look *g = &l->groups;
	const struct val *mid = res_find(node_durable(l->tx, group), "mid");
	enum acp_member found = ACP_MEMBER_NO;
	struct counters k;
	bool by_path;

	if (!mid || mid->kind != K_LIST || depth > MAX_DEPTH || ++g->looked > MAX_GROUPS)
		return ACP_MEMBER_UNREADABLE;
	if (only_read)
		return ACP_MEMBER_NO;
	g->members += mid->list.n;
	if (g->members > MAX_MEMBERS)
		return ACP_MEMBER_UNREADABLE;
	node_counters(l->tx, group, &k);
	by_path = g->since <= k.lt;
	for (size_t i = 0; i < mid->list.n && found == ACP_MEMBER_NO; i++) {
		struct str id = mid->list.v[i].s;

		if (is_named(g, id, by_path))
			found = ACP_MEMBER_YES;
		else if (id.n > 5 && id.p[id.n - 5] == '/' && str_ends(id, STR("/fopt")))
			found = sub_group(l, id, group->zone, depth);
	}
	return found;
}

enum acp_member authz_in_group(void *arg, struct str id, bool only_read)
{
	struct look *l = arg;
	const struct node *n = find_group(l, id, l->acp->zone);
	enum acp_member m = ACP_MEMBER_UNREADABLE;

	if (n && !only_read && l->groups.n_names == 0) {
		l->groups.since = INT64_MAX;
		add_entity(l);
		add_paths(l);
	}
	if (n)
		m = look_into(l, n, only_read, 1);
	if (m == ACP_MEMBER_UNREADABLE && !l->trace)
		audit(l->sec, EV_RULE_UNEVALUABLE, NULL, STR_NONE, EVENT_RI ": a group in acor cannot be read", EVENT_RI_ARG(l->acp));
	return m;
}
