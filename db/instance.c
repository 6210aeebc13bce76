/* SPDX-License-Identifier: Apache-2.0 */
/* Content instances as a transaction sees them: latest, oldest, by id and name, and their bodies. */
#include "db/tree_priv.h"

#include "cse/base/err.h"
#include "cse/base/stat.h"
#include "db/cache_priv.h"

static enum inst_view view_of(const struct tx *tx)
{
	return tx->mode == TX_READ ? VIEW_DURABLE : VIEW_FOUND;
}

/* An instance past its own et is invisible at once, whenever it may be removed. */
static bool expired(const struct tx *tx, const struct insts *in, uint64_t id)
{
	struct side *sd;

	if (!in->n_et || atomic_load_explicit(&tx->s->paused, memory_order_relaxed))
		return false;
	sd = side_by_id(tx->s, in, id);
	return sd && sd->own_et && sd->own_et <= tx->wall;
}

static struct inst shown(const struct insts *in, struct ipos p)
{
	struct inst_raw r = insts_at(in, p);

	return (struct inst){ .id = r.id, .size = r.size, .st = r.st, .ct = r.ms * 1000 };
}

static const struct insts *list_of(struct tx *tx, const struct node *cnt)
{
	struct tnode *n = tnode_of(cnt);

	if (tx->mode == TX_WRITE)
		tx_saw(tx, n);
	return n->in;
}

bool store_latest(struct tx *tx, const struct node *cnt, struct inst *out)
{
	const struct insts *in = list_of(tx, cnt);
	enum inst_view v = view_of(tx);
	struct ipos p;

	for (bool ok = in && insts_last(in, v, &p); ok; ok = insts_prev(in, v, &p)) {
		*out = shown(in, p);
		if (!expired(tx, in, out->id))
			return true;
	}
	return false;
}

bool store_oldest(struct tx *tx, const struct node *cnt, struct inst *out)
{
	return store_instances(tx, cnt, 0, out, 1) == 1;
}

bool store_inst(struct tx *tx, const struct node *cnt, uint64_t id, struct inst *out)
{
	const struct insts *in = list_of(tx, cnt);
	struct ipos p;

	if (!in || !insts_find(in, view_of(tx), id, &p) || expired(tx, in, id))
		return false;
	*out = shown(in, p);
	return true;
}

size_t store_instances(struct tx *tx, const struct node *cnt, uint64_t after, struct inst *out, size_t max)
{
	const struct insts *in = list_of(tx, cnt);
	enum inst_view v = view_of(tx);
	struct ipos p;
	size_t k = 0;

	for (bool ok = in && max && insts_first(in, v, after, &p); ok && k < max; ok = insts_next(in, v, &p)) {
		out[k] = shown(in, p);
		k += !expired(tx, in, out[k].id);
	}
	return k;
}

bool store_inst_by_name(struct tx *tx, const struct node *cnt, struct str rn, struct inst *out)
{
	const struct insts *in = list_of(tx, cnt);
	uint64_t id;

	if (!in)
		return false;
	if (ident_inst_rn_parse(rn, &id)) {
		struct side *sd = side_by_id(tx->s, in, id);
		return !(sd && sd->name_n) && store_inst(tx, cnt, id, out);
	}
	for (struct side *sd = side_named(tx->s, in, rn, NULL); sd; sd = side_named(tx->s, in, rn, sd))
		if (store_inst(tx, cnt, sd->id, out))
			return true;
	return false;
}

bool store_inst_by_ri(struct tx *tx, struct str ri, const struct node **cnt, struct inst *out)
{
	const struct node *n;
	uint32_t rid;
	uint64_t id;

	if (!ident_inst_ri_parse(ri, &rid, &id))
		return false;
	n = store_by_rid(tx, rid);
	if (!n || !store_inst(tx, n, id, out))
		return false;
	*cnt = n;
	return true;
}

struct str inst_ri(struct tx *tx, const struct node *cnt, uint64_t id)
{
	char name[IDENT_MAX];

	return arena_str(tx->a, str_make(name, ident_inst_ri(name, cnt->rid, id)));
}

struct str inst_rn(struct tx *tx, const struct node *cnt, uint64_t id)
{
	const struct tnode *n = tnode_of(cnt);
	const struct side *sd = n->in ? side_by_id(tx->s, n->in, id) : NULL;
	char name[IDENT_MAX];

	if (sd && sd->name_n)
		return arena_str(tx->a, str_make(sd->text, sd->name_n));
	return arena_str(tx->a, str_make(name, ident_inst_rn(name, id)));
}

uint64_t store_inst_before(struct tx *tx, const struct node *cnt, int64_t ct)
{
	const struct insts *in = tnode_of(cnt)->in;

	(void)tx;
	return in && ct > 0 ? insts_before(in, ct / 1000 + (ct % 1000 != 0)) : 0;
}

size_t store_inst_labels(struct tx *tx, const struct node *cnt, uint64_t id, struct str *out, size_t max)
{
	const struct tnode *n = tnode_of(cnt);
	const struct side *sd = n->in ? side_by_id(tx->s, n->in, id) : NULL;
	size_t k = 0;

	if (!sd)
		return 0;
	const char *p = sd->text + sd->name_n;
	for (; k < sd->n_labels && k < max; k++) {
		size_t len = (unsigned char)p[0] | (size_t)(unsigned char)p[1] << 8;
		out[k] = str_make(p + 2, len);
		p += 2 + len;
	}
	return sd->n_labels;
}

int64_t store_inst_et(struct tx *tx, const struct node *cnt, uint64_t id)
{
	const struct insts *in = tnode_of(cnt)->in;
	const struct side *sd = in && in->n_et ? side_by_id(tx->s, in, id) : NULL;

	return sd && sd->own_et ? sd->own_et : INT64_MAX;
}

int store_body(struct tx *tx, const struct node *cnt, uint64_t id, struct body **out)
{
	struct store *s = tx->s;
	struct insts *in = tnode_of(cnt)->in;
	struct body *b;
	struct ipos p;

	REQUIRE(in != NULL);
	if (in->latest && in->latest->id == id) {
		*out = body_ref(in->latest);
		stat_add(s->o.stats, STAT_BODY_HIT, 1);
		return 0;
	}
	b = cache_get(s->cache, id);
	if (!b)
		return E_MISS;
	/* After a start or a deletion the latest is pinned when it is first asked for. */
	if (!in->latest && insts_last(in, VIEW_DURABLE, &p) && insts_at(in, p).id == id)
		in->latest = body_ref(b);
	stat_add(s->o.stats, STAT_BODY_HIT, 1);
	*out = b;
	return 0;
}
