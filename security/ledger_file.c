/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of the ledger: head, records, tags. */
#include "security/ledger_priv.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/stat.h>

#include "cse/base/err.h"
#include "security/pack.h"

static const char head_text[8] = "trothlg\n";
enum { VERSION = 1, HEAD_BEFORE_KEY = 8 + 4 + 8 + 2, FACT_BEFORE_KEY = 1 + 8 + 8 + 1 };

/* The tag before, then the bytes: at most a head or a record. */
static void make_tag(const unsigned char key[LEDGER_SECRET], const unsigned char before[LEDGER_TAG], struct str bytes,
                     unsigned char out[LEDGER_TAG])
{
	unsigned char text[LEDGER_TAG + HEAD_BEFORE_KEY + LEDGER_WRAPPED_MAX], mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	REQUIRE(bytes.n <= sizeof(text) - LEDGER_TAG);
	memcpy(text, before, LEDGER_TAG);
	memcpy(text + LEDGER_TAG, bytes.p, bytes.n);
	REQUIRE(HMAC(EVP_sha256(), key, LEDGER_SECRET, text, LEDGER_TAG + bytes.n, mac, &n) != NULL && n >= LEDGER_TAG);
	memcpy(out, mac, LEDGER_TAG);
}

static const unsigned char no_tag[LEDGER_TAG];

void ledger_head_pack(struct buf *out, uint64_t place, struct str wrapped, const unsigned char key[LEDGER_SECRET],
                      unsigned char tag[LEDGER_TAG])
{
	size_t from = out->n;

	REQUIRE(wrapped.n > 0 && wrapped.n <= LEDGER_WRAPPED_MAX);
	buf_put(out, head_text, sizeof(head_text));
	pack_uint(out, VERSION, 4);
	pack_uint(out, place, 8);
	pack_text(out, wrapped);
	make_tag(key, no_tag, str_from(buf_as_str(out), from), tag);
	buf_put(out, tag, LEDGER_TAG);
}

int ledger_head_read(struct str image, struct str *wrapped, uint64_t *place, size_t *at, struct why *why)
{
	struct unpack r = { .in = str_from(image, sizeof(head_text)) };
	uint64_t version = unpack_uint(&r, 4), where = unpack_uint(&r, 8);
	struct str key = unpack_text(&r, LEDGER_WRAPPED_MAX);

	if (image.n < sizeof(head_text) || memcmp(image.p, head_text, sizeof(head_text)) != 0) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the file ledger does not begin as such a file does: put the right one back");
		return E_CORRUPT;
	}
	if (!r.bad && version > VERSION) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the file ledger was made by a newer trothd (version %u): use that one",
		        (unsigned)version);
		return E_NEWER;
	}
	if (r.bad || version != VERSION || key.n == 0 || r.in.n < LEDGER_TAG) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the head of the file ledger is damaged: put a good copy back");
		return E_CORRUPT;
	}
	*wrapped = key;
	*place = where;
	*at = HEAD_BEFORE_KEY + key.n + LEDGER_TAG;
	return 0;
}

bool ledger_head_check(struct str image, size_t at, const unsigned char key[LEDGER_SECRET], unsigned char tag[LEDGER_TAG])
{
	unsigned char right[LEDGER_TAG];

	REQUIRE(at > LEDGER_TAG && at <= image.n);
	make_tag(key, no_tag, str_first(image, at - LEDGER_TAG), right);
	if (CRYPTO_memcmp(right, image.p + at - LEDGER_TAG, LEDGER_TAG) != 0)
		return false;
	memcpy(tag, right, LEDGER_TAG);
	return true;
}

void ledger_fact_lay(struct buf *out, const struct ledger_fact *f)
{
	REQUIRE(f->key.n <= LEDGER_KEY_MAX && f->kind < LEDGER_KINDS);
	pack_uint(out, f->kind, 1);
	pack_uint(out, f->seq, 8);
	pack_uint(out, f->value, 8);
	pack_uint(out, f->key.n, 1);
	buf_str(out, f->key);
}

size_t ledger_fact_tag(struct buf *out, struct str laid, const unsigned char key[LEDGER_SECRET], unsigned char tag[LEDGER_TAG])
{
	size_t n = FACT_BEFORE_KEY;

	REQUIRE(laid.n >= n);
	n += (unsigned char)laid.p[n - 1];
	REQUIRE(laid.n >= n);
	make_tag(key, tag, str_first(laid, n), tag);
	buf_put(out, laid.p, n);
	buf_put(out, tag, LEDGER_TAG);
	return n;
}

size_t ledger_fact_read(struct str rest, const unsigned char key[LEDGER_SECRET], unsigned char tag[LEDGER_TAG],
                        struct ledger_fact *out)
{
	struct unpack r = { .in = rest };
	unsigned char right[LEDGER_TAG];
	struct ledger_fact f;
	uint64_t kind, n;

	kind = unpack_uint(&r, 1);
	f.seq = unpack_uint(&r, 8);
	f.value = unpack_uint(&r, 8);
	n = unpack_uint(&r, 1);
	if (r.bad || kind >= LEDGER_KINDS || n > LEDGER_KEY_MAX || r.in.n < n + LEDGER_TAG)
		return 0;
	f.kind = (enum ledger_kind)kind;
	f.key = str_first(r.in, n);
	make_tag(key, tag, str_first(rest, FACT_BEFORE_KEY + n), right);
	if (CRYPTO_memcmp(right, r.in.p + n, LEDGER_TAG) != 0)
		return 0;
	memcpy(tag, right, LEDGER_TAG);
	*out = f;
	return FACT_BEFORE_KEY + n + LEDGER_TAG;
}

int ledger_place(int fd, uint64_t *out)
{
	struct statx s;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &s) != 0)
		return E_IO;
	/* Clocks of file systems are coarse and numbers are used again; both at once hardly. */
	*out = s.stx_ino * UINT64_C(0x9e3779b97f4a7c15);
	if (s.stx_mask & STATX_BTIME)
		*out ^= (uint64_t)s.stx_btime.tv_sec * 1000000000u + s.stx_btime.tv_nsec;
	return 0;
}
