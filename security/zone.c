/* SPDX-License-Identifier: Apache-2.0 */
/* Zones and conduits (security-model 4.3): who may reach which part of the tree at all.  Closed unless said otherwise. */
#include "security/security_priv.h"

#include <stdlib.h>

#include "security/record.h"

void zones_init(struct zones *z)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	REQUIRE(pthread_rwlock_init(&z->lock, &attr) == 0);
	pthread_rwlockattr_destroy(&attr);
	z->known[ZONE_DEFAULT / 64] |= UINT64_C(1) << (ZONE_DEFAULT % 64);
}

void zones_fini(struct zones *z)
{
	pthread_rwlock_destroy(&z->lock);
	free(z->conduits);
}

/* Where the conduit stands or would stand. */
static size_t place(const struct zones *z, uint32_t conduit)
{
	size_t low = 0, high = z->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (z->conduits[mid] < conduit)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void set_conduit(struct zones *z, uint32_t conduit, bool open)
{
	size_t at = place(z, conduit);
	bool is_open = at < z->n && z->conduits[at] == conduit;

	if (is_open == open)
		return;
	if (!open) {
		z->n--;
		memmove(z->conduits + at, z->conduits + at + 1, (z->n - at) * sizeof(*z->conduits));
		return;
	}
	if (z->n == z->cap) {
		z->cap = z->cap ? z->cap * 2 : 16;
		z->conduits = realloc(z->conduits, z->cap * sizeof(*z->conduits));
		REQUIRE(z->conduits != NULL);
	}
	memmove(z->conduits + at + 1, z->conduits + at, (z->n - at) * sizeof(*z->conduits));
	z->conduits[at] = conduit;
	z->n++;
}

struct loading {
	struct security *sec;
	struct why *why;
};

static int load_record(void *arg, struct str key, struct str value)
{
	struct loading *l = arg;
	uint16_t from, to;
	bool conduit;
	int err = record_read_zone(key, value, &conduit, &from, &to);

	if (err) {
		audit(l->sec, EV_STORE_DAMAGED, NULL, STR_NONE, "a zone's record");
		why_set(l->why, RSC_INTERNAL_SERVER_ERROR, "a zone's record: %s", err_text(err));
		return err;
	}
	if (conduit)
		zone_apply_conduit(l->sec, from, to, true);
	else
		zone_apply(l->sec, from);
	return 0;
}

int zones_load(struct security *sec, struct store *store, struct why *why)
{
	struct loading l = { sec, why };

	return store_rec_each(store, REC_ZONE, load_record, &l);
}

bool zone_known(struct security *sec, uint16_t zone)
{
	bool known;

	pthread_rwlock_rdlock(&sec->zones.lock);
	known = (sec->zones.known[zone / 64] >> (zone % 64)) & 1;
	pthread_rwlock_unlock(&sec->zones.lock);
	return known;
}

bool zone_allows(struct security *sec, const struct origin *o, uint16_t target_zone)
{
	uint32_t conduit = (uint32_t)o->zone << 16 | target_zone;
	bool open;
	size_t at;

	if (o->zone == target_zone || target_zone == ZONE_COMMON || o->self || o->admin)
		return true;
	pthread_rwlock_rdlock(&sec->zones.lock);
	at = place(&sec->zones, conduit);
	open = at < sec->zones.n && sec->zones.conduits[at] == conduit;
	pthread_rwlock_unlock(&sec->zones.lock);
	return open;
}

/* --- changing ------------------------------------------------------------------------------------------------------ */

int zone_put(struct security *sec, struct tx *tx, uint16_t zone)
{
	struct buf key, value;

	CHECK(sec, SECURITY);
	if (zone == ZONE_COMMON)
		return E_RANGE;
	buf_init(&key, 64);
	buf_init(&value, 64);
	record_zone_key(zone, &key);
	record_pack_zone(&value);
	store_rec_put(tx, REC_ZONE, buf_as_str(&key), buf_as_str(&value));
	buf_fini(&key);
	buf_fini(&value);
	return 0;
}

int zone_put_conduit(struct security *sec, struct tx *tx, uint16_t from, uint16_t to, bool open)
{
	struct buf key, value;

	CHECK(sec, SECURITY);
	if (from == to || from == ZONE_COMMON || to == ZONE_COMMON)
		return E_RANGE;
	if (!zone_known(sec, from) || !zone_known(sec, to))
		return E_ABSENT;
	buf_init(&key, 64);
	buf_init(&value, 64);
	record_conduit_key(from, to, &key);
	if (open)
		record_pack_zone(&value);
	store_rec_put(tx, REC_ZONE, buf_as_str(&key), buf_as_str(&value));
	buf_fini(&key);
	buf_fini(&value);
	return 0;
}

void zone_apply(struct security *sec, uint16_t zone)
{
	pthread_rwlock_wrlock(&sec->zones.lock);
	sec->zones.known[zone / 64] |= UINT64_C(1) << (zone % 64);
	pthread_rwlock_unlock(&sec->zones.lock);
}

void zone_apply_conduit(struct security *sec, uint16_t from, uint16_t to, bool open)
{
	pthread_rwlock_wrlock(&sec->zones.lock);
	set_conduit(&sec->zones, (uint32_t)from << 16 | to, open);
	pthread_rwlock_unlock(&sec->zones.lock);
	security_changed(sec);
}

void zone_each(struct security *sec, void (*fn)(void *arg, uint16_t from, uint16_t to), void *arg)
{
	CHECK(sec, SECURITY);
	pthread_rwlock_rdlock(&sec->zones.lock);
	for (unsigned z = ZONE_DEFAULT; z <= UINT16_MAX; z++)
		if ((sec->zones.known[z / 64] >> (z % 64)) & 1)
			fn(arg, (uint16_t)z, 0);
	for (size_t i = 0; i < sec->zones.n; i++)
		fn(arg, (uint16_t)(sec->zones.conduits[i] >> 16), (uint16_t)sec->zones.conduits[i]);
	pthread_rwlock_unlock(&sec->zones.lock);
}
