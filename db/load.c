/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start: rows of resources make the tree, the facts of the log make counters and lists of instances.  What the log
 * knows and the tree does not, or what was gone before its row was swept, waits for the sweeper again.
 */
#include "db/load_priv.h"

#include "cse/base/err.h"
#include "db/job_priv.h"
#include "db/journal_priv.h"
#include "db/row_priv.h"

struct orphan {
	uint64_t id;
	uint32_t rid;
};

struct load {
	struct store *s;
	struct journal *j;
	struct arena a;
	uint64_t meta[META_COUNT];
	uint64_t swept;          /* rows of what went up to this batch are gone */
	uint64_t facts, newest;  /* newest batch */
	uint64_t top_id, top_rid;
	int64_t seen;
	struct orphan *orphans;  /* instances whose container is gone */
	size_t n_orphans, cap_orphans;
	uint32_t *done;          /* containers of which nothing is left */
	size_t n_done, cap_done;
	struct tnode *last;      /* of the fact before */
	struct removed *removed; /* ascending */
	size_t n_removed, cap_removed, at_removed;
};

/* A removed resource: its record, then its node. */
struct removed {
	struct row row;
	char *text;              /* backs row */
	struct tnode *node;
};

/* --- resources ---------------------------------------------------------------------------------------------------- */

static int add_node(struct load *l, const struct row *r, const struct node_spec *sp, struct tnode **out)
{
	struct store *s = l->s;
	struct res *res;
	struct tnode *n;
	int err;

	arena_reset(&l->a);
	err = res_unpack(&l->a, r->packed, &res);
	if (err)
		return err;
	if (res->type != sp->type)
		return E_CORRUPT;
	n = node_new(s, sp);
	n->flags = N_DURABLE;
	node_set_content(s, n, res_keep(res));
	n->dur = res_ref(n->pend);
	index_node(s, n, NULL);
	n->st_d = n->st_p = r->st;
	n->lt_d = n->lt_p = r->lt;
	n->et_d = res_et(n->dur);
	*out = n;
	return 0;
}

static int load_node(struct load *l, const struct row *r)
{
	struct store *s = l->s;
	struct node_spec sp = { .type = type_by_ty(r->ty), .rid = r->rid, .zone = r->zone, .rn = r->rn, .ri_given = r->ri };
	struct tnode *n;
	int err;

	if (!sp.type || (r->pid ? !s->root : s->root != NULL))
		return E_CORRUPT;
	if (r->pid && !(sp.parent = node_by_rid(s, r->pid))) {
		sweep_res(s, r->rid); /* of a removed subtree */
		return 0;
	}
	if (!r->pid) /* its name is what it was made with: whether that is still right is asked when all is read */
		sp.ri_given = s->o.self.cse;
	if ((err = add_node(l, r, &sp, &n)))
		return err;
	if (n->et_d != INT64_MAX)
		heap_add(&s->expiry, &n->et, n->et_d);
	subs_put(s, n);
	return 0;
}

/* --- what was removed and not swept, while somebody is to be told ----------------------------------------------------- */

static int on_removed(void *arg, struct str key, struct str value)
{
	struct load *l = arg;
	struct removed *m;
	char want[JOB_GONE_KEY];
	char *text = mem_get(value.n);
	struct row r;
	int err;

	memcpy(text, value.p, value.n);
	err = row_read(str_make(text, value.n), &r);
	if (!err) {
		job_gone_key(want, r.rid);
		if (!str_eq(key, str_make(want, sizeof(want))) || !r.pid || !type_by_ty(r.ty))
			err = E_CORRUPT;
	}
	if (err) {
		mem_put(text);
		return err;
	}
	if (l->n_removed == l->cap_removed) {
		l->cap_removed = l->cap_removed ? l->cap_removed * 2 : 16;
		l->removed = mem_resize(l->removed, l->cap_removed, sizeof(*l->removed));
	}
	m = &l->removed[l->n_removed++];
	*m = (struct removed){ .row = r, .text = text };
	return 0;
}

