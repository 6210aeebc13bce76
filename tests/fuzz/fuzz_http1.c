/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP/1.1 parser.  First byte: bit 0 request or response, bit 1 answer to HEAD, the rest the size of the pieces.
 * The outcome must be the same in one piece, byte by byte and in pieces; what is left over must be the input's end.
 */
#include "bindings/http1.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS = 16, MAX_MESSAGES = 8 };

static const struct http1_limits limits = { .line = 128, .head = 512, .body = 300, .fields = FIELDS };

struct outcome {
	enum http1_result result;
	struct http1 h;
	struct http1_field fields[FIELDS];
	char *text; /* head and content */
	size_t n;   /* bytes of text */
	size_t left; /* bytes of input behind the message */
};

static void parse(struct outcome *o, unsigned flags, const char *in, size_t n, size_t step)
{
	size_t have = 0, fed = 0;
	/* Of exactly the input's size, so that any read behind it is seen. */
	char *p = malloc(n ? n : 1);
	bool head = false;

	memset(o, 0, sizeof(*o));
	http1_init(&o->h, flags & 1 ? HTTP1_RESPONSE : HTTP1_REQUEST, &limits, o->fields);
	if (flags & 2)
		http1_answers_head(&o->h);
	do {
		size_t more = n - fed < step ? n - fed : step;

		memcpy(p + have, in + fed, more);
		have += more;
		fed += more;
		o->result = http1_parse(&o->h, p, &have);
		if (o->result == HTTP1_HEAD_DONE) {
			REQUIRE(!head);
			head = true;
			o->result = http1_parse(&o->h, p, &have);
		}
	} while (o->result == HTTP1_MORE && fed < n);
	if (o->result == HTTP1_MORE && http1_eof(&o->h) == HTTP1_DONE)
		o->result = HTTP1_DONE;
	o->text = p;
	o->n = o->h.head_n + o->h.body_n;
	o->left = n - fed + (have - (o->result == HTTP1_DONE ? o->n : have));
}

static void same_span(const struct outcome *a, const struct outcome *b, struct http1_span x, struct http1_span y)
{
	REQUIRE(x.at == y.at && x.n == y.n && x.at + x.n <= a->h.head_n && b->h.head_n == a->h.head_n);
}

static void compare(const struct outcome *a, const struct outcome *b)
{
	REQUIRE(a->result == b->result);
	if (a->result == HTTP1_BAD)
		REQUIRE(a->h.status == b->h.status && a->h.why == b->h.why && a->h.status >= 400 && a->h.status <= 505);
	if (a->result != HTTP1_DONE)
		return;
	REQUIRE(a->n == b->n && memcmp(a->text, b->text, a->n) == 0 && a->left == b->left);
	REQUIRE(a->h.n_fields == b->h.n_fields && a->h.n_fields <= FIELDS && a->h.body_n <= limits.body);
	REQUIRE(a->h.head_n <= limits.head && a->h.method == b->h.method && a->h.keep_alive == b->h.keep_alive);
	for (unsigned i = 0; i < a->h.n_fields; i++) {
		same_span(a, b, a->h.fields[i].name, b->h.fields[i].name);
		same_span(a, b, a->h.fields[i].value, b->h.fields[i].value);
		REQUIRE(http1_is_token(http1_str(a->text, a->h.fields[i].name)));
		REQUIRE(http1_is_value(http1_str(a->text, a->h.fields[i].value)));
	}
	same_span(a, b, a->h.path, b->h.path);
	same_span(a, b, a->h.query, b->h.query);
	same_span(a, b, a->h.fragment, b->h.fragment);
	same_span(a, b, a->h.target, b->h.target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *in = (const char *)data + 1;
	struct outcome whole, bytes, pieces;
	size_t n;

	if (size < 1 || size > 4096)
		return 0;
	n = size - 1;
	/* The messages of one connection, one after the other. */
	for (unsigned i = 0; i < MAX_MESSAGES; i++) {
		bool go_on;

		parse(&whole, data[0], in, n, n ? n : 1);
		parse(&bytes, data[0], in, n, 1);
		parse(&pieces, data[0], in, n, (data[0] >> 2) + 2);
		compare(&whole, &bytes);
		compare(&whole, &pieces);
		go_on = whole.result == HTTP1_DONE && whole.left > 0;
		if (go_on) {
			REQUIRE(whole.left < n);
			in += n - whole.left;
			n = whole.left;
		}
		free(whole.text);
		free(bytes.text);
		free(pieces.text);
		if (!go_on)
			break;
	}
	return 0;
}
