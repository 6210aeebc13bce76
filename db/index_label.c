/* SPDX-License-Identifier: Apache-2.0 */
/* Who bears a label: nodes by row id, instances by id. */
#include "db/tree_priv.h"

struct label {
	struct hlink link;
	struct kset nodes, insts;
	uint32_t n;
	char text[];
};

static struct label *find(const struct store *s, struct str text, uint64_t *hash)
{
	*hash = str_hash(text, s->hkey);
	for (struct hlink *l = htab_find(&s->index.labels, *hash); l; l = htab_next(l)) {
		struct label *b = CONTAINER_OF(l, struct label, link);
		if (str_eq(str_make(b->text, b->n), text))
			return b;
	}
	return NULL;
}

static void label_free(struct label *b)
{
	kset_fini(&b->nodes);
	kset_fini(&b->insts);
	mem_put(b);
}

static void grow(struct store *s, ptrdiff_t bytes)
{
	s->tree_bytes += (uint64_t)bytes; /* wraps around to less when it is below 0 */
}

static void add(struct store *s, struct str text, bool inst, uint64_t key)
{
	uint64_t hash;
	struct label *b = find(s, text, &hash);

	if (!b) {
		b = mem_zget(sizeof(*b) + text.n);
		b->n = (uint32_t)text.n;
		if (text.n)
			memcpy(b->text, text.p, text.n);
		htab_add(&s->index.labels, &b->link, hash);
		s->tree_bytes += sizeof(*b) + text.n;
	}
	grow(s, kset_add(inst ? &b->insts : &b->nodes, key));
}

static void del(struct store *s, struct str text, bool inst, uint64_t key)
{
	uint64_t hash;
	struct label *b = find(s, text, &hash);

	if (!b)
		return;
	grow(s, kset_del(inst ? &b->insts : &b->nodes, key));
	if (b->nodes.n || b->insts.n)
		return;
	htab_del(&s->index.labels, &b->link);
	s->tree_bytes -= sizeof(*b) + b->n;
	label_free(b);
}

/* --- nodes ------------------------------------------------------------------------------------------------------- */

static const struct val *labels_of(const struct res *r)
{
	const struct val *v = r ? res_get(r, &attr_lbl) : NULL;

	return v && v->kind == K_LIST ? v : NULL;
}

void index_node(struct store *s, struct tnode *n, const struct res *old)
{
	const struct val *was = labels_of(old), *is = labels_of(n->dur);

	if (!old)
		index_type_add(s, n);
	for (size_t i = 0; was && i < was->list.n; i++)
		if (!is || !val_list_has(is, was->list.v[i].s))
			del(s, was->list.v[i].s, false, n->pub.rid);
	for (size_t i = 0; is && i < is->list.n; i++)
		if (!was || !val_list_has(was, is->list.v[i].s))
			add(s, is->list.v[i].s, false, n->pub.rid);
}

void index_node_gone(struct store *s, struct tnode *n)
{
	const struct val *was = labels_of(n->dur);

	index_time_gone(s, n);
	if (!n->dur)
		return;
	index_type_del(s, n);
	for (size_t i = 0; was && i < was->list.n; i++)
		del(s, was->list.v[i].s, false, n->pub.rid);
}

/* --- instances --------------------------------------------------------------------------------------------------- */

static struct str next_label(const char **p)
{
	size_t n = (unsigned char)(*p)[0] | (size_t)(unsigned char)(*p)[1] << 8;
	struct str l = str_make(*p + 2, n);

	*p += 2 + n;
	return l;
}

void index_side(struct store *s, struct side *sd)
{
	const char *p = sd->text + sd->name_n;

	for (unsigned i = 0; i < sd->n_labels; i++)
		add(s, next_label(&p), true, sd->id);
}

void index_side_gone(struct store *s, struct side *sd)
{
	const char *p = sd->text + sd->name_n;

	for (unsigned i = 0; i < sd->n_labels; i++)
		del(s, next_label(&p), true, sd->id);
}

/* --- life and look-up -------------------------------------------------------------------------------------------- */

void index_init(struct store *s)
{
	htab_init(&s->index.labels);
}

void index_fini(struct store *s)
{
	for (uint64_t i = 0; i < htab_buckets(&s->index.labels); i++)
		for (struct hlink *l = htab_bucket(&s->index.labels, i), *next; l; l = next) {
			next = l->next;
			label_free(CONTAINER_OF(l, struct label, link));
		}
	htab_fini(&s->index.labels);
	for (size_t i = 0; i < ARRAY_LEN(s->index.types); i++)
		kset_fini(&s->index.types[i]);
}

uint64_t store_labelled_count(struct tx *tx, struct str label)
{
	uint64_t hash;
	const struct label *b = find(tx->s, label, &hash);

	return b ? b->nodes.n + b->insts.n : 0;
}

size_t store_labelled(struct tx *tx, struct str label, struct store_ref after, struct store_ref *out, size_t max)
{
	enum { BATCH = 64 };
	uint64_t hash, key[BATCH];
	const struct label *b = find(tx->s, label, &hash);
	size_t n = 0, k;

	max = max < BATCH ? max : BATCH;
	if (!b)
		return 0;
	if (!after.id) {
		n = kset_above(&b->nodes, after.rid, key, max);
		for (size_t i = 0; i < n; i++)
			out[i] = (struct store_ref){ (uint32_t)key[i], 0 };
	}
	if (n == max)
		return n;
	k = kset_above(&b->insts, after.id, key, max - n);
	for (size_t i = 0; i < k; i++) {
		const struct side *sd = side_by_id(tx->s, NULL, key[i]);

		REQUIRE(sd != NULL);
		/* The sweeper may have the list by now, and no node: a row id that nobody has. */
		out[n++] = (struct store_ref){ sd->in->node ? sd->in->node->pub.rid : 0, sd->id };
	}
	return n;
}
