/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP request as a request primitive, TS-0009 clause 6. */
#include "bindings/http_map.h"

static const struct str header_name[PARAM_COUNT] = {
#define PARAM(id, sn, ln, kind, list, header, query) [id] = { header, sizeof(header) - 1 },
#include "cse/model/param.def"
#undef PARAM
};

/* --- fields ------------------------------------------------------------------------------------------------------ */

/* TS-0009 6.4.19: tokens stand alone; 7.1: a Bearer token of OAuth.  Other schemes are none of ours. */
static bool is_tokens(struct str *value)
{
	size_t i = str_index(*value, ' ');

	if (i == value->n || i == 0 || value->p[i - 1] == '+' || value->p[i + 1] == '+')
		return true;
	if (!str_eq_nocase(str_first(*value, i), STR("bearer")))
		return false;
	*value = str_trim(str_from(*value, i));
	return true;
}

/* Elements of a list, which have no white space around them. */
static enum rsc read_list(struct prim *p, enum param id, struct str value, char sep)
{
	bool more = true;
	enum rsc rsc = RSC_NONE;

	while (more && rsc == RSC_NONE) {
		struct str item = str_trim(str_cut(&value, sep, &more));

		if (item.n == 0 || !str_is_utf8(item))
			rsc = prim_fail(p, RSC_BAD_REQUEST, "%s has an empty list element, or is no UTF-8", header_name[id].p);
		else if (id == P_RT) /* rt itself is in the query: 6.4.11 */
			strs_add(p->arena, &p->rt_nu, item);
		else
			rsc = prim_read(p, id, item);
	}
	return rsc;
}

enum rsc http_header_read(struct prim *p, struct str name, struct str value)
{
	enum rsc rsc;
	int id = 0;

	while (id < PARAM_COUNT && (header_name[id].n != name.n || !str_eq_nocase(header_name[id], name)))
		id++;
	/* A field without a value says nothing: some clients send an empty X-M2M-Origin to register. */
	if (id == PARAM_COUNT || value.n == 0 || (id == P_TKNS && !is_tokens(&value)))
		return RSC_NONE;
	if (id == P_RT)
		return read_list(p, P_RT, value, '&');
	if (param_row((enum param)id)->list)
		return read_list(p, (enum param)id, value, '+');
	rsc = prim_read(p, (enum param)id, value);
	/* A release that nobody knows is no Release 1: the refusal names ours. */
	if (id == P_RVI)
		p->has |= (uint32_t)1 << P_RVI;
	return rsc;
}

/* --- path -------------------------------------------------------------------------------------------------------- */

static bool has_escaped_slash(struct str s)
{
	for (size_t i = 0; i + 2 < s.n; i++)
		if (s.p[i] == '%' && s.p[i + 1] == '2' && (s.p[i + 2] | 0x20) == 'f')
			return true;
	return false;
}

enum rsc http_map_path(struct prim *p, struct str path)
{
	struct str s;

	if (has_escaped_slash(path))
		return prim_fail(p, RSC_BAD_REQUEST, "the path holds %%2F; a slash in a name is not possible");
	if (!http_unescape(p->arena, path, false, &s))
		return prim_fail(p, RSC_BAD_REQUEST, "the path holds bad percent-encoding or what is no UTF-8 text");
	if (str_starts(s, STR("/~/"))) {
		s = str_from(s, 2);
	} else if (str_starts(s, STR("/_/"))) {
		char *to = arena_alloc(p->arena, s.n - 1);

		to[0] = '/';
		memcpy(to + 1, s.p + 2, s.n - 2);
		s = str_make(to, s.n - 1);
	} else {
		/* Also the SP-relative and absolute forms as they are: "//cse/..." and "///sp/cse/...". */
		s = str_from(s, 1);
	}
	/* The table of 6.2.2.1 has an example with a slash at its end. */
	if (s.n > 1 && s.p[s.n - 1] == '/')
		s.n--;
	p->to = s;
	p->has |= (uint32_t)1 << P_TO;
	return RSC_NONE;
}

/* --- content ----------------------------------------------------------------------------------------------------- */

