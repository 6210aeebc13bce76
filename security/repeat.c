/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What repeats is one row a second with a count: the first is noted at once, those that follow are counted and noted when
 * the second is over.  When too many different things come at once, the rest is counted by event alone.
 */
#include "security/audit_priv.h"

#define SECOND_NS INT64_C(1000000000)
/* Work of our own is no alarm: told once an hour. */
#define SELF_NS (3600 * SECOND_NS)

static int64_t length(enum sec_event ev)
{
	return ev == EV_SELF ? SELF_NS : SECOND_NS;
}

static uint64_t hash_of(const struct audit *a, const struct note *n)
{
	char text[sizeof(n->who) + sizeof(n->cred) + sizeof(n->detail) + sizeof(n->prefix) + 4];
	size_t at = 0;

	text[at++] = (char)n->ev;
	text[at++] = (char)n->n_who;
	text[at++] = (char)n->n_cred;
	text[at++] = (char)n->n_detail;
	memcpy(text + at, n->who, n->n_who);
	at += n->n_who;
	memcpy(text + at, n->cred, n->n_cred);
	at += n->n_cred;
	memcpy(text + at, n->detail, n->n_detail);
	at += n->n_detail;
	memcpy(text + at, &n->prefix, sizeof(n->prefix));
	at += sizeof(n->prefix);
	return str_hash(str_make(text, at), a->seed);
}

static void open_repeat(struct repeat *r, const struct note *n, uint64_t hash, int64_t now_ns)
{
	r->note = *n;
	r->note.n = 0;
	r->hash = hash;
	r->until_ns = now_ns + length(n->ev);
}

/* Over: nothing came since it was noted, so the next one is a first; else the count is noted and a new second begins. */
static void close_repeat(struct audit *a, struct repeat *r, int64_t now_ns)
{
	if (r->until_ns == 0 || r->until_ns > now_ns)
		return;
	if (r->note.n)
		audit_leave(a, &r->note);
	r->until_ns = r->note.n && now_ns != INT64_MAX ? now_ns + length(r->note.ev) : 0;
	r->note.n = 0;
}

void repeat_close(struct audit *a, int64_t now_ns)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(a->repeats); i++)
		close_repeat(a, &a->repeats[i], now_ns);
}

bool repeat_is_first(struct audit *a, const struct note *n, int64_t now_ns)
{
	uint64_t hash = hash_of(a, n);
	struct repeat *r, *gap = NULL;
	size_t i;

	for (i = 0; i < REPEATS; i++) {
		r = &a->repeats[i];
		close_repeat(a, r, now_ns);
		if (r->until_ns && r->hash == hash) {
			r->note.n++;
			r->note.time_us = n->time_us;
			return false;
		}
		if (r->until_ns == 0 && gap == NULL)
			gap = r;
	}
	if (gap) {
		open_repeat(gap, n, hash, now_ns);
		return true;
	}
	r = &a->repeats[REPEATS + n->ev];
	close_repeat(a, r, now_ns);
	if (r->until_ns == 0)
		open_repeat(r, &(struct note){ .ev = n->ev, .stranger = n->stranger }, 0, now_ns);
	r->note.n++;
	r->note.time_us = n->time_us;
	return false;
}
