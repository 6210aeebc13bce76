/* SPDX-License-Identifier: Apache-2.0 */
/* The list of instances against a plain array, under random changes that are published from the front or undone from
 * the end; and its size. */
#include "db/inst_priv.h"

#include <check.h>
#include <stdlib.h>

#include "cse/base/rand.h"

enum { MAX = 20000, QUEUE = 200 };

struct m {
	uint64_t id, size, st;
	int64_t ms;
	bool durable, dead_p, dead_d, swept;
};

struct change {
	enum { PUSH, TRIM, KILL } kind;
	uint64_t id, old_head;
	struct trim t;
	unsigned from, to; /* of the model: what the trim killed lies between */
};

struct world {
	struct rnd *rnd;
	struct insts *in;
	struct m m[MAX];
	unsigned n;
	struct change q[QUEUE];
	unsigned n_q;
	uint64_t next_id, st, stamp[QUEUE + 1];
	int64_t ms;
	unsigned mark[MAX]; /* number of the trim that killed it, +1 */
	unsigned trims;
	unsigned trim_no[QUEUE];
};

static struct m *by_id(struct world *w, uint64_t id)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->m[i].id == id)
			return &w->m[i];
	ck_abort_msg("id %lu", (unsigned long)id);
}

static void gone(void *arg, uint64_t id)
{
	struct m *x = by_id(arg, id);

	ck_assert(x->dead_d && !x->swept);
	x->swept = true;
}

static void gone_block(void *arg, struct block *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		struct m *x = by_id(arg, block_id(b, i));
		ck_assert(x->dead_d);
		x->swept = true;
	}
	block_free(b);
}

static bool alive(const struct m *x, enum inst_view v)
{
	return v == VIEW_PENDING ? !x->dead_p : v == VIEW_FOUND ? x->durable && !x->dead_p : x->durable && !x->dead_d;
}

static void compare_view(struct world *w, enum inst_view v)
{
	struct ipos p;
	uint64_t after = 0;
	unsigned last = MAX;
	bool ok = insts_first(w->in, v, 0, &p);

	for (unsigned i = 0; i < w->n; i++) {
		struct m *x = &w->m[i];
		struct ipos q;
		ck_assert(insts_find(w->in, v, x->id, &q) == alive(x, v));
		if (!alive(x, v))
			continue;
		ck_assert(ok);
		struct inst_raw r = insts_at(w->in, p);
		ck_assert(r.id == x->id && r.size == x->size && r.st == x->st && r.ms == x->ms);
		ck_assert(insts_first(w->in, v, after, &q) && q.d == p.d && q.e == p.e);
		if (last != MAX) {
			q = p;
			ck_assert(insts_prev(w->in, v, &q) && insts_at(w->in, q).id == w->m[last].id);
		}
		after = r.id;
		last = i;
		ok = insts_next(w->in, v, &p);
	}
	ck_assert(!ok);
	ck_assert(insts_last(w->in, v, &p) == (last != MAX));
	if (last != MAX)
		ck_assert_uint_eq(insts_at(w->in, p).id, w->m[last].id);
}

static void compare(struct world *w)
{
	uint64_t n = 0, bytes = 0;

	compare_view(w, VIEW_PENDING);
	compare_view(w, VIEW_FOUND);
	compare_view(w, VIEW_DURABLE);
	for (unsigned i = 0; i < w->n; i++) {
		n += !w->m[i].dead_p;
		bytes += w->m[i].dead_p ? 0 : w->m[i].size;
		ck_assert(!w->m[i].dead_d || w->m[i].swept);
	}
	ck_assert_uint_eq(w->in->cni_p, n);
	ck_assert_uint_eq(w->in->cbs_p, bytes);
}

