/* SPDX-License-Identifier: Apache-2.0 */
/* SEAL public, relinearization, Galois and secret keys of each scheme: what is read is written and reads again. */
#include <string.h>

#include "he/seal_io.h"
#include "he/secret.h"
#include "tests/fuzz/he_sets.h"
#include "tests/fuzz/seal_mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ksk(const struct he_ctx *c, bool is_galois, struct str in)
{
	struct seal_style peer;
	struct he_ksk k, again;
	struct he_why w;
	struct buf out;

	he_ksk_init(&k, c, is_galois);
	he_ksk_init(&again, c, is_galois);
	if (seal_load_ksk(c, is_galois, in, &k, &peer, &w) == 0) {
		REQUIRE(k.n >= 1 && (is_galois ? k.n <= 64 : k.n == 1));
		for (size_t i = 1; i < k.n; i++)
			REQUIRE(k.entry[i].galois > k.entry[i - 1].galois);
		buf_init(&out, 1 << 20);
		REQUIRE(seal_save_ksk(&k, NULL, &peer, &out) == 0);
		REQUIRE(seal_load_ksk(c, is_galois, buf_as_str(&out), &again, NULL, &w) == 0 && again.n == k.n);
		buf_fini(&out);
	}
	he_ksk_fini(&k);
	he_ksk_fini(&again);
}

static void check_owner(const struct he_ctx *c, struct str in)
{
	struct he_why w;
	struct he_pk pk;
	struct he_sk sk;

	he_ct_init(&pk.ct, c);
	if (seal_load_pk(c, in, &pk, NULL, &w) == 0)
		REQUIRE(pk.ct.primes == 4 && pk.ct.size == 2 && pk.ct.ntt);
	he_ct_fini(&pk.ct);
	he_sk_init(&sk, c);
	if (seal_load_sk(c, in, &sk, NULL, &w) == 0) {
		struct he_ct ct;

		/* No other reader takes it. */
		he_ct_init(&ct, c);
		REQUIRE(seal_load_ct(c, in, &ct, NULL, &w) != 0);
		he_ct_fini(&ct);
	}
	he_sk_fini(&sk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_make((const char *)data, size);

	for (unsigned i = 0; i < HE_SETS; i++) {
		check_ksk(he_set(i), false, in);
		check_ksk(he_set(i), true, in);
		check_owner(he_set(i), in);
	}
	return 0;
}
