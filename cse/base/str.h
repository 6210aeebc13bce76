/* SPDX-License-Identifier: Apache-2.0 */
/* Slices: a pointer and a length, borrowed, not terminated.  All text from outside travels as a slice. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p; /* may be NULL only when n is 0 */
	size_t n;
};

#define STR(lit) ((struct str){ (lit), sizeof(lit) - 1 })
#define STR_NONE ((struct str){ NULL, 0 })
/* For printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).n, (s).p

static inline struct str str_of(const char *z) { return (struct str){ z, z ? strlen(z) : 0 }; }
static inline struct str str_make(const char *p, size_t n) { return (struct str){ p, n }; }
static inline bool str_eq(struct str a, struct str b) { return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0); }
static inline bool str_eqz(struct str a, const char *z) { return str_eq(a, str_of(z)); }

/* ASCII letters compare without case; for header names. */
bool str_eq_nocase(struct str a, struct str b);
/* Byte order, shorter first on a tie. */
int str_cmp(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Index of c, or s.n when absent. */
size_t str_index(struct str s, char c);
/* From byte `from` on; empty when from >= n. */
struct str str_from(struct str s, size_t from);
/* The first n bytes (all when shorter). */
struct str str_first(struct str s, size_t n);
/* Cuts the part before the first `sep` off *rest and returns it; *rest becomes what follows sep.
 * *more says whether a sep was found; call again while it was. */
struct str str_cut(struct str *rest, char sep, bool *more);
/* White space (space, tab) at both ends removed. */
struct str str_trim(struct str s);

/* Strict decimal numbers: no sign for unsigned, no leading blanks, nothing behind, no overflow.
 * 0 and *out set, or E_SYNTAX / E_RANGE and *out untouched.  Leading zeros are accepted. */
int str_u64(struct str s, uint64_t *out);
int str_i64(struct str s, int64_t *out);

/* SipHash-2-4 with a key that the caller owns: hash tables over names from outside use it. */
uint64_t str_hash(struct str s, const uint64_t key[2]);

/* UTF-8 check: shortest form, no surrogates, at most U+10FFFF. */
bool str_is_utf8(struct str s);
/* Length of the one sequence that begins at text (n > 0 bytes are left), 0 when it is not well formed. */
size_t str_utf8_len(const char *text, size_t n);

#endif
