/* SPDX-License-Identifier: Apache-2.0 */
/* From tokens to typed values, by the descriptors of cse/model. */
#include "cse/codec/walk_priv.h"

#include "cse/model/stamp.h"

/* What an object's names are looked up in, and which came already. */
struct names {
	const struct type *type;
	const struct complex *complex;
	uint64_t seen;
};

static enum rsc walk_value(struct src *s, const struct attr *at, struct val *v);

/* A name from outside, fit to be told: cut, printable ASCII. */
static const char *told(struct str name, char out[41])
{
	size_t n = name.n < 40 ? name.n : 40;

	for (size_t i = 0; i < n; i++)
		out[i] = name.p[i] > 0x20 && name.p[i] < 0x7f ? name.p[i] : '?';
	out[n] = '\0';
	return out;
}

static enum rsc wrong(struct src *s, const struct attr *at, const char *must)
{
	return why_set(s->w, RSC_BAD_REQUEST, "%s must be %s", at->sn, must);
}

/* Where a value of another kind came: a fault of syntax goes before. */
static enum rsc mismatch(struct src *s, enum tok tok, const struct attr *at, const char *must)
{
	return tok == TOK_NONE ? s->ops->fault(s) : wrong(s, at, must);
}

static enum rsc walk_bool(struct src *s, enum tok tok, const struct attr *at, struct val *v)
{
	*v = val_bool(false);
	if (tok != TOK_BOOL)
		return mismatch(s, tok, at, "true or false");
	return s->ops->boolean(s, &v->b) ? RSC_NONE : s->w->rsc;
}

static enum rsc out_of_range(struct src *s, const struct attr *at)
{
	bool own = at->min == 0 && at->max == 0;
	long long lo = own && at->kind == K_INT ? INT64_MIN : (long long)at->min;
	unsigned long long hi = !own ? (unsigned long long)at->max : at->kind == K_INT ? INT64_MAX : UINT64_MAX;

	return why_set(s->w, RSC_BAD_REQUEST, "%s must be an integer from %lld to %llu", at->sn, lo, hi);
}

static enum rsc walk_number(struct src *s, enum tok tok, const struct attr *at, struct val *v)
{
	bool own = at->min == 0 && at->max == 0;
	struct num n;
	int64_t i;

	if (tok != TOK_NUM)
		return mismatch(s, tok, at, "a number");
	if (!s->ops->number(s, &n))
		return s->w->rsc;
	if (at->kind == K_FLOAT) {
		v->kind = K_FLOAT;
		v->f = !n.integer ? n.f : n.negative ? -(double)n.mag : (double)n.mag;
		return RSC_NONE;
	}
	if (at->kind == K_UINT) {
		*v = val_uint(n.mag);
		if (!n.integer || (n.negative && n.mag))
			return out_of_range(s, at);
		if (!own && (n.mag < (uint64_t)at->min || n.mag > (uint64_t)at->max))
			return out_of_range(s, at);
		return RSC_NONE;
	}
	if (!n.integer || n.mag > (uint64_t)INT64_MAX + n.negative)
		return out_of_range(s, at);
	i = n.negative ? (int64_t)(0 - n.mag) : (int64_t)n.mag;
	*v = (struct val){ .kind = at->kind, .i = i };
	if (at->kind == K_ENUM) {
		const struct enumeration *e = at->of;

		return enum_has(e, i) ? RSC_NONE
		                      : why_set(s->w, RSC_BAD_REQUEST, "%s must be a value of %s", at->sn, e->name);
	}
	return own || (i >= at->min && i <= at->max) ? RSC_NONE : out_of_range(s, at);
}

static enum rsc walk_text(struct src *s, enum tok tok, const struct attr *at, struct val *v)
{
	const char *fault;

	*v = val_str(at->kind, STR_NONE);
	if (tok != TOK_TEXT)
		return mismatch(s, tok, at, "text");
	if (!s->ops->text(s, &v->s))
		return s->w->rsc;
	if (at->kind == K_STAMP) {
		struct str text = v->s;

		v->i = 0;
		return stamp_parse(text, &v->i) ? wrong(s, at, "a time like 20261120T101539") : RSC_NONE;
	}
	if (at->max && (v->s.n < (uint64_t)at->min || v->s.n > (uint64_t)at->max))
		return why_set(s->w, RSC_BAD_REQUEST, "%s must have %lld to %lld bytes", at->sn, (long long)at->min,
		               (long long)at->max);
	if (at->kind == K_STR)
		return RSC_NONE;
	fault = val_text_fault(at->kind, v->s);
	return fault ? wrong(s, at, fault) : RSC_NONE;
}

