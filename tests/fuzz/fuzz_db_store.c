/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A start on any stored bytes: rows of the batch log and of the snapshot, rows of resources, also of removed ones, records.  What is read fits
 * together (counters are those of the lists), and a snapshot of it reads as the same store.
 */
#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"
#include "db/job_priv.h"
#include "db/journal_priv.h"
#include "db/load_priv.h"
#include "db/row_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 64, NODES = 4 };

/* A backing of rows in memory. */
struct rows {
	struct disk disk; /* first */
	struct buf res[NODES + 1];
	struct disk_res head[NODES + 1];
	unsigned n_res;
	struct str log[2][ROWS];
	unsigned n_log[2];
	struct str gone;    /* a row of what was removed and not swept; empty: none */
	char gone_key[JOB_GONE_KEY];
	struct arena *keep; /* where snapshot rows go */
	uint64_t meta[META_COUNT];
};

static struct rows *of(struct disk *d)
{
	return (struct rows *)(void *)d;
}

static int meta(struct disk *d, uint64_t out[META_COUNT])
{
	memcpy(out, of(d)->meta, sizeof(of(d)->meta));
	return 0;
}

static int each_res(struct disk *d, int (*fn)(void *, const struct disk_res *), void *arg)
{
	int err = 0;

	for (unsigned i = 0; i < of(d)->n_res && !err; i++)
		err = fn(arg, &of(d)->head[i]);
	return err;
}

static int each_rec(struct disk *d, enum rec_table t, int (*fn)(void *, struct str, struct str), void *arg)
{
	return t == REC_GONE && of(d)->gone.n ? fn(arg, str_make(of(d)->gone_key, JOB_GONE_KEY), of(d)->gone) : 0;
}

static int each_log(struct disk *d, enum disk_log l, uint64_t from, uint64_t to, int (*fn)(void *, uint64_t, struct str),
                    void *arg)
{
	int err = 0;

	for (unsigned i = 0; i < of(d)->n_log[l] && !err; i++)
		if (i >= from && i < to)
			err = fn(arg, i, of(d)->log[l][i]);
	return err;
}

static uint64_t log_last(struct disk *d)
{
	return of(d)->n_log[DISK_BATCH] ? of(d)->n_log[DISK_BATCH] - 1 : 0;
}

static int put_log(struct disk *d, enum disk_log l, uint64_t seq, struct str plain)
{
	REQUIRE(l == DISK_SNAP && seq < ROWS);
	of(d)->log[l][seq] = arena_str(of(d)->keep, plain);
	of(d)->n_log[l] = (unsigned)seq + 1;
	return 0;
}

static int put_meta(struct disk *d, enum disk_meta m, uint64_t v)
{
	of(d)->meta[m] = v;
	return 0;
}

static uint64_t event_bytes(struct disk *d, uint64_t *last)
{
	(void)d;
	*last = 0;
	return 0;
}

static void close_(struct disk *d)
{
	(void)d;
}

static const struct disk_ops ops = {
	.meta = meta, .each_res = each_res, .each_rec = each_rec, .each_log = each_log, .log_last = log_last, .put_log = put_log,
	.put_meta = put_meta, .event_bytes = event_bytes, .close = close_,
};

/* --- the fixed part ----------------------------------------------------------------------------------------------- */

static void put_res(struct rows *r, uint32_t rid, uint32_t pid, unsigned ty)
{
	struct disk_res *h = &r->head[r->n_res];
	struct buf *b = &r->res[r->n_res++];
	struct row_head *head = calloc(1, sizeof(*head) + 1);
	struct arena a;

	arena_init(&a, 1024);
	head->rn_n = 1;
	head->text[0] = (char)('a' + rid);
	buf_init(b, 1000);
	row_write(b, &(struct row){ .rid = rid, .pid = pid, .ty = (uint16_t)ty, .seq = rid }, head, res_new(&a, type_by_ty(ty), 1));
	*h = (struct disk_res){ .rid = rid, .pid = pid, .ty = (uint16_t)ty, .seq = rid, .plain = buf_as_str(b) };
	free(head);
	arena_fini(&a);
}

static void rows_init(struct rows *r, struct arena *keep)
{
	*r = (struct rows){ .disk.ops = &ops, .keep = keep };
	put_res(r, 1, 0, TY_CB);
	put_res(r, 2, 1, TY_CNT);
	put_res(r, 3, 2, TY_CNT);
	put_res(r, 5, 1, TY_CNT);
}

static void rows_fini(struct rows *r)
{
	for (unsigned i = 0; i < r->n_res; i++)
		buf_fini(&r->res[i]);
}

struct loaded {
	struct store *s;
	struct journal j;
	struct clock *clock;
	struct rnd *rnd;
	int err;
};

static void load(struct loaded *l, struct rows *r)
{
	struct why why = { 0 };

	l->clock = clock_new_fake(1790000000000000);
	l->rnd = rnd_new_seeded(1);
	l->s = store_make(&(struct store_opts){ .clock = l->clock, .rnd = l->rnd, .cache_bytes = 1 << 16,
	                                        .self = { STR("troth.example"), STR("id-in"), STR("cse-in") } });
	l->s->disk = &r->disk;
	journal_init(&l->j, l->s);
	l->err = load_store(l->s, &l->j, &why);
	REQUIRE(!l->err || ((l->err == E_CORRUPT || l->err == E_NEWER) && why.text[0]));
}

