/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens, own subscriptions and names: in memory by hash, on disk as lines. */
#include "agent/book.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cse/base/err.h"
#include "cse/base/rand.h"
#include "cse/model/url.h"
#include "security/file.h"

enum {
	BUCKETS = 1024, SLACK = 1024, /* lines that say nothing any more, before the file is written anew */
	SHELF_BYTES = 8 << 20,        /* of all texts of a shelf */
	FILE_MAX = 32 << 20,          /* holds three full shelves with their marks and tokens */
};

static const char file_name[] = "book";
static const char first_line[] = "troth-agent book 1\n";
static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

enum shelf { SHELF_URL, SHELF_SUB, SHELF_NAME, SHELVES };
static const unsigned shelf_max[SHELVES] = { BOOK_URLS, BOOK_SUBS, BOOK_NAMES };
static const char shelf_mark[SHELVES] = { 'u', 's', 'n' };

struct entry {
	struct entry *next, *next_token;   /* of its buckets */
	struct entry *older, *newer;       /* of its shelf */
	uint8_t shelf, kind;
	char token[BOOK_TOKEN];
	size_t n;
	char text[];
};

#define BOOK_MAGIC 0x626f6f6bu
struct book {
	uint32_t magic;
	struct rnd *rnd;
	char *dir;
	int fd;            /* -1: nothing on disk */
	off_t end;
	size_t lines;      /* in the file */
	uint64_t key[2];
	struct entry *by_text[BUCKETS], *by_token[BUCKETS];
	struct entry *oldest[SHELVES], *newest[SHELVES];
	unsigned n[SHELVES];
	size_t bytes[SHELVES];
};

/* --- in memory --------------------------------------------------------------------------------------------------------- */

static struct str text_of(const struct entry *e)
{
	return str_make(e->text, e->n);
}

static struct str token_of(const struct entry *e)
{
	return str_make(e->token, BOOK_TOKEN);
}

static struct entry **bucket_of(struct book *b, struct str text)
{
	return &b->by_text[str_hash(text, b->key) % BUCKETS];
}

static struct entry **token_bucket_of(struct book *b, struct str token)
{
	return &b->by_token[str_hash(token, b->key) % BUCKETS];
}

static void unlink_age(struct book *b, struct entry *e)
{
	*(e->older ? &e->older->newer : &b->oldest[e->shelf]) = e->newer;
	*(e->newer ? &e->newer->older : &b->newest[e->shelf]) = e->older;
}

static void link_newest(struct book *b, struct entry *e)
{
	e->newer = NULL;
	e->older = b->newest[e->shelf];
	*(e->older ? &e->older->newer : &b->oldest[e->shelf]) = e;
	b->newest[e->shelf] = e;
}

static void touch(struct book *b, struct entry *e)
{
	if (e->newer == NULL)
		return;
	unlink_age(b, e);
	link_newest(b, e);
}

static struct entry *find(const struct book *b, enum shelf shelf, unsigned kind, struct str text)
{
	struct entry *e = b->by_text[str_hash(text, b->key) % BUCKETS];

	while (e && (e->shelf != shelf || e->kind != kind || !str_eq(text_of(e), text)))
		e = e->next;
	return e;
}

static void drop(struct book *b, struct entry *e)
{
	struct entry **at = bucket_of(b, text_of(e));

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	if (e->shelf == SHELF_URL) {
		at = token_bucket_of(b, token_of(e));
		while (*at != e)
			at = &(*at)->next_token;
		*at = e->next_token;
	}
	unlink_age(b, e);
	b->n[e->shelf]--;
	b->bytes[e->shelf] -= e->n;
	free(e);
}

static struct entry *add(struct book *b, enum shelf shelf, unsigned kind, struct str text, struct str token)
{
	struct entry *e, **at;

