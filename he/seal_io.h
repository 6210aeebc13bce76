/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SEAL's wire format, strict: every object from outside is bounded and checked before memory is taken, residues are
 * canonical, lengths exact, domains right for the scheme, nothing transparent, nothing shaped like a secret key.
 */
#ifndef HE_SEAL_IO_H
#define HE_SEAL_IO_H

#include "he/he.h"
#include "he/seed.h"

struct he_sk;

enum seal_compression { SEAL_NONE, SEAL_ZLIB, SEAL_ZSTD };
enum seal_kind { SEAL_UNKNOWN, SEAL_PARAMS, SEAL_CIPHERTEXT, SEAL_PLAINTEXT, SEAL_PUBLIC_KEY, SEAL_RELIN_KEYS,
	SEAL_GALOIS_KEYS, SEAL_SECRET_KEY };

/* What the writer stamps into every header, nested ones too; readers tell the peer's. */
struct seal_style {
	uint8_t major, minor;             /* 4.0 to 4.4, 3.6 or 3.7 (then ciphertexts carry no correction factor) */
	enum seal_compression compression; /* of the outermost object */
};
enum { SEAL_MAX_BYTES = 600 * 1024 * 1024, SEAL_MAX_POLYS = 3 };

/*
 * Readers.  `in` is one object and nothing else.  peer (may be NULL) is set on success.  out of seal_load_params is set on
 * success only; all others are initialised by the caller, keep their memory, and are valid but empty after a failure.
 * Errors: E_SYNTAX (not such an object), E_LIMIT (sizes), E_RANGE (values), E_UNSUPPORTED (version, compression), E_NEWER,
 * E_DENIED (transparent, or a secret key), E_CORRUPT (the compressed stream), E_NOMEM, E_CRYPTO.
 */
int seal_load_params(struct str in, struct he_params *out, struct seal_style *peer, struct he_why *w);
/* Full or seeded; seeded ones are expanded.  A CKKS scale is any positive normal number: which ones are agreed is the caller's. */
int seal_load_ct(const struct he_ctx *c, struct str in, struct he_ct *out, struct seal_style *peer, struct he_why *w);
int seal_load_pt(const struct he_ctx *c, struct str in, struct he_pt *out, struct seal_style *peer, struct he_why *w);
int seal_load_pk(const struct he_ctx *c, struct str in, struct he_pk *out, struct seal_style *peer, struct he_why *w);
int seal_load_ksk(const struct he_ctx *c, bool is_galois, struct str in, struct he_ksk *out, struct seal_style *peer,
                  struct he_why *w);
/* Only in troth-he; every other loader refuses an object of this shape. */
int seal_load_sk(const struct he_ctx *c, struct str in, struct he_sk *out, struct seal_style *peer, struct he_why *w);
/* What an object looks like by its first bytes; the context may be NULL, then a plaintext at scale 1 is taken for a secret key. */
enum seal_kind seal_sniff(const struct he_ctx *c, struct str in);

/*
 * Writers append to out (bounded by its max); out is as before on failure: E_LIMIT, E_NOMEM, or E_UNSUPPORTED when the 3.x
 * layout cannot carry a correction factor.  seed (may be NULL): write polynomial 1 as its seed.
 */
int seal_save_params(const struct he_params *p, const struct seal_style *s, struct buf *out);
int seal_save_ct(const struct he_ct *ct, const struct he_seed *seed, const struct seal_style *s, struct buf *out);
int seal_save_pt(const struct he_pt *pt, const struct seal_style *s, struct buf *out);
int seal_save_pk(const struct he_pk *pk, const struct he_seed *seed, const struct seal_style *s, struct buf *out);
/* seeds (may be NULL): one per part, entry by entry. */
int seal_save_ksk(const struct he_ksk *k, const struct he_seed *seeds, const struct seal_style *s, struct buf *out);
int seal_save_sk(const struct he_sk *sk, const struct seal_style *s, struct buf *out);

#endif
