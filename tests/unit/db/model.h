/* SPDX-License-Identifier: Apache-2.0 */
/* A naive model of the store: plain arrays, and the same random operations on both.  The operations follow from a seed
 * and the model alone, so that another process can play them again. */
#ifndef TESTS_UNIT_DB_MODEL_H
#define TESTS_UNIT_DB_MODEL_H

#include "tests/unit/db/fixture.h"

enum { M_CNT = 12, M_INST = 400, M_RECS = 16 };

struct m_inst {
	uint64_t id, size, st, serial;
	int64_t ct;
	int name; /* 0: none */
};

struct m_cnt {
	bool there;
	int parent; /* -1: the CSEBase */
	uint64_t st, mni;
	int64_t lt;
	unsigned n;
	struct m_inst i[M_INST];
};

struct model {
	uint64_t rng, serial;
	int64_t now;
	uint64_t root_st;
	struct m_cnt c[M_CNT];
	uint64_t rec[M_RECS];
};

static inline uint64_t m_rnd(struct model *m, uint64_t bound)
{
	m->rng ^= m->rng << 13;
	m->rng ^= m->rng >> 7;
	m->rng ^= m->rng << 17;
	return (m->rng >> 11) % bound;
}

static inline void m_init(struct model *m, uint64_t seed)
{
	memset(m, 0, sizeof(*m));
	m->rng = seed * 0x9e3779b97f4a7c15ull + 1;
	m->now = T0;
}

/* Containers that are gone may name each other as parents: a way longer than there are containers leads nowhere. */
static inline const struct node *m_node_within(struct tx *tx, const struct model *m, int c, int steps)
{
	char name[16];

	if (c < 0)
		return store_root(tx);
	const struct node *p = steps > 0 ? m_node_within(tx, m, m->c[c].parent, steps - 1) : NULL;
	snprintf(name, sizeof(name), "c%d", c);
	return p ? store_child(tx, p, str_of(name)) : NULL;
}

static inline const struct node *m_node(struct tx *tx, const struct model *m, int c)
{
	return m_node_within(tx, m, c, M_CNT);
}

static inline void m_drop(struct model *m, int c)
{
	m->c[c].there = false;
	m->c[c].n = 0;
	for (int k = 0; k < M_CNT; k++)
		if (m->c[k].there && m->c[k].parent == c)
			m_drop(m, k);
}

static inline void m_cut(struct m_cnt *c, unsigned at, unsigned n)
{
	memmove(c->i + at, c->i + at + n, (c->n - at - n) * sizeof(*c->i));
	c->n -= n;
}

/* --- operations: on the model always, on the store when tx is given ----------------------------------------------- */

static inline void m_append(struct model *m, struct tx *tx, int ci, bool trim)
{
	struct m_cnt *c = &m->c[ci];
	uint64_t len = 3 + m_rnd(m, m_rnd(m, 20) ? 40 : 3000);
	int name = m_rnd(m, 6) ? 0 : 1 + (int)m_rnd(m, 20);
	bool labelled = m_rnd(m, 8) == 0, taken = c->n == M_INST;
	struct m_inst x = { .size = len, .serial = ++m->serial, .name = name };

	for (unsigned k = 0; k < c->n; k++)
		taken |= name && c->i[k].name == name;
	if (tx && c->n < M_INST) {
		struct arena *a = tx_arena(tx);
		char *con = arena_alloc(a, 64 + len), rn[16] = "";
		snprintf(con, 64, "%llu", (unsigned long long)x.serial);
		struct res *r = fix_cin(a, con);
		if (labelled) {
			struct val l = val_list(a, 1);
			l.list.v[0] = val_str(K_TOKEN, str_of(con));
			*fix_add(a, r, "lbl") = l;
		}
		if (name)
			snprintf(rn, sizeof(rn), "n%d", name);
		struct append ap = { .r = r, .rn = str_of(rn), .size = len, .labelled = labelled };
		int err = store_append(tx, m_node(tx, m, ci), &ap);
		ck_assert_int_eq(err, taken ? E_EXISTS : 0);
		if (!err) {
			ck_assert_uint_eq(ap.out.st, c->st + 1);
			ck_assert_int_eq(ap.out.ct, m->now);
		}
		x.id = ap.out.id;
	}
	if (taken)
		return;
	x.st = ++c->st;
	x.ct = c->lt = m->now;
	c->i[c->n++] = x;
	if (trim && c->mni) {
		if (tx)
			store_trim(tx, m_node(tx, m, ci), c->mni, UINT64_MAX, INT64_MIN);
		if (c->n > c->mni)
			m_cut(c, 0, c->n - (unsigned)c->mni);
	}
}

