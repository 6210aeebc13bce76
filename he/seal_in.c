/* SPDX-License-Identifier: Apache-2.0 */
/* The outermost header, and a cursor that never reads beside the members. */
#include "he/seal_priv.h"

#include "cse/base/check.h"
#include "cse/base/err.h"

uint64_t wire_get_u64(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Layout: magic, header's size, version, compression, reserved, size of the object. */
static int read_head(const unsigned char *p, struct seal_head *h, struct he_why *w)
{
	if ((p[0] | p[1] << 8) != SEAL_MAGIC || p[2] != SEAL_HEADER)
		return he_fail(w, E_SYNTAX, "no SEAL header (5e a1 10) where one must be; send what SEAL's save() wrote");
	*h = (struct seal_head){ p[3], p[4], p[5], wire_get_u64(p + 8) };
	if (h->major > 4 || (h->major == 4 && h->minor > SEAL_NEWEST_MINOR))
		return he_fail(w, E_NEWER, "written by SEAL %u.%u; 3.6 to 4.%d are read", h->major, h->minor, SEAL_NEWEST_MINOR);
	if (h->major < 3 || (h->major == 3 && (h->minor < 6 || h->minor > 7)))
		return he_fail(w, E_UNSUPPORTED, "written by SEAL %u.%u; 3.6 to 4.%d are read", h->major, h->minor,
		               SEAL_NEWEST_MINOR);
	if (p[6] || p[7])
		return he_fail(w, E_SYNTAX, "reserved bytes of a header are not 0");
	if (h->compression > SEAL_ZSTD)
		return he_fail(w, E_UNSUPPORTED, "compression %u is none of 0 (none), 1 (zlib), 2 (zstd)", h->compression);
	return 0;
}

static int inflate_members(struct seal_in *s, struct str members)
{
	int r = wire_inflate(members, (enum seal_compression)s->head.compression, false, &s->inflated);

	if (r == E_LIMIT)
		return he_fail(s->w, r, "inflates to more than the %zu bytes that such an object can have", s->inflated.max);
	if (r == E_NOMEM)
		return he_fail(s->w, r, "out of memory");
	if (r != 0)
		return he_fail(s->w, r, "the compressed stream is damaged, cut, or followed by other bytes");
	s->p = (const unsigned char *)s->inflated.p;
	s->n = s->inflated.n;
	return 0;
}

int wire_open(struct seal_in *s, struct str in, size_t max, struct he_why *w)
{
	int r;

	memset(s, 0, sizeof(*s));
	s->w = w;
	if (max > SEAL_MAX_BYTES)
		max = SEAL_MAX_BYTES;
	buf_init_secret(&s->inflated, max);
	if (in.n < SEAL_HEADER)
		return he_fail(w, E_SYNTAX, "%zu bytes are no SEAL object; its header alone has 16", in.n);
	if ((r = read_head((const unsigned char *)in.p, &s->head, w)) != 0)
		return r;
	if (s->head.size != in.n)
		return he_fail(w, E_LIMIT, "the header says %llu bytes, there are %zu", (unsigned long long)s->head.size, in.n);
	if (s->head.compression != SEAL_NONE)
		return inflate_members(s, str_from(in, SEAL_HEADER));
	s->p = (const unsigned char *)in.p + SEAL_HEADER;
	s->n = in.n - SEAL_HEADER;
	return s->n <= max ? 0 : he_fail(w, E_LIMIT, "%zu bytes; such an object has at most %zu", in.n, max + SEAL_HEADER);
}

size_t wire_dense(const struct he_ctx *c, struct str in, size_t max)
{
	/* Counts of absent Galois keys, and headers, shrink to nearly nothing. */
	size_t dense = 8 * in.n + 8 * c->n + 65536;

	return dense < max ? dense : max;
}

void wire_close(struct seal_in *s)
{
	buf_fini_secret(&s->inflated);
}

void wire_tell_peer(const struct seal_in *s, struct seal_style *peer)
{
	if (peer)
		*peer = (struct seal_style){ s->head.major, s->head.minor, (enum seal_compression)s->head.compression };
}

int wire_take(struct seal_in *s, size_t n, const unsigned char **p)
{
	if (n > s->n)
		return he_fail(s->w, E_LIMIT, "the object ends %zu bytes too early", n - s->n);
	*p = s->p;
	s->p += n;
	s->n -= n;
	return 0;
}

int wire_take_u64(struct seal_in *s, uint64_t *v)
{
	const unsigned char *p;
	int r = wire_take(s, sizeof(*v), &p);

	if (r == 0)
		*v = wire_get_u64(p);
	return r;
}

int wire_take_head(struct seal_in *s, uint64_t size, uint64_t *got)
{
	struct seal_head h;
	const unsigned char *p;
	int r;

	if ((r = wire_take(s, SEAL_HEADER, &p)) != 0 || (r = read_head(p, &h, s->w)) != 0)
		return r;
	if (h.major != s->head.major || h.minor != s->head.minor)
		return he_fail(s->w, E_SYNTAX, "a nested header has version %u.%u, the outer one %u.%u", h.major, h.minor,
		               s->head.major, s->head.minor);
	if (h.compression != SEAL_NONE)
		return he_fail(s->w, E_UNSUPPORTED, "a nested object is compressed");
	if (h.size < SEAL_HEADER || h.size - SEAL_HEADER > s->n || (size && h.size != size))
		return he_fail(s->w, E_LIMIT, "a nested header says %llu bytes, which does not fit", (unsigned long long)h.size);
	if (got)
		*got = h.size;
	return 0;
}

int wire_at_end(const struct seal_in *s)
{
	return s->n == 0 ? 0 : he_fail(s->w, E_LIMIT, "%zu bytes follow the object", s->n);
}

int wire_take_words(struct seal_in *s, size_t n, uint64_t q, const struct he_kernels *kern)
{
	const unsigned char *p;
	size_t whole = n & ~(size_t)7, i;
	bool ok;
	int r;

	if ((r = wire_take(s, n * sizeof(uint64_t), &p)) != 0)
		return r;
	ok = kern->below(p, whole, q);
	for (i = whole; i < n; i++)
		ok &= wire_get_u64(p + i * sizeof(uint64_t)) < q;
	return ok ? 0 : he_fail(s->w, E_RANGE, "a coefficient is not below its modulus %llu", (unsigned long long)q);
}

int wire_no_secret(const struct seal_in *s, const struct he_ctx *c)
{
	/* A plaintext of all primes: id of the key level, count, scale, array. */
	size_t words = c->p.k * c->n;

	if (s->n != HE_ID_BYTES + 16 + SEAL_ARRAY + 8 * words || memcmp(s->p, c->level[c->p.k].id, HE_ID_BYTES) != 0 ||
	    wire_get_u64(s->p + HE_ID_BYTES) != words)
		return 0;
	/* With one prime a CKKS plaintext has that shape too, but never the scale 1. */
	if (c->p.k == 1 && wire_get_u64(s->p + HE_ID_BYTES + 8) != 0x3ff0000000000000)
		return 0;
	return he_fail(s->w, E_DENIED, "this is a secret key: it must never leave its owner; make a new one, this one was sent");
}
