/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Randomness for Paillier from a fixed base (Damgard, Jurik, Nielsen): h^a instead of r^n, where h = (-x^2)^n and a has half the
 * bits of n.  A table of h's powers makes it some ten times faster; every entry of it is read, whatever a is.
 */
#include <stdlib.h>
#include <string.h>

#include "he/paillier.h"

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"
#include "he/paillier_priv.h"

enum { WINDOW = 4, ENTRIES = 1 << WINDOW };

struct paillier_base {
	const struct paillier_pk *pk;
	unsigned windows;
	uint64_t *table; /* window by window: h^(d 2^(4 i)), d = 0 .. 15, in Montgomery form */
};

void paillier_base_free(struct paillier_base *b)
{
	if (b)
		free(b->table);
	free(b);
}

/* r = -x^2 modulo n^2 raised to n, x random below n, in Montgomery form. */
static int make_h(const struct paillier_pk *pk, struct rnd *rnd, uint64_t *r)
{
	const struct mont *m = &pk->n2;
	struct paillier_blind *x = NULL;
	int err = paillier_blind_new(pk, rnd, &x, NULL);

	if (err)
		return err;
	/* (-x^2)^n = -(x^n)^2, since n is odd. */
	mont_mul(m, r, x->v, x->v);
	mont_reduce(m, r);
	for (unsigned i = 0; i < m->words; i++)
		r[i] = m->n[i] - r[i];
	mont_carry(r, m->words);
	paillier_blind_free(x);
	return 0;
}

int paillier_base_new(const struct paillier_pk *pk, struct rnd *rnd, struct paillier_base **out, struct he_why *w)
{
	struct paillier_base *b = calloc(1, sizeof(*b));
	unsigned words = pk->n2.words, i, d;
	uint64_t *at;
	int err = E_NOMEM;

	if (b == NULL)
		return he_fail(w, err, "out of memory");
	b->pk = pk;
	b->windows = pk->bits / 2 / WINDOW;
	b->table = mont_new((b->windows * ENTRIES + 1) * words);
	if (b->table == NULL || (err = make_h(pk, rnd, b->table + words)) != 0) {
		paillier_base_free(b);
		return he_fail(w, err, "out of memory");
	}
	for (i = 0, at = b->table; i < b->windows; i++, at += ENTRIES * words) {
		memcpy(at, pk->n2.one, words * sizeof(*at));
		for (d = 2; d <= ENTRIES; d++)
			mont_mul(&pk->n2, at + d * words, at + (d - 1) * words, at + words);
		/* Entry 16 is the next window's first power. */
		memmove(at + (ENTRIES + 1) * words, at + ENTRIES * words, i + 1 < b->windows ? words * sizeof(*at) : 0);
	}
	*out = b;
	return 0;
}

int paillier_blind_fixed(const struct paillier_base *b, struct rnd *rnd, struct paillier_blind **out, struct he_why *w)
{
	unsigned words = b->pk->n2.words;
	unsigned char a[PAILLIER_MAX_CT / 4];
	struct paillier_blind *blind = calloc(1, sizeof(*blind));
	uint64_t *one = mont_new(words);

	if (blind == NULL || one == NULL || (blind->v = mont_new(words)) == NULL) {
		free(blind);
		mont_wipe(one, words);
		return he_fail(w, E_NOMEM, "out of memory");
	}
	blind->words = words;
	rnd_bytes(rnd, a, b->pk->bits / 16);
	memcpy(blind->v, b->pk->n2.one, words * sizeof(*one));
	for (unsigned i = 0; i < b->windows; i++) {
		mont_look_up(one, b->table + i * ENTRIES * words, ENTRIES, words, a[i / 2] >> (i & 1) * WINDOW & (ENTRIES - 1));
		mont_mul(&b->pk->n2, blind->v, blind->v, one);
	}
	explicit_bzero(a, sizeof(a));
	mont_wipe(one, words);
	*out = blind;
	return 0;
}