static inline void m_create(struct model *m, struct tx *tx, int ci)
{
	int parent = (int)m_rnd(m, M_CNT + 4) - 4;
	const struct node *n;
	char name[16];

	if (parent < 0 || parent == ci || !m->c[parent].there)
		parent = -1;
	snprintf(name, sizeof(name), "c%d", ci);
	if (tx) {
		const struct node *p = m_node(tx, m, parent);
		ck_assert_int_eq(store_create(tx, p, fix_res(tx_arena(tx), TY_CNT, FAR), str_of(name), STR_NONE, 0, &n), 0);
		store_touch(tx, p);
	}
	memset(&m->c[ci], 0, sizeof(m->c[ci]));
	m->c[ci].there = true;
	m->c[ci].parent = parent;
	m->c[ci].lt = m->now;
	if (parent < 0)
		m->root_st++;
	else
		m->c[parent].st++, m->c[parent].lt = m->now;
}

static inline void m_update(struct model *m, struct tx *tx, int ci)
{
	struct m_cnt *c = &m->c[ci];

	c->mni = m_rnd(m, 3) ? 1 + m_rnd(m, m_rnd(m, 2) ? 10 : M_INST) : 0;
	if (tx) {
		const struct node *n = m_node(tx, m, ci);
		struct res *r = res_edit(tx_arena(tx), node_res(tx, n));
		if (c->mni)
			*fix_add(tx_arena(tx), r, "mni") = val_uint(c->mni);
		else
			obj_del(&r->o, type_attr(r->type, STR("mni")));
		store_update(tx, n, r, true);
		if (c->mni)
			store_trim(tx, n, c->mni, UINT64_MAX, INT64_MIN);
	}
	c->st++;
	c->lt = m->now;
	if (c->mni && c->n > c->mni)
		m_cut(c, 0, c->n - (unsigned)c->mni);
}

static inline void m_kill(struct model *m, struct tx *tx, int ci, unsigned k)
{
	struct m_cnt *c = &m->c[ci];

	if (tx)
		store_inst_remove(tx, m_node(tx, m, ci), c->i[k].id);
	m_cut(c, k, 1);
	c->st++;
	c->lt = m->now;
}

/* The next operation.  true: the store must be durable before the next one (a node came or went). */
static inline bool m_step(struct model *m, struct tx *tx)
{
	int ci = (int)m_rnd(m, M_CNT);
	struct m_cnt *c = &m->c[ci];
	unsigned what = (unsigned)m_rnd(m, 100);

	if (!c->there) {
		m_create(m, tx, ci);
		return true;
	}
	if (what < 60) {
		m_append(m, tx, ci, true);
	} else if (what < 68) {
		for (unsigned k = 0; k < 5; k++)
			m_append(m, tx, ci, k == 4);
	} else if (what < 76) {
		m_update(m, tx, ci);
	} else if (what < 88) {
		if (c->n)
			m_kill(m, tx, ci, (unsigned)(m_rnd(m, 3) ? m_rnd(m, c->n) : m_rnd(m, 2) ? 0 : c->n - 1));
	} else if (what < 90) {
		if (tx)
			store_clear(tx, m_node(tx, m, ci));
		c->n = 0;
	} else if (what < 94) {
		if (tx)
			store_touch(tx, m_node(tx, m, ci));
		c->st++;
		c->lt = m->now;
	} else if (what < 97) {
		unsigned k = (unsigned)m_rnd(m, M_RECS);
		char key[16], value[24];
		m->rec[k] = m_rnd(m, 3) ? ++m->serial : 0;
		snprintf(key, sizeof(key), "key%02u", k);
		snprintf(value, sizeof(value), "%llu", (unsigned long long)m->rec[k]);
		if (tx)
			store_rec_put(tx, REC_META, str_of(key), m->rec[k] ? str_of(value) : STR_NONE);
	} else {
		if (tx)
			store_remove(tx, m_node(tx, m, ci));
		m_drop(m, ci);
		return true;
	}
	return false;
}

/* --- comparing ---------------------------------------------------------------------------------------------------- */

#define M_SAME(cond) do { if (!(cond)) { snprintf(why, 200, "container %d: %s", ci, #cond); return false; } } while (0)

