/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing entries into chunks, and opening them again. */
#include "security/archive.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

#include "cse/base/err.h"
#include "cse/base/rand.h"
#include "security/keystore.h"
#include "security/pack.h"
#include "security/secret.h"

static const char head_text[8] = "trothbk\n";
enum { VERSION = 1, KEY = 32, TAG = 16, NONCE = 12, WRAPPED_MAX = 512, LENGTH = 4 };
#define LAST 0x80000000u

#define ARCHIVE_MAGIC 0x61726368u
struct archive {
	uint32_t magic;
	int fd, err;
	unsigned char *key;
	struct buf head;
	uint64_t chunks, bytes, left;
	EVP_CIPHER_CTX *ctx;
	size_t n;
	unsigned char plain[ARCHIVE_CHUNK], sealed[LENGTH + ARCHIVE_CHUNK + TAG];
};

bool archive_name_is_good(struct str name)
{
	unsigned slashes = 0;
	bool begins = true;

	if (name.n == 0 || name.n > ARCHIVE_NAME)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		if (c == '/') {
			if (begins || ++slashes > 1)
				return false;
			begins = true;
			continue;
		}
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || (c == '.' && !begins)))
			return false;
		begins = false;
	}
	return !begins;
}

static void make_nonce(uint64_t chunk, unsigned char nonce[NONCE])
{
	memset(nonce, 0, NONCE);
	for (unsigned i = 0; i < 8; i++)
		nonce[i] = (unsigned char)(chunk >> 8 * i);
}

static void make_length(uint32_t n, unsigned char out[LENGTH])
{
	for (unsigned i = 0; i < LENGTH; i++)
		out[i] = (unsigned char)(n >> 8 * i);
}

/* --- writing ------------------------------------------------------------------------------------------------------- */

static int write_out(struct archive *a, const unsigned char *p, size_t n)
{
	while (n > 0 && !a->err) {
		ssize_t k = write(a->fd, p, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0) {
			a->err = errno == ENOSPC || errno == EDQUOT ? E_FULL : E_IO;
			break;
		}
		p += k;
		n -= (size_t)k;
		a->bytes += (uint64_t)k;
	}
	return a->err;
}

static int seal_chunk(struct archive *a, bool last)
{
	unsigned char nonce[NONCE], *body = a->sealed + LENGTH;
	int k;

	make_nonce(a->chunks++, nonce);
	make_length((uint32_t)a->n | (last ? LAST : 0), a->sealed);
	if (EVP_EncryptInit_ex(a->ctx, EVP_aes_256_gcm(), NULL, a->key, nonce) != 1 ||
	    EVP_EncryptUpdate(a->ctx, NULL, &k, (const unsigned char *)a->head.p, (int)a->head.n) != 1 ||
	    EVP_EncryptUpdate(a->ctx, NULL, &k, a->sealed, LENGTH) != 1 ||
	    EVP_EncryptUpdate(a->ctx, body, &k, a->plain, (int)a->n) != 1 ||
	    EVP_EncryptFinal_ex(a->ctx, body + a->n, &k) != 1 ||
	    EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_GET_TAG, TAG, body + a->n) != 1)
		return a->err = E_CRYPTO;
	write_out(a, a->sealed, LENGTH + a->n + TAG);
	a->n = 0;
	return a->err;
}

static int put(struct archive *a, const void *p, size_t n)
{
	const unsigned char *from = p;

	while (n > 0 && !a->err) {
		size_t k = sizeof(a->plain) - a->n;
		if (k == 0) {
			seal_chunk(a, false);
			continue;
		}
		if (k > n)
			k = n;
		memcpy(a->plain + a->n, from, k);
		a->n += k;
		from += k;
		n -= k;
	}
	return a->err;
}

