/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment codes as text, and what both ends derive from their secret (security-model 2.1). */
#include "security/code.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <stdio.h>

#include "cse/base/err.h"
#include "cse/base/rand.h"

enum { BITS = 130, DATA = 26, CHECKS = 2, GROUP = 4, INFO_MAX = 512, LAST_BITS = 0xc0 };

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
static const char salt[] = "troth-enrol-1";

/* --- text ---------------------------------------------------------------------------------------------------------- */

void code_make(struct rnd *rnd, struct code *out)
{
	rnd_bytes(rnd, out->secret, sizeof(out->secret));
	out->secret[CODE_SECRET - 1] &= LAST_BITS;
}

void code_wipe(struct code *c)
{
	OPENSSL_cleanse(c, sizeof(*c));
}

/* GF(32) with x^5 + x^2 + 1. */
static unsigned gf_times(unsigned a, unsigned b)
{
	unsigned sum = 0;

	for (; b; b >>= 1) {
		if (b & 1)
			sum ^= a;
		a = a << 1 ^ (a & 16 ? 0x25 : 0);
	}
	return sum;
}

/* A Reed-Solomon code of distance 3, generator (x - 2)(x - 4): any one or two wrong characters are noticed, and so is every
 * exchange of two.  It begins at 1, so that a row of A is no code. */
static void checksum(const unsigned char v[DATA], unsigned char out[CHECKS])
{
	unsigned high = 1, low = 1;

	for (size_t i = 0; i < DATA; i++) {
		unsigned f = v[i] ^ high;

		high = low ^ gf_times(f, 6);
		low = gf_times(f, 8);
	}
	out[0] = (unsigned char)high;
	out[1] = (unsigned char)low;
}

static void to_symbols(const struct code *c, unsigned char v[DATA])
{
	for (size_t i = 0; i < DATA; i++) {
		size_t bit = 5 * i, at = bit / 8;
		unsigned two = (unsigned)c->secret[at] << 8 | (at + 1 < CODE_SECRET ? c->secret[at + 1] : 0u);

		v[i] = (unsigned char)(two >> (11 - bit % 8) & 31);
	}
}

static void of_symbols(const unsigned char v[DATA], struct code *c)
{
	memset(c, 0, sizeof(*c));
	for (size_t bit = 0; bit < BITS; bit++)
		if (v[bit / 5] >> (4 - bit % 5) & 1)
			c->secret[bit / 8] |= (unsigned char)(0x80 >> bit % 8);
}

void code_format(const struct code *c, char out[CODE_TEXT + 1])
{
	unsigned char v[DATA + CHECKS];
	char *p = out;

	to_symbols(c, v);
	checksum(v, v + DATA);
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		if (i > 0 && i % GROUP == 0)
			*p++ = '-';
		*p++ = alphabet[v[i]];
	}
	*p = 0;
	REQUIRE(p - out == CODE_TEXT);
	OPENSSL_cleanse(v, sizeof(v));
}

static int symbol(char c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= '2' && c <= '7')
		return c - '2' + 26;
	/* Misread, but for one letter only. */
	return c == '0' ? 'O' - 'A' : c == '1' ? 'I' - 'A' : c == '8' ? 'B' - 'A' : -1;
}

int code_parse(struct str text, struct code *out, struct why *why)
{
	unsigned char v[DATA + CHECKS], want[CHECKS];
	size_t n = 0;
	int err = E_SYNTAX;

	if (text.n > 4 * CODE_TEXT)
		goto out;
	for (size_t i = 0; i < text.n; i++) {
		int s = symbol(text.p[i]);

		if (text.p[i] == '-' || text.p[i] == ' ' || text.p[i] == '\t')
			continue;
		if (s < 0 || n == ARRAY_LEN(v))
			goto out;
		v[n++] = (unsigned char)s;
	}
	if (n != ARRAY_LEN(v))
		goto out;
	checksum(v, want);
	if (memcmp(want, v + DATA, CHECKS) != 0) {
		why_set(why, RSC_BAD_REQUEST, "the enrolment code is mistyped: its last two characters do not agree with the others");
		goto wipe;
	}
	of_symbols(v, out);
	err = 0;
out:
	if (err)
		why_set(why, RSC_BAD_REQUEST, "an enrolment code has %d letters and digits (A to Z, 2 to 7), hyphens do not count",
		        CODE_CHARS);
wipe:
	OPENSSL_cleanse(v, sizeof(v));
	return err;
}

/* --- what is derived ------------------------------------------------------------------------------------------------- */

