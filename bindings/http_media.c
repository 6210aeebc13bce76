/* SPDX-License-Identifier: Apache-2.0 */
/* Media types: Content-Type with its ty (TS-0009 6.4.3) and Accept (RFC 9110 12.5.1). */
#include "bindings/http_map.h"

enum { MEDIA_MAX = 64, Q_MAX = 1000 };

/* One parameter ";name=value" off the front of *rest.  1: got one, 0: the end, -1: not well formed. */
static int next_parameter(struct str *rest, struct str *name, struct str *value)
{
	struct str s = str_trim(*rest);
	size_t i = 0, from;

	if (s.n == 0)
		return 0;
	if (s.p[0] != ';')
		return -1;
	s = str_trim(str_from(s, 1));
	if (s.n == 0 || s.p[0] == ';') {
		*rest = s;
		*name = *value = STR_NONE;
		return 1;
	}
	i = str_index(s, '=');
	*name = str_first(s, i);
	if (i == s.n || !http1_is_token(*name))
		return -1;
	from = ++i;
	if (i < s.n && s.p[i] == '"') {
		for (from = ++i; i < s.n && s.p[i] != '"' && s.p[i] != '\\';)
			i++;
		if (i == s.n || s.p[i] != '"')
			return -1;
		*value = str_make(s.p + from, i - from);
		i++;
	} else {
		while (i < s.n && s.p[i] != ';' && s.p[i] != ' ' && s.p[i] != '\t')
			i++;
		*value = str_make(s.p + from, i - from);
		if (!http1_is_token(*value))
			return -1;
	}
	*rest = str_from(s, i);
	return 1;
}

static struct str lower(struct str s, char out[MEDIA_MAX])
{
	if (s.n > MEDIA_MAX)
		return STR_NONE;
	for (size_t i = 0; i < s.n; i++)
		out[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + 32) : s.p[i];
	return str_make(out, s.n);
}

bool http_content_type(struct str value, struct http_content_type *out)
{
	struct http_content_type ct = { .codec = NULL };
	struct str media = str_trim(str_first(value, str_index(value, ';'))), rest, name, v;
	char text[MEDIA_MAX];
	bool utf8 = true;
	size_t slash = str_index(media, '/');
	int r;

	if (!http1_is_token(str_first(media, slash)) || !http1_is_token(str_from(media, slash + 1)))
		return false;
	rest = str_from(value, str_index(value, ';'));
	while ((r = next_parameter(&rest, &name, &v)) == 1) {
		if (str_eq_nocase(name, STR("ty"))) {
			if (ct.has_ty || str_u64(v, &ct.ty) != 0)
				return false;
			ct.has_ty = true;
		} else if (str_eq_nocase(name, STR("charset")) && !str_eq_nocase(v, STR("utf-8"))) {
			utf8 = false;
		}
	}
	if (r < 0)
		return false;
	if (utf8)
		ct.codec = codec_by_media(lower(media, text));
	*out = ct;
	return true;
}

/* --- Accept ------------------------------------------------------------------------------------------------------ */

void http_accept_init(struct http_accept *a)
{
	*a = (struct http_accept){ .json = -1, .res = -1, .app = -1, .any = -1 };
}

/* qvalue: "0", "1", "0.5", at most three digits behind the point; in thousandths, -1: not well formed. */
static int quality(struct str s)
{
	int q, unit = 100;

	if (s.n == 0 || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1') || (s.n > 1 && s.p[1] != '.'))
		return -1;
	q = (s.p[0] - '0') * Q_MAX;
	for (size_t i = 2; i < s.n; i++, unit /= 10) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		q += (s.p[i] - '0') * unit;
	}
	return q <= Q_MAX ? q : -1;
}

static void accept_one(struct http_accept *a, struct str element)
{
	struct str media = str_trim(str_first(element, str_index(element, ';')));
	struct str rest = str_from(element, str_index(element, ';')), name, v;
	int q = Q_MAX, r, *to = NULL;

	while ((r = next_parameter(&rest, &name, &v)) == 1)
		if (str_eq_nocase(name, STR("q")))
			q = quality(v);
	if (r < 0 || q < 0)
		return;
	if (str_eq_nocase(media, STR("application/json")))
		to = &a->json;
	else if (str_eq_nocase(media, STR("application/vnd.onem2m-res+json")))
		to = &a->res;
	else if (str_eq_nocase(media, STR("application/*")))
		to = &a->app;
	else if (str_eq_nocase(media, STR("*/*")))
		to = &a->any;
	if (to != NULL && q > *to)
		*to = q;
}

void http_accept_add(struct http_accept *a, struct str value)
{
	bool more = true;

	while (more) {
		struct str element = str_trim(str_cut(&value, ',', &more));

		if (element.n == 0)
			continue;
		a->given = true;
		accept_one(a, element);
	}
}

bool http_accept_choose(const struct http_accept *a, struct http_wish *wish)
{
	/* The most specific range decides. */
	int rest = a->app >= 0 ? a->app : a->any;
	int json = a->json >= 0 ? a->json : rest, res = a->res >= 0 ? a->res : rest;

	wish->codec = &codec_json;
	wish->res = false;
	if (!a->given)
		return true;
	wish->res = res > json;
	return json > 0 || res > 0;
}
