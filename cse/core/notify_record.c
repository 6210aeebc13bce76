/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a kept fact looks like (format 1; 2 is a last word, at the end of this file): format, event type, operation, flags, time, what its creator must be allowed to read, length
 * and text of the originator, and the representation in the packed form of cse/model/res.h.  These numbers are on disks and never change their meaning.
 */
#include "cse/core/notify_record.h"

#include <stdlib.h>

#include "cse/base/err.h"

enum { FORMAT = 1, LAST = 2, HEAD = 18, F_MONITOR = 1, F_REP = 2, ORIGINATOR_MAX = 4096 };

void notify_record_write(const struct fact *f, struct buf *out)
{
	struct str or = str_of(f->originator);
	unsigned char h[HEAD] = { FORMAT, (unsigned char)f->net, (unsigned char)f->op,
		(unsigned char)((f->monitor ? F_MONITOR : 0) | (f->rep ? F_REP : 0)) };

	for (int i = 0; i < 8; i++)
		h[4 + i] = (unsigned char)((uint64_t)f->when >> (8 * i));
	if (or.n > ORIGINATOR_MAX)
		or = STR_NONE;
	for (int i = 0; i < 4; i++)
		h[12 + i] = (unsigned char)(f->reads >> (8 * i));
	h[16] = (unsigned char)or.n;
	h[17] = (unsigned char)(or.n >> 8);
	buf_put(out, h, sizeof(h));
	buf_str(out, or);
	if (f->rep)
		res_pack_root(f->rep->root, &f->rep->v, out);
}

static bool head_is_valid(const unsigned char *h)
{
	return h[1] <= NET_MISSING && h[2] <= OP_NOTIFY && h[3] <= (F_MONITOR | F_REP);
}

int notify_record_read(struct arena *a, struct str row, struct fact **out)
{
	const unsigned char *h = (const unsigned char *)row.p;
	const struct attr *root;
	struct fact *f;
	struct val v;
	size_t or_n;
	uint64_t when = 0;
	uint32_t reads = 0;

	if (row.n < HEAD)
		return E_CORRUPT;
	if (h[0] != FORMAT)
		return h[0] > FORMAT ? E_NEWER : E_CORRUPT;
	or_n = h[16] | (size_t)h[17] << 8;
	if (!head_is_valid(h) || or_n > ORIGINATOR_MAX || or_n > row.n - HEAD ||
	    !str_is_utf8(str_make(row.p + HEAD, or_n)) || memchr(row.p + HEAD, 0, or_n))
		return E_CORRUPT;
	if ((h[3] & F_REP) ? res_unpack_root(a, str_from(row, HEAD + or_n), &root, &v) != 0 : row.n != HEAD + or_n)
		return E_CORRUPT;
	for (int i = 7; i >= 0; i--)
		when = when << 8 | h[4 + i];
	for (int i = 3; i >= 0; i--)
		reads = reads << 8 | h[12 + i];
	f = calloc(1, sizeof(*f));
	REQUIRE(f);
	*f = (struct fact){ .magic = FACT_MAGIC, .net = (enum net)h[1], .op = (enum op)h[2], .monitor = h[3] & F_MONITOR,
		.when = (int64_t)when, .reads = reads, .size = sizeof(*f) + row.n };
	if (f->monitor) {
		f->originator = strndup(row.p + HEAD, or_n);
		REQUIRE(f->originator);
	}
	if (h[3] & F_REP)
		f->rep = rep_keep(root, &v);
	*out = f;
	return 0;
}

/* --- last words ------------------------------------------------------------------------------------------------------ */

/* Length in four bytes, least first, and the bytes. */
static size_t part_begin(struct buf *out)
{
	static const char room[4];
	size_t at = out->n;

	buf_put(out, room, sizeof(room));
	return at;
}

static void part_end(struct buf *out, size_t at)
{
	size_t n;

	if (out->over)
		return;
	n = out->n - at - 4;
	for (int i = 0; i < 4; i++)
		out->p[at + (size_t)i] = (char)(n >> (8 * i));
}

static void put_res(struct buf *out, const struct res *r)
{
	size_t at = part_begin(out);

	if (r)
		res_pack(r, out);
	part_end(out, at);
}

static void put_text(struct buf *out, struct str s)
{
	size_t at = part_begin(out);

	buf_str(out, s);
	part_end(out, at);
}

void notify_record_write_last(const struct notify_last *w, struct buf *out)
{
	buf_putc(out, LAST);
	put_res(out, w->sub);
	put_res(out, w->fact ? w->watched : NULL);
	put_text(out, w->path);
	put_text(out, w->ri);
	if (w->fact)
		notify_record_write(w->fact, out);
}

bool notify_record_is_last(struct str row)
{
	return row.n && row.p[0] == LAST;
}

static bool get_part(struct str *row, struct str *out)
{
	size_t n = 0;

	if (row->n < 4)
		return false;
	for (int i = 3; i >= 0; i--)
		n = n << 8 | (unsigned char)row->p[i];
	if (n > row->n - 4)
		return false;
	*out = str_make(row->p + 4, n);
	*row = str_from(*row, 4 + n);
	return true;
}

static bool is_text(struct str s)
{
	return s.n && str_is_utf8(s) && !memchr(s.p, 0, s.n);
}

int notify_record_read_last(struct arena *a, struct str row, struct notify_last *out)
{
	struct str sub, watched, path, ri;
	struct res *r, *of = NULL;
	struct fact *f = NULL;
	int err;

	if (!notify_record_is_last(row))
		return E_CORRUPT;
	row = str_from(row, 1);
	if (!get_part(&row, &sub) || !get_part(&row, &watched) || !get_part(&row, &path) || !get_part(&row, &ri) || !is_text(path) ||
	    !is_text(ri) || res_unpack(a, sub, &r) != 0 || r->type->ty != TY_SUB)
		return E_CORRUPT;
	if ((watched.n > 0) != (row.n > 0) || (watched.n && res_unpack(a, watched, &of) != 0))
		return E_CORRUPT;
	if (row.n && (err = notify_record_read(a, row, &f)) != 0)
		return err;
	*out = (struct notify_last){ .sub = r, .watched = of, .path = path, .ri = ri, .fact = f };
	return 0;
}
