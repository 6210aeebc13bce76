/* SPDX-License-Identifier: Apache-2.0 */
/* Plaintexts: added to ciphertexts, multiplied with them, brought to NTT form. */
#include <stdlib.h>
#include <string.h>

#include "he/he_priv.h"

#include "cse/base/check.h"
#include "cse/base/err.h"

/* Coefficients of a plaintext that BFV scales at a time, so that what is left of them fits the stack. */
enum { BLOCK = 512 };

/* floor((q_mod_t m + half_up) / t) without a division, whose time would tell of m. */
static void make_fix(uint64_t *fix, const uint64_t *m, size_t n, const struct he_ctx *c, const struct he_level *l)
{
	uint64_t t = c->p.t;

	for (size_t i = 0; i < n; i++) {
		uint64_t v = m[i], quot = he_mulhi(v, l->q_over_t.quot), rest = v * l->q_over_t.w - quot * t, one = rest >= t;

		rest -= t & -one;
		fix[i] = quot + one + (rest + l->half_up >= t);
	}
}

/* round(Q m / t) modulo prime j: floor(Q / t) m and what that lacks.  Zeros follow up to a multiple of eight, which is returned. */
static size_t scale_up(uint64_t *to, const uint64_t *m, size_t n, const struct he_ctx *c, const struct he_level *l, unsigned j,
                       const uint64_t *fix)
{
	const struct he_mod *q = c->mods[j];
	const uint64_t *const both[2] = { m, fix };
	const struct he_const by[2] = { l->delta[j], he_const_make(1, q->q) };
	size_t whole = n & ~(size_t)7, end = (n + 7) & ~(size_t)7, i;

	c->kern->dot_const(to, both, by, 2, whole, q, c->narrow);
	for (i = whole; i < n; i++)
		to[i] = he_add(he_mul_const(m[i], by[0], q->q), he_reduce64(fix[i], q), q->q);
	memset(to + n, 0, (end - n) * sizeof(*to));
	return end;
}

/* The value times the correction factor, in (-t/2, t/2] when centred, else in [0, t), modulo prime j in NTT form. */
static void lift(uint64_t *to, const struct he_pt *p, uint64_t correction, bool centred, unsigned j)
{
	const struct he_ctx *c = p->ctx;
	const struct he_mod *m = c->mods[j];
	uint64_t t = c->p.t, below = (m->q - he_reduce64(t, m)) & -(uint64_t)centred, half = (t + 1) / 2;
	struct he_const by = he_const_make(correction, t);

	for (size_t i = 0; i < p->count; i++) {
		uint64_t v = he_mul_const(p->w[i], by, t), far = -(uint64_t)(v >= half);

		to[i] = he_reduce64(he_reduce64(v, m) + (below & far), m);
	}
	memset(to + p->count, 0, (c->n - p->count) * sizeof(*to));
	he_ntt_forward(&c->ntt[j], to);
}

void he_message(const struct he_pt *p, unsigned primes, uint64_t correction, unsigned j, uint64_t *to, uint64_t *fix)
{
	const struct he_ctx *c = p->ctx;
	size_t end;

	switch (c->p.scheme) {
	case HE_BFV:
		if (j == 0)
			make_fix(fix, p->w, p->count, c, &c->level[primes]);
		end = scale_up(to, p->w, p->count, c, &c->level[primes], j, fix);
		memset(to + end, 0, (c->n - end) * sizeof(*to));
		return;
	case HE_BGV:
		lift(to, p, correction, true, j);
		return;
	case HE_CKKS:
		memcpy(to, p->w + j * c->n, c->n * sizeof(*to));
		return;
	}
	UNREACHABLE();
}

static int check_operands(const struct he_ct *a, const struct he_pt *p, struct he_why *w)
{
	if (a->ctx != p->ctx || a->size < 2 || p->count == 0)
		return he_fail(w, E_RANGE, "ciphertext or plaintext is empty or of other parameters");
	return 0;
}

