/* SPDX-License-Identifier: Apache-2.0 */
/* The format of the batch log: bytes by hand, reading back, and refusal of what is damaged; rows of resources. */
#include "db/batch_priv.h"

#include <check.h>
#include <stdlib.h>

#include "cse/base/err.h"
#include "db/row_priv.h"

struct seen {
	unsigned parts, facts;
	struct batch_part part;
	struct fact fact[8];
};

static void on_part(void *arg, const struct batch_part *p)
{
	struct seen *s = arg;

	s->part = *p;
	s->parts++;
}

static int on_fact(void *arg, const struct batch_part *p, const struct fact *f)
{
	struct seen *s = arg;

	(void)p;
	s->fact[s->facts++ % 8] = *f;
	return 0;
}

static int read_all(struct str row, struct seen *s)
{
	*s = (struct seen){ 0 };
	return batch_read(row, &(struct batch_reader){ on_part, on_fact, s });
}

START_TEST(test_bytes)
{
	/* By hand: sequence 5, 2 ms, swept 0; container 3: instance 9, size 4, st 1, at 2 ms; then its head at 9. */
	static const char want[] = "\x01\x0d\0\0\0" "\x05\x04\x00" "\x00\x03\x12\x04\x01\x00" "\x0d\x01\x00\x09";
	struct batch_writer w;
	struct seen s;
	struct buf b;

	buf_init(&b, 1000);
	batch_begin(&w, &b, 5, 2000, 0);
	batch_fact(&w, &(struct fact){ .kind = FACT_APPEND, .rid = 3, .id = 9, .size = 4, .st = 1, .ms = 2 });
	batch_fact(&w, &(struct fact){ .kind = FACT_TOUCH, .rid = 3, .st = 1, .ms = 2, .has_head = true, .head = 9 });
	batch_end(&w);
	ck_assert_uint_eq(b.n, sizeof(want) - 1);
	ck_assert_mem_eq(b.p, want, b.n);
	ck_assert_int_eq(read_all(buf_as_str(&b), &s), 0);
	ck_assert_uint_eq(s.facts, 2);
	buf_fini(&b);
}
END_TEST

START_TEST(test_round_trip)
{
	static const char labels[] = "\x02\0ab\0\0";
	const struct fact f[] = {
		{ .kind = FACT_APPEND, .rid = 7, .id = 1000, .size = UINT32_MAX, .st = 99, .ms = 5, .has_head = true, .head = 1001 },
		{ .kind = FACT_APPEND, .rid = 7, .id = 1001, .size = 0, .st = 100, .ms = 3, .has_head = true, .head = 0 },
		{ .kind = FACT_APPEND, .rid = UINT32_MAX, .id = INT64_MAX - 1, .size = 1, .st = UINT64_MAX, .ms = 253402300799999,
		  .has_side = true, .rn = STR("name"), .own_et = INT64_MAX, .labels = { labels, 6 }, .n_labels = 2 },
		{ .kind = FACT_KILL, .rid = 1, .id = 1, .st = 3, .ms = 0 },
		{ .kind = FACT_TOUCH, .rid = 2, .st = 0, .ms = 1 },
		{ .kind = FACT_SWEPT, .rid = 2 },
	};
	struct batch_writer w;
	struct seen s;
	struct buf b;

	buf_init(&b, 1000);
	for (unsigned part = 1; part <= 2; part++) {
		batch_begin(&w, &b, part, 1790000000000000, part - 1);
		for (unsigned i = 0; i < ARRAY_LEN(f); i++)
			batch_fact(&w, &f[i]);
		batch_end(&w);
		ck_assert_int_eq(read_all(buf_as_str(&b), &s), 0);
		ck_assert_uint_eq(s.parts, part);
		ck_assert_uint_eq(s.facts, part * ARRAY_LEN(f));
		ck_assert_uint_eq(s.part.seq, part);
		ck_assert_uint_eq(s.part.swept, part - 1);
		ck_assert_int_eq(s.part.seen_us, 1790000000000000);
	}
	for (unsigned i = 0; i < ARRAY_LEN(f); i++) {
		const struct fact *g = &s.fact[(ARRAY_LEN(f) + i) % 8];
		ck_assert(g->kind == f[i].kind && g->rid == f[i].rid && g->id == f[i].id && g->size == f[i].size);
		ck_assert(g->st == f[i].st && (f[i].kind == FACT_SWEPT || g->ms == f[i].ms) && g->has_head == f[i].has_head);
		ck_assert(g->head == f[i].head && g->own_et == f[i].own_et && g->n_labels == f[i].n_labels);
		ck_assert(str_eq(g->rn, f[i].rn) && str_eq(g->labels, f[i].labels));
	}
	/* Cut anywhere but between the parts it does not read. */
	for (size_t n = 1; n < b.n; n++)
		if (n != b.n / 2)
			ck_assert_int_eq(read_all(str_make(b.p, n), &s), E_CORRUPT);
	buf_fini(&b);
}
END_TEST

