/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v1/tree and /v1/resource: what the administrator may see of the resources, through the same authorization as any request
 * (security-model 1.4): type, size and times of everything, names and contents only where a policy gives them.
 */
#include "admin/admin_priv.h"
#include "cse/base/err.h"
#include "cse/codec/codec.h"
#include "cse/model/stamp.h"

enum { TREE_DEPTH = 256, TREE_NODES = 10000, TREE_STEP = 8 };

static struct peer *peer_of(struct admin_call *c)
{
	struct security *sec = c->admin->cse->security;
	return c->peer ? peer_ref(c->peer) : peer_administrator(sec);
}

/* --- GET /v1/tree?from=ADDRESS&depth=n&limit=n --------------------------------------------------------------------------- */

struct walk {
	struct admin_call *c;
	struct origin origin;
	struct prim prim;
	struct str from;
	uint64_t depth, limit, shown;
	unsigned top;                     /* levels of `at` */
	struct {
		uint32_t rid, after;
	} at[TREE_DEPTH];
	uint32_t first;                   /* rid where it begins */
	json_t *list;
	bool overridden;
	const struct type *type;          /* of the first that no policy gives, and its rid: as events name resources */
	uint32_t rid;
};

/* The resource that an address means; NULL when there is none that this originator's zone reaches. */
static const struct node *find_node(struct walk *w, struct tx *tx, const struct addr *ad)
{
	struct security *sec = w->c->admin->cse->security;
	const struct addr_self *self = &w->c->admin->cse->self;
	const struct node *n = store_root(tx);
	size_t i = 1;

	if (ad->n > 0 && !str_eq(ad->seg[0], self->base) && !str_eqz(ad->seg[0], "-"))
		n = store_by_ri(tx, ad->seg[0]);
	for (; n && i < ad->n; i++)
		n = store_child(tx, n, ad->seg[i]);
	return n && zone_allows(sec, &w->origin, n->zone) ? n : NULL;
}

static json_t *json_of(struct str s)
{
	return json_stringn(s.p ? s.p : "", s.n);
}

static void set_stamp(json_t *j, const char *member, int64_t us)
{
	char t[STAMP_MAX];
	json_object_set_new(j, member, json_stringn(t, stamp_format(us, t)));
}

/* One line of the answer; its name only by a policy. */
static void show_node(struct walk *w, struct tx *tx, const struct node *n, unsigned depth)
{
	struct security *sec = w->c->admin->cse->security;
	struct ask q = { .prim = &w->prim, .origin = &w->origin, .acop = ACOP_R, .node = n, .quiet = true };
	const struct grant *may = authz_decide(sec, tx, &q), *meta = NULL;
	struct counters count;

	if (!may) {
		q.meta = q.walk = true;
		meta = authz_decide(sec, tx, &q);
	}
	if (!grant_covers(may, tx, n, ACOP_R) && !grant_covers_meta(meta, tx, n))
		return;
	node_counters(tx, n, &count);
	json_t *j = json_pack("{s:i, s:s, s:i, s:s}", "depth", (int)depth, "type", strchr(n->type->sn, ':') + 1, "ty", (int)n->type->ty,
	                      "longName", n->type->ln);
	REQUIRE(j);
	json_object_set_new(j, "ri", json_of(node_ri(tx, n)));
	if (may)
		json_object_set_new(j, "rn", json_of(node_rn(tx, n)));
	if (!may && !w->overridden) {
		w->type = n->type;
		w->rid = n->rid;
		w->overridden = true;
	}
	set_stamp(j, "ct", res_stamp(node_durable(tx, n), &attr_ct, 0));
	set_stamp(j, "lt", count.lt);
	if (type_has_virtual(n->type, V_LA)) {
		json_object_set_new(j, "instances", json_integer((json_int_t)count.cni));
		json_object_set_new(j, "bytes", json_integer((json_int_t)count.cbs));
	}
	json_object_set_new(j, "zone", json_integer(n->zone));
	json_array_append_new(w->list, j);
	w->shown++;
}

/* One resource more in the order of the tree; false: it is at its end. */
static bool step(struct walk *w, struct tx *tx)
{
	struct security *sec = w->c->admin->cse->security;
	const struct node *parent, *child;

	while (w->top > 0) {
		unsigned level = w->top - 1;
		parent = w->at[level].after == STORE_LAST ? NULL : store_by_rid(tx, w->at[level].rid);
		if (!parent) {
			w->top--;
			continue;
		}
		if (store_children(tx, parent, &w->at[level].after, &child, 1) == 0)
			return true;
		if (!zone_allows(sec, &w->origin, child->zone))
			return true;
		show_node(w, tx, child, level + 1);
		if (level + 1 < w->depth && level + 1 < TREE_DEPTH) {
			w->at[level + 1].rid = child->rid;
			w->at[level + 1].after = 0;
			w->top++;
		}
		return true;
	}
	return false;
}

/* Short holds of the lock: in between others go on, and what they change is seen or not. */
static void walk_all(struct walk *w)
{
	struct store *store = w->c->admin->cse->store;
	bool more = w->depth > 0;

	w->at[0].rid = w->first;
	w->at[0].after = 0;
	w->top = more ? 1 : 0;
	while (more && w->shown < w->limit) {
		struct arena a;
		arena_init(&a, 16384);
		struct tx *tx = store_begin(store, &a, TX_READ);
		for (unsigned i = 0; more && i < TREE_STEP && w->shown < w->limit; i++)
			more = step(w, tx);
		store_end(tx);
		arena_fini(&a);
	}
}

