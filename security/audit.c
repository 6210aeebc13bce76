/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Security events.  Whoever notices one leaves a note and goes on, in a tx too; a thread of its own makes the pseudonyms,
 * chains the rows and hands them to the store.  What repeats is counted (repeat.c), so that nobody fills the table.
 */
#include "security/audit_priv.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "security/lockout_priv.h"

static const char *const names[] = {
#define AUDIT(name, text) [name] = #name,
#include "security/audit.def"
#undef AUDIT
};

/* What a credential can cause again and again. */
static bool repeats(enum sec_event ev)
{
	return ev == EV_FALSE_ORIGINATOR || ev == EV_NO_CREDENTIAL || ev == EV_UNKNOWN_CREDENTIAL ||
	       ev == EV_DEAD_CREDENTIAL || ev == EV_DENIED || ev == EV_ZONE || ev == EV_TOO_MANY_CONNECTIONS ||
	       ev == EV_RULE_UNEVALUABLE || ev == EV_SELF || ev == EV_REPLAY || ev == EV_LOCKED || ev == EV_ENROL_REFUSED || ev == EV_POA ||
	       ev == EV_SUBSCRIPTION;
}

struct audit *audit_new(struct security *sec, size_t max_bytes)
{
	struct audit *a = calloc(1, sizeof(*a));

	REQUIRE(a != NULL);
	a->sec = sec;
	rnd_bytes(sec->rnd, a->seed, sizeof(a->seed));
	atomic_init(&a->max_bytes, max_bytes);
	arena_init(&a->mem, 1024);
	buf_init(&a->row, AUDIT_ROW_MAX);
	REQUIRE(pthread_mutex_init(&a->lock, NULL) == 0);
	REQUIRE(pthread_cond_init(&a->wake, NULL) == 0);
	REQUIRE(pthread_cond_init(&a->idle, NULL) == 0);
	return a;
}

/* What proved something is recorded beyond the bound at which strangers are refused, up to a bound of its own. */
static void bound_table(struct store *store, size_t max_bytes)
{
	store_event_bound(store, max_bytes + max_bytes / 4);
}

void audit_set_max(struct audit *a, size_t max_bytes)
{
	atomic_store_explicit(&a->max_bytes, max_bytes, memory_order_relaxed);
	if (a->sec->store)
		bound_table(a->sec->store, max_bytes);
}

/* Under the lock.  The last quarter of the room is for events that do not repeat, half of it is closed to strangers. */
void audit_leave(struct audit *a, const struct note *n)
{
	if (a->n == NOTES || (repeats(n->ev) && a->n >= NOTES / 4 * 3) || (n->stranger && a->n >= NOTES / 2)) {
		a->lost += n->n;
		if (n->awaited)
			*n->awaited = (struct awaited){ .done = true, .err = E_FULL };
		return;
	}
	a->notes[(a->first + a->n++) % NOTES] = *n;
	a->left++;
	pthread_cond_signal(&a->wake);
}

static void notice(struct audit *a, const struct note *n)
{
	int64_t now_ns = clock_mono_ns(a->sec->clock);

	pthread_mutex_lock(&a->lock);
	if (!repeats(n->ev) || repeat_is_first(a, n, now_ns))
		audit_leave(a, n);
	pthread_mutex_unlock(&a->lock);
	stat_add(a->sec->stats, STAT_EVENTS, 1);
}

static size_t copy(char *to, size_t room, struct str s)
{
	size_t n = s.n < room ? s.n : room;

	if (n)
		memcpy(to, s.p, n);
	return n;
}

