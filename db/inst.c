/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of instances: pushing, finding, walking, trimming and marking them. */
#include "db/inst_priv.h"

#include "db/mem_priv.h"

enum { WORDS = BLOCK_MAX / 64 };

static struct bdir *dir_at(const struct insts *in, uint32_t d)
{
	return &in->dir[in->d0 + d];
}

static struct block *block_at(const struct insts *in, uint32_t d)
{
	return in->dir[in->d0 + d].b;
}

static uint64_t last_id(const struct block *b)
{
	return block_id(b, b->n - 1u);
}

static bool dead(const struct block *b, unsigned i, bool durable)
{
	return b->dead && b->dead[(durable ? WORDS : 0) + i / 64] >> i % 64 & 1;
}

static void set_dead(struct block *b, unsigned i, bool durable, bool on)
{
	uint64_t *w, bit = 1ull << i % 64;

	if (!b->dead)
		b->dead = mem_zget(2 * WORDS * sizeof(*b->dead));
	w = &b->dead[(durable ? WORDS : 0) + i / 64];
	*w = on ? *w | bit : *w & ~bit;
}

struct insts *insts_new(struct tnode *n)
{
	struct insts *in = mem_zget(sizeof(*in));

	in->node = n;
	in->bytes = sizeof(*in);
	return in;
}

size_t block_bytes(const struct block *b)
{
	return sizeof(*b) + b->cap * sizeof(struct ent);
}

void block_free(struct block *b)
{
	mem_put(b->dead);
	mem_put(b);
}

void insts_free(struct insts *in)
{
	for (uint32_t d = 0; d < in->dn; d++)
		block_free(block_at(in, d));
	mem_put(in->dir);
	mem_put(in);
}

/* --- growing and shrinking at the end ---------------------------------------------------------------------------- */

static void dir_grow(struct insts *in)
{
	if (in->d0 > in->dcap / 2) {
		memmove(in->dir, in->dir + in->d0, in->dn * sizeof(*in->dir));
		in->d0 = 0;
		return;
	}
	in->bytes -= in->dcap * sizeof(*in->dir);
	in->dcap = in->dcap ? in->dcap * 2 : 2;
	in->bytes += in->dcap * sizeof(*in->dir);
	in->dir = mem_resize(in->dir, in->dcap, sizeof(*in->dir));
}

/* A block is as large as the container has instances (a ring of ten keeps small ones), and grows step by step. */
static unsigned next_cap(const struct insts *in)
{
	unsigned cap = BLOCK_MIN, last = in->dn ? block_at(in, in->dn - 1)->n * 2u : BLOCK_MIN;

	while (cap < BLOCK_MAX && cap < last && cap <= in->cni_p)
		cap *= 2;
	return cap;
}

static struct bdir *add_block(struct insts *in, const struct inst_raw *r)
{
	unsigned cap = next_cap(in);
	struct block *b = mem_get(sizeof(*b) + cap * sizeof(struct ent));

	*b = (struct block){ .id0 = r->id, .st0 = r->st, .ms0 = r->ms, .cap = (uint16_t)cap };
	in->bytes += block_bytes(b);
	if (in->d0 + in->dn == in->dcap)
		dir_grow(in);

	struct bdir *d = dir_at(in, in->dn++);
	*d = (struct bdir){ .b = b };
	return d;
}

static bool fits(const struct block *b, const struct inst_raw *r)
{
	return b->n < b->cap && r->id - b->id0 <= UINT32_MAX && r->st >= b->st0 && r->st - b->st0 <= UINT16_MAX &&
	       r->ms >= b->ms0 && r->ms - b->ms0 <= UINT32_MAX;
}

void insts_push(struct insts *in, const struct inst_raw *r)
{
	struct bdir *d = in->dn ? dir_at(in, in->dn - 1) : NULL;

	REQUIRE(r->id > in->tail_p && r->size <= UINT32_MAX);
	if (!d || !fits(d->b, r))
		d = add_block(in, r);

	struct block *b = d->b;
	unsigned i = b->n++;
	b->e[i] = (struct ent){ .id = (uint32_t)(r->id - b->id0), .size = (uint32_t)r->size,
	                        .ms = (uint32_t)(r->ms - b->ms0), .st = (uint16_t)(r->st - b->st0) };
	if (b->dead) {
		set_dead(b, i, false, false);
		set_dead(b, i, true, false);
	}
	d->live_p++;
	d->live_d++;
	d->bytes_p += r->size;
	in->cni_p++;
	in->cbs_p += r->size;
	in->tail_p = r->id;
}