/* Where it begins. */
static enum rsc begin_walk(struct walk *w, struct why *why)
{
	struct admin_call *c = w->c;
	struct cse *cse = c->admin->cse;
	struct addr ad;

	if (addr_parse(&c->arena, w->from, &ad, why))
		return RSC_BAD_REQUEST;
	if (!addr_is_local(&ad, &cse->self) || ad.attr.n)
		return why_set(why, RSC_BAD_REQUEST, "from must be the address of a resource of this CSE");
	struct tx *tx = store_begin(cse->store, &c->arena, TX_READ);
	const struct node *n = find_node(w, tx, &ad);
	if (n) {
		w->first = n->rid;
		show_node(w, tx, n, 0);
	}
	store_end(tx);
	return n ? RSC_NONE : why_set(why, RSC_NOT_FOUND, "there is no such resource");
}

/* The administrator as origin.  Whoever came by HTTPS must have proved to be it. */
static enum rsc take_origin(struct walk *w, const struct peer *peer, struct why *why)
{
	struct security *sec = w->c->admin->cse->security;

	prim_init(&w->prim, &w->c->arena);
	w->prim.op = OP_RETRIEVE;
	enum rsc rsc = prim_read(&w->prim, P_FR, security_administrator(sec));
	if (rsc == RSC_NONE)
		rsc = origin_check(sec, &w->prim, peer, &w->origin);
	if (rsc)
		*why = w->prim.why;
	return rsc;
}

void admin_tree(struct admin_call *c)
{
	struct cse *cse = c->admin->cse;
	struct why why = { 0 };
	struct walk w = { .c = c, .from = cse->self.base };
	int err = ask_query_text(&c->arena, c->query, "from", &w.from);

	if ((err && err != E_ABSENT) || ask_query(c->query, "depth", TREE_DEPTH, &w.depth) || ask_query(c->query, "limit", TREE_NODES, &w.limit) ||
	    w.limit == 0 || w.limit > TREE_NODES) {
		admin_refuse(c, 400, "from must be an address, depth a number, limit one from 1 to %d", TREE_NODES);
		return;
	}
	struct peer *peer = peer_of(c);
	w.list = json_array();
	enum rsc rsc = take_origin(&w, peer, &why);
	if (rsc == RSC_NONE)
		rsc = begin_walk(&w, &why);
	if (rsc == RSC_NONE)
		walk_all(&w);
	if (w.overridden)
		audit(cse->security, EV_ADMIN_OVERRIDE, peer, w.origin.from, "tree, first %s-%u", w.type->prefix, w.rid);
	peer_unref(peer);
	if (rsc) {
		json_decref(w.list);
		admin_refuse(c, rsc_http(rsc), "%s", why.text);
		return;
	}
	admin_answer_json(c, 200, json_pack("{s:o, s:b}", "nodes", w.list, "more", w.shown >= w.limit));
}

/* --- GET /v1/resource?address=A --------------------------------------------------------------------------------------------- */

struct get {
	struct admin_call *c;
	enum rsc rsc;
	struct str why;
	bool submitted, over;
};

static void prepare(void *arg, const struct resp *r)
{
	struct get *g = arg;
	struct admin_call *c = g->c;

	buf_reset(&c->reply);
	g->rsc = r->rsc;
	if (r->rsc == RSC_OK && r->has_pc)
		codec_json.encode_content(&c->reply, r->root, &r->pc);
	else if (r->has_pc && r->pc.kind == K_STR)
		g->why = arena_str(&c->arena, r->pc.s);
}

static void finish(struct get *g)
{
	if (g->rsc == RSC_OK)
		admin_answer(g->c, 200);
	else
		admin_refuse(g->c, rsc_http(g->rsc), "%.*s", STR_ARG(g->why.n ? g->why : STR("the CSE refused it")));
}

static void release(void *arg)
{
	struct get *g = arg;

	g->over = true;
	if (g->submitted)
		finish(g);
}

static const struct gate_reply reply = { prepare, release };

void admin_resource(struct admin_call *c)
{
	struct cse *cse = c->admin->cse;
	struct str address;

	if (ask_query_text(&c->arena, c->query, "address", &address)) {
		admin_refuse(c, 400, "address must be that of a resource, like cse-in/dev1");
		return;
	}
	struct get *g = arena_alloc(&c->arena, sizeof(*g));
	*g = (struct get){ .c = c };
	struct request *r = gate_open(cse->gate, c->admin->loop);
	struct prim *p = request_prim(r);
	p->op = OP_RETRIEVE;
	p->has |= UINT32_C(1) << P_OP;
	enum rsc rsc = prim_read(p, P_TO, address);
	if (!rsc)
		rsc = prim_read(p, P_FR, security_administrator(cse->security));
	if (!rsc)
		rsc = prim_read(p, P_RQI, STR("admin"));
	if (!rsc)
		rsc = prim_read(p, P_RVI, STR("3"));
	struct peer *peer = peer_of(c);
	if (rsc)
		gate_refuse(r, &reply, g);
	else
		gate_submit(r, peer, &reply, g);
	peer_unref(peer);
	if (g->over) {
		finish(g);
		return;
	}
	g->submitted = true;
	admin_wait(c);
}
