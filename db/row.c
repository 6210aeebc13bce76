/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of resources and records: written, and read with every byte checked. */
#include "db/row_priv.h"

#include "cse/base/err.h"

enum { ROW_FORMAT = 1, ROW_NAME_MAX = 4096 };

#define ROW_LT_MAX INT64_C(253402300799999999) /* years have four digits */

void vi_put(struct buf *b, uint64_t v)
{
	char *p = buf_room(b, 10);
	size_t n = 0;

	if (!p)
		return;
	while (v >= 0x80) {
		p[n++] = (char)(v | 0x80);
		v >>= 7;
	}
	p[n++] = (char)v;
	buf_added(b, n);
}

void vi_put_i(struct buf *b, int64_t v)
{
	vi_put(b, v < 0 ? ~((uint64_t)v << 1) : (uint64_t)v << 1);
}

bool vi_get(struct str *in, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 10 && i < in->n; i++) {
		unsigned char c = (unsigned char)in->p[i];
		if (i == 9 && c > 1)
			return false;
		v |= (uint64_t)(c & 0x7f) << 7 * i;
		if (!(c & 0x80)) {
			*in = str_make(in->p + i + 1, in->n - i - 1);
			*out = v;
			return true;
		}
	}
	return false;
}

bool vi_get_i(struct str *in, int64_t *out)
{
	uint64_t v;

	if (!vi_get(in, &v))
		return false;
	*out = (int64_t)(v >> 1 ^ (0 - (v & 1)));
	return true;
}

bool vi_get_str(struct str *in, struct str *s)
{
	uint64_t n;
	struct str rest = *in;

	if (!vi_get(&rest, &n) || n > rest.n)
		return false;
	*s = str_make(rest.p, (size_t)n);
	*in = str_make(rest.p + n, rest.n - (size_t)n);
	return true;
}

static void put_str(struct buf *b, const char *p, size_t n)
{
	vi_put(b, n);
	buf_put(b, p, n);
}

void row_write(struct buf *b, const struct row *r, const struct row_head *h, const struct res *res)
{
	buf_putc(b, ROW_FORMAT);
	vi_put(b, r->rid);
	vi_put(b, r->pid);
	vi_put(b, r->ty);
	vi_put(b, h->zone);
	vi_put(b, r->seq);
	vi_put(b, r->st);
	vi_put_i(b, r->lt);
	put_str(b, h->text, h->rn_n);
	put_str(b, h->text + h->rn_n, h->ri_n);
	res_pack(res, b);
}

int row_read(struct str in, struct row *out)
{
	uint64_t rid, pid, ty, zone;
	struct row r;

	if (!in.n)
		return E_CORRUPT;
	if (in.p[0] != ROW_FORMAT)
		return (unsigned char)in.p[0] > ROW_FORMAT ? E_NEWER : E_CORRUPT;
	in = str_from(in, 1);
	if (!vi_get(&in, &rid) || !vi_get(&in, &pid) || !vi_get(&in, &ty) || !vi_get(&in, &zone) || !vi_get(&in, &r.seq) ||
	    !vi_get(&in, &r.st) || !vi_get_i(&in, &r.lt) || !vi_get_str(&in, &r.rn) || !vi_get_str(&in, &r.ri))
		return E_CORRUPT;
	if (!rid || rid > UINT32_MAX || pid >= rid || ty > UINT16_MAX || zone > UINT16_MAX || !r.rn.n ||
	    r.rn.n > ROW_NAME_MAX || r.ri.n > ROW_NAME_MAX || r.seq > INT64_MAX || r.lt < 0 || r.lt > ROW_LT_MAX)
		return E_CORRUPT;
	r.rid = (uint32_t)rid;
	r.pid = (uint32_t)pid;
	r.ty = (uint16_t)ty;
	r.zone = (uint16_t)zone;
	r.packed = in;
	*out = r;
	return 0;
}

void row_write_rec(struct buf *b, struct str key, struct str value)
{
	buf_putc(b, ROW_FORMAT);
	put_str(b, key.p, key.n);
	put_str(b, value.p, value.n);
}

int row_read_rec(struct str in, struct str *key, struct str *value)
{
	struct str k, v;

	if (!in.n)
		return E_CORRUPT;
	if (in.p[0] != ROW_FORMAT)
		return (unsigned char)in.p[0] > ROW_FORMAT ? E_NEWER : E_CORRUPT;
	in = str_from(in, 1);
	if (!vi_get_str(&in, &k) || !vi_get_str(&in, &v) || in.n || !k.n || k.n > REC_KEY_MAX || !v.n ||
	    v.n > REC_VALUE_MAX)
		return E_CORRUPT;
	*key = k;
	*value = v;
	return 0;
}
