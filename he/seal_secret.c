/* SPDX-License-Identifier: Apache-2.0 */
/* Secret keys in SEAL's format, for their owner's program only. */
#include <stdlib.h>

#include "he/seal_priv.h"

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "he/secret.h"

static int take_sk(struct seal_in *s, const struct he_ctx *c, uint64_t **out)
{
	size_t words = c->p.k * c->n, cap = 0;
	const unsigned char *p;
	uint64_t *w = NULL, count;
	int r;

	if ((r = wire_take(s, HE_ID_BYTES + 16, &p)) != 0)
		return r;
	if (memcmp(p, c->level[c->p.k].id, HE_ID_BYTES) != 0)
		return he_fail(s->w, E_RANGE, "made for other parameters than these");
	if ((r = wire_take_head(s, SEAL_ARRAY + 8 * words, NULL)) != 0 || (r = wire_take_u64(s, &count)) != 0)
		return r;
	if (count != words || wire_get_u64(p + HE_ID_BYTES) != words || s->n != 8 * words)
		return he_fail(s->w, E_LIMIT, "a secret key of these parameters has %zu words", words);
	p = s->p;
	for (unsigned j = 0; j < c->p.k; j++)
		if ((r = wire_take_words(s, c->n, c->p.q[j], c->kern)) != 0)
			return r;
	if (he_words_reserve(&w, &cap, words) != 0)
		return he_fail(s->w, E_NOMEM, "out of memory");
	memcpy(w, p, words * sizeof(*w));
	*out = w;
	return 0;
}

int seal_load_sk(const struct he_ctx *c, struct str in, struct he_sk *out, struct seal_style *peer, struct he_why *w)
{
	uint64_t *words = NULL;
	struct seal_in s;
	int r;

	he_sk_fini(out);
	if ((r = wire_open(&s, in, HE_ID_BYTES + 16 + SEAL_ARRAY + 8 * c->p.k * c->n, w)) == 0 &&
	    (r = take_sk(&s, c, &words)) == 0) {
		*out = (struct he_sk){ .ctx = c, .w = words };
		wire_tell_peer(&s, peer);
	}
	wire_close(&s);
	return r;
}

int seal_save_sk(const struct he_sk *sk, const struct seal_style *s, struct buf *out)
{
	/* On the wire it is the plaintext of all primes. */
	struct he_pt pt = { .ctx = sk->ctx, .primes = sk->ctx->p.k, .count = sk->ctx->p.k * sk->ctx->n, .scale = 1.0, .w = sk->w };

	return seal_save_pt(&pt, s, out);
}
