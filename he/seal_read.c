/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of parameters, ciphertexts, plaintexts and public keys. */
#include <math.h>

#include "he/seal_priv.h"

#include "cse/base/check.h"
#include "cse/base/err.h"

static int take_modulus(struct seal_in *s, uint64_t *q)
{
	int r = wire_take_head(s, SEAL_MODULUS, NULL);

	return r ? r : wire_take_u64(s, q);
}

static int take_params(struct seal_in *s, struct he_params *p)
{
	const unsigned char *scheme;
	uint64_t n, k;
	int r;

	if ((r = wire_take(s, 1, &scheme)) != 0 || (r = wire_take_u64(s, &n)) != 0 || (r = wire_take_u64(s, &k)) != 0)
		return r;
	if (*scheme < HE_BFV || *scheme > HE_BGV || (*scheme == HE_BGV && s->head.major == 3))
		return he_fail(s->w, E_UNSUPPORTED, "scheme %u is none of BFV (1), CKKS (2), BGV (3, from version 4 on)", *scheme);
	if (n < 8 || n > 1u << HE_MAX_LOG_N || (n & (n - 1)))
		return he_fail(s->w, E_RANGE, "the polynomial degree must be a power of two up to %u", 1u << HE_MAX_LOG_N);
	if (k == 0 || k > HE_MAX_PRIMES)
		return he_fail(s->w, E_LIMIT, "%llu primes; 1 to %d are possible", (unsigned long long)k, HE_MAX_PRIMES);
	p->scheme = (enum he_scheme)*scheme;
	p->log_n = (unsigned)__builtin_ctzll(n);
	p->k = (unsigned)k;
	for (unsigned i = 0; i < k; i++)
		if ((r = take_modulus(s, &p->q[i])) != 0)
			return r;
	if ((r = take_modulus(s, &p->t)) != 0)
		return r;
	return wire_at_end(s);
}

int seal_load_params(struct str in, struct he_params *out, struct seal_style *peer, struct he_why *w)
{
	struct he_params p = { 0 };
	struct seal_in s;
	int r;

	if ((r = wire_open(&s, in, 17 + (HE_MAX_PRIMES + 1) * SEAL_MODULUS, w)) == 0 && (r = take_params(&s, &p)) == 0) {
		*out = p;
		wire_tell_peer(&s, peer);
	}
	wire_close(&s);
	return r;
}

static int judge_numbers(const struct seal_in *s, const struct he_ctx *c, bool is_key, const struct seal_ct *h)
{
	bool is_real = c->p.scheme == HE_CKKS && !is_key, has_factor = c->p.scheme == HE_BGV && !is_key;

	if (is_real ? !(h->scale > 0 && isnormal(h->scale)) : h->scale != 1.0)
		return he_fail(s->w, E_RANGE, "the scale must be %s", is_real ? "a positive number" : "1");
	if (has_factor ? h->correction == 0 || h->correction >= c->p.t : h->correction != 1)
		return he_fail(s->w, E_RANGE, "the correction factor must be %s", has_factor ? "1 to the plain modulus - 1" : "1");
	/* Decryption divides by it. */
	if (has_factor && !he_is_coprime(h->correction, c->p.t))
		return he_fail(s->w, E_RANGE, "the correction factor must be coprime to the plain modulus");
	return 0;
}

static int take_ct_head(struct seal_in *s, const struct he_ctx *c, bool is_key, struct seal_ct *h)
{
	const unsigned char *p;
	bool has_factor = s->head.major > 3;
	uint64_t size;
	int r;

	if ((r = wire_take(s, HE_ID_BYTES + 1 + 4 * 8 + (has_factor ? 8 : 0), &p)) != 0)
		return r;
	h->primes = he_ctx_level(c, p);
	if (h->primes == 0)
		return he_fail(s->w, E_RANGE, "made for other parameters than these");
	if (is_key ? h->primes != c->p.k : h->primes > c->data)
		return he_fail(s->w, E_RANGE, is_key ? "a key must have all %u primes" : "has the %u primes of keys, not of ciphertexts",
		               c->p.k);
	h->ntt = p[32] == 1;
	if (p[32] != (is_key || he_scheme_is_ntt(c->p.scheme)))
		return he_fail(s->w, E_RANGE, "is %sin NTT form, contrary to its scheme", p[32] ? "" : "not ");
	size = wire_get_u64(p + 33);
	if (size < 2 || size > (is_key ? 2 : SEAL_MAX_POLYS))
		return he_fail(s->w, E_RANGE, "%llu polynomials; 2%s are possible", (unsigned long long)size,
		               is_key ? "" : " or 3 (relinearize before)");
	h->size = (unsigned)size;
	if (wire_get_u64(p + 41) != c->n || wire_get_u64(p + 49) != h->primes)
		return he_fail(s->w, E_RANGE, "degree or number of primes contradict the parameters");
	memcpy(&h->scale, p + 57, sizeof(h->scale));
	h->correction = has_factor ? wire_get_u64(p + 65) : 1;
	return judge_numbers(s, c, is_key, h);
}

