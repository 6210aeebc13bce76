/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to local clients: the CSE's with their own URLs in it again, or the agent's own in the form that oneM2M clients read. */
#include "agent/door_priv.h"

#include "agent/identity.h"
#include "agent/peek.h"
#include "bindings/http_map.h"
#include "cse/base/err.h"
#include "cse/base/log.h"

static const struct str shown[] = {
	{ "content-type", 12 }, { "content-location", 16 }, { "cache-control", 13 }, { "allow", 5 }, { "etag", 4 }, { "retry-after", 11 },
};

static bool is_shown(struct str name)
{
	if (str_eq_nocase(str_first(name, 6), STR("x-m2m-")))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(shown); i++)
		if (str_eq_nocase(name, shown[i]))
			return true;
	return false;
}

static void put_common(struct door_conn *dc)
{
	struct buf *out = &dc->out;

	if (dc->closing)
		BUF_LIT(out, "Connection: close\r\n");
	if (dc->origin.n > 0) {
		http1_put_field(out, STR("Access-Control-Allow-Origin"), dc->origin);
		BUF_LIT(out, "Vary: Origin\r\nAccess-Control-Expose-Headers: X-M2M-RSC, X-M2M-RI, X-M2M-RVI, X-M2M-OT, X-M2M-RST, X-M2M-CTS, "
		             "X-M2M-CTO, Content-Location\r\n");
	}
}

/* What the CSE wrote, with tokens read again. */
static void put_back(struct door_conn *dc, struct str text)
{
	if (!rewrite_back(&dc->door->rewrite, text, &dc->out))
		buf_str(&dc->out, text);
}

void door_answer_put(struct door_conn *dc, const struct http1 *h, const char *base)
{
	struct buf *out = &dc->out;
	struct str body = http1_body(h, base);
	struct buf *told = &dc->ask;

	buf_reset(out);
	http1_put_status(out, h->status);
	for (unsigned i = 0; i < h->n_fields; i++) {
		struct str name = http1_str(base, h->fields[i].name);

		if (!is_shown(name))
			continue;
		buf_str(out, name);
		BUF_LIT(out, ": ");
		if (dc->renamed && str_eq_nocase(name, STR("x-m2m-ri")))
			buf_str(out, dc->rqi);
		else
			put_back(dc, http1_str(base, h->fields[i].value));
		BUF_LIT(out, "\r\n");
	}
	put_common(dc);
	/* The request has left: its room is free. */
	buf_reset(told);
	if (rewrite_back(&dc->door->rewrite, body, told))
		body = buf_as_str(told);
	http1_put_length(out, body.n);
	BUF_LIT(out, "\r\n");
	buf_str(out, body);
}

/* Sentences are ours, and may quote. */
static void put_json_text(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_putc(out, '\\');
		if ((unsigned char)*text >= ' ')
			buf_putc(out, *text);
	}
}

void door_answer_refuse(struct door_conn *dc, enum rsc rsc, const char *text)
{
	struct buf *out = &dc->out, *body = &dc->ask;
	char rqi[256];
	size_t n = dc->rqi.n < sizeof(rqi) ? dc->rqi.n : 0;

	/* It may lie in the room that is used for the content now. */
	memcpy(rqi, dc->rqi.n ? dc->rqi.p : "", n);
	buf_reset(out);
	buf_reset(body);
	BUF_LIT(body, "{\"m2m:dbg\":\"");
	put_json_text(body, text ? text : "");
	BUF_LIT(body, "\"}");
	http1_put_status(out, rsc_http(rsc));
	BUF_LIT(out, "X-M2M-RSC: ");
	buf_u64(out, (uint64_t)rsc);
	BUF_LIT(out, "\r\n");
	if (n > 0)
		http1_put_field(out, STR("X-M2M-RI"), str_make(rqi, n));
	BUF_LIT(out, "Content-Type: application/json\r\nCache-Control: no-store\r\n");
	put_common(dc);
	http1_put_length(out, body->n);
	BUF_LIT(out, "\r\n");
	buf_str(out, buf_as_str(body));
}

