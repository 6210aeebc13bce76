/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request primitives, one per line, through the whole gate over the memory store.  Each is answered exactly once with a
 * code of the table, and in the end every container counts what it holds and every resource is found where it is.  A line
 * behind '&' is not waited for before the next ones are sent (polls, notifications that wait for one).
 */
#include <stdlib.h>

#include "bindings/loopback.h"
#include "cse/base/clock.h"
#include "cse/base/conf.h"
#include "cse/base/loop.h"
#include "cse/base/rand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINES = 24, T0_S = 1795168800 };

struct world {
	struct clock *clock;
	struct rnd *rnd;
	struct conf *conf;
	struct loop *loop;
	struct store *store;
	struct security *security;
	struct gate *gate;
	struct peer *peer;
	struct arena arena;
	struct loopback_answer later[LINES];
	unsigned n_later;
};

static void stored(struct commit *c, int err)
{
	(void)c;
	REQUIRE(err == 0);
}

static void give_credential(struct world *w)
{
	struct commit commit = { .magic = COMMIT_MAGIC, .done = stored };
	struct str names[] = { STR("CDev1"), STR("SDev2") };
	struct cred_info c = { .kind = CRED_DEVICE, .names = { names, 2 }, .zone = ZONE_DEFAULT, .max_ae = 2, .generation = 1,
		                   .not_after = INT64_MAX, .fingerprint = STR("0123456789abcdef0123456789abcdef") };
	struct why why = { .rsc = RSC_NONE };
	struct tx *tx = store_begin(w->store, &w->arena, TX_WRITE);

	c.id = cred_make_id(w->security, &w->arena);
	REQUIRE(cred_put(w->security, tx, &c, &why) == 0);
	REQUIRE(store_commit(tx, &commit) == 1);
	store_ready(w->store, &commit);
	store_flush(w->store);
	cred_apply(w->security, &c);
	REQUIRE(peer_of_credential(w->security, c.id, NULL, &w->peer) == 0);
}

static void open_world(struct world *w)
{
	struct addr_self self = { STR("troth.example"), STR("id-in"), STR("cse-in") };
	struct store_opts so = { .self = self, .cache_bytes = 1 << 20, .batch_max = 64, .queue_max = 64,
		                     .queue_max_bytes = 1 << 20, .loops = 1 };
	struct security_opts ko = { .self = self };
	struct gate_opts go = { .self = self, .n_loops = 1 };
	struct why why = { .rsc = RSC_NONE };

	*w = (struct world){ .clock = clock_new_fake(T0_S * INT64_C(1000000)), .rnd = rnd_new_seeded(1), .conf = conf_defaults() };
	arena_init(&w->arena, 4096);
	w->loop = loop_new(w->clock, 0, NULL);
	so.clock = ko.clock = go.clock = w->clock;
	so.rnd = ko.rnd = go.rnd = w->rnd;
	ko.conf = go.conf = w->conf;
	REQUIRE(store_open(&so, gate_make_base(&w->arena, w->conf, &self, clock_wall_us(w->clock)), &w->store, &why) == 0);
	REQUIRE(security_new(&ko, &w->security, &why) == 0 && security_attach(w->security, w->store, &why) == 0);
	go.store = w->store;
	go.security = w->security;
	go.loops = &w->loop;
	REQUIRE(gate_new(&go, &w->gate, &why) == 0 && gate_bootstrap(w->gate, &why) == 0);
	give_credential(w);
}

static void close_world(struct world *w)
{
	store_flush(w->store);
	while (loop_turn(w->loop, 0) > 0)
		;
	gate_free(w->gate);
	peer_unref(w->peer);
	security_free(w->security);
	store_close(w->store);
	loop_free(w->loop);
	conf_unref(w->conf);
	arena_fini(&w->arena);
	rnd_free(w->rnd);
	clock_free(w->clock);
}

static void take(struct world *w, struct loopback_answer *a)
{
	for (int i = 0; i < 2000 && !a->done; i++) {
		store_flush(w->store);
		loop_turn(w->loop, 0);
		/* What needs no time happens first. */
		if (i > 8)
			clock_advance_us(w->clock, 1000000);
	}
	REQUIRE(a->done && rsc_text(a->rsc) && a->rsc >= 1000);
	buf_fini(&a->text);
}

static void send(struct world *w, struct str text)
{
	struct loopback_answer a = { .rsc = RSC_NONE };

	if (!str_starts(text, STR("&"))) {
		loopback_send(w->gate, w->loop, &codec_json, text, w->peer, &a);
		take(w, &a);
		return;
	}
	loopback_send(w->gate, w->loop, &codec_json, str_from(text, 1), w->peer, &w->later[w->n_later++]);
	loop_turn(w->loop, 0);
}

static void check_node(struct tx *tx, const struct node *n)
{
	struct counters k;
	struct inst inst[64];
	uint64_t cni = 0, cbs = 0, after = 0;
	uint32_t last = 0;
	const struct node *child;
	size_t got;

	node_counters(tx, n, &k);
	while ((got = store_instances(tx, n, after, inst, ARRAY_LEN(inst))) > 0) {
		for (size_t i = 0; i < got; i++) {
			REQUIRE(inst[i].id > after && inst[i].st <= k.st);
			after = inst[i].id;
			cbs += inst[i].size;
		}
		cni += got;
	}
	REQUIRE(k.cni >= cni && k.cbs >= cbs); /* what has expired is counted until it is swept */
	REQUIRE(!n->parent || store_by_ri(tx, node_ri(tx, n)) == n);
	while (last != STORE_LAST) {
		if (store_children(tx, n, &last, &child, 1) == 0)
			continue;
		REQUIRE(store_child(tx, n, node_rn(tx, child)) == child);
		check_node(tx, child);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const first[] = {
		"{\"op\":1,\"to\":\"cse-in\",\"fr\":\"CDev1\",\"rqi\":\"1\",\"rvi\":\"3\",\"ty\":2,"
		"\"pc\":{\"m2m:ae\":{\"rn\":\"a\",\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}}",
		"{\"op\":1,\"to\":\"cse-in/a\",\"fr\":\"CDev1\",\"rqi\":\"2\",\"rvi\":\"3\",\"ty\":3,"
		"\"pc\":{\"m2m:cnt\":{\"rn\":\"c\",\"mni\":3}}}",
	};
	struct str rest = str_make((const char *)data, size);
	struct world w;
	struct tx *tx;
	bool more = true;

	open_world(&w);
	for (size_t i = 0; i < ARRAY_LEN(first); i++)
		send(&w, str_of(first[i]));
	for (int i = 0; more && i < LINES; i++)
		send(&w, str_cut(&rest, '\n', &more));
	for (unsigned i = 0; i < w.n_later; i++)
		take(&w, &w.later[i]);
	tx = store_begin(w.store, &w.arena, TX_READ);
	check_node(tx, store_root(tx));
	store_end(tx);
	close_world(&w);
	return 0;
}