static enum rsc unknown(struct src *s, const struct names *in, struct str name)
{
	char text[41];

	if (in->type)
		return why_set(s->w, RSC_BAD_REQUEST, "%s has no attribute %s", in->type->sn, told(name, text));
	return why_set(s->w, RSC_BAD_REQUEST, "%s has no member %s", in->complex->name, told(name, text));
}

/* The descriptor of a name, or NULL and why. */
static const struct attr *lookup(struct src *s, struct names *in, struct str name)
{
	int at = in->type ? type_attr_pos(in->type, name) : complex_attr_pos(in->complex, name);
	const struct attr *attr;
	unsigned bit = 63; /* root elements: at most one */

	if (at >= 0) {
		attr = in->type ? in->type->all[at] : &in->complex->attrs[at];
		bit = (unsigned)at;
	} else {
		attr = !in->type && in->complex->rooted ? type_root_attr(name) : NULL;
	}
	if (!attr) {
		unknown(s, in, name);
		return NULL;
	}
	if (in->seen >> bit & 1) {
		why_set(s->w, RSC_BAD_REQUEST, "%s must stand once", attr->sn);
		return NULL;
	}
	in->seen |= UINT64_C(1) << bit;
	return attr;
}

/* Into an object whose brace comes next. */
static enum rsc walk_members(struct src *s, struct names *in, struct obj *o)
{
	struct str name;
	int more;

	if (!s->ops->open(s))
		return s->w->rsc;
	for (bool first = true; (more = s->ops->member(s, first, &name)) > 0; first = false) {
		const struct attr *at = lookup(s, in, name);
		enum rsc rsc;

		if (!at)
			return s->w->rsc;
		rsc = walk_value(s, at, obj_add(s->a, o, at));
		if (rsc)
			return rsc;
	}
	return more < 0 ? s->w->rsc : RSC_NONE;
}

static enum rsc walk_obj(struct src *s, enum tok tok, const struct attr *at, struct val *v)
{
	struct names in = { 0 };

	if (tok != TOK_OBJ)
		return mismatch(s, tok, at, "an object");
	if (at->flags & AF_RESOURCE)
		in.type = at->of;
	else
		in.complex = at->of;
	*v = val_obj(obj_new(s->a, 4));
	return walk_members(s, &in, v->o);
}

/* One value, whether the attribute is a list or not. */
static enum rsc walk_one(struct src *s, const struct attr *at, struct val *v)
{
	enum tok tok = s->ops->peek(s);

	switch ((enum kind)at->kind) {
	case K_BOOL:
		return walk_bool(s, tok, at, v);
	case K_INT:
	case K_UINT:
	case K_FLOAT:
	case K_ENUM:
		return walk_number(s, tok, at, v);
	case K_OBJ:
		return walk_obj(s, tok, at, v);
	case K_ANY:
		*v = val_str(K_ANY, STR_NONE);
		return s->ops->any(s, &v->s) ? RSC_NONE : s->w->rsc;
	default:
		return walk_text(s, tok, at, v);
	}
}

static enum rsc walk_list(struct src *s, const struct attr *at, struct val *v)
{
	enum tok tok = s->ops->peek(s);
	struct val few[8], *have = few;
	size_t n = 0, cap = ARRAY_LEN(few);
	int more;

	if (tok != TOK_LIST)
		return mismatch(s, tok, at, "a list");
	if (!s->ops->open(s))
		return s->w->rsc;
	for (; (more = s->ops->element(s, n == 0)) > 0; n++) {
		enum rsc rsc;

		if (n == cap) {
			struct val *grown = arena_alloc(s->a, 2 * cap * sizeof *grown);

			memcpy(grown, have, n * sizeof *grown);
			have = grown;
			cap *= 2;
		}
		rsc = walk_one(s, at, &have[n]);
		if (rsc)
			return rsc;
	}
	if (more < 0)
		return s->w->rsc;
	if (n == 0 && (at->flags & AF_NONEMPTY))
		return wrong(s, at, "a list of at least one element");
	if (have == few) {
		*v = val_list(s->a, n);
		if (n)
			memcpy(v->list.v, few, n * sizeof *few);
	} else {
		*v = (struct val){ .kind = K_LIST, .list = { have, n } };
	}
	return RSC_NONE;
}

static enum rsc walk_value(struct src *s, const struct attr *at, struct val *v)
{
	return at->flags & AF_LIST ? walk_list(s, at, v) : walk_one(s, at, v);
}

/* The attributes of a representation: here alone null means something (TS-0004 7.4.1, UPDATE). */
static enum rsc walk_resource(struct src *s, const struct type *t, struct content *out)
{
	struct names in = { .type = t };
	struct str name;
	int more;

