/* SPDX-License-Identifier: Apache-2.0 */
/* The criteria asked of one resource: kind after kind, until the whole is decided. */
#include "cse/core/match.h"

#include "cse/core/filter.h"
#include "cse/core/geo.h"
#include "cse/core/jpath.h"
#include "cse/core/match_priv.h"
#include "cse/core/steps.h"
#include "cse/core/walk.h"
#include "cse/model/any.h"

/* Instances that are thought about at a time, and bytes of their bodies. */
enum { THOUGHTS = 64, THOUGHT_BYTES = 1 << 18 };
/* Conditions on attributes that need no right to retrieve, beside the kinds. */
enum { OPEN_ATR = KIND(KD_COUNT), OPEN_CATR = KIND(KD_COUNT + 1) };

struct thought {
	uint32_t rid;
	uint64_t id;       /* 0: a node */
	unsigned met;      /* the verdict */
	const struct typeinfo *ti;
	struct inst inst;
	struct body *body; /* counted */
	struct res *res;   /* counted */
	struct str ri, rn, pi;
};
/* Children of a node that have been looked at. */
struct scan {
	uint32_t rid, after;
	uint64_t after_inst;
	bool nodes_done;
	unsigned met;
};
struct matcher {
	const struct filter *f;
	uint64_t fo;
	unsigned asked;
	bool wild, names;         /* asterisks count; a condition names ri, rn or pi */
	bool names_only;          /* conditions on attributes (atr) name nothing else */
	struct thought *t, node;  /* THOUGHTS of them, once needed */
	unsigned n, to_think;     /* those from to_think on have no verdict yet */
	bool node_known;
	struct scan scan;
	uint64_t parent_epoch;    /* kinds that the parent meets, in this hold */
	const struct node *parent;
	unsigned parent_met;
	struct authz_memo memo;
	struct arena scratch;
};

static bool is_identifier(struct str name)
{
	return match_is_open(name) && !str_eqz(name, "cr");
}

static bool names_identifiers(const struct filter_pair *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_identifier(v[i].name))
			return true;
	return false;
}

static bool all_identifiers(const struct filter_pair *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_identifier(v[i].name))
			return false;
	return n > 0;
}

static struct matcher *matcher_of(struct request *r)
{
	const struct filter *f = r->prim.fc;
	struct matcher *m = r->matcher;

	if (m)
		return m;
	m = r->matcher = ARENA_NEW(&r->arena, struct matcher);
	m->f = f;
	m->fo = filter_has(f, FC_FO) ? f->fo : 1;
	m->asked = filter_kinds(f);
	m->wild = walk_is_discovery(r);
	m->names_only = f && all_identifiers(f->atr, f->n_atr);
	m->names = f && (names_identifiers(f->atr, f->n_atr) || names_identifiers(f->catr, f->n_catr) ||
	                 names_identifiers(f->patr, f->n_patr));
	arena_init(&m->scratch, 1024);
	return m;
}

static void forget(struct matcher *m)
{
	for (unsigned i = 0; i < m->n; i++)
		request_drop_body(&m->t[i].body);
	m->n = m->to_think = 0;
}

void match_free(struct request *r)
{
	struct matcher *m = r->matcher;

	if (!m)
		return;
	forget(m);
	if (m->node.res)
		res_unref(m->node.res);
	arena_fini(&m->scratch);
	r->matcher = NULL;
}

/* --- rights ------------------------------------------------------------------------------------------------------ */

unsigned match_acop(const struct request *r)
{
	return walk_is_discovery(r) ? ACOP_DISC : ACOP_R;
}

bool match_allowed(struct request *r, const struct node *n, bool on_instance, unsigned acop)
{
	struct ask q = { .prim = &r->prim, .origin = &r->origin, .acop = acop, .node = n, .on_instance = on_instance, .quiet = true,
		             .memo = &matcher_of(r)->memo };

	return authz_decide(r->gate->o.security, r->tx, &q) != NULL;
}