int archive_new(int fd, struct keystore *ks, struct rnd *rnd, struct archive **out, struct why *why)
{
	struct archive *a = calloc(1, sizeof(*a));
	struct buf wrapped;

	REQUIRE(a != NULL);
	a->magic = ARCHIVE_MAGIC;
	a->fd = fd;
	a->key = secret_new(KEY);
	a->ctx = EVP_CIPHER_CTX_new();
	REQUIRE(a->key && a->ctx);
	buf_init(&a->head, ARCHIVE_HEAD_MAX);
	buf_init(&wrapped, WRAPPED_MAX);
	rnd_bytes(rnd, a->key, KEY);
	int err = keystore_wrap(ks, a->key, &wrapped);
	if (err) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the key of the backup cannot be wrapped: %s", err_text(err));
	} else {
		buf_put(&a->head, head_text, sizeof(head_text));
		pack_uint(&a->head, VERSION, 4);
		pack_text(&a->head, buf_as_str(&wrapped));
		write_out(a, (const unsigned char *)a->head.p, a->head.n);
	}
	buf_fini(&wrapped);
	if (err) {
		archive_free(a);
		return err;
	}
	*out = a;
	return 0;
}

int archive_entry(struct archive *a, struct str name, uint64_t size)
{
	unsigned char n[8];

	CHECK(a, ARCHIVE);
	REQUIRE(archive_name_is_good(name) && a->left == 0);
	n[0] = (unsigned char)name.n;
	n[1] = 0;
	put(a, n, 2);
	put(a, name.p, name.n);
	for (unsigned i = 0; i < 8; i++)
		n[i] = (unsigned char)(size >> 8 * i);
	a->left = size;
	return put(a, n, 8);
}

int archive_put(struct archive *a, const void *p, size_t n)
{
	CHECK(a, ARCHIVE);
	REQUIRE(n <= a->left);
	a->left -= n;
	return put(a, p, n);
}

int archive_end(struct archive *a)
{
	static const unsigned char none[2];

	CHECK(a, ARCHIVE);
	REQUIRE(a->left == 0 || a->err);
	put(a, none, sizeof(none));
	if (!a->err)
		seal_chunk(a, true);
	return a->err;
}

uint64_t archive_bytes(const struct archive *a)
{
	CHECK(a, ARCHIVE);
	return a->bytes;
}

void archive_free(struct archive *a)
{
	if (a == NULL)
		return;
	CHECK(a, ARCHIVE);
	EVP_CIPHER_CTX_free(a->ctx);
	secret_free(a->key);
	buf_fini(&a->head);
	OPENSSL_cleanse(a->plain, sizeof(a->plain));
	a->magic = 0;
	free(a);
}

/* --- what is inside ------------------------------------------------------------------------------------------------ */

enum { IN_LENGTH, IN_NAME, IN_SIZE, IN_BYTES, IN_END };

static size_t name_length(const struct archive_inside *in)
{
	return (size_t)in->head[0] | (size_t)in->head[1] << 8;
}

/* A field of the head is whole: what comes next? */
static int step(struct archive_inside *in)
{
	size_t n = name_length(in);
	struct str name = str_make((const char *)in->head + 2, n);

	if (in->state == IN_LENGTH) {
		in->state = n ? IN_NAME : IN_END;
		return n <= ARCHIVE_NAME ? 0 : E_CORRUPT;
	}
	if (in->state == IN_NAME) {
		in->state = IN_SIZE;
		return archive_name_is_good(name) ? 0 : E_CORRUPT;
	}
	in->left = 0;
	for (unsigned i = 0; i < 8; i++)
		in->left |= (uint64_t)in->head[2 + n + i] << 8 * i;
	in->have = 0;
	in->state = in->left ? IN_BYTES : IN_LENGTH;
	return in->r->entry(in->r->arg, name, in->left);
}

static size_t wanted(const struct archive_inside *in)
{
	return in->state == IN_LENGTH ? 2 : in->state == IN_NAME ? 2 + name_length(in) : 2 + name_length(in) + 8;
}

int archive_inside(struct archive_inside *in, struct str piece)
{
	int err = 0;

	while (piece.n > 0 && !err) {
		if (in->state == IN_END)
			return E_CORRUPT;
		if (in->state == IN_BYTES) {
			struct str part = str_first(piece, in->left < piece.n ? (size_t)in->left : piece.n);
			err = in->r->bytes(in->r->arg, part);
			in->left -= part.n;
			piece = str_from(piece, part.n);
			if (in->left == 0)
				in->state = IN_LENGTH;
			continue;
		}
		in->head[in->have++] = (unsigned char)piece.p[0];
		piece = str_from(piece, 1);
		if (in->have == wanted(in))
			err = step(in);
	}
	return err;
}

bool archive_inside_is_whole(const struct archive_inside *in)
{
	return in->state == IN_END;
}

/* --- reading ------------------------------------------------------------------------------------------------------- */

