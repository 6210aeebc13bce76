/* SPDX-License-Identifier: Apache-2.0 */
/* Locks as records: a restart lets nobody in again.  Mistakes that lock nobody are not kept. */
#include "security/lockout_priv.h"

#include "security/ledger.h"
#include "security/pack.h"

enum { FORMAT = 1 };

/* The numbers of strikes in records: what strike.def begins with stays there. */
void lock_pack(const struct lock_info *l, struct buf *out)
{
	pack_uint(out, FORMAT, 1);
	pack_uint(out, (uint64_t)l->why, 1);
	pack_uint(out, l->strikes, 4);
	pack_uint(out, (uint64_t)l->since_us, 8);
	pack_uint(out, (uint64_t)l->until_us, 8);
	pack_text(out, l->cred_id);
	pack_text(out, l->originator);
}

int lock_unpack(struct str in, struct lock_info *out)
{
	struct unpack r = { .in = in };
	unsigned format = (unsigned)unpack_uint(&r, 1), why = (unsigned)unpack_uint(&r, 1);
	struct lock_info l = { .strikes = (unsigned)unpack_uint(&r, 4) };

	if (in.n && format > FORMAT)
		return E_NEWER;
	l.since_us = (int64_t)unpack_uint(&r, 8);
	l.until_us = (int64_t)unpack_uint(&r, 8);
	l.cred_id = unpack_text(&r, CRED_MAX_ID);
	l.originator = unpack_text(&r, CRED_MAX_NAME);
	if (r.bad || r.in.n || format != FORMAT || why >= STRIKE_COUNT || l.cred_id.n == 0 || l.since_us < 0 || l.until_us < 0)
		return E_CORRUPT;
	l.why = (enum strike)why;
	*out = l;
	return 0;
}

/* --- writing ------------------------------------------------------------------------------------------------------- */

bool lockout_is_dirty(struct security *sec)
{
	return atomic_load_explicit(&sec->lockout->dirty, memory_order_acquire);
}

static void put(struct tx *tx, struct foul *f, int64_t now_ns, int64_t now_us, struct buf *value)
{
	struct lock_info l = { f->cred, f->originator, f->why, f->strikes, f->since_us, 0 };
	bool holds = !f->gone && foul_holds(f, now_ns);

	if (f->until_ns != INT64_MAX)
		l.until_us = now_us + (f->until_ns - now_ns) / 1000;
	buf_reset(value);
	lock_pack(&l, value);
	store_rec_put(tx, REC_LOCK, f->key, holds ? buf_as_str(value) : STR_NONE);
	f->dirty = false;
	f->rewritten = true;
	f->stored |= holds;
}

/* Under the lock. */
static void put_all(struct lockout *l, struct security *sec, struct tx *tx)
{
	int64_t now_ns = clock_mono_ns(sec->clock), now_us = clock_wall_us(sec->clock);
	struct buf value;
	struct foul *f;
	size_t at = 0;

	buf_init(&value, RECORD_MAX);
	while ((f = strmap_next(&l->fouls, &at)) != NULL) {
		if (f->dirty)
			put(tx, f, now_ns, now_us, &value);
	}
	buf_fini(&value);
}

/* Those whose record is removed now; none when it is not (then all are written again: which, is not told). */
static void settle(struct lockout *l, bool written)
{
	struct foul *f, *gone = NULL;
	size_t at = 0;

	while ((f = strmap_next(&l->fouls, &at)) != NULL) {
		f->dirty |= !written;
		if (f->gone && !f->dirty) {
			f->next = gone;
			gone = f;
		}
	}
	while ((f = gone) != NULL) {
		gone = f->next;
		foul_drop(l, f);
	}
	if (!written)
		atomic_store_explicit(&l->dirty, true, memory_order_release);
}

void lockout_write(struct security *sec)
{
	struct lockout *l = sec->lockout;
	struct arena a;
	struct tx *tx;
	int err;

	arena_init(&a, 1024);
	tx = store_begin(sec->store, &a, TX_WRITE);
	pthread_mutex_lock(&l->lock);
	atomic_store_explicit(&l->dirty, false, memory_order_release);
	put_all(l, sec, tx);
	pthread_mutex_unlock(&l->lock);
	err = security_commit(sec, tx);
	if (err)
		log_write(sec->log, LOG_STORE_FAILED, "a lock could not be stored and is tried again; it holds meanwhile: %s", err_text(err));
	pthread_mutex_lock(&l->lock);
	settle(l, err == 0);
	pthread_mutex_unlock(&l->lock);
	arena_fini(&a);
}

