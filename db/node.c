/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes: their life, the indexes that find them, and the children of each in order of creation. */
#include "db/tree_priv.h"

/* Invisible children that one call passes over: some µs of a hold. */
enum { CHILDREN_SKIPPED = 128 };

/* --- hashes ------------------------------------------------------------------------------------------------------- */

static uint64_t rid_hash(uint32_t rid)
{
	return htab_mix(rid + 0x9e3779b97f4a7c15ull);
}

static uint64_t name_hash(const struct store *s, uint32_t parent, struct str rn)
{
	return str_hash(rn, s->hkey) ^ rid_hash(parent);
}

struct tnode *node_by_rid(const struct store *s, uint32_t rid)
{
	for (struct hlink *l = htab_find(&s->by_rid, rid_hash(rid)); l; l = htab_next(l)) {
		struct tnode *n = CONTAINER_OF(l, struct tnode, by_rid);
		if (n->pub.rid == rid)
			return n;
	}
	return NULL;
}

struct tnode *node_named(struct store *s, const struct tnode *parent, struct str rn, struct tnode *after)
{
	struct hlink *l = after ? htab_next(&after->by_name) : htab_find(&s->by_name, name_hash(s, parent->pub.rid, rn));

	for (; l; l = htab_next(l)) {
		struct tnode *n = CONTAINER_OF(l, struct tnode, by_name);
		if (n->pub.parent == &parent->pub && str_eq(str_make(n->rn, n->rn_n), rn))
			return n;
	}
	return NULL;
}

static struct tnode *node_given(struct store *s, struct str ri, struct tnode *after)
{
	struct hlink *l = after ? htab_next(&after->given->link) : htab_find(&s->by_ri, str_hash(ri, s->hkey));

	for (; l; l = htab_next(l)) {
		struct given *g = CONTAINER_OF(l, struct given, link);
		if (str_eq(str_make(g->ri, g->n), ri))
			return g->node;
	}
	return NULL;
}

/* --- children: a treap by rid, whose priorities are a keyed hash -------------------------------------------------- */

static uint64_t priority(const struct store *s, const struct tnode *n)
{
	return htab_mix(n->pub.rid ^ s->hkey[0]);
}

/* New ones have the highest rid: they go to the right end, above what has less priority. */
static void kids_add(struct store *s, struct tnode *parent, struct tnode *n)
{
	struct tnode **at = &parent->kids;
	uint64_t p = priority(s, n);

	while (*at && priority(s, *at) >= p) {
		REQUIRE((*at)->pub.rid < n->pub.rid);
		at = &(*at)->right;
	}
	n->left = *at;
	n->right = NULL;
	*at = n;
}

static void kids_del(struct store *s, struct tnode *parent, struct tnode *n)
{
	struct tnode **at = &parent->kids, *l = n->left, *r = n->right;

	while (*at != n) {
		REQUIRE(*at != NULL);
		at = n->pub.rid < (*at)->pub.rid ? &(*at)->left : &(*at)->right;
	}
	while (l && r) {
		if (priority(s, l) >= priority(s, r)) {
			*at = l;
			at = &l->right;
			l = l->right;
		} else {
			*at = r;
			at = &r->left;
			r = r->left;
		}
	}
	*at = l ? l : r;
	n->left = n->right = NULL;
}

/* In-order walk from the first child whose rid is above a given one.  A treap of as many nodes as there are row ids is far less
 * deep than this, whatever the rids are: priorities are keyed. */
struct kids_walk {
	struct tnode *way[128];
	unsigned n;
};

static void kids_from(struct kids_walk *w, const struct tnode *parent, uint32_t after)
{
	w->n = 0;
	for (struct tnode *n = parent->kids; n;) {
		if (n->pub.rid > after) {
			REQUIRE(w->n < ARRAY_LEN(w->way));
			w->way[w->n++] = n;
			n = n->left;
		} else {
			n = n->right;
		}
	}
}

static struct tnode *kids_next(struct kids_walk *w)
{
	struct tnode *n = w->n ? w->way[--w->n] : NULL;

