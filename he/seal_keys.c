/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of key-switching keys, and the look at an object's first bytes. */
#include <stdlib.h>

#include "he/seal_priv.h"

#include "cse/base/check.h"
#include "cse/base/err.h"

/* One part of an entry: a public key with its own header. */
static int take_part(struct seal_in *s, const struct he_ctx *c, bool was_judged, struct seal_ct *ct)
{
	uint64_t size;
	size_t before;
	int r;

	if ((r = wire_take_head(s, 0, &size)) != 0)
		return r;
	before = s->n;
	if ((r = wire_take_ct(s, c, true, was_judged, ct)) != 0)
		return r;
	if (before - s->n != size - SEAL_HEADER)
		return he_fail(s->w, E_LIMIT, "a key's header contradicts its length");
	return 0;
}

/* e: filled; NULL: its parts are only judged. */
static int take_parts(struct seal_in *s, const struct he_ctx *c, struct he_ksk_entry *e)
{
	struct seal_ct ct;
	int r = 0;

	if (e) {
		e->part = calloc(c->data, sizeof(*e->part));
		if (e->part == NULL)
			return he_fail(s->w, E_NOMEM, "out of memory");
		for (unsigned j = 0; j < c->data; j++)
			he_ct_init(&e->part[j], c);
	}
	for (unsigned j = 0; r == 0 && j < c->data; j++)
		if ((r = take_part(s, c, e != NULL, &ct)) == 0 && e)
			r = wire_fill_ct(&ct, c, &e->part[j], s->w);
	return r;
}

/* Entry by entry.  k has room for all that are there; NULL: they are judged and counted. */
static int take_entries(struct seal_in *s, const struct he_ctx *c, uint64_t dim, struct he_ksk *k, size_t *n)
{
	uint64_t parts, i;
	int r = 0;

	for (*n = 0, i = 0; r == 0 && i < dim; i++) {
		if ((r = wire_take_u64(s, &parts)) != 0)
			return r;
		if (parts != 0 && parts != c->data)
			return he_fail(s->w, E_RANGE, "an entry of %llu keys; 0 or %u are possible", (unsigned long long)parts, c->data);
		if (parts == 0)
			continue;
		/* It counts at once, so that he_ksk_fini frees what a failure leaves. */
		if (k)
			k->entry[k->n++].galois = k->is_galois ? 2 * (uint32_t)i + 1 : 0;
		r = take_parts(s, c, k ? &k->entry[*n] : NULL);
		++*n;
	}
	return r;
}

static int take_ksk(struct seal_in *s, const struct he_ctx *c, struct he_ksk *k)
{
	const unsigned char *id;
	struct seal_in ahead;
	uint64_t dim;
	size_t n;
	int r;

	if ((r = wire_take(s, HE_ID_BYTES, &id)) != 0 || (r = wire_take_u64(s, &dim)) != 0)
		return r;
	if (memcmp(id, c->level[c->p.k].id, HE_ID_BYTES) != 0)
		return he_fail(s->w, E_RANGE, "made for other parameters than these");
	if (dim != (k->is_galois ? c->n : 1))
		return he_fail(s->w, E_RANGE, "%llu entries; %s keys have %zu", (unsigned long long)dim,
		               k->is_galois ? "Galois" : "relinearization", k->is_galois ? c->n : (size_t)1);
	ahead = *s;
	if ((r = take_entries(&ahead, c, dim, NULL, &n)) != 0 || (r = wire_at_end(&ahead)) != 0)
		return r;
	if (n == 0)
		return he_fail(s->w, E_RANGE, "there is no key in it");
	k->entry = calloc(n, sizeof(*k->entry));
	if (k->entry == NULL)
		return he_fail(s->w, E_NOMEM, "out of memory");
	return take_entries(s, c, dim, k, &n);
}

int seal_load_ksk(const struct he_ctx *c, bool is_galois, struct str in, struct he_ksk *out, struct seal_style *peer,
                  struct he_why *w)
{
	size_t entries = is_galois ? c->n : 1, one = c->data * (SEAL_HEADER + wire_ct_max(c, true));
	struct he_ksk k;
	struct seal_in s;
	int r;

	he_ksk_fini(out);
	if (!he_ctx_can_switch(c))
		return he_fail(w, E_UNSUPPORTED, "a set of one prime has no such keys");
	he_ksk_init(&k, c, is_galois);
	if ((r = wire_open(&s, in, wire_dense(c, in, HE_ID_BYTES + 8 + entries * (8 + one)), w)) == 0 &&
	    (r = wire_no_secret(&s, c)) == 0 && (r = take_ksk(&s, c, &k)) == 0) {
		*out = k;
		wire_tell_peer(&s, peer);
	} else {
		he_ksk_fini(&k);
	}
	wire_close(&s);
	return r;
}

static bool is_head(const unsigned char *m, size_t n, size_t at)
{
	return at + SEAL_HEADER <= n && m[at] == (SEAL_MAGIC & 0xff) && m[at + 1] == SEAL_MAGIC >> 8 && m[at + 2] == SEAL_HEADER;
}

/* By where the first nested header stands. */
static enum seal_kind sniff_members(const struct he_ctx *c, const unsigned char *m, size_t n)
{
	uint64_t dim;
	bool is_key_level;

	if (is_head(m, n, 17) && m[0] >= HE_BFV && m[0] <= HE_BGV && wire_get_u64(m + 17 + 8) == SEAL_MODULUS)
		return SEAL_PARAMS;
	if (n < HE_ID_BYTES + 16)
		return SEAL_UNKNOWN;
	is_key_level = c && memcmp(m, c->level[c->p.k].id, HE_ID_BYTES) == 0;
	dim = wire_get_u64(m + HE_ID_BYTES);
	if (is_head(m, n, 48) && dim <= 1ULL << 40 && wire_get_u64(m + 48 + 8) == SEAL_ARRAY + 8 * dim) {
		bool is_one = wire_get_u64(m + HE_ID_BYTES + 8) == 0x3ff0000000000000;
		unsigned char any = 0;

		for (int i = 0; i < HE_ID_BYTES; i++)
			any |= m[i];
		return any && is_one && (c == NULL || is_key_level) ? SEAL_SECRET_KEY : SEAL_PLAINTEXT;
	}
	if (is_head(m, n, 73) || is_head(m, n, 65))
		return c && c->p.k > 1 && is_key_level ? SEAL_PUBLIC_KEY : SEAL_CIPHERTEXT;
	if (dim == 0 || dim > 1u << 17 || wire_get_u64(m + HE_ID_BYTES + 8) > HE_MAX_PRIMES)
		return SEAL_UNKNOWN;
	return dim > HE_MAX_SIZE ? SEAL_GALOIS_KEYS : SEAL_RELIN_KEYS;
}

enum seal_kind seal_sniff(const struct he_ctx *c, struct str in)
{
	const unsigned char *p = (const unsigned char *)in.p;
	enum seal_kind kind = SEAL_UNKNOWN;
	struct buf first;

	if (!is_head(p, in.n, 0) || p[5] > SEAL_ZSTD)
		return SEAL_UNKNOWN;
	if (p[5] == SEAL_NONE)
		return sniff_members(c, p + SEAL_HEADER, in.n - SEAL_HEADER);
	buf_init_secret(&first, SEAL_PREFIX);
	if (wire_inflate(str_from(in, SEAL_HEADER), (enum seal_compression)p[5], true, &first) == 0)
		kind = sniff_members(c, (const unsigned char *)first.p, first.n);
	buf_fini_secret(&first);
	return kind;
}
