/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request identifiers of several clients (TS-0001 7.1.7): each names its own, many always the same.  For the CSE two requests of one
 * originator and identifier and with different contents, while one is pending or its answer was lost, are a replay that locks the device's
 * credential.  So the second of them goes under another identifier, and its client gets its own back.  What is sent again unchanged
 * goes as it is: the CSE tells it from a new request.
 */
#include "agent/door_priv.h"
#include "cse/base/rand.h"

#define LIFE_NS (INT64_C(600) * 1000000000) /* of a lost answer at the CSE, at most */

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

struct str door_once_name(struct door_conn *dc, struct str from, struct str type, struct str target, struct str body, char fresh[BOOK_TOKEN])
{
	struct door *d = dc->door;
	uint64_t k[2] = { d->key[0] ^ str_hash(from, d->key), d->key[1] };

	dc->named = dc->rqi.n > 0;
	if (!dc->named)
		return STR_NONE;
	dc->key = str_hash(dc->rqi, k);
	k[1] ^= (uint64_t)dc->h.method ^ str_hash(type, d->key);
	k[0] ^= str_hash(target, k);
	dc->digest = str_hash(body, k);
	if (!is_taken(d, dc->key, dc->digest))
		return dc->rqi;
	for (unsigned i = 0; i < BOOK_TOKEN; i++)
		fresh[i] = (char)('a' + rnd_below(d->agent->rnd, 26));
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
