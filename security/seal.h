/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing of stored data: AES-256-GCM with counter nonces under a data key that is made fresh at every start and
 * every restore; older data keys only open.  Data keys are wrapped by a key-encryption key of the keystore and recorded
 * durably before their first use.  security-model 5.2.
 */
#ifndef SECURITY_SEAL_H
#define SECURITY_SEAL_H

#include "cse/base/buf.h"
#include "cse/model/rsc.h"

struct seal;
struct keystore;
struct rnd;

enum { SEAL_OVERHEAD = 4 + 12 + 16 }; /* data-key number, nonce, tag */

/* Reads the wrapped data keys of `dir` (file datakeys), makes and records a fresh one, syncs file and folder. */
int seal_open(const char *dir, struct keystore *ks, struct rnd *rnd, struct seal **out, struct why *why);
/* Keys in memory only, for tests. */
struct seal *seal_new_volatile(struct rnd *rnd);
void seal_close(struct seal *s);

/* Thread-safe (a cipher context per thread, nonces from one atomic counter).  aad binds the place: table and row id.
 * out needs n + SEAL_OVERHEAD bytes.  Never fails: a failing cipher ends the process. */
void seal_bytes(struct seal *s, uint32_t table, uint64_t row, const void *p, size_t n, char *out);
/* Opens n bytes into out (n - SEAL_OVERHEAD bytes): 0, or E_CORRUPT. */
int seal_unseal(struct seal *s, uint32_t table, uint64_t row, const void *p, size_t n, char *out);
/* Makes a fresh data key now (restore, rotation). */
int seal_rotate(struct seal *s, struct why *why);

#endif