/* The array's header and count; how many words there must be. */
static int take_count(struct seal_in *s, const struct he_ctx *c, const struct seal_ct *h, bool *is_seeded)
{
	uint64_t bytes, count, all = h->size * h->primes * c->n;
	int r;

	if ((r = wire_take_head(s, 0, &bytes)) != 0 || (r = wire_take_u64(s, &count)) != 0)
		return r;
	*is_seeded = h->size == 2 && count == all / 2;
	if (!*is_seeded && count != all)
		return he_fail(s->w, E_LIMIT, "%llu words; %llu (or half, with a seed) are right", (unsigned long long)count,
		               (unsigned long long)all);
	/* In one object the array and the seed are all that is left; in keys others follow. */
	if (bytes != SEAL_ARRAY + 8 * count || 8 * count + (*is_seeded ? SEAL_SEED : 0) > s->n)
		return he_fail(s->w, E_LIMIT, "the array's header contradicts its %llu words", (unsigned long long)count);
	return 0;
}

static int take_seed(struct seal_in *s, const unsigned char **seed)
{
	int r;

	if ((r = wire_take_head(s, SEAL_SEED, NULL)) != 0 || (r = wire_take(s, 1 + HE_SEED_BYTES, seed)) != 0)
		return r;
	if (**seed != HE_SEED_BLAKE2X && **seed != HE_SEED_SHAKE256)
		return he_fail(s->w, E_RANGE, "generator %u is none of 1 (blake2xb), 2 (shake256)", **seed);
	return 0;
}

