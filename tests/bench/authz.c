/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long does a decision take?  100,000 policies of three rules, each linked by a container; one JSON object on stdout.
 * With the argument "groups" the rule that permits names one of 1,000 groups of 100 AEs, half of them through a sub-group.
 * "hot": one policy asked again and again; "random": any of them, so that most have left the cache; "origin": the check of
 * From, which comes before.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cse/base/clock.h"
#include "cse/base/conf.h"
#include "cse/base/rand.h"
#include "security/security.h"

enum { POLICIES = 100000, GROUPS = 1000, MEMBERS = 100, BATCH = 500, HOT = 200000, ROUNDS = 9, RANDOM = 200000 };

struct bench {
	struct arena a;
	struct clock *clock;
	struct rnd *rnd;
	struct conf *conf;
	struct store *store;
	struct security *sec;
	struct str acpi[BATCH];
	bool with_groups;
	const char *groups[GROUPS];
	struct arena kept;
};

static struct val rule(struct arena *a, const struct complex *c, const char *who, unsigned acop)
{
	struct obj *o = obj_new(a, 2);
	struct val acor = val_list(a, 1);

	acor.list.v[0] = val_str(K_URI, str_of(who));
	*obj_add(a, o, complex_attr(c, STR("acor"))) = acor;
	*obj_add(a, o, complex_attr(c, STR("acop"))) = val_uint(acop);
	return val_obj(o);
}

/* The third of the rules is the one that permits. */
static struct val rules(struct arena *a, const struct attr *at, const char *who)
{
	const struct attr *acr = complex_attr(at->of, STR("acr"));
	struct obj *o = obj_new(a, 1);
	struct val list = val_list(a, 3);

	list.list.v[0] = rule(a, acr->of, "CAdmin", 63);
	list.list.v[1] = rule(a, acr->of, "/mn1/C*", 34);
	list.list.v[2] = rule(a, acr->of, who, 3);
	*obj_add(a, o, acr) = list;
	return val_obj(o);
}

static void done(struct commit *c, int err)
{
	c->err = err;
}

static void commit(struct bench *b, struct tx *tx)
{
	struct commit c = { .magic = COMMIT_MAGIC, .done = done };

	if (store_commit(tx, &c) == 1) {
		store_ready(b->store, &c);
		store_flush(b->store);
	}
	REQUIRE(c.err == 0);
}

/* The member that is looked for stands last; every other group holds it in a sub-group, the one made before. */
static const char *add_group(struct bench *b, struct tx *tx, size_t i)
{
	const struct type *t = type_by_ty(TY_GRP);
	struct res *r = res_new(&b->a, t, 4);
	struct val mid = val_list(&b->a, MEMBERS);
	const struct node *n;
	size_t k;

	for (k = 0; k < MEMBERS; k++)
		mid.list.v[k] = val_str(K_URI, arena_printf(&b->a, "CDev%zu", 1000 + (i * MEMBERS + k) % 8999));
	mid.list.v[MEMBERS - 1] = val_str(K_URI, i % 2 ? arena_printf(&b->a, "%s/fopt", b->groups[i - 1]) : STR("CDev1"));
	*obj_add(&b->a, &r->o, type_attr(t, STR("mid"))) = mid;
	REQUIRE(store_create(tx, store_root(tx), r, STR_NONE, STR_NONE, 0, &n) == 0);
	return arena_strz(&b->kept, node_ri(tx, n));
}

static void add_groups(struct bench *b)
{
	struct tx *tx = store_begin(b->store, &b->a, TX_WRITE);
	size_t i;

	for (i = 0; i < GROUPS; i++)
		b->groups[i] = add_group(b, tx, i);
	commit(b, tx);
}