/* All n bytes; E_CORRUPT at an end before. */
static int read_all(int fd, void *p, size_t n)
{
	unsigned char *to = p;

	while (n > 0) {
		ssize_t k = read(fd, to, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return E_IO;
		if (k == 0)
			return E_CORRUPT;
		to += k;
		n -= (size_t)k;
	}
	return 0;
}

static int read_head(int fd, struct keystore *ks, struct archive *a)
{
	unsigned char fixed[8 + 4 + 2];
	struct unpack u = { .in = str_make((const char *)fixed + 8, 6) };
	int err = read_all(fd, fixed, sizeof(fixed));

	if (err)
		return err;
	uint64_t version = unpack_uint(&u, 4), n = unpack_uint(&u, 2);
	if (memcmp(fixed, head_text, sizeof(head_text)) != 0 || version < VERSION)
		return E_CORRUPT;
	if (version > VERSION)
		return E_NEWER;
	if (n == 0 || n > WRAPPED_MAX)
		return E_CORRUPT;
	buf_put(&a->head, fixed, sizeof(fixed));
	char *p = buf_room(&a->head, n);
	REQUIRE(p != NULL);
	err = read_all(fd, p, n);
	if (err)
		return err;
	buf_added(&a->head, n);
	return keystore_unwrap(ks, str_make(p, n), a->key) == 0 ? 0 : E_CORRUPT;
}

/* The next chunk into a->plain. */
static int open_chunk(int fd, struct archive *a, bool *last)
{
	unsigned char nonce[NONCE];
	int k, err = read_all(fd, a->sealed, LENGTH);

	if (err)
		return err;
	uint32_t n = 0;
	for (unsigned i = 0; i < LENGTH; i++)
		n |= (uint32_t)a->sealed[i] << 8 * i;
	*last = n & LAST;
	n &= ~LAST;
	if (n > ARCHIVE_CHUNK)
		return E_CORRUPT;
	err = read_all(fd, a->sealed + LENGTH, n + TAG);
	if (err)
		return err;
	make_nonce(a->chunks++, nonce);
	if (EVP_DecryptInit_ex(a->ctx, EVP_aes_256_gcm(), NULL, a->key, nonce) != 1 ||
	    EVP_DecryptUpdate(a->ctx, NULL, &k, (const unsigned char *)a->head.p, (int)a->head.n) != 1 ||
	    EVP_DecryptUpdate(a->ctx, NULL, &k, a->sealed, LENGTH) != 1 ||
	    EVP_DecryptUpdate(a->ctx, a->plain, &k, a->sealed + LENGTH, (int)n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_SET_TAG, TAG, a->sealed + LENGTH + n) != 1 ||
	    EVP_DecryptFinal_ex(a->ctx, nonce, &k) != 1)
		return E_CORRUPT;
	a->n = n;
	return 0;
}

static int read_chunks(int fd, struct archive *a, const struct archive_reader *r)
{
	struct archive_inside in = { .r = r };
	bool last = false;
	char beyond;
	int err = 0;

	while (!last && !err) {
		err = open_chunk(fd, a, &last);
		if (!err)
			err = archive_inside(&in, str_make((const char *)a->plain, a->n));
	}
	if (err)
		return err;
	return archive_inside_is_whole(&in) && read(fd, &beyond, 1) == 0 ? 0 : E_CORRUPT;
}

int archive_read(int fd, struct keystore *ks, const struct archive_reader *r, struct why *why)
{
	struct archive *a = calloc(1, sizeof(*a));

	REQUIRE(a != NULL);
	a->magic = ARCHIVE_MAGIC;
	a->key = secret_new(KEY);
	a->ctx = EVP_CIPHER_CTX_new();
	REQUIRE(a->key && a->ctx);
	buf_init(&a->head, ARCHIVE_HEAD_MAX);
	int err = read_head(fd, ks, a);
	if (!err)
		err = read_chunks(fd, a, r);
	if (err == E_NEWER)
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the backup was made by a newer trothd: use that one");
	else if (err && why->text[0] == 0)
		why_set(why, RSC_INTERNAL_SERVER_ERROR, err == E_CORRUPT ? "the backup is damaged, cut off, or belongs to another kek: take "
		        "the kek of the server that made it" : "the backup cannot be read: an error of the disk");
	archive_free(a);
	return err;
}
