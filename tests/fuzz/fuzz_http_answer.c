/* SPDX-License-Identifier: Apache-2.0 */
/* What a target answers to a notification: parsed as a response, in one piece and byte by byte, with the same outcome; taken as
 * an answer only with our identifier and a status code. */
#include <stdlib.h>

#include "bindings/http_client.h"
#include "cse/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http1_limits limits = { .line = 256, .head = 1024, .body = 4096, .fields = 16 };

static enum http1_result parse(struct http1 *h, struct http1_field *fields, char *p, size_t *n, size_t size, size_t step)
{
	enum http1_result r = HTTP1_MORE;

	http1_init(h, HTTP1_RESPONSE, &limits, fields);
	*n = 0;
	for (size_t at = 0; at < size && (r == HTTP1_MORE || r == HTTP1_HEAD_DONE);) {
		size_t k = size - at < step ? size - at : step;

		if (r == HTTP1_MORE) {
			*n += k;
			at += k;
		}
		r = http1_parse(h, p, n);
	}
	while (r == HTTP1_HEAD_DONE)
		r = http1_parse(h, p, n);
	return r == HTTP1_MORE ? http1_eof(h) : r;
}

static void judge(const struct http1 *h, const char *p)
{
	struct out_result r;
	struct content pc;
	struct arena a;

	arena_init(&a, 1024);
	http_client_answer(&a, h, p, STR("rqi-1"), &codec_limits_default, &r, &pc);
	REQUIRE(r.err == 0 || r.err == E_CLOSED);
	if (r.err == 0) {
		REQUIRE(str_eqz(http1_field(h, p, STR("x-m2m-ri"), NULL), "rqi-1") && r.rsc >= 1000 && r.rsc <= 9999);
		REQUIRE(!r.pc || (r.pc == &pc && pc.kind != PC_NONE));
	} else {
		REQUIRE(!r.pc);
	}
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http1_field fields[2][16];
	struct http1 h[2];
	enum http1_result r[2];
	size_t n;
	char *copy;

	if (size > 8192)
		return 0;
	for (int i = 0; i < 2; i++) {
		copy = malloc(size + 1);
		REQUIRE(copy);
		memcpy(copy, data, size);
		/* Framing is removed in place, so that what follows moves: one step at a time needs bytes that come one at a time. */
		if (i == 0) {
			r[i] = parse(&h[i], fields[i], copy, &n, size, size ? size : 1);
		} else {
			char *in = malloc(size + 1);
			REQUIRE(in);
			http1_init(&h[i], HTTP1_RESPONSE, &limits, fields[i]);
			r[i] = HTTP1_MORE;
			n = 0;
			for (size_t at = 0; at < size && r[i] == HTTP1_MORE; at++) {
				in[n++] = copy[at];
				while ((r[i] = http1_parse(&h[i], in, &n)) == HTTP1_HEAD_DONE)
					;
			}
			if (r[i] == HTTP1_MORE)
				r[i] = http1_eof(&h[i]);
			free(copy);
			copy = in;
		}
		if (r[i] == HTTP1_DONE)
			judge(&h[i], copy);
		free(copy);
	}
	REQUIRE(r[0] == r[1]);
	REQUIRE(r[0] != HTTP1_DONE || (h[0].status == h[1].status && h[0].body_n == h[1].body_n && h[0].head_n == h[1].head_n));
	return 0;
}