static int check_sum(const struct he_ct *a, const struct he_pt *p, struct he_why *w)
{
	const struct he_ctx *c = a->ctx;
	bool is_ckks = c->p.scheme == HE_CKKS;
	int err;

	if ((err = check_operands(a, p, w)) != 0)
		return err;
	if (a->ntt != he_scheme_is_ntt(c->p.scheme))
		return he_fail(w, E_RANGE, "the ciphertext is not in the form of its scheme; transform it");
	if (is_ckks ? p->primes != a->primes : p->primes != 0)
		return he_fail(w, E_RANGE, is_ckks ? "levels of ciphertext and plaintext differ; encode it for %u primes"
		                                   : "the plaintext must be in coefficient form, not of %u primes",
		               is_ckks ? a->primes : p->primes);
	if (is_ckks && !he_scales_agree(a->scale, p->scale))
		return he_fail(w, E_RANGE, "scales differ (%g and %g); encode it at the ciphertext's", a->scale, p->scale);
	return 0;
}

/* Room for residues of a plaintext, which may be nobody else's business: wiped by leave.  NULL when n is 0. */
static int enter(uint64_t **tmp, size_t n, struct he_why *w)
{
	size_t cap = 0;

	*tmp = NULL;
	return he_words_reserve(tmp, &cap, n) == 0 ? 0 : he_fail(w, E_NOMEM, "out of memory");
}

static void leave(uint64_t *tmp, size_t n)
{
	if (tmp)
		explicit_bzero(tmp, n * sizeof(*tmp));
	free(tmp);
}

static void combine(const struct he_ctx *c, bool minus, uint64_t *to, const uint64_t *by, size_t n, unsigned j)
{
	(minus ? c->kern->sub : c->kern->add)(to, to, by, n, c->mods[j]);
}

/* BFV: scaled block by block, so that a sum needs no memory beyond its operands'. */
static void combine_scaled(struct he_ct *r, const struct he_pt *p, bool minus)
{
	const struct he_ctx *c = r->ctx;
	const struct he_level *l = &c->level[r->primes];
	_Alignas(64) uint64_t fix[BLOCK], up[BLOCK];

	for (size_t at = 0; at < p->count; at += BLOCK) {
		size_t n = p->count - at < BLOCK ? p->count - at : BLOCK;

		make_fix(fix, p->w + at, n, c, l);
		for (unsigned j = 0; j < r->primes; j++) {
			size_t end = scale_up(up, p->w + at, n, c, l, j, fix);

			combine(c, minus, r->w + j * c->n + at, up, end, j);
		}
	}
	explicit_bzero(fix, sizeof(fix));
	explicit_bzero(up, sizeof(up));
}

static int add_or_sub(struct he_ct *r, const struct he_ct *a, const struct he_pt *p, bool minus, struct he_why *w)
{
	const struct he_ctx *c = a->ctx;
	size_t room = c->p.scheme == HE_BGV ? c->n : 0;
	uint64_t *tmp;
	int err;

	if ((err = check_sum(a, p, w)) != 0 || (err = enter(&tmp, room, w)) != 0)
		return err;
	if ((err = he_ct_copy(r, a)) != 0) {
		err = he_fail(w, err, "out of memory");
	} else if (c->p.scheme == HE_BFV) {
		combine_scaled(r, p, minus);
	} else {
		for (unsigned j = 0; j < r->primes; j++) {
			/* CKKS: the plaintext is added as it is. */
			if (room)
				he_message(p, r->primes, r->correction, j, tmp, NULL);
			combine(c, minus, r->w + j * c->n, room ? tmp : p->w + j * c->n, c->n, j);
		}
	}
	leave(tmp, room);
	return err;
}

int he_add_plain(struct he_ct *r, const struct he_ct *a, const struct he_pt *p, struct he_why *w)
{
	return add_or_sub(r, a, p, false, w);
}

int he_sub_plain(struct he_ct *r, const struct he_ct *a, const struct he_pt *p, struct he_why *w)
{
	return add_or_sub(r, a, p, true, w);
}

