/* SPDX-License-Identifier: Apache-2.0 */
/* Typed values to JSON text (TS-0004 8.4.2).  Members in the order given, no white space. */
#include "cse/codec/json_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "cse/model/stamp.h"

static void write_value(struct buf *b, const struct val *v);

/* 0: as it is, 'u': \u00XX, else the letter of its escape. */
static const char escapes[256] = {
	[0] = 'u',  [1] = 'u',  [2] = 'u',  [3] = 'u',  [4] = 'u',  [5] = 'u',    [6] = 'u',   [7] = 'u',  [8] = 'b',
	[9] = 't',  [10] = 'n', [11] = 'u', [12] = 'f', [13] = 'r', [14] = 'u',   [15] = 'u',  [16] = 'u', [17] = 'u',
	[18] = 'u', [19] = 'u', [20] = 'u', [21] = 'u', [22] = 'u', [23] = 'u',   [24] = 'u',  [25] = 'u', [26] = 'u',
	[27] = 'u', [28] = 'u', [29] = 'u', [30] = 'u', [31] = 'u', ['"'] = '"', ['\\'] = '\\',
};

/* Eight bytes of `c`. */
#define EACH(c) (UINT64_C(0x0101010101010101) * (uint64_t)(c))

/* How many bytes at the front need no escape. */
static size_t clean_run(const char *p, size_t n)
{
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		uint64_t v, quote, slash;

		memcpy(&v, p + i, 8);
		quote = v ^ EACH('"');
		slash = v ^ EACH('\\');
		if ((((v - EACH(0x20)) & ~v) | ((quote - EACH(1)) & ~quote) | ((slash - EACH(1)) & ~slash)) & EACH(0x80))
			break;
	}
	while (i < n && !escapes[(unsigned char)p[i]])
		i++;
	return i;
}

static void write_escaped(struct buf *b, struct str s, size_t from)
{
	static const char hex[] = "0123456789abcdef";
	size_t clean = from;

	for (size_t i = from; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char e = escapes[c];

		if (!e)
			continue;
		buf_put(b, s.p + clean, i - clean);
		clean = i + 1;
		if (e == 'u') {
			char u[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

			buf_put(b, u, sizeof u);
		} else {
			char two[2] = { '\\', e };

			buf_put(b, two, sizeof two);
		}
	}
	buf_put(b, s.p + clean, s.n - clean);
}

static void write_text(struct buf *b, struct str s)
{
	size_t i = clean_run(s.p, s.n);
	char *p = buf_room(b, s.n + 2);

	if (!p)
		return;
	*p = '"';
	if (i)
		memcpy(p + 1, s.p, i);
	if (i == s.n) {
		p[i + 1] = '"';
		buf_added(b, s.n + 2);
		return;
	}
	buf_added(b, 1 + i);
	write_escaped(b, s, i);
	buf_putc(b, '"');
}

/* "name": and before it a comma unless it is the first.  Names come from the tables and need no escape. */
static void write_name(struct buf *b, bool first, const char *sn)
{
	char *p = buf_room(b, strlen(sn) + 4), *begin = p;

	if (!p)
		return;
	if (!first)
		*p++ = ',';
	*p++ = '"';
	while (*sn)
		*p++ = *sn++;
	*p++ = '"';
	*p++ = ':';
	buf_added(b, (size_t)(p - begin));
}

/* The shortest decimal that reads as the same double. */
static void write_float(struct buf *b, double f)
{
	char text[40];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, f);
		if (!(strtod(text, NULL) < f) && !(strtod(text, NULL) > f))
			break;
	}
	buf_z(b, text);
}

static void write_stamp(struct buf *b, int64_t us)
{
	char text[STAMP_MAX + 2];
	size_t n = stamp_format(us, text + 1);

	text[0] = '"';
	text[n + 1] = '"';
	buf_put(b, text, n + 2);
}

