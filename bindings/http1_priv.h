/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the HTTP/1.1 parser: states, classes of characters, and what judges the head. */
#ifndef BINDINGS_HTTP1_PRIV_H
#define BINDINGS_HTTP1_PRIV_H

#include "bindings/http1.h"

enum http1_state {
	S_START, S_START_LF, S_METHOD, S_TARGET, S_VERSION, S_R_VERSION, S_R_STATUS, S_R_REASON, S_LINE_LF,
	S_NAME_FIRST, S_NAME, S_OWS, S_VALUE, S_FIELD_LF, S_END_LF,
	S_LENGTH, S_UNTIL_CLOSE, S_SIZE, S_EXT_BWS, S_EXT, S_SIZE_LF, S_DATA, S_DATA_CR, S_DATA_LF, S_DONE, S_BAD
};

/* Classes of characters. */
enum {
	C_TOKEN = 1,  /* RFC 9110 5.6.2 */
	C_TARGET = 2, /* RFC 3986, with '#' for TS-0009 6.2.2.2 and brackets anywhere */
	C_HOST = 4,   /* RFC 3986 3.2.2 with port */
	C_VALUE = 8   /* RFC 9110 5.5 with white space inside */
};
extern const unsigned char http1_class[256];
static inline bool http1_is(char c, unsigned cls) { return (http1_class[(unsigned char)c] & cls) != 0; }

static inline size_t http1_min(size_t a, size_t b) { return a < b ? a : b; }

/* What a state says after it has taken all that it can. */
enum http1_turn { T_GO, T_WAIT, T_BAD };

/* A line begins at pos: it must end within its own limit and within that of the head. */
void http1_begin_line(struct http1 *h);
/* A line must end in CR LF; nothing else ends it. */
enum http1_turn http1_need_lf(struct http1 *h, const char *p);
/* One state of chunked content. */
enum http1_turn http1_chunk_turn(struct http1 *h, char *p, size_t n);
/* Content that is not chunked lies where it is. */
enum http1_turn http1_plain_turn(struct http1 *h, size_t n);
enum http1_turn http1_turn_bad(struct http1 *h, unsigned status, const char *why);

/* Records the failure; returns false so that a check can `return http1_bad(...)`. */
bool http1_bad(struct http1 *h, unsigned status, const char *why);
/* Judge a part of the head that is complete; false when it is refused. */
bool http1_method_done(struct http1 *h, const char *p);
bool http1_target_done(struct http1 *h, const char *p);
bool http1_version_done(struct http1 *h, struct str version);
bool http1_status_done(struct http1 *h, struct str status);
bool http1_field_done(struct http1 *h, const char *p, const struct http1_field *f);
/* The head is complete: decides the framing and sets the next state. */
bool http1_head_done(struct http1 *h);

#endif
