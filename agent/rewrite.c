/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the points of access in a message's text and puts others in their place. */
#include "agent/rewrite.h"

#include <arpa/inet.h>

#include "bindings/http_map.h"
#include "cse/base/err.h"
#include "cse/model/any.h"

/* What stands for the agent's own point of access in the book. */
static const char agent_url[] = "http://localhost/";

enum { DEPTH = 64, VALUES = 1 << 20, HOST_MAX = 64 };

/* Attributes that hold URLs (TS-0001 9.6.4, 9.6.5, 9.6.8; TS-0004 8.2.3), and what their tokens may be used for. */
static const struct {
	struct str name;
	enum book_kind kind;
} members[] = {
	{ { "poa", 3 }, BOOK_POA }, { { "nu", 2 }, BOOK_SUB }, { { "su", 2 }, BOOK_SUB }, { { "nfu", 3 }, BOOK_SUB },
};

/* --- where a URL leads ------------------------------------------------------------------------------------------------- */

/* An address of this machine that nobody else can reach. */
static bool take_host(const struct url *u, struct rewrite_place *out)
{
	static const unsigned char ip6_self[16] = { [15] = 1 };
	char text[HOST_MAX];

	if (u->host.n >= sizeof(text))
		return false;
	memcpy(text, u->host.p, u->host.n);
	text[u->host.n] = 0;
	out->ip6 = u->ip6;
	if (u->ip6)
		return inet_pton(AF_INET6, text, out->ip) == 1 && memcmp(out->ip, ip6_self, 16) == 0;
	out->by_name = str_eq_nocase(u->host, STR("localhost"));
	if (out->by_name)
		return inet_pton(AF_INET, "127.0.0.1", out->ip) == 1;
	return inet_pton(AF_INET, text, out->ip) == 1 && out->ip[0] == 127;
}

enum rsc rewrite_place(const struct rewrite *w, struct str url, struct rewrite_place *out, struct why *why)
{
	struct rewrite_place place = { .ip6 = false };
	struct url u;
	enum rsc rsc = url_parse(url, &u, why);

	if (rsc != RSC_NONE)
		return rsc;
	if (u.scheme != URL_HTTP)
		return why_set(why, RSC_BAD_REQUEST, "a point of access in clear text must be http://, which the agent speaks; not %.*s://",
		               STR_ARG(url_scheme_name(u.scheme)));
	if (!take_host(&u, &place))
		return why_set(why, RSC_BAD_REQUEST,
		               "a point of access in clear text must be on this machine: http://127.0.0.1, http://[::1] or http://localhost");
	for (unsigned i = 0; i < w->n_own_ports; i++)
		if (u.port == w->own_ports[i])
			return why_set(why, RSC_BAD_REQUEST, "port %u is the agent's own; a point of access must be a client's", u.port);
	place.port = u.port;
	place.host = u.host;
	place.path = u.path.n > 0 ? u.path : STR("/");
	*out = place;
	return RSC_NONE;
}

/* --- towards the CSE --------------------------------------------------------------------------------------------------- */

static enum rsc put_token(struct rewrite *w, enum book_kind kind, struct str url, struct buf *out, struct why *why)
{
	struct str token;

	if (book_token(w->book, kind, url, &token) != 0)
		return why_set(why, RSC_INTERNAL_SERVER_ERROR, "the agent cannot keep the point of access: its state folder cannot be written");
	BUF_LIT(out, "https://");
	buf_str(out, w->authority);
	buf_putc(out, '/');
	buf_str(out, token);
	return RSC_NONE;
}

/* What the CSE gets for a plaintext URL. */
static enum rsc replace(struct rewrite *w, enum book_kind kind, struct str url, struct buf *out, struct why *why)
{
	struct rewrite_place place;
	enum rsc rsc;

	rsc = rewrite_place(w, url, &place, why);
	if (rsc != RSC_NONE)
		return rsc;
	if (place.path.p[0] != '/')
		return why_set(why, RSC_BAD_REQUEST, "a point of access must have a path before its query: http://127.0.0.1:9000/?x");
	if (w->authority.n == 0)
		return why_set(why, RSC_BAD_REQUEST,
		               "this agent takes no notifications (agent.notify_listen is empty): leave the point of access out and use a polling channel");
	return put_token(w, kind, url, out, why);
}

/* A walk over content. */
struct pass {
	struct rewrite *w;
	struct any x;
	struct arena arena;
	bool has_arena;
	const char *copied; /* up to here the text is in `out` */
	const char *inside; /* behind the brace of an AE's attributes; NULL: another type */
	bool has_poa;
	struct buf *out;
	struct why *why;
	enum rsc rsc;
};

static bool take_char(struct pass *p, char c)
{
	any_blank(&p->x);
	if (p->x.p == p->x.end || *p->x.p != c)
		return false;
	p->x.p++;
	any_blank(&p->x);
	return true;
}