/* Those with a row id below `rid`, so that what lies below them finds them: gone for all but the sweeper. */
static int load_removed(struct load *l, uint64_t rid)
{
	for (; l->at_removed < l->n_removed && l->removed[l->at_removed].row.rid < rid; l->at_removed++) {
		struct removed *m = &l->removed[l->at_removed];
		struct node_spec sp = { .parent = node_by_rid(l->s, m->row.pid), .type = type_by_ty(m->row.ty), .rid = m->row.rid,
			.zone = m->row.zone, .rn = m->row.rn, .ri_given = m->row.ri };
		int err;

		if (!l->s->root || node_by_rid(l->s, m->row.rid))
			return E_CORRUPT;
		if (!sp.parent)
			sp.parent = l->s->root;
		if ((err = add_node(l, &m->row, &sp, &m->node)))
			return err;
		node_count_tree(m->node, -1);
		m->node->flags |= N_GONE_P | N_GONE_D | N_KEPT;
		if (m->row.seq > l->s->seq)
			l->s->seq = m->row.seq;
		if (l->top_rid <= m->row.rid)
			l->top_rid = m->row.rid + 1ull;
	}
	return 0;
}

/* In the order in which they went. */
static int by_seq(const void *a, const void *b)
{
	const struct removed *x = a, *y = b;

	if (x->row.seq != y->row.seq)
		return x->row.seq > y->row.seq ? 1 : -1;
	return (x->row.rid < y->row.rid) - (x->row.rid > y->row.rid);
}

static void leave_removed(struct load *l, bool sweep)
{
	if (sweep && l->n_removed)
		qsort(l->removed, l->n_removed, sizeof(*l->removed), by_seq);
	for (size_t i = 0; i < l->n_removed; i++) {
		if (sweep) {
			node_unlink(l->s, l->removed[i].node);
			sweep_add_late(l->s, l->removed[i].node);
		}
		mem_put(l->removed[i].text);
	}
	mem_put(l->removed);
}

static int on_res(void *arg, const struct disk_res *d)
{
	struct load *l = arg;
	struct row r;
	int err = row_read(d->plain, &r);

	if (err)
		return err;
	/* Ascending: a parent is there before its children, and nobody twice. */
	if (r.rid != d->rid || r.pid != d->pid || r.ty != d->ty || r.seq != d->seq || r.rid < l->top_rid)
		return E_CORRUPT;
	l->top_rid = r.rid + 1ull;
	if (r.seq > l->s->seq)
		l->s->seq = r.seq;
	err = load_removed(l, r.rid);
	return err ? err : load_node(l, &r);
}

/* --- facts -------------------------------------------------------------------------------------------------------- */

static void nothing(void *arg, uint64_t id)
{
	(void)arg, (void)id;
}

static void no_block(void *arg, struct block *b)
{
	(void)arg;
	block_free(b);
}

static struct inst_sink sink_of(struct load *l, const struct batch_part *p)
{
	l->s->sweep.batch = p->seq;
	if (p->seq > l->swept)
		return (struct inst_sink){ sweep_id, sweep_block, l->s };
	return (struct inst_sink){ nothing, no_block, NULL };
}

static void level(struct insts *in)
{
	in->cni_d = in->cni_p;
	in->cbs_d = in->cbs_p;
	in->tail_d = in->tail_p;
}

static void set_head(struct load *l, const struct batch_part *p, struct insts *in, uint64_t head)
{
	struct inst_sink sink = sink_of(l, p);

	if (head <= in->head_p)
		return;
	insts_trim_below(in, head);
	level(in);
	insts_durable_head(in, in->head_p, &sink);
}

