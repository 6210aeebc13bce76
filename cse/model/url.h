/* SPDX-License-Identifier: Apache-2.0 */
/* URLs of points of access and notification targets (RFC 3986), read strictly: what two readers could understand in two ways
 * is none. */
#ifndef MODEL_URL_H
#define MODEL_URL_H

#include "cse/base/str.h"
#include "cse/model/rsc.h"

enum { URL_MAX_BYTES = 2048 };

enum url_scheme {
	URL_HTTPS, URL_WSS, URL_COAPS, URL_COAPS_TCP, URL_MQTTS,
	URL_SECURE_END,
	URL_HTTP = URL_SECURE_END, URL_WS, URL_COAP, URL_COAP_TCP, URL_MQTT,
	URL_SCHEMES
};

/* Slices of the text that was read. */
struct url {
	enum url_scheme scheme;
	struct str host;  /* a name, an IPv4 address, or an IPv6 address without its brackets */
	bool ip6;         /* ... which it is */
	uint16_t port;    /* given or the scheme's */
	struct str path;  /* "/..." with its query; empty when none is given */
};

/* Does the text begin as a URL does ("scheme://")?  Otherwise it is a resource identifier. */
bool url_is(struct str s);
/* RSC_NONE or BAD_REQUEST: no known scheme, user information, a fragment, characters that belong percent-encoded. */
enum rsc url_parse(struct str s, struct url *out, struct why *w);
/* Does the text name a scheme without encryption, whatever stands behind it? */
bool url_names_plaintext(struct str s);
static inline bool url_is_plaintext(const struct url *u) { return u->scheme >= URL_SECURE_END; }
/* "https" */
struct str url_scheme_name(enum url_scheme s);
/* Same scheme, host (without case) and port. */
bool url_same_authority(const struct url *a, const struct url *b);

#endif
