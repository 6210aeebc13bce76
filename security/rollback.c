/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing store and ledger, holding what may have been revived, and keeping both in step. */
#include "security/rollback.h"

#include "security/audit_priv.h"
#include "security/ledger.h"
#include "security/pack.h"
#include "security/record.h"
#include "security/security_priv.h"

static const char rec_name[] = "ledger";
enum { AT_ONCE = 256 };

static const char *const reasons[] = {
	[HOLD_COPIED] = "the state folder is a copy, which may be older than the original",
	[HOLD_STORE] = "the store is older than the ledger: it came from a backup",
	[HOLD_LEDGER] = "the ledger is older than the store",
	[HOLD_MISSING] = "the file ledger is missing: what was revoked since a backup is not known",
	[HOLD_RESTORED] = "a backup was restored",
};

/* --- comparing ----------------------------------------------------------------------------------------------------- */

/* What the store says of the ledger. */
struct known {
	bool there;
	uint64_t epoch, seq;
};

static int read_known(void *arg, struct str key, struct str value)
{
	struct known *k = arg;
	struct unpack r = { .in = value };

	if (!str_eqz(key, rec_name))
		return 0;
	k->there = true;
	k->epoch = unpack_uint(&r, 8);
	k->seq = unpack_uint(&r, 8);
	return r.bad ? E_CORRUPT : 0;
}

static int same_hash(void *arg, uint64_t seq, struct str row)
{
	(void)seq;
	return row.n > AUDIT_HASH && memcmp(row.p, arg, AUDIT_HASH) == 0 ? 1 : 2;
}

/* Is the event that the ledger saw last in the store, and the same? */
static bool has_head(struct security *sec, struct store *store)
{
	unsigned char hash[AUDIT_HASH];
	uint64_t n = ledger_head(sec->ledger, hash);

	if (n == 0)
		return true;
	return n < store_event_next(store) && store_event_each(store, n, same_hash, hash) == 1;
}

static enum ledger_hold compare(struct security *sec, struct store *store, const struct known *k)
{
	uint64_t epoch = ledger_epoch(sec->ledger);

	if (ledger_found(sec->ledger) == LEDGER_NEW)
		return k->there ? HOLD_MISSING : HOLD_NONE;
	if (!k->there)
		return epoch ? HOLD_STORE : HOLD_NONE;
	/* A start writes the epoch into the store first. */
	if (k->epoch < epoch)
		return HOLD_STORE;
	if (k->epoch > epoch + 1 || k->seq > ledger_seq(sec->ledger))
		return HOLD_LEDGER;
	return has_head(sec, store) ? HOLD_NONE : HOLD_STORE;
}

/* --- single facts -------------------------------------------------------------------------------------------------- */

void rollback_note(struct security *sec, const struct cred_info *before, const struct cred_info *after)
{
	struct ledger *l = sec->ledger;

	if (after->generation && (!before || before->generation != after->generation))
		ledger_note(l, LEDGER_GENERATION, after->id, after->generation);
	if (before && before->state == after->state)
		return;
	if (after->state == CRED_REVOKED)
		ledger_note(l, LEDGER_REVOKED, after->id, after->generation);
	else if (after->state == CRED_SUSPENDED)
		ledger_note(l, LEDGER_SUSPENDED, after->id, after->generation);
	else if (before && before->state == CRED_SUSPENDED)
		ledger_note(l, LEDGER_RESUMED, after->id, after->generation);
}

/* What the ledger says that a credential is; the state that it has when it says nothing. */
static enum cred_state state_by_ledger(const struct ledger *l, const struct cred_info *c)
{
	uint64_t generation;

	if (c->state == CRED_REVOKED || ledger_when(l, LEDGER_REVOKED, c->id))
		return CRED_REVOKED;
	if (ledger_when(l, LEDGER_SUSPENDED, c->id) > ledger_when(l, LEDGER_RESUMED, c->id))
		return CRED_SUSPENDED;
	if (ledger_says(l, LEDGER_GENERATION, c->id, &generation) && generation > c->generation)
		return CRED_SUSPENDED;
	return c->state;
}

/* What a crash kept from the ledger. */
static void catch_up(const struct security *sec, const struct cred_info *c)
{
	struct ledger *l = sec->ledger;
	uint64_t generation;

	if (c->generation && (!ledger_says(l, LEDGER_GENERATION, c->id, &generation) || generation < c->generation))
		ledger_note(l, LEDGER_GENERATION, c->id, c->generation);
	if (c->state == CRED_REVOKED && !ledger_when(l, LEDGER_REVOKED, c->id))
		ledger_note(l, LEDGER_REVOKED, c->id, c->generation);
	if (c->state == CRED_SUSPENDED && ledger_when(l, LEDGER_SUSPENDED, c->id) <= ledger_when(l, LEDGER_RESUMED, c->id))
		ledger_note(l, LEDGER_SUSPENDED, c->id, c->generation);
}

