/* SPDX-License-Identifier: Apache-2.0 */
/* The profile counter: Paillier's keys, ciphertexts of fixed size, sums. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/crypt.h"

static int save(const struct crypt_keys *k, const unsigned char *ct)
{
	struct buf b;
	int code;

	buf_init(&b, PAILLIER_MAX_CT);
	buf_put(&b, ct, paillier_ct_bytes(k->ppk));
	code = crypt_write(k->o, &b);
	buf_fini(&b);
	return code;
}

int crypt_counter_encrypt(struct crypt_keys *k)
{
	unsigned char ct[PAILLIER_MAX_CT];
	uint32_t lane[PAILLIER_MAX_LANES];
	struct paillier_blind *blind = NULL;
	const char *path = k->o->file[0];
	struct he_why w = { "" };
	double *v = NULL, x = 0;
	size_t n = 0;
	int code = crypt_numbers(path, k->o->column, paillier_lanes(k->ppk), &v, &n);

	for (size_t i = 0; code == 0 && i < n; i++)
		if ((code = crypt_integer(k, path, i + 1, v[i], 0, UINT32_MAX, &x)) == 0)
			lane[i] = (uint32_t)x;
	if (code == 0 && (paillier_blind_new(k->ppk, k->rnd, &blind, &w) != 0 ||
	                  paillier_encrypt(k->ppk, lane, (unsigned)n, blind, ct, &w) != 0))
		code = crypt_fail(CRYPT_REFUSED, "%s", w.text);
	if (code == 0)
		code = save(k, ct);
	explicit_bzero(lane, sizeof(lane));
	paillier_blind_free(blind);
	crypt_numbers_free(v, n);
	return code;
}

int crypt_counter_add(struct crypt_keys *k)
{
	unsigned char ct[PAILLIER_MAX_CT];
	struct paillier_sum *sum = NULL;
	struct he_why w = { "" };
	int code = paillier_sum_new(k->ppk, &sum) == 0 ? CRYPT_OK : crypt_fail(CRYPT_REFUSED, "out of memory");

	for (int i = 0; i < k->o->files && code == 0; i++) {
		struct buf b;

		if ((code = crypt_read(k->o->file[i], PAILLIER_MAX_CT, &b)) != 0)
			break;
		if (paillier_sum_add(sum, buf_as_str(&b), &w) != 0)
			code = crypt_fail(CRYPT_REFUSED, "%s: %s", k->o->file[i], w.text);
		buf_fini(&b);
		crypt_progress("added", (size_t)i + 1, (size_t)k->o->files);
	}
	if (code == 0 && paillier_sum_get(sum, ct, &w) != 0)
		code = crypt_fail(CRYPT_REFUSED, "%s", w.text);
	if (code == 0)
		code = save(k, ct);
	paillier_sum_free(sum);
	return code;
}

int crypt_counter_decrypt(struct crypt_keys *k)
{
	uint64_t lane[PAILLIER_MAX_LANES];
	double v[PAILLIER_MAX_LANES], count = paillier_lanes(k->ppk), divide = 1;
	struct he_why w = { "" };
	struct buf b;
	int code;

	if ((code = crypt_whole("count", k->o->count, 1, count, &count)) != 0 ||
	    (code = crypt_number("divide", k->o->divide, 1e-9, 1e18, &divide)) != 0 ||
	    (code = crypt_read(k->o->file[0], PAILLIER_MAX_CT, &b)) != 0)
		return code;
	if (paillier_decrypt(k->psk, buf_as_str(&b), lane, (unsigned)count, &w) != 0)
		code = crypt_fail(CRYPT_REFUSED, "%s: %s", k->o->file[0], w.text);
	buf_fini(&b);
	if (code)
		return code;
	for (unsigned i = 0; i < (unsigned)count; i++)
		v[i] = (double)lane[i] / k->factor / divide;
	code = crypt_print(k->o, v, (size_t)count, k->o->divide ? 6 : (int)lround(log10(k->factor)));
	explicit_bzero(lane, sizeof(lane));
	explicit_bzero(v, sizeof(v));
	return code;
}