	for (struct tnode *c = n ? n->right : NULL; c; c = c->left) {
		REQUIRE(w->n < ARRAY_LEN(w->way));
		w->way[w->n++] = c;
	}
	return n;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void set_given(struct store *s, struct tnode *n, struct str ri)
{
	struct given *g = mem_get(sizeof(*g) + ri.n);

	g->node = n;
	g->n = (uint16_t)ri.n;
	memcpy(g->ri, ri.p, ri.n);
	n->given = g;
	htab_add(&s->by_ri, &g->link, str_hash(ri, s->hkey));
	s->tree_bytes += sizeof(*g) + ri.n;
}

struct tnode *node_new(struct store *s, const struct node_spec *sp)
{
	struct tnode *n = mem_zget(sizeof(*n) + sp->rn.n), *p = sp->parent;

	n->pub = (struct node){ .magic = NODE_MAGIC, .rid = sp->rid, .type = sp->type, .parent = p ? &p->pub : NULL };
	n->pub.zone = sp->zone || !p ? sp->zone : p->pub.zone;
	n->pub.depth = p ? (uint16_t)(p->pub.depth + 1) : 0;
	n->et.key = n->et_d = INT64_MAX;
	n->rn_n = (uint16_t)sp->rn.n;
	memcpy(n->rn, sp->rn.p, sp->rn.n);
	s->tree_bytes += sizeof(*n) + sp->rn.n;
	s->n_nodes++;

