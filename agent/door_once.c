/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request identifiers of several clients (TS-0001 7.1.7): each names its own, many always the same.  For the CSE two requests of one
 * originator and identifier and with different contents, while one is pending or its answer was lost, are a replay that locks the device's
 * credential.  So the second of them goes under another identifier, and its client gets its own back.  What is sent again unchanged
 * goes as it is: the CSE tells it from a new request.  Whose the originator is counts for nothing here: to the CSE "C", "S" and none at a
 * registration are one.  An agent that has just begun does not know what the one before it left behind: until that is forgotten at the CSE,
 * requests go under identifiers that follow from what they are; but for those whose answer comes as a notification, which names them.
 */
#include "agent/door_priv.h"
#include "cse/base/rand.h"

#define LIFE_NS (INT64_C(600) * 1000000000) /* of a lost answer at the CSE, at most */
#define DERIVED UINT64_C(0x74726f74682d6f6e) /* no secret: who asks may ask what he likes */

static struct door_conn **bucket_of(struct door *d, uint64_t key)
{
	return &d->pending[key % DOOR_PENDING];
}

static bool is_taken(struct door *d, uint64_t key, uint64_t digest)
{
	int64_t now = loop_now_ns(d->agent->loop);

	for (const struct door_conn *dc = *bucket_of(d, key); dc; dc = dc->next_pending)
		if (dc->key == key && dc->digest != digest)
			return true;
	for (unsigned i = 0; i < DOOR_LOST && i < d->n_lost; i++)
		if (d->lost[i].key == key && d->lost[i].until_ns > now && d->lost[i].digest != digest)
			return true;
	return false;
}

/* What a request is, the same in every process; names of its originator that mean the same are told apart, since nobody but the CSE knows
 * which do. */
static uint64_t digest_of(const struct door_conn *dc, const struct door_once *q)
{
	uint64_t k[2] = { (uint64_t)dc->h.method, DERIVED };
	const struct str parts[] = { q->from, q->type, q->target, q->body };

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		k[i & 1] ^= str_hash(parts[i], k);
	return str_hash(dc->rqi, k);
}

static void derive(const struct door_conn *dc, char out[BOOK_TOKEN])
{
	const uint64_t k[2] = { dc->digest, DERIVED };
	uint64_t h = dc->digest;

	for (unsigned i = 0; i < BOOK_TOKEN; i++, h /= 26) {
		if (i == BOOK_TOKEN / 2)
			h = str_hash(dc->rqi, k);
		out[i] = (char)('a' + h % 26);
	}
}

struct str door_once_name(struct door_conn *dc, const struct door_once *q, char fresh[BOOK_TOKEN])
{
	struct door *d = dc->door;

	dc->named = dc->rqi.n > 0;
	if (!dc->named)
		return STR_NONE;
	dc->key = str_hash(dc->rqi, d->key);
	dc->digest = digest_of(dc, q);
	if (is_taken(d, dc->key, dc->digest)) {
		for (unsigned i = 0; i < BOOK_TOKEN; i++)
			fresh[i] = (char)('a' + rnd_below(d->agent->rnd, 26));
	} else if (!q->later && loop_now_ns(d->agent->loop) - d->begin_ns < LIFE_NS) {
		derive(dc, fresh);
	} else {
		return dc->rqi;
	}
	dc->renamed = true;
	return str_make(fresh, BOOK_TOKEN);
}

void door_once_sent(struct door_conn *dc)
{
	struct door_conn **at = bucket_of(dc->door, dc->key);

	if (!dc->named || dc->renamed)
		return;
	dc->next_pending = *at;
	*at = dc;
	dc->pending = true;
}

void door_once_done(struct door_conn *dc, bool lost)
{
	struct door *d = dc->door;
	struct door_conn **at = bucket_of(d, dc->key);

	if (!dc->pending)
		return;
	dc->pending = false;
	while (*at != dc)
		at = &(*at)->next_pending;
	*at = dc->next_pending;
	if (lost)
		d->lost[d->n_lost++ % DOOR_LOST] = (struct door_lost){ dc->key, dc->digest, loop_now_ns(d->agent->loop) + LIFE_NS };
}