static int check_product(const struct he_ct *a, const struct he_pt *p, struct he_why *w)
{
	const struct he_ctx *c = a->ctx;
	bool is_ckks = c->p.scheme == HE_CKKS;
	int err;

	if ((err = check_operands(a, p, w)) != 0)
		return err;
	if (is_ckks && !a->ntt)
		return he_fail(w, E_RANGE, "the ciphertext is not in NTT form; transform it");
	if (p->primes ? p->primes != a->primes : is_ckks)
		return he_fail(w, E_RANGE, "levels of ciphertext and plaintext differ; bring it to %u primes", a->primes);
	return is_ckks ? he_scale_check(c, a->scale * p->scale, a->primes, w) : 0;
}

/*
 * SEAL multiplies with a single coefficient as it stands, in [0, t), where nothing is in NTT form and t is below every prime: other
 * residues than those of its centred value, and more noise, but these are the bytes.
 */
static bool is_centred(const struct he_ct *a, const struct he_pt *p)
{
	const struct he_ctx *c = a->ctx;
	size_t used = 0;

	if (a->ntt || p->primes)
		return true;
	for (unsigned j = 0; j < a->primes; j++)
		if (c->p.q[j] <= c->p.t)
			return true;
	for (size_t i = 0; i < p->count; i++)
		used += p->w[i] != 0;
	return used != 1;
}

int he_multiply_plain(struct he_ct *r, const struct he_ct *a, const struct he_pt *p, struct he_why *w)
{
	const struct he_ctx *c = a->ctx;
	struct he_ct like = *a;
	size_t room = p->primes ? 0 : c->n, cap;
	bool centred;
	uint64_t *tmp, *to;
	int err;

	if ((err = check_product(a, p, w)) != 0 || (err = enter(&tmp, room, w)) != 0)
		return err;
	if ((err = he_result_begin(r, a->size * a->primes * c->n, &to, &cap, w)) != 0) {
		leave(tmp, room);
		return err;
	}
	centred = is_centred(a, p);
	for (unsigned j = 0; j < a->primes; j++) {
		const uint64_t *by = p->primes ? p->w + j * c->n : tmp;

		if (p->primes == 0)
			lift(tmp, p, 1, centred, j);
		for (unsigned i = 0; i < a->size; i++) {
			size_t at = (i * a->primes + j) * c->n;

			if (a->ntt) {
				c->kern->mul(to + at, a->w + at, by, c->n, c->mods[j]);
				continue;
			}
			if (to != a->w)
				memcpy(to + at, a->w + at, c->n * sizeof(*to));
			he_ntt_forward_mul(&c->ntt[j], to + at, by);
			he_ntt_inverse(&c->ntt[j], to + at);
		}
	}
	leave(tmp, room);
	if (c->p.scheme == HE_CKKS)
		like.scale = a->scale * p->scale;
	return he_result_end(r, &like, like.size, to, cap, w);
}

int he_pt_to_ntt(struct he_pt *r, const struct he_pt *p, unsigned primes, struct he_why *w)
{
	const struct he_ctx *c = p->ctx;
	uint64_t *to = NULL;
	size_t cap = 0;

	if (c->p.scheme == HE_CKKS || p->primes || p->count == 0)
		return he_fail(w, E_RANGE, "the plaintext is empty or in NTT form already");
	if (primes == 0 || primes > c->data || !c->level[primes].is_used)
		return he_fail(w, E_RANGE, "there is no level of %u primes; 1 to %u are possible", primes, c->data);
	if (he_words_reserve(&to, &cap, primes * c->n) != 0)
		return he_fail(w, E_NOMEM, "out of memory");
	for (unsigned j = 0; j < primes; j++)
		lift(to + j * c->n, p, 1, true, j);
	he_pt_fini(r);
	*r = (struct he_pt){ .ctx = c, .primes = primes, .count = primes * c->n, .scale = 1.0, .w = to, .cap = cap };
	return 0;
}
