/* SPDX-License-Identifier: Apache-2.0 */
/* What a local client sends becomes one request and no more: its head reads again as one message with the same originator, the same type,
 * the same content but for URLs, and without a field that oneM2M does not know. */
#include <stdlib.h>

#include "agent/conf.h"
#include "agent/door_priv.h"
#include "cse/base/clock.h"
#include "cse/base/rand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http1_limits limits = { 4096, 8192, 16384, 32 }, wide = { 16384, 65536, 65536, 40 };

/* As the upstream puts it together (agent/upstream.h). */
static void check_carried(const struct door_conn *dc, const char *base)
{
	const struct carriage *c = &dc->carriage;
	struct http1_field fields[40];
	struct http1 h;
	struct buf b;
	bool had, has;
	struct str from = http1_field(&dc->h, base, STR("x-m2m-origin"), &had), type = http1_field(&dc->h, base, STR("content-type"), NULL);

	buf_init(&b, 1 << 20);
	buf_str(&b, c->method);
	buf_putc(&b, ' ');
	buf_str(&b, c->target);
	BUF_LIT(&b, " HTTP/1.1\r\nHost: cse\r\n");
	buf_str(&b, c->fields);
	http1_put_length(&b, c->body.n);
	BUF_LIT(&b, "\r\n");
	buf_str(&b, c->body);
	size_t n = b.n;
	enum http1_result r;

	http1_init(&h, HTTP1_REQUEST, &wide, fields);
	do
		r = http1_parse(&h, b.p, &n);
	while (r == HTTP1_HEAD_DONE);
	REQUIRE(r == HTTP1_DONE && n == b.n && h.head_n + h.body_n == b.n && h.form == HTTP1_ORIGIN);
	REQUIRE(str_eq(http1_field(&h, b.p, STR("x-m2m-origin"), &has), from) && has == had);
	REQUIRE(str_eq(http1_field(&h, b.p, STR("content-type"), NULL), type));
	http1_field(&h, b.p, STR("cookie"), &has);
	REQUIRE(!has && h.method == dc->h.method);
	REQUIRE(str_eq(http1_str(b.p, h.path), dc->h.path.n ? http1_str(base, dc->h.path) : STR("/")));
	REQUIRE(str_eq(http1_str(b.p, h.fragment), http1_str(base, dc->h.fragment)));
	if (dc->op == OP_NOTIFY || dc->op == OP_DELETE)
		REQUIRE(str_eq(c->body, http1_body(&dc->h, base)));
	buf_fini(&b);
}

static void ask(struct door *d, char *p, size_t n)
{
	struct door_conn *dc = calloc(1, sizeof(*dc));
	struct why why = { 0 };
	const char *reason = NULL;
	enum http1_result r;

	REQUIRE(dc != NULL);
	dc->door = d;
	buf_init(&dc->ask, 1 << 20);
	dc->plain.in.p = p;
	http1_init(&dc->h, HTTP1_REQUEST, &limits, dc->fields);
	do
		r = http1_parse(&dc->h, p, &n);
	while (r == HTTP1_HEAD_DONE);
	if (r == HTTP1_DONE && door_host_check(&dc->h, p, d->agent->policy, &dc->origin, &reason) == 0 && dc->h.method >= HTTP1_GET &&
	    dc->h.method <= HTTP1_DELETE) {
		if (door_ask(dc, &why) == RSC_NONE)
			check_carried(dc, p);
		else
			REQUIRE(why.text[0]);
	} else if (r == HTTP1_DONE && reason) {
		REQUIRE(reason[0]);
	}
	buf_fini(&dc->ask);
	free(dc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t ports[] = { 8080 };
	struct agent a = { .conf = conf_defaults_of(&conf_agent), .rnd = rnd_new_seeded(1), .clock = clock_new_fake(1700000000000000) };
	struct door d = { .agent = &a };
	struct why why = { 0 };
	char *text = malloc(size + 1);

	a.loop = loop_new(a.clock, 0, NULL);
	REQUIRE(text && a.loop && book_open(&a, NULL, &a.book, &why) == 0 && policy_open(&a, &a.policy, &why) == 0);
	if (size > 0)
		memcpy(text, data, size);
	d.rewrite = (struct rewrite){ .book = a.book, .authority = STR("dev:1"), .own_ports = ports, .n_own_ports = 1 };
	arena_init(&d.arena, 1024);
	ask(&d, text, size);
	arena_fini(&d.arena);
	policy_close(a.policy);
	book_close(a.book);
	loop_free(a.loop);
	clock_free(a.clock);
	rnd_free(a.rnd);
	conf_unref(a.conf);
	free(text);
	return 0;
}
