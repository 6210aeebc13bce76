/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format of the batch log.
 *
 *   row    = *part
 *   part   = format byte, length, body         length: bytes of the body, four bytes, least first
 *   body   = seq, seen (ms), swept, *fact      numbers: seven bits a byte; differences zigzag
 *   fact   = tag, [rid], ...                   tag: kind, flags SAME (container of the fact before), HEAD, SIDE
 *   append = id difference, size, st, ms difference, [id - head], [side]
 *   touch  = st, ms difference, [head]
 *   kill   = id difference, st, ms difference
 *   side   = rn, own et, number of labels, labels
 */
#include "db/batch_priv.h"

#include "cse/base/err.h"
#include "db/row_priv.h"

enum { BATCH_FORMAT = 1, PART_HEAD = 5, TAG_KIND = 3, TAG_SAME = 4, TAG_HEAD = 8, TAG_SIDE = 16, TAG_KNOWN = 31 };

void batch_begin(struct batch_writer *w, struct buf *b, uint64_t seq, int64_t seen_us, uint64_t swept)
{
	*w = (struct batch_writer){ .b = b, .start = b->n, .seen_us = seen_us, .ms = seen_us / 1000 };
	buf_put(b, "\1\0\0\0\0", PART_HEAD);
	vi_put(b, seq);
	vi_put_i(b, w->ms);
	vi_put(b, swept);
}

static void put_ms(struct batch_writer *w, int64_t ms)
{
	vi_put_i(w->b, ms - w->ms);
	w->ms = ms;
}

static void put_id(struct batch_writer *w, uint64_t id)
{
	vi_put_i(w->b, (int64_t)(id - w->id));
	w->id = id;
}

static void put_append(struct batch_writer *w, const struct fact *f)
{
	put_id(w, f->id);
	vi_put(w->b, f->size);
	vi_put(w->b, f->st);
	put_ms(w, f->ms);
	if (f->has_head)
		vi_put_i(w->b, (int64_t)(f->id - f->head));
	if (!f->has_side)
		return;
	vi_put(w->b, f->rn.n);
	buf_str(w->b, f->rn);
	vi_put_i(w->b, f->own_et);
	vi_put(w->b, f->n_labels);
	vi_put(w->b, f->labels.n);
	buf_str(w->b, f->labels);
}

void batch_fact(struct batch_writer *w, const struct fact *f)
{
	bool same = f->rid == w->rid;

	buf_putc(w->b, (char)((unsigned)f->kind | (same ? TAG_SAME : 0) | (f->has_head ? TAG_HEAD : 0) |
	                      (f->has_side ? TAG_SIDE : 0)));
	if (!same)
		vi_put(w->b, f->rid);
	w->rid = f->rid;
	w->n++;
	switch (f->kind) {
	case FACT_APPEND:
		put_append(w, f);
		break;
	case FACT_TOUCH:
		vi_put(w->b, f->st);
		put_ms(w, f->ms);
		if (f->has_head)
			vi_put(w->b, f->head);
		break;
	case FACT_KILL:
		put_id(w, f->id);
		vi_put(w->b, f->st);
		put_ms(w, f->ms);
		break;
	case FACT_SWEPT:
		break;
	}
}