static void drop_block(struct insts *in, uint32_t d, bool keep)
{
	struct block *b = block_at(in, d);

	in->bytes -= block_bytes(b);
	if (!keep)
		block_free(b);
	in->dn--;
	if (d == 0)
		in->d0 = in->dn ? in->d0 + 1 : 0;
	else
		memmove(dir_at(in, d), dir_at(in, d + 1), (in->dn - d) * sizeof(*in->dir));
}

void insts_pop(struct insts *in)
{
	struct bdir *d = dir_at(in, in->dn - 1);
	struct block *b = d->b;
	unsigned i = --b->n;

	/* Trims and marks were taken back before. */
	d->live_p--;
	d->live_d--;
	d->bytes_p -= b->e[i].size;
	in->cni_p--;
	in->cbs_p -= b->e[i].size;
	if (!b->n)
		drop_block(in, in->dn - 1, false);
}

/* --- finding and walking ------------------------------------------------------------------------------------------ */

struct inst_raw insts_at(const struct insts *in, struct ipos p)
{
	const struct block *b = block_at(in, p.d);
	struct ent e = b->e[p.e];

	return (struct inst_raw){ .id = b->id0 + e.id, .size = e.size, .st = b->st0 + e.st, .ms = b->ms0 + e.ms };
}

static uint64_t view_low(const struct insts *in, enum inst_view v)
{
	return v == VIEW_DURABLE ? in->head_d : in->head_p;
}

static uint64_t view_high(const struct insts *in, enum inst_view v)
{
	return v == VIEW_PENDING ? UINT64_MAX : in->tail_d;
}

/* First entry with an id not below `id`; false when there is none. */
static bool lower_bound(const struct insts *in, uint64_t id, struct ipos *out)
{
	uint32_t lo = 0, hi = in->dn;

	/* Most look-ups are at one of the ends. */
	if (!hi || last_id(block_at(in, hi - 1)) < id)
		return false;
	if (last_id(block_at(in, 0)) >= id)
		hi = 0;
	else if (block_at(in, hi - 1)->id0 <= id)
		lo = hi = hi - 1;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (last_id(block_at(in, mid)) < id)
			lo = mid + 1;
		else
			hi = mid;
	}

	const struct block *b = block_at(in, lo);
	uint32_t x = 0, y = b->n;
	while (x < y) {
		uint32_t mid = x + (y - x) / 2;
		if (block_id(b, mid) < id)
			x = mid + 1;
		else
			y = mid;
	}
	*out = (struct ipos){ lo, x };
	return true;
}

/* p is at an entry: is it alive, or which is the next one that is? */
static bool settle_up(const struct insts *in, enum inst_view v, struct ipos *p)
{
	uint64_t high = view_high(in, v);

	for (; p->d < in->dn; p->d++, p->e = 0) {
		const struct bdir *d = dir_at(in, p->d);
		const struct block *b = d->b;
		if (!(v == VIEW_DURABLE ? d->live_d : d->live_p))
			continue;
		for (; p->e < b->n; p->e++) {
			if (block_id(b, p->e) > high)
				return false;
			if (!dead(b, p->e, v == VIEW_DURABLE))
				return true;
		}
	}
	return false;
}

static bool settle_down(const struct insts *in, enum inst_view v, struct ipos *p)
{
	uint64_t low = view_low(in, v), high = view_high(in, v);

	for (;;) {
		const struct block *b = block_at(in, p->d);
		for (uint32_t i = p->e + 1; i-- > 0;) {
			uint64_t id = block_id(b, i);
			if (id < low)
				return false;
			if (id <= high && !dead(b, i, v == VIEW_DURABLE)) {
				p->e = i;
				return true;
			}
		}
		if (!p->d)
			return false;
		p->d--;
		p->e = block_at(in, p->d)->n - 1u;
	}
}

bool insts_find(const struct insts *in, enum inst_view v, uint64_t id, struct ipos *out)
{
	struct ipos p;

	if (id < view_low(in, v) || id > view_high(in, v) || !lower_bound(in, id, &p))
		return false;
	const struct block *b = block_at(in, p.d);
	if (block_id(b, p.e) != id || dead(b, p.e, v == VIEW_DURABLE))
		return false;
	*out = p;
	return true;
}