	htab_add(&s->by_rid, &n->by_rid, rid_hash(sp->rid));
	if (sp->ri_given.n)
		set_given(s, n, sp->ri_given);
	if (!p) {
		s->root = n;
		return n;
	}
	node_count(n, 1, 0, 0);
	htab_add(&s->by_name, &n->by_name, name_hash(s, p->pub.rid, sp->rn));
	kids_add(s, p, n);
	return n;
}

void node_unlink(struct store *s, struct tnode *n)
{
	index_node_gone(s, n);
	htab_del(&s->by_rid, &n->by_rid);
	if (n->given)
		htab_del(&s->by_ri, &n->given->link);
	heap_del(&s->expiry, &n->et);
	if (n->in)
		heap_del(&s->stale, &n->in->mia);
	if (n->pub.parent) {
		htab_del(&s->by_name, &n->by_name);
		kids_del(s, tnode_of(n->pub.parent), n);
	}
}

void node_forget(struct store *s, struct tnode *n)
{
	REQUIRE(!n->kids && !n->in);
	s->tree_bytes -= sizeof(*n) + n->rn_n;
	s->n_nodes--;
	node_count(n, -1, 0, 0);
	if (n->given)
		s->tree_bytes -= sizeof(*n->given) + n->given->n;
	subs_drop(s, n);
	if (n->pend)
		s->tree_bytes -= n->pend->bytes;
	n->pub.magic = 0;
}

void node_release(struct tnode *n)
{
	mem_put(n->given);
	if (n->pend)
		res_unref(n->pend);
	if (n->dur)
		res_unref(n->dur);
	mem_put(n);
}

static struct tnode *above(const struct tnode *n)
{
	return n->pub.parent ? tnode_of(n->pub.parent) : NULL;
}

void node_count(struct tnode *n, int64_t resources, int64_t instances, int64_t bytes)
{
	for (; n; n = n->flags & N_GONE_P ? NULL : above(n)) {
		n->sum.resources += (uint64_t)resources;
		n->sum.instances += (uint64_t)instances;
		n->sum.bytes += (uint64_t)bytes;
	}
}

void node_count_tree(struct tnode *n, int sign)
{
	REQUIRE(!(n->flags & N_GONE_P));
	node_count(above(n), sign * (int64_t)n->sum.resources, sign * (int64_t)n->sum.instances,
	           sign * (int64_t)n->sum.bytes);
}

/* The pending content changes; takes over the reference. */
void node_set_content(struct store *s, struct tnode *n, const struct res *r)
{
	if (n->pend) {
		s->tree_bytes -= n->pend->bytes;
		res_unref(n->pend);
	}
	n->pend = r;
	if (r)
		s->tree_bytes += r->bytes;
}

struct insts *node_insts(struct store *s, struct tnode *n)
{
	if (!n->in) {
		n->in = insts_new(n);
		n->in->mia_us = res_mia_us(n->pend);
		s->tree_bytes += n->in->bytes;
	}
	return n->in;
}

int64_t res_et(const struct res *r)
{
	return res_stamp(r, &attr_et, INT64_MAX);
}

/* maxInstanceAge is in seconds. */
int64_t res_mia_us(const struct res *r)
{
	uint64_t s = res_uint(r, "mia", 0);

	return s > INT64_MAX / 1000000 / 4 ? 0 : (int64_t)s * 1000000;
}

/* mia_us was changed: the heap follows. */
void node_mia_changed(struct store *s, struct tnode *n)
{
	struct insts *in = n->in;
	struct ipos p;

	if (!in)
		return;
	heap_del(&s->stale, &in->mia);
	in->mia_us = res_mia_us(n->pend);
	if (in->mia_us && insts_first(in, VIEW_PENDING, 0, &p))
		heap_add(&s->stale, &in->mia, insts_at(in, p).ms * 1000 + in->mia_us);
}

/* --- what a transaction sees -------------------------------------------------------------------------------------- */

static bool over(const struct tx *tx, int64_t et)
{
	return et <= tx->wall && !atomic_load_explicit(&tx->s->paused, memory_order_relaxed);
}

static bool seen(struct tx *tx, const struct tnode *n)
{
	if (tx->mode == TX_READ)
		return (n->flags & (N_DURABLE | N_GONE_D)) == N_DURABLE && !over(tx, n->et_d);
	tx_saw(tx, n);
	return (n->flags & (N_DURABLE | N_GONE_D | N_GONE_P)) == N_DURABLE && !over(tx, n->et_d) && !over(tx, n->et.key);
}

/* With all that lies above it: what is found by an identifier may be below something removed. */
static const struct node *seen_whole(struct tx *tx, const struct tnode *n)
{
	for (const struct tnode *a = n; a; a = a->pub.parent ? tnode_of(a->pub.parent) : NULL)
		if (!seen(tx, a))
			return NULL;
	return &n->pub;
}

bool node_is_gone(const struct tnode *n)
{
	for (; n; n = n->pub.parent ? tnode_of(n->pub.parent) : NULL)
		if (n->flags & (N_GONE_P | N_GONE_D))
			return true;
	return false;
}

const struct node *store_root(struct tx *tx)
{
	return &tx->s->root->pub;
}

const struct node *store_by_rid(struct tx *tx, uint32_t rid)
{
	struct tnode *n = node_by_rid(tx->s, rid);

	return n ? seen_whole(tx, n) : NULL;
}

const struct node *store_by_ri(struct tx *tx, struct str ri)
{
	uint32_t rid[8];
	unsigned k = ident_node_parse(ri, rid);

	for (struct tnode *n = node_given(tx->s, ri, NULL); n; n = node_given(tx->s, ri, n))
		if (seen_whole(tx, n))
			return &n->pub;
	for (unsigned i = 0; i < k; i++) {
		struct tnode *n = node_by_rid(tx->s, rid[i]);
		char name[IDENT_MAX];
		if (n && !n->given && str_eq(str_make(name, ident_node(name, n->pub.type, rid[i])), ri))
			return seen_whole(tx, n);
	}
	return NULL;
}

const struct node *store_child(struct tx *tx, const struct node *parent, struct str rn)
{
	struct tnode *p = tnode_of(parent);

	for (struct tnode *n = node_named(tx->s, p, rn, NULL); n; n = node_named(tx->s, p, rn, n))
		if (seen(tx, n))
			return &n->pub;
	return NULL;
}

bool store_name_taken(struct tx *tx, const struct node *parent, struct str rn)
{
	struct tnode *p = tnode_of(parent);
	uint64_t id;

	for (struct tnode *n = node_named(tx->s, p, rn, NULL); n; n = node_named(tx->s, p, rn, n)) {
		tx_saw(tx, n);
		if (!(n->flags & (N_GONE_P | N_GONE_D)))
			return true;
	}
	/* The generated form belongs to instances to come. */
	if (ident_inst_rn_parse(rn, &id) && type_may_have_child(parent->type, TY_CIN))
		return true;
	if (!p->in)
		return false;
	tx_saw(tx, p);
	for (struct side *sd = side_named(tx->s, p->in, rn, NULL); sd; sd = side_named(tx->s, p->in, rn, sd)) {
		struct ipos pos;
		if (insts_find(p->in, VIEW_PENDING, sd->id, &pos))
			return true;
	}
	return false;
}

bool store_ri_taken(struct tx *tx, struct str ri)
{
	for (struct tnode *n = node_given(tx->s, ri, NULL); n; n = node_given(tx->s, ri, n)) {
		tx_saw(tx, n);
		if (!node_is_gone(n))
			return true;
	}
	return false;
}

size_t store_children(struct tx *tx, const struct node *parent, uint32_t *after, const struct node **out, size_t max)
{
	struct kids_walk w;
	size_t k = 0;

	kids_from(&w, tnode_of(parent), *after);
	for (unsigned looks = 0; k < max && looks < max + CHILDREN_SKIPPED; looks++) {
		struct tnode *n = kids_next(&w);

		*after = n ? n->pub.rid : STORE_LAST;
		if (!n)
			break;
		if (seen(tx, n))
			out[k++] = &n->pub;
	}
	return k;
}

bool store_is_leaf(const struct tx *tx, const struct node *n)
{
	const struct tnode *t = tnode_of(n);

	return !t->kids && (!t->in || (tx->mode == TX_READ ? t->in->cni_d : t->in->cni_p) == 0);
}

/* --- what a node shows -------------------------------------------------------------------------------------------- */

struct str node_ri(struct tx *tx, const struct node *n)
{
	const struct tnode *t = tnode_of(n);
	char name[IDENT_MAX];