	if (s->ops->peek(s) != TOK_OBJ)
		return mismatch(s, s->ops->peek(s), t->root, "an object");
	if (!s->ops->open(s))
		return s->w->rsc;
	out->kind = PC_RES;
	out->res = res_new(s->a, t, 8);
	for (bool first = true; (more = s->ops->member(s, first, &name)) > 0; first = false) {
		const struct attr *at = lookup(s, &in, name);
		struct val *v;
		enum rsc rsc;

		if (!at)
			return s->w->rsc;
		v = obj_add(s->a, &out->res->o, at);
		if (s->ops->peek(s) == TOK_NULL) {
			*v = val_null();
			rsc = s->ops->null(s) ? RSC_NONE : s->w->rsc;
		} else {
			rsc = walk_value(s, at, v);
		}
		if (rsc)
			return rsc;
	}
	return more < 0 ? s->w->rsc : RSC_NONE;
}

static enum rsc walk_root(struct src *s, struct str name, struct content *out)
{
	const struct attr *root = type_root_attr(name);
	char text[41];
	enum rsc rsc;

	if (!root)
		return why_set(s->w, RSC_BAD_REQUEST, "content must be one known root element, %s is none", told(name, text));
	if (root->flags & AF_RESOURCE)
		return walk_resource(s, root->of, out);
	rsc = walk_value(s, root, &out->v);
	if (rsc)
		return rsc;
	out->kind = PC_ROOT;
	out->root = root;
	if (strcmp(root->sn, "m2m:atrl") == 0) {
		out->kind = PC_ATRL;
		for (size_t i = 0; i < out->v.list.n; i++)
			strs_add(s->a, &out->atrl, out->v.list.v[i].s);
	}
	return RSC_NONE;
}

enum rsc walk_content(struct src *s, struct content *out)
{
	struct content c = { 0 };
	enum tok tok = s->ops->peek(s);
	struct str name;
	int more;

	if (tok != TOK_OBJ)
		return tok == TOK_NONE ? s->ops->fault(s)
		                       : why_set(s->w, RSC_BAD_REQUEST, "content must be an object with one root element");
	if (!s->ops->open(s))
		return s->w->rsc;
	for (size_t n = 0; (more = s->ops->member(s, n == 0, &name)) > 0; n++) {
		if (n || walk_root(s, name, &c))
			return why_set(s->w, RSC_BAD_REQUEST, "content must be an object with one root element");
	}
	if (more < 0)
		return s->w->rsc;
	if (c.kind == PC_NONE)
		return why_set(s->w, RSC_BAD_REQUEST, "content must be an object with one root element");
	*out = c;
	return RSC_NONE;
}

static enum rsc walk_param(struct src *s, struct prim *p, struct str name)
{
	static const char *const later[] = { "gstn", "omr", "msu", "ppi" }; /* Release 4 */
	int id = param_by_sn(name);
	char text[41];
	struct val v;
	enum rsc rsc;

	if (id < 0) {
		for (size_t i = 0; i < ARRAY_LEN(later); i++)
			if (str_eqz(name, later[i]))
				return why_set(s->w, RSC_NOT_IMPLEMENTED, "parameter %s is not supported", later[i]);
		return why_set(s->w, RSC_BAD_REQUEST, "a request has no parameter %s", told(name, text));
	}
	if (id != P_PC) {
		rsc = walk_value(s, &param_complex()->attrs[id], &v);
		return rsc ? rsc : prim_take(p, (enum param)id, &v);
	}
	if (prim_has(p, P_PC))
		return why_set(s->w, RSC_BAD_REQUEST, "pc must stand once");
	rsc = walk_content(s, &p->pc);
	if (!rsc)
		p->has |= UINT32_C(1) << P_PC;
	return rsc;
}

enum rsc walk_request(struct src *s, struct prim *p)
{
	enum tok tok = s->ops->peek(s);
	struct str name;
	int more;

	if (tok != TOK_OBJ)
		return tok == TOK_NONE ? s->ops->fault(s) : why_set(s->w, RSC_BAD_REQUEST, "a request must be an object");
	if (!s->ops->open(s))
		return s->w->rsc;
	for (bool first = true; (more = s->ops->member(s, first, &name)) > 0; first = false) {
		struct mark m;
		struct str raw;

		s->ops->mark(s, &m);
		if (!walk_param(s, p, name))
			continue;
		/* The first reason stays, but rqi and rvi may still come: pass over the value and go on. */
		s->ops->back(s, &m);
		if (!s->ops->any(s, &raw))
			break;
	}
	return s->w->rsc;
}