bool insts_first(const struct insts *in, enum inst_view v, uint64_t after, struct ipos *out)
{
	uint64_t from = view_low(in, v);
	struct ipos p;

	if (after >= from)
		from = after + 1;
	if (!from || !lower_bound(in, from, &p) || !settle_up(in, v, &p))
		return false;
	*out = p;
	return true;
}

/* Times ascend with ids. */
uint64_t insts_before(const struct insts *in, int64_t ms)
{
	uint32_t low = 0, high = in->dn, e;
	const struct block *b;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		if (insts_at(in, (struct ipos){ mid, 0 }).ms < ms)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return 0;
	b = block_at(in, low - 1);
	for (e = 0, high = b->n; e < high;) {
		uint32_t mid = e + (high - e) / 2;
		if (insts_at(in, (struct ipos){ low - 1, mid }).ms < ms)
			e = mid + 1;
		else
			high = mid;
	}
	return block_id(b, e - 1);
}

bool insts_last(const struct insts *in, enum inst_view v, struct ipos *out)
{
	uint64_t high = view_high(in, v);
	struct ipos p;

	if (!in->dn)
		return false;
	p.d = in->dn - 1;
	p.e = block_at(in, p.d)->n - 1u;
	/* Behind the durable ones there may be as many others as the writer's queue holds. */
	if (block_id(block_at(in, p.d), p.e) > high && !lower_bound(in, high, &p))
		return false;
	if (!settle_down(in, v, &p))
		return false;
	*out = p;
	return true;
}

bool insts_next(const struct insts *in, enum inst_view v, struct ipos *p)
{
	struct ipos q = { p->d, p->e + 1 };

	if (!settle_up(in, v, &q))
		return false;
	*p = q;
	return true;
}

bool insts_prev(const struct insts *in, enum inst_view v, struct ipos *p)
{
	struct ipos q = *p;

	if (q.e) {
		q.e--;
	} else if (q.d) {
		q.d--;
		q.e = block_at(in, q.d)->n - 1u;
	} else {
		return false;
	}
	if (!settle_down(in, v, &q))
		return false;
	*p = q;
	return true;
}

/* --- pending side ------------------------------------------------------------------------------------------------- */

/* Why the oldest goes: one reason is enough. */
struct bound {
	uint64_t max_n, max_bytes;
	int64_t not_before;
	uint64_t below; /* ids */
};

static bool wants(const struct insts *in, const struct trim *t, const struct bound *bd, uint64_t id, int64_t ms)
{
	return in->cni_p - t->n > bd->max_n || in->cbs_p - t->bytes > bd->max_bytes || ms < bd->not_before || id < bd->below;
}

/* May all that is alive in the block go?  Yes when one of the reasons still holds for its last one. */
static bool whole_goes(const struct insts *in, const struct bdir *d, const struct trim *t, const struct bound *bd)
{
	const struct block *b = d->b;

	return in->cni_p - t->n - d->live_p >= bd->max_n || in->cbs_p - t->bytes - d->bytes_p > bd->max_bytes ||
	       b->ms0 + b->e[b->n - 1].ms < bd->not_before || last_id(b) < bd->below;
}

/* Takes single ones from p on; true when the head came to rest in this block.  A block that goes as a whole after all
 * keeps its counters like every block that the head passes. */
static bool trim_block(struct insts *in, struct ipos p, struct trim *t, const struct bound *bd)
{
	struct bdir *d = dir_at(in, p.d), was = *d;
	struct block *b = d->b;

	for (; p.e < b->n; p.e++) {
		if (dead(b, p.e, false))
			continue;
		t->head = block_id(b, p.e);
		if (!wants(in, t, bd, t->head, b->ms0 + b->e[p.e].ms))
			return true;
		t->n++;
		t->bytes += b->e[p.e].size;
		d->live_p--;
		d->bytes_p -= b->e[p.e].size;
	}
	*d = was;
	return false;
}

/* The head passes all: what is pushed into the last block later must find its counters at zero. */
static void rest_behind(struct insts *in, struct trim *t)
{
	t->head = in->tail_p + 1;
	if (in->dn) {
		dir_at(in, in->dn - 1)->live_p = 0;
		dir_at(in, in->dn - 1)->bytes_p = 0;
	}
}

static struct trim trim(struct insts *in, const struct bound *bd)
{
	struct trim t = { .head = in->head_p };
	struct ipos p;

