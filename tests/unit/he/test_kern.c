/* SPDX-License-Identifier: Apache-2.0 */
/* Every vector kernel against the plain one, and the plain one against 128-bit division, for primes of every size. */
#include "he/ntt.h"

#include <check.h>
#include <stdlib.h>

#include "cse/base/check.h"
#include "cse/base/rand.h"

enum { N = 512 };
struct field {
	uint64_t a[N], b[N], r[N], want[N];
};

/* The largest prime of that many bits. */
static uint64_t prime_of(unsigned bits)
{
	uint64_t q = (1ULL << bits) - 1;

	while (!he_is_prime(q))
		q--;
	return q;
}

static void fill(struct field *f, uint64_t q, uint64_t seed)
{
	struct rnd *rnd = rnd_new_seeded(seed);

	for (int i = 0; i < N; i++) {
		f->a[i] = i < 4 ? q - 1 : i < 8 ? 0 : rnd_below(rnd, q);
		f->b[i] = i % 4 == 0 ? q - 1 : i % 4 == 1 ? 0 : rnd_below(rnd, q);
		f->r[i] = i % 3 == 0 ? q - 1 : rnd_below(rnd, q);
	}
	rnd_free(rnd);
}

static void same(const struct field *f, const char *what, enum he_isa isa, uint64_t q)
{
	for (int i = 0; i < N; i++)
		if (f->r[i] != f->want[i])
			ck_abort_msg("%s isa %d q %lx: word %d is %lx, not %lx", what, (int)isa, q, i, f->r[i], f->want[i]);
}

/* Sums of 1, 2, 9 and 48 products; of narrow words and wide ones with constants. */
static void compare_sums(const struct he_kernels *k, struct field *f, const struct he_mod *m)
{
	static const unsigned terms[] = { 1, 2, 9, 25, HE_DOT_MOST };
	const uint64_t *a[HE_DOT_MOST], *b[HE_DOT_MOST];
	struct he_const c[HE_DOT_MOST];
	uint64_t q = m->q, *wide = aligned_alloc(64, N * sizeof(*wide));

	for (unsigned j = 0; j < HE_DOT_MOST; j++) {
		a[j] = j % 3 == 2 ? f->b : f->a;
		b[j] = j % 2 ? f->a : f->b;
		c[j] = he_const_make(j % 5 == 0 ? q - 1 : f->b[j + 9], q);
	}
	for (size_t t = 0; t < ARRAY_LEN(terms); t++)
		for (unsigned bits = 0; bits <= 61; bits = bits == 0 ? 50 : bits + 11) {
			for (int i = 0; i < N; i++) {
				unsigned __int128 sum = 0;

				wide[i] = (i < 4 ? ~0ULL : f->a[i] * 0x9e3779b97f4a7c15) & ((1ULL << bits) - 1);
				for (unsigned j = 0; j < terms[t]; j++)
					sum = (sum + (unsigned __int128)(bits ? wide[i] : a[j][i]) * (bits ? c[j].w : b[j][i])) % q;
				f->want[i] = (uint64_t)sum;
			}
			for (unsigned j = 0; bits && j < HE_DOT_MOST; j++)
				a[j] = wide;
			if (bits)
				k->dot_const(f->r, a, c, terms[t], N, m, bits == 50);
			else
				k->dot(f->r, a, b, terms[t], N, m);
			same(f, bits ? "dot_const" : "dot", k->isa, q);
			for (unsigned j = 0; j < HE_DOT_MOST; j++)
				a[j] = j % 3 == 2 ? f->b : f->a;
		}
	free(wide);
}

/* Halves of q, and next to them, where the last bit of a double decides. */
static void compare_estimates(const struct he_kernels *k, struct field *f, uint64_t q)
{
	const uint64_t *a[5] = { f->a, f->b, f->a, f->b, f->a };
	const double by[5] = { (double)q, (double)q + 2, (double)q, (double)q + 6, (double)q };
	struct field old = *f;

	for (int i = 0; i < N; i++) {
		f->a[i] = i % 2 ? f->a[i] : q / 2 + (uint64_t)(i % 8 / 2) - 1;
		f->b[i] = i % 3 ? f->b[i] : q / 2 + (uint64_t)(i % 9 / 3) - 1;
	}
	for (unsigned terms = 1; terms <= 5; terms++) {
		for (int i = 0; i < N; i++) {
			volatile double sum = 0, one;

			for (unsigned j = 0; j < terms; j++) {
				one = (double)a[j][i] / by[j];
				sum = sum + one;
			}
			f->want[i] = (uint64_t)(sum + 0.5);
		}
		k->estimate(f->r, a, by, terms, N);
		same(f, "estimate", k->isa, q);
	}
	*f = old;
}

