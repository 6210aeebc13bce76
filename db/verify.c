/* SPDX-License-Identifier: Apache-2.0 */
/* `trothctl store check`: every row is read, unsealed and compared with memory. */
#include "db/store.h"

#include "cse/base/err.h"
#include "db/batch_priv.h"
#include "db/cache_priv.h"
#include "db/disk.h"
#include "db/row_priv.h"
#include "db/tree_priv.h"

enum { INSTS_A_SLICE = 256, PASSES = 3 };

/* A row that is not what memory holds.  What was read may be older than a change that was published meanwhile: then the next
 * pass reads another row. */
struct doubt {
	uint32_t rid;
	const struct res *res; /* a reference: what memory held */
};

struct verify {
	struct store *s;
	struct arena a;
	struct buf packed;
	struct why *why;
	uint64_t rows;
	uint32_t *rids;
	size_t n, cap;
	struct doubt *doubts; /* ascending */
	size_t n_doubts, cap_doubts, at;
};

static int wrong(struct verify *v, const char *what)
{
	why_set(v->why, RSC_INTERNAL_SERVER_ERROR, "%s", what);
	return E_CORRUPT;
}

/* Does memory hold what the row says?  Else *held is what it holds (a reference), NULL when that cannot be compared now. */
static bool is_same(struct verify *v, const struct row *r, const struct res **held)
{
	bool same = true;

	*held = NULL;
	tree_lock(v->s);
	const struct tnode *n = node_by_rid(v->s, r->rid);
	/* A row below something removed waits for the sweeper. */
	if (n && !node_is_gone(n) && n->dur == n->pend) {
		buf_reset(&v->packed);
		res_pack(n->dur, &v->packed);
		same = str_eq(buf_as_str(&v->packed), r->packed);
		if (!same)
			*held = res_ref(n->dur);
	}
	tree_unlock(v->s);
	return same;
}

static int doubt(struct verify *v, uint32_t rid, const struct res *held)
{
	if (v->n_doubts == v->cap_doubts) {
		v->cap_doubts = v->cap_doubts ? v->cap_doubts * 2 : 64;
		v->doubts = mem_resize(v->doubts, v->cap_doubts, sizeof(*v->doubts));
	}
	v->doubts[v->n_doubts++] = (struct doubt){ rid, held };
	return 0;
}

static int on_res(void *arg, const struct disk_res *d)
{
	struct verify *v = arg;
	const struct res *held;
	struct row r;

	if (row_read(d->plain, &r) || r.rid != d->rid || r.pid != d->pid || r.ty != d->ty || r.seq != d->seq)
		return wrong(v, "table res: a row does not verify");
	v->rows++;
	if (!is_same(v, &r, &held))
		doubt(v, r.rid, held);
	if (v->n == v->cap) {
		v->cap = v->cap ? v->cap * 2 : 256;
		v->rids = mem_resize(v->rids, v->cap, sizeof(*v->rids));
	}
	v->rids[v->n++] = r.rid;
	return 0;
}

/* One that was doubted: the row was read after memory held what it held then. */
static int on_doubted(void *arg, const struct disk_res *d)
{
	struct verify *v = arg;
	const struct res *held;
	struct row r;

	while (v->at < v->n_doubts && v->doubts[v->at].rid < d->rid)
		v->at++;
	if (v->at == v->n_doubts || v->doubts[v->at].rid != d->rid)
		return 0;
	struct doubt *q = &v->doubts[v->at];
	if (q->res == NULL)
		return 0;
	if (row_read(d->plain, &r))
		return wrong(v, "table res: a row does not verify");
	bool same = is_same(v, &r, &held), still = held == q->res;
	res_unref(q->res);
	q->res = held; /* changed again: once more, and what changes all the time is let be */
	return same || !still ? 0 : wrong(v, "table res: a row is not what memory holds");
}