void door_answer_plain(struct door_conn *dc, unsigned status, const char *text)
{
	struct http_wish wish = { .close = dc->closing };

	buf_reset(&dc->out);
	http_map_plain(&dc->out, status, str_of(text), status == 405 ? STR("GET, POST, PUT, DELETE") : STR_NONE, &wish,
	               dc->h.method == HTTP1_HEAD);
}

void door_answer_preflight(struct door_conn *dc)
{
	struct http_wish wish = { .close = dc->closing, .origin = dc->origin };

	buf_reset(&dc->out);
	http_map_preflight(&dc->out, &wish);
}

/* --- what is learned --------------------------------------------------------------------------------------------------- */

/* The path of Content-Location as an address. */
static struct str location(const struct http1 *h, const char *base)
{
	struct str s = http1_field(h, base, STR("content-location"), NULL);

	if (str_starts(s, STR("/~/")))
		return str_from(s, 2);
	return str_from(s, 1);
}

static void keep_sub(struct door_conn *dc, struct str address)
{
	struct agent *a = dc->door->agent;

	if (address.n > 0 && book_add_sub(a->book, address, identity_cse(a->identity)) != 0)
		log_write(a->log, LOG_STORE_FAILED, "a subscription of a local client cannot be kept; its notifications are refused after a restart");
}

/* Under every address that the CSE may call it by: TS-0004 7.5.1.2.2. */
static void learn_sub(struct door_conn *dc, const struct http1 *h, const char *base)
{
	static const char *const ri[] = { "m2m:sub", "ri", NULL }, *const rn[] = { "m2m:sub", "rn", NULL };
	struct str body = http1_body(h, base), s, to = dc->to;
	struct str cse, sent = dc->carriage.body;
	bool of_cse = to.n == 0 || to.p[0] != '/';
	char room[BOOK_LINE];
	struct buf path = { .p = room, .cap = sizeof(room), .max = sizeof(room) };

	keep_sub(dc, location(h, base));
	if (peek_string(body, ri, &s)) {
		/* A resource of another CSE is named by its own identifier there. */
		if (!of_cse) {
			bool more;
			struct str rest = str_from(to, 1);

			cse = str_cut(&rest, '/', &more);
			buf_putc(&path, '/');
			buf_str(&path, cse);
			buf_putc(&path, '/');
		}
		buf_str(&path, s);
		keep_sub(dc, path.over ? STR_NONE : buf_as_str(&path));
	}
	if (peek_string(body, rn, &s) || peek_string(sent, rn, &s)) {
		path.n = 0;
		path.over = false;
		buf_str(&path, to);
		buf_putc(&path, '/');
		buf_str(&path, s);
		keep_sub(dc, path.over ? STR_NONE : buf_as_str(&path));
	}
}

/* The name that the CSE gave, as the answer has it, or the one that was asked for when it has none (TS-0001 8.1.2, rcn). */
static void learn_name(struct door_conn *dc, const struct http1 *h, const char *base)
{
	static const char *const aei[] = { "m2m:ae", "aei", NULL }, *const inside[] = { "m2m:rce", "m2m:ae", "aei", NULL };
	struct agent *a = dc->door->agent;
	struct str body = http1_body(h, base), s;

	if (!peek_string(body, aei, &s) && !peek_string(body, inside, &s)) {
		s = http1_field(&dc->h, door_message(dc), STR("x-m2m-origin"), NULL);
		if (s.n <= 1 || s.p[0] == '/')
			return;
	}
	if (book_add_name(a->book, s) != 0)
		log_write(a->log, LOG_STORE_FAILED, "a name that the CSE gave cannot be kept");
}

void door_answer_learn(struct door_conn *dc, const struct http1 *h, const char *base)
{
	struct agent *a = dc->door->agent;
	struct str rsc = http1_field(h, base, STR("x-m2m-rsc"), NULL);

	if (dc->op == OP_CREATE && str_eqz(rsc, "2001")) {
		if (dc->ty == TY_SUB)
			learn_sub(dc, h, base);
		else if (dc->ty == TY_AE)
			learn_name(dc, h, base);
	} else if (dc->op == OP_DELETE && str_eqz(rsc, "2002")) {
		book_remove_sub(a->book, dc->to, identity_cse(a->identity));
	}
}