	while (b->n[shelf] == shelf_max[shelf] || (b->n[shelf] > 0 && b->bytes[shelf] + text.n > SHELF_BYTES))
		drop(b, b->oldest[shelf]);
	e = calloc(1, sizeof(*e) + text.n);
	REQUIRE(e != NULL);
	e->shelf = (uint8_t)shelf;
	e->kind = (uint8_t)kind;
	e->n = text.n;
	memcpy(e->text, text.p, text.n);
	at = bucket_of(b, text);
	e->next = *at;
	*at = e;
	if (shelf == SHELF_URL) {
		memcpy(e->token, token.p, BOOK_TOKEN);
		at = token_bucket_of(b, token);
		e->next_token = *at;
		*at = e;
	}
	link_newest(b, e);
	b->n[shelf]++;
	b->bytes[shelf] += text.n;
	return e;
}

/* --- lines ------------------------------------------------------------------------------------------------------------- */

/* Visible ASCII only: one line, and nothing that a field could end with. */
static bool is_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n > 0 && s.n <= URL_MAX_BYTES;
}

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (memchr(alphabet, s.p[i], sizeof(alphabet) - 1) == NULL)
			return false;
	return s.n == BOOK_TOKEN;
}

static void put_line(struct buf *out, const struct entry *e)
{
	buf_putc(out, shelf_mark[e->shelf]);
	buf_putc(out, ' ');
	if (e->shelf == SHELF_URL) {
		buf_putc(out, (char)('0' + e->kind));
		buf_putc(out, ' ');
		buf_str(out, token_of(e));
		buf_putc(out, ' ');
	}
	buf_str(out, text_of(e));
	buf_putc(out, '\n');
}

static bool read_url(struct book *b, struct str rest)
{
	bool more;
	struct str kind = str_cut(&rest, ' ', &more), token = str_cut(&rest, ' ', &more), same;
	enum book_kind k;
	struct url u;
	struct why ignored = { 0 };

	if (kind.n != 1 || kind.p[0] < '0' || kind.p[0] >= '0' + BOOK_KINDS || !is_token(token) || !is_word(rest) ||
	    url_parse(rest, &u, &ignored) != RSC_NONE)
		return false;
	if (!find(b, SHELF_URL, (unsigned)(kind.p[0] - '0'), rest) && !book_url(b, token, &same, &k))
		add(b, SHELF_URL, (unsigned)(kind.p[0] - '0'), rest, token);
	return true;
}

static bool read_line(struct book *b, struct str line)
{
	struct str rest = str_from(line, 2);
	struct entry *e;

	if (line.n < 3 || line.p[1] != ' ')
		return false;
	if (line.p[0] == 'u')
		return read_url(b, rest);
	if (!is_word(rest))
		return false;
	if (line.p[0] == 'd') {
		e = find(b, SHELF_SUB, 0, rest);
		if (e)
			drop(b, e);
		return true;
	}
	for (enum shelf s = SHELF_SUB; s < SHELVES; s++) {
		if (line.p[0] != shelf_mark[s])
			continue;
		if (!find(b, s, 0, rest))
			add(b, s, 0, rest, STR_NONE);
		return true;
	}
	return false;
}

int book_read(struct book *b, struct str text)
{
	bool more = true;

	if (text.n == 0)
		return 0;
	if (!str_starts(text, str_of(first_line)))
		return E_CORRUPT;
	text = str_from(text, sizeof(first_line) - 1);
	while (text.n > 0) {
		struct str line = str_cut(&text, '\n', &more);

		/* What has no end was being written when the power went. */
		if (more && !read_line(b, line))
			return E_CORRUPT;
		b->lines++;
	}
	return 0;
}

/* --- on disk ----------------------------------------------------------------------------------------------------------- */

static int write_all(struct book *b, struct why *why)
{
	struct buf out;
	int r;

	buf_init(&out, FILE_MAX);
	BUF_LIT(&out, first_line);
	b->lines = 0;
	for (unsigned s = 0; s < SHELVES; s++) {
		b->lines += b->n[s];
		for (const struct entry *e = b->oldest[s]; e; e = e->newer)
			put_line(&out, e);
	}
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
	r = file_replace(b->dir, file_name, 0600, buf_as_str(&out), why);
	if (r == 0)
		r = file_open_at(b->dir, file_name, O_RDWR, &b->fd, why);
	b->end = (off_t)out.n;
	buf_fini(&out);
	return r;
}