	if (!insts_first(in, VIEW_PENDING, 0, &p))
		return t;
	for (;;) {
		struct bdir *d = dir_at(in, p.d);
		if (whole_goes(in, d, &t, bd)) {
			t.n += d->live_p;
			t.bytes += d->bytes_p;
		} else if (trim_block(in, p, &t, bd)) {
			break;
		}
		p.d++;
		p.e = 0;
		if (!settle_up(in, VIEW_PENDING, &p)) {
			rest_behind(in, &t);
			break;
		}
	}
	in->cni_p -= t.n;
	in->cbs_p -= t.bytes;
	in->head_p = t.head;
	return t;
}

struct trim insts_trim(struct insts *in, uint64_t max_n, uint64_t max_bytes, int64_t not_before)
{
	return trim(in, &(struct bound){ max_n, max_bytes, not_before, 0 });
}

struct trim insts_trim_below(struct insts *in, uint64_t head)
{
	struct trim t = trim(in, &(struct bound){ UINT64_MAX, UINT64_MAX, INT64_MIN, head });

	if (in->head_p < head)
		t.head = in->head_p = head;
	return t;
}

struct trim insts_trim_all(struct insts *in)
{
	struct trim t = { .n = in->cni_p, .bytes = in->cbs_p };

	rest_behind(in, &t);
	in->cni_p = in->cbs_p = 0;
	in->head_p = t.head;
	return t;
}

void insts_untrim(struct insts *in, uint64_t old_head, const struct trim *t)
{
	struct ipos p;

	in->head_p = old_head;
	in->cni_p += t->n;
	in->cbs_p += t->bytes;
	if (!in->dn)
		return;

	/* Only the block that the head came to rest in lost a part of its counters. */
	struct bdir *d = dir_at(in, lower_bound(in, t->head, &p) ? p.d : in->dn - 1);
	d->live_p = 0;
	d->bytes_p = 0;
	for (unsigned i = 0; i < d->b->n; i++) {
		if (block_id(d->b, i) < old_head || dead(d->b, i, false))
			continue;
		d->live_p++;
		d->bytes_p += d->b->e[i].size;
	}
}

void insts_kill(struct insts *in, struct ipos p)
{
	struct bdir *d = dir_at(in, p.d);

	set_dead(d->b, p.e, false, true);
	d->live_p--;
	d->bytes_p -= d->b->e[p.e].size;
	in->cni_p--;
	in->cbs_p -= d->b->e[p.e].size;
}

void insts_unkill(struct insts *in, uint64_t id)
{
	struct ipos p;
	bool there = lower_bound(in, id, &p);

	REQUIRE(there && insts_at(in, p).id == id);
	struct bdir *d = dir_at(in, p.d);
	set_dead(d->b, p.e, false, false);
	d->live_p++;
	d->bytes_p += d->b->e[p.e].size;
	in->cni_p++;
	in->cbs_p += d->b->e[p.e].size;
}

/* --- durable side ------------------------------------------------------------------------------------------------- */

void insts_durable_head(struct insts *in, uint64_t head, const struct inst_sink *sink)
{
	uint64_t from = in->head_d;

	in->head_d = head;
	while (in->dn && block_at(in, 0)->id0 < head) {
		struct block *b = block_at(in, 0);
		bool all = last_id(b) < head;
		/* Ids of a block that lost its front before were given singly, so the rest is given singly too. */
		if (all && b->id0 >= from) {
			drop_block(in, 0, true);
			sink->gone_block(sink->arg, b);
			continue;
		}
		for (unsigned i = 0; i < b->n; i++) {
			uint64_t id = block_id(b, i);
			if (id >= head)
				break;
			if (id >= from && !dead(b, i, true))
				sink->gone(sink->arg, id);
		}
		if (!all)
			break;
		drop_block(in, 0, false);
	}
}

void insts_durable_kill(struct insts *in, uint64_t id, const struct inst_sink *sink)
{
	struct ipos p;
	bool there = lower_bound(in, id, &p);

	REQUIRE(there && insts_at(in, p).id == id);
	struct bdir *d = dir_at(in, p.d);
	set_dead(d->b, p.e, true, true);
	d->live_d--;
	sink->gone(sink->arg, id);

	/* So that no walk ever meets more than a block of marks. */
	if (!d->live_d)
		drop_block(in, p.d, false);
}