/* A string that may be a URL; p->x stands at its quote. */
static bool pass_string(struct pass *p, enum book_kind kind)
{
	const char *from = ++p->x.p;
	struct str inner;
	bool escaped;

	if (any_string(&p->x, &inner, &escaped) != 0)
		return false;
	if (escaped) {
		if (!p->has_arena)
			arena_init(&p->arena, 4096);
		p->has_arena = true;
		inner = any_unescape(&p->arena, inner);
	}
	if (!url_names_plaintext(inner))
		return true;
	buf_put(p->out, p->copied, (size_t)(from - p->copied));
	p->copied = p->x.p - 1;
	p->rsc = replace(p->w, kind, inner, p->out, p->why);
	return p->rsc == RSC_NONE;
}

/* The list of the agent's own point of access. */
static bool put_own(struct pass *p)
{
	BUF_LIT(p->out, "[\"");
	p->rsc = put_token(p->w, BOOK_AGENT, str_of(agent_url), p->out, p->why);
	BUF_LIT(p->out, "\"]");
	return p->rsc == RSC_NONE;
}

/* null or []: the AE's points of access are removed. */
static bool pass_removal(struct pass *p, const char *from)
{
	struct str raw = str_make(from, (size_t)(p->x.p - from));

	if (p->inside == NULL || p->w->authority.n == 0 || !(str_eqz(raw, "null") || str_eqz(raw, "[]")))
		return true;
	buf_put(p->out, p->copied, (size_t)(from - p->copied));
	p->copied = p->x.p;
	return put_own(p);
}

static bool pass_value(struct pass *p, enum book_kind kind)
{
	if (p->x.p < p->x.end && *p->x.p == '"')
		return pass_string(p, kind);
	if (p->x.p == p->x.end || *p->x.p != '[')
		return any_value(&p->x) == 0;
	p->x.p++;
	any_blank(&p->x);
	if (take_char(p, ']'))
		return true;
	do {
		any_blank(&p->x);
		if (!(p->x.p < p->x.end && *p->x.p == '"' ? pass_string(p, kind) : any_value(&p->x) == 0))
			return false;
	} while (take_char(p, ','));
	return take_char(p, ']');
}

/* The name of a member, p->x behind its colon. */
static bool pass_name(struct pass *p, struct str *name)
{
	bool escaped;

	any_blank(&p->x);
	if (p->x.p == p->x.end || *p->x.p++ != '"' || any_string(&p->x, name, &escaped) != 0)
		return false;
	return take_char(p, ':');
}

/* {"m2m:ae": {"poa": [...], ...}} */
static bool pass_resource(struct pass *p)
{
	struct str name;
	bool is_ae;

	if (!take_char(p, '{') || !pass_name(p, &name))
		return false;
	is_ae = str_eqz(name, "m2m:ae");
	if (!take_char(p, '{'))
		return false;
	p->inside = is_ae ? p->x.p : NULL;
	if (take_char(p, '}'))
		return true;
	do {
		const char *from;
		size_t i = 0;

		if (!pass_name(p, &name))
			return false;
		while (i < ARRAY_LEN(members) && !str_eq(members[i].name, name))
			i++;
		from = p->x.p;
		if (!(i < ARRAY_LEN(members) ? pass_value(p, members[i].kind) : any_value(&p->x) == 0))
			return false;
		if (i == 0) {
			p->has_poa = true;
			if (!pass_removal(p, from))
				return false;
		}
	} while (take_char(p, ','));
	return take_char(p, '}');
}

/* A new AE gives none. */
static void add_own(struct pass *p)
{
	buf_put(p->out, p->copied, (size_t)(p->inside - p->copied));
	p->copied = p->inside;
	BUF_LIT(p->out, "\"poa\":");
	put_own(p);
	if (*p->inside != '}')
		buf_putc(p->out, ',');
}

enum rsc rewrite_content(struct rewrite *w, struct str body, bool new_ae, struct buf *out, bool *changed, struct why *why)
{
	struct pass p = {
		.w = w, .x = { .p = body.p, .end = body.p + body.n, .depth = DEPTH, .values = VALUES },
		.copied = body.p, .out = out, .why = why,
	};
	size_t mark = out->n;
	bool good;

	*changed = false;
	if (body.n == 0)
		return RSC_NONE;
	good = pass_resource(&p);
	if (good && new_ae && p.inside && !p.has_poa && p.copied == body.p && w->authority.n > 0)
		add_own(&p);
	if (p.has_arena)
		arena_fini(&p.arena);
	if (p.rsc != RSC_NONE) {
		out->n = mark;
		return p.rsc;
	}
	if (p.copied == body.p)
		return RSC_NONE;
	buf_put(out, p.copied, (size_t)(body.p + body.n - p.copied));
	*changed = true;
	return out->over ? why_set(why, RSC_BAD_REQUEST, "the content is too large for the agent") : RSC_NONE;
}

