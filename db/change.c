/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of a TX_WRITE: each is applied to pending state at once and kept as an op of the transaction's job. */
#include "db/job_priv.h"

#include "cse/base/err.h"
#include "db/row_priv.h"

static struct row_head *head_of(const struct tnode *n)
{
	size_t ri_n = n->given ? n->given->n : 0;
	struct row_head *h = mem_get(sizeof(*h) + n->rn_n + ri_n);

	*h = (struct row_head){ .zone = n->pub.zone, .rn_n = n->rn_n, .ri_n = (uint16_t)ri_n };
	memcpy(h->text, n->rn, n->rn_n);
	if (ri_n)
		memcpy(h->text + n->rn_n, n->given->ri, ri_n);
	return h;
}

static struct tnode *mutable(struct tx *tx, const struct node *n)
{
	struct tnode *t = tnode_of(n);

	REQUIRE(tx->mode == TX_WRITE && !(t->flags & (N_GONE_P | N_GONE_D)));
	return t;
}

/* The content with ct = now, in the transaction's arena. */
static const struct res *with_ct(struct tx *tx, const struct res *r, int64_t ct)
{
	struct res *e;

	if (res_stamp(r, &attr_ct, -1) == ct)
		return r;
	e = res_edit(tx->a, r);
	*obj_put(tx->a, &e->o, &attr_ct) = val_stamp(ct);
	return e;
}

static struct res *keep(struct tx *tx, const struct res *r)
{
	return tx->room ? res_keep_in(r, tx->room, tx->room_n) : res_keep(r);
}

static void set_expiry(struct store *s, struct tnode *n)
{
	int64_t et = res_et(n->pend);

	if (et == n->et.key)
		return;
	heap_del(&s->expiry, &n->et);
	n->et.key = et;
	if (et != INT64_MAX)
		heap_add(&s->expiry, &n->et, et);
}

/* --- nodes -------------------------------------------------------------------------------------------------------- */

static struct tnode *create(struct tx *tx, const struct node_spec *sp, const struct res *r)
{
	struct store *s = tx->s;
	struct tnode *n = node_new(s, sp);
	struct op *op = job_op(tx, OP_CREATE, n);
	struct res *kept = keep(tx, with_ct(tx, r, tx->now));

	tx->job->growth = true;
	tx->job->weight += kept->bytes;
	op->old_pseq = 0;
	op->st = n->st_p = 0;
	op->lt = n->lt_p = tx->now;
	op->content.res = kept;
	op->content.old = NULL;
	op->content.head = head_of(n);
	node_set_content(s, n, res_ref(kept));
	set_expiry(s, n);
	subs_put(s, n);
	return n;
}

static uint32_t next_rid(struct store *s)
{
	REQUIRE(s->next_rid != UINT32_MAX);
	return s->next_rid++;
}

/* A client may have taken the name that the next row id makes. */
static size_t make_name(struct tx *tx, const struct node *parent, const struct type *type, char made[IDENT_MAX], uint32_t *rid)
{
	size_t n;

	do {
		*rid = next_rid(tx->s);
		n = ident_node(made, type, *rid);
	} while (store_name_taken(tx, parent, str_make(made, n)));
	return n;
}

struct str store_make_name(struct tx *tx, const struct node *parent, const struct type *type)
{
	char made[IDENT_MAX];
	uint32_t rid;

	return arena_str(tx->a, str_make(made, make_name(tx, parent, type, made, &rid)));
}

