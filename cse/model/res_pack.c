/* SPDX-License-Identifier: Apache-2.0 */
/* The packed form of a resource (doc/design/packed.md): what rows and bodies hold before they are sealed. */
#include "cse/model/res.h"

#include "cse/base/err.h"
#include "cse/model/any.h"

enum { FORMAT = 1, MAX_DEPTH = 130, MAX_BYTES = 64 << 20 };

/* What stands before a value: these numbers are on disks and never change their meaning. */
enum code {
	C_NULL = 0,
	C_FALSE = 1,
	C_TRUE = 2,
	C_INT = 3,   /* zigzag, varint */
	C_UINT = 4,  /* varint */
	C_FLOAT = 5, /* IEEE 754 double, little-endian */
	C_TEXT = 6,  /* varint length, bytes */
	C_OBJ = 7,   /* varint number of members, members */
	C_LIST = 8   /* varint number of elements, values */
};
/* A varint takes at most ten bytes, a value's code one. */
enum { VARINT = 10, VALUE = 1 + VARINT };

/* --- writing ----------------------------------------------------------------------------------------------------- */

static size_t bound_obj(const struct obj *o);

static size_t bound(const struct val *v)
{
	size_t n = VALUE;

	if (v->kind == K_OBJ)
		return n + bound_obj(v->o);
	if (v->kind == K_LIST) {
		for (size_t i = 0; i < v->list.n; i++)
			n += bound(&v->list.v[i]);
		return n;
	}
	return val_is_text(v->kind) ? n + v->s.n : n;
}

static size_t bound_obj(const struct obj *o)
{
	size_t n = VARINT;

	for (uint32_t i = 0; i < o->n; i++)
		n += 1 + strlen(o->m[i].attr->sn) + bound(&o->m[i].v);
	return n;
}

static inline char *put_varint(char *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (char)(v | 0x80);
		v >>= 7;
	}
	*p++ = (char)v;
	return p;
}

static inline char *put_bytes(char *p, const char *from, size_t n)
{
	if (n)
		memcpy(p, from, n);
	return p + n;
}

static char *put_name(char *p, const char *sn)
{
	size_t n = strlen(sn);

	REQUIRE(n <= 255);
	*p++ = (char)n;
	return put_bytes(p, sn, n);
}

static char *put_float(char *p, double f)
{
	uint64_t bits;

	memcpy(&bits, &f, sizeof bits);
	for (int i = 0; i < 8; i++)
		*p++ = (char)(bits >> (8 * i));
	return p;
}

static char *put_obj(char *p, const struct obj *o);

static char *put_value(char *p, const struct val *v)
{
	switch (v->kind) {
	case K_NULL:
		*p++ = C_NULL;
		return p;
	case K_BOOL:
		*p++ = v->b ? C_TRUE : C_FALSE;
		return p;
	case K_INT:
	case K_STAMP:
	case K_ENUM:
		*p++ = C_INT;
		return put_varint(p, (uint64_t)v->i << 1 ^ (v->i < 0 ? UINT64_MAX : 0));
	case K_UINT:
		*p++ = C_UINT;
		return put_varint(p, v->u);
	case K_FLOAT:
		*p++ = C_FLOAT;
		return put_float(p, v->f);
	case K_OBJ:
		*p++ = C_OBJ;
		return put_obj(p, v->o);
	case K_LIST:
		*p++ = C_LIST;
		p = put_varint(p, v->list.n);
		for (size_t i = 0; i < v->list.n; i++)
			p = put_value(p, &v->list.v[i]);
		return p;
	default:
		*p++ = C_TEXT;
		p = put_varint(p, v->s.n);
		return put_bytes(p, v->s.p, v->s.n);
	}
}

static char *put_obj(char *p, const struct obj *o)
{
	p = put_varint(p, o->n);
	for (uint32_t i = 0; i < o->n; i++) {
		p = put_name(p, o->m[i].attr->sn);
		p = put_value(p, &o->m[i].v);
	}
	return p;
}

void res_pack(const struct res *r, struct buf *out)
{
	char *begin, *p;

	CHECK(r, RES);
	begin = p = buf_room(out, 1 + VARINT + 256 + bound_obj(&r->o));
	if (!p)
		return;
	*p++ = FORMAT;
	p = put_varint(p, r->type->ty);
	/* Specializations share their number; the root element tells them apart. */
	p = put_name(p, type_by_ty(r->type->ty) == r->type ? "" : r->type->sn);
	p = put_obj(p, &r->o);
	buf_added(out, (size_t)(p - begin));
}

