/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the batch log.  Small rows cost a start as much as large ones, so the last ones are joined now and then. */
#include "db/journal_priv.h"

#include "cse/base/clock.h"

enum { JOIN_BYTES = 64 << 10, JOIN_ROWS = 256, PART_MAX = 1 << 29 };

void journal_init(struct journal *j, struct store *s)
{
	*j = (struct journal){ .s = s, .next = 1, .join_rows = JOIN_ROWS };
	buf_init(&j->part, PART_MAX);
	buf_init(&j->open, PART_MAX);
	snapshot_init(&j->snap);
}

void journal_fini(struct journal *j)
{
	buf_fini(&j->part);
	buf_fini(&j->open);
	snapshot_fini(&j->snap);
}

void journal_begin(struct journal *j)
{
	buf_reset(&j->part);
	batch_begin(&j->w, &j->part, j->next, tree_seen(j->s), sweep_mark(j->s, j->next - 1));
	j->joined = false;
	j->top_id = j->top_rid = 0;
	j->new_ids = j->ids;
	j->new_rids = j->rids;
}

static void append_fact(struct journal *j, const struct op *op, const struct op *trim)
{
	const struct inst_raw *r = &op->append.raw;
	const struct side *sd = op->append.side;
	struct fact f = { .kind = FACT_APPEND, .rid = op->rid, .id = r->id, .size = r->size, .st = r->st, .ms = r->ms };

	if (trim) {
		f.has_head = true;
		f.head = trim->trim.t.head;
	}
	if (sd) {
		f.has_side = true;
		f.rn = str_make(sd->text, sd->name_n);
		f.labels = str_make(sd->text + sd->name_n, sd->labels_n);
		f.n_labels = sd->n_labels;
		f.own_et = sd->own_et;
	}
	batch_fact(&j->w, &f);
	j->top_id = r->id + 1;
}

bool journal_op(struct journal *j, const struct op *op, const struct op *next)
{
	struct fact f = { .kind = FACT_TOUCH, .rid = op->rid, .st = op->st, .ms = op->lt / 1000 };
	bool with_trim = next && next->kind == OP_TRIM && next->n == op->n && next->st == op->st;

	switch ((enum op_kind)op->kind) {
	case OP_APPEND:
		append_fact(j, op, with_trim ? next : NULL);
		return with_trim;
	case OP_TRIM:
		f.has_head = true;
		f.head = op->trim.t.head;
		break;
	case OP_KILL:
		f.kind = FACT_KILL;
		f.id = op->kill.id;
		break;
	case OP_CREATE:
		j->top_rid = op->rid + 1ull;
		return false;
	case OP_TOUCH:
		break;
	case OP_UPDATE:
	case OP_REMOVE:
	case OP_REC:
	case OP_FORGET:
		return false;
	}
	batch_fact(&j->w, &f);
	return false;
}

void journal_fact(struct journal *j, const struct fact *f)
{
	batch_fact(&j->w, f);
}

/* Far ahead of need, so that it is rarely written; never behind what this very transaction uses. */
static int reserve(struct disk *d, enum disk_meta m, uint64_t top, uint64_t block, uint64_t *have)
{
	if (top + block / 2 <= *have)
		return 0;
	*have = top + block;
	return d->ops->put_meta(d, m, *have);
}

static int put_row(struct journal *j, struct disk *d)
{
	int err;

	if (!j->open_rows || (j->open_rows + 1 < j->join_rows && j->open.n + j->part.n < JOIN_BYTES))
		return d->ops->put_log(d, DISK_BATCH, j->next, buf_as_str(&j->part));
	j->joined = true;
	buf_put(&j->open, j->part.p, j->part.n);
	err = d->ops->put_log(d, DISK_BATCH, j->open_from, buf_as_str(&j->open));
	if (err)
		return err;
	err = d->ops->del_log(d, DISK_BATCH, j->open_from + 1, j->next, UINT32_MAX);
	return err < 0 ? err : 0;
}

int journal_end(struct journal *j, struct disk *d)
{
	int err;

	batch_end(&j->w);
	if (j->top_id && (err = reserve(d, META_IDS, j->top_id, RESERVE_IDS, &j->new_ids)))
		return err;
	if (j->top_rid && (err = reserve(d, META_RIDS, j->top_rid, RESERVE_RIDS, &j->new_rids)))
		return err;
	return put_row(j, d);
}

void journal_committed(struct journal *j)
{
	j->facts += j->w.n;
	j->ids = j->new_ids;
	j->rids = j->new_rids;
	if (j->joined) {
		buf_reset(&j->open);
		j->open_rows = 0;
	} else if (j->part.n < JOIN_BYTES) {
		if (!j->open_rows++)
			j->open_from = j->next;
		buf_put(&j->open, j->part.p, j->part.n);
	} else {
		buf_reset(&j->open);
		j->open_rows = 0;
	}
	j->next++;
	snapshot_committed(j);
	snapshot_check(j);
}

void journal_rolled_back(struct journal *j)
{
	if (j->joined)
		j->open.n -= j->part.n;
	j->joined = false;
	snapshot_rolled_back(j);
}