/* Are all these bytes 0? */
static bool is_zero(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

int wire_take_ct(struct seal_in *s, const struct he_ctx *c, bool is_key, bool was_judged, struct seal_ct *ct)
{
	size_t poly = 8 * c->n, polys;
	const unsigned char *p;
	bool is_seeded;
	int r;

	if ((r = take_ct_head(s, c, is_key, ct)) != 0 || (r = take_count(s, c, ct, &is_seeded)) != 0)
		return r;
	polys = is_seeded ? 1 : ct->size;
	ct->words = s->p;
	ct->seed = NULL;
	for (unsigned i = 0; !was_judged && i < polys * ct->primes; i++)
		if ((r = wire_take_words(s, c->n, c->p.q[i % ct->primes], c->kern)) != 0)
			return r;
	if (was_judged && (r = wire_take(s, polys * ct->primes * poly, &p)) != 0)
		return r;
	if (is_seeded)
		return take_seed(s, &ct->seed);
	if (!was_judged && is_zero(ct->words + ct->primes * poly, (polys - 1) * ct->primes * poly))
		return he_fail(s->w, E_DENIED, "transparent: all polynomials but the first are 0, so it hides nothing");
	return 0;
}

int wire_fill_ct(const struct seal_ct *from, const struct he_ctx *c, struct he_ct *out, struct he_why *w)
{
	size_t poly = from->primes * c->n;
	struct he_seed seed = { .used = true };
	int r;

	if (he_words_reserve(&out->w, &out->cap, from->size * poly) != 0)
		return he_fail(w, E_NOMEM, "out of memory");
	memcpy(out->w, from->words, (from->seed ? 1 : from->size) * poly * sizeof(*out->w));
	if (from->seed) {
		seed.type = from->seed[0];
		memcpy(seed.bytes, from->seed + 1, HE_SEED_BYTES);
		if ((r = he_seed_expand(&seed, c->mods, from->primes, c->n, c->kern, out->w + poly)) != 0)
			return he_fail(w, r, "the seed was not expanded");
	}
	out->ctx = c;
	out->primes = from->primes;
	out->ntt = from->ntt;
	out->scale = from->scale;
	out->correction = from->correction;
	out->size = from->size;
	return 0;
}

size_t wire_ct_max(const struct he_ctx *c, bool is_key)
{
	size_t polys = is_key ? 2 : SEAL_MAX_POLYS, primes = is_key ? c->p.k : c->data;

	return HE_ID_BYTES + 1 + 5 * 8 + SEAL_ARRAY + 8 * polys * primes * c->n;
}

static int load_ct(const struct he_ctx *c, struct str in, bool is_key, struct he_ct *out, struct seal_style *peer,
                   struct he_why *w)
{
	struct seal_ct ct;
	struct seal_in s;
	int r;

	out->size = 0;
	if ((r = wire_open(&s, in, wire_dense(c, in, wire_ct_max(c, is_key)), w)) == 0 && (r = wire_no_secret(&s, c)) == 0 &&
	    (r = wire_take_ct(&s, c, is_key, false, &ct)) == 0 && (r = wire_at_end(&s)) == 0 &&
	    (r = wire_fill_ct(&ct, c, out, w)) == 0)
		wire_tell_peer(&s, peer);
	wire_close(&s);
	return r;
}

int seal_load_ct(const struct he_ctx *c, struct str in, struct he_ct *out, struct seal_style *peer, struct he_why *w)
{
	return load_ct(c, in, false, out, peer, w);
}

int seal_load_pk(const struct he_ctx *c, struct str in, struct he_pk *out, struct seal_style *peer, struct he_why *w)
{
	return load_ct(c, in, true, &out->ct, peer, w);
}

static int take_pt(struct seal_in *s, const struct he_ctx *c, struct he_pt *out)
{
	static const unsigned char none[HE_ID_BYTES];
	const unsigned char *p, *words;
	uint64_t count, again;
	unsigned primes, j;
	bool is_ckks = c->p.scheme == HE_CKKS;
	double scale;
	int r;

	if ((r = wire_take(s, HE_ID_BYTES + 16, &p)) != 0)
		return r;
	primes = he_ctx_level(c, p);
	count = wire_get_u64(p + HE_ID_BYTES);
	memcpy(&scale, p + HE_ID_BYTES + 8, sizeof(scale));
	if (primes == 0 && (is_ckks || memcmp(p, none, sizeof(none)) != 0))
		return he_fail(s->w, E_RANGE, "made for other parameters than these");
	if (primes > c->data)
		return he_fail(s->w, E_RANGE, "has the %u primes of keys, not of plaintexts", primes);
	if (primes ? count != primes * c->n : count == 0 || count > c->n)
		return he_fail(s->w, E_LIMIT, "%llu coefficients contradict the parameters", (unsigned long long)count);
	if (is_ckks ? !(scale > 0 && isnormal(scale)) : scale != 1.0)
		return he_fail(s->w, E_RANGE, "the scale must be %s", is_ckks ? "a positive number" : "1");
	if ((r = wire_take_head(s, SEAL_ARRAY + 8 * count, NULL)) != 0 || (r = wire_take_u64(s, &again)) != 0)
		return r;
	if (again != count || s->n != 8 * count)
		return he_fail(s->w, E_LIMIT, "the array's length contradicts the %llu coefficients", (unsigned long long)count);
	words = s->p;
	for (j = 0; j < primes; j++)
		if ((r = wire_take_words(s, c->n, c->p.q[j], c->kern)) != 0)
			return r;
	if (primes == 0 && (r = wire_take_words(s, count, c->p.t, c->kern)) != 0)
		return r;
	if (he_pt_reserve(out, (count + 7) & ~7ULL) != 0)
		return he_fail(s->w, E_NOMEM, "out of memory");
	memcpy(out->w, words, count * sizeof(*out->w));
	out->ctx = c;
	out->primes = primes;
	out->count = count;
	out->scale = scale;
	return 0;
}

int seal_load_pt(const struct he_ctx *c, struct str in, struct he_pt *out, struct seal_style *peer, struct he_why *w)
{
	struct seal_in s;
	int r;

	out->count = 0;
	if ((r = wire_open(&s, in, HE_ID_BYTES + 16 + SEAL_ARRAY + 8 * c->p.k * c->n, w)) == 0 &&
	    (r = wire_no_secret(&s, c)) == 0 && (r = take_pt(&s, c, out)) == 0)
		wire_tell_peer(&s, peer);
	wire_close(&s);
	return r;
}