static void push(struct world *w)
{
	struct m *x = &w->m[w->n++];

	/* Now and then a difference that no entry can hold. */
	w->next_id += rnd_below(w->rnd, 300) ? 1 + rnd_below(w->rnd, 3) : UINT64_C(5000000000);
	w->st += rnd_below(w->rnd, 300) ? 1 : 70000;
	w->ms += rnd_below(w->rnd, 300) ? (int64_t)rnd_below(w->rnd, 3) : INT64_C(5000000000);
	*x = (struct m){ .id = w->next_id, .size = rnd_below(w->rnd, 100), .st = w->st, .ms = w->ms };
	insts_push(w->in, &(struct inst_raw){ x->id, x->size, x->st, x->ms });
	w->q[w->n_q++] = (struct change){ .kind = PUSH, .id = x->id };
}

static void trim(struct world *w)
{
	uint64_t max_n = UINT64_MAX, max_bytes = UINT64_MAX, old = w->in->head_p;
	int64_t before = INT64_MIN;
	uint64_t n = w->in->cni_p, bytes = w->in->cbs_p;
	struct trim t;

	switch (rnd_below(w->rnd, 5)) {
	case 0: max_n = rnd_below(w->rnd, n + 2); break;
	case 1: max_bytes = rnd_below(w->rnd, bytes + 2); break;
	case 2: before = w->ms - (int64_t)rnd_below(w->rnd, 100); break;
	case 3: max_n = n > 1 ? n - 1 : 0; break;
	default: max_n = 0; break;
	}
	bool all = max_n == 0 && rnd_below(w->rnd, 2);
	t = all ? insts_trim_all(w->in) : insts_trim(w->in, max_n, max_bytes, before);
	w->trims++;
	uint64_t gone_n = 0, gone_bytes = 0;
	for (unsigned i = 0; i < w->n; i++) {
		struct m *x = &w->m[i];
		if (x->dead_p)
			continue;
		if (!(n - gone_n > max_n || bytes - gone_bytes > max_bytes || x->ms < before))
			break;
		x->dead_p = true;
		w->mark[i] = w->trims;
		gone_n++;
		gone_bytes += x->size;
	}
	ck_assert_uint_eq(t.n, gone_n);
	ck_assert_uint_eq(t.bytes, gone_bytes);
	w->trim_no[w->n_q] = w->trims;
	w->q[w->n_q++] = (struct change){ .kind = TRIM, .old_head = old, .t = t };
}

static void kill_one(struct world *w)
{
	unsigned i = w->n ? (unsigned)(rnd_below(w->rnd, 3) ? rnd_below(w->rnd, w->n) : w->n - 1) : 0;
	struct ipos p;

	while (i < w->n && w->m[i].dead_p)
		i++;
	if (i >= w->n)
		return;
	ck_assert(insts_find(w->in, VIEW_PENDING, w->m[i].id, &p));
	insts_kill(w->in, p);
	w->m[i].dead_p = true;
	w->q[w->n_q++] = (struct change){ .kind = KILL, .id = w->m[i].id };
}

static void publish(struct world *w)
{
	struct inst_sink sink = { gone, gone_block, w };
	struct change c = w->q[0];
	unsigned no = w->trim_no[0];

	if (c.kind == PUSH) {
		w->in->tail_d = c.id;
		by_id(w, c.id)->durable = true;
	} else if (c.kind == TRIM) {
		for (unsigned i = 0; i < w->n; i++)
			if (w->mark[i] == no)
				w->m[i].dead_d = true;
		insts_durable_head(w->in, c.t.head, &sink);
	} else {
		by_id(w, c.id)->dead_d = true;
		insts_durable_kill(w->in, c.id, &sink);
	}
	w->n_q--;
	memmove(w->q, w->q + 1, w->n_q * sizeof(*w->q));
	memmove(w->trim_no, w->trim_no + 1, w->n_q * sizeof(*w->trim_no));
}

static void undo(struct world *w)
{
	struct change c = w->q[--w->n_q];

	if (c.kind == PUSH) {
		insts_pop(w->in);
		w->n--;
	} else if (c.kind == TRIM) {
		insts_untrim(w->in, c.old_head, &c.t);
		for (unsigned i = 0; i < w->n; i++)
			if (w->mark[i] == w->trim_no[w->n_q])
				w->m[i].dead_p = false, w->mark[i] = 0;
	} else {
		insts_unkill(w->in, c.id);
		by_id(w, c.id)->dead_p = false;
	}
}