static void orphan(struct load *l, uint32_t rid, uint64_t id)
{
	if (l->n_orphans == l->cap_orphans) {
		l->cap_orphans = l->cap_orphans ? l->cap_orphans * 2 : 1024;
		l->orphans = mem_resize(l->orphans, l->cap_orphans, sizeof(*l->orphans));
	}
	l->orphans[l->n_orphans++] = (struct orphan){ id, rid };
}

static void on_append(struct load *l, const struct batch_part *p, struct tnode *n, const struct fact *f)
{
	struct insts *in = node_insts(l->s, n);
	struct ipos pos;

	if (f->id > in->tail_p && f->id >= in->head_p) {
		insts_push(in, &(struct inst_raw){ f->id, f->size, f->st, f->ms });
		level(in);
		if (f->has_side)
			side_new(l->s, in, &(struct side_spec){ .id = f->id, .rn = f->rn, .labels = f->labels,
			                                        .n_labels = f->n_labels, .own_et = f->own_et });
	} else if (!insts_find(in, VIEW_PENDING, f->id, &pos)) {
		/* A snapshot that was taken later knew that it is gone. */
		l->s->sweep.batch = p->seq;
		sweep_id(l->s, f->id);
	}
}

static void on_kill(struct load *l, const struct batch_part *p, struct tnode *n, const struct fact *f)
{
	struct inst_sink sink = sink_of(l, p);
	struct ipos pos;

	if (!n->in || !insts_find(n->in, VIEW_PENDING, f->id, &pos))
		return;
	insts_kill(n->in, pos);
	level(n->in);
	insts_durable_kill(n->in, f->id, &sink);
}

static void on_swept(struct load *l, uint32_t rid)
{
	if (l->n_done == l->cap_done) {
		l->cap_done = l->cap_done ? l->cap_done * 2 : 64;
		l->done = mem_resize(l->done, l->cap_done, sizeof(*l->done));
	}
	l->done[l->n_done++] = rid;
}

static int on_fact(void *arg, const struct batch_part *p, const struct fact *f)
{
	struct load *l = arg;
	struct tnode *n = l->last && l->last->pub.rid == f->rid ? l->last : node_by_rid(l->s, f->rid);

	l->facts++;
	if ((f->kind == FACT_APPEND || f->kind == FACT_KILL) && f->id >= l->top_id)
		l->top_id = f->id + 1;
	if (f->kind == FACT_SWEPT) {
		on_swept(l, f->rid);
		return 0;
	}
	if (!n) {
		if (f->kind == FACT_APPEND)
			orphan(l, f->rid, f->id);
		return 0;
	}
	l->last = n;
	if (f->kind == FACT_APPEND)
		on_append(l, p, n, f);
	else if (f->kind == FACT_KILL)
		on_kill(l, p, n, f);
	if (f->has_head)
		set_head(l, p, node_insts(l->s, n), f->head);
	if (f->st > n->st_p)
		n->st_d = n->st_p = f->st;
	if (f->ms * 1000 > n->lt_p)
		n->lt_d = n->lt_p = f->ms * 1000;
	return 0;
}

static void on_part(void *arg, const struct batch_part *p)
{
	struct load *l = arg;

	if (p->seq > l->newest)
		l->newest = p->seq;
	if (p->seen_us > l->seen)
		l->seen = p->seen_us;
}

static int on_row(void *arg, uint64_t seq, struct str plain)
{
	(void)seq;
	return batch_read(plain, &(struct batch_reader){ on_part, on_fact, arg });
}

/* --- before and after --------------------------------------------------------------------------------------------- */

static void mark_part(void *arg, const struct batch_part *p)
{
	struct load *l = arg;

	if (p->swept > l->swept)
		l->swept = p->swept;
}

static int no_fact(void *arg, const struct batch_part *p, const struct fact *f)
{
	(void)arg, (void)p, (void)f;
	return 0;
}

static int mark_row(void *arg, uint64_t seq, struct str plain)
{
	(void)seq;
	return batch_read(plain, &(struct batch_reader){ mark_part, no_fact, arg });
}