static void write_obj(struct buf *b, const struct obj *o)
{
	bool first = true;

	buf_putc(b, '{');
	for (uint32_t i = 0; i < o->n; i++) {
		const struct member *m = &o->m[i];

		if (m->attr->flags & AF_HIDDEN)
			continue;
		write_name(b, first, m->attr->sn);
		write_value(b, &m->v);
		first = false;
	}
	buf_putc(b, '}');
}

static void write_list(struct buf *b, const struct val *v)
{
	buf_putc(b, '[');
	for (size_t i = 0; i < v->list.n; i++) {
		if (i)
			buf_putc(b, ',');
		write_value(b, &v->list.v[i]);
	}
	buf_putc(b, ']');
}

static void write_value(struct buf *b, const struct val *v)
{
	switch (v->kind) {
	case K_NULL:
		BUF_LIT(b, "null");
		break;
	case K_BOOL:
		if (v->b)
			BUF_LIT(b, "true");
		else
			BUF_LIT(b, "false");
		break;
	case K_INT:
	case K_ENUM:
		buf_i64(b, v->i);
		break;
	case K_UINT:
		buf_u64(b, v->u);
		break;
	case K_FLOAT:
		write_float(b, v->f);
		break;
	case K_STAMP:
		write_stamp(b, v->i);
		break;
	case K_ANY:
		buf_str(b, v->s);
		break;
	case K_OBJ:
		write_obj(b, v->o);
		break;
	case K_LIST:
		write_list(b, v);
		break;
	default:
		write_text(b, v->s);
	}
}

void json_write_content(struct buf *out, const struct attr *root, const struct val *v)
{
	buf_putc(out, '{');
	write_name(out, true, root->sn);
	write_value(out, v);
	buf_putc(out, '}');
}

static void write_text_member(struct buf *b, const char *sn, struct str s)
{
	if (!s.n)
		return;
	write_name(b, false, sn);
	write_text(b, s);
}

static void write_number_member(struct buf *b, const char *sn, uint64_t u)
{
	write_name(b, false, sn);
	buf_u64(b, u);
}

void json_write_response(struct buf *out, const struct resp *r)
{
	BUF_LIT(out, "{\"rsc\":");
	buf_u64(out, (uint64_t)r->rsc);
	write_name(out, false, "rqi");
	write_text(out, r->rqi);
	write_text_member(out, "to", r->to);
	write_text_member(out, "fr", r->fr);
	if (r->has_pc) {
		write_name(out, false, "pc");
		json_write_content(out, r->root, &r->pc);
	}
	write_text_member(out, "ot", r->ot);
	write_text_member(out, "rset", r->rset);
	if (r->ec)
		write_number_member(out, "ec", r->ec);
	if (r->cnst) {
		write_number_member(out, "cnst", r->cnst);
		if (r->cnot)
			write_number_member(out, "cnot", r->cnot);
	}
	write_text_member(out, "rvi", r->rvi);
	write_text_member(out, "vsi", r->vsi);
	buf_putc(out, '}');
}

static void write_pc(struct buf *b, const struct content *c)
{
	struct val v;

	switch (c->kind) {
	case PC_RES:
		v = val_obj(&c->res->o);
		json_write_content(b, c->res->type->root, &v);
		break;
	case PC_ROOT:
	case PC_ATRL:
		json_write_content(b, c->root, &c->v);
		break;
	case PC_NONE:
		BUF_LIT(b, "{}");
	}
}

void json_write_request(struct buf *out, const struct prim *p)
{
	bool first = true;

	CHECK(p, PRIM);
	buf_putc(out, '{');
	for (unsigned id = 0; id < PARAM_COUNT; id++) {
		struct val v;

		if (!prim_has(p, (enum param)id))
			continue;
		write_name(out, first, param_row((enum param)id)->sn);
		first = false;
		if (id == P_PC) {
			write_pc(out, &p->pc);
			continue;
		}
		v = prim_value(p, (enum param)id);
		write_value(out, &v);
	}
	buf_putc(out, '}');
}