static void PRINTF_LIKE(5, 0) make_note(struct note *n, struct security *sec, enum sec_event ev, const struct peer *peer, const char *fmt,
                                        va_list ap)
{
	const struct cred *c = peer ? peer_cred(peer) : NULL;
	int len;

	CHECK(sec, SECURITY);
	*n = (struct note){ .ev = ev, .n = 1, .time_us = clock_wall_us(sec->clock) };
	n->n_cred = (uint8_t)copy(n->cred, sizeof(n->cred), c ? c->info.id : STR_NONE);
	len = vsnprintf(n->detail, sizeof(n->detail), fmt, ap);
	n->n_detail = (uint8_t)(len < 0 ? 0 : (size_t)len < sizeof(n->detail) ? (size_t)len : sizeof(n->detail) - 1);
}

void audit(struct security *sec, enum sec_event ev, const struct peer *peer, struct str originator, const char *fmt, ...)
{
	struct note n;
	va_list ap;

	va_start(ap, fmt);
	make_note(&n, sec, ev, peer, fmt, ap);
	va_end(ap);
	n.n_who = (uint8_t)copy(n.who, sizeof(n.who), originator);
	notice(sec->audit, &n);
}

int audit_first(struct security *sec, enum sec_event ev, const struct peer *peer, const char *fmt, ...)
{
	struct audit *a = sec->audit;
	struct awaited waits = { .done = false };
	struct note n;
	va_list ap;

	REQUIRE(a->running && !repeats(ev));
	va_start(ap, fmt);
	make_note(&n, sec, ev, peer, fmt, ap);
	va_end(ap);
	n.awaited = &waits;
	notice(a, &n);
	pthread_mutex_lock(&a->lock);
	while (!waits.done)
		pthread_cond_wait(&a->idle, &a->lock);
	pthread_mutex_unlock(&a->lock);
	if (waits.err)
		return waits.err;
	store_flush(sec->store);
	return store_event_durable(sec->store) >= waits.seq ? 0 : E_READONLY;
}

void audit_stranger(struct security *sec, enum sec_event ev, const struct ipaddr *from)
{
	struct note n = { .ev = ev, .n = 1, .time_us = clock_wall_us(sec->clock), .stranger = true };

	CHECK(sec, SECURITY);
	if (from)
		n.prefix = ipaddr_site(from);
	notice(sec->audit, &n);
}

void audit_tick(struct audit *a)
{
	pthread_mutex_lock(&a->lock);
	repeat_close(a, clock_mono_ns(a->sec->clock));
	pthread_mutex_unlock(&a->lock);
	/* What could not be stored is tried again. */
	if (lockout_is_dirty(a->sec))
		audit_poke(a);
}

void audit_poke(struct audit *a)
{
	pthread_mutex_lock(&a->lock);
	a->poked = true;
	pthread_cond_signal(&a->wake);
	pthread_mutex_unlock(&a->lock);
}

void audit_flush(struct security *sec)
{
	struct audit *a = sec->audit;

	pthread_mutex_lock(&a->lock);
	repeat_close(a, INT64_MAX);
	while (a->running && (a->n || a->poked || a->busy))
		pthread_cond_wait(&a->idle, &a->lock);
	pthread_mutex_unlock(&a->lock);
	if (a->running)
		store_flush(sec->store);
}

static void wait_over(struct event_wait *ev)
{
	struct audit_wait *w = CONTAINER_OF(ev, struct audit_wait, stored);

	w->done(w);
}

void audit_after(struct security *sec, struct audit_wait *w, struct loop *loop, void (*done)(struct audit_wait *w))
{
	struct audit *a = sec->audit;
	bool given;

	*w = (struct audit_wait){ .loop = loop, .done = done };
	pthread_mutex_lock(&a->lock);
	w->left = a->left;
	given = a->given >= w->left || !a->running;
	if (!given) {
		w->next = a->waits;
		a->waits = w;
	}
	pthread_mutex_unlock(&a->lock);
	if (given)
		store_event_after(sec->store, &w->stored, loop, wait_over);
}