int store_create(struct tx *tx, const struct node *parent, const struct res *r, struct str rn, struct str ri_given,
                 uint16_t zone, const struct node **out)
{
	struct store *s = tx->s;
	struct node_spec sp = { .parent = mutable(tx, parent), .type = r->type, .zone = zone, .rn = rn, .ri_given = ri_given };
	char made[IDENT_MAX];

	REQUIRE(rn.n <= UINT16_MAX && ri_given.n <= UINT16_MAX);
	if (ri_given.n && store_ri_taken(tx, ri_given))
		return E_EXISTS;
	if (rn.n && store_name_taken(tx, parent, rn))
		return E_EXISTS;
	if (!rn.n && ri_given.n) {
		sp.rn = ri_given;
		if (store_name_taken(tx, parent, ri_given))
			return E_EXISTS;
	}
	if (!rn.n && !ri_given.n)
		sp.rn = str_make(made, make_name(tx, parent, r->type, made, &sp.rid));
	else
		sp.rid = next_rid(s);
	*out = &create(tx, &sp, r)->pub;
	return 0;
}

void change_create_root(struct tx *tx, const struct res *base)
{
	struct store *s = tx->s;
	struct node_spec sp = { .type = base->type, .rid = s->next_rid++, .rn = s->o.self.base, .ri_given = s->o.self.cse };

	create(tx, &sp, base);
}

void store_update(struct tx *tx, const struct node *node, const struct res *r, bool bump)
{
	struct store *s = tx->s;
	struct tnode *n = mutable(tx, node);
	struct op *op = job_op(tx, OP_UPDATE, n);
	const struct val *ct = res_get(n->pend, &attr_ct);
	struct res *kept = keep(tx, ct ? with_ct(tx, r, ct->i) : r);

	tx->job->growth = true;
	tx->job->weight += kept->bytes;
	op->content.res = kept;
	op->content.old = res_ref(n->pend);
	op->content.head = head_of(n);
	op->st = n->st_p += bump;
	op->lt = n->lt_p = tx->now;
	node_set_content(s, n, res_ref(kept));
	set_expiry(s, n);
	node_mia_changed(s, n);
	subs_put(s, n);
}

static void touch(struct tx *tx, struct op *op, struct tnode *n)
{
	op->st = ++n->st_p;
	op->lt = n->lt_p = tx->now;
}

void store_touch(struct tx *tx, const struct node *node)
{
	struct tnode *n = mutable(tx, node);

	touch(tx, job_op(tx, OP_TOUCH, n), n);
}

/* Somebody may have to be told of it, or of what lies below; also while a removed child of it still has its own record, which leads to
 * this one. */
static bool is_heard(const struct store *s, const struct tnode *n)
{
	return s->gone && (n->kids || n->pub.subs || is_sub(n) || s->sweep.n_kept_roots);
}

void store_remove(struct tx *tx, const struct node *node)
{
	struct tnode *n = mutable(tx, node);
	struct op *op;

	REQUIRE(n->pub.parent != NULL);
	op = job_op(tx, OP_REMOVE, n);
	op->gone.res = NULL;
	op->gone.head = NULL;
	op->gone.value = NULL;
	if (is_heard(tx->s, n)) {
		op->gone.res = res_ref(n->pend);
		op->gone.head = head_of(n);
		tx->job->weight += n->pend->bytes;
	}
	node_count_tree(n, -1);
	n->flags |= N_GONE_P;
	heap_del(&tx->s->expiry, &n->et);
	subs_del(tx->s, n);
}

/* --- instances ---------------------------------------------------------------------------------------------------- */

static struct side *append_side(struct tx *tx, struct insts *in, const struct append *ap, uint64_t id)
{
	struct side_spec sp = { .id = id, .rn = ap->rn, .own_et = ap->own_et };

	if (!ap->rn.n && !ap->own_et && !ap->labelled)
		return NULL;
	if (ap->labelled)
		sp.labels = side_pack_labels(tx->a, ap->r, &sp.n_labels);
	tx->job->weight += sp.labels.n;
	return side_new(tx->s, in, &sp);
}

