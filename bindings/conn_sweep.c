/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections whose peers have ended are closed at once.  What is looked at lies in an array, since a walk through the connections
 * themselves misses the cache three times for each.  They are closed in slices, so that those that stay do not wait.  What ends
 * while a pass goes on is found by another one.
 */
#include "bindings/conn_priv.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { IDLE, ASKED, LOOKING };
enum { CLOSES = 4, CUTS = 64, LEAST = 64 }; /* a turn */

void conn_life_begin(struct conn *c)
{
	struct conn_lane *lane = c->lane;

	const _Atomic uint32_t *live = peer_liveness(c->peer);

	/* A session of an enrolment code has no credential that could end; it ends by its own clock. */
	if (c->life || live == NULL)
		return;
	if (lane->n_lives == lane->max_lives) {
		lane->max_lives = lane->max_lives ? lane->max_lives * 2 : LEAST;
		lane->lives = realloc(lane->lives, lane->max_lives * sizeof(*lane->lives));
		REQUIRE(lane->lives != NULL);
	}
	lane->lives[lane->n_lives++] = (struct conn_life){ live, c };
	c->life = lane->n_lives;
}

/* The last takes its place: a pass goes downwards and has seen that one, or will see the place. */
void conn_life_end(struct conn *c)
{
	struct conn_lane *lane = c->lane;

	if (!c->life)
		return;
	lane->lives[c->life - 1] = lane->lives[--lane->n_lives];
	lane->lives[c->life - 1].conn->life = c->life;
	c->life = 0;
	if (lane->unswept > lane->n_lives)
		lane->unswept = lane->n_lives;
}

/* The peer learns of it; nothing is received or sent any more. */
static void cut(struct conn *c)
{
	c->cut = true;
	loop_io_del(c->lane->loop, &c->io);
	shutdown(c->fd, SHUT_RDWR);
}

/* All are cut off first and closed in later turns: what OpenSSL holds of one takes 100 us to free.  True when the pass is over and
 * nothing is left to close. */
static bool slice(struct conn_lane *lane)
{
	unsigned closes = CLOSES, cuts = CUTS;

	while (lane->unswept > 0 && cuts > 0) {
		const struct conn_life *l = &lane->lives[--lane->unswept];
		struct conn *c = l->conn;

		/* Who is on its way out by itself has its last answer to send. */
		if (atomic_load_explicit(l->live, memory_order_acquire) || c->state != CONN_OPEN)
			continue;
		if (c->cut && closes > 0) {
			closes--;
			conn_close(c);
			continue;
		}
		lane->left = true;
		if (!c->cut) {
			cuts--;
			cut(c);
		}
	}
	return lane->unswept == 0 && !lane->left;
}

static void on_sweep(struct loop *l, struct loop_task *t)
{
	struct conn_lane *lane = CONTAINER_OF(t, struct conn_lane, sweep);
	int looking = LOOKING;

	/* A pass begins: what is asked for from now on is for another. */
	if (lane->unswept == 0) {
		lane->unswept = lane->n_lives;
		lane->left = false;
		atomic_store(&lane->sweeping, LOOKING);
	}
	if (slice(lane) && atomic_compare_exchange_strong(&lane->sweeping, &looking, IDLE))
		return;
	loop_post(l, t, on_sweep);
}

void conn_lane_sweep(struct conn_lane *lane)
{
	if (atomic_exchange(&lane->sweeping, ASKED) == IDLE)
		loop_post(lane->loop, &lane->sweep, on_sweep);
}