/* Under the lock.  What was noted before them is the store's by now, which is asked without it. */
static void pass_waits(struct audit *a)
{
	struct audit_wait *ready = NULL, **at = &a->waits;

	while (*at) {
		struct audit_wait *w = *at;

		if (w->left > a->given) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		w->next = ready;
		ready = w;
	}
	if (!ready)
		return;
	pthread_mutex_unlock(&a->lock);
	while (ready) {
		struct audit_wait *w = ready;

		ready = w->next;
		store_event_after(a->sec->store, &w->stored, w->loop, wait_over);
	}
	pthread_mutex_lock(&a->lock);
}

bool audit_is_full(const struct security *sec)
{
	return sec->store && store_event_bytes(sec->store) >=
	                         atomic_load_explicit(&sec->audit->max_bytes, memory_order_relaxed);
}

/* --- the thread ---------------------------------------------------------------------------------------------------- */

/* One name, one pseudonym, whatever form it was given in. */
struct str audit_canonical(struct arena *a, const struct addr_self *self, struct str s)
{
	struct str rest, sp;
	struct who w;
	bool more;

	if (who_parse(a, s, self, false, &w) != 0 || w.kind != WHO_ENTITY)
		return s;
	if (w.stem.n)
		return w.stem;
	rest = str_from(w.abs, 2);
	sp = str_cut(&rest, '/', &more);
	return str_eq_nocase(sp, self->sp) ? str_make(rest.p - 1, rest.n + 1) : w.abs;
}

static void stored(struct audit *a, const unsigned char head[AUDIT_HASH])
{
	memcpy(a->head, head, AUDIT_HASH);
	pthread_mutex_lock(&a->lock);
	memcpy(a->stored, head, AUDIT_HASH);
	a->stored_n++;
	pthread_mutex_unlock(&a->lock);
}

uint64_t audit_head(struct audit *a, unsigned char hash[AUDIT_HASH])
{
	pthread_mutex_lock(&a->lock);
	memcpy(hash, a->stored, AUDIT_HASH);
	uint64_t n = a->stored_n;
	pthread_mutex_unlock(&a->lock);
	return n;
}

static int append(struct audit *a, const struct note *n)
{
	struct str who;
	struct audit_row r = { .time_us = n->time_us, .n = n->n, .event = str_of(names[n->ev]),
		.cred = str_make(n->cred, n->n_cred), .detail = str_make(n->detail, n->n_detail),
		.has_who = n->n_who > 0, .has_source = n->stranger && n->prefix.family };
	unsigned char head[AUDIT_HASH];
	int err;

	/* The table is for those who proved something. */
	if (n->stranger && audit_is_full(a->sec))
		return 0;
	who = audit_canonical(&a->mem, &a->sec->self, str_make(n->who, n->n_who));
	if (r.has_who)
		r.who = audit_pseudonym(a->key, who);
	if (r.has_source)
		r.source = audit_pseudonym(a->key, str_make((const char *)&n->prefix, sizeof(n->prefix)));
	memcpy(head, a->head, sizeof(head));
	audit_row_pack(&r, head, &a->row);
	err = store_event_append(a->sec->store, buf_as_str(&a->row));
	if (err)
		log_write(a->sec->log, LOG_INTERNAL, "a security event could not be stored: %s", err_text(err));
	else
		stored(a, head);
	arena_reset(&a->mem);
	log_write(a->sec->log, LOG_SECURITY_EVENT, "%s n=%u credential=%.*s originator=o-%016llx", names[n->ev], n->n,
	          STR_ARG(r.cred), (unsigned long long)r.who);
	return err;
}

/* Of the rows only this thread makes, the newest is the note's. */
static void append_note(struct audit *a, const struct note *n)
{
	int err = append(a, n);
	uint64_t seq = store_event_next(a->sec->store) - 1;

	if (!n->awaited)
		return;
	pthread_mutex_lock(&a->lock);
	*n->awaited = (struct awaited){ .done = true, .err = err, .seq = seq };
	pthread_cond_broadcast(&a->idle);
	pthread_mutex_unlock(&a->lock);
}