bool match_instances(struct request *r, const struct node *cnt, unsigned acop)
{
	const struct typeinfo *ti = gate_type(r->gate, cnt->type->ty);
	struct why why = { .rsc = RSC_NONE };

	return ti && ti->inst &&
	       (!ti->b->instances_open || !ti->b->instances_open(&r->gate->known, node_res(r->tx, cnt), &why)) &&
	       match_allowed(r, cnt, true, acop);
}

static bool visible(struct request *r, const struct node *n)
{
	return gate_type(r->gate, n->type->ty) && zone_allows(r->gate->o.security, &r->origin, n->zone) &&
	       match_allowed(r, n, false, match_acop(r));
}

/* --- conditions on attributes ------------------------------------------------------------------------------------ */

/* Bits: some condition holds that needs the right to retrieve; one that does not. */
static unsigned pairs_met(struct arena *a, const struct source *s, const struct filter_pair *v, size_t n, bool wild, unsigned closed,
                          unsigned open)
{
	unsigned met = 0;

	for (size_t i = 0; i < n && met != (closed | open); i++) {
		unsigned bit = match_is_open(v[i].name) ? open : closed;

		if (!(met & bit) && match_pair(a, s, &v[i], wild))
			met |= bit;
	}
	return met;
}

static bool may_count(struct request *r, const struct node *n, bool on_instance, unsigned met, unsigned closed, unsigned open)
{
	return met & open || (met & closed && match_allowed(r, n, on_instance, ACOP_R));
}

static struct source source_of_node(struct request *r, const struct matcher *m, const struct node *n, struct counters *k)
{
	struct source s = { .ti = gate_type(r->gate, n->type->ty), .res = node_res(r->tx, n), .k = k };

	node_counters(r->tx, n, k);
	if (m->names) {
		s.rn = node_rn(r->tx, n);
		s.ri = node_ri(r->tx, n);
		s.pi = n->parent ? node_ri(r->tx, n->parent) : STR("");
	}
	return s;
}

static bool node_pairs(struct request *r, const struct matcher *m, const struct node *n, const struct filter_pair *v, size_t pairs)
{
	struct counters k;
	struct source s = source_of_node(r, m, n, &k);
	unsigned met = pairs_met(tx_arena(r->tx), &s, v, pairs, m->wild, KIND(KD_ATR), OPEN_ATR);

	return may_count(r, n, false, met, KIND(KD_ATR), OPEN_ATR);
}

/* --- labels ------------------------------------------------------------------------------------------------------ */

static struct strs node_labels(struct request *r, const struct res *res)
{
	const struct val *v = res_get(res, &attr_lbl);
	struct strs out = { NULL, 0 };

	if (!v || v->kind != K_LIST)
		return out;
	out.v = arena_alloc(tx_arena(r->tx), v->list.n * sizeof(*out.v));
	for (out.n = 0; out.n < v->list.n; out.n++)
		out.v[out.n] = v->list.v[out.n].s;
	return out;
}

static struct strs inst_labels(struct request *r, const struct node *cnt, uint64_t id)
{
	struct strs out = { NULL, store_inst_labels(r->tx, cnt, id, NULL, 0) };

	if (out.n) {
		out.v = arena_alloc(tx_arena(r->tx), out.n * sizeof(*out.v));
		store_inst_labels(r->tx, cnt, id, out.v, out.n);
	}
	return out;
}

/* --- thinking: what needs contents, outside of the lock ---------------------------------------------------------- */

static struct str text_of(const struct res *res, const struct attr *at)
{
	const struct val *v = at ? res_get(res, at) : NULL;

	return v && val_is_text(v->kind) ? v->s : STR_NONE;
}

/* The media type is what stands before the first colon of contentInfo.  TS-0004 6.3.3 (m2m:contentInfo). */
static bool typed_content(const struct filter *f, struct str cnf)
{
	struct str type = str_first(cnf, str_index(cnf, ':'));

	for (size_t i = 0; type.n && i < f->cty.n; i++)
		if (str_eq(f->cty.v[i], type))
			return true;
	return false;
}

