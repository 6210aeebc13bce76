/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BLAKE2b (RFC 7693) with a parameter block of the caller's, and BLAKE2Xb on top: OpenSSL gives neither shorter digests
 * nor the block.  SEAL's parameter ids and its seeds need both.
 */
#ifndef HE_BLAKE2_H
#define HE_BLAKE2_H

#include <stddef.h>

enum { BLAKE2B_BLOCK = 128, BLAKE2B_OUT = 64, BLAKE2B_PARAM = 64, BLAKE2X_KEY = 64 };

/* One message.  The lengths of digest and key are those of param (bytes 0 and 1, contracts: 1..64, 0..64). */
void blake2b_hash(const unsigned char param[BLAKE2B_PARAM], const unsigned char *key, const void *p, size_t n,
                  unsigned char *out);
/* Unkeyed, sequential: digest of `out_bytes`. */
void blake2b_plain(const void *p, size_t n, unsigned char *out, unsigned out_bytes);
/* BLAKE2Xb with a key of 64 bytes; out_bytes is a multiple of 64. */
void blake2x_keyed(const unsigned char key[BLAKE2X_KEY], const void *p, size_t n, unsigned char *out, size_t out_bytes);

#endif