static void append_lost(struct audit *a, uint32_t lost)
{
	struct note n = { .ev = EV_LOST, .n = lost, .time_us = clock_wall_us(a->sec->clock) };

	(void)append(a, &n);
}

static void *run(void *arg)
{
	struct audit *a = arg;

	pthread_mutex_lock(&a->lock);
	for (;;) {
		struct note n;
		uint32_t lost;
		bool noted;

		while (a->n == 0 && !a->poked && !a->stop)
			pthread_cond_wait(&a->wake, &a->lock);
		noted = a->n > 0;
		if (!noted && !a->poked)
			break;
		a->poked = false;
		if (noted) {
			n = a->notes[a->first];
			a->first = (a->first + 1) % NOTES;
			a->n--;
		}
		lost = a->lost;
		a->lost = 0;
		a->busy = true;
		pthread_mutex_unlock(&a->lock);
		if (lost)
			append_lost(a, lost);
		if (noted)
			append_note(a, &n);
		if (lockout_is_dirty(a->sec))
			lockout_write(a->sec);
		pthread_mutex_lock(&a->lock);
		a->given += noted;
		pass_waits(a);
		a->busy = false;
		if (a->n == 0 && !a->poked)
			pthread_cond_broadcast(&a->idle);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* --- at start and end ---------------------------------------------------------------------------------------------- */

static const char key_name[] = "event-key";

static int read_key(void *arg, struct str key, struct str value)
{
	struct audit *a = arg;

	if (!str_eqz(key, key_name))
		return 0;
	if (value.n != AUDIT_HASH)
		return E_CORRUPT;
	memcpy(a->key, value.p, AUDIT_HASH);
	a->has_key = true;
	return 0;
}

static int read_head(void *arg, uint64_t seq, struct str row)
{
	struct audit *a = arg;
	struct audit_row r;

	(void)seq;
	return audit_row_unpack(row, a->head, false, &r);
}

static int make_key(struct audit *a, struct store *store)
{
	struct arena mem;
	struct tx *tx;
	int err;

	arena_init(&mem, 1024);
	rnd_bytes(a->sec->rnd, a->key, AUDIT_HASH);
	tx = store_begin(store, &mem, TX_WRITE);
	store_rec_put(tx, REC_META, str_of(key_name), str_make((const char *)a->key, AUDIT_HASH));
	err = security_commit(a->sec, tx);
	arena_fini(&mem);
	return err;
}

int audit_attach(struct security *sec, struct store *store, struct why *why)
{
	struct audit *a = sec->audit;
	uint64_t next = store_event_next(store);
	sigset_t all, before;
	int err;

	bound_table(store, atomic_load_explicit(&a->max_bytes, memory_order_relaxed));
	err = store_rec_each(store, REC_META, read_key, a);
	if (!err && next)
		err = store_event_each(store, next - 1, read_head, a);
	if (!err && !a->has_key)
		err = make_key(a, store);
	a->stored_n = next - 1;
	memcpy(a->stored, a->head, AUDIT_HASH);
	if (err) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the security events: %s", err_text(err));
		return err;
	}
	/* Signals are for the loops. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	a->running = pthread_create(&a->thread, NULL, run, a) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	REQUIRE(a->running);
	audit(sec, EV_START, NULL, STR_NONE, "%s", "");
	return 0;
}

void audit_free(struct audit *a)
{
	if (a->running) {
		audit_flush(a->sec);
		pthread_mutex_lock(&a->lock);
		a->stop = true;
		pthread_cond_signal(&a->wake);
		pthread_mutex_unlock(&a->lock);
		pthread_join(a->thread, NULL);
	}
	explicit_bzero(a->key, sizeof(a->key));
	buf_fini(&a->row);
	arena_fini(&a->mem);
	pthread_cond_destroy(&a->wake);
	pthread_cond_destroy(&a->idle);
	pthread_mutex_destroy(&a->lock);
	free(a);
}
