/* SPDX-License-Identifier: Apache-2.0 */
/* eventNotificationCriteria: read once per event, so that judging is a few comparisons. */
#include "cse/model/enc.h"

/* A short name of up to three letters as a number. */
static uint32_t sn_key(const char *sn)
{
	uint32_t k = 0;

	while (*sn)
		k = k << 8 | (uint8_t)*sn++;
	return k;
}
#define KEY2(a, b) ((uint32_t)(a) << 8 | (b))
#define KEY3(a, b, c) (KEY2(a, b) << 8 | (c))
#define KEY4(a, b, c, d) (KEY3(a, b, c) << 8 | (d))

static void condition(struct enc *e, enum enc_tag tag, const struct val *v)
{
	e->has |= 1u << tag;
	e->at[tag] = v->kind == K_UINT ? (v->u > INT64_MAX ? INT64_MAX : (int64_t)v->u) : v->i;
}

static void read_nets(struct enc *e, const struct val *v)
{
	e->n_net = v->list.n;
	for (size_t i = 0; i < v->list.n; i++)
		if (v->list.v[i].i > 0 && v->list.v[i].i < 32)
			e->nets |= 1u << v->list.v[i].i;
}

static void read_member(struct enc *e, const struct member *m)
{
	const struct val *v = &m->v;

	switch (sn_key(m->attr->sn)) {
	case KEY3('c', 'r', 'b'):
		condition(e, ENC_CRB, v);
		break;
	case KEY3('c', 'r', 'a'):
		condition(e, ENC_CRA, v);
		break;
	case KEY2('m', 's'):
		condition(e, ENC_MS, v);
		break;
	case KEY2('u', 's'):
		condition(e, ENC_US, v);
		break;
	case KEY3('s', 't', 's'):
		condition(e, ENC_STS, v);
		break;
	case KEY3('s', 't', 'b'):
		condition(e, ENC_STB, v);
		break;
	case KEY3('e', 'x', 'b'):
		condition(e, ENC_EXB, v);
		break;
	case KEY3('e', 'x', 'a'):
		condition(e, ENC_EXA, v);
		break;
	case KEY3('s', 'z', 'a'):
		condition(e, ENC_SZA, v);
		break;
	case KEY3('s', 'z', 'b'):
		condition(e, ENC_SZB, v);
		break;
	case KEY2('o', 'm'):
		e->om = v->list.n ? v : NULL;
		break;
	case KEY3('a', 't', 'r'):
		e->atr = v;
		break;
	case KEY3('n', 'e', 't'):
		read_nets(e, v);
		break;
	case KEY4('c', 'h', 't', 'y'):
		e->chty = v->list.n ? v : NULL;
		break;
	case KEY2('m', 'd'):
		e->md = true;
		break;
	case KEY2('f', 'o'):
		e->any = v->i == 2;
		e->fo_other = v->i != 1 && v->i != 2;
		break;
	default:
		break;
	}
}

void enc_read(const struct obj *o, struct enc *e)
{
	*e = (struct enc){ .nets = 0 };
	for (uint32_t i = 0; o && i < o->n; i++)
		if (o->m[i].v.kind != K_NULL)
			read_member(e, &o->m[i]);
	if (!e->n_net && !e->om)
		e->nets = 1u << NET_UPDATE;
}

static bool meets(const struct enc *e, enum enc_tag tag, const struct enc_subject *s)
{
	int64_t want = e->at[tag];

	switch (tag) {
	case ENC_CRB:
		return s->ct < want;
	case ENC_CRA:
		return want <= s->ct;
	case ENC_MS:
		return want <= s->lt;
	case ENC_US:
		return s->lt < want;
	case ENC_STS:
		return s->has_st && s->st < (uint64_t)want;
	case ENC_STB:
		return s->has_st && (uint64_t)want <= s->st;
	case ENC_EXB:
		return s->et < want;
	case ENC_EXA:
		return want <= s->et;
	case ENC_SZA:
		return s->has_size && (uint64_t)want <= s->size;
	case ENC_SZB:
		return s->has_size && s->size < (uint64_t)want;
	default:
		return false;
	}
}

bool enc_meets(const struct enc *e, const struct enc_subject *s)
{
	if (!e->has)
		return true;
	for (int i = 0; i < ENC_CONDITIONS; i++)
		if ((e->has >> i & 1) && meets(e, (enum enc_tag)i, s) == e->any)
			return e->any;
	return !e->any;
}

bool enc_wants_child(const struct enc *e, unsigned ty)
{
	if (!e->chty)
		return true;
	for (size_t i = 0; i < e->chty->list.n; i++)
		if (e->chty->list.v[i].i == (int64_t)ty)
			return true;
	return false;
}

/* An entity has three forms; the SP-relative one is the end of the absolute one, behind "//" and the provider's name. */
static bool is_entity(struct str s, struct str absolute, struct str stem)
{
	struct str rest = absolute.n > 2 ? str_from(absolute, 2) : absolute;

	return str_eq(s, absolute) || (stem.n && str_eq(s, stem)) || str_eq(s, str_from(rest, str_index(rest, '/')));
}

bool enc_monitors(const struct enc *e, unsigned acop, struct str absolute, struct str stem)
{
	for (size_t i = 0; e->om && i < e->om->list.n; i++) {
		const struct obj *o = e->om->list.v[i].o;
		const struct val *ops = obj_find(o, "ops"), *or = obj_find(o, "or");

		if ((!ops || (ops->u & acop)) && (!or || is_entity(or->s, absolute, stem)))
			return true;
	}
	return false;
}
