/* SPDX-License-Identifier: Apache-2.0 */
/* Reads URLs: scheme, host, port, path; nothing else is accepted. */
#include "cse/model/url.h"

static const struct {
	const char *name;
	uint16_t port;
} schemes[URL_SCHEMES] = {
	[URL_HTTPS] = { "https", 443 },          [URL_WSS] = { "wss", 443 },     [URL_COAPS] = { "coaps", 5684 },
	[URL_COAPS_TCP] = { "coaps+tcp", 5684 }, [URL_MQTTS] = { "mqtts", 8883 }, [URL_HTTP] = { "http", 80 },
	[URL_WS] = { "ws", 80 },                 [URL_COAP] = { "coap", 5683 },  [URL_COAP_TCP] = { "coap+tcp", 5683 },
	[URL_MQTT] = { "mqtt", 1883 },
};

struct str url_scheme_name(enum url_scheme s)
{
	return str_of(schemes[s].name);
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Length of "scheme" when "://" follows it, else 0.  RFC 3986 3.1. */
static size_t scheme_length(struct str s)
{
	size_t n = 0;

	while (n < s.n && (is_alpha(s.p[n]) || (n > 0 && (is_digit(s.p[n]) || s.p[n] == '+' || s.p[n] == '-' || s.p[n] == '.'))))
		n++;
	return n > 0 && str_starts(str_from(s, n), STR("://")) ? n : 0;
}

bool url_is(struct str s)
{
	return scheme_length(s) > 0;
}

static bool take_scheme(struct str name, enum url_scheme *out)
{
	for (int i = 0; i < URL_SCHEMES; i++) {
		if (str_eq_nocase(name, str_of(schemes[i].name))) {
			*out = (enum url_scheme)i;
			return true;
		}
	}
	return false;
}

bool url_names_plaintext(struct str s)
{
	enum url_scheme scheme;

	return take_scheme(str_first(s, str_index(s, ':')), &scheme) && scheme >= URL_SECURE_END && str_index(s, ':') < s.n;
}

/* Letters, digits, '-', '.' and '_' only: no percent-encoding, no sub-delimiters.  Of an IPv6 address: hexadecimal digits,
 * ':' and '.', no zone. */
static bool host_is_plain(struct str host, bool ip6)
{
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];
		bool hex = is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

		if (ip6 ? !(hex || c == ':' || c == '.') : !(is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_'))
			return false;
	}
	return host.n > 0 && host.n <= 253;
}

static bool take_authority(struct str a, struct url *u)
{
	uint64_t port;
	size_t end;

	u->ip6 = a.n > 0 && a.p[0] == '[';
	end = str_index(a, u->ip6 ? ']' : ':');
	if (u->ip6 && end == a.n)
		return false;
	u->host = str_make(a.p + u->ip6, end - u->ip6);
	a = str_from(a, end + u->ip6);
	if (!host_is_plain(u->host, u->ip6))
		return false;
	if (a.n == 0)
		return true;
	if (a.p[0] != ':' || a.n < 2 || a.n > 6 || str_u64(str_from(a, 1), &port) != 0 || port == 0 || port > 65535)
		return false;
	u->port = (uint16_t)port;
	return true;
}

/* pchar, '/' and '?' of RFC 3986 3.3, 3.4; percent signs with two hexadecimal digits. */
static bool path_is_plain(struct str p)
{
	for (size_t i = 0; i < p.n; i++) {
		unsigned char c = (unsigned char)p.p[i];

		if (c <= 0x20 || c >= 0x7f || memchr("\"<>\\^`{|}#", c, 10))
			return false;
		if (c == '%') {
			for (size_t k = 1; k <= 2; k++)
				if (i + k >= p.n || !(is_digit(p.p[i + k]) || ((p.p[i + k] | 32) >= 'a' && (p.p[i + k] | 32) <= 'f')))
					return false;
		}
	}
	return true;
}

enum rsc url_parse(struct str s, struct url *out, struct why *w)
{
	struct url u = { .path = STR_NONE };
	size_t n = scheme_length(s), end;

	if (s.n > URL_MAX_BYTES)
		return why_set(w, RSC_BAD_REQUEST, "a URL is longer than %d bytes", URL_MAX_BYTES);
	if (n == 0 || !take_scheme(str_first(s, n), &u.scheme))
		return why_set(w, RSC_BAD_REQUEST, "a URL must begin with a scheme of oneM2M, e.g. https://");
	s = str_from(s, n + 3);
	for (end = 0; end < s.n && s.p[end] != '/' && s.p[end] != '?' && s.p[end] != '#'; end++)
		;
	u.port = schemes[u.scheme].port;
	if (!take_authority(str_first(s, end), &u))
		return why_set(w, RSC_BAD_REQUEST, "the host of a URL must be a name or an address, with a port from 1 to 65535 or none");
	u.path = str_from(s, end);
	if (!path_is_plain(u.path))
		return why_set(w, RSC_BAD_REQUEST, "the path of a URL must be percent-encoded and without a fragment (#)");
	*out = u;
	return RSC_NONE;
}

bool url_same_authority(const struct url *a, const struct url *b)
{
	return a->scheme == b->scheme && a->port == b->port && a->ip6 == b->ip6 && str_eq_nocase(a->host, b->host);
}
