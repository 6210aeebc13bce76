/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the wall clock to be believed?  Not when it stands before the newest commit on disk at start, nor while it is more
 * than ten minutes away from where monotonic time would have it (security-model 5.4).  Agreement or the administrator
 * ends the doubt.
 */
#include "security/security_priv.h"

#include "security/pack.h"
#include "security/rollback.h"

#define MAX_AWAY_US INT64_C(600000000)
/* The newest commit may be stamped a little ahead: creation times never repeat. */
#define SLACK_US INT64_C(1000000)

/* The newest commit when the administrator last said that the clock is right: what was later than now then was wrong. */
static const char accepted_name[] = "clock-accepted";

static int read_accepted(void *arg, struct str key, struct str value)
{
	struct clockguard *g = arg;
	struct unpack r = { .in = value };

	if (str_eqz(key, accepted_name))
		g->accepted_seen_us = (int64_t)unpack_uint(&r, 8);
	return 0;
}

static void accepted_stored(struct commit *c, int err)
{
	struct clockguard *g = CONTAINER_OF(c, struct clockguard, commit);

	(void)err; /* the next start asks again */
	atomic_store_explicit(&g->committing, false, memory_order_release);
}

static void store_accepted(struct security *sec)
{
	struct clockguard *g = &sec->guard;
	struct arena a;
	struct buf value;
	struct tx *tx;

	if (atomic_exchange_explicit(&g->committing, true, memory_order_acq_rel))
		return;
	arena_init(&a, 256);
	buf_init(&value, 8);
	pack_uint(&value, (uint64_t)(store_last_seen(sec->store) + SLACK_US), 8);
	tx = store_begin(sec->store, &a, TX_WRITE);
	store_rec_put(tx, REC_META, str_of(accepted_name), buf_as_str(&value));
	g->commit = (struct commit){ .magic = COMMIT_MAGIC, .done = accepted_stored };
	if (store_commit(tx, &g->commit) == 1)
		store_ready(sec->store, &g->commit);
	else
		atomic_store_explicit(&g->committing, false, memory_order_release);
	buf_fini(&value);
	arena_fini(&a);
}

int clockguard_attach(struct security *sec, struct store *store)
{
	sec->guard.last_seen_us = store_last_seen(store);
	return store_rec_each(store, REC_META, read_accepted, &sec->guard);
}

void clockguard_start(struct security *sec)
{
	struct clockguard *g = &sec->guard;

	g->wall_us = clock_wall_us(sec->clock);
	g->mono_ns = clock_mono_ns(sec->clock);
	g->early = g->wall_us < g->last_seen_us - SLACK_US && g->last_seen_us > g->accepted_seen_us;
	clockguard_tick(sec);
}

static void accept_now(struct clockguard *g, int64_t wall_us, int64_t mono_ns)
{
	g->wall_us = wall_us;
	g->mono_ns = mono_ns;
	g->early = false;
}

bool clockguard_tick(struct security *sec)
{
	struct clockguard *g = &sec->guard;
	int64_t wall_us = clock_wall_us(sec->clock), mono_ns = clock_mono_ns(sec->clock), away;
	bool before = atomic_load_explicit(&g->doubtful, memory_order_relaxed), now;

	CHECK(sec, SECURITY);
	REQUIRE(sec->store != NULL);
	if (atomic_exchange_explicit(&g->accept, false, memory_order_acq_rel)) {
		accept_now(g, wall_us, mono_ns);
		audit(sec, EV_CLOCK_ACCEPTED, NULL, STR_NONE, "by the administrator");
		store_accepted(sec);
	}
	if (g->early && wall_us >= g->last_seen_us - SLACK_US)
		accept_now(g, wall_us, mono_ns);
	away = wall_us - (g->wall_us + (mono_ns - g->mono_ns) / 1000);
	now = g->early || away > MAX_AWAY_US || away < -MAX_AWAY_US;
	store_pause_expiry(sec->store, now);
	if (now && g->early)
		away = wall_us - g->last_seen_us;
	atomic_store_explicit(&g->late_us, now && away < 0 ? -away : 0, memory_order_release);
	if (now != before) {
		atomic_store_explicit(&g->doubtful, now, memory_order_release);
		log_write(sec->log, now ? LOG_CLOCK_DOUBTFUL : LOG_CLOCK_TRUSTED, "%s", "");
		if (now)
			audit(sec, EV_CLOCK_DOUBTFUL, NULL, STR_NONE, "%s", g->early ? "before the last commit" : "a jump");
	}
	/* No certificate ends by a clock that is doubtful; what is measured by the monotonic one goes on. */
	registry_tick(sec, now ? INT64_MIN : wall_us);
	audit_tick(sec->audit);
	rollback_tick(sec);
	return now;
}

int64_t clockguard_least_us(const struct security *sec)
{
	return clock_wall_us(sec->clock) + atomic_load_explicit(&sec->guard.late_us, memory_order_acquire);
}

bool clockguard_doubtful(const struct security *sec)
{
	return atomic_load_explicit(&sec->guard.doubtful, memory_order_acquire);
}

void clockguard_accept(struct security *sec)
{
	CHECK(sec, SECURITY);
	atomic_store_explicit(&sec->guard.accept, true, memory_order_release);
}
