/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the load generator: made once, numbers are written into them. */
#include "tools/bench.h"

#include <stdlib.h>
#include <string.h>

enum { DIGITS = 10 };
#define NUMBER "0000000000"

static void put_number(char *at, uint64_t v)
{
	for (int i = DIGITS - 1; i >= 0; i--, v /= 10)
		at[i] = (char)('0' + v % 10);
}

struct op_row {
	const char *method, *suffix, *type;
	bool container, body;
};
static const struct op_row rows[BENCH_OPS] = {
	[BENCH_NULL] = { "POST", "", ";ty=4", true, true },
	[BENCH_CREATE] = { "POST", "", ";ty=4", true, true },
	[BENCH_RETRIEVE] = { "GET", "", NULL, true, false },
	[BENCH_LATEST] = { "GET", "/la", NULL, true, false },
	[BENCH_OLDEST] = { "GET", "/ol", NULL, true, false },
	[BENCH_CONTAINER] = { "POST", "", ";ty=3", false, true },
	[BENCH_DELETE] = { "DELETE", "", NULL, true, false },
	[BENCH_IDLE] = { "GET", "", NULL, false, false }
};

static size_t find(const char *text, const char *what, size_t skip)
{
	const char *p = strstr(text, what);
	return p ? (size_t)(p - text) + skip : 0;
}

static int make_body(char **out, const struct bench_opts *o, enum bench_op op)
{
	char limits[64] = "";
	if (op == BENCH_CONTAINER) {
		if (o->mni)
			snprintf(limits, sizeof limits, ",\"mni\":%u", o->mni);
		return asprintf(out, "{\"m2m:cnt\":{\"rn\":\"c" NUMBER "\"%s%s%s}}", limits, o->more ? "," : "", o->more ? o->more : "");
	}
	unsigned pad = o->size > DIGITS + 1 ? o->size - DIGITS - 1 : 0;
	char *fill = malloc(pad + 1);
	if (!fill)
		return -1;
	memset(fill, 'x', pad);
	fill[pad] = 0;
	int n = asprintf(out, "{\"m2m:cin\":{\"con\":\"s" NUMBER "%s\"%s%s}}", fill, o->more ? "," : "", o->more ? o->more : "");
	free(fill);
	return n;
}

int bench_text_make(struct bench_text *t, const struct bench_opts *o, enum bench_op op)
{
	const struct op_row *row = &rows[op];
	char *body = NULL, *text = NULL;
	char length[128] = "", cnt[32] = "";
	int body_n = 0;
	if (row->container)
		snprintf(cnt, sizeof cnt, "/c" NUMBER);
	if (row->body) {
		body_n = make_body(&body, o, op);
		if (body_n < 0)
			return -1;
		snprintf(length, sizeof length, "Content-Type: application/json%s\r\nContent-Length: %d\r\n", row->type, body_n);
	}
	int n = asprintf(&text, "%s /%s%s%s HTTP/1.1\r\nHost: %s:%s\r\nX-M2M-Origin: %s\r\nX-M2M-RI: r" NUMBER "\r\n"
	                 "X-M2M-RVI: 3\r\nAccept: application/json\r\n%s\r\n%s", row->method, o->base, cnt, row->suffix,
	                 o->host, o->port, o->originator, length, body ? body : "");
	free(body);
	if (n < 0)
		return -1;
	t->text = text;
	t->n = (size_t)n;
	t->at_rqi = find(text, "X-M2M-RI: r", strlen("X-M2M-RI: r"));
	t->at_cnt = row->container ? find(text, "/c" NUMBER, 2) : find(text, "\"rn\":\"c" NUMBER, strlen("\"rn\":\"c"));
	t->at_con = find(text, "\"con\":\"s" NUMBER, strlen("\"con\":\"s"));
	return 0;
}

void bench_text_fill(struct bench_text *t, uint64_t rqi, unsigned cnt)
{
	put_number(t->text + t->at_rqi, rqi);
	if (t->at_cnt)
		put_number(t->text + t->at_cnt, cnt);
	if (t->at_con)
		put_number(t->text + t->at_con, rqi);
}

void bench_text_free(struct bench_text *t)
{
	free(t->text);
	memset(t, 0, sizeof *t);
}