static enum rsc read_content(const struct http1 *h, const char *base, const struct codec_limits *lim, struct prim *p,
                             const struct http_content_type *ct)
{
	struct str body = http1_body(h, base);
	enum rsc rsc;

	p->raw = body;
	if (body.n == 0)
		return RSC_NONE;
	if (p->op == OP_RETRIEVE || p->op == OP_DELETE)
		return prim_fail(p, RSC_BAD_REQUEST, "a %s request must not have content%s", p->op == OP_DELETE ? "DELETE" : "GET",
		                 p->op == OP_DELETE ? "" : "; name single attributes with ?atrl=");
	if (ct->codec == NULL)
		return prim_fail(p, RSC_UNSUPPORTED_MEDIA_TYPE,
		                 "Content-Type must be application/json or application/vnd.onem2m-res+json (UTF-8)");
	rsc = ct->codec->decode_content(p->arena, body, lim, &p->pc, &p->why);
	if (rsc != RSC_NONE)
		return rsc;
	p->has |= (uint32_t)1 << P_PC;
	if (p->op == OP_NOTIFY && p->pc.kind == PC_RES)
		return prim_fail(p, RSC_BAD_REQUEST,
		                 "the content is a resource but Content-Type has no ty; a CREATE needs e.g. application/json;ty=3");
	return RSC_NONE;
}

static enum rsc read_content_type(struct prim *p, const struct http1 *h, struct str value, bool again,
                                  struct http_content_type *ct)
{
	if (again)
		return prim_fail(p, RSC_BAD_REQUEST, "Content-Type is given twice");
	if (http_content_type(value, ct))
		return RSC_NONE;
	/* Without content it says nothing. */
	if (h->body_n == 0 && (p->op == OP_RETRIEVE || p->op == OP_DELETE))
		return RSC_NONE;
	return prim_fail(p, RSC_BAD_REQUEST, "Content-Type is not well formed; write e.g. application/json;ty=3");
}

static enum rsc read_fields(const struct http1 *h, const char *base, struct prim *p, struct http_content_type *ct,
                            struct http_accept *accept)
{
	enum rsc first = RSC_NONE;
	bool typed = false;

	/* All of them, whatever is wrong with one: the answer carries the request's identifier. */
	for (unsigned i = 0; i < h->n_fields; i++) {
		struct str name = http1_str(base, h->fields[i].name), value = http1_str(base, h->fields[i].value);
		enum rsc rsc = RSC_NONE;

		switch (name.p[0] | 0x20) {
		case 'x':
			rsc = http_header_read(p, name, value);
			break;
		case 'a':
			if (str_eq_nocase(name, STR("accept")))
				http_accept_add(accept, value);
			else if (str_eq_nocase(name, STR("authorization")))
				rsc = http_header_read(p, name, value);
			break;
		case 'c':
			if (!str_eq_nocase(name, STR("content-type")))
				break;
			rsc = read_content_type(p, h, value, typed, ct);
			typed = true;
			break;
		default:
			break;
		}
		if (first == RSC_NONE)
			first = rsc;
	}
	return first;
}

static enum rsc read_target(const struct http1 *h, const char *base, struct prim *p)
{
	enum rsc rsc = http_map_path(p, http1_str(base, h->path));

	if (rsc == RSC_NONE && h->has_query)
		rsc = http_query_read(p, http1_str(base, h->query));
	/* 6.2.2.2 calls it the fragment component, its examples use the query: both are understood. */
	if (rsc == RSC_NONE && h->has_fragment)
		rsc = http_query_atrl(p, http1_str(base, h->fragment));
	return rsc;
}

enum rsc http_map_request(const struct http1 *h, const char *base, const struct codec_limits *lim, struct prim *p,
                          struct http_wish *wish)
{
	struct http_content_type ct = { .codec = NULL };
	struct http_accept accept;
	enum rsc rsc;

	p->op = h->method == HTTP1_POST  ? OP_NOTIFY
	        : h->method == HTTP1_GET ? OP_RETRIEVE
	        : h->method == HTTP1_PUT ? OP_UPDATE
	                                 : OP_DELETE;
	http_accept_init(&accept);
	wish->codec = &codec_json;
	rsc = read_fields(h, base, p, &ct, &accept);
	if (ct.has_ty && (p->op == OP_NOTIFY || p->op == OP_UPDATE)) {
		if (p->op == OP_NOTIFY)
			p->op = OP_CREATE;
		p->ty = ct.ty;
		p->has |= (uint32_t)1 << P_TY;
	}
	p->has |= (uint32_t)1 << P_OP;
	if (rsc == RSC_NONE)
		rsc = read_target(h, base, p);
	if (rsc == RSC_NONE && !http_accept_choose(&accept, wish))
		rsc = prim_fail(p, RSC_NOT_ACCEPTABLE,
		                "Accept must allow application/json or application/vnd.onem2m-res+json");
	return rsc != RSC_NONE ? rsc : read_content(h, base, lim, p, &ct);
}