	if (t->given)
		return arena_str(tx->a, str_make(t->given->ri, t->given->n));
	return arena_str(tx->a, str_make(name, ident_node(name, n->type, n->rid)));
}

struct str node_rn(const struct tx *tx, const struct node *n)
{
	const struct tnode *t = tnode_of(n);

	(void)tx;
	return str_make(t->rn, t->rn_n);
}

const struct res *node_res(const struct tx *tx, const struct node *n)
{
	const struct tnode *t = tnode_of(n);

	if (tx->mode == TX_READ)
		return t->dur;
	tx_saw(&tx->s->tx, t);
	return t->pend;
}

const struct res *node_durable(const struct tx *tx, const struct node *n)
{
	(void)tx;
	return tnode_of(n)->dur;
}

void node_counters(const struct tx *tx, const struct node *n, struct counters *out)
{
	const struct tnode *t = tnode_of(n);
	const struct insts *in = t->in;

	if (tx->mode == TX_READ) {
		*out = (struct counters){ in ? in->cni_d : 0, in ? in->cbs_d : 0, t->st_d, t->lt_d };
		return;
	}
	tx_saw(&tx->s->tx, t);
	*out = (struct counters){ in ? in->cni_p : 0, in ? in->cbs_p : 0, t->st_p, t->lt_p };
}

struct str node_path(struct tx *tx, const struct node *n)
{
	size_t len = 0;
	char *p;

	for (const struct node *a = n; a; a = a->parent)
		len += tnode_of(a)->rn_n + 1u;
	p = arena_alloc(tx->a, len);

	size_t at = len;
	for (const struct node *a = n; a; a = a->parent) {
		const struct tnode *t = tnode_of(a);
		p[--at] = '/';
		at -= t->rn_n;
		memcpy(p + at, t->rn, t->rn_n);
	}
	return str_make(p, len - 1);
}

void store_subtree_usage(struct tx *tx, const struct node *n, uint64_t *resources, uint64_t *instances, uint64_t *bytes)
{
	const struct usage *u = &tnode_of(n)->sum;

	tx->saw |= tx->s->seq > tx->s->done;
	*resources = u->resources;
	*instances = u->instances;
	*bytes = u->bytes;
}
