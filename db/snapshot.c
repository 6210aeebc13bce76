/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of the batch log: counters and lists of all nodes, in rows of their own; then the older rows are void. */
#include "db/snapshot_priv.h"

#include "cse/base/clock.h"
#include "db/journal_priv.h"

enum { ROW_BYTES = 64 << 10, HOLD_FACTS = 256, ROW_MAX = 1 << 29, VOID_ROWS = 8, MIN_GARBAGE = 1 << 20 };

void snapshot_init(struct snapshot *sn)
{
	*sn = (struct snapshot){ .state = SNAP_NONE, .min_garbage = MIN_GARBAGE };
	buf_init(&sn->buf, ROW_MAX);
}

void snapshot_fini(struct snapshot *sn)
{
	buf_fini(&sn->buf);
}

static void begin(struct journal *j)
{
	struct snapshot *sn = &j->snap;

	sn->state = SNAP_WRITE;
	sn->upto = j->next - 1;
	sn->from = sn->next = j->snap_to;
	sn->facts_before = j->facts;
	sn->facts = 0;
	sn->bucket = 0;
	sn->n = sn->i = 0;
	buf_reset(&sn->buf);
	/* Rows that are joined from now on must not reach back. */
	buf_reset(&j->open);
	j->open_rows = 0;
}

void snapshot_check(struct journal *j)
{
	struct store *s = j->s;
	uint64_t live;

	if (j->snap.state != SNAP_NONE || j->facts <= j->snap.min_garbage)
		return;
	tree_lock(s);
	live = s->n_insts + s->n_nodes;
	tree_unlock(s);
	if (j->facts > live + live / 2 + j->snap.min_garbage)
		begin(j);
}

/* --- walking ------------------------------------------------------------------------------------------------------ */

/* The nodes of the next bucket that has some.  false: that was the last one. */
static bool next_bucket(struct store *s, struct snapshot *sn)
{
	sn->n = sn->i = 0;
	while (sn->bucket < htab_buckets(&s->by_rid) && !sn->n) {
		/* A chain longer than the array does not occur: as many buckets as links, and a hash. */
		for (struct hlink *l = htab_bucket(&s->by_rid, sn->bucket); l && sn->n < SNAP_CHAIN; l = l->next)
			sn->rid[sn->n++] = CONTAINER_OF(l, struct tnode, by_rid)->pub.rid;
		sn->bucket++;
	}
	sn->after = 0;
	sn->touched = false;
	return sn->n > 0;
}

static void instance_fact(struct store *s, struct batch_writer *w, const struct tnode *n, struct inst_raw r)
{
	const struct side *sd = side_by_id(s, n->in, r.id);
	struct fact f = { .kind = FACT_APPEND, .rid = n->pub.rid, .id = r.id, .size = r.size, .st = r.st, .ms = r.ms };

	if (sd) {
		f.has_side = true;
		f.rn = str_make(sd->text, sd->name_n);
		f.labels = str_make(sd->text + sd->name_n, sd->labels_n);
		f.n_labels = sd->n_labels;
		f.own_et = sd->own_et;
	}
	batch_fact(w, &f);
}

/* At most `max` facts of one node, from where the walk is; how many.  *done: nothing is left of it. */
static unsigned write_node(struct store *s, struct snapshot *sn, struct batch_writer *w, const struct tnode *n,
                           unsigned max, bool *done)
{
	struct ipos p;
	unsigned k = 0;

	if (!sn->touched) {
		struct fact f = { .kind = FACT_TOUCH, .rid = n->pub.rid, .st = n->st_d, .ms = n->lt_d / 1000 };
		if (n->in) {
			f.has_head = true;
			f.head = n->in->head_d;
		}
		batch_fact(w, &f);
		sn->touched = true;
		k++;
	}
	*done = true;
	if (!n->in || !insts_first(n->in, VIEW_DURABLE, sn->after, &p))
		return k;
	do {
		if (k >= max) {
			*done = false;
			break;
		}
		struct inst_raw r = insts_at(n->in, p);
		instance_fact(s, w, n, r);
		sn->after = r.id;
		k++;
	} while (insts_next(n->in, VIEW_DURABLE, &p));
	return k;
}

