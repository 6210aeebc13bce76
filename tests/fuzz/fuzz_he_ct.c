/* SPDX-License-Identifier: Apache-2.0 */
/* SEAL ciphertexts and plaintexts: what is read is canonical, and written reads the same. */
#include <string.h>

#include "cse/base/check.h"
#include "he/seal_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The set of tests/unit/he/seal: BFV, n = 64, Create(40, 41, 42, 45). */
static struct he_ctx *context(void)
{
	static const unsigned bits[] = { 40, 41, 42, 45 };
	struct he_ctx_opts o = { .allow_weak = true };
	struct he_params p = { .scheme = HE_BFV, .t = 257 };
	struct he_ctx *c = NULL;

	REQUIRE(he_params_create(&p, 6, bits, 4, NULL) == 0 && he_ctx_new(&p, &o, &c, NULL) == 0);
	return c;
}

static void check_ct(const struct he_ctx *c, struct str in)
{
	struct he_ct a, b;
	struct seal_style peer;
	struct he_why w;
	struct buf out;

	he_ct_init(&a, c);
	he_ct_init(&b, c);
	if (seal_load_ct(c, in, &a, &peer, &w) == 0) {
		size_t words = (size_t)a.size * a.primes * 64, i;

		REQUIRE(a.size >= 2 && a.size <= SEAL_MAX_POLYS && a.primes >= 1 && a.primes <= 3 && !he_ct_is_transparent(&a));
		for (i = 0; i < words; i++)
			REQUIRE(a.w[i] < he_ctx_params(c)->q[i / 64 % a.primes]);
		buf_init(&out, 16384);
		REQUIRE(seal_save_ct(&a, NULL, &peer, &out) == 0);
		REQUIRE(seal_load_ct(c, buf_as_str(&out), &b, NULL, &w) == 0);
		REQUIRE(a.size == b.size && memcmp(a.w, b.w, words * 8) == 0);
		buf_fini(&out);
	}
	he_ct_fini(&a);
	he_ct_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_make((const char *)data, size);
	struct he_ctx *c = context();
	enum seal_kind kind = seal_sniff(c, in);
	struct he_why w;
	struct buf out;
	struct he_pt pt;
	struct seal_style peer;

	check_ct(c, in);
	he_pt_init(&pt, c);
	if (seal_load_pt(c, in, &pt, &peer, &w) == 0) {
		REQUIRE(kind == SEAL_PLAINTEXT && pt.count >= 1 && pt.count <= 192);
		buf_init(&out, 16384);
		REQUIRE(seal_save_pt(&pt, &peer, &out) == 0);
		REQUIRE(peer.compression != SEAL_NONE || str_eq(buf_as_str(&out), in));
		buf_fini(&out);
	}
	he_pt_fini(&pt);
	he_ctx_free(c);
	return 0;
}