static int append(struct book *b, struct str line)
{
	struct why why = { 0 };
	int r;

	if (b->dir == NULL)
		return 0;
	if (b->fd < 0 || b->lines > 2 * (size_t)(b->n[0] + b->n[1] + b->n[2]) + SLACK || (size_t)b->end + line.n > FILE_MAX)
		return write_all(b, &why);
	r = file_write_sync(b->fd, b->dir, line.p, line.n, b->end);
	if (r != 0) {
		/* It may be there nevertheless, and what a shorter one leaves of it would be read as a line: next time all is written. */
		close(b->fd);
		b->fd = -1;
		return r;
	}
	b->end += (off_t)line.n;
	b->lines++;
	return 0;
}

static int append_entry(struct book *b, struct entry *e)
{
	char room[BOOK_LINE];
	struct buf line = { .p = room, .cap = sizeof(room), .max = sizeof(room) };
	int r;

	put_line(&line, e);
	r = append(b, buf_as_str(&line));
	if (r != 0)
		drop(b, e);
	return r;
}

int book_open(struct agent *a, const char *dir, struct book **out, struct why *why)
{
	struct book *b = calloc(1, sizeof(*b));
	struct buf text;
	int r = 0;

	REQUIRE(b != NULL);
	b->magic = BOOK_MAGIC;
	b->rnd = a->rnd;
	b->fd = -1;
	rnd_bytes(b->rnd, b->key, sizeof(b->key));
	if (dir != NULL) {
		b->dir = strdup(dir);
		REQUIRE(b->dir != NULL);
		buf_init(&text, FILE_MAX);
		r = file_load(dir, file_name, false, &text, why);
		if (r == E_ABSENT) {
			*why = (struct why){ 0 };
			r = 0;
		} else if (r == 0) {
			r = book_read(b, buf_as_str(&text));
			if (r != 0)
				why_set(why, RSC_INTERNAL_SERVER_ERROR, "%s/%s is damaged: remove it, and let the local clients register their points of access again", dir,
				        file_name);
		}
		buf_fini(&text);
		/* Without torn and repeated lines. */
		if (r == 0)
			r = write_all(b, why);
	}
	if (r != 0) {
		book_close(b);
		return r;
	}
	*out = b;
	return 0;
}

void book_close(struct book *b)
{
	if (b == NULL)
		return;
	CHECK(b, BOOK);
	for (unsigned s = 0; s < SHELVES; s++)
		while (b->oldest[s])
			drop(b, b->oldest[s]);
	if (b->fd >= 0)
		close(b->fd);
	free(b->dir);
	b->magic = 0;
	free(b);
}

/* --- URLs -------------------------------------------------------------------------------------------------------------- */

static void make_token(struct book *b, char out[BOOK_TOKEN])
{
	unsigned char random[BOOK_TOKEN];

	rnd_bytes(b->rnd, random, sizeof(random));
	for (unsigned i = 0; i < BOOK_TOKEN; i++)
		out[i] = alphabet[random[i] & 31];
}

int book_token(struct book *b, enum book_kind kind, struct str url, struct str *token)
{
	struct entry *e = find(b, SHELF_URL, kind, url);
	char made[BOOK_TOKEN];
	int r;

	CHECK(b, BOOK);
	if (!is_word(url))
		return E_SYNTAX;
	if (e == NULL) {
		make_token(b, made);
		e = add(b, SHELF_URL, kind, url, str_make(made, BOOK_TOKEN));
		r = append_entry(b, e);
		if (r != 0)
			return r;
	}
	touch(b, e);
	*token = token_of(e);
	return 0;
}

