/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTPS binding: listeners, lanes and options put together. */
#include "bindings/https.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "bindings/http.h"
#include "bindings/listen.h"
#include "cse/base/clock.h"
#include "cse/base/conf.h"
#include "cse/base/err.h"

#define NS_PER_MS 1000000
enum { MAX_ADDRESSES = 16, GRACE_MS = 1000, LINE = 64 };

#define BINDING_MAGIC 0x68747470u
struct binding {
	uint32_t magic;
	struct binding_opts o;
	BIO_METHOD *bio;
	struct http_set *set;      /* newest; older ones may still be in use and stay until the end */
	struct http_lane **lanes;
	struct conn_lane **conn_lanes;
	struct listen_set listen;
};

static void free_all(struct binding *b)
{
	for (unsigned i = 0; i < b->o.n_loops; i++)
		free(b->lanes[i]);
	free(b->lanes);
	free(b->conn_lanes);
	for (struct http_set *s = b->set, *older; s != NULL; s = older) {
		older = s->older;
		http_set_free(s);
	}
	BIO_meth_free(b->bio);
	b->magic = 0;
	free(b);
}

static void make_lane(struct binding *b, unsigned i)
{
	/* No cache line of one loop holds what another loop writes. */
	struct http_lane *hl = aligned_alloc(LINE, (sizeof(*hl) + LINE - 1) / LINE * LINE);

	REQUIRE(hl != NULL);
	*hl = (struct http_lane){
		.lane.loop = b->o.loops[i],
		.lane.stats = b->o.stats ? b->o.stats[i] : NULL,
		.lane.log = b->o.log,
		.lane.security = b->o.security,
		.lane.tls = b->o.tls,
		.lane.total = &b->listen.total,
	};
	hl->asides = b->o.asides;
	http_lane_init(hl, b->o.gate, b->set);
	conn_lane_init(&hl->lane, b->bio);
	b->lanes[i] = hl;
	b->conn_lanes[i] = &hl->lane;
}

/* On any thread: credentials were suspended, locked, revoked. */
static void peers_ended(void *arg)
{
	struct binding *b = arg;

	for (unsigned i = 0; i < b->o.n_loops; i++)
		conn_lane_sweep(&b->lanes[i]->lane);
}

static void end_lanes(struct binding *b)
{
	for (unsigned i = 0; i < b->o.n_loops; i++) {
		conn_lane_fini(&b->lanes[i]->lane);
		http_lane_fini(b->lanes[i]);
	}
}

static int https_open(const struct binding_opts *o, struct binding **out, struct why *why)
{
	struct binding *b = calloc(1, sizeof(*b));
	const char *addresses[MAX_ADDRESSES];
	unsigned n = 0;
	int r;

	REQUIRE(b != NULL && o->n_loops > 0);
	b->magic = BINDING_MAGIC;
	b->o = *o;
	b->bio = conn_bio_new();
	b->set = http_set_new(o->conf, o->n_loops);
	b->lanes = calloc(o->n_loops, sizeof(struct http_lane *));
	b->conn_lanes = calloc(o->n_loops, sizeof(struct conn_lane *));
	REQUIRE(b->bio != NULL && b->lanes != NULL && b->conn_lanes != NULL);
	for (unsigned i = 0; i < o->n_loops; i++)
		make_lane(b, i);
	b->listen.option = "https.listen";
	b->listen.lanes = b->conn_lanes;
	b->listen.n_lanes = o->n_loops;
	b->listen.log = o->log;
	b->listen.security = o->security;
	atomic_init(&b->listen.total, 0);
	atomic_init(&b->listen.max, (unsigned)conf_num(o->conf, CONF_HTTP_CONNS));
	while (n < MAX_ADDRESSES && (addresses[n] = conf_item(o->conf, CONF_HTTP_LISTEN, n)) != NULL)
		n++;
	r = listen_open(&b->listen, addresses, n, why);
	if (r == 0 && (r = listen_start(&b->listen, why)) != 0)
		listen_close(&b->listen);
	if (r != 0) {
		end_lanes(b);
		free_all(b);
		return r;
	}
	peer_watch(o->security, peers_ended, b);
	*out = b;
	return 0;
}

/* --- reload ------------------------------------------------------------------------------------------------------ */

struct change {
	struct loop_task task;
	struct http_lane *hl;
	const struct http_set *set;
	struct tls *tls;
};

static void on_change(struct loop *l, struct loop_task *t)
{
	struct change *ch = CONTAINER_OF(t, struct change, task);

	(void)l;
	ch->hl->set = ch->set;
	ch->hl->lane.times = &ch->set->times;
	ch->hl->lane.max_handshakes = ch->set->max_handshakes;
	ch->hl->lane.max_of_one = ch->set->max_of_one;
	ch->hl->lane.tls = ch->tls;
	free(ch);
}

static void https_reload(struct binding *b, struct conf *c, struct tls *tls)
{
	struct http_set *s;

	CHECK(b, BINDING);
	s = http_set_new(c, b->o.n_loops);
	s->older = b->set;
	b->set = s;
	atomic_store(&b->listen.max, (unsigned)conf_num(c, CONF_HTTP_CONNS));
	for (unsigned i = 0; i < b->o.n_loops; i++) {
		struct change *ch = calloc(1, sizeof(*ch));

		REQUIRE(ch != NULL);
		ch->hl = b->lanes[i];
		ch->set = s;
		ch->tls = tls;
		loop_post(b->o.loops[i], &ch->task, on_change);
	}
}

/* --- end --------------------------------------------------------------------------------------------------------- */

/* The loops have stopped: this thread turns them until all answers have left, or for the time of grace. */
static void finish_answers(struct binding *b)
{
	int64_t end = clock_mono_ns(b->o.clock) + (int64_t)GRACE_MS * NS_PER_MS;
	unsigned busy, turns = 0;

	for (unsigned i = 0; i < b->o.n_loops; i++)
		http_lane_end(b->lanes[i]);
	do {
		busy = 0;
		for (unsigned i = 0; i < b->o.n_loops; i++) {
			loop_turn(b->o.loops[i], 1);
			busy += http_lane_busy(b->lanes[i]);
		}
		/* Turns are counted for a clock that stands still. */
	} while (busy > 0 && clock_mono_ns(b->o.clock) < end && ++turns < GRACE_MS);
}

static void https_close(struct binding *b)
{
	if (b == NULL)
		return;
	CHECK(b, BINDING);
	listen_close(&b->listen);
	peer_watch(b->o.security, NULL, b);
	finish_answers(b);
	end_lanes(b);
	free_all(b);
}

unsigned https_port(const struct binding *b)
{
	return b->listen.port;
}

unsigned https_connections(const struct binding *b, unsigned lane)
{
	return atomic_load_explicit(&b->conn_lanes[lane]->n, memory_order_relaxed);
}

const struct binding_kind binding_https = {
	.name = "https",
	.open = https_open,
	.reload = https_reload,
	.close = https_close,
};