/* In the store too, in one commit; when it takes nothing now, the next start does it again. */
static void put_right(struct security *sec, struct cred_info *v, size_t n)
{
	struct why why = { 0 };
	struct arena a;
	struct tx *tx;
	size_t put = 0;

	if (n == 0)
		return;
	arena_init(&a, 4096);
	tx = store_begin(sec->store, &a, TX_WRITE);
	for (size_t i = 0; i < n; i++)
		put += cred_put(sec, tx, &v[i], &why) == 0;
	if (put)
		security_commit(sec, tx);
	else
		store_end(tx);
	arena_fini(&a);
	for (size_t i = 0; i < n; i++) {
		cred_apply(sec, &v[i]);
		audit(sec, EV_LEDGER_FACT, NULL, STR_NONE, "%.*s %s", STR_ARG(str_first(v[i].id, CRED_MAX_ID)),
		      v[i].state == CRED_REVOKED ? "revoked" : "suspended");
	}
}

static void facts(struct security *sec)
{
	struct cred_info wrong[AT_ONCE];
	struct cred *held[AT_ONCE], **all;
	size_t n, k = 0;
	struct arena a;

	arena_init(&a, 4096);
	all = registry_all(sec, &a, &n);
	for (size_t i = 0; i < n; i++) {
		struct cred_info info = all[i]->info;
		enum cred_state state;

		info.state = registry_stored_state(sec, info.id);
		state = state_by_ledger(sec->ledger, &info);
		if (state != info.state) {
			info.state = state;
			held[k] = cred_ref(all[i]); /* its texts */
			wrong[k++] = info;
		}
		catch_up(sec, &info);
		cred_unref(all[i]);
		if (k < AT_ONCE && i + 1 < n)
			continue;
		put_right(sec, wrong, k);
		while (k)
			cred_unref(held[--k]);
	}
	arena_fini(&a);
}

/* --- in step ------------------------------------------------------------------------------------------------------- */

static void known_put(struct security *sec, struct tx *tx)
{
	struct rollback *r = &sec->rollback;
	struct buf value;

	buf_init(&value, 16);
	r->seq = ledger_seq(sec->ledger);
	pack_uint(&value, r->epoch, 8);
	pack_uint(&value, r->seq, 8);
	store_rec_put(tx, REC_META, str_of(rec_name), buf_as_str(&value));
	buf_fini(&value);
}

/* The store first: a crash in between leaves it one ahead, which is no sign of anything. */
static int begin_epoch(struct security *sec, uint64_t epoch)
{
	struct arena a;
	struct tx *tx;
	int err;

	arena_init(&a, 1024);
	sec->rollback.epoch = epoch;
	tx = store_begin(sec->store, &a, TX_WRITE);
	known_put(sec, tx);
	err = security_commit(sec, tx);
	arena_fini(&a);
	if (err)
		return err;
	ledger_note(sec->ledger, LEDGER_EPOCH, STR_NONE, epoch);
	return ledger_sync(sec->ledger);
}

static void known_stored(struct commit *c, int err)
{
	struct rollback *r = CONTAINER_OF(c, struct rollback, commit);

	(void)err; /* the next tick sees that the ledger is ahead, or the next start */
	atomic_store_explicit(&r->committing, false, memory_order_release);
}

static void store_known(struct security *sec)
{
	struct rollback *r = &sec->rollback;
	struct arena a;

	if (r->seq == ledger_seq(sec->ledger) || atomic_exchange_explicit(&r->committing, true, memory_order_acq_rel))
		return;
	arena_init(&a, 256);
	struct tx *tx = store_begin(sec->store, &a, TX_WRITE);
	known_put(sec, tx);
	r->commit = (struct commit){ .magic = COMMIT_MAGIC, .done = known_stored };
	if (store_commit(tx, &r->commit) == 1)
		store_ready(sec->store, &r->commit);
	else
		atomic_store_explicit(&r->committing, false, memory_order_release);
	arena_fini(&a);
}

/* The chain's head, once it is on disk: the ledger must never be ahead of the store. */
static void note_head(struct security *sec)
{
	struct rollback *r = &sec->rollback;

	if (r->head_n && store_event_durable(sec->store) >= r->head_n) {
		ledger_note(sec->ledger, LEDGER_HEAD, str_make((const char *)r->head, AUDIT_HASH), r->head_n);
		r->noted_n = r->head_n;
		r->head_n = 0;
	}
	if (r->head_n == 0) {
		r->head_n = audit_head(sec->audit, r->head);
		if (r->head_n == r->noted_n)
			r->head_n = 0;
	}
}

static bool is_watched(const struct security *sec)
{
	return ledger_found(sec->ledger) != LEDGER_VOLATILE &&
	       atomic_load_explicit(&sec->rollback.hold, memory_order_acquire) == HOLD_NONE;
}

