/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers and writers of SEAL's format share: headers, a cursor over an object's members, compression. */
#ifndef HE_SEAL_PRIV_H
#define HE_SEAL_PRIV_H

#include "he/he_priv.h"
#include "he/seal_io.h"

enum {
	SEAL_HEADER = 16,
	SEAL_MAGIC = 0xa15e,
	SEAL_MODULUS = SEAL_HEADER + 8,                    /* a modulus with its header */
	SEAL_SEED = SEAL_HEADER + 1 + HE_SEED_BYTES,       /* a generator's state with its header */
	SEAL_ARRAY = SEAL_HEADER + 8,                      /* an array of no words */
	SEAL_NEWEST_MINOR = 4,
	SEAL_PREFIX = 256                                  /* as much as sniffing looks at */
};

struct seal_head {
	uint8_t major, minor, compression;
	uint64_t size; /* with the header */
};

/* Members of an object that are not read yet. */
struct seal_in {
	const unsigned char *p;
	size_t n;
	struct seal_head head; /* of the outermost object; nested ones must be alike */
	struct buf inflated;   /* where p points, when the object was compressed */
	struct he_why *w;
};

/*
 * Opens the outermost object: header, exact length, members inflated to at most max bytes.  wire_close in any case.  Residues, which
 * are uniform below primes of at least 13 bits, shrink to no less than a fifth; wire_dense is the max that follows from the length.
 */
int wire_open(struct seal_in *s, struct str in, size_t max, struct he_why *w);
size_t wire_dense(const struct he_ctx *c, struct str in, size_t max);
void wire_close(struct seal_in *s);
void wire_tell_peer(const struct seal_in *s, struct seal_style *peer);
/* The next n bytes, or E_LIMIT with a sentence. */
int wire_take(struct seal_in *s, size_t n, const unsigned char **p);
int wire_take_u64(struct seal_in *s, uint64_t *v);
/* A nested header with exactly that size (size 0: any size, given back in *got, within what is left). */
int wire_take_head(struct seal_in *s, uint64_t size, uint64_t *got);
/* E_SYNTAX unless nothing is left. */
int wire_at_end(const struct seal_in *s);
/* The next n words, checked to be below q where they stand. */
int wire_take_words(struct seal_in *s, size_t n, uint64_t q, const struct he_kernels *kern);
/* Refuses members of a secret key's shape: E_DENIED. */
int wire_no_secret(const struct seal_in *s, const struct he_ctx *c);
/* A ciphertext as it stands in an object. */
struct seal_ct {
	unsigned primes, size;
	bool ntt;
	double scale;
	uint64_t correction;
	const unsigned char *words, *seed; /* seed: its type and bytes, NULL when all polynomials are there */
};
/*
 * The members of a ciphertext: at the key level, or at any level of ciphertexts with at most SEAL_MAX_POLYS polynomials.  They are
 * judged where they stand, residues too unless they were before; no memory is taken.
 */
int wire_take_ct(struct seal_in *s, const struct he_ctx *c, bool is_key, bool was_judged, struct seal_ct *ct);
/* What was judged becomes a ciphertext. */
int wire_fill_ct(const struct seal_ct *from, const struct he_ctx *c, struct he_ct *out, struct he_why *w);
/* The most bytes that its members have. */
size_t wire_ct_max(const struct he_ctx *c, bool is_key);

/* Decompresses `in` into out, up to out->max; prefix: as much as fits is enough.  E_LIMIT, E_CORRUPT, E_UNSUPPORTED. */
int wire_inflate(struct str in, enum seal_compression kind, bool prefix, struct buf *out);
/* Replaces what stands in b from `from` on by its compressed form. */
int wire_deflate(struct buf *b, size_t from, enum seal_compression kind);

uint64_t wire_get_u64(const unsigned char *p);

#endif
