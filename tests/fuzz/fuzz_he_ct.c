/* SPDX-License-Identifier: Apache-2.0 */
/* SEAL ciphertexts and plaintexts of each scheme: what is read is canonical, written reads the same, and can be computed with. */
#include <math.h>
#include <string.h>

#include "he/seal_io.h"
#include "tests/fuzz/he_sets.h"
#include "tests/fuzz/seal_mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_canonical(const struct he_ct *a)
{
	const struct he_params *p = he_ctx_params(a->ctx);
	size_t words = (size_t)a->size * a->primes * 64;

	REQUIRE(a->size >= 2 && a->primes >= 1 && a->primes <= 3);
	REQUIRE(isnormal(a->scale) && a->scale > 0 && (p->scheme == HE_CKKS || a->scale == 1));
	REQUIRE(a->correction >= 1 && (p->scheme == HE_BGV ? a->correction < 257 : a->correction == 1));
	for (size_t i = 0; i < words; i++)
		REQUIRE(a->w[i] < p->q[i / 64 % a->primes]);
}

/* Every operation of one operand is done, or refused with a sentence. */
static void compute(const struct he_ct *a)
{
	static int (*const operation[])(struct he_ct *, const struct he_ct *, struct he_why *) = {
		he_negate, he_square, he_mod_switch, he_rescale, he_to_ntt, he_from_ntt,
	};
	struct he_ct r;
	struct he_why w;

	for (size_t i = 0; i < ARRAY_LEN(operation); i++) {
		he_ct_init(&r, a->ctx);
		w.text[0] = '\0';
		if (operation[i](&r, a, &w) == 0)
			check_canonical(&r);
		else
			REQUIRE(w.text[0] != '\0');
		he_ct_fini(&r);
	}
	he_ct_init(&r, a->ctx);
	REQUIRE(he_add_ct(&r, a, a, &w) == 0);
	check_canonical(&r);
	he_ct_fini(&r);
}

/* Whether the set took it. */
static bool check_ct(const struct he_ctx *c, struct str in)
{
	struct he_ct a, b;
	struct seal_style peer;
	struct he_why w;
	struct buf out;
	bool ok;

	he_ct_init(&a, c);
	he_ct_init(&b, c);
	ok = seal_load_ct(c, in, &a, &peer, &w) == 0;
	if (ok) {
		REQUIRE(a.size <= SEAL_MAX_POLYS && !he_ct_is_transparent(&a));
		check_canonical(&a);
		buf_init(&out, 16384);
		REQUIRE(seal_save_ct(&a, NULL, &peer, &out) == 0);
		REQUIRE(seal_load_ct(c, buf_as_str(&out), &b, NULL, &w) == 0);
		REQUIRE(a.size == b.size && a.ntt == b.ntt && memcmp(a.w, b.w, (size_t)a.size * a.primes * 64 * 8) == 0);
		buf_fini(&out);
		compute(&a);
	}
	he_ct_fini(&a);
	he_ct_fini(&b);
	return ok;
}

static void check_pt(const struct he_ctx *c, struct str in)
{
	enum seal_kind kind = seal_sniff(c, in);
	struct seal_style peer;
	struct he_why w;
	struct he_pt pt;
	struct buf out;

	he_pt_init(&pt, c);
	if (seal_load_pt(c, in, &pt, &peer, &w) == 0) {
		REQUIRE(kind == SEAL_PLAINTEXT && pt.count >= 1 && pt.count <= 192);
		buf_init(&out, 16384);
		REQUIRE(seal_save_pt(&pt, &peer, &out) == 0);
		REQUIRE(peer.compression != SEAL_NONE || str_eq(buf_as_str(&out), in));
		buf_fini(&out);
	}
	he_pt_fini(&pt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_make((const char *)data, size);
	unsigned taken = 0;

	for (unsigned i = 0; i < HE_SETS; i++) {
		taken += check_ct(he_set(i), in);
		check_pt(he_set(i), in);
	}
	REQUIRE(taken <= 1); /* an object names its set */
	return 0;
}