int store_append(struct tx *tx, const struct node *cnt, struct append *ap)
{
	struct store *s = tx->s;
	struct tnode *n = mutable(tx, cnt);
	struct insts *in;
	struct op *op;
	size_t before;

	REQUIRE(ap->rn.n <= UINT16_MAX);
	if (ap->size > UINT32_MAX)
		return E_LIMIT;
	if (ap->rn.n && store_name_taken(tx, cnt, ap->rn))
		return E_EXISTS;
	in = node_insts(s, n);
	op = job_op(tx, OP_APPEND, n);
	touch(tx, op, n);
	tx->job->growth = true;
	tx->job->weight += ap->size;

	op->append.raw = (struct inst_raw){ .id = s->next_id++, .size = ap->size, .st = op->st, .ms = tx->now / 1000 };
	op->append.r = with_ct(tx, ap->r, tx->now);
	op->append.body = NULL;
	op->append.side = append_side(tx, in, ap, op->append.raw.id);
	before = in->bytes;
	insts_push(in, &op->append.raw);
	s->tree_bytes += in->bytes - before;
	s->n_insts++;
	node_count(n, 0, 1, (int64_t)ap->size);
	if (in->mia_us && !in->mia.pos)
		heap_add(&s->stale, &in->mia, tx->now + in->mia_us);
	ap->out = (struct inst){ .id = op->append.raw.id, .size = ap->size, .st = op->st, .ct = tx->now };
	return 0;
}

static void trimmed(struct tx *tx, struct tnode *n, uint64_t old_head, const struct trim *t)
{
	struct op *op = job_op(tx, OP_TRIM, n);

	op->trim.t = *t;
	op->trim.old_head = old_head;
	tx->s->n_insts -= t->n;
	node_count(n, 0, -(int64_t)t->n, -(int64_t)t->bytes);
}

void store_trim(struct tx *tx, const struct node *cnt, uint64_t max_n, uint64_t max_bytes, int64_t not_before)
{
	struct tnode *n = mutable(tx, cnt);
	struct insts *in = n->in;
	int64_t ms = not_before <= 0 ? INT64_MIN : (not_before - 1) / 1000 + 1;

	if (!in)
		return;
	uint64_t old = in->head_p;
	struct trim t = insts_trim(in, max_n, max_bytes, ms);
	if (t.n)
		trimmed(tx, n, old, &t);
	else
		in->head_p = old;
}

void store_clear(struct tx *tx, const struct node *cnt)
{
	struct tnode *n = mutable(tx, cnt);

	if (!n->in || !n->in->cni_p)
		return;
	uint64_t old = n->in->head_p;
	struct trim t = insts_trim_all(n->in);
	trimmed(tx, n, old, &t);
}

/* Without a change of st and lt: the oldest moves the head, another one gets a mark. */
static void take_one(struct tx *tx, struct tnode *n, struct ipos p)
{
	struct insts *in = n->in;
	struct inst_raw r = insts_at(in, p);
	struct ipos first;

	tx_saw(tx, n);
	if (insts_first(in, VIEW_PENDING, 0, &first) && first.d == p.d && first.e == p.e) {
		uint64_t old = in->head_p;
		struct trim t = insts_trim(in, in->cni_p - 1, UINT64_MAX, INT64_MIN);
		trimmed(tx, n, old, &t);
		return;
	}
	struct op *op = job_op(tx, OP_KILL, n);
	op->kill.id = r.id;
	op->kill.size = r.size;
	insts_kill(in, p);
	tx->s->n_insts--;
	node_count(n, 0, -1, -(int64_t)r.size);
}

void store_inst_remove(struct tx *tx, const struct node *cnt, uint64_t id)
{
	struct tnode *n = mutable(tx, cnt);
	struct ipos p;

	if (!n->in || !insts_find(n->in, VIEW_PENDING, id, &p))
		return;
	take_one(tx, n, p);
	touch(tx, &tx->job->ops[tx->job->n_ops - 1], n);
}

static struct inst inst_of(const struct inst_raw *r)
{
	return (struct inst){ .id = r->id, .size = r->size, .st = r->st, .ct = r->ms * 1000 };
}

