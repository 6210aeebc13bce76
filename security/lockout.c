/* SPDX-License-Identifier: Apache-2.0 */
/* Strikes: who is locked, for how long, and who is let in again (security-model 4.1). */
#include "security/lockout_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "security/audit_priv.h"
#include "security/ledger.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

static const struct {
	bool is_attack;
	enum sec_event event;
	const char *name, *text;
} rows[] = {
#define STRIKE(name, is_attack, event, text) [name] = { is_attack, event, #name, text },
#include "security/strike.def"
#undef STRIKE
};

const char *strike_text(enum strike what)
{
	REQUIRE(what < STRIKE_COUNT);
	return rows[what].text;
}

const char *strike_name(enum strike what)
{
	REQUIRE(what < STRIKE_COUNT);
	return rows[what].name;
}

/* --- the table ----------------------------------------------------------------------------------------------------- */

static void take_conf(struct lockout *l, const struct conf *c)
{
	l->mistakes = (unsigned)conf_num(c, CONF_LOCK_MISTAKES);
	l->first_ns = conf_num(c, CONF_LOCK_FIRST) * NS_PER_MS;
	l->longest_ns = conf_num(c, CONF_LOCK_LONGEST) * NS_PER_MS;
	l->forget_ns = conf_num(c, CONF_LOCK_FORGET) * NS_PER_MS;
}

struct lockout *lockout_new(struct security *sec, const struct conf *c)
{
	struct lockout *l = calloc(1, sizeof(*l));
	uint64_t seed[2] = { rnd_u64(sec->rnd), rnd_u64(sec->rnd) };

	REQUIRE(l != NULL && pthread_mutex_init(&l->lock, NULL) == 0);
	strmap_init(&l->fouls, seed);
	l->pairs.prev = l->pairs.next = &l->pairs;
	take_conf(l, c);
	return l;
}

void lockout_reload(struct lockout *l, const struct conf *c)
{
	pthread_mutex_lock(&l->lock);
	take_conf(l, c);
	pthread_mutex_unlock(&l->lock);
}

