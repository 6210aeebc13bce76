/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of ours over HTTPS: connections with mutual TLS to points of access, kept for what comes next.  A carrier (out.h). */
#ifndef BINDINGS_HTTP_CLIENT_H
#define BINDINGS_HTTP_CLIENT_H

#include "bindings/http1.h"
#include "cse/codec/codec.h"
#include "cse/core/out.h"

extern const struct carrier_kind carrier_https;

/* --- the mapping, TS-0009 clause 6, for a client; free of connections ------------------------------------------------ */

/* The head of the HTTP request for a request primitive; body: bytes of content. */
void http_client_head(struct buf *b, const struct prim *p, const struct url *at, size_t body);
/* A complete response as the result of the request that had this identifier: err E_CLOSED when it is none (no or another
 * request's identifier, no status code, a content that does not decode).  *pc is filled when there is content. */
void http_client_answer(struct arena *a, const struct http1 *h, const char *base, struct str rqi, const struct codec_limits *lim,
                        struct out_result *out, struct content *pc);

#endif
