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
	uint64_t first, last;   /* of the rows that are looked at */
	unsigned left;
	bool hides, over;       /* one of them has an originator; all were told */
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

static int look_row(void *arg, uint64_t seq, struct str row)
{
	struct reading *r = arg;
	struct audit_row parsed;
	int err = audit_row_unpack(row, r->head, false, &parsed);

	if (err)
		return err;
	if (r->left-- == 0)
		return 1;
	if (r->last == 0)
		r->first = seq;
	r->last = seq;
	r->hides |= parsed.has_who;
	return 0;
}

static int tell_row(void *arg, uint64_t seq, struct str row)
{
	struct reading *r = arg;
	struct audit_row parsed;
	int err = audit_row_unpack(row, r->head, false, &parsed);

	if (err)
		return err;
	if (seq > r->last) {
		r->over = true;
		return 1;
	}
	buf_reset(&r->line);
	audit_row_json(&parsed, seq, name_of(r, &parsed), &r->line);
	return r->fn(r->arg, buf_as_str(&r->line));
}

static int tell(struct reading *r, uint64_t from)
{
	int err;

	buf_init(&r->line, 4096);
	err = store_event_each(r->sec->store, from, tell_row, r);
	buf_fini(&r->line);
	return r->over ? 0 : err;
}

int audit_each(struct security *sec, uint64_t from, int (*fn)(void *arg, struct str line), void *arg)
{
	struct reading r = { .sec = sec, .fn = fn, .arg = arg, .last = UINT64_MAX };

	CHECK(sec, SECURITY);
	REQUIRE(sec->store != NULL);
	audit_flush(sec);
	store_flush(sec->store);
	return tell(&r, from);
}

static void read_names(struct reading *r)
{
	registry_names(r->sec, add_known, r);
	add_known(r, r->sec->administrator);
	add_known(r, arena_printf(&r->mem, "/%.*s", STR_ARG(r->sec->self.cse)));
	qsort(r->known, r->n, sizeof(*r->known), by_who);
}

int audit_reveal(struct security *sec, const struct peer *peer, uint64_t from, unsigned most, int (*fn)(void *arg, struct str line),
                 void *arg)
{
	struct reading r = { .sec = sec, .fn = fn, .arg = arg, .left = most };
	int err;

	CHECK(sec, SECURITY);
	REQUIRE(sec->store != NULL);
	audit_flush(sec);
	store_flush(sec->store);
	err = store_event_each(sec->store, from, look_row, &r);
	/* A showing has no originator: who reads on to the end comes to one. */
	if (err >= 0 && r.hides)
		err = audit_first(sec, EV_NAMES_SHOWN, peer, "events %llu to %llu", (unsigned long long)r.first, (unsigned long long)r.last);
	if (err < 0)
		return err;
	arena_init(&r.mem, 4096);
	if (r.hides)
		read_names(&r);
	err = tell(&r, from);
	free(r.known);
	arena_fini(&r.mem);
	return err;
}
