/* SPDX-License-Identifier: Apache-2.0 */
/* One transaction of the writer: jobs, security events, a share of the sweeping, and the row of the batch log. */
#include "db/writer_priv.h"

/* Per transaction: rows to sweep and facts of a snapshot, about a millisecond in an idle moment. */
enum { SWEEP_IDLE = 500, SNAPSHOT_IDLE = 8192, SNAPSHOT_BUSY = 64 };

static int put_gone(struct disk *d, uint32_t rid, struct str value, struct str sealed)
{
	char key[JOB_GONE_KEY];

	job_gone_key(key, rid);
	return d->ops->put_rec(d, REC_GONE, str_make(key, sizeof(key)), value, sealed);
}

static int write_op(struct writer *w, const struct job *j, const struct op *op)
{
	struct disk *d = w->disk;
	struct str sealed = op->len ? str_make(j->sealed.p + op->off, op->len) : STR_NONE;
	struct disk_res r = { .rid = op->rid, .pid = op->pid, .ty = op->ty, .seq = op->seq };
	int err;

	switch ((enum op_kind)op->kind) {
	case OP_CREATE:
	case OP_UPDATE:
		return d->ops->put_res(d, &r, sealed);
	case OP_REMOVE:
		err = d->ops->del_res(d, op->rid);
		return err || !op->len ? err : put_gone(d, op->rid, str_make(op->gone.value, op->gone.value_n), sealed);
	case OP_FORGET:
		return op->forget.alone ? put_gone(d, op->rid, STR_NONE, STR_NONE) : d->ops->del_res(d, op->rid);
	case OP_APPEND:
		return d->ops->put_body(d, op->append.raw.id, sealed);
	case OP_REC:
		return d->ops->put_rec(d, (enum rec_table)op->rec.table, str_make(op->rec.kv, op->rec.key_n),
		                       str_make(op->rec.kv + op->rec.key_n, op->rec.value_n),
		                       op->rec.value_n ? sealed : STR_NONE);
	case OP_TOUCH:
	case OP_KILL:
	case OP_TRIM:
		break;
	}
	return 0;
}

static int write_job(struct writer *w, const struct job *j, unsigned *appends)
{
	if (j->err)
		return 0;
	for (uint32_t i = 0; i < j->n_ops; i++) {
		const struct op *op = &j->ops[i];
		int err = write_op(w, j, op);
		if (err)
			return err;
		*appends += op->kind == OP_APPEND;
		if (journal_op(&w->journal, op, i + 1 < j->n_ops ? op + 1 : NULL))
			i++;
	}
	return 0;
}

static int write_sweep(struct writer *w, unsigned max, bool all, int *swept)
{
	uint32_t rid;

	*swept = sweep_rows(w->s, w->disk, max, all, &rid);
	if (*swept < 0)
		return *swept;
	if (rid)
		journal_fact(&w->journal, &(struct fact){ .kind = FACT_SWEPT, .rid = rid });
	return 0;
}

/* Jobs from the front up to `end`, events, and a share of what waits to be swept. */
int commit_write(struct writer *w, const struct job *end, bool idle)
{
	struct disk *d = w->disk;
	unsigned appends = 0;
	int err = d->ops->begin(d), swept = 0;

	if (err)
		return err;
	journal_begin(&w->journal);
	for (const struct job *j = w->first; !err && j != end; j = j->next)
		err = write_job(w, j, &appends);
	if (!err)
		err = event_write(w);
	if (!err)
		err = write_sweep(w, 2 * appends + (idle ? SWEEP_IDLE : 0), idle, &swept);
	if (!err)
		err = snapshot_step(&w->journal, d, 3 * appends + (idle ? SNAPSHOT_IDLE : SNAPSHOT_BUSY));
	if (!err)
		err = journal_end(&w->journal, d);
	if (!err)
		err = d->ops->commit(d);
	if (err) {
		d->ops->rollback(d);
		journal_rolled_back(&w->journal);
		sweep_rolled_back(w->s);
		return err;
	}
	w->s->sweep.batch = w->journal.next;
	journal_committed(&w->journal);
	sweep_committed(w->s);
	/* The latest there is, as reading it all again would find. */
	if (w->journal.w.seen_us > atomic_load_explicit(&w->s->last_seen, memory_order_relaxed))
		atomic_store_explicit(&w->s->last_seen, w->journal.w.seen_us, memory_order_relaxed);
	return 0;
}
