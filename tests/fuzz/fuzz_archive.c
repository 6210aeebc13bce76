/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is inside a backup, in one piece and in pieces of any length: names are good, no entry gives more bytes than it said, and the
 * pieces change nothing.  Then the sealed file around it: any bytes are refused, and what was sealed comes back.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cse/base/err.h"
#include "cse/base/rand.h"
#include "security/archive.h"
#include "security/keystore_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct heard {
	uint64_t left, sum;
	unsigned entries;
};

static int on_entry(void *arg, struct str name, uint64_t size)
{
	struct heard *h = arg;

	REQUIRE(archive_name_is_good(name) && h->left == 0);
	h->left = size;
	h->entries++;
	h->sum = h->sum * 31 + name.n + size;
	return 0;
}

static int on_bytes(void *arg, struct str piece)
{
	struct heard *h = arg;

	REQUIRE(piece.n > 0 && piece.n <= h->left);
	h->left -= piece.n;
	for (size_t i = 0; i < piece.n; i++)
		h->sum = h->sum * 31 + (unsigned char)piece.p[i];
	return 0;
}

static int inside(struct str s, size_t step, struct heard *h)
{
	struct archive_reader r = { on_entry, on_bytes, h };
	struct archive_inside in = { .r = &r };
	int err = 0;

	for (; s.n && !err; s = str_from(s, step < s.n ? step : s.n))
		err = archive_inside(&in, str_first(s, step));
	return err ? err : archive_inside_is_whole(&in) ? 0 : E_CORRUPT;
}

/* A keystore that wraps by adding one byte: here the sealing is tested, not the key. */
static int wrap(struct keystore *k, const unsigned char key[32], struct buf *out)
{
	(void)k;
	buf_putc(out, 'w');
	buf_put(out, key, 32);
	return 0;
}

static int unwrap(struct keystore *k, struct str wrapped, unsigned char key[32])
{
	(void)k;
	if (wrapped.n != 33 || wrapped.p[0] != 'w')
		return E_CORRUPT;
	memcpy(key, wrapped.p + 1, 32);
	return 0;
}

static int file_of(struct str s)
{
	int fd = memfd_create("archive", MFD_CLOEXEC);

	REQUIRE(fd >= 0 && write(fd, s.p, s.n) == (ssize_t)s.n && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static void sealed(struct str s)
{
	static const struct keystore_kind kind = { .name = "fuzz", .wrap = wrap, .unwrap = unwrap };
	struct keystore ks = { .magic = KEYSTORE_MAGIC, .kind = &kind };
	struct rnd *rnd = rnd_new_seeded(1);
	struct heard h = { 0 };
	struct archive_reader r = { on_entry, on_bytes, &h };
	struct archive *a;
	struct why why = { 0 };
	int fd = file_of(s);

	REQUIRE(archive_read(fd, &ks, &r, &why) != 0 || s.n > 80);
	close(fd);
	fd = file_of(STR_NONE);
	REQUIRE(archive_new(fd, &ks, rnd, &a, &why) == 0);
	REQUIRE(archive_entry(a, STR("store.db"), s.n) == 0 && archive_put(a, s.p, s.n) == 0);
	REQUIRE(archive_entry(a, STR("ca/x"), 0) == 0 && archive_end(a) == 0);
	archive_free(a);
	h = (struct heard){ 0 };
	REQUIRE(lseek(fd, 0, SEEK_SET) == 0 && archive_read(fd, &ks, &r, &why) == 0);
	REQUIRE(h.entries == 2 && h.left == 0);
	close(fd);
	rnd_free(rnd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str s = str_make((const char *)data, n);
	struct heard whole = { 0 };
	int err = inside(s, n ? n : 1, &whole);

	for (size_t step = 1; step < 8; step += 2) {
		struct heard parts = { 0 };
		REQUIRE(inside(s, step, &parts) == err);
		REQUIRE(err || (parts.sum == whole.sum && parts.entries == whole.entries));
	}
	sealed(s);
	return 0;
}
