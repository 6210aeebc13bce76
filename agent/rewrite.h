/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points of access, both ways (security-model 3.3): local clients give plaintext URLs of this machine, the CSE gets
 * https://<agent>/<token>, and clients are shown their own text again.  Works on the text of a message; what is not replaced stays as
 * it was, byte for byte.
 */
#ifndef AGENT_REWRITE_H
#define AGENT_REWRITE_H

#include "agent/book.h"
#include "cse/base/arena.h"
#include "cse/base/buf.h"
#include "cse/model/url.h"

struct rewrite {
	struct book *book;
	struct str authority;      /* "host:port" under which the CSE reaches the agent; empty: it does not */
	const uint16_t *own_ports; /* of the agent itself: no client's URL may lead there */
	unsigned n_own_ports;
};

/* Where a client's URL leads on this machine; the only places that the agent speaks plaintext to. */
struct rewrite_place {
	bool ip6;
	unsigned char ip[16];  /* 127.x.x.x or ::1 */
	uint16_t port;
	struct str host, path; /* slices of the URL; path with its query, "/" when there is none */
	bool by_name;          /* "localhost": ::1 is tried, too */
};
/* RSC_NONE; BAD_REQUEST with a sentence: no http URL, not of this machine, the agent's own port. */
enum rsc rewrite_place(const struct rewrite *w, struct str url, struct rewrite_place *out, struct why *why);

/* JSON content of a client's CREATE or UPDATE: plaintext URLs in poa, nu, su, nfu.  An AE without a point of access (new_ae, or when an
 * UPDATE removes them) gets one of the agent's, where nothing is delivered: the CSE takes a URL in nu only when an AE of the same credential
 * is reached there (security-model 3.4), and many clients give no poa.  RSC_NONE, *changed: `out` has the new text (it is
 * untouched otherwise).  BAD_REQUEST: a URL that cannot be served; INTERNAL_SERVER_ERROR: the book cannot be written.  What is no JSON
 * stays as it is: the CSE says so. */
enum rsc rewrite_content(struct rewrite *w, struct str body, bool new_ae, struct buf *out, bool *changed, struct why *why);
/* The value of X-M2M-RTU. */
enum rsc rewrite_rtu(struct rewrite *w, struct str value, struct buf *out, bool *changed, struct why *why);
/* A query's filters on those attributes (TS-0009 6.2.2.2) that name a client's own URL; all else as it is.  Values that need unescaping lie in
 * the arena meanwhile. */
void rewrite_query(struct rewrite *w, struct arena *a, struct str query, struct buf *out);
/* Any text of the CSE (content, field): tokens become the clients' URLs, and the agent's own points of access go.  false: nothing to replace, `out` is untouched. */
bool rewrite_back(struct rewrite *w, struct str text, struct buf *out);

#endif