void res_pack_root(const struct attr *root, const struct val *v, struct buf *out)
{
	char *begin = buf_room(out, 1 + 256 + bound(v)), *p = begin;

	if (!p)
		return;
	*p++ = FORMAT;
	p = put_name(p, root->sn);
	p = put_value(p, v);
	buf_added(out, (size_t)(p - begin));
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

struct in {
	struct arena *a;
	const unsigned char *p, *end;
	size_t values; /* that may still come: no more than bytes, however lists and objects say */
	unsigned depth;
};

static inline size_t left(const struct in *in)
{
	return (size_t)(in->end - in->p);
}

static int get_varint(struct in *in, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		unsigned char c;

		if (in->p == in->end)
			return E_CORRUPT;
		c = *in->p++;
		/* One way to write each number: nothing behind the 64th bit, no empty last byte. */
		if ((shift == 63 && c > 1) || (c == 0 && shift))
			return E_CORRUPT;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80) {
			*out = v;
			return 0;
		}
	}
	return E_CORRUPT;
}

static int get_slice(struct in *in, uint64_t n, struct str *out)
{
	if (n > left(in))
		return E_CORRUPT;
	*out = str_make((const char *)in->p, (size_t)n);
	in->p += n;
	return 0;
}

static int get_name(struct in *in, struct str *out)
{
	if (in->p == in->end)
		return E_CORRUPT;
	return get_slice(in, *in->p++, out);
}

static int get_text(struct in *in, enum kind kind, struct val *v)
{
	uint64_t n;
	struct str s;
	int err = get_varint(in, &n);

	if (!err)
		err = get_slice(in, n, &s);
	if (err)
		return err;
	if (kind == K_ANY ? !any_is_value(s) : !str_is_utf8(s) || str_index(s, '\0') != s.n)
		return E_CORRUPT;
	*v = val_str(kind, s);
	return 0;
}

static int get_float(struct in *in, struct val *v)
{
	uint64_t bits = 0;
	double f;

	if (left(in) < 8)
		return E_CORRUPT;
	for (int i = 0; i < 8; i++)
		bits |= (uint64_t)*in->p++ << (8 * i);
	memcpy(&f, &bits, sizeof f);
	if (!(f - f == 0)) /* infinite, or no number */
		return E_CORRUPT;
	*v = (struct val){ .kind = K_FLOAT, .f = f };
	return 0;
}

static int get_number(struct in *in, enum code code, enum kind kind, struct val *v)
{
	uint64_t u;
	int64_t i;
	int err = get_varint(in, &u);

	if (err)
		return err;
	/* A table may make a signed attribute unsigned later, or the other way round: the number decides. */
	if (code == C_UINT) {
		if (kind != K_UINT && u > INT64_MAX)
			return E_CORRUPT;
		i = (int64_t)u;
	} else {
		i = (int64_t)(u >> 1) ^ -(int64_t)(u & 1);
		if (kind == K_UINT && i < 0)
			return E_CORRUPT;
		u = (uint64_t)i;
	}
	if (kind == K_UINT)
		*v = val_uint(u);
	else
		*v = (struct val){ .kind = kind, .i = i };
	return 0;
}

/* Which members an object may have. */
struct shape {
	const struct type *type;
	const struct complex *complex;
	bool top;
};

static const struct attr *lookup(const struct shape *s, struct str sn, unsigned *bit)
{
	int at = s->type ? type_attr_pos(s->type, sn) : complex_attr_pos(s->complex, sn);

	*bit = at < 0 ? 63 : (unsigned)at;
	if (at >= 0)
		return s->type ? s->type->all[at] : &s->complex->attrs[at];
	if (s->top && str_eqz(sn, attr_owner.sn))
		return &attr_owner;
	return s->complex && s->complex->rooted ? type_root_attr(sn) : NULL;
}

static int get_value(struct in *in, const struct attr *at, struct val *v, bool listed);

static int get_obj(struct in *in, const struct shape *s, struct obj *o)
{
	uint64_t n, seen = 0;
	int err = get_varint(in, &n);

	if (err || n > 64 || n > in->values)
		return E_CORRUPT;
	in->values -= n;
	*o = (struct obj){ .cap = (uint32_t)n, .m = n ? arena_alloc(in->a, n * sizeof *o->m) : NULL };
	for (uint64_t i = 0; i < n; i++) {
		const struct attr *at;
		struct str sn;
		unsigned bit;

		err = get_name(in, &sn);
		if (err)
			return err;
		at = lookup(s, sn, &bit);
		if (!at || (seen >> bit & 1))
			return E_CORRUPT;
		seen |= UINT64_C(1) << bit;
		err = get_value(in, at, obj_add(in->a, o, at), (at->flags & AF_LIST) != 0);
		if (err)
			return err;
	}
	return 0;
}

