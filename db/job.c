/* SPDX-License-Identifier: Apache-2.0 */
/* What a transaction changes: kept, undone in reverse, or published in order. */
#include "db/job_priv.h"

#include "db/cache_priv.h"
#include "db/row_priv.h"
#include "security/seal.h"

enum { JOBS_KEPT = 4096, SEALED_KEPT = 4096, SEALED_MAX = 1 << 30 };

struct job *job_get(struct store *s)
{
	struct job *j = s->jobs_free;

	if (j) {
		s->jobs_free = j->next;
		s->n_jobs_free--;
	} else {
		j = mem_zget(sizeof(*j));
		j->ops = j->inl;
		j->cap_ops = JOB_INLINE;
		buf_init(&j->sealed, SEALED_MAX);
	}
	j->next = j->prev = NULL;
	j->commit = NULL;
	j->emits = j->emits_last = NULL;
	j->err = 0;
	j->growth = false;
	j->n_ops = 0;
	j->weight = 0;
	atomic_store_explicit(&j->ready, false, memory_order_relaxed);
	return j;
}

void job_free(struct job *j)
{
	if (j->ops != j->inl)
		mem_put(j->ops);
	buf_fini(&j->sealed);
	mem_put(j);
}

bool jobs_put(struct store *s, struct job *first, struct job *last, unsigned n)
{
	if (s->n_jobs_free >= JOBS_KEPT)
		return false;
	last->next = s->jobs_free;
	s->jobs_free = first;
	s->n_jobs_free += n;
	return true;
}

void job_put(struct store *s, struct job *j)
{
	if (!jobs_put(s, j, j, 1))
		job_free(j);
}

struct op *job_op(struct tx *tx, enum op_kind kind, struct tnode *n)
{
	struct store *s = tx->s;
	struct job *j = tx->job;
	struct op *op;

	REQUIRE(tx->mode == TX_WRITE);
	if (!j)
		j = tx->job = job_get(s);
	if (j->n_ops == j->cap_ops) {
		struct op *more = mem_get(2u * j->cap_ops * sizeof(*more));
		memcpy(more, j->ops, j->n_ops * sizeof(*more));
		if (j->ops != j->inl)
			mem_put(j->ops);
		j->ops = more;
		j->cap_ops *= 2;
	}
	op = &j->ops[j->n_ops++];
	op->kind = (uint8_t)kind;
	op->n = n;
	op->seq = s->seq + 1;
	op->off = op->len = 0;
	j->weight += 64;
	if (!n)
		return op;
	op->rid = n->pub.rid;
	op->pid = n->pub.parent ? n->pub.parent->rid : 0;
	op->ty = n->pub.type->ty;
	op->old_st = op->st = n->st_p;
	op->old_lt = op->lt = n->lt_p;
	op->old_pseq = n->pseq;
	n->pseq = op->seq;
	return op;
}

/* --- undoing ------------------------------------------------------------------------------------------------------ */

static void undo_content(struct store *s, struct tnode *n, const struct res *old)
{
	node_set_content(s, n, res_ref(old));
	heap_del(&s->expiry, &n->et);
	n->et.key = res_et(old);
	if (n->et.key != INT64_MAX)
		heap_add(&s->expiry, &n->et, n->et.key);
	node_mia_changed(s, n);
	subs_put(s, n);
}

static void undo_append(struct store *s, struct op *op)
{
	struct insts *in = op->n->in;
	size_t before = in->bytes;

	insts_pop(in);
	s->tree_bytes += in->bytes - before;
	s->n_insts--;
	if (op->append.side)
		side_free(s, op->append.side);
	op->append.side = NULL;
	node_count(op->n, 0, -1, -(int64_t)op->append.raw.size);
}

static void undo_gone(struct store *s, struct tnode *n, uint64_t count, uint64_t bytes)
{
	s->n_insts += count;
	node_count(n, 0, (int64_t)count, (int64_t)bytes);
}