/* HKDF (RFC 5869) with SHA-384. */
static int derive(const struct code *c, const char *info, size_t info_n, unsigned char *out, size_t n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
	int err = ctx && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha384()) == 1 &&
	                          EVP_PKEY_CTX_set1_hkdf_salt(ctx, (const unsigned char *)salt, sizeof(salt) - 1) == 1 &&
	                          EVP_PKEY_CTX_set1_hkdf_key(ctx, c->secret, CODE_SECRET) == 1 &&
	                          EVP_PKEY_CTX_add1_hkdf_info(ctx, (const unsigned char *)info, (int)info_n) == 1 &&
	                          EVP_PKEY_derive(ctx, out, &n) == 1
	                  ? 0
	                  : E_CRYPTO;

	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return err;
}

int code_handle(const struct code *c, char out[CODE_HANDLE + 1])
{
	unsigned char raw[CODE_HANDLE / 2];
	int err = derive(c, "handle", 6, raw, sizeof(raw));

	for (size_t i = 0; err == 0 && i < sizeof(raw); i++)
		snprintf(out + 2 * i, 3, "%02x", raw[i]);
	return err;
}

int code_psk(const struct code *c, struct str role, struct str cse_id, unsigned char psk[CODE_PSK])
{
	char handle[CODE_HANDLE + 1], info[INFO_MAX];
	int err = code_handle(c, handle), n;

	if (err)
		return err;
	/* None of the three holds a blank, so that no two triples give one text. */
	n = snprintf(info, sizeof(info), "psk %.*s %.*s %s", STR_ARG(role), STR_ARG(cse_id), handle);
	if (n < 0 || (size_t)n >= sizeof(info))
		return E_LIMIT;
	return derive(c, info, (size_t)n, psk, CODE_PSK);
}

/* --- the offer ------------------------------------------------------------------------------------------------------- */

static const char scheme[] = "troth-enrol://";

static bool is_unreserved(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
		      c == '~'))
			return false;
	}
	return s.n > 0;
}

static bool is_ip6(struct str s)
{
	bool colon = false;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		colon |= c == ':';
		if (!((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == ':' || c == '.'))
			return false;
	}
	return colon;
}

static bool read_authority(struct str s, struct code_offer *o)
{
	struct str host, port;
	size_t end = s.n;
	uint64_t v;
	bool ip6;

	while (end > 0 && s.p[end - 1] != ':')
		end--;
	if (end < 2)
		return false;
	port = str_from(s, end);
	host = str_first(s, end - 1);
	ip6 = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
	if (ip6)
		host = str_make(host.p + 1, host.n - 2);
	if (host.n >= sizeof(o->host) || !(ip6 ? is_ip6(host) : is_unreserved(host)) || port.n == 0 || port.n > 5 ||
	    str_u64(port, &v) != 0 || v == 0 || v > 65535)
		return false;
	memcpy(o->host, host.p, host.n);
	o->host[host.n] = 0;
	o->port = (unsigned)v;
	return true;
}

static bool read_cse(struct str s, struct code_offer *o)
{
	if (s.n + 1 >= sizeof(o->cse_id) || !is_unreserved(s))
		return false;
	o->cse_id[0] = '/';
	memcpy(o->cse_id + 1, s.p, s.n);
	o->cse_id[1 + s.n] = 0;
	return true;
}

int code_offer_parse(struct str text, struct code_offer *io, struct why *why)
{
	struct code_offer o = *io;
	struct str authority, cse;
	bool more;
	int err;

	text = str_trim(text);
	while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
		text = str_trim(str_first(text, text.n - 1));
	if (str_starts(text, str_make(scheme, sizeof(scheme) - 1))) {
		text = str_from(text, sizeof(scheme) - 1);
		authority = str_cut(&text, '/', &more);
		cse = more ? str_cut(&text, '#', &more) : STR_NONE;
		if (!more || !read_authority(authority, &o) || !read_cse(cse, &o)) {
			why_set(why, RSC_BAD_REQUEST, "an enrolment URL is troth-enrol://HOST:PORT/CSE-ID#CODE");
			return E_SYNTAX;
		}
	}
	err = code_parse(text, &o.code, why);
	if (err == 0)
		*io = o;
	code_wipe(&o.code);
	return err;
}

int code_offer_format(const struct code_offer *o, char out[CODE_URL])
{
	bool ip6 = strchr(o->host, ':') != NULL;
	char code[CODE_TEXT + 1];
	int n;

	code_format(&o->code, code);
	n = snprintf(out, CODE_URL, "%s%s%s%s:%u/%s#%s", scheme, ip6 ? "[" : "", o->host, ip6 ? "]" : "", o->port,
	             o->cse_id[0] == '/' ? o->cse_id + 1 : o->cse_id, code);
	OPENSSL_cleanse(code, sizeof(code));
	return n > 0 && n < CODE_URL ? 0 : E_LIMIT;
}