/* TS-0001 J.2: content that is JSON, by its contentInfo; without one, whatever value it is.  "application/json:0" may come as
 * text that holds JSON. */
static bool queried_content(struct arena *a, const struct filter *f, struct str con, struct str cnf)
{
	struct str type = str_first(cnf, str_index(cnf, ':')), rest = str_from(cnf, type.n);

	if (!con.n)
		return false;
	if (!cnf.n)
		return jpath_match(f->content_query, a, con);
	if (!str_eqz(type, "application/json") && !str_ends(type, STR("+json")))
		return false;
	if (rest.n > 1 && rest.p[1] != '0')
		return false; /* base64 */
	if (con.p[0] == '"') {
		struct str inner = any_text(a, con);

		if (any_is_value(inner))
			con = inner;
	}
	return jpath_match(f->content_query, a, con);
}

static bool placed(struct arena *a, const struct filter *f, const struct res *res)
{
	const struct val *loc = res_get(res, &attr_loc), *typ, *crd;
	struct geo *own;
	const char *fault;

	if (!loc || loc->kind != K_OBJ)
		return false;
	typ = obj_find(loc->o, "typ");
	crd = obj_find(loc->o, "crd");
	if (!typ || !crd)
		return false;
	own = geo_parse(a, (enum geo_type)typ->i, any_text(a, crd->s), GEO_POINTS_MAX, &fault);
	return own && geo_match((enum geo_function)f->gsf, own, f->place);
}

static void think(struct matcher *m, const struct known *known, struct thought *t)
{
	const struct filter *f = m->f;
	struct arena *a = &m->scratch;
	struct res *res = t->res;
	struct source s = { .ti = t->ti, .ri = t->ri, .rn = t->rn, .pi = t->pi, .inst = &t->inst };
	struct str cnf;

	t->met = 0;
	arena_reset(a);
	if (t->body && res_unpack(a, str_make(t->body->bytes, t->body->n), &res) != 0)
		return;
	s.res = res;
	if (m->asked & KIND(KD_GEO) && placed(a, f, res))
		t->met |= KIND(KD_GEO);
	if (!t->body)
		return;
	cnf = text_of(res, known->at[AT_CIN_CNF]);
	if (m->asked & KIND(KD_CTY) && typed_content(f, cnf))
		t->met |= KIND(KD_CTY);
	if (m->asked & KIND(KD_CFQ) && queried_content(a, f, text_of(res, known->at[AT_CIN_CON]), cnf))
		t->met |= KIND(KD_CFQ);
	t->met |= pairs_met(a, &s, f->atr, f->n_atr, m->wild, KIND(KD_ATR), OPEN_ATR);
	t->met |= pairs_met(a, &s, f->catr, f->n_catr, m->wild, KIND(KD_CATR), OPEN_CATR);
}

void match_think(struct request *r)
{
	struct matcher *m = matcher_of(r);

	REQUIRE(!r->tx);
	if (m->node.res && !m->node_known) {
		think(m, &r->gate->known, &m->node);
		res_unref(m->node.res);
		m->node.res = NULL;
		m->node_known = true;
	}
	for (; m->to_think < m->n; m->to_think++) {
		think(m, &r->gate->known, &m->t[m->to_think]);
		request_drop_body(&m->t[m->to_think].body);
	}
	arena_reset(&m->scratch);
}

static bool add_thought(struct request *r, struct matcher *m, const struct node *cnt, const struct inst *inst)
{
	struct thought *t = &m->t[m->n];

	*t = (struct thought){ .rid = cnt->rid, .id = inst->id, .inst = *inst, .ti = gate_type(r->gate, cnt->type->ty)->inst };
	if (request_body(r, cnt, inst->id, &t->body) != 0)
		return false;
	if (m->names) {
		t->rn = arena_str(&r->arena, inst_rn(r->tx, cnt, inst->id));
		t->ri = arena_str(&r->arena, inst_ri(r->tx, cnt, inst->id));
		t->pi = arena_str(&r->arena, node_ri(r->tx, cnt));
	}
	m->n++;
	return true;
}