static int get_list(struct in *in, const struct attr *at, struct val *v)
{
	uint64_t n;
	int err = get_varint(in, &n);

	if (err || n > in->values)
		return E_CORRUPT;
	in->values -= n;
	*v = val_list(in->a, (size_t)n);
	for (size_t i = 0; !err && i < n; i++)
		err = get_value(in, at, &v->list.v[i], false);
	return err;
}

static int get_nested(struct in *in, const struct attr *at, struct val *v)
{
	bool of_type = at->flags & AF_RESOURCE;
	struct shape s = { .type = of_type ? at->of : NULL, .complex = of_type ? NULL : at->of };

	*v = val_obj(obj_new(in->a, 0));
	return get_obj(in, &s, v->o);
}

static int get_code(struct in *in, enum code code, const struct attr *at, struct val *v, bool listed)
{
	enum kind kind = at->kind;

	if (code == C_NULL) {
		*v = val_null();
		return listed || !(at->flags & AF_LIST) ? 0 : E_CORRUPT;
	}
	if (listed)
		return code == C_LIST ? get_list(in, at, v) : E_CORRUPT;
	switch (code) {
	case C_FALSE:
	case C_TRUE:
		*v = val_bool(code == C_TRUE);
		return kind == K_BOOL ? 0 : E_CORRUPT;
	case C_INT:
	case C_UINT:
		if (kind != K_INT && kind != K_UINT && kind != K_STAMP && kind != K_ENUM)
			return E_CORRUPT;
		return get_number(in, code, kind, v);
	case C_FLOAT:
		return kind == K_FLOAT ? get_float(in, v) : E_CORRUPT;
	case C_OBJ:
		return kind == K_OBJ ? get_nested(in, at, v) : E_CORRUPT;
	case C_TEXT:
		if (!val_is_text(kind))
			return E_CORRUPT;
		return get_text(in, kind, v);
	default:
		return E_CORRUPT;
	}
}

static int get_value(struct in *in, const struct attr *at, struct val *v, bool listed)
{
	int err;

	if (in->depth == 0 || in->p == in->end)
		return E_CORRUPT;
	in->depth--;
	err = get_code(in, (enum code)*in->p++, at, v, listed);
	in->depth++;
	return err;
}

int res_unpack(struct arena *a, struct str row, struct res **out)
{
	struct in in = { .a = a, .p = (const unsigned char *)row.p, .values = row.n, .depth = MAX_DEPTH };
	struct shape s = { .top = true };
	struct res *r;
	struct str root;
	uint64_t ty;
	int err;

	if (row.n == 0 || row.n > MAX_BYTES)
		return E_CORRUPT;
	in.end = in.p + row.n;
	if (*in.p != FORMAT)
		return *in.p > FORMAT ? E_NEWER : E_CORRUPT;
	in.p++;
	err = get_varint(&in, &ty);
	if (!err)
		err = get_name(&in, &root);
	if (err)
		return err;
	if (ty > UINT16_MAX)
		return E_CORRUPT;
	s.type = root.n ? type_by_root(root) : type_by_ty((unsigned)ty);
	if (!s.type || s.type->ty != ty || (root.n && type_by_ty((unsigned)ty) == s.type))
		return E_CORRUPT;
	r = res_new(a, s.type, 0);
	err = get_obj(&in, &s, &r->o);
	if (!err && in.p != in.end)
		err = E_CORRUPT;
	if (!err)
		*out = r;
	return err;
}

int res_unpack_root(struct arena *a, struct str row, const struct attr **root, struct val *v)
{
	struct in in = { .a = a, .p = (const unsigned char *)row.p, .values = row.n, .depth = MAX_DEPTH };
	const struct attr *at;
	struct str name;
	struct val got;
	int err;

	if (row.n == 0 || row.n > MAX_BYTES)
		return E_CORRUPT;
	in.end = in.p + row.n;
	if (*in.p != FORMAT)
		return *in.p > FORMAT ? E_NEWER : E_CORRUPT;
	in.p++;
	err = get_name(&in, &name);
	if (err)
		return err;
	at = type_root_attr(name);
	if (!at)
		return E_CORRUPT;
	err = get_value(&in, at, &got, (at->flags & AF_LIST) != 0);
	if (err || in.p != in.end)
		return E_CORRUPT;
	*root = at;
	*v = got;
	return 0;
}