/* Words as they stand in a file, at any place; each one alone is too large. */
static void compare_below(const struct he_kernels *k, const struct field *f, uint64_t q)
{
	static const uint64_t wrong[] = { 0, ~0ULL, 1ULL << 63 };
	char *file = malloc(N * 8 + 8);

	ck_assert(file != NULL);
	for (size_t at = 0; at < 8; at++) {
		memcpy(file + at, f->a, N * 8);
		ck_assert(k->below(file + at, N, q));
		for (size_t i = 0; i < N; i += 17) {
			uint64_t v = wrong[i % 3] ? wrong[i % 3] : q;

			memcpy(file + at + 8 * i, &v, 8);
			ck_assert(!k->below(file + at, N, q));
			memcpy(file + at + 8 * i, &f->a[i], 8);
		}
	}
	free(file);
}

static void compare(const struct he_kernels *k, struct field *f, uint64_t q)
{
	struct he_mod m;
	struct he_const c = he_const_make(f->b[7], q);
	int i;

	he_mod_init(&m, q);
#define EACH(expr) \
	for (i = 0; i < N; i++) \
	f->want[i] = (uint64_t)((expr) % q)
	EACH(((unsigned __int128)f->a[i] * f->b[i] + f->r[i]));
	k->muladd(f->r, f->a, f->b, f->r, N, &m);
	same(f, "muladd", k->isa, q);
	EACH((unsigned __int128)f->a[i] * c.w + f->r[i]);
	k->muladd_const(f->r, f->a, c, N, &m);
	same(f, "muladd_const", k->isa, q);
	EACH(f->a[i] + f->b[i]);
	k->add(f->r, f->a, f->b, N, &m);
	same(f, "add", k->isa, q);
	EACH(f->a[i] + (q - f->b[i]));
	k->sub(f->r, f->a, f->b, N, &m);
	same(f, "sub", k->isa, q);
	EACH(q - f->a[i]);
	k->neg(f->r, f->a, N, &m);
	same(f, "neg", k->isa, q);
	EACH((unsigned __int128)f->a[i] * f->b[i]);
	k->mul(f->r, f->a, f->b, N, &m);
	same(f, "mul", k->isa, q);
	EACH((unsigned __int128)f->a[i] * c.w);
	k->mul_const(f->r, f->a, c, N, &m);
	same(f, "mul_const", k->isa, q);
	compare_sums(k, f, &m);
	compare_estimates(k, f, q);
	/* In place, any words. */
	for (i = 0; i < N; i++)
		f->r[i] = i < 8 ? ~0ULL - (uint64_t)i : f->a[i] * 0x9e3779b97f4a7c15;
	EACH(f->r[i]);
	k->reduce(f->r, f->r, N, &m);
	same(f, "reduce", k->isa, q);
	compare_below(k, f, q);
}

START_TEST(equals_division)
{
	const struct he_kernels *k = he_kernels_of((enum he_isa)_i);
	struct field *f = aligned_alloc(64, sizeof(*f));
	unsigned bits;

	for (bits = 3; k && bits <= 61; bits++) {
		fill(f, prime_of(bits), bits);
		compare(k, f, prime_of(bits));
	}
	free(f);
}
END_TEST

START_TEST(best_is_there)
{
	ck_assert_ptr_nonnull(he_kernels_best());
	ck_assert_ptr_eq(he_kernels_of(he_kernels_best()->isa), he_kernels_best());
	ck_assert_ptr_nonnull(he_kernels_of(HE_SCALAR));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("he/kern");
	TCase *t = tcase_create("kern");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, equals_division, HE_SCALAR, HE_IFMA + 1);
	tcase_add_test(t, best_is_there);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