/* The verdict on an instance.  MATCH_YES: *met is set; otherwise it is asked for, with those that come next. */
static enum match content_of(struct request *r, struct matcher *m, const struct node *cnt, const struct inst *inst, bool alone,
                             unsigned *met)
{
	struct inst more[THOUGHTS];
	size_t n, bytes;

	for (unsigned i = 0; i < m->to_think; i++)
		if (m->t[i].id == inst->id && m->t[i].rid == cnt->rid) {
			*met = m->t[i].met;
			return MATCH_YES;
		}
	forget(m);
	if (!m->t)
		m->t = arena_array(&r->arena, THOUGHTS, sizeof(*m->t));
	if (!add_thought(r, m, cnt, inst)) {
		r->fetch.id = inst->id;
		return MATCH_MISS;
	}
	bytes = m->t[0].body->n;
	n = alone ? 0 : store_instances(r->tx, cnt, inst->id, more, THOUGHTS - 1);
	for (size_t i = 0; i < n && bytes < THOUGHT_BYTES; i++)
		if (add_thought(r, m, cnt, &more[i]))
			bytes += m->t[m->n - 1].body->n;
	return MATCH_THINK;
}

/* Names and identifiers are in memory. */
static bool inst_named(struct request *r, const struct matcher *m, const struct node *cnt, const struct inst *inst)
{
	struct source s = { .ti = gate_type(r->gate, cnt->type->ty)->inst, .inst = inst, .rn = inst_rn(r->tx, cnt, inst->id),
		                .ri = inst_ri(r->tx, cnt, inst->id), .pi = node_ri(r->tx, cnt) };

	return pairs_met(tx_arena(r->tx), &s, m->f->atr, m->f->n_atr, m->wild, OPEN_ATR, OPEN_ATR) != 0;
}

/* --- parents ----------------------------------------------------------------------------------------------------- */

static unsigned parent_met(struct request *r, struct matcher *m, const struct node *p)
{
	const struct filter *f = m->f;
	struct strs l;

	if (!p)
		return 0;
	if (m->parent == p && m->parent_epoch == tx_epoch(r->tx))
		return m->parent_met;
	m->parent = p;
	m->parent_epoch = tx_epoch(r->tx);
	m->parent_met = 0;
	if (!visible(r, p))
		return 0;
	l = node_labels(r, node_res(r->tx, p));
	if (m->asked & KIND(KD_PTY) && filter_typed(f->pty, f->n_pty, p->type->ty))
		m->parent_met |= KIND(KD_PTY);
	if (m->asked & KIND(KD_PALB) && filter_labelled(&f->palb, &l))
		m->parent_met |= KIND(KD_PALB);
	if (m->asked & KIND(KD_PATR) && node_pairs(r, m, p, f->patr, f->n_patr))
		m->parent_met |= KIND(KD_PATR);
	return m->parent_met;
}

/* --- children ---------------------------------------------------------------------------------------------------- */

static void look_at_child(struct request *r, struct matcher *m, const struct node *c)
{
	const struct filter *f = m->f;
	unsigned open = m->asked & KINDS_CHILD & ~m->scan.met, met = 0;

	if (open & KIND(KD_CHTY) && filter_typed(f->chty, f->n_chty, c->type->ty))
		met |= KIND(KD_CHTY);
	if (open & KIND(KD_CLBL)) {
		struct strs l = node_labels(r, node_res(r->tx, c));

		met |= filter_labelled(&f->clbl, &l) ? KIND(KD_CLBL) : 0;
	}
	if (open & KIND(KD_CATR) && node_pairs(r, m, c, f->catr, f->n_catr))
		met |= KIND(KD_CATR);
	if (met && visible(r, c))
		m->scan.met |= met;
}