static int check_resources(struct verify *v)
{
	const struct disk_ops *ops = v->s->disk->ops;
	int err = ops->each_res(v->s->disk, on_res, v);

	for (unsigned pass = 0; pass < PASSES && v->n_doubts && !err; pass++) {
		store_flush(v->s);
		v->at = 0;
		err = ops->each_res(v->s->disk, on_doubted, v);
	}
	for (size_t i = 0; i < v->n_doubts; i++)
		if (v->doubts[i].res)
			res_unref(v->doubts[i].res);
	mem_put(v->doubts);
	return err;
}

static int on_fact(void *arg, const struct batch_part *p, const struct fact *f)
{
	(void)arg, (void)p, (void)f;
	return 0;
}

static int on_row(void *arg, uint64_t seq, struct str plain)
{
	(void)seq;
	((struct verify *)arg)->rows++;
	return batch_read(plain, &(struct batch_reader){ NULL, on_fact, arg });
}

/* The bodies of one container, read from the disk. */
static int check_bodies(struct verify *v, uint32_t rid)
{
	struct inst got[INSTS_A_SLICE];
	uint64_t after = 0;
	size_t n;

	do {
		arena_reset(&v->a);
		struct tx *tx = store_begin(v->s, &v->a, TX_READ);
		const struct node *cnt = store_by_rid(tx, rid);
		n = cnt ? store_instances(tx, cnt, after, got, INSTS_A_SLICE) : 0;
		store_end(tx);
		for (size_t i = 0; i < n; i++) {
			struct body *b;
			struct res *r;
			int err = v->s->disk->ops->read_body(v->s->disk, got[i].id, &b);
			after = got[i].id;
			if (err == E_ABSENT) {
				/* Gone meanwhile, or missing? */
				tx = store_begin(v->s, &v->a, TX_READ);
				cnt = store_by_rid(tx, rid);
				bool there = cnt && store_inst(tx, cnt, got[i].id, &got[i]);
				store_end(tx);
				if (there)
					return wrong(v, "table body: a row is missing");
				continue;
			}
			if (err)
				return wrong(v, "table body: a row does not verify");
			err = res_unpack(&v->a, str_make(b->bytes, b->n), &r);
			body_unref(b);
			v->rows++;
			if (err)
				return wrong(v, "table body: a row does not read");
		}
	} while (n == INSTS_A_SLICE);
	return 0;
}

static int on_rec(void *arg, struct str key, struct str value)
{
	(void)key, (void)value;
	((struct verify *)arg)->rows++;
	return 0;
}

static int on_event(void *arg, uint64_t seq, struct str row)
{
	(void)seq, (void)row;
	((struct verify *)arg)->rows++;
	return 0;
}

int store_check(struct store *s, uint64_t *rows, struct why *why)
{
	struct verify v = { .s = s, .why = why };
	const struct disk_ops *ops = s->disk->ops;
	int err;

	arena_init(&v.a, 64 << 10);
	buf_init(&v.packed, 1 << 30);
	store_flush(s);
	err = check_resources(&v);
	for (size_t i = 0; i < v.n && !err; i++)
		err = check_bodies(&v, v.rids[i]);
	if (!err && (ops->each_log(s->disk, DISK_SNAP, 0, INT64_MAX, on_row, &v) ||
	             ops->each_log(s->disk, DISK_BATCH, 0, INT64_MAX, on_row, &v)))
		err = wrong(&v, "the batch log does not verify");
	for (unsigned t = 0; t < REC_TABLES && !err; t++)
		if (ops->each_rec(s->disk, (enum rec_table)t, on_rec, &v))
			err = wrong(&v, "table rec does not verify");
	if (!err && ops->each_event(s->disk, 0, on_event, &v))
		err = wrong(&v, "table event does not verify");
	if (!err && rows)
		*rows = v.rows;
	mem_put(v.rids);
	buf_fini(&v.packed);
	arena_fini(&v.a);
	return err;
}
