/* SPDX-License-Identifier: Apache-2.0 */
/* Ciphertexts, plaintexts and keys as holders of words. */
#include <stdlib.h>
#include <string.h>

#include "he/he_priv.h"

#include "cse/base/check.h"
#include "cse/base/err.h"

int he_words_reserve(uint64_t **w, size_t *cap, size_t words)
{
	void *new;

	if (words <= *cap)
		return 0;
	if (words > SIZE_MAX / sizeof(uint64_t) || posix_memalign(&new, 64, words * sizeof(uint64_t)) != 0)
		return E_NOMEM;
	free(*w);
	*w = new;
	*cap = words;
	return 0;
}

void he_ct_init(struct he_ct *ct, const struct he_ctx *c)
{
	*ct = (struct he_ct){ .ctx = c, .scale = 1.0, .correction = 1, .ntt = he_scheme_is_ntt(c->p.scheme) };
}

void he_ct_fini(struct he_ct *ct)
{
	free(ct->w);
	ct->w = NULL;
	ct->cap = ct->size = 0;
}

int he_ct_copy(struct he_ct *to, const struct he_ct *from)
{
	size_t words = from->size * from->primes * from->ctx->n;
	struct he_ct old = *to;
	int r;

	if (to == from)
		return 0;
	if ((r = he_words_reserve(&old.w, &old.cap, words)) != 0)
		return r;
	*to = *from;
	to->w = old.w;
	to->cap = old.cap;
	if (words)
		memcpy(to->w, from->w, words * sizeof(uint64_t));
	return 0;
}

bool he_ct_is_transparent(const struct he_ct *ct)
{
	size_t poly = ct->primes * ct->ctx->n, i;

	for (i = poly; i < ct->size * poly; i++)
		if (ct->w[i])
			return false;
	return true;
}

int he_result_begin(const struct he_ct *r, size_t words, uint64_t **w, size_t *cap, struct he_why *why)
{
	*w = NULL;
	*cap = 0;
	if (words <= r->cap) {
		*w = r->w;
		*cap = r->cap;
		return 0;
	}
	return he_words_reserve(w, cap, words) == 0 ? 0 : he_fail(why, E_NOMEM, "out of memory");
}

int he_result_end(struct he_ct *r, const struct he_ct *like, unsigned size, uint64_t *w, size_t cap, struct he_why *why)
{
	if (w != r->w)
		free(r->w);
	*r = *like;
	r->size = size;
	r->w = w;
	r->cap = cap;
	if (he_ct_is_transparent(r)) {
		r->size = 0;
		return he_fail(why, E_DENIED, "the result would be transparent: it would hide nothing");
	}
	return 0;
}

void he_pt_init(struct he_pt *pt, const struct he_ctx *c)
{
	*pt = (struct he_pt){ .ctx = c, .scale = 1.0 };
}

void he_pt_fini(struct he_pt *pt)
{
	if (pt->w)
		explicit_bzero(pt->w, pt->cap * sizeof(uint64_t));
	free(pt->w);
	pt->w = NULL;
	pt->cap = pt->count = 0;
}

int he_pt_reserve(struct he_pt *pt, size_t words)
{
	if (words > pt->cap && pt->w)
		explicit_bzero(pt->w, pt->cap * sizeof(uint64_t));
	return he_words_reserve(&pt->w, &pt->cap, words);
}

void he_ksk_init(struct he_ksk *k, const struct he_ctx *c, bool is_galois)
{
	*k = (struct he_ksk){ .ctx = c, .is_galois = is_galois };
}

void he_ksk_fini(struct he_ksk *k)
{
	for (size_t i = 0; i < k->n; i++) {
		for (unsigned j = 0; k->entry[i].part && j < k->ctx->data; j++)
			he_ct_fini(&k->entry[i].part[j]);
		free(k->entry[i].part);
	}
	free(k->entry);
	k->entry = NULL;
	k->n = 0;
}
