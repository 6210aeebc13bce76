/* SPDX-License-Identifier: Apache-2.0 */
/* The file of wrapped data keys: reading with bounds, appending durably. */
#include "security/datakeys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cse/base/err.h"
#include "security/file.h"

static const char head_text[8] = "trothdk\n";
enum { VERSION = 1, RECORD_HEAD = 6, RECORD_SUM = 8 };

static uint32_t get_u32(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint64_t get_u64(const char *p)
{
	return (uint64_t)get_u32(p) | (uint64_t)get_u32(p + 4) << 32;
}

static void put_number(struct buf *b, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_putc(b, (char)(v >> 8 * i & 0xff));
}

/* No secret: it finds torn writes, it does not authenticate. */
static uint64_t checksum(const char *p, size_t n)
{
	static const uint64_t key[2] = { 0x74726f74682d646bu, 0x64617461206b6579u };
	return str_hash(str_make(p, n), key);
}

void datakeys_init(struct datakeys *d)
{
	memset(d, 0, sizeof(*d));
	d->fd = -1;
	buf_init_secret(&d->image, DATAKEYS_BYTES_MAX);
}

void datakeys_fini(struct datakeys *d)
{
	if (d->fd >= 0)
		close(d->fd);
	free(d->at);
	free(d->dir);
	buf_fini_secret(&d->image); /* in memory-only use the keys are not wrapped */
	d->at = NULL;
	d->dir = NULL;
	d->fd = -1;
	d->n = d->cap = 0;
}

static int note_record(struct datakeys *d, size_t off)
{
	if (d->n == d->cap) {
		uint32_t cap = d->cap ? d->cap * 2 : 16;
		uint32_t *at = realloc(d->at, cap * sizeof(*at));
		if (!at)
			return E_NOMEM;
		d->at = at;
		d->cap = cap;
	}
	d->at[d->n++] = (uint32_t)off;
	return 0;
}

/* Bytes of the record at p when it is whole and its checksum right, else 0. */
static size_t record_length(const char *p, size_t n)
{
	if (n < RECORD_HEAD + RECORD_SUM)
		return 0;
	size_t k = (unsigned char)p[4] | (size_t)(unsigned char)p[5] << 8;
	if (k == 0 || k > DATAKEYS_WRAPPED_MAX || n < RECORD_HEAD + k + RECORD_SUM)
		return 0;
	if (checksum(p, RECORD_HEAD + k) != get_u64(p + RECORD_HEAD + k))
		return 0;
	return RECORD_HEAD + k + RECORD_SUM;
}

/* Is there a good record behind the bad one?  Then the bad one was damaged later, not torn. */
static bool is_damaged_inside(struct str image, size_t whole, uint32_t n)
{
	for (size_t off = whole + 1; off + RECORD_HEAD + RECORD_SUM <= image.n; off++)
		if (get_u32(image.p + off) > n && record_length(image.p + off, image.n - off))
			return true;
	return false;
}

int datakeys_parse(struct datakeys *d, struct str image, size_t *whole, struct why *why)
{
	d->n = 0;
	if (image.n > DATAKEYS_BYTES_MAX) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "datakeys is larger than %d bytes: this is not the file that was written",
		        DATAKEYS_BYTES_MAX);
		return E_LIMIT;
	}
	/* Nothing can be sealed before the first record is durable, so a cut head is a first start that did not end. */
	if (image.n < DATAKEYS_HEAD) {
		*whole = 0;
		return 0;
	}
	if (memcmp(image.p, head_text, sizeof(head_text)) != 0) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "datakeys does not begin as such a file does: put the right one back");
		return E_CORRUPT;
	}
	uint32_t version = get_u32(image.p + 8);
	if (version != VERSION) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "datakeys has version %u, this program reads %d", version, VERSION);
		return version > VERSION ? E_NEWER : E_CORRUPT;
	}
	size_t off = DATAKEYS_HEAD;
	while (off < image.n) {
		size_t k = record_length(image.p + off, image.n - off);
		if (k == 0)
			break;
		if (get_u32(image.p + off) != d->n + 1) {
			why_set(why, RSC_INTERNAL_SERVER_ERROR, "datakeys: record %u has number %u", d->n + 1,
			        get_u32(image.p + off));
			return E_CORRUPT;
		}
		if (note_record(d, off))
			return E_NOMEM;
		off += k;
	}
	/* A record is used only after it was synced: what a crash tears is shorter than one more record, and the last. */
	if (image.n - off > RECORD_HEAD + DATAKEYS_WRAPPED_MAX + RECORD_SUM || is_damaged_inside(image, off, d->n)) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "datakeys is damaged behind key %u: put a good copy of the file back", d->n);
		return E_CORRUPT;
	}
	*whole = off;
	return 0;
}

