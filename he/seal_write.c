/* SPDX-License-Identifier: Apache-2.0 */
/* Writers: members in SEAL's order, sizes put in afterwards, the outermost object compressed if asked. */
#include "he/seal_priv.h"

#include "cse/base/check.h"
#include "cse/base/err.h"

static void put_u64(struct buf *b, uint64_t v) { buf_put(b, &v, sizeof(v)); }
static void put_f64(struct buf *b, double v) { buf_put(b, &v, sizeof(v)); }

static void put_head(struct buf *b, const struct seal_style *s, enum seal_compression compression, uint64_t size)
{
	unsigned char h[8] = { SEAL_MAGIC & 0xff, SEAL_MAGIC >> 8, SEAL_HEADER, s->major, s->minor, (unsigned char)compression };

	buf_put(b, h, sizeof(h));
	put_u64(b, size);
}

/* What the buffer was before. */
struct start {
	size_t at;
	bool over;
};

/* The outermost header; its size is known at the end. */
static struct start begin(struct buf *b, const struct seal_style *s)
{
	struct start was = { b->n, b->over };

	REQUIRE((s->major == 4 && s->minor <= SEAL_NEWEST_MINOR) || (s->major == 3 && (s->minor == 6 || s->minor == 7)));
	put_head(b, s, s->compression, 0);
	return was;
}

static void patch_size(struct buf *b, size_t at)
{
	uint64_t size = b->n - at;

	memcpy(b->p + at + 8, &size, sizeof(size));
}

/* r: what went wrong so far. */
static int end(struct buf *b, struct start was, const struct seal_style *s, int r)
{
	if (r == 0 && b->over)
		r = E_LIMIT;
	if (r == 0 && s->compression != SEAL_NONE)
		r = wire_deflate(b, was.at + SEAL_HEADER, s->compression);
	if (r == 0) {
		patch_size(b, was.at);
	} else {
		b->n = was.at;
		b->over = was.over;
	}
	return r;
}

static void put_modulus(struct buf *b, const struct seal_style *s, uint64_t q)
{
	put_head(b, s, SEAL_NONE, SEAL_MODULUS);
	put_u64(b, q);
}

static void put_array(struct buf *b, const struct seal_style *s, const uint64_t *w, size_t n)
{
	put_head(b, s, SEAL_NONE, SEAL_ARRAY + 8 * n);
	put_u64(b, n);
	buf_put(b, w, 8 * n);
}

int seal_save_params(const struct he_params *p, const struct seal_style *s, struct buf *out)
{
	struct start was = begin(out, s);

	buf_putc(out, (char)p->scheme);
	put_u64(out, 1ULL << p->log_n);
	put_u64(out, p->k);
	for (unsigned i = 0; i < p->k; i++)
		put_modulus(out, s, p->q[i]);
	put_modulus(out, s, p->t);
	return end(out, was, s, 0);
}

static int put_ct(struct buf *b, const struct seal_style *s, const struct he_ct *ct, const struct he_seed *seed)
{
	size_t poly = ct->primes * ct->ctx->n;
	bool is_seeded = seed && seed->used;

	REQUIRE(ct->size >= 2 && (!is_seeded || ct->size == 2));
	if (s->major == 3 && ct->correction != 1)
		return E_UNSUPPORTED;
	buf_put(b, ct->ctx->level[ct->primes].id, HE_ID_BYTES);
	buf_putc(b, ct->ntt);
	put_u64(b, ct->size);
	put_u64(b, ct->ctx->n);
	put_u64(b, ct->primes);
	put_f64(b, ct->scale);
	if (s->major > 3)
		put_u64(b, ct->correction);
	put_array(b, s, ct->w, is_seeded ? poly : ct->size * poly);
	if (is_seeded) {
		put_head(b, s, SEAL_NONE, SEAL_SEED);
		buf_putc(b, (char)seed->type);
		buf_put(b, seed->bytes, HE_SEED_BYTES);
	}
	return 0;
}

int seal_save_ct(const struct he_ct *ct, const struct he_seed *seed, const struct seal_style *s, struct buf *out)
{
	struct start was = begin(out, s);

	return end(out, was, s, put_ct(out, s, ct, seed));
}

int seal_save_pk(const struct he_pk *pk, const struct he_seed *seed, const struct seal_style *s, struct buf *out)
{
	return seal_save_ct(&pk->ct, seed, s, out);
}

int seal_save_pt(const struct he_pt *pt, const struct seal_style *s, struct buf *out)
{
	static const unsigned char none[HE_ID_BYTES];
	struct start was = begin(out, s);

	buf_put(out, pt->primes ? pt->ctx->level[pt->primes].id : none, HE_ID_BYTES);
	put_u64(out, pt->count);
	put_f64(out, pt->scale);
	put_array(out, s, pt->w, pt->count);
	return end(out, was, s, 0);
}

/* The parts of one entry, each an object with its own header. */
static int put_entry(struct buf *b, const struct seal_style *s, const struct he_ksk *k, const struct he_ksk_entry *e,
                     const struct he_seed *seeds)
{
	struct seal_style plain = { s->major, s->minor, SEAL_NONE };
	int r = 0;

	for (unsigned j = 0; r == 0 && j < k->ctx->data; j++)
		r = seal_save_ct(&e->part[j], seeds ? &seeds[j] : NULL, &plain, b);
	return r;
}

int seal_save_ksk(const struct he_ksk *k, const struct he_seed *seeds, const struct seal_style *s, struct buf *out)
{
	struct start was = begin(out, s);
	size_t dim = k->is_galois ? k->ctx->n : 1, i, e;
	int r = 0;

	buf_put(out, k->ctx->level[k->ctx->p.k].id, HE_ID_BYTES);
	put_u64(out, dim);
	for (i = 0, e = 0; r == 0 && i < dim; i++) {
		bool is_here = e < k->n && k->entry[e].galois == (k->is_galois ? 2 * i + 1 : 0);

		put_u64(out, is_here ? k->ctx->data : 0);
		if (is_here) {
			r = put_entry(out, s, k, &k->entry[e], seeds ? seeds + e * k->ctx->data : NULL);
			e++;
		}
	}
	return end(out, was, s, r);
}