START_TEST(test_random)
{
	struct world *w = calloc(1, sizeof(*w));

	w->rnd = rnd_new_seeded((uint64_t)_i + 1);
	w->in = insts_new(NULL);
	w->ms = 1000000;
	for (unsigned step = 0; step < 6000 && w->n < MAX - 1; step++) {
		unsigned what = (unsigned)rnd_below(w->rnd, 100);
		if (w->n_q == QUEUE)
			what = 90;
		if (what < 70)
			push(w);
		else if (what < 70 + 3 * ((unsigned)_i % 3))
			trim(w);
		else if (what < 84)
			kill_one(w);
		else if (what < 97)
			for (unsigned k = (unsigned)rnd_below(w->rnd, 20); k && w->n_q; k--)
				publish(w);
		else
			for (unsigned k = (unsigned)rnd_below(w->rnd, 30); k && w->n_q; k--)
				undo(w);
		if (step % 60 == 0)
			compare(w);
	}
	while (w->n_q)
		publish(w);
	compare(w);
	insts_free(w->in);
	rnd_free(w->rnd);
	free(w);
}
END_TEST

static void fill(struct insts *in, unsigned n, uint64_t mni)
{
	struct inst_sink sink = { gone, gone_block, NULL };

	(void)sink;
	for (unsigned i = 1; i <= n; i++) {
		insts_push(in, &(struct inst_raw){ in->tail_p + 1, 100, i, 1790000000000 + i });
		if (mni)
			insts_trim(in, mni, UINT64_MAX, INT64_MIN);
	}
}

/* The bar: 16 bytes an instance; and a small ring stays small. */
START_TEST(test_size)
{
	struct insts *in = insts_new(NULL);

	fill(in, 100000, 0);
	ck_assert_uint_lt(in->bytes - sizeof(*in), 16 * 100000);
	insts_free(in);
	in = insts_new(NULL);
	fill(in, 1000, 0);
	ck_assert_uint_lt(in->bytes - sizeof(*in), 20 * 1000);
	insts_free(in);
}
END_TEST

static void ignore(void *arg, uint64_t id)
{
	(void)arg, (void)id;
}

static void ignore_block(void *arg, struct block *b)
{
	(void)arg;
	block_free(b);
}

START_TEST(test_ring)
{
	struct inst_sink sink = { ignore, ignore_block, NULL };
	struct insts *in = insts_new(NULL);

	for (unsigned i = 1; i <= 100000; i++) {
		insts_push(in, &(struct inst_raw){ i, 1, i, i });
		struct trim t = insts_trim(in, 10, UINT64_MAX, INT64_MIN);
		in->tail_d = i;
		insts_durable_head(in, t.head, &sink);
		ck_assert_uint_le(in->dn, 3);
	}
	ck_assert_uint_lt(in->bytes - sizeof(*in), 1000);
	insts_free(in);
}
END_TEST

/* Whoever appends and deletes the latest, again and again, leaves nothing behind. */
START_TEST(test_append_delete)
{
	struct inst_sink sink = { ignore, ignore_block, NULL };
	struct insts *in = insts_new(NULL);
	struct ipos p;

	insts_push(in, &(struct inst_raw){ 1, 1, 1, 1 });
	for (unsigned i = 2; i <= 100000; i++) {
		insts_push(in, &(struct inst_raw){ i, 1, i, i });
		in->tail_d = i;
		ck_assert(insts_last(in, VIEW_PENDING, &p));
		insts_kill(in, p);
		insts_durable_kill(in, i, &sink);
	}
	ck_assert_uint_le(in->dn, 2);
	insts_free(in);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("inst");
	TCase *t = tcase_create("inst");

	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, test_random, 0, 12);
	tcase_add_test(t, test_size);
	tcase_add_test(t, test_ring);
	tcase_add_test(t, test_append_delete);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
