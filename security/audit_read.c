/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the event table: is the chain whole, and what does it say (`trothctl events`). */
#include "security/audit_priv.h"

#include <stdlib.h>

/* Names by their pseudonym, for those who may see them. */
struct known {
	uint64_t who;
	struct str name;
};

struct reading {
	struct security *sec;
	unsigned char head[AUDIT_HASH];
	uint64_t seq, bad; /* seq: of the row to come, 0 before the first */
	struct arena mem;
	struct known *known;
	size_t n, cap;
	struct buf line;
	int (*fn)(void *arg, struct str line);
	void *arg;
};

static int verify_row(void *arg, uint64_t seq, struct str row)
{
	struct reading *r = arg;
	struct audit_row parsed;
	int err = audit_row_unpack(row, r->head, true, &parsed);

	/* A row that is missing in the middle is found by its number, too. */
	if (err || (r->seq && seq != r->seq)) {
		r->bad = r->seq ? r->seq : seq;
		return E_CORRUPT;
	}
	r->seq = seq + 1;
	return 0;
}

int audit_verify(struct security *sec, uint64_t *bad)
{
	struct reading r = { .sec = sec };
	int err;

	CHECK(sec, SECURITY);
	REQUIRE(sec->store != NULL);
	audit_flush(sec);
	err = store_event_each(sec->store, 0, verify_row, &r);
	if (!err && memcmp(r.head, sec->audit->head, AUDIT_HASH) != 0) {
		r.bad = r.seq;
		err = E_CORRUPT;
	}
	if (err == E_CORRUPT)
		*bad = r.bad;
	return err;
}

static void add_known(void *arg, struct str name)
{
	struct reading *r = arg;

	if (r->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 256;
		r->known = realloc(r->known, r->cap * sizeof(*r->known));
		REQUIRE(r->known != NULL);
	}
	r->known[r->n++] = (struct known){ audit_pseudonym(r->sec->audit->key, name), arena_str(&r->mem, name) };
}

static int by_who(const void *a, const void *b)
{
	uint64_t x = ((const struct known *)a)->who, y = ((const struct known *)b)->who;

	return x < y ? -1 : x > y;
}

static struct str name_of(const struct reading *r, const struct audit_row *row)
{
	struct known key = { .who = row->who }, *k;

	if (!row->has_who || r->n == 0)
		return STR_NONE;
	k = bsearch(&key, r->known, r->n, sizeof(key), by_who);
	return k ? k->name : STR_NONE;
}

static int tell_row(void *arg, uint64_t seq, struct str row)
{
	struct reading *r = arg;
	struct audit_row parsed;
	int err = audit_row_unpack(row, r->head, false, &parsed);

	if (err)
		return err;
	buf_reset(&r->line);
	audit_row_json(&parsed, seq, name_of(r, &parsed), &r->line);
	return r->fn(r->arg, buf_as_str(&r->line));
}

int audit_each(struct security *sec, uint64_t from, bool reveal, int (*fn)(void *arg, struct str line), void *arg)
{
	struct reading r = { .sec = sec, .fn = fn, .arg = arg };
	int err;

	CHECK(sec, SECURITY);
	REQUIRE(sec->store != NULL);
	audit_flush(sec);
	store_flush(sec->store);
	arena_init(&r.mem, 4096);
	buf_init(&r.line, 4096);
	if (reveal) {
		registry_names(sec, add_known, &r);
		add_known(&r, sec->administrator);
		add_known(&r, arena_printf(&r.mem, "/%.*s", STR_ARG(sec->self.cse)));
		qsort(r.known, r.n, sizeof(*r.known), by_who);
	}
	err = store_event_each(sec->store, from, tell_row, &r);
	free(r.known);
	buf_fini(&r.line);
	arena_fini(&r.mem);
	return err;
}