void lockout_free(struct lockout *l)
{
	struct foul *f;
	size_t at = 0;

	while ((f = strmap_next(&l->fouls, &at)) != NULL)
		free(f);
	strmap_fini(&l->fouls);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* Originators are longer than a record's key may be; two of one hash would share a record, which harms nobody. */
static struct str key_of(struct str cred, struct str originator, char out[LOCK_KEY + 1])
{
	static const uint64_t fixed[2] = { UINT64_C(0x6c6f636b73206f66), UINT64_C(0x2070616972732e2e) };
	int n = originator.n ? snprintf(out, LOCK_KEY + 1, "%.*s %016llx", STR_ARG(cred),
	                                (unsigned long long)str_hash(originator, fixed))
	                     : snprintf(out, LOCK_KEY + 1, "%.*s", STR_ARG(cred));

	REQUIRE(n > 0 && n <= LOCK_KEY);
	return str_make(out, (size_t)n);
}

static struct str put_text(char **at, struct str s)
{
	struct str copy = str_make(*at, s.n);

	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return copy;
}

static void link_pair(struct lockout *l, struct foul *f)
{
	f->prev = l->pairs.prev;
	f->next = &l->pairs;
	f->prev->next = f->next->prev = f;
	atomic_fetch_add_explicit(&l->n_pairs, 1, memory_order_relaxed);
}

static void unlink_pair(struct lockout *l, struct foul *f)
{
	f->prev->next = f->next;
	f->next->prev = f->prev;
	atomic_fetch_sub_explicit(&l->n_pairs, 1, memory_order_relaxed);
}

static void set_dirty(struct lockout *l, struct foul *f)
{
	f->dirty = true;
	atomic_store_explicit(&l->dirty, true, memory_order_release);
}

/* Counts no more, and goes when its record is removed. */
static void let_go(struct lockout *l, struct foul *f, bool has_record)
{
	if (!has_record) {
		foul_drop(l, f);
		return;
	}
	if (f->originator.n)
		unlink_pair(l, f);
	f->gone = true;
	set_dirty(l, f);
}

/* The oldest pair goes. */
static void make_room(struct lockout *l)
{
	struct foul *f = l->pairs.next;

	if (atomic_load_explicit(&l->n_pairs, memory_order_relaxed) >= PAIRS_MAX)
		let_go(l, f, f->stored);
}

static struct foul *foul_new(struct str key, struct str cred, struct str originator)
{
	struct foul *f = calloc(1, sizeof(*f) + key.n + cred.n + originator.n);
	char *at = (char *)(f + 1);

	REQUIRE(f != NULL);
	f->key = put_text(&at, key);
	f->cred = put_text(&at, cred);
	f->originator = put_text(&at, originator);
	return f;
}

struct foul *foul_of(struct lockout *l, struct str cred, struct str originator, bool make)
{
	char text[LOCK_KEY + 1];
	struct str key = key_of(cred, originator, text);
	struct foul *f = strmap_get(&l->fouls, key);

	if (f && f->gone && !make)
		return NULL;
	if (f && !f->gone)
		return f;
	if (!f && !make)
		return NULL;
	if (originator.n)
		make_room(l);
	if (f) {
		f->gone = false;
		f->until_ns = 0;
	} else {
		f = foul_new(key, cred, originator);
		strmap_put(&l->fouls, f->key, f);
	}
	if (originator.n)
		link_pair(l, f);
	return f;
}

void foul_drop(struct lockout *l, struct foul *f)
{
	strmap_del(&l->fouls, f->key);
	if (f->originator.n && !f->gone)
		unlink_pair(l, f);
	free(f);
}

/* --- striking ------------------------------------------------------------------------------------------------------ */

/* Under the lock; true when a lock begins or is made longer. */
static bool count(struct lockout *l, struct foul *f, enum strike what, int64_t now_ns, int64_t now_us)
{
	bool held = foul_holds(f, now_ns);
	int64_t length = l->first_ns;

	f->strikes++;
	if (now_ns - f->last_ns > l->forget_ns)
		f->mistakes = 0;
	f->last_ns = now_ns;
	if (rows[what].is_attack) {
		if (f->until_ns == INT64_MAX)
			return false;
		f->until_ns = INT64_MAX;
	} else {
		f->mistakes++;
		if (held || f->mistakes < l->mistakes)
			return false;
		for (unsigned i = l->mistakes; i < f->mistakes && length < l->longest_ns; i++)
			length *= 2;
		f->until_ns = now_ns + (length < l->longest_ns ? length : l->longest_ns);
	}
	f->why = what;
	if (!held)
		f->since_us = now_us;
	set_dirty(l, f);
	return true;
}

static void strike(struct security *sec, const struct peer *peer, struct str cred, struct str originator, enum strike what)
{
	struct lockout *l = sec->lockout;
	int64_t now_ns = clock_mono_ns(sec->clock), until_ns;
	struct foul *f;
	bool locks;

	pthread_mutex_lock(&l->lock);
	f = foul_of(l, cred, originator, true);
	locks = count(l, f, what, now_ns, clock_wall_us(sec->clock));
	until_ns = f->until_ns;
	pthread_mutex_unlock(&l->lock);
	if (!locks)
		return;
	if (originator.n == 0) {
		registry_lock(sec, cred, until_ns);
		security_tell(sec, cred);
	}
	stat_add(sec->stats, STAT_LOCKS, 1);
	audit_poke(sec->audit);
	/* No restore lets it in again. */
	if (until_ns == INT64_MAX && originator.n == 0)
		ledger_note(sec->ledger, LEDGER_LOCKED, cred, (uint64_t)what);
	if (until_ns == INT64_MAX)
		audit(sec, EV_LOCKED, peer, originator, "%.*s until it is released: %s", STR_ARG(cred), strike_name(what));
	else
		audit(sec, EV_LOCKED, peer, originator, "%.*s for %lld s: %s", STR_ARG(cred),
		      (long long)((until_ns - now_ns + NS_PER_S - 1) / NS_PER_S), strike_name(what));
}

/* Who speaks for others answers for the channel only: what those behind it say must not lock it, nor whom they name. */
static bool speaks_for_others(const struct cred *c)
{
	return c->info.kind == CRED_GATEWAY || c->info.kind == CRED_CSE;
}

void lockout_strike(struct security *sec, const struct peer *peer, enum strike what, struct str claimed)
{
	const struct cred *c;
	struct arena a;

	CHECK(sec, SECURITY);
	CHECK(peer, PEER);
	REQUIRE(what < STRIKE_COUNT);
	c = peer_cred(peer);
	audit(sec, rows[what].event, peer, claimed, "%s", "");
	if (c == NULL)
		return;
	if (!speaks_for_others(c)) {
		strike(sec, peer, c->info.id, STR_NONE, what);
	} else if (rows[what].is_attack && claimed.n > 0 && claimed.n <= CRED_MAX_NAME) {
		/* A name that nobody has is no attack of who carries it. */
		arena_init(&a, 512);
		strike(sec, peer, c->info.id, audit_canonical(&a, &sec->self, claimed), what);
		arena_fini(&a);
	}
}

void lockout_strike_credential(struct security *sec, struct str cred_id, enum strike what)
{
	CHECK(sec, SECURITY);
	REQUIRE(what < STRIKE_COUNT && cred_id.n > 0 && cred_id.n <= CRED_MAX_ID);
	audit(sec, rows[what].event, NULL, STR_NONE, "%.*s", STR_ARG(cred_id));
	strike(sec, NULL, cred_id, STR_NONE, what);
}

/* --- asking -------------------------------------------------------------------------------------------------------- */

bool lockout_pair(struct security *sec, const struct peer *gateway, struct str originator)
{
	struct lockout *l = sec->lockout;
	const struct cred *c = peer_cred(gateway);
	struct arena a;
	struct foul *f;
	bool locked;

	if (c == NULL || !speaks_for_others(c) || atomic_load_explicit(&l->n_pairs, memory_order_relaxed) == 0)
		return false;
	arena_init(&a, 512);
	originator = audit_canonical(&a, &sec->self, originator);
	pthread_mutex_lock(&l->lock);
	f = foul_of(l, c->info.id, originator, false);
	locked = f && foul_holds(f, clock_mono_ns(sec->clock));
	pthread_mutex_unlock(&l->lock);
	arena_fini(&a);
	return locked;
}

bool lockout_is_locked(struct security *sec, struct str cred_id)
{
	struct lockout *l = sec->lockout;
	int64_t now_ns = clock_mono_ns(sec->clock);
	struct foul *f;
	bool locked = false;
	size_t at = 0;

	pthread_mutex_lock(&l->lock);
	while (!locked && (f = strmap_next(&l->fouls, &at)) != NULL)
		locked = !f->gone && str_eq(f->cred, cred_id) && foul_holds(f, now_ns);
	pthread_mutex_unlock(&l->lock);
	return locked;
}

bool lockout_holds(struct security *sec, const struct cred *c)
{
	int64_t until_ns = atomic_load_explicit(&c->holder->locked_until_ns, memory_order_acquire);

	return until_ns && until_ns > clock_mono_ns(sec->clock);
}

void lockout_each(struct security *sec, struct arena *a, void (*fn)(void *arg, const struct lock_info *l), void *arg)
{
	struct lockout *l = sec->lockout;
	int64_t now_ns = clock_mono_ns(sec->clock), now_us = clock_wall_us(sec->clock);
	struct lock_info *all;
	struct foul *f;
	size_t at = 0, n = 0;

	CHECK(sec, SECURITY);
	pthread_mutex_lock(&l->lock);
	all = arena_array(a, l->fouls.n, sizeof(*all));
	while ((f = strmap_next(&l->fouls, &at)) != NULL) {
		if (f->gone || !foul_holds(f, now_ns))
			continue;
		all[n++] = (struct lock_info){ arena_str(a, f->cred), arena_str(a, f->originator), f->why, f->strikes, f->since_us,
			f->until_ns == INT64_MAX ? 0 : now_us + (f->until_ns - now_ns) / 1000 };
	}
	pthread_mutex_unlock(&l->lock);
	for (size_t i = 0; i < n; i++)
		fn(arg, &all[i]);
}

/* --- releasing ----------------------------------------------------------------------------------------------------- */

int lockout_release(struct security *sec, struct tx *tx, struct str cred_id, struct why *why)
{
	struct lockout *l = sec->lockout;
	int64_t now_ns = clock_mono_ns(sec->clock);
	struct foul *f;
	size_t at = 0, n = 0;

	CHECK(sec, SECURITY);
	REQUIRE(tx_mode(tx) == TX_WRITE);
	pthread_mutex_lock(&l->lock);
	while ((f = strmap_next(&l->fouls, &at)) != NULL) {
		if (!str_eq(f->cred, cred_id) || f->gone)
			continue;
		n += foul_holds(f, now_ns);
		f->releasing = f->strikes;
		f->rewritten = false;
		store_rec_put(tx, REC_LOCK, f->key, STR_NONE);
	}
	pthread_mutex_unlock(&l->lock);
	if (n == 0) {
		why_set(why, RSC_NOT_FOUND, "the credential is not locked");
		return E_ABSENT;
	}
	return 0;
}

/* One of them, that no strike has reached since; NULL: there is none.  What was struck again needs its record again. */
static struct foul *released(struct lockout *l, struct str cred)
{
	struct foul *f;
	size_t at = 0;

	while ((f = strmap_next(&l->fouls, &at)) != NULL) {
		if (!str_eq(f->cred, cred) || f->gone)
			continue;
		if (f->strikes == f->releasing)
			return f;
		set_dirty(l, f);
	}
	return NULL;
}

void lockout_apply_release(struct security *sec, struct str cred_id)
{
	struct lockout *l = sec->lockout;
	struct foul *f;
	bool free_again;

	CHECK(sec, SECURITY);
	pthread_mutex_lock(&l->lock);
	/* The thread of the events may have written one between the release and now. */
	while ((f = released(l, cred_id)) != NULL)
		let_go(l, f, f->rewritten);
	f = foul_of(l, cred_id, STR_NONE, false);
	free_again = f == NULL;
	pthread_mutex_unlock(&l->lock);
	if (free_again)
		registry_lock(sec, cred_id, 0);
	if (free_again)
		ledger_note(sec->ledger, LEDGER_RELEASED, cred_id, 0);
	security_tell(sec, cred_id);
	audit_poke(sec->audit);
	audit(sec, EV_RELEASED, NULL, STR_NONE, "%.*s", STR_ARG(cred_id));
}
