/* SPDX-License-Identifier: Apache-2.0 */
/* The profile counter: Paillier's keys, ciphertexts of fixed size, sums. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/crypt.h"

int crypt_counter_keygen(const struct crypt_options *o)
{
	struct rnd *rnd = rnd_new();
	struct paillier_sk *sk = NULL;
	struct paillier_pk *pk = NULL;
	struct he_why w = { "" };
	char path[4096];
	struct buf b;
	int code;

	buf_init(&b, 4096);
	if (paillier_keygen(3072, rnd, &sk, &w) != 0 || paillier_pk_of(sk, &pk, &w) != 0 || paillier_sk_save(sk, &b) != 0)
		code = crypt_fail(CRYPT_REFUSED, "%s", w.text);
	else
		code = crypt_write(o, crypt_path(path, sizeof(path), o->out, "secret.paillier"), &b, true);
	buf_fini_secret(&b);
	buf_init(&b, 4096);
	if (code == 0 && paillier_pk_save(pk, &b) == 0)
		code = crypt_write(o, crypt_path(path, sizeof(path), o->out, "public.paillier"), &b, false);
	buf_fini(&b);
	paillier_pk_free(pk);
	paillier_sk_free(sk);
	rnd_free(rnd);
	return code;
}

static int save(const struct crypt_keys *k, const unsigned char *ct)
{
	struct buf b;
	int code;

	if (k->o->out == NULL)
		return crypt_fail(CRYPT_USAGE, "say where the result goes with --out");
	buf_init(&b, PAILLIER_MAX_CT);
	buf_put(&b, ct, paillier_ct_bytes(k->ppk));
	code = crypt_write(k->o, k->o->out, &b, false);
	buf_fini(&b);
	return code;
}

int crypt_counter_encrypt(struct crypt_keys *k)
{
	unsigned char ct[PAILLIER_MAX_CT];
	uint32_t lane[PAILLIER_MAX_LANES];
	struct paillier_blind *blind = NULL;
	struct he_why w = { "" };
	double *v = NULL, factor;
	size_t n = 0;
	int code = crypt_numbers(k->o, k->o->file[0], paillier_lanes(k->ppk), &v, &n);

	if (code == 0)
		code = crypt_decimals(k->o, &factor);
	for (size_t i = 0; code == 0 && i < n; i++) {
		double x = round(v[i] * factor);

		if (x < 0 || x > UINT32_MAX)
			code = crypt_fail(CRYPT_REFUSED, "value %zu (%.17g) is no counter of 32 bits", i + 1, v[i]);
		else
			lane[i] = (uint32_t)x;
	}
	if (code == 0 && (paillier_blind_new(k->ppk, k->rnd, &blind, &w) != 0 ||
	                  paillier_encrypt(k->ppk, lane, (unsigned)n, blind, ct, &w) != 0))
		code = crypt_fail(CRYPT_REFUSED, "%s", w.text);
	if (code == 0)
		code = save(k, ct);
	paillier_blind_free(blind);
	free(v);
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
	double v[PAILLIER_MAX_LANES], count = paillier_lanes(k->ppk), divide = 1, factor = 1;
	struct he_why w = { "" };
	struct buf b;
	int code;

	if ((code = crypt_number("count", k->o->count, 1, count, &count)) != 0 ||
	    (code = crypt_number("divide", k->o->divide, 1e-9, 1e18, &divide)) != 0 || (code = crypt_decimals(k->o, &factor)) != 0 ||
	    (code = crypt_read(k->o->file[0], PAILLIER_MAX_CT, &b)) != 0)
		return code;
	if (paillier_decrypt(k->psk, buf_as_str(&b), lane, (unsigned)count, &w) != 0)
		code = crypt_fail(CRYPT_REFUSED, "%s: %s", k->o->file[0], w.text);
	buf_fini(&b);
	if (code)
		return code;
	for (unsigned i = 0; i < (unsigned)count; i++)
		v[i] = (double)lane[i] / factor / divide;
	return crypt_print(k->o, v, (size_t)count, divide != 1 ? 6 : (int)lround(log10(factor)));
}
