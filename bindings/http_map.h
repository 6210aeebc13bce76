/* SPDX-License-Identifier: Apache-2.0 */
/* The mapping of TS-0009: an HTTP request to a request primitive, a response primitive to an HTTP response.  Free of
 * connections. */
#ifndef BINDINGS_HTTP_MAP_H
#define BINDINGS_HTTP_MAP_H

#include "bindings/http1.h"
#include "cse/codec/codec.h"
#include "cse/model/prim.h"

/* What the request wants of its answer beside the primitive. */
struct http_wish {
	const struct codec *codec; /* serialization of the answer's content */
	bool res;                  /* as application/vnd.onem2m-res+..., not the plain type */
	bool close;                /* the connection ends with this answer */
	bool secret;               /* no copy of the answer stays in memory */
	struct str origin;         /* allowed browser's origin, empty: no CORS fields */
};

/*
 * Fills the primitive (slices point into the message at `base`, which must stay) and the wish.  RSC_NONE; or the code, with
 * the sentence in p->why, when no primitive can be made that may be judged.  The method must be GET, POST, PUT or DELETE.
 */
enum rsc http_map_request(const struct http1 *h, const char *base, const struct codec_limits *lim, struct prim *p,
                          struct http_wish *wish);

/* The head of the response with all of its fields and the empty line; body: bytes of content. */
void http_map_answer(struct buf *b, const struct resp *r, const struct http_wish *wish, size_t body);
/* The head of an answer that is no primitive. text: the content, one sentence, may be empty.  allow: list of methods for
 * 405, or empty. */
void http_map_plain(struct buf *out, unsigned status, struct str text, struct str allow, const struct http_wish *wish,
                    bool to_head);
/* The answer to a preflight of an allowed origin (Fetch standard 3.2.3). */
void http_map_preflight(struct buf *out, const struct http_wish *wish);

/* --- parts, for tests ---------------------------------------------------------------------------------------------- */

/* Path of the request target (percent-encoded) to the parameter To, TS-0009 6.2.2.1. */
enum rsc http_map_path(struct prim *p, struct str path);
/* To (or the address of a resource) as a path. */
void http_map_address(struct buf *out, struct str to);
/* Query component, TS-0009 6.2.2.2. */
enum rsc http_query_read(struct prim *p, struct str query);
/* "ri+lbl" of atrl= or behind '#'. */
enum rsc http_query_atrl(struct prim *p, struct str value);
/* Header fields that carry parameters, TS-0009 6.4. */
enum rsc http_header_read(struct prim *p, struct str name, struct str value);

/* Percent-encoding removed; s itself when there is none.  plus: '+' is a space.  False: a bad escape, an escaped NUL or
 * control character, or no UTF-8. */
bool http_unescape(struct arena *a, struct str s, bool plus, struct str *out);

struct http_content_type {
	const struct codec *codec; /* NULL: not supported */
	bool has_ty;
	uint64_t ty;
};
/* A Content-Type field.  False: not well formed. */
bool http_content_type(struct str value, struct http_content_type *out);

/* Quality of each answer that can be given, in thousandths; -1: not named. */
struct http_accept {
	bool given;
	int json, res, app, any;
};
void http_accept_init(struct http_accept *a);
/* Another Accept field.  Elements that are not well formed are passed over. */
void http_accept_add(struct http_accept *a, struct str value);
/* False: nothing that can be given is acceptable. */
bool http_accept_choose(const struct http_accept *a, struct http_wish *wish);

#endif