START_TEST(test_refused)
{
	static const struct {
		const char *p;
		size_t n;
		int err;
	} bad[] = {
#define ROW(lit, e) { lit, sizeof(lit) - 1, e }
		ROW("\x02\0\0\0\0", E_NEWER),
		ROW("\0", E_CORRUPT),
		ROW("\x01\xff\xff\xff\xff", E_CORRUPT),
		ROW("\x01\x04\0\0\0" "\x05\x04\x00" "\x20", E_CORRUPT),         /* unknown flag */
		ROW("\x01\x04\0\0\0" "\x05\x04\x00" "\x07", E_CORRUPT),         /* the container before, and there is none */
		ROW("\x01\x05\0\0\0" "\x05\x04\x00" "\x03\x00", E_CORRUPT),     /* container 0 */
		ROW("\x01\x09\0\0\0" "\x05\x04\x00" "\x03\xff\xff\xff\xff\x1f", E_CORRUPT), /* container beyond 32 bits */
		ROW("\x01\x07\0\0\0" "\x05\x04\x00" "\x01\x01\x01\x07", E_CORRUPT), /* before 1970 */
		ROW("\x01\x09\0\0\0" "\x05\x04\x00" "\x00\x03\x01\x04\x01\x00", E_CORRUPT), /* a negative id */
		ROW("\x01\x0a\0\0\0" "\x05\x04\x00" "\x08\x03\x12\x04\x01\x00\x14", E_CORRUPT), /* a head below 0 */
		ROW("\x01\x0d\0\0\0" "\x05\x04\x00" "\x10\x03\x12\x04\x01\x00\x00\x00\x01\x00", E_CORRUPT), /* labels short */
	};
	struct seen s;

	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(read_all(str_make(bad[i].p, bad[i].n), &s) == bad[i].err, "%u", i);
}
END_TEST

START_TEST(test_numbers)
{
	const uint64_t u[] = { 0, 1, 127, 128, 16383, 16384, UINT32_MAX, INT64_MAX, UINT64_MAX };
	const int64_t i[] = { 0, -1, 1, -64, 64, INT64_MIN, INT64_MAX };
	struct buf b;

	buf_init(&b, 1000);
	for (unsigned k = 0; k < ARRAY_LEN(u); k++)
		vi_put(&b, u[k]);
	for (unsigned k = 0; k < ARRAY_LEN(i); k++)
		vi_put_i(&b, i[k]);
	struct str in = buf_as_str(&b);
	for (unsigned k = 0; k < ARRAY_LEN(u); k++) {
		uint64_t v;
		ck_assert(vi_get(&in, &v) && v == u[k]);
	}
	for (unsigned k = 0; k < ARRAY_LEN(i); k++) {
		int64_t v;
		ck_assert(vi_get_i(&in, &v) && v == i[k]);
	}
	ck_assert_uint_eq(in.n, 0);
	uint64_t v = 42;
	in = STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02");
	ck_assert(!vi_get(&in, &v));
	in = STR("\x80");
	ck_assert(!vi_get(&in, &v));
	ck_assert_uint_eq(v, 42);
	buf_fini(&b);
}
END_TEST

START_TEST(test_row)
{
	struct row_head *h = malloc(sizeof(*h) + 5);
	struct arena a;
	struct row r;
	struct buf b;

	arena_init(&a, 1000);
	*h = (struct row_head){ .zone = 300, .rn_n = 3, .ri_n = 2 };
	memcpy(h->text, "abcCx", 5);
	buf_init(&b, 1000);
	row_write(&b, &(struct row){ .rid = 5, .pid = 4, .ty = TY_CNT, .seq = 77, .st = 8, .lt = 9 }, h,
	          res_new(&a, type_by_ty(TY_CNT), 1));
	ck_assert_int_eq(row_read(buf_as_str(&b), &r), 0);
	ck_assert(r.rid == 5 && r.pid == 4 && r.ty == TY_CNT && r.zone == 300 && r.seq == 77 && r.st == 8 && r.lt == 9);
	ck_assert(str_eqz(r.rn, "abc") && str_eqz(r.ri, "Cx") && r.packed.n > 0);
	b.p[0] = 2;
	ck_assert_int_eq(row_read(buf_as_str(&b), &r), E_NEWER);
	b.p[0] = 1;
	b.p[2] = 5; /* its own parent */
	ck_assert_int_eq(row_read(buf_as_str(&b), &r), E_CORRUPT);
	ck_assert_int_eq(row_read(STR_NONE, &r), E_CORRUPT);

	struct str k, v;
	buf_reset(&b);
	row_write_rec(&b, STR("key"), STR("value"));
	ck_assert_int_eq(row_read_rec(buf_as_str(&b), &k, &v), 0);
	ck_assert(str_eqz(k, "key") && str_eqz(v, "value"));
	buf_putc(&b, 'x');
	ck_assert_int_eq(row_read_rec(buf_as_str(&b), &k, &v), E_CORRUPT);
	buf_fini(&b);
	arena_fini(&a);
	free(h);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("batch");
	TCase *t = tcase_create("batch");

	tcase_add_test(t, test_bytes);
	tcase_add_test(t, test_round_trip);
	tcase_add_test(t, test_refused);
	tcase_add_test(t, test_numbers);
	tcase_add_test(t, test_row);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
