/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the wall clock to be believed?  Not when it stands before the newest commit on disk at start, nor while it is more
 * than ten minutes away from where monotonic time would have it (security-model 5.4).  Agreement or the administrator
 * ends the doubt.
 */
#include "security/security_priv.h"

#define MAX_AWAY_US INT64_C(600000000)
/* The newest commit may be stamped a little ahead: creation times never repeat. */
#define SLACK_US INT64_C(1000000)

void clockguard_start(struct security *sec)
{
	struct clockguard *g = &sec->guard;

	g->wall_us = clock_wall_us(sec->clock);
	g->mono_ns = clock_mono_ns(sec->clock);
	g->last_seen_us = store_last_seen(sec->store);
	g->early = g->wall_us < g->last_seen_us - SLACK_US;
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
	if (atomic_exchange_explicit(&g->accept, false, memory_order_acq_rel)) {
		accept_now(g, wall_us, mono_ns);
		audit(sec, EV_CLOCK_ACCEPTED, NULL, STR_NONE, "by the administrator");
	}
	if (g->early && wall_us >= g->last_seen_us - SLACK_US)
		accept_now(g, wall_us, mono_ns);
	away = wall_us - (g->wall_us + (mono_ns - g->mono_ns) / 1000);
	now = g->early || away > MAX_AWAY_US || away < -MAX_AWAY_US;
	if (now != before) {
		atomic_store_explicit(&g->doubtful, now, memory_order_release);
		if (sec->store)
			store_pause_expiry(sec->store, now);
		log_write(sec->log, now ? LOG_CLOCK_DOUBTFUL : LOG_CLOCK_TRUSTED, "%s", "");
		if (now)
			audit(sec, EV_CLOCK_DOUBTFUL, NULL, STR_NONE, "%s", g->early ? "before the last commit" : "a jump");
	}
	if (!now)
		registry_tick(sec, wall_us);
	audit_tick(sec->audit);
	return now;
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