static void undo_op(struct store *s, struct op *op)
{
	struct tnode *n = op->n;

	if (n) {
		n->st_p = op->old_st;
		n->lt_p = op->old_lt;
		n->pseq = op->old_pseq;
	}
	switch ((enum op_kind)op->kind) {
	case OP_CREATE:
		subs_del(s, n);
		node_unlink(s, n);
		if (n->in) {
			s->tree_bytes -= n->in->bytes;
			insts_free(n->in);
			n->in = NULL;
		}
		node_forget(s, n);
		node_release(n);
		op->n = NULL;
		break;
	case OP_UPDATE:
		undo_content(s, n, op->content.old);
		break;
	case OP_REMOVE:
		n->flags &= (uint16_t)~N_GONE_P;
		node_count_tree(n, 1);
		if (n->et.key != INT64_MAX)
			heap_add(&s->expiry, &n->et, n->et.key);
		subs_put(s, n);
		break;
	case OP_APPEND:
		undo_append(s, op);
		break;
	case OP_KILL:
		insts_unkill(n->in, op->kill.id);
		undo_gone(s, n, 1, op->kill.size);
		break;
	case OP_TRIM:
		insts_untrim(n->in, op->trim.old_head, &op->trim.t);
		undo_gone(s, n, op->trim.t.n, op->trim.t.bytes);
		break;
	case OP_TOUCH:
	case OP_REC:
	case OP_FORGET:
		break;
	}
}

void job_undo(struct store *s, struct job *j)
{
	for (uint32_t i = j->n_ops; i-- > 0;)
		undo_op(s, &j->ops[i]);
}

void job_clear(struct job *j)
{
	for (uint32_t i = 0; i < j->n_ops; i++) {
		struct op *op = &j->ops[i];
		switch ((enum op_kind)op->kind) {
		case OP_UPDATE:
			res_unref(op->content.old);
			/* fall through */
		case OP_CREATE:
			res_unref(op->content.res);
			mem_put(op->content.head);
			break;
		case OP_REMOVE:
			if (op->gone.res)
				res_unref(op->gone.res);
			mem_put(op->gone.head);
			mem_put(op->gone.value);
			break;
		case OP_APPEND:
			if (op->append.body)
				body_unref(op->append.body);
			break;
		case OP_REC:
			explicit_bzero(op->rec.kv, op->rec.key_n + op->rec.value_n);
			mem_put(op->rec.kv);
			break;
		default:
			break;
		}
	}
	j->n_ops = 0;
	buf_reset(&j->sealed);
	buf_shrink(&j->sealed, SEALED_KEPT);
	if (j->ops != j->inl) {
		mem_put(j->ops);
		j->ops = j->inl;
		j->cap_ops = JOB_INLINE;
	}
}

/* --- publishing --------------------------------------------------------------------------------------------------- */

static void publish_append(struct op *op, struct body **freed, unsigned *n_freed)
{
	struct insts *in = op->n->in;

	in->tail_d = op->append.raw.id;
	in->cni_d++;
	in->cbs_d += op->append.raw.size;
	if (in->latest)
		freed[(*n_freed)++] = in->latest;
	in->latest = op->append.body;
	op->append.body = NULL;
}

/* A pinned body whose instance is gone is pinned no more. */
static void unpin_below(struct insts *in, uint64_t head)
{
	if (!in->latest || in->latest->id >= head)
		return;
	body_unref(in->latest);
	in->latest = NULL;
}

static void publish_trim(struct store *s, struct op *op)
{
	struct insts *in = op->n->in;
	struct inst_sink sink = { sweep_id, sweep_block, s };
	size_t before = in->bytes;

	in->cni_d -= op->trim.t.n;
	in->cbs_d -= op->trim.t.bytes;
	unpin_below(in, op->trim.t.head);
	insts_durable_head(in, op->trim.t.head, &sink);
	s->tree_bytes += in->bytes - before;
}

static void publish_kill(struct store *s, struct op *op)
{
	struct insts *in = op->n->in;
	struct inst_sink sink = { sweep_id, sweep_block, s };
	size_t before = in->bytes;

	in->cni_d--;
	in->cbs_d -= op->kill.size;
	if (in->latest && in->latest->id == op->kill.id)
		unpin_below(in, UINT64_MAX);
	insts_durable_kill(in, op->kill.id, &sink);
	s->tree_bytes += in->bytes - before;
}

static void publish_update(struct store *s, struct op *op)
{
	struct tnode *n = op->n;
	const struct res *old = n->dur;

	n->dur = res_ref(op->content.res);
	n->et_d = res_et(n->dur);
	index_node(s, n, old);
	res_unref(old);
}