static void add_policies(struct bench *b)
{
	const struct type *t = type_by_ty(TY_ACP);
	struct tx *tx = store_begin(b->store, &b->a, TX_WRITE);
	size_t i;

	for (i = 0; i < BATCH; i++) {
		struct res *r = res_new(&b->a, t, 4);
		const char *who = b->with_groups ? b->groups[rnd_below(b->rnd, GROUPS)] : "CDev1";
		const struct node *n;

		*obj_add(&b->a, &r->o, type_attr(t, STR("pv"))) = rules(&b->a, type_attr(t, STR("pv")), who);
		*obj_add(&b->a, &r->o, type_attr(t, STR("pvs"))) = rules(&b->a, type_attr(t, STR("pvs")), who);
		REQUIRE(store_create(tx, store_root(tx), r, STR_NONE, STR_NONE, 0, &n) == 0);
		b->acpi[i] = arena_str(&b->a, node_ri(tx, n));
	}
	commit(b, tx);
}

static void add_containers(struct bench *b, uint32_t *rid)
{
	struct tx *tx = store_begin(b->store, &b->a, TX_WRITE);
	size_t i;

	for (i = 0; i < BATCH; i++) {
		struct res *r = res_new(&b->a, type_by_ty(TY_CNT), 4);
		struct val acpi = val_list(&b->a, 1);
		const struct node *n;

		acpi.list.v[0] = val_str(K_URI, b->acpi[i]);
		*obj_add(&b->a, &r->o, &attr_acpi) = acpi;
		REQUIRE(store_create(tx, store_root(tx), r, STR_NONE, STR_NONE, 0, &n) == 0);
		rid[i] = n->rid;
	}
	commit(b, tx);
}

static void put_credential(struct bench *b)
{
	struct str names[1] = { STR("CDev1") };
	char key[32] = { 1 };
	struct cred_info c = { .id = STR("c1"), .names = { names, 1 }, .zone = ZONE_DEFAULT, .max_ae = 1, .generation = 1,
		.fingerprint = str_make(key, sizeof(key)), .not_after = INT64_MAX };
	struct tx *tx = store_begin(b->store, &b->a, TX_WRITE);
	struct why why = { 0 };

	REQUIRE(cred_put(b->sec, tx, &c, &why) == 0);
	commit(b, tx);
	cred_apply(b->sec, &c);
}

static void init(struct bench *b)
{
	struct store_opts o = { .cache_bytes = 1 << 20, .batch_max = 1024, .queue_max = 4096, .queue_max_bytes = 1 << 25, .loops = 1 };
	struct security_opts so = { .self = { STR("troth.example"), STR("id-in"), STR("cse-in") } };
	const struct type *cb = type_by_ty(TY_CB);
	struct why why = { 0 };
	struct res *base;

	arena_init(&b->a, 1 << 20);
	arena_init(&b->kept, 1 << 16);
	so.clock = o.clock = b->clock = clock_new();
	so.rnd = o.rnd = b->rnd = rnd_new();
	so.conf = b->conf = conf_defaults();
	o.self = so.self;
	base = res_new(&b->a, cb, 4);
	*obj_add(&b->a, &base->o, type_attr(cb, STR("csi"))) = val_str(K_ID, STR("/id-in"));
	*obj_add(&b->a, &base->o, &attr_ct) = val_stamp(clock_wall_us(b->clock));
	REQUIRE(store_open(&o, base, &b->store, &why) == 0);
	REQUIRE(security_new(&so, &b->sec, &why) == 0);
	REQUIRE(security_attach(b->sec, b->store, &why) == 0);
}

static bool decide(struct bench *b, struct tx *tx, const struct prim *p, const struct origin *o, uint32_t rid)
{
	struct ask q = { .prim = p, .origin = o, .acop = ACOP_R, .node = store_by_rid(tx, rid) };

	return authz_decide(b->sec, tx, &q) != NULL;
}

