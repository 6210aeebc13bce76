/* SPDX-License-Identifier: Apache-2.0 */
/* Deep copies into one block: what it takes, and the copying. */
#include "cse/model/keep.h"

void keep_measure(const struct val *v, struct keep_space *s)
{
	if (v->kind == K_OBJ) {
		s->structs += sizeof(struct obj);
		keep_measure_obj(v->o, s);
	} else if (v->kind == K_LIST) {
		s->structs += v->list.n * sizeof *v->list.v;
		for (size_t i = 0; i < v->list.n; i++)
			keep_measure(&v->list.v[i], s);
	} else if (val_is_text(v->kind)) {
		s->text += v->s.n;
	}
}

void keep_measure_obj(const struct obj *o, struct keep_space *s)
{
	s->structs += o->n * sizeof *o->m;
	for (uint32_t i = 0; i < o->n; i++)
		keep_measure(&o->m[i].v, s);
}

static void *take(struct keep_cursor *c, size_t n)
{
	void *p = c->structs;

	c->structs += n;
	return p;
}

void keep_fill(struct keep_cursor *c, struct val *to, const struct val *from)
{
	*to = *from;
	if (from->kind == K_OBJ) {
		to->o = take(c, sizeof *to->o);
		keep_fill_obj(c, to->o, from->o);
	} else if (from->kind == K_LIST) {
		to->list.v = take(c, from->list.n * sizeof *to->list.v);
		for (size_t i = 0; i < from->list.n; i++)
			keep_fill(c, &to->list.v[i], &from->list.v[i]);
	} else if (val_is_text(from->kind)) {
		to->s.p = c->text;
		if (from->s.n)
			memcpy(c->text, from->s.p, from->s.n);
		c->text += from->s.n;
	}
}

void keep_fill_obj(struct keep_cursor *c, struct obj *to, const struct obj *from)
{
	to->n = to->cap = from->n;
	to->m = take(c, from->n * sizeof *to->m);
	for (uint32_t i = 0; i < from->n; i++) {
		to->m[i].attr = from->m[i].attr;
		keep_fill(c, &to->m[i].v, &from->m[i].v);
	}
}
