/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 messages (RFC 9112, RFC 9110), requests and responses, free of sockets and of oneM2M.  Strict: what two
 * recipients could understand in two ways is refused.  The parser is incremental and copies nothing: the caller keeps
 * the bytes of one message in one piece of memory, which may move and grow between calls; results are spans in it.
 */
#ifndef BINDINGS_HTTP1_H
#define BINDINGS_HTTP1_H

#include "cse/base/buf.h"

enum http1_kind { HTTP1_REQUEST, HTTP1_RESPONSE };

enum http1_method {
	HTTP1_OTHER, HTTP1_GET, HTTP1_POST, HTTP1_PUT, HTTP1_DELETE, HTTP1_HEAD, HTTP1_OPTIONS, HTTP1_PATCH, HTTP1_CONNECT,
	HTTP1_TRACE
};

/* Form of the request target, RFC 9112 3.2. */
enum http1_form { HTTP1_ORIGIN, HTTP1_ABSOLUTE, HTTP1_AUTHORITY, HTTP1_ASTERISK };

struct http1_limits {
	size_t line;     /* bytes of the start line and of each field line, CRLF not counted */
	size_t head;     /* bytes from the start line to the empty line; the same again for trailers */
	size_t body;     /* bytes of content */
	unsigned fields; /* field lines, trailers counted with them */
};

/* A place in the message. */
struct http1_span {
	uint32_t at, n;
};
struct http1_field {
	struct http1_span name, value; /* value without white space at its ends */
};

enum http1_result {
	HTTP1_MORE, /* more bytes are needed */
	HTTP1_HEAD_DONE, /* said once, when the head is complete and content is still to come */
	HTTP1_DONE, /* the message is complete: head_n + body_n bytes; what follows belongs to the next one */
	HTTP1_BAD   /* status and why say what to answer; the connection must be closed after it */
};

struct http1 {
	/* What the head says; valid from HTTP1_HEAD_DONE on. */
	enum http1_kind kind;
	enum http1_method method;
	enum http1_form form;
	struct http1_span method_text, target;
	struct http1_span authority;    /* of HTTP1_ABSOLUTE and HTTP1_AUTHORITY */
	struct http1_span path;         /* "/..." as sent, percent-encoded; empty for authority and asterisk form */
	struct http1_span query, fragment; /* without '?' and '#'; a fragment is no HTTP, but TS-0009 6.2.2.2 speaks of it */
	bool has_query, has_fragment;
	struct http1_field *fields;
	unsigned n_fields;
	unsigned status;                /* response: of the status line.  HTTP1_BAD: what to answer, 400..505 */
	const char *why;                /* HTTP1_BAD: one sentence */
	bool keep_alive;                /* the peer lets the connection stay open */
	bool expect_continue, expect_other;
	bool chunked, has_length, until_close;
	uint64_t length;                /* when has_length */
	size_t head_n, body_n;          /* bytes of head; bytes of content so far, directly behind the head */

	/* The parser's own. */
	const struct http1_limits *lim;
	unsigned state;
	bool trailers, to_head, has_host, has_te, old;
	unsigned n_trailers, digits, blank;
	size_t pos, mark, cap, head_cap, ext;
	uint64_t chunk;
};

/* For one message.  fields: room for lim->fields; both live as long as h. */
void http1_init(struct http1 *h, enum http1_kind kind, const struct http1_limits *lim, struct http1_field *fields);
/* The response will be one to a HEAD request: no content whatever its head says. */
void http1_answers_head(struct http1 *h);
/*
 * p[0 .. *n) are all bytes since the message's beginning.  Chunked content is put together in place: the framing is
 * removed and *n shrinks.  Call again with more bytes behind; after HTTP1_HEAD_DONE also at once.
 */
enum http1_result http1_parse(struct http1 *h, char *p, size_t *n);
/* The peer has closed: HTTP1_DONE when that ends the message, HTTP1_MORE when none had begun, else HTTP1_BAD. */
enum http1_result http1_eof(struct http1 *h);
/* How many bytes are surely still wanted (rest of a Content-Length), 0 when unknown. */
size_t http1_wants(const struct http1 *h, size_t have);

static inline struct str http1_str(const char *p, struct http1_span s) { return (struct str){ p + s.at, s.n }; }
static inline struct str http1_body(const struct http1 *h, const char *p)
{
	return (struct str){ p + h->head_n, h->body_n };
}
/* Value of the first field of that name (compared without case); *found may be NULL. */
struct str http1_field(const struct http1 *h, const char *p, struct str name, bool *found);

/* Writing.  The status line has no reason phrase (TS-0009 6.3.3). */
void http1_put_status(struct buf *b, unsigned status);
/* One field line.  The value must not hold CR, LF or NUL (a contract: check what came from outside). */
void http1_put_field(struct buf *b, struct str name, struct str value);
/* "Content-Length: n" */
void http1_put_length(struct buf *b, size_t n);
/* True when the text may stand as a field's value. */
bool http1_is_value(struct str s);
/* True when the text may stand as a token (method, field name, media type part). */
bool http1_is_token(struct str s);

#endif