static enum match look_at_inst(struct request *r, struct matcher *m, const struct node *cnt, const struct inst *inst)
{
	const struct filter *f = m->f;
	unsigned open = m->asked & KINDS_CHILD & ~m->scan.met, met = 0;
	enum match v;

	if (open & KIND(KD_CHTY) && filter_typed(f->chty, f->n_chty, gate_type(r->gate, cnt->type->ty)->inst->type->ty))
		m->scan.met |= KIND(KD_CHTY);
	if (open & KIND(KD_CLBL)) {
		struct strs l = inst_labels(r, cnt, inst->id);

		m->scan.met |= filter_labelled(&f->clbl, &l) ? KIND(KD_CLBL) : 0;
	}
	if (open & KIND(KD_CATR)) {
		v = content_of(r, m, cnt, inst, false, &met);
		if (v != MATCH_YES)
			return v;
		if (may_count(r, cnt, true, met, KIND(KD_CATR), OPEN_CATR))
			m->scan.met |= KIND(KD_CATR);
	}
	return MATCH_YES;
}

/* MATCH_YES: all children that matter have been looked at. */
static enum match children_of(struct request *r, struct matcher *m, const struct node *n, unsigned *left)
{
	unsigned asked = m->asked & KINDS_CHILD;
	struct scan *s = &m->scan;
	const struct node *c;
	struct inst inst;
	bool insts;

	if (s->rid != n->rid)
		*s = (struct scan){ .rid = n->rid };
	while (!s->nodes_done && s->met != asked) {
		if (*left == 0)
			return MATCH_AGAIN;
		--*left;
		if (store_children(r->tx, n, &s->after, &c, 1) == 1)
			look_at_child(r, m, c);
		s->nodes_done = s->after == STORE_LAST;
	}
	insts = s->met != asked && match_instances(r, n, match_acop(r));
	while (insts && s->met != asked && store_instances(r->tx, n, s->after_inst, &inst, 1) == 1) {
		enum match v;

		if (*left == 0)
			return MATCH_AGAIN;
		--*left;
		v = look_at_inst(r, m, n, &inst);
		if (v != MATCH_YES)
			return v;
		s->after_inst = inst.id;
	}
	return MATCH_YES;
}

/* --- a resource -------------------------------------------------------------------------------------------------- */

/* What is known of the whole so far. */
struct verdict {
	unsigned known, met;
	int yes;
};

static int take(const struct matcher *m, struct verdict *v, unsigned known, unsigned met)
{
	v->known |= known;
	v->met |= met & known;
	v->yes = filter_decided(m->fo, m->asked, v->known, v->met);
	return v->yes;
}

static int in_memory(const struct matcher *m, const struct filter_subject *s, struct verdict *v)
{
	unsigned open = m->asked & (KIND(KD_LBQ + 1) - 1);

	v->yes = filter_decided(m->fo, m->asked, 0, 0);
	for (; open && v->yes < 0; open &= open - 1) {
		enum filter_kind k = (enum filter_kind)__builtin_ctz(open);

		take(m, v, KIND(k), filter_kind(m->f, k, s) ? KIND(k) : 0);
	}
	return v->yes;
}

static enum match said(const struct verdict *v)
{
	return v->yes > 0 ? MATCH_YES : MATCH_NO;
}

/* A place may have many points: it is compared outside of the lock, node by node. */
static enum match place_of(struct request *r, struct matcher *m, const struct node *n, unsigned *met)
{
	struct thought *t = &m->node;

	*met = 0;
	if (!res_get(node_res(r->tx, n), &attr_loc) || !match_allowed(r, n, false, ACOP_R))
		return MATCH_YES;
	if (m->node_known && t->rid == n->rid) {
		*met = t->met;
		return MATCH_YES;
	}
	if (t->res)
		res_unref(t->res);
	*t = (struct thought){ .rid = n->rid, .res = res_ref(node_res(r->tx, n)), .ti = gate_type(r->gate, n->type->ty) };
	m->node_known = false;
	return MATCH_THINK;
}