enum rsc rewrite_rtu(struct rewrite *w, struct str value, struct buf *out, bool *changed, struct why *why)
{
	size_t mark = out->n;
	bool more = true;

	*changed = false;
	/* TS-0009 6.4.11: several are joined by '&', which a URL then has percent-encoded. */
	while (more) {
		struct str url = str_trim(str_cut(&value, '&', &more));
		bool plain = url_names_plaintext(url);
		enum rsc rsc = plain ? replace(w, BOOK_RTU, url, out, why) : RSC_NONE;

		if (rsc != RSC_NONE) {
			out->n = mark;
			*changed = false;
			return rsc;
		}
		if (!plain)
			buf_str(out, url);
		if (more)
			buf_putc(out, '&');
		*changed |= plain;
	}
	if (!*changed)
		out->n = mark;
	return RSC_NONE;
}

/* The token of a filter's value. */
static bool find_token(struct rewrite *w, struct arena *a, struct str name, struct str value, struct str *token)
{
	struct str url;
	size_t i = 0;

	while (i < ARRAY_LEN(members) && !str_eq(members[i].name, name))
		i++;
	return i < ARRAY_LEN(members) && http_unescape(a, value, true, &url) && url_names_plaintext(url) &&
	       book_find(w->book, members[i].kind, url, token);
}

void rewrite_query(struct rewrite *w, struct arena *a, struct str query, struct buf *out)
{
	bool more = true;

	while (more) {
		struct str pair = str_cut(&query, '&', &more), token;
		size_t equals = str_index(pair, '=');

		if (equals < pair.n && w->authority.n > 0 && find_token(w, a, str_first(pair, equals), str_from(pair, equals + 1), &token)) {
			buf_str(out, str_first(pair, equals + 1));
			BUF_LIT(out, "https://");
			buf_str(out, w->authority);
			buf_putc(out, '/');
			buf_str(out, token);
		} else {
			buf_str(out, pair);
		}
		if (more)
			buf_putc(out, '&');
	}
}

/* --- back -------------------------------------------------------------------------------------------------------------- */

/* Does "https://" stand before the authority at p, and "/token" behind it? */
static bool is_ours(struct rewrite *w, struct str text, const char *p, struct str *token)
{
	static const char scheme[] = "https://";
	size_t at = (size_t)(p - text.p), behind = at + w->authority.n;

	if (at < sizeof(scheme) - 1 || memcmp(p - (sizeof(scheme) - 1), scheme, sizeof(scheme) - 1) != 0)
		return false;
	if (text.n - behind < 1 + BOOK_TOKEN || text.p[behind] != '/')
		return false;
	*token = str_make(text.p + behind + 1, BOOK_TOKEN);
	return true;
}

/* "poa":["https://<agent>/<token>"] and one of the commas beside it; the token stands at `token`. */
static bool own_member(struct rewrite *w, struct str text, struct str token, size_t copied, size_t *from, size_t *until)
{
	static const char head[] = "\"poa\":[\"https://";
	size_t url = (size_t)(token.p - text.p) - w->authority.n - 1, end = (size_t)(token.p - text.p) + token.n;

	if (url < copied + sizeof(head) - 1 || memcmp(text.p + url - (sizeof(head) - 1), head, sizeof(head) - 1) != 0 ||
	    !str_starts(str_from(text, end), STR("\"]")))
		return false;
	*from = url - (sizeof(head) - 1);
	*until = end + 2;
	if (*from > copied && text.p[*from - 1] == ',')
		(*from)--;
	else if (*until < text.n && text.p[*until] == ',')
		(*until)++;
	return true;
}

bool rewrite_back(struct rewrite *w, struct str text, struct buf *out)
{
	size_t copied = 0, at = 0;
	const char *p;

	if (w->authority.n == 0)
		return false;
	while (at < text.n && (p = memmem(text.p + at, text.n - at, w->authority.p, w->authority.n)) != NULL) {
		struct str token, url;
		enum book_kind kind;
		size_t from, until;

		at = (size_t)(p - text.p) + w->authority.n;

		if (!is_ours(w, text, p, &token) || !book_url(w->book, token, &url, &kind))
			continue;
		if (kind == BOOK_AGENT) {
			if (!own_member(w, text, token, copied, &from, &until))
				continue;
			buf_put(out, text.p + copied, from - copied);
			copied = at = until;
			continue;
		}
		buf_put(out, text.p + copied, (size_t)(p - text.p) - (sizeof("https://") - 1) - copied);
		buf_str(out, url);
		copied = at = (size_t)(token.p - text.p) + BOOK_TOKEN;
	}
	if (copied == 0)
		return false;
	buf_str(out, str_from(text, copied));
	return true;
}