static inline bool m_same_inst(struct tx *tx, const struct node *n, const struct m_inst *x, const struct inst *i, int ci,
                               char *why)
{
	struct inst found;
	char name[16];

	M_SAME(i->size == x->size && i->st == x->st && i->ct == x->ct);
	M_SAME(store_inst(tx, n, i->id, &found) && found.id == i->id);
	if (x->name) {
		snprintf(name, sizeof(name), "n%d", x->name);
		M_SAME(str_eqz(inst_rn(tx, n, i->id), name));
		M_SAME(store_inst_by_name(tx, n, str_of(name), &found) && found.id == i->id);
	}
	return true;
}

/* A container with all below it. */
static inline void m_sum(const struct model *m, int ci, uint64_t sum[3])
{
	sum[0]++;
	for (unsigned i = 0; i < m->c[ci].n; i++, sum[1]++)
		sum[2] += m->c[ci].i[i].size;
	for (int k = 0; k < M_CNT; k++)
		if (m->c[k].there && m->c[k].parent == ci)
			m_sum(m, k, sum);
}

static inline bool m_same_cnt(struct tx *tx, const struct model *m, int ci, char *why)
{
	static const unsigned step = 37;
	const struct m_cnt *c = &m->c[ci];
	const struct node *n = m_node(tx, m, ci);
	struct counters k;
	struct inst got[37], x;
	uint64_t after = 0, bytes = 0;
	uint64_t sum[3] = { 0 }, kept[3];
	unsigned at = 0;
	size_t have;

	M_SAME((n != NULL) == c->there);
	if (!n)
		return true;
	while ((have = store_instances(tx, n, after, got, step))) {
		for (size_t i = 0; i < have; i++, at++) {
			M_SAME(at < c->n);
			if (!m_same_inst(tx, n, &c->i[at], &got[i], ci, why))
				return false;
			bytes += got[i].size;
			after = got[i].id;
		}
	}
	M_SAME(at == c->n);
	m_sum(m, ci, sum);
	store_subtree_usage(tx, n, &kept[0], &kept[1], &kept[2]);
	M_SAME(sum[0] == kept[0] && sum[1] == kept[1] && sum[2] == kept[2]);
	node_counters(tx, n, &k);
	M_SAME(k.cni == c->n);
	M_SAME(k.cbs == bytes);
	M_SAME(k.st == c->st);
	M_SAME(k.lt == c->lt);
	M_SAME(res_uint(node_res(tx, n), "mni", 0) == c->mni);
	M_SAME(store_latest(tx, n, &x) == (c->n > 0));
	M_SAME(!c->n || x.st == c->i[c->n - 1].st);
	M_SAME(store_oldest(tx, n, &x) == (c->n > 0));
	M_SAME(!c->n || x.st == c->i[0].st);
	return true;
}

struct m_recs {
	const struct model *m;
	unsigned seen;
	bool wrong;
};

static inline int m_rec(void *arg, struct str key, struct str value)
{
	struct m_recs *r = arg;
	uint64_t k, v;

	r->wrong |= str_u64(str_from(key, 3), &k) || str_u64(value, &v) || k >= M_RECS || r->m->rec[k] != v;
	r->seen++;
	return 0;
}

/* Is what the store shows exactly the model? */
static inline bool m_same(struct fix *f, const struct model *m, char why[200])
{
	struct m_recs r = { .m = m };
	struct counters k;
	unsigned recs = 0;
	bool same = true;
	int ci = -1;

	store_flush(f->s);
	fix_read(f);
	node_counters(f->tx, store_root(f->tx), &k);
	for (ci = 0; ci < M_CNT && same; ci++)
		same = m_same_cnt(f->tx, m, ci, why);
	fix_end(f);
	if (!same)
		return false;
	M_SAME(k.st == m->root_st);
	for (unsigned i = 0; i < M_RECS; i++)
		recs += m->rec[i] != 0;
	M_SAME(store_rec_each(f->s, REC_META, m_rec, &r) == 0 && !r.wrong && r.seen == recs);
	return true;
}

/* The model's ids become those of the store (another process gave them). */
static inline void m_learn_ids(struct fix *f, struct model *m)
{
	fix_read(f);
	for (int ci = 0; ci < M_CNT; ci++) {
		struct m_cnt *c = &m->c[ci];
		if (!c->there || !c->n)
			continue;
		struct inst *got = arena_array(&f->a, c->n, sizeof(*got));
		ck_assert_uint_eq(store_instances(f->tx, m_node(f->tx, m, ci), 0, got, c->n), c->n);
		for (unsigned i = 0; i < c->n; i++)
			c->i[i].id = got[i].id;
	}
	fix_end(f);
}

#endif