void batch_end(struct batch_writer *w)
{
	size_t n = w->b->n - w->start - PART_HEAD;
	unsigned char *p = (unsigned char *)w->b->p + w->start + 1;

	REQUIRE(!w->b->over && n <= UINT32_MAX);
	for (unsigned i = 0; i < 4; i++)
		p[i] = (unsigned char)(n >> 8 * i);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

struct state {
	struct str in;
	uint64_t id;
	uint32_t rid;
	int64_t ms;
};

/* Moments stay where years have four digits, so that later sums cannot overflow. */
static bool get_ms(struct state *s, int64_t *ms)
{
	int64_t d;

	if (!vi_get_i(&s->in, &d) || d > INT64_MAX / 4 || d < -INT64_MAX / 4)
		return false;
	s->ms += d;
	*ms = s->ms;
	return s->ms >= 0 && s->ms <= 253402300799999;
}

static bool get_id(struct state *s, uint64_t *id)
{
	int64_t d;

	if (!vi_get_i(&s->in, &d))
		return false;
	s->id += (uint64_t)d;
	*id = s->id;
	return s->id >= 1 && s->id < INT64_MAX;
}

static bool labels_ok(struct str l, uint64_t n)
{
	for (; n; n--) {
		if (l.n < 2)
			return false;
		size_t len = (unsigned char)l.p[0] | (size_t)(unsigned char)l.p[1] << 8;
		if (l.n - 2 < len)
			return false;
		l = str_from(l, 2 + len);
	}
	return l.n == 0;
}

static bool get_side(struct state *s, struct fact *f)
{
	uint64_t n;

	if (!vi_get_str(&s->in, &f->rn) || f->rn.n > UINT16_MAX || !vi_get_i(&s->in, &f->own_et) || f->own_et < 0 ||
	    !vi_get(&s->in, &n) || n > UINT16_MAX || !vi_get_str(&s->in, &f->labels) || f->labels.n > UINT32_MAX)
		return false;
	f->n_labels = (uint16_t)n;
	return labels_ok(f->labels, n);
}

static bool get_append(struct state *s, struct fact *f)
{
	int64_t behind;

	if (!get_id(s, &f->id) || !vi_get(&s->in, &f->size) || f->size > UINT32_MAX || !vi_get(&s->in, &f->st) ||
	    !get_ms(s, &f->ms))
		return false;
	if (f->has_head) {
		if (!vi_get_i(&s->in, &behind) || behind > (int64_t)f->id || behind < -1)
			return false;
		f->head = f->id - (uint64_t)behind;
	}
	return !f->has_side || get_side(s, f);
}

static bool get_fact(struct state *s, struct fact *f)
{
	unsigned tag = (unsigned char)s->in.p[0];
	uint64_t rid = s->rid;

	s->in = str_from(s->in, 1);
	*f = (struct fact){ .kind = (enum fact_kind)(tag & TAG_KIND), .has_head = tag & TAG_HEAD, .has_side = tag & TAG_SIDE };
	if (tag & ~(unsigned)TAG_KNOWN)
		return false;
	if (!(tag & TAG_SAME) && !vi_get(&s->in, &rid))
		return false;
	if (!rid || rid > UINT32_MAX)
		return false;
	f->rid = s->rid = (uint32_t)rid;
	switch (f->kind) {
	case FACT_APPEND:
		return get_append(s, f);
	case FACT_TOUCH:
		return vi_get(&s->in, &f->st) && get_ms(s, &f->ms) &&
		       (!f->has_head || (vi_get(&s->in, &f->head) && f->head <= INT64_MAX));
	case FACT_KILL:
		return get_id(s, &f->id) && vi_get(&s->in, &f->st) && get_ms(s, &f->ms);
	case FACT_SWEPT:
		return true;
	}
	return false;
}

static int read_part(struct str body, const struct batch_reader *r)
{
	struct state s = { .in = body };
	struct batch_part p;

	if (!vi_get(&s.in, &p.seq) || !get_ms(&s, &p.seen_us) || !vi_get(&s.in, &p.swept))
		return E_CORRUPT;
	p.seen_us *= 1000;
	if (r->part)
		r->part(r->arg, &p);
	while (s.in.n) {
		struct fact f;
		if (!get_fact(&s, &f))
			return E_CORRUPT;
		int err = r->fact(r->arg, &p, &f);
		if (err)
			return err;
	}
	return 0;
}

int batch_read(struct str row, const struct batch_reader *r)
{
	while (row.n) {
		size_t n = 0;
		if (row.p[0] != BATCH_FORMAT)
			return (unsigned char)row.p[0] > BATCH_FORMAT ? E_NEWER : E_CORRUPT;
		if (row.n < PART_HEAD)
			return E_CORRUPT;
		for (unsigned i = 0; i < 4; i++)
			n |= (size_t)(unsigned char)row.p[1 + i] << 8 * i;
		if (n > row.n - PART_HEAD)
			return E_CORRUPT;
		int err = read_part(str_make(row.p + PART_HEAD, n), r);
		if (err)
			return err;
		row = str_from(row, PART_HEAD + n);
	}
	return 0;
}
