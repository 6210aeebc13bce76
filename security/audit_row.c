/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the event table: bytes, chain, JSON. */
#include "security/audit_row.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "cse/base/err.h"
#include "cse/model/stamp.h"
#include "security/pack.h"

enum { FORMAT = 1, HAS_WHO = 1, HAS_SOURCE = 2 };

static void chain(const unsigned char prev[AUDIT_HASH], struct str body, unsigned char out[AUDIT_HASH])
{
	unsigned char text[AUDIT_HASH + AUDIT_ROW_MAX];

	REQUIRE(body.n <= AUDIT_ROW_MAX);
	memcpy(text, prev, AUDIT_HASH);
	memcpy(text + AUDIT_HASH, body.p, body.n);
	SHA256(text, AUDIT_HASH + body.n, out);
}

void audit_row_pack(const struct audit_row *r, unsigned char prev[AUDIT_HASH], struct buf *out)
{
	unsigned char hash[AUDIT_HASH];

	buf_reset(out);
	buf_put(out, prev, AUDIT_HASH);
	pack_uint(out, FORMAT, 1);
	pack_uint(out, (r->has_who ? HAS_WHO : 0) | (r->has_source ? HAS_SOURCE : 0), 1);
	pack_uint(out, (uint64_t)r->time_us, 8);
	pack_uint(out, r->n, 4);
	pack_text(out, r->event);
	pack_text(out, r->cred);
	if (r->has_who)
		pack_uint(out, r->who, 8);
	if (r->has_source)
		pack_uint(out, r->source, 8);
	pack_text(out, r->detail);
	REQUIRE(!out->over);
	chain(prev, str_from(buf_as_str(out), AUDIT_HASH), hash);
	memcpy(out->p, hash, AUDIT_HASH);
	memcpy(prev, hash, AUDIT_HASH);
}

int audit_row_unpack(struct str in, unsigned char prev[AUDIT_HASH], bool check, struct audit_row *out)
{
	struct unpack r = { .in = str_from(in, AUDIT_HASH) };
	unsigned char hash[AUDIT_HASH];
	struct audit_row row = { 0 };
	unsigned format, flags;

	if (in.n <= AUDIT_HASH || in.n > AUDIT_ROW_MAX)
		return E_CORRUPT;
	if (check) {
		chain(prev, r.in, hash);
		if (memcmp(hash, in.p, AUDIT_HASH) != 0)
			return E_CORRUPT;
	}
	format = (unsigned)unpack_uint(&r, 1);
	if (format > FORMAT)
		return E_NEWER;
	flags = (unsigned)unpack_uint(&r, 1);
	row.has_who = flags & HAS_WHO;
	row.has_source = flags & HAS_SOURCE;
	row.time_us = (int64_t)unpack_uint(&r, 8);
	row.n = (uint32_t)unpack_uint(&r, 4);
	row.event = unpack_text(&r, AUDIT_NAME_MAX);
	row.cred = unpack_text(&r, AUDIT_ID_MAX);
	row.who = row.has_who ? unpack_uint(&r, 8) : 0;
	row.source = row.has_source ? unpack_uint(&r, 8) : 0;
	row.detail = unpack_text(&r, AUDIT_DETAIL_MAX);
	if (r.bad || r.in.n || format != FORMAT || flags > (HAS_WHO | HAS_SOURCE))
		return E_CORRUPT;
	memcpy(prev, in.p, AUDIT_HASH);
	*out = row;
	return 0;
}

/* Ours alone writes these texts; what would need escaping becomes a question mark. */
static void put_text(struct buf *b, struct str s)
{
	size_t i;

	buf_putc(b, '"');
	for (i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		buf_putc(b, c < ' ' || c >= 0x7f || c == '"' || c == '\\' ? '?' : (char)c);
	}
	buf_putc(b, '"');
}

static void put_member(struct buf *b, const char *name, struct str s)
{
	if (s.n == 0)
		return;
	buf_printf(b, ",\"%s\":", name);
	put_text(b, s);
}

static const char *text_of(struct str event)
{
#define AUDIT(name, text) \
	if (str_eqz(event, #name)) \
		return text;
#include "security/audit.def"
#undef AUDIT
	return "";
}

void audit_row_json(const struct audit_row *r, uint64_t seq, struct str who, struct buf *out)
{
	char stamp[STAMP_MAX];
	size_t n = stamp_format(r->time_us, stamp);

	BUF_LIT(out, "{\"seq\":");
	buf_u64(out, seq);
	put_member(out, "time", str_make(stamp, n));
	put_member(out, "event", r->event);
	put_member(out, "text", str_of(text_of(r->event)));
	BUF_LIT(out, ",\"n\":");
	buf_u64(out, r->n);
	put_member(out, "credential", r->cred);
	if (r->has_who)
		buf_printf(out, ",\"originator\":\"o-%016llx\"", (unsigned long long)r->who);
	put_member(out, "name", who);
	if (r->has_source)
		buf_printf(out, ",\"source\":\"s-%016llx\"", (unsigned long long)r->source);
	put_member(out, "detail", r->detail);
	BUF_LIT(out, "}");
}

uint64_t audit_pseudonym(const unsigned char key[AUDIT_HASH], struct str text)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0, i;
	uint64_t v = 0;

	REQUIRE(HMAC(EVP_sha256(), key, AUDIT_HASH, (const unsigned char *)text.p, text.n, mac, &n) != NULL && n >= 8);
	for (i = 0; i < 8; i++)
		v = v << 8 | mac[i];
	return v;
}