enum match match_node(struct request *r, const struct node *n, unsigned *left)
{
	struct matcher *m = matcher_of(r);
	const struct filter *f = m->f;
	const struct res *res = node_res(r->tx, n);
	struct filter_subject s = { .ty = n->type->ty, .has_st = (n->type->sets & SET_ST) != 0 };
	struct verdict v = { 0 };
	struct counters k;
	unsigned met;
	enum match w;

	if (!m->asked)
		return MATCH_YES;
	node_counters(r->tx, n, &k);
	s.ct = res_stamp(res, &attr_ct, 0);
	s.et = m->asked & KIND(KD_ET) ? res_stamp(res, &attr_et, INT64_MAX) : INT64_MAX;
	s.lt = k.lt;
	s.st = k.st;
	if (m->asked & (KIND(KD_LBL) | KIND(KD_LBQ)))
		s.lbl = node_labels(r, res);
	if (in_memory(m, &s, &v) >= 0)
		return said(&v);
	if (m->asked & KINDS_PARENT && take(m, &v, KINDS_PARENT, parent_met(r, m, n->parent)) >= 0)
		return said(&v);
	if (m->asked & KIND(KD_ATR) && take(m, &v, KIND(KD_ATR), node_pairs(r, m, n, f->atr, f->n_atr) ? KIND(KD_ATR) : 0) >= 0)
		return said(&v);
	if (take(m, &v, KIND(KD_CTY) | KIND(KD_CFQ), 0) >= 0)
		return said(&v);
	if (m->asked & KIND(KD_GEO)) {
		w = place_of(r, m, n, &met);
		if (w != MATCH_YES)
			return w;
		if (take(m, &v, KIND(KD_GEO), met) >= 0)
			return said(&v);
	}
	w = children_of(r, m, n, left);
	if (w != MATCH_YES)
		return w;
	take(m, &v, KINDS_CHILD, m->scan.met);
	m->scan.rid = 0;
	return said(&v);
}

enum match match_inst(struct request *r, const struct node *cnt, const struct inst *inst, bool alone)
{
	struct matcher *m = matcher_of(r);
	struct filter_subject s = { .has_st = true, .has_size = true, .ct = inst->ct, .lt = inst->ct, .st = inst->st, .size = inst->size };
	struct verdict v = { 0 };
	unsigned content, met;
	enum match w;

	if (!m->asked)
		return MATCH_YES;
	s.ty = gate_type(r->gate, cnt->type->ty)->inst->type->ty;
	if (m->asked & KIND(KD_ET)) {
		int64_t end = proc_inst_end(r, cnt, inst->ct), own = store_inst_et(r->tx, cnt, inst->id);

		s.et = own < end ? own : end;
	}
	if (m->asked & (KIND(KD_LBL) | KIND(KD_LBQ)))
		s.lbl = inst_labels(r, cnt, inst->id);
	if (in_memory(m, &s, &v) >= 0)
		return said(&v);
	if (m->asked & KINDS_PARENT && take(m, &v, KINDS_PARENT, parent_met(r, m, cnt)) >= 0)
		return said(&v);
	if (take(m, &v, KINDS_CHILD, 0) >= 0)
		return said(&v);
	if (m->names_only && take(m, &v, KIND(KD_ATR), inst_named(r, m, cnt, inst) ? KIND(KD_ATR) : 0) >= 0)
		return said(&v);
	w = content_of(r, m, cnt, inst, alone, &content);
	if (w != MATCH_YES)
		return w;
	met = content & KIND(KD_CTY);
	if (may_count(r, cnt, true, content, KIND(KD_ATR), OPEN_ATR))
		met |= KIND(KD_ATR);
	met |= v.met & KIND(KD_ATR);
	if (content & (KIND(KD_CFQ) | KIND(KD_GEO)) && match_allowed(r, cnt, true, ACOP_R))
		met |= content & (KIND(KD_CFQ) | KIND(KD_GEO));
	take(m, &v, KINDS_CONTENT, met);
	return said(&v);
}
