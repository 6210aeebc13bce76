/* SPDX-License-Identifier: Apache-2.0 */
/* `trothctl store check`: every row is read, unsealed and compared with memory. */
#include "db/store.h"

#include "cse/base/err.h"
#include "db/batch_priv.h"
#include "db/cache_priv.h"
#include "db/disk.h"
#include "db/row_priv.h"
#include "db/tree_priv.h"

enum { INSTS_A_SLICE = 256 };

struct verify {
	struct store *s;
	struct arena a;
	struct buf packed;
	struct why *why;
	uint32_t *rids;
	size_t n, cap;
};

static int wrong(struct verify *v, const char *what)
{
	why_set(v->why, RSC_INTERNAL_SERVER_ERROR, "%s", what);
	return E_CORRUPT;
}

static int on_res(void *arg, const struct disk_res *d)
{
	struct verify *v = arg;
	struct row r;
	struct tnode *n;
	bool same = true;

	if (row_read(d->plain, &r) || r.rid != d->rid || r.pid != d->pid || r.ty != d->ty || r.seq != d->seq)
		return wrong(v, "table res: a row does not verify");
	tree_lock(v->s);
	n = node_by_rid(v->s, r.rid);
	/* A row below something removed waits for the sweeper. */
	if (n && !node_is_gone(n) && n->dur == n->pend) {
		buf_reset(&v->packed);
		res_pack(n->dur, &v->packed);
		same = str_eq(buf_as_str(&v->packed), r.packed);
	}
	tree_unlock(v->s);
	if (!same)
		return wrong(v, "table res: a row is not what memory holds");
	if (v->n == v->cap) {
		v->cap = v->cap ? v->cap * 2 : 256;
		v->rids = mem_resize(v->rids, v->cap, sizeof(*v->rids));
	}
	v->rids[v->n++] = r.rid;
	return 0;
}

static int on_fact(void *arg, const struct batch_part *p, const struct fact *f)
{
	(void)arg, (void)p, (void)f;
	return 0;
}

static int on_row(void *arg, uint64_t seq, struct str plain)
{
	(void)seq;
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
			if (err)
				return wrong(v, "table body: a row does not read");
		}
	} while (n == INSTS_A_SLICE);
	return 0;
}

static int no_rec(void *arg, struct str key, struct str value)
{
	(void)arg, (void)key, (void)value;
	return 0;
}

static int no_event(void *arg, uint64_t seq, struct str row)
{
	(void)arg, (void)seq, (void)row;
	return 0;
}

int store_check(struct store *s, struct why *why)
{
	struct verify v = { .s = s, .why = why };
	const struct disk_ops *ops = s->disk->ops;
	int err;

	arena_init(&v.a, 64 << 10);
	buf_init(&v.packed, 1 << 30);
	store_flush(s);
	err = ops->each_res(s->disk, on_res, &v);
	for (size_t i = 0; i < v.n && !err; i++)
		err = check_bodies(&v, v.rids[i]);
	if (!err && (ops->each_log(s->disk, DISK_SNAP, 0, INT64_MAX, on_row, &v) ||
	             ops->each_log(s->disk, DISK_BATCH, 0, INT64_MAX, on_row, &v)))
		err = wrong(&v, "the batch log does not verify");
	for (unsigned t = 0; t < REC_TABLES && !err; t++)
		if (ops->each_rec(s->disk, (enum rec_table)t, no_rec, NULL))
			err = wrong(&v, "table rec does not verify");
	if (!err && ops->each_event(s->disk, 0, no_event, NULL))
		err = wrong(&v, "table event does not verify");
	mem_put(v.rids);
	buf_fini(&v.packed);
	arena_fini(&v.a);
	return err;
}
