/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page for a secret: locked in memory where the limit allows, left out of core dumps and of forked children, wiped when
 * freed.  Not OpenSSL's secure heap: that one is a single process-wide arena under one lock, which every ephemeral
 * key of every handshake would then be taken from, and handshakes fail when it is used up.
 */
#ifndef SECURITY_SECRET_H
#define SECURITY_SECRET_H

#include <stddef.h>

/* At most a page (4,096 bytes), zeroed; NULL when the kernel refuses. */
void *secret_new(size_t n);
void secret_free(void *p);

#endif
