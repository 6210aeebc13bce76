/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections whose peers have ended are closed at once: all of a loop are looked at (0.1 us each) in slices, so that those
 * that stay do not wait.  What ends while they are being looked at is found by another pass.
 */
#include "bindings/conn.h"

#include <stdatomic.h>

enum { IDLE, ASKED, LOOKING };
enum { LOOKS = 4096, CLOSES = 32 }; /* a turn; a close takes some 30 us */

/* True when the pass is over. */
static bool slice(struct conn_lane *lane)
{
	unsigned looks = LOOKS, closes = CLOSES;

	while (looks-- && closes) {
		struct conn *c;

		lane->swept = lane->swept->next;
		if (lane->swept == &lane->all)
			return true;
		c = CONTAINER_OF(lane->swept, struct conn, all);
		if (c->state == CONN_OPEN && c->peer && !peer_is_live(lane->security, c->peer)) {
			closes--;
			conn_close(c);
		}
	}
	return false;
}

static void on_sweep(struct loop *l, struct loop_task *t)
{
	struct conn_lane *lane = CONTAINER_OF(t, struct conn_lane, sweep);
	int looking = LOOKING;

	/* A pass begins: what is asked for from now on is for another. */
	if (lane->swept == &lane->all)
		atomic_store(&lane->sweeping, LOOKING);
	if (slice(lane) && atomic_compare_exchange_strong(&lane->sweeping, &looking, IDLE))
		return;
	loop_post(l, t, on_sweep);
}

void conn_lane_sweep(struct conn_lane *lane)
{
	if (atomic_exchange(&lane->sweeping, ASKED) == IDLE)
		loop_post(lane->loop, &lane->sweep, on_sweep);
}