static void unload(struct loaded *l)
{
	journal_fini(&l->j);
	store_unmake(l->s);
	rnd_free(l->rnd);
	clock_free(l->clock);
}

/* --- what must hold ----------------------------------------------------------------------------------------------- */

static void check_list(struct store *s, const struct tnode *n)
{
	uint64_t count = 0, bytes = 0, last = 0;
	unsigned sides = 0;
	struct ipos p;

	if (!n->in)
		return;
	for (bool ok = insts_first(n->in, VIEW_DURABLE, 0, &p); ok; ok = insts_next(n->in, VIEW_DURABLE, &p)) {
		struct inst_raw r = insts_at(n->in, p);
		REQUIRE(r.id > last && r.id >= n->in->head_d && r.id < s->next_id);
		last = r.id;
		count++;
		bytes += r.size;
	}
	for (struct side *sd = n->in->sides; sd; sd = sd->next)
		sides++;
	REQUIRE(count == n->in->cni_d && count == n->in->cni_p && bytes == n->in->cbs_d && bytes == n->in->cbs_p);
	REQUIRE(sides == n->in->n_sides && (sides == 0 || s->side_id.n >= sides));
}

static void check(struct store *s)
{
	uint64_t insts = 0;

	for (uint32_t rid = 1; rid <= 8; rid++) {
		struct tnode *n = node_by_rid(s, rid);
		if (!n)
			continue;
		check_list(s, n);
		REQUIRE(n->st_d == n->st_p && n->lt_d == n->lt_p && n->lt_p <= s->last_now);
		insts += n->in ? n->in->cni_d : 0;
	}
	REQUIRE(s->n_insts == insts);
}

static void same_list(struct store *a, struct store *b, const struct insts *x, const struct insts *y)
{
	struct ipos p, q;
	bool more = x && insts_first(x, VIEW_DURABLE, 0, &p), too = y && insts_first(y, VIEW_DURABLE, 0, &q);

	for (; more; more = insts_next(x, VIEW_DURABLE, &p), too = insts_next(y, VIEW_DURABLE, &q)) {
		REQUIRE(too);
		struct inst_raw r = insts_at(x, p), t = insts_at(y, q);
		REQUIRE(r.id == t.id && r.size == t.size && r.st == t.st && r.ms == t.ms);
		struct side *v = side_by_id(a, x, r.id), *w = side_by_id(b, y, r.id);
		REQUIRE(!v == !w);
		REQUIRE(!v || (v->own_et == w->own_et && v->name_n == w->name_n && v->labels_n == w->labels_n &&
		               v->n_labels == w->n_labels && !memcmp(v->text, w->text, (size_t)v->name_n + v->labels_n)));
	}
	REQUIRE(!too);
}

/* Written anew and read again it is the same. */
static void check_snapshot(struct loaded *l, struct rows *r, struct arena *keep)
{
	struct rows copy = *r;
	struct loaded again;

	copy.keep = keep;
	copy.n_log[0] = copy.n_log[1] = 0;
	copy.gone = STR_NONE;
	memset(copy.meta, 0, sizeof(copy.meta));
	l->j.snap = (struct snapshot){ .state = SNAP_WRITE, .buf = l->j.snap.buf };
	while (l->j.snap.state == SNAP_WRITE)
		REQUIRE(snapshot_step(&l->j, &copy.disk, 100) == 0);
	copy.meta[META_SNAP_TO] = l->j.snap.next;
	copy.meta[META_IDS] = l->s->next_id;
	load(&again, &copy);
	REQUIRE(!again.err);
	check(again.s);
	for (uint32_t rid = 1; rid <= 8; rid++) {
		struct tnode *x = node_by_rid(l->s, rid), *y = node_by_rid(again.s, rid);
		REQUIRE(!x == !y);
		if (!x)
			continue;
		REQUIRE(x->st_d == y->st_d && x->lt_d == y->lt_d);
		same_list(l->s, again.s, x->in, y->in);
	}
	unload(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_make((const char *)data, size), key, value;
	struct arena keep;
	struct loaded l;
	struct rows r;
	struct row row;

	if (size < 2)
		return 0;
	arena_init(&keep, 4096);
	rows_init(&r, &keep);
	unsigned what = (unsigned char)in.p[0] % 3;
	size_t cut = (unsigned char)in.p[1];
	in = str_from(in, 2);
	if (what == 0) {
		/* A snapshot, then the log; or the log alone. */
		r.log[DISK_SNAP][0] = str_first(in, cut);
		r.n_log[DISK_SNAP] = 1;
		r.meta[META_SNAP_TO] = 1;
		r.log[DISK_BATCH][0] = str_from(in, cut);
		r.n_log[DISK_BATCH] = 1;
	} else if (what == 1 && cut % 2 && in.n) {
		r.gone = in;
		job_gone_key(r.gone_key, row_read(in, &row) == 0 ? row.rid : 0);
	} else if (what == 1 && row_read(in, &row) == 0) {
		r.head[r.n_res++] = (struct disk_res){ row.rid, row.pid, row.ty, row.seq, in };
	} else if (what == 2 && row_read_rec(in, &key, &value) == 0) {
		REQUIRE(key.n + value.n < in.n && key.n && value.n);
	}
	load(&l, &r);
	if (!l.err) {
		check(l.s);
		check_snapshot(&l, &r, &keep);
	}
	unload(&l);
	r.n_res = NODES;
	rows_fini(&r);
	arena_fini(&keep);
	return 0;
}