bool book_find(struct book *b, enum book_kind kind, struct str url, struct str *token)
{
	struct entry *e = find(b, SHELF_URL, kind, url);

	CHECK(b, BOOK);
	if (e)
		*token = token_of(e);
	return e != NULL;
}

bool book_url(struct book *b, struct str token, struct str *url, enum book_kind *kind)
{
	struct entry *e;

	CHECK(b, BOOK);
	if (token.n != BOOK_TOKEN)
		return false;
	e = *token_bucket_of(b, token);
	while (e && !str_eq(token_of(e), token))
		e = e->next_token;
	if (e == NULL)
		return false;
	touch(b, e);
	*url = text_of(e);
	*kind = (enum book_kind)e->kind;
	return true;
}

/* --- subscriptions and names ------------------------------------------------------------------------------------------- */

/* Any form as "/cse/rest", in `room`; empty: none that could be kept. */
static struct str canonical(struct str address, const struct addr_self *self, char room[BOOK_LINE - 8])
{
	struct buf out = { .p = room, .cap = BOOK_LINE - 8, .max = BOOK_LINE - 8 };
	struct str cse = self->cse;

	if (str_starts(address, STR("//"))) {
		bool more;
		struct str rest = str_from(address, 2);

		/* Of another provider: as it is. */
		if (!str_eq(str_cut(&rest, '/', &more), self->sp) || !more)
			return is_word(address) && address.n < BOOK_LINE - 8 ? address : STR_NONE;
		address = str_from(address, self->sp.n + 2);
	}
	if (address.n > 0 && address.p[0] == '/') {
		bool more;

		address = str_from(address, 1);
		cse = str_cut(&address, '/', &more);
	}
	buf_putc(&out, '/');
	buf_str(&out, cse);
	buf_putc(&out, '/');
	if (str_starts(address, STR("-/")) && str_eq(cse, self->cse)) {
		buf_str(&out, self->base);
		address = str_from(address, 1);
	}
	buf_str(&out, address);
	return out.over || address.n == 0 || !is_word(buf_as_str(&out)) ? STR_NONE : buf_as_str(&out);
}

static int keep(struct book *b, enum shelf shelf, struct str text)
{
	struct entry *e = find(b, shelf, 0, text);

	if (text.n == 0 || text.n > URL_MAX_BYTES)
		return E_SYNTAX;
	if (e) {
		touch(b, e);
		return 0;
	}
	return append_entry(b, add(b, shelf, 0, text, STR_NONE));
}

int book_add_sub(struct book *b, struct str address, const struct addr_self *self)
{
	char room[BOOK_LINE - 8];

	CHECK(b, BOOK);
	return keep(b, SHELF_SUB, canonical(address, self, room));
}

int book_remove_sub(struct book *b, struct str address, const struct addr_self *self)
{
	char room[BOOK_LINE - 8], line[BOOK_LINE];
	struct str text = canonical(address, self, room);
	struct entry *e = text.n ? find(b, SHELF_SUB, 0, text) : NULL;
	struct buf out = { .p = line, .cap = sizeof(line), .max = sizeof(line) };

	CHECK(b, BOOK);
	if (e == NULL)
		return 0;
	drop(b, e);
	BUF_LIT(&out, "d ");
	buf_str(&out, text);
	buf_putc(&out, '\n');
	return append(b, buf_as_str(&out));
}

bool book_has_sub(struct book *b, struct str address, const struct addr_self *self)
{
	char room[BOOK_LINE - 8];
	struct str text = canonical(address, self, room);
	struct entry *e = text.n ? find(b, SHELF_SUB, 0, text) : NULL;

	CHECK(b, BOOK);
	if (e)
		touch(b, e);
	return e != NULL;
}

int book_add_name(struct book *b, struct str stem)
{
	CHECK(b, BOOK);
	return is_word(stem) ? keep(b, SHELF_NAME, stem) : E_SYNTAX;
}

bool book_has_name(const struct book *b, struct str stem)
{
	CHECK(b, BOOK);
	return find(b, SHELF_NAME, 0, stem) != NULL;
}