static int by_rid(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Rows of removed containers, but for those that were swept to the end. */
static void sweep_orphans(struct load *l)
{
	if (l->n_done)
		qsort(l->done, l->n_done, sizeof(*l->done), by_rid);
	for (size_t i = 0; i < l->n_orphans; i++) {
		const struct orphan *o = &l->orphans[i];
		if (!l->n_done || !bsearch(&o->rid, l->done, l->n_done, sizeof(*l->done), by_rid))
			sweep_id(l->s, o->id);
	}
	mem_put(l->orphans);
	mem_put(l->done);
}

/* Sums that follow from the lists. */
static void sum_up(struct store *s)
{
	for (uint64_t i = 0; i < htab_buckets(&s->by_rid); i++) {
		for (struct hlink *k = htab_bucket(&s->by_rid, i); k; k = k->next) {
			struct tnode *n = CONTAINER_OF(k, struct tnode, by_rid);
			if (n->lt_p > s->last_now)
				s->last_now = n->lt_p;
			if (!n->in)
				continue;
			s->n_insts += n->in->cni_p;
			s->tree_bytes += n->in->bytes - sizeof(*n->in);
			node_count(n, 0, (int64_t)n->in->cni_p, (int64_t)n->in->cbs_p);
			node_mia_changed(s, n);
		}
	}
}

static int read_all(struct load *l, struct why *why)
{
	struct disk *d = l->s->disk;
	uint64_t *m = l->meta;
	int err = d->ops->meta(d, m);

	if (err)
		return why_set(why, RSC_INTERNAL_SERVER_ERROR, "table meta does not verify"), err;
	if ((err = d->ops->each_rec(d, REC_GONE, on_removed, l)))
		return why_set(why, RSC_INTERNAL_SERVER_ERROR, "table rec does not verify"), err;
	if ((err = d->ops->each_res(d, on_res, l)) || (err = load_removed(l, UINT64_MAX)))
		return why_set(why, RSC_INTERNAL_SERVER_ERROR, "table res does not verify"), err;
	/* The newest rows know best how far was swept. */
	if ((err = d->ops->each_log(d, DISK_BATCH, d->ops->log_last(d), INT64_MAX, mark_row, l)) ||
	    (err = d->ops->each_log(d, DISK_SNAP, m[META_SNAP_FROM], m[META_SNAP_TO], on_row, l)) ||
	    (err = d->ops->each_log(d, DISK_BATCH, m[META_BATCH_FROM], INT64_MAX, on_row, l)))
		return why_set(why, RSC_INTERNAL_SERVER_ERROR, "the batch log does not verify"), err;
	return 0;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

int load_store(struct store *s, struct journal *j, struct why *why)
{
	struct load l = { .s = s, .j = j };
	int err;

	arena_init(&l.a, 64 << 10);
	err = read_all(&l, why);
	sweep_orphans(&l);
	arena_fini(&l.a);
	if (!err)
		sum_up(s);
	leave_removed(&l, !err);
	if (err)
		return err;
	s->next_id = most(most(l.meta[META_IDS], l.top_id), 1);
	s->next_rid = (uint32_t)most(most(l.meta[META_RIDS], l.top_rid), 1);
	s->done = s->seq;
	s->last_seen = l.seen;
	if (l.seen - l.seen % 1000 > s->last_now)
		s->last_now = l.seen - l.seen % 1000;
	s->index.recent_from = s->last_now;
	j->next = l.newest + 1;
	j->ids = l.meta[META_IDS];
	j->rids = l.meta[META_RIDS];
	j->facts = l.facts;
	j->snap_from = l.meta[META_SNAP_FROM];
	j->snap_to = l.meta[META_SNAP_TO];
	j->batch_from = l.meta[META_BATCH_FROM];
	if (j->batch_from || j->snap_from) /* rows that were void already may still be there */
		j->snap.state = SNAP_VOID;
	return 0;
}