static int open_file(struct datakeys *d, const char *dir, struct why *why)
{
	int err = file_open_at(dir, "datakeys", O_RDWR | O_CREAT, &d->fd, why);
	if (err)
		return err;
	if (flock(d->fd, LOCK_EX | LOCK_NB) != 0) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "another process uses the state folder (datakeys is locked): end it first");
		return E_EXISTS;
	}
	return file_read(d->fd, "datakeys", &d->image, why);
}

int datakeys_open(struct datakeys *d, const char *dir, struct why *why)
{
	size_t whole;

	datakeys_init(d);
	int err = open_file(d, dir, why);
	if (err)
		goto out;
	err = datakeys_parse(d, buf_as_str(&d->image), &whole, why);
	if (err)
		goto out;
	err = E_IO;
	if (whole < d->image.n && ftruncate(d->fd, (off_t)whole) != 0) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "cannot cut an unfinished record off datakeys: %s", strerror(errno));
		goto out;
	}
	d->image.n = whole;
	d->dir = strdup(dir);
	err = d->dir ? 0 : E_NOMEM;
out:
	if (err)
		datakeys_fini(d);
	return err;
}

struct str datakeys_get(const struct datakeys *d, uint32_t number)
{
	if (number == 0 || number > d->n)
		return STR_NONE;
	const char *p = d->image.p + d->at[number - 1];
	size_t k = (unsigned char)p[4] | (size_t)(unsigned char)p[5] << 8;
	return str_make(p + RECORD_HEAD, k);
}

/* Writes and syncs what the image has grown by. */
static int write_tail(struct datakeys *d, size_t from, struct why *why)
{
	if (d->fd < 0)
		return 0;
	int err = file_write_sync(d->fd, d->dir, d->image.p + from, d->image.n - from, (off_t)from);
	if (err == 0)
		return 0;
	why_set(why, RSC_INTERNAL_SERVER_ERROR, "cannot record a data key in %s/datakeys: %s", d->dir, strerror(errno));
	/* A record that may or may not be there must not get a second one with its number behind it. */
	if (ftruncate(d->fd, (off_t)from) != 0)
		d->failed = true;
	return err;
}

int datakeys_append(struct datakeys *d, struct str wrapped, uint32_t *number, struct why *why)
{
	REQUIRE(wrapped.n > 0 && wrapped.n <= DATAKEYS_WRAPPED_MAX);
	size_t from = d->image.n;
	struct buf *b = &d->image;

	if (d->failed) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "an earlier data key could not be recorded: start again");
		return E_IO;
	}
	if (from == 0) {
		buf_put(b, head_text, sizeof(head_text));
		put_number(b, VERSION, 4);
	}
	size_t off = b->n;
	put_number(b, d->n + 1, 4);
	put_number(b, wrapped.n, 2);
	buf_str(b, wrapped);
	if (!b->over)
		put_number(b, checksum(b->p + off, b->n - off), RECORD_SUM);
	int err = E_LIMIT;
	if (b->over)
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "datakeys is full: restore from a backup, which begins a new one");
	else
		err = write_tail(d, from, why);
	if (err == 0)
		err = note_record(d, off);
	if (err) {
		b->n = from;
		b->over = false;
		return err;
	}
	*number = d->n;
	return 0;
}

void datakeys_drop(struct datakeys *d)
{
	REQUIRE(d->n > 0);
	size_t off = d->at[d->n - 1];

	if (d->failed || (d->fd >= 0 && (ftruncate(d->fd, (off_t)off) != 0 || fsync(d->fd) != 0)))
		return;
	d->image.n = off;
	d->n--;
}