/* One hold of the lock.  false: the walk is at its end. */
static bool write_slice(struct store *s, struct snapshot *sn, struct batch_writer *w)
{
	unsigned k = 0;
	bool more = true;

	tree_lock(s);
	while (k < HOLD_FACTS) {
		bool done = true;
		if (sn->i == sn->n && !next_bucket(s, sn)) {
			more = false;
			break;
		}
		const struct tnode *n = node_by_rid(s, sn->rid[sn->i]);
		if (n && (n->flags & (N_DURABLE | N_GONE_D)) == N_DURABLE)
			k += write_node(s, sn, w, n, HOLD_FACTS - k, &done);
		if (!done)
			break;
		sn->i++;
		sn->after = 0;
		sn->touched = false;
		k++;
	}
	tree_unlock(s);
	return more;
}

static int write_rows(struct journal *j, struct disk *d, unsigned facts)
{
	struct snapshot *sn = &j->snap;
	bool more = true;

	while (facts && more) {
		struct batch_writer w;
		batch_begin(&w, &sn->buf, j->next - 1, tree_seen(j->s), sweep_mark(j->s, j->next - 1));
		more = write_slice(j->s, sn, &w);
		batch_end(&w);
		sn->facts += w.n;
		facts -= facts < HOLD_FACTS ? facts : HOLD_FACTS;
		if (sn->buf.n < ROW_BYTES && more)
			continue;
		int err = d->ops->put_log(d, DISK_SNAP, sn->next, buf_as_str(&sn->buf));
		if (err)
			return err;
		sn->next++;
		buf_reset(&sn->buf);
		sn->wrote = true;
	}
	if (!more)
		sn->state = SNAP_SWEEP;
	return 0;
}

/* --- ending ------------------------------------------------------------------------------------------------------- */

/* What died before it was written is in no row of the snapshot: its body must be gone before the old rows are. */
static int end(struct journal *j, struct disk *d)
{
	struct snapshot *sn = &j->snap;
	int err;

	if (!sn->sweep_to && !j->s->sweep.trees)
		sn->sweep_to = j->next;
	if (!sn->sweep_to || sweep_mark(j->s, j->next - 1) < sn->sweep_to - 1)
		return 0;
	if ((err = d->ops->put_meta(d, META_SNAP_FROM, sn->from)) || (err = d->ops->put_meta(d, META_SNAP_TO, sn->next)) ||
	    (err = d->ops->put_meta(d, META_BATCH_FROM, sn->upto + 1)))
		return err;
	sn->state = SNAP_VOID;
	sn->wrote = true;
	return 0;
}

static int remove_void(struct journal *j, struct disk *d)
{
	int n = d->ops->del_log(d, DISK_SNAP, 0, j->snap_from, VOID_ROWS);

	if (n >= 0 && n < VOID_ROWS)
		n = d->ops->del_log(d, DISK_BATCH, 0, j->batch_from, VOID_ROWS);
	if (n >= 0 && n < VOID_ROWS)
		j->snap.state = SNAP_NONE;
	return n < 0 ? n : 0;
}

int snapshot_step(struct journal *j, struct disk *d, unsigned facts)
{
	j->snap.wrote = false;
	switch (j->snap.state) {
	case SNAP_NONE:
		break;
	case SNAP_WRITE:
		return write_rows(j, d, facts);
	case SNAP_SWEEP:
		return end(j, d);
	case SNAP_VOID:
		return remove_void(j, d);
	}
	return 0;
}

void snapshot_committed(struct journal *j)
{
	struct snapshot *sn = &j->snap;

	if (sn->state != SNAP_VOID || !sn->wrote)
		return;
	j->snap_from = sn->from;
	j->snap_to = sn->next;
	j->batch_from = sn->upto + 1;
	j->facts = sn->facts + (j->facts - sn->facts_before);
	sn->sweep_to = 0;
}

/* Rows that were not written are written again from the beginning, under the same numbers. */
void snapshot_rolled_back(struct journal *j)
{
	struct snapshot *sn = &j->snap;

	if (sn->state == SNAP_VOID && !sn->wrote)
		return;
	sn->state = SNAP_NONE;
	sn->sweep_to = 0;
}

bool snapshot_is_due(const struct journal *j)
{
	return j->snap.state != SNAP_NONE;
}
