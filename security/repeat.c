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

static void open_repeat(struct audit *a, size_t i, const struct note *n, uint64_t hash, int64_t now_ns)
{
	a->repeated[i] = *n;
	a->repeats[i] = (struct repeat){ .hash = hash, .until_ns = now_ns + length(n->ev) };
}

/* Over: nothing came since it was noted, so the next one is a first; else the count is noted and a new second begins. */
static void close_repeat(struct audit *a, size_t i, int64_t now_ns)
{
	struct repeat *r = &a->repeats[i];
	struct note *n = &a->repeated[i];

	if (r->until_ns == 0 || r->until_ns > now_ns)
		return;
	r->until_ns = 0;
	if (r->n == 0)
		return;
	n->n = r->n;
	audit_leave(a, n);
	r->n = 0;
	if (now_ns != INT64_MAX)
		r->until_ns = now_ns + length(n->ev);
}

void repeat_close(struct audit *a, int64_t now_ns)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(a->repeats); i++)
		close_repeat(a, i, now_ns);
}

static void count(struct audit *a, size_t i, const struct note *n)
{
	a->repeats[i].n++;
	a->repeated[i].time_us = n->time_us;
}

bool repeat_is_first(struct audit *a, const struct note *n, int64_t now_ns)
{
	uint64_t hash = hash_of(a, n);
	size_t i = n->stranger ? 0 : REPEATS_OF_STRANGERS, end = n->stranger ? REPEATS_OF_STRANGERS : REPEATS, gap = REPEATS;

	for (; i < end; i++) {
		close_repeat(a, i, now_ns);
		if (a->repeats[i].until_ns == 0) {
			gap = gap == REPEATS ? i : gap;
		} else if (a->repeats[i].hash == hash) {
			count(a, i, n);
			return false;
		}
	}
	if (gap < REPEATS) {
		open_repeat(a, gap, n, hash, now_ns);
		return true;
	}
	i = REPEATS + n->ev;
	close_repeat(a, i, now_ns);
	if (a->repeats[i].until_ns == 0)
		open_repeat(a, i, &(struct note){ .ev = n->ev, .stranger = n->stranger }, 0, now_ns);
	count(a, i, n);
	return false;
}
