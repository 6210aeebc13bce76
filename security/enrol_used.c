/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that are used: the first use of a renewed one, the use of one that is over, and who uses a key at two places. */
#include "security/enrol_priv.h"

#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "security/security_priv.h"

/* --- changes that do not wait ----------------------------------------------------------------------------------------- */

/* In effect at once, on disk soon: a change in the direction of less.  false: it was not to be made. */
static bool change_now(struct enrol *e, struct str id, bool (*change)(struct cred_info *c, const void *arg), const void *arg,
                       struct str record)
{
	struct security *sec = e->o.security;
	struct why why = { 0 };
	struct cred_info c;
	struct arena a;
	bool done;

	arena_init(&a, 2048);
	struct tx *tx = store_begin(e->o.store, &a, TX_WRITE);
	done = cred_latest(sec, tx, id, &c) && change(&c, arg) && cred_put(sec, tx, &c, &why) == 0;
	if (done) {
		if (record.n)
			store_rec_put(tx, REC_DEVICE, id, record);
		enrol_commit(e, tx, c.id, c.generation);
		cred_apply_early(sec, &c);
	} else {
		store_end(tx);
	}
	arena_fini(&a);
	return done;
}

/* --- clones ----------------------------------------------------------------------------------------------------------- */

static bool suspend(struct cred_info *c, const void *arg)
{
	(void)arg;
	if (!cred_state_speaks(c->state))
		return false;
	c->state = CRED_SUSPENDED;
	return true;
}

void enrol_clone(struct enrol *e, struct str id, const char *what)
{
	/* Told once: who comes again meets a suspended credential. */
	if (change_now(e, id, suspend, NULL, STR_NONE))
		audit(e->o.security, EV_CLONE, NULL, STR_NONE, "%s %.*s", what, STR_ARG(id));
}

/* --- first uses ------------------------------------------------------------------------------------------------------- */

static bool make_active(struct cred_info *c, const void *arg)
{
	const struct str *fingerprint = arg;

	if (c->state != CRED_ENROLLED || !str_eq(c->fingerprint, *fingerprint))
		return false;
	c->state = CRED_ACTIVE;
	return true;
}

static bool make_current(struct cred_info *c, const void *arg)
{
	const struct device_rec *r = arg;

	/* Renewed from the generation that is current; otherwise somebody has changed it meanwhile. */
	if (!cred_state_speaks(c->state) || c->generation + 1 != r->next)
		return false;
	c->state = CRED_ACTIVE;
	c->generation = r->next;
	c->fingerprint = str_make((const char *)r->next_key, ENROL_KEY);
	c->not_before = r->next_from;
	c->not_after = r->next_to;
	return true;
}

/* Nothing waits any more.  The answer is not freed. */
static void forget_next(struct device_rec *r)
{
	r->next = 0;
	memset(r->next_key, 0, ENROL_KEY);
	r->next_from = r->next_to = 0;
	r->answer = STR_NONE;
}

/* The generation that waited is the one now. */
static bool promote(struct enrol *e, struct str fingerprint)
{
	struct device_rec next = { .next = 0 };
	struct device *d;
	struct buf record;
	bool done = false, mine = false;

	buf_init_secret(&record, ENROL_RECORD_MAX);
	pthread_mutex_lock(&e->lock);
	d = strmap_get(&e->by_next, fingerprint);
	if (d) {
		struct device after = *d;

		next = d->r;
		forget_next(&after.r);
		/* Who writes the record just now does not know of this; at a start it is seen to be over. */
		mine = !d->busy;
		if (mine) {
			d->busy = true;
			device_pack(e, &after, &record);
		}
	}
	pthread_mutex_unlock(&e->lock);
	if (d)
		done = change_now(e, d->id, make_current, &next, buf_as_str(&record));
	pthread_mutex_lock(&e->lock);
	if (done && d->r.next == next.next) {
		device_unindex(e, d);
		device_set_answer(d, STR_NONE);
		forget_next(&d->r);
		device_index(e, d);
	}
	if (mine)
		d->busy = false;
	pthread_mutex_unlock(&e->lock);
	if (done)
		audit(e->o.security, EV_CREDENTIAL_STATE, NULL, STR_NONE, "generation %u %.*s", (unsigned)next.next, STR_ARG(d->id));
	buf_fini_secret(&record);
	return done;
}

/* Of a generation that is over.  For a moment after the change it may be a handshake that was on its way. */
static void used_again(struct enrol *e, struct str id, uint32_t generation)
{
	struct security *sec = e->o.security;
	struct cred *c = id.n ? registry_get(sec, id) : NULL;
	bool over;

	if (c == NULL)
		return;
	over = cred_state_speaks(c->info.state) && generation < c->info.generation && generation >= c->info.base_generation;
	if (over && !registry_is_draining(sec, id))
		enrol_clone(e, c->info.id, "a superseded key was used:");
	cred_unref(c);
}

int enrol_used(struct enrol *e, struct str fingerprint, struct str subject_id, uint32_t generation, const struct ipaddr *from)
{
	struct security *sec = e->o.security;
	struct cred *c;
	bool first;

	CHECK(e, ENROL);
	(void)from;
	c = registry_by_key(sec, fingerprint);
	if (c) {
		first = c->info.state == CRED_ENROLLED;
		/* Two loops at once: one of them makes it so. */
		if (first && change_now(e, c->info.id, make_active, &fingerprint, STR_NONE))
			audit(sec, EV_CREDENTIAL_STATE, NULL, STR_NONE, "active %.*s", STR_ARG(c->info.id));
		cred_unref(c);
		return 0;
	}
	/* A device opens several connections with its new key: the second waits for what the first one does. */
	pthread_mutex_lock(&e->first);
	first = promote(e, fingerprint);
	c = first ? NULL : registry_by_key(sec, fingerprint);
	pthread_mutex_unlock(&e->first);
	cred_unref(c);
	if (first || c)
		return 0;
	used_again(e, subject_id, generation);
	return E_DENIED;
}

bool enrol_in_grace(struct enrol *e, struct str fingerprint, int64_t not_after_us)
{
	int64_t now = clock_wall_us(e->o.clock), grace;
	struct security *sec = e->o.security;
	const struct device *d;
	struct cred *c;
	bool yes;

	CHECK(e, ENROL);
	if (clockguard_doubtful(sec))
		return false;
	pthread_mutex_lock(&e->lock);
	d = strmap_get(&e->by_next, fingerprint);
	c = d ? registry_get(sec, d->id) : registry_by_key(sec, fingerprint);
	grace = e->grace_us;
	pthread_mutex_unlock(&e->lock);
	yes = c && cred_state_speaks(c->info.state) && c->info.kind != CRED_ADMIN && now - not_after_us < grace;
	cred_unref(c);
	return yes;
}
