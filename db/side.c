/* SPDX-License-Identifier: Apache-2.0 */
/* Side entries: what few instances have beyond their 14 bytes (a client's name, labels, an expiration of their own). */
#include "db/tree_priv.h"

static uint64_t id_hash(uint64_t id)
{
	return htab_mix(id + 0x2545f4914f6cdd1dull);
}

static uint64_t name_hash(const struct store *s, const struct insts *in, struct str rn)
{
	return str_hash(rn, s->hkey) ^ htab_mix(in->node->pub.rid);
}

struct side *side_new(struct store *s, struct insts *in, const struct side_spec *sp)
{
	struct side *sd = mem_zget(sizeof(*sd) + sp->rn.n + sp->labels.n);

	sd->in = in;
	sd->id = sp->id;
	sd->own_et = sp->own_et;
	sd->name_n = (uint16_t)sp->rn.n;
	sd->n_labels = sp->n_labels;
	sd->labels_n = (uint32_t)sp->labels.n;
	if (sp->rn.n)
		memcpy(sd->text, sp->rn.p, sp->rn.n);
	if (sp->labels.n)
		memcpy(sd->text + sp->rn.n, sp->labels.p, sp->labels.n);
	s->tree_bytes += sizeof(*sd) + sd->name_n + sd->labels_n;

	htab_add(&s->side_id, &sd->by_id, id_hash(sd->id));
	if (sd->name_n)
		htab_add(&s->side_name, &sd->by_name, name_hash(s, in, sp->rn));
	if (sd->own_et) {
		heap_add(&s->inst_expiry, &sd->et, sd->own_et);
		in->n_et++;
	}
	in->n_sides++;
	sd->next = in->sides;
	if (sd->next)
		sd->next->prev = sd;
	in->sides = sd;
	index_side(s, sd);
	return sd;
}

void side_free(struct store *s, struct side *sd)
{
	struct insts *in = sd->in;

	index_side_gone(s, sd);
	htab_del(&s->side_id, &sd->by_id);
	if (sd->name_n)
		htab_del(&s->side_name, &sd->by_name);
	if (sd->own_et) {
		heap_del(&s->inst_expiry, &sd->et);
		in->n_et--;
	}
	in->n_sides--;
	*(sd->prev ? &sd->prev->next : &in->sides) = sd->next;
	if (sd->next)
		sd->next->prev = sd->prev;
	s->tree_bytes -= sizeof(*sd) + sd->name_n + sd->labels_n;
	mem_put(sd);
}

struct side *side_by_id(const struct store *s, const struct insts *in, uint64_t id)
{
	if (in && !in->n_sides)
		return NULL;
	for (struct hlink *l = htab_find(&s->side_id, id_hash(id)); l; l = htab_next(l)) {
		struct side *sd = CONTAINER_OF(l, struct side, by_id);
		if (sd->id == id)
			return sd;
	}
	return NULL;
}

struct side *side_named(struct store *s, const struct insts *in, struct str rn, struct side *after)
{
	struct hlink *l;

	if (!in->n_sides)
		return NULL;
	l = after ? htab_next(&after->by_name) : htab_find(&s->side_name, name_hash(s, in, rn));
	for (; l; l = htab_next(l)) {
		struct side *sd = CONTAINER_OF(l, struct side, by_name);
		if (sd->in == in && str_eq(str_make(sd->text, sd->name_n), rn))
			return sd;
	}
	return NULL;
}

struct str side_pack_labels(struct arena *a, const struct res *r, uint16_t *n)
{
	const struct val *v = res_get(r, &attr_lbl);
	size_t len = 0;
	char *p;

	*n = 0;
	if (!v || v->kind != K_LIST)
		return STR_NONE;
	/* Labels are bounded by the size of a request; a longer one is not searched for. */
	for (size_t i = 0; i < v->list.n && i < UINT16_MAX; i++)
		len += v->list.v[i].s.n <= UINT16_MAX ? 2 + v->list.v[i].s.n : 0;
	p = arena_alloc(a, len);
	len = 0;
	for (size_t i = 0; i < v->list.n && i < UINT16_MAX; i++) {
		struct str s = v->list.v[i].s;
		if (s.n > UINT16_MAX)
			continue;
		p[len++] = (char)(s.n & 0xff);
		p[len++] = (char)(s.n >> 8);
		if (s.n)
			memcpy(p + len, s.p, s.n);
		len += s.n;
		++*n;
	}
	return str_make(p, len);
}