static void publish_op(struct store *s, struct op *op, struct body **freed, unsigned *n_freed)
{
	struct tnode *n = op->n;
	int64_t before;

	if (!n)
		return;
	before = n->lt_d;
	n->st_d = op->st;
	n->lt_d = op->lt;
	index_time_changed(s, n, before);
	switch ((enum op_kind)op->kind) {
	case OP_CREATE:
		n->flags |= N_DURABLE;
		n->dur = res_ref(op->content.res);
		n->et_d = res_et(n->dur);
		index_node(s, n, NULL);
		break;
	case OP_UPDATE:
		publish_update(s, op);
		break;
	case OP_REMOVE:
		n->flags |= N_GONE_D;
		if (op->gone.res) {
			n->flags |= N_KEPT;
			s->sweep.n_kept_roots++;
		}
		node_unlink(s, n);
		sweep_tree(s, n);
		break;
	case OP_APPEND:
		publish_append(op, freed, n_freed);
		break;
	case OP_KILL:
		publish_kill(s, op);
		break;
	case OP_TRIM:
		publish_trim(s, op);
		break;
	case OP_TOUCH:
	case OP_REC:
	case OP_FORGET:
		break;
	}
}

void job_publish(struct store *s, struct job *j, struct body **freed, unsigned *n_freed)
{
	for (uint32_t i = 0; i < j->n_ops; i++)
		publish_op(s, &j->ops[i], freed, n_freed);
	s->done = j->seq;
}

/* --- packing and sealing ------------------------------------------------------------------------------------------ */

static void seal_into(struct store *s, struct job *j, struct op *op, uint32_t table, uint64_t row, struct str plain)
{
	size_t n = plain.n + (s->o.seal ? SEAL_OVERHEAD : 0);
	char *p = buf_room(&j->sealed, n);

	REQUIRE(p != NULL);
	op->off = (uint32_t)j->sealed.n;
	op->len = (uint32_t)n;
	if (s->o.seal)
		seal_bytes(s->o.seal, table, row, plain.p, plain.n, p);
	else
		memcpy(p, plain.p, plain.n);
	buf_added(&j->sealed, n);
}

static void seal_append(struct store *s, struct job *j, struct op *op, struct buf *scratch)
{
	res_pack(op->append.r, scratch);
	REQUIRE(!scratch->over);
	op->append.body = body_new(op->append.raw.id, buf_as_str(scratch));
	seal_into(s, j, op, SEAL_BODY, op->append.raw.id, buf_as_str(scratch));
	op->append.r = NULL;
}

void job_gone_key(char key[JOB_GONE_KEY], uint32_t rid)
{
	for (unsigned i = 0; i < JOB_GONE_KEY; i++)
		key[i] = (char)(rid >> (24 - 8 * i));
}

/* The row that goes, as a record: a start makes the subtree of it again, so that its subscriptions are told of. */
static void seal_removed(struct store *s, struct job *j, struct op *op, struct buf *scratch)
{
	char key[JOB_GONE_KEY];
	struct str value;

	row_write(scratch, &(struct row){ .rid = op->rid, .pid = op->pid, .ty = op->ty, .seq = op->seq, .st = op->st, .lt = op->lt },
	          op->gone.head, op->gone.res);
	REQUIRE(!scratch->over);
	op->gone.value_n = (uint32_t)scratch->n;
	op->gone.value = mem_get(scratch->n);
	memcpy(op->gone.value, scratch->p, scratch->n);
	value = str_make(op->gone.value, op->gone.value_n);
	if (value.n > REC_VALUE_MAX)
		return; /* no resource is as large */
	job_gone_key(key, op->rid);
	buf_reset(scratch);
	row_write_rec(scratch, str_make(key, sizeof(key)), value);
	seal_into(s, j, op, SEAL_REC, REC_GONE, buf_as_str(scratch));
}

void job_seal(struct store *s, struct job *j, struct buf *scratch)
{
	for (uint32_t i = 0; i < j->n_ops; i++) {
		struct op *op = &j->ops[i];
		buf_reset(scratch);
		switch ((enum op_kind)op->kind) {
		case OP_APPEND:
			seal_append(s, j, op, scratch);
			break;
		case OP_CREATE:
		case OP_UPDATE:
			row_write(scratch, &(struct row){ .rid = op->rid, .pid = op->pid, .ty = op->ty, .seq = op->seq,
			                                  .st = op->st, .lt = op->lt }, op->content.head, op->content.res);
			REQUIRE(!scratch->over);
			seal_into(s, j, op, SEAL_RES, op->rid, buf_as_str(scratch));
			break;
		case OP_REC:
			row_write_rec(scratch, str_make(op->rec.kv, op->rec.key_n),
			              str_make(op->rec.kv + op->rec.key_n, op->rec.value_n));
			seal_into(s, j, op, SEAL_REC, op->rec.table, buf_as_str(scratch));
			break;
		case OP_REMOVE:
			if (op->gone.res)
				seal_removed(s, j, op, scratch);
			break;
		default:
			break;
		}
	}
}