static int by_time(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* ns of one decision each, as it happens in a request: under the tree's lock, in an arena that is reset. */
static double measure(struct bench *b, const struct prim *p, const struct origin *o, const uint32_t *rid, size_t n, bool hot,
                      uint32_t *ns)
{
	int64_t begin = clock_mono_ns(b->clock);
	struct arena a;
	size_t i;

	arena_init(&a, 4096);
	for (i = 0; i < n; i++) {
		struct tx *tx = store_begin(b->store, &a, TX_READ);
		int64_t at = ns ? clock_mono_ns(b->clock) : 0;
		bool yes = decide(b, tx, p, o, rid[hot ? 7 : rnd_below(b->rnd, POLICIES)]);

		REQUIRE(yes);
		if (ns)
			ns[i] = (uint32_t)(clock_mono_ns(b->clock) - at);
		store_end(tx);
		arena_reset(&a);
	}
	arena_fini(&a);
	return (double)(clock_mono_ns(b->clock) - begin) / (double)n;
}

/* What a transaction costs around it. */
static double measure_empty(struct bench *b, size_t n, const uint32_t *rid)
{
	int64_t begin = clock_mono_ns(b->clock);
	struct arena a;
	size_t i;

	arena_init(&a, 4096);
	for (i = 0; i < n; i++) {
		struct tx *tx = store_begin(b->store, &a, TX_READ);

		REQUIRE(store_by_rid(tx, rid[7]) != NULL);
		store_end(tx);
		arena_reset(&a);
	}
	arena_fini(&a);
	return (double)(clock_mono_ns(b->clock) - begin) / (double)n;
}

static double measure_origin(struct bench *b, struct prim *p, const struct peer *peer, struct origin *o, size_t n)
{
	int64_t begin = clock_mono_ns(b->clock);
	size_t i;

	for (i = 0; i < n; i++)
		REQUIRE(peer_is_live(b->sec, peer) && origin_check(b->sec, p, peer, o) == RSC_NONE);
	return (double)(clock_mono_ns(b->clock) - begin) / (double)n;
}

static double smaller(double a, double b)
{
	return a < b ? a : b;
}

int main(int argc, char **argv)
{
	struct bench *b = calloc(1, sizeof(*b));
	uint32_t *rid = calloc(POLICIES, sizeof(*rid)), *ns = calloc(RANDOM, sizeof(*ns));
	struct prim *p;
	struct peer *peer;
	struct origin o;
	double hot = INFINITY, empty = INFINITY, origin = INFINITY;
	size_t i;

	REQUIRE(b != NULL && rid != NULL && ns != NULL);
	b->with_groups = argc > 1 && strcmp(argv[1], "groups") == 0;
	init(b);
	add_groups(b);
	for (i = 0; i < POLICIES; i += BATCH) {
		add_policies(b);
		add_containers(b, rid + i);
		arena_reset(&b->a);
	}
	put_credential(b);
	REQUIRE(peer_of_credential(b->sec, STR("c1"), NULL, &peer) == 0);
	p = ARENA_NEW(&b->a, struct prim);
	prim_init(p, &b->a);
	p->op = OP_RETRIEVE;
	p->fr = STR("CDev1");
	p->has = 1u << P_FR;
	/* The best of some rounds: beside it other work may run. */
	for (i = 0; i < ROUNDS; i++) {
		origin = smaller(origin, measure_origin(b, p, peer, &o, HOT));
		empty = smaller(empty, measure_empty(b, HOT, rid));
		hot = smaller(hot, measure(b, p, &o, rid, HOT, true, NULL));
	}
	measure(b, p, &o, rid, RANDOM, false, ns);
	qsort(ns, RANDOM, sizeof(*ns), by_time);
	printf("{\"policies\": %d, \"hot_us\": %.3f, \"random_p50_ms\": %.6f, \"p99_ms\": %.6f, \"max_ms\": %.6f, \"origin_us\": %.3f}\n",
	       POLICIES, (hot - empty) / 1e3, ns[RANDOM / 2] / 1e6, ns[RANDOM / 100 * 99] / 1e6, ns[RANDOM - 1] / 1e6, origin / 1e3);
	peer_unref(peer);
	security_free(b->sec);
	store_close(b->store);
	conf_unref(b->conf);
	rnd_free(b->rnd);
	clock_free(b->clock);
	arena_fini(&b->a);
	arena_fini(&b->kept);
	free(rid);
	free(ns);
	free(b);
	return 0;
}