void rollback_tick(struct security *sec)
{
	struct rollback *r = &sec->rollback;
	int err = ledger_error(sec->ledger);

	if (err && !r->failing)
		log_write(sec->log, LOG_LEDGER, "it is tried again every second: %s", err_text(err));
	r->failing = err != 0;
	ledger_tick(sec->ledger);
	if (!is_watched(sec))
		return;
	note_head(sec);
	store_known(sec);
}

void rollback_end(struct security *sec)
{
	if (sec->store == NULL || !is_watched(sec))
		return;
	audit_flush(sec);
	note_head(sec);
	note_head(sec);
}

/* --- holding ------------------------------------------------------------------------------------------------------- */

/* All but the administrator's; his too when the ledger cannot say whether it was revoked since.  The UNIX socket stays. */
static void hold_all(struct security *sec, enum ledger_hold hold)
{
	struct arena a;
	size_t n;
	struct cred **all;

	arena_init(&a, 4096);
	all = registry_all(sec, &a, &n);
	for (size_t i = 0; i < n; i++) {
		registry_hold(sec, all[i]->info.id, hold && (all[i]->info.kind != CRED_ADMIN || ledger_hold_is_blind(hold)));
		cred_unref(all[i]);
	}
	arena_fini(&a);
}

const char *rollback_reason(const struct security *sec)
{
	return reasons[atomic_load_explicit(&sec->rollback.hold, memory_order_acquire)];
}

static int accept_hold(struct security *sec, struct why *why)
{
	struct rollback *r = &sec->rollback;
	unsigned char hash[AUDIT_HASH];
	uint64_t n;
	int err;

	if (!rollback_reason(sec)) {
		why_set(why, RSC_CONFLICT, "nothing is held back: store and ledger agree");
		return E_ABSENT;
	}
	audit(sec, EV_ROLLBACK_ACCEPTED, NULL, STR_NONE, "%s", rollback_reason(sec));
	audit_flush(sec);
	n = audit_head(sec->audit, hash);
	if (store_event_durable(sec->store) < n)
		err = E_READONLY;
	else
		err = begin_epoch(sec, (r->epoch > ledger_epoch(sec->ledger) ? r->epoch : ledger_epoch(sec->ledger)) + 1);
	if (!err) {
		ledger_note(sec->ledger, LEDGER_HEAD, str_make((const char *)hash, AUDIT_HASH), n);
		ledger_note(sec->ledger, LEDGER_ACCEPTED, STR_NONE, 0);
		err = ledger_sync(sec->ledger);
	}
	if (err) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "that could not be written: %s; devices stay suspended", err_text(err));
		return err;
	}
	hold_all(sec, HOLD_NONE);
	atomic_store_explicit(&r->hold, HOLD_NONE, memory_order_release);
	return 0;
}

int rollback_accept(struct security *sec, struct why *why)
{
	struct rollback *r = &sec->rollback;
	int err;

	CHECK(sec, SECURITY);
	if (atomic_exchange_explicit(&r->accepting, true, memory_order_acq_rel)) {
		why_set(why, RSC_CONFLICT, "that is being accepted already");
		return E_EXISTS;
	}
	err = accept_hold(sec, why);
	atomic_store_explicit(&r->accepting, false, memory_order_release);
	return err;
}

void rollback_attach(struct security *sec, struct store *store)
{
	struct rollback *r = &sec->rollback;
	struct known k = { .there = false };
	enum ledger_hold hold, now;
	int err;

	if (ledger_found(sec->ledger) == LEDGER_VOLATILE)
		return;
	/* What does not read agrees with nothing. */
	if (store_rec_each(store, REC_META, read_known, &k) != 0)
		k.epoch = UINT64_MAX;
	r->epoch = k.epoch == UINT64_MAX ? 0 : k.epoch;
	hold = ledger_pending(sec->ledger);
	now = compare(sec, store, &k);
	if (!hold || (ledger_hold_is_blind(now) && !ledger_hold_is_blind(hold))) {
		hold = now;
		if (hold)
			ledger_note(sec->ledger, LEDGER_HELD, STR_NONE, hold);
	}
	facts(sec);
	if (hold) {
		atomic_store_explicit(&r->hold, hold, memory_order_release);
		hold_all(sec, hold);
		log_write(sec->log, LOG_ROLLBACK, "%s; trothctl restore --accept-rollback lets them work again", reasons[hold]);
		audit(sec, EV_ROLLBACK, NULL, STR_NONE, "%s", reasons[hold]);
		ledger_sync(sec->ledger);
		return;
	}
	/* Not counted on from the store's: starts that end right behind its write would lead it away. */
	err = begin_epoch(sec, ledger_epoch(sec->ledger) + 1);
	if (err)
		log_write(sec->log, LOG_LEDGER, "at start: %s", err_text(err));
}
