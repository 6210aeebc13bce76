/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials and stems in memory: their versions, and what ends when.  Never calls the store under its lock. */
#include "security/registry_priv.h"

#include <stdlib.h>

#include "security/lockout.h"
#include "security/record.h"
#include "security/rollback.h"

void registry_init(struct registry *r, struct rnd *rnd)
{
	pthread_rwlockattr_t attr;
	uint64_t seed[2] = { rnd_u64(rnd), rnd_u64(rnd) };

	/* glibc's default lets readers starve the writer. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	REQUIRE(pthread_rwlock_init(&r->lock, &attr) == 0);
	pthread_rwlockattr_destroy(&attr);
	strmap_init(&r->by_id, seed);
	strmap_init(&r->by_key, seed);
	strmap_init(&r->by_name, seed);
	strmap_init(&r->by_label, seed);
	strmap_init(&r->stems, seed);
	r->last_drain = &r->drains;
	r->last_holder = &r->holders;
	r->next_end = INT64_MAX;
}

void registry_fini(struct registry *r)
{
	struct holder *h;
	struct stem *s;
	size_t at = 0;

	registry_drop_claims(r, STR_NONE, 0, INT64_MAX);
	while ((s = strmap_next(&r->stems, &at)) != NULL)
		free(s);
	for (at = 0; (h = strmap_next(&r->by_id, &at)) != NULL; free(h)) {
		pthread_mutex_destroy(&h->session_lock);
		cred_unref(h->draining);
		cred_unref(h->cred);
	}
	strmap_fini(&r->by_id);
	strmap_fini(&r->by_key);
	strmap_fini(&r->by_name);
	strmap_fini(&r->by_label);
	strmap_fini(&r->stems);
	pthread_rwlock_destroy(&r->lock);
}

/* A struct with its text behind it. */
static void *text_new(size_t size, struct str text, struct str *copy)
{
	char *p = calloc(1, size + text.n + 1);

	REQUIRE(p != NULL);
	memcpy(p + size, text.p, text.n);
	*copy = str_make(p + size, text.n);
	return p;
}

static struct holder *holder_of(struct registry *r, struct str id)
{
	struct holder *h = strmap_get(&r->by_id, id);
	struct str copy;

	if (h)
		return h;
	h = text_new(sizeof(*h), id, &copy);
	h->id = copy;
	pthread_mutex_init(&h->session_lock, NULL);
	strmap_put(&r->by_id, copy, h);
	*r->last_holder = h;
	r->last_holder = &h->later;
	return h;
}

static struct stem *stem_put(struct registry *r, struct str text, struct holder *h)
{
	struct str copy;
	struct stem *s = text_new(sizeof(*s), text, &copy);

	s->text = copy;
	s->holder = h;
	s->next = h->stems;
	h->stems = s;
	h->n_stems++;
	strmap_put(&r->stems, copy, s);
	return s;
}

static void stem_move(struct stem *s, struct holder *to)
{
	struct stem **at = &s->holder->stems;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->holder->n_stems--;
	s->holder = to;
	s->next = to->stems;
	to->stems = s;
	to->n_stems++;
}

static void index_names(struct registry *r, struct cred *c, bool add)
{
	const struct entity_names *lists[2] = { &c->ae, &c->cse };
	size_t i, k;

	for (k = 0; registry_owns_names(c) && k < 2; k++) {
		for (i = 0; i < lists[k]->n; i++) {
			struct str name = lists[k]->v[i].text;

			if (add)
				strmap_put(&r->by_name, name, c);
			else if (strmap_get(&r->by_name, name) == c)
				strmap_del(&r->by_name, name);
		}
	}
	if (c->info.name.n == 0 || c->info.state == CRED_REVOKED)
		return;
	if (add)
		strmap_put(&r->by_label, c->info.name, c);
	else if (strmap_get(&r->by_label, c->info.name) == c)
		strmap_del(&r->by_label, c->info.name);
}

static void end_peers(struct registry *r, struct cred *c)
{
	atomic_store_explicit(&c->live, 0, memory_order_release);
	if (atomic_load_explicit(&c->connections, memory_order_relaxed) > 0)
		atomic_store_explicit(&r->ended, true, memory_order_relaxed);
}

static void end_version(struct registry *r, struct cred *c)
{
	end_peers(r, c);
	cred_unref(c);
}

static void leave_drains(struct registry *r, struct holder *h)
{
	struct holder **at = &r->drains;

	while (*at != h)
		at = &(*at)->next_drain;
	*at = h->next_drain;
	if (h->next_drain == NULL)
		r->last_drain = at;
	h->next_drain = NULL;
	end_version(r, h->draining);
	h->draining = NULL;
}

/* The key was renewed by its own holder, who may go on for a moment with connections that proved the one before.  Takes the
 * reference of old. */
static void end_old(struct registry *r, struct holder *h, struct cred *old, const struct cred *c, int64_t now_ns)
{
	bool renewed = c->info.generation > old->info.generation && c->info.base_generation == old->info.base_generation &&
	               cred_state_speaks(c->info.state) && c->info.zone == old->info.zone;

	if (h->draining)
		leave_drains(r, h);
	if (!renewed) {
		end_version(r, old);
		return;
	}
	h->draining = old;
	h->drain_ns = now_ns + CRED_DRAIN_S * NS_PER_S;
	h->next_drain = NULL;
	*r->last_drain = h;
	r->last_drain = &h->next_drain;
}

/* Takes the reference. */
static void put_version(struct registry *r, struct cred *c, int64_t now_ns)
{
	struct holder *h = holder_of(r, c->info.id);
	struct cred *old = h->cred;
	size_t i;

	c->holder = h;
	h->cred = c;
	atomic_fetch_add_explicit(&r->in_state[c->info.state], 1, memory_order_relaxed);
	if (old) {
		atomic_fetch_sub_explicit(&r->in_state[old->info.state], 1, memory_order_relaxed);
		index_names(r, old, false);
		if (old->info.fingerprint.n && strmap_get(&r->by_key, old->info.fingerprint) == old)
			strmap_del(&r->by_key, old->info.fingerprint);
		end_old(r, h, old, c, now_ns);
	}
	if (c->info.fingerprint.n)
		strmap_put(&r->by_key, c->info.fingerprint, c);
	index_names(r, c, true);
	for (i = 0; registry_owns_names(c) && i < c->ae.n; i++) {
		struct stem *s = strmap_get(&r->stems, c->ae.v[i].text);

		if (s && s->holder != h && registry_is_gateways(s))
			stem_move(s, h);
	}
	if (c->info.fingerprint.n && c->info.not_after < r->next_end)
		r->next_end = c->info.not_after;
}

/* What a record says of a credential, and what a lock makes of it. */
static void put_info(struct security *sec, const struct cred_info *info, int64_t now_ns)
{
	struct holder *h = holder_of(&sec->registry, info->id);
	struct cred_info shown = *info;

	if (info->state != CRED_LOCKED)
		h->stored = info->state;
	shown.state = h->stored;
	if (atomic_load_explicit(&h->locked_until_ns, memory_order_relaxed) == INT64_MAX && cred_state_speaks(h->stored))
		shown.state = CRED_LOCKED;
	else if (h->held && (cred_state_speaks(h->stored) || h->stored == CRED_CODE_OUT))
		shown.state = CRED_SUSPENDED;
	put_version(&sec->registry, cred_new(&sec->self, &shown), now_ns);
}

/* --- at start ------------------------------------------------------------------------------------------------------ */

struct loading {
	struct security *sec;
	struct why *why;
};

static int damaged(struct loading *l, int err, const char *what)
{
	audit(l->sec, EV_STORE_DAMAGED, NULL, STR_NONE, "%s", what);
	why_set(l->why, RSC_INTERNAL_SERVER_ERROR, "%s: %s", what, err_text(err));
	return err;
}

static int load_cred(void *arg, struct str key, struct str value)
{
	struct loading *l = arg;
	struct cred_info info;
	struct arena a;
	struct why w = { 0 };
	int err;

	arena_init(&a, 1024);
	err = record_unpack_cred(&a, key, value, &info);
	if (!err && cred_check(l->sec, &info, &w) != 0)
		err = E_CORRUPT;
	/* Inside of the store's own lock here, never around it. */
	pthread_rwlock_wrlock(&l->sec->registry.lock);
	if (!err)
		put_info(l->sec, &info, 0);
	pthread_rwlock_unlock(&l->sec->registry.lock);
	arena_fini(&a);
	return err ? damaged(l, err, "a credential's record") : 0;
}

static int load_stem(void *arg, struct str key, struct str value)
{
	struct loading *l = arg;
	struct registry *r = &l->sec->registry;
	struct str id;
	int err = record_unpack_stem(value, &id);

	if (err)
		return damaged(l, err, "the record of a stem");
	pthread_rwlock_wrlock(&r->lock);
	stem_put(r, key, holder_of(r, id));
	pthread_rwlock_unlock(&r->lock);
	return 0;
}

int registry_load(struct security *sec, struct store *store, struct why *why)
{
	struct loading l = { sec, why };
	int err = store_rec_each(store, REC_STEM, load_stem, &l);

	return err ? err : store_rec_each(store, REC_CREDENTIAL, load_cred, &l);
}

/* Without the lock: whoever holds connections looks at them now. */
static void tell_ended(struct security *sec)
{
	if (!atomic_exchange_explicit(&sec->registry.ended, false, memory_order_acq_rel))
		return;
	for (size_t i = 0; i < PEER_WATCHERS; i++) {
		if (sec->peer_watchers[i].fn)
			sec->peer_watchers[i].fn(sec->peer_watchers[i].arg);
	}
}

void registry_tick(struct security *sec, int64_t now_us)
{
	struct registry *r = &sec->registry;
	struct holder *h;
	size_t at = 0;

	pthread_rwlock_wrlock(&r->lock);
	while (r->drains && r->drains->drain_ns <= clock_mono_ns(sec->clock))
		leave_drains(r, r->drains);
	if (now_us >= r->next_end) {
		r->next_end = INT64_MAX;
		while ((h = strmap_next(&r->by_id, &at)) != NULL) {
			if (h->cred == NULL || h->cred->info.fingerprint.n == 0)
				continue;
			if (h->cred->info.not_after <= now_us)
				end_peers(r, h->cred);
			else if (h->cred->info.not_after < r->next_end)
				r->next_end = h->cred->info.not_after;
		}
	}
	pthread_rwlock_unlock(&r->lock);
	tell_ended(sec);
}

/* --- changing ------------------------------------------------------------------------------------------------------ */

bool registry_bind(struct security *sec, const struct cred *c, struct str stem, bool *fresh)
{
	struct registry *r = &sec->registry;
	struct stem *s;

	pthread_rwlock_wrlock(&r->lock);
	s = strmap_get(&r->stems, stem);
	*fresh = s == NULL;
	if (s == NULL)
		s = stem_put(r, stem, c->holder);
	pthread_rwlock_unlock(&r->lock);
	if (*fresh)
		security_changed(sec);
	return s->holder == c->holder;
}

/* Under the lock: the ledger hears of it before anybody else does, but of no generation that the store may still lose. */
static void note_change(struct security *sec, const struct cred_info *info, bool durable)
{
	const struct holder *h = strmap_get(&sec->registry.by_id, info->id);
	struct cred_info before, after = *info;

	if (h && h->cred) {
		before = h->cred->info;
		before.state = h->stored;
		if (info->state == CRED_LOCKED)
			after.state = h->stored;
		if (!durable)
			after.generation = before.generation;
	}
	rollback_note(sec, h && h->cred ? &before : NULL, &after);
}

/* A new key by an administrator's act is for who had the credential locked by the one before. */
static bool is_given_anew(struct security *sec, const struct cred_info *info)
{
	struct cred *old = registry_get(sec, info->id);
	bool anew = old && info->base_generation > old->info.base_generation;

	cred_unref(old);
	return anew;
}

void registry_release(struct security *sec, struct tx *tx, const struct cred_info *info)
{
	struct why why = { 0 };

	if (is_given_anew(sec, info))
		lockout_release(sec, tx, info->id, &why);
}

static void apply(struct security *sec, const struct cred_info *info, bool durable)
{
	struct registry *r = &sec->registry;
	bool anew;

	CHECK(sec, SECURITY);
	anew = is_given_anew(sec, info);
	pthread_rwlock_wrlock(&r->lock);
	struct holder *h = holder_of(r, info->id);
	registry_drop_claims(r, info->id, info->seq, INT64_MIN);
	/* Two that became durable together may be applied in either order. */
	if (info->seq >= h->seq) {
		h->seq = info->seq;
		note_change(sec, info, durable);
		h->held = false;
		put_info(sec, info, clock_mono_ns(sec->clock));
	}
	pthread_rwlock_unlock(&r->lock);
	security_changed(sec);
	tell_ended(sec);
	security_tell(sec, info->id);
	if (anew && lockout_is_locked(sec, info->id))
		lockout_apply_release(sec, info->id);
}

void cred_apply(struct security *sec, const struct cred_info *info)
{
	apply(sec, info, true);
}

void cred_apply_early(struct security *sec, const struct cred_info *info)
{
	apply(sec, info, false);
}

void registry_hold(struct security *sec, struct str id, bool held)
{
	struct registry *r = &sec->registry;
	bool changes;

	pthread_rwlock_wrlock(&r->lock);
	struct holder *h = strmap_get(&r->by_id, id);
	changes = h && h->cred && h->held != held;
	if (changes) {
		struct cred_info info = h->cred->info;
		h->held = held;
		info.state = h->stored;
		put_info(sec, &info, clock_mono_ns(sec->clock));
	}
	pthread_rwlock_unlock(&r->lock);
	if (!changes)
		return;
	security_changed(sec);
	tell_ended(sec);
	security_tell(sec, id);
}

void registry_lock(struct security *sec, struct str id, int64_t until_ns)
{
	struct registry *r = &sec->registry;
	struct holder *h;

	pthread_rwlock_wrlock(&r->lock);
	h = strmap_get(&r->by_id, id);
	if (h)
		atomic_store_explicit(&h->locked_until_ns, until_ns, memory_order_release);
	/* Another version: the peers of this one end.  Where nothing ends and nothing is shown differently, they go on. */
	if (h && h->cred && (until_ns || h->cred->info.state == CRED_LOCKED)) {
		struct cred_info info = h->cred->info;
		info.state = h->stored;
		put_info(sec, &info, clock_mono_ns(sec->clock));
	}
	pthread_rwlock_unlock(&r->lock);
	security_changed(sec);
	tell_ended(sec);
}
