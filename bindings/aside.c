/* SPDX-License-Identifier: Apache-2.0 */
/* Questions beside primitives: told from them, copied, answered. */
#include "bindings/aside.h"

#include <stdlib.h>

#include "bindings/http.h"

static bool is_path(const char *pattern, struct str path)
{
	size_t n = strlen(pattern);
	bool all = pattern[n - 1] == '/';

	return all ? path.n > n && memcmp(path.p, pattern, n) == 0 : str_eqz(path, pattern);
}

/* The second byte decides nearly always: this runs for every primitive. */
static const struct aside *find(const struct aside *list, struct str path)
{
	if (path.n < 2)
		return NULL;
	for (const struct aside *a = list; a != NULL; a = a->next)
		for (const char *const *p = a->paths; *p != NULL; p++)
			if ((*p)[1] == path.p[1] && is_path(*p, path))
				return a;
	return NULL;
}

static struct str keep(char **at, struct str s)
{
	char *p = *at;

	if (s.n)
		memcpy(p, s.p, s.n);
	*at += s.n;
	return str_make(p, s.n);
}

static struct str field(const struct http_exchange *x, const char *base, const char *name)
{
	return http1_field(&x->h, base, str_of(name), NULL);
}

static bool is_from_page(const struct http_exchange *x, const char *base)
{
	struct str site = field(x, base, "sec-fetch-site");

	return field(x, base, "origin").n > 0 || (site.n > 0 && !str_eqz(site, "none"));
}

static struct aside_ask *ask_new(struct http_conn *hc, const char *base)
{
	const struct http_exchange *x = hc->x;
	struct str path = http1_str(base, x->h.path), query = http1_str(base, x->h.query);
	struct str type = field(x, base, "content-type"), body = http1_body(&x->h, base);
	size_t size = sizeof(struct aside_ask) + path.n + query.n + type.n + body.n;
	struct aside_ask *q = malloc(size);

	REQUIRE(q != NULL);
	char *at = (char *)(q + 1);
	*q = (struct aside_ask){ .method = x->h.method,
		                 .path = keep(&at, path),
		                 .query = keep(&at, query),
		                 .content_type = keep(&at, type),
		                 .body = keep(&at, body),
		                 .from_page = is_from_page(x, base),
		                 .peer = hc->conn.peer ? peer_ref(hc->conn.peer) : NULL,
		                 .from = hc->conn.from,
		                 .loop = hc->conn.lane->loop,
		                 .ssl = hc->conn.ssl,
		                 .conn = hc,
		                 .size = size };
	return q;
}

static void ask_free(struct aside_ask *q)
{
	peer_unref(q->peer);
	explicit_bzero(q, q->size);
	free(q);
}

bool aside_may(const struct http_conn *hc)
{
	const struct http_exchange *x = hc->x;
	const char *base = x->in.p + x->used;
	const struct aside *a = find(http_lane_of(hc)->asides, http1_str(base, x->h.path));
	bool primitive;

	http1_field(&x->h, base, STR("x-m2m-ri"), &primitive);
	return a != NULL && a->limited && !primitive;
}

bool aside_take(struct http_conn *hc)
{
	const struct http_exchange *x = hc->x;
	const char *base = x->in.p + x->used;
	const struct aside *a = find(http_lane_of(hc)->asides, http1_str(base, x->h.path));
	bool primitive;

	if (a == NULL)
		return false;
	http1_field(&x->h, base, STR("x-m2m-ri"), &primitive);
	if (primitive)
		return false;
	struct aside_ask *q = ask_new(hc, base);
	hc->aside = q;
	hc->phase = HTTP_JUDGED;
	conn_pause(&hc->conn);
	a->ask(a->arg, q);
	return true;
}

void aside_lost(struct http_conn *hc)
{
	if (hc->aside)
		hc->aside->conn = NULL;
	hc->aside = NULL;
}

static void put(struct http_exchange *x, unsigned status, struct str type, struct str fields, struct str body)
{
	struct buf *out = &x->out;

	/* It may hold a code of enrolment. */
	x->wish.secret = true;
	buf_reset(out);
	x->from = 0;
	http1_put_status(out, status);
	if (body.n > 0)
		http1_put_field(out, STR("Content-Type"), type);
	http1_put_field(out, STR("Cache-Control"), STR("no-store"));
	buf_str(out, fields);
	if (x->wish.close)
		http1_put_field(out, STR("Connection"), STR("close"));
	http1_put_length(out, body.n);
	BUF_LIT(out, "\r\n");
	if (x->h.method != HTTP1_HEAD)
		buf_str(out, body);
}

void aside_answer(struct aside_ask *q, unsigned status, struct str type, struct str fields, struct str body)
{
	struct http_conn *hc = q->conn;

	ask_free(q);
	if (hc == NULL)
		return;
	CHECK(&hc->conn, CONN);
	hc->aside = NULL;
	put(hc->x, status, type, fields, body);
	if (hc->x->out.over) {
		hc->x->out.over = false;
		put(hc->x, 500, STR("text/plain"), STR_NONE, STR("the answer is larger than limits.reply_bytes\n"));
	}
	http_send(hc);
}
