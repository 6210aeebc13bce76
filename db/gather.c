/* SPDX-License-Identifier: Apache-2.0 */
/* Waits for as many as the last span says, and tries the other way now and then. */
#include "db/gather_priv.h"

enum {
	LEAST = 8,         /* ready: who comes alone does not wait */
	ENOUGH = 128,
	SPAN_NS = 8000000,
	TRIAL = 32,        /* one span in so many goes the other way */
	NS_PER_S = 1000000000,
};

bool gather_wants(const struct gather *g, size_t n)
{
	return g->on && n >= LEAST && n < ENOUGH;
}

/* As many at less cost are better, and spans differ by chance: waiting is right unless it costs throughput clearly. */
static bool better(const struct gather *g)
{
	return g->rate[1] >= g->rate[0] - g->rate[0] / 6;
}

/* Of the way that is only tried, what was seen last time is too old to count. */
static void learn(struct gather *g, int64_t ns)
{
	uint64_t *rate = &g->rate[g->on], seen = g->jobs * NS_PER_S / (uint64_t)ns;

	*rate = *rate && g->spans % TRIAL ? *rate - *rate / 4 + seen / 4 : seen;
}

void gather_count(struct gather *g, size_t n, int64_t now_ns)
{
	int64_t ns = now_ns - g->since_ns;

	g->jobs += n;
	g->batches++;
	if (ns < SPAN_NS)
		return;
	if (ns < 2 * SPAN_NS && g->jobs >= (uint64_t)g->batches * LEAST) {
		learn(g, ns);
		g->on = ++g->spans % TRIAL == 0 ? !better(g) : better(g);
	} else {
		/* Nobody was there for a while, or few: what was learned is of another load. */
		g->on = false;
		g->rate[0] = g->rate[1] = 0;
		g->spans = TRIAL - 2; /* the next but one is the trial */
	}
	g->since_ns = now_ns;
	g->jobs = 0;
	g->batches = 0;
}
