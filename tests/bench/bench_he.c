/* SPDX-License-Identifier: Apache-2.0 */
/* CPU microseconds of what all of he/ rests on, per processor feature: transforms, products, seeds, uploads. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cse/base/check.h"
#include "he/seal_io.h"

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The least of 400 repetitions. */
#define LEAST(best, call) \
	do { \
		best = 1e9; \
		for (int rep = 0; rep < 400; rep++) { \
			double from = cpu_us(); \
			call; \
			from = cpu_us() - from; \
			best = from < best ? from : best; \
		} \
	} while (0)

static void measure(unsigned log_n, uint64_t q, const struct he_kernels *kern)
{
	static const char *const names[] = { "scalar", "avx2", "avx512", "ifma" };
	size_t n = (size_t)1 << log_n;
	uint64_t *a = aligned_alloc(64, n * 8), *b = aligned_alloc(64, n * 8);
	struct he_seed seed = { .type = HE_SEED_BLAKE2X };
	const struct he_mod *mods;
	struct he_ntt t;
	double forward, inverse, mul, expand;

	if (he_ntt_init(&t, log_n, q, kern) != 0)
		abort();
	mods = &t.mod;
	for (size_t i = 0; i < n; i++)
		a[i] = b[i] = i * 0x9e3779b97f4a7c15 % q;
	LEAST(forward, he_ntt_forward(&t, a));
	LEAST(inverse, he_ntt_inverse(&t, a));
	LEAST(mul, kern->mul(a, a, b, n, &t.mod));
	LEAST(expand, (void)he_seed_expand(&seed, &mods, 1, n, kern, a));
	printf("%-8s n=%-6zu q=%2u bits  forward %7.1f  inverse %7.1f  mul %6.1f  expand %6.1f us\n", names[kern->isa], n,
	       t.mod.bits, forward, inverse, mul, expand);
	he_ntt_fini(&t);
	free(a);
	free(b);
}

/* An upload of 2,048 readings (n = 2048, one prime of 54 bits, seeded): read, expanded, checked, added to a sum. */
static void measure_upload(unsigned log_n)
{
	struct seal_style style = { 4, 4, SEAL_NONE };
	struct he_seed seed = { .type = HE_SEED_BLAKE2X, .used = true };
	struct he_params p;
	struct he_ct up, sum;
	struct he_ctx *c;
	struct buf b;
	double load, all;

	if (he_params_default(&p, HE_BFV, log_n, 20, NULL) != 0 || he_ctx_new(&p, NULL, &c, NULL) != 0)
		abort();
	he_ct_init(&up, c);
	he_ct_init(&sum, c);
	up.primes = he_ctx_data_primes(c);
	up.size = 2;
	up.cap = 2 * (size_t)up.primes << log_n;
	up.w = aligned_alloc(64, up.cap * 8);
	for (size_t i = 0; i < up.cap; i++)
		up.w[i] = i & 0xffff;
	buf_init(&b, 1 << 24);
	if (seal_save_ct(&up, &seed, &style, &b) != 0 || he_ct_copy(&sum, &up) != 0)
		abort();
	LEAST(load, (void)seal_load_ct(c, buf_as_str(&b), &up, NULL, NULL));
	LEAST(all, (void)(seal_load_ct(c, buf_as_str(&b), &up, NULL, NULL) + he_add_ct(&sum, &sum, &up, NULL)));
	printf("upload   n=%-6u seeded, %zu bytes  load %.1f  load and add %.1f us\n", 1u << log_n, b.n, load, all);
	buf_fini(&b);
	he_ct_fini(&up);
	he_ct_fini(&sum);
	he_ctx_free(c);
}

int main(void)
{
	static const struct {
		unsigned log_n;
		uint64_t q;
	} sets[] = {
		{ 11, 0x3fffffff000001 }, { 12, 0xffffee001 }, { 13, 0x7fffffd8001 }, { 14, 0xfffffffd8001 }, { 14, 0x1fffffff68001 },
	};
	size_t i;
	enum he_isa isa;

	for (i = 0; i < ARRAY_LEN(sets); i++)
		for (isa = HE_SCALAR; isa <= HE_IFMA; isa++)
			if (he_kernels_of(isa))
				measure(sets[i].log_n, sets[i].q, he_kernels_of(isa));
	measure_upload(11);
	measure_upload(12);
	measure_upload(13);
	return 0;
}