size_t store_expiring(struct tx *tx, const struct node *cnt, int64_t now_us, struct inst *out, size_t max)
{
	struct insts *in = tnode_of(cnt)->in;
	size_t k = 0, old;
	struct ipos p;

	tx_saw(tx, tnode_of(cnt));
	if (in && in->mia_us && insts_first(in, VIEW_PENDING, 0, &p))
		do {
			struct inst_raw r = insts_at(in, p);

			if (k == max || r.ms * 1000 + in->mia_us > now_us)
				break;
			out[k++] = inst_of(&r);
		} while (insts_next(in, VIEW_PENDING, &p));
	old = k;
	for (struct side *sd = in && in->n_et ? in->sides : NULL; sd && k < max; sd = sd->next) {
		struct inst_raw r;

		if (!sd->own_et || sd->own_et > now_us || (old && sd->id <= out[old - 1].id) ||
		    !insts_find(in, VIEW_PENDING, sd->id, &p))
			continue;
		r = insts_at(in, p);
		out[k++] = inst_of(&r);
	}
	return k;
}

size_t store_expire(struct tx *tx, const struct node *cnt, int64_t now_us, size_t max)
{
	struct tnode *n = mutable(tx, cnt);
	struct insts *in = n->in;
	size_t k = 0;
	struct ipos p;

	if (!in)
		return 0;
	if (in->mia_us && insts_first(in, VIEW_PENDING, 0, &p)) {
		while (k < max && k < in->cni_p && insts_at(in, p).ms * 1000 + in->mia_us <= now_us) {
			k++;
			if (!insts_next(in, VIEW_PENDING, &p))
				break;
		}
		if (k)
			store_trim(tx, cnt, in->cni_p - k, UINT64_MAX, INT64_MIN);
	}
	for (struct side *sd = in->sides, *next; sd && in->n_et && k < max; sd = next) {
		next = sd->next;
		if (!sd->own_et || sd->own_et > now_us || !insts_find(in, VIEW_PENDING, sd->id, &p))
			continue;
		take_one(tx, n, p);
		k++;
	}
	return k;
}

/* --- records ------------------------------------------------------------------------------------------------------ */

void store_rec_put(struct tx *tx, enum rec_table t, struct str key, struct str value)
{
	struct op *op = job_op(tx, OP_REC, NULL);

	REQUIRE(t < REC_TABLES && key.n && key.n <= REC_KEY_MAX && value.n <= REC_VALUE_MAX);
	op->rec.kv = mem_get(key.n + value.n);
	op->rec.key_n = (uint32_t)key.n;
	op->rec.value_n = (uint32_t)value.n;
	op->rec.table = (uint8_t)t;
	memcpy(op->rec.kv, key.p, key.n);
	if (value.n)
		memcpy(op->rec.kv + key.n, value.p, value.n);
	tx->job->weight += key.n + value.n;
}

void store_rec_add(struct store *s, struct commit *c, enum rec_table t, struct str key, struct str value)
{
	struct job *j = c->job;
	struct tx tx = { .s = s, .mode = TX_WRITE, .job = j };
	size_t before;

	CHECK(c, COMMIT);
	tree_lock(s);
	/* What was refused or undone stays as it is. */
	if (!j->err) {
		before = j->weight;
		store_rec_put(&tx, t, key, value);
		atomic_fetch_add_explicit(&s->q_bytes, j->weight - before, memory_order_relaxed);
	}
	tree_unlock(s);
}

void store_gone_take(struct tx *tx, const struct gone *g)
{
	struct op *op = job_op(tx, OP_FORGET, NULL);

	op->rid = g->rid;
	op->forget.alone = g->alone;
	tx->s->sweep.words++;
}

uint64_t store_commit_seq(const struct commit *c)
{
	CHECK(c, COMMIT);
	return ((const struct job *)c->job)->seq;
}