/* --- at start ------------------------------------------------------------------------------------------------------ */

struct loading {
	struct security *sec;
	struct why *why;
};

/* A lock for a time goes on for what is left of it, never longer than one may be: the clock may have been set back. */
static int64_t until_of(struct security *sec, const struct lock_info *l)
{
	int64_t left_ns;

	if (l->until_us == 0)
		return INT64_MAX;
	left_ns = (l->until_us - clock_wall_us(sec->clock)) * 1000;
	if (left_ns <= 0)
		return 0;
	return clock_mono_ns(sec->clock) + (left_ns < sec->lockout->longest_ns ? left_ns : sec->lockout->longest_ns);
}

static int load(void *arg, struct str key, struct str value)
{
	struct loading *w = arg;
	struct security *sec = w->sec;
	struct lock_info l;
	struct foul *f;
	int64_t until_ns;
	int err = lock_unpack(value, &l);

	if (!err) {
		pthread_mutex_lock(&sec->lockout->lock);
		f = foul_of(sec->lockout, l.cred_id, l.originator, true);
		f->why = l.why;
		f->strikes = l.strikes;
		f->since_us = l.since_us;
		f->last_ns = clock_mono_ns(sec->clock);
		f->until_ns = until_ns = until_of(sec, &l);
		f->stored = true;
		err = str_eq(f->key, key) ? 0 : E_CORRUPT;
		pthread_mutex_unlock(&sec->lockout->lock);
	}
	if (err) {
		audit(sec, EV_STORE_DAMAGED, NULL, STR_NONE, "a lock's record");
		why_set(w->why, RSC_INTERNAL_SERVER_ERROR, "a lock's record: %s", err_text(err));
		return err;
	}
	if (l.originator.n == 0)
		registry_lock(sec, l.cred_id, until_ns);
	/* What a crash kept from the ledger. */
	if (l.originator.n == 0 && until_ns == INT64_MAX &&
	    ledger_when(sec->ledger, LEDGER_LOCKED, l.cred_id) <= ledger_when(sec->ledger, LEDGER_RELEASED, l.cred_id))
		ledger_note(sec->ledger, LEDGER_LOCKED, l.cred_id, (uint64_t)l.why);
	return 0;
}

/* A store from before the lock (a restored one) does not know it. */
static void from_ledger(void *arg, struct str cred, uint64_t what)
{
	struct security *sec = arg;
	struct foul *f;

	if (cred.n == 0 || cred.n > CRED_MAX_ID)
		return;
	pthread_mutex_lock(&sec->lockout->lock);
	f = foul_of(sec->lockout, cred, STR_NONE, true);
	f->releasing = what < STRIKE_COUNT ? (unsigned)what : STRIKE_CLONE;
	pthread_mutex_unlock(&sec->lockout->lock);
}

/* Those that the ledger has locked and not released since. */
static void take_ledger(struct security *sec)
{
	struct lockout *l = sec->lockout;
	struct foul *f;
	size_t at = 0;

	ledger_each(sec->ledger, LEDGER_LOCKED, from_ledger, sec);
	while ((f = strmap_next(&l->fouls, &at)) != NULL) {
		if (f->originator.n || f->until_ns == INT64_MAX ||
		    ledger_when(sec->ledger, LEDGER_LOCKED, f->cred) <= ledger_when(sec->ledger, LEDGER_RELEASED, f->cred))
			continue;
		f->until_ns = INT64_MAX;
		f->why = (enum strike)f->releasing;
		f->strikes++;
		f->since_us = clock_wall_us(sec->clock);
		f->dirty = true;
		atomic_store_explicit(&l->dirty, true, memory_order_release);
		registry_lock(sec, f->cred, INT64_MAX);
	}
}

int lockout_attach(struct security *sec, struct store *store, struct why *why)
{
	struct loading w = { sec, why };
	int err = store_rec_each(store, REC_LOCK, load, &w);

	if (!err)
		take_ledger(sec);
	return err;
}
