/* SPDX-License-Identifier: Apache-2.0 */
/* Paillier keys: what is read is written as it was; its first bytes are taken for a ciphertext, too. */
#include "cse/base/check.h"
#include "he/paillier_secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_make((const char *)data, size);
	struct paillier_pk *pk;
	struct paillier_sk *sk;
	struct paillier_sum *sum;
	unsigned char ct[PAILLIER_MAX_CT];
	struct he_why w;
	struct buf out;

	buf_init(&out, 2000);
	if (paillier_pk_load(in, &pk, &w) == 0) {
		size_t n = paillier_ct_bytes(pk);

		REQUIRE(paillier_pk_save(pk, &out) == 0 && str_eq(buf_as_str(&out), in));
		for (size_t i = 0; i < n; i++)
			ct[i] = data[10 + i % (size - 10)] ^ (unsigned char)(i / (size - 10));
		REQUIRE(paillier_sum_new(pk, &sum) == 0);
		if (paillier_sum_add(sum, str_make((char *)ct, n), &w) == 0)
			REQUIRE(paillier_sum_get(sum, ct, &w) == 0);
		paillier_sum_free(sum);
		paillier_pk_free(pk);
	}
	buf_reset(&out);
	if (paillier_sk_load(in, &sk, &w) == 0) {
		REQUIRE(paillier_sk_save(sk, &out) == 0 && str_eq(buf_as_str(&out), in));
		paillier_sk_free(sk);
	}
	buf_fini_secret(&out);
	return 0;
}
