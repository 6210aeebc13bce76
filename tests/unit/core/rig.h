/* SPDX-License-Identifier: Apache-2.0 */
/* A CSE without a network for the tests of this folder: the gate over the memory store, with a clock that stands still.
 * Requests are primitives made by hand; answers are read as JSON by jansson, which shares no code with ours. */
#ifndef TESTS_CORE_RIG_H
#define TESTS_CORE_RIG_H

#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "cse/base/clock.h"
#include "cse/base/conf.h"
#include "cse/base/loop.h"
#include "cse/base/rand.h"
#include "cse/base/stat.h"
#include "cse/base/work.h"
#include "cse/codec/codec.h"
#include "cse/core/gate.h"
#include "security/seal.h"

#define RIG_T0 INT64_C(1795168800000000) /* 20261120T100000 */

struct rig {
	struct clock *clock;
	struct rnd *rnd;
	struct conf *conf;
	struct workers *workers;
	struct loop *loop;
	struct stats *stats;
	struct seal *seal;
	struct store *store;
	struct security *security;
	struct gate *gate;
	struct arena arena;
	struct peer *peers[16];
	unsigned n_peers, n_rqi;
};

struct rig_answer {
	enum rsc rsc;
	json_t *pc;        /* {"m2m:cnt": {...}}, or NULL */
	char rqi[64], rvi[8], created[200], rset[32];
	unsigned cnst, cnot, prepared;
	bool done;
};

/* What a test asks; members that are 0 are absent. */
struct rig_ask {
	struct peer *peer;
	enum op op;
	const char *to, *fr, *pc;
	unsigned ty;
	int rcn;           /* +1; 0: absent */
	const char *rvi;   /* NULL: "3"; "": absent */
	const char *rqet, *rset, *oet;
	unsigned rtv, drt;
	struct filter *fc;
	const char *atrl;  /* one name */
	uint32_t also;     /* further parameters that are marked as present */
	const char *rqi;   /* NULL: another for each; "": absent */
};

static inline struct addr_self rig_self(void)
{
	return (struct addr_self){ STR("troth.example"), STR("id-in"), STR("cse-in") };
}

/* dir: NULL for the memory store. */
static inline void rig_open_at(struct rig *g, const char *const *sets, const char *dir, size_t cache)
{
	struct store_opts so = { .self = rig_self(), .dir = dir, .cache_bytes = cache, .batch_max = 1024, .queue_max = 4096,
		                     .queue_max_bytes = 1 << 25, .loops = 8 };
	struct security_opts ko = { .self = rig_self() };
	struct gate_opts go = { .self = rig_self(), .n_loops = 1 };
	struct conf_why cw;
	struct why why = { .rsc = RSC_NONE };

	*g = (struct rig){ .clock = clock_new_fake(RIG_T0), .rnd = rnd_new_seeded(7), .conf = conf_defaults() };
	for (; sets && *sets; sets++)
		ck_assert_msg(conf_set(g->conf, *sets, &cw) == 0, "%s", cw.text);
	arena_init(&g->arena, 4096);
	g->stats = calloc(1, sizeof(*g->stats));
	g->workers = workers_new(1);
	g->loop = loop_new(g->clock, 0, NULL);
	so.clock = ko.clock = go.clock = g->clock;
	so.rnd = ko.rnd = go.rnd = g->rnd;
	so.stats = ko.stats = g->stats;
	so.seal = g->seal = seal_new_volatile(g->rnd);
	so.workers = go.workers = g->workers;
	ck_assert_int_eq(store_open(&so, gate_make_base(&g->arena, g->conf, &so.self, RIG_T0), &g->store, &why), 0);
	ko.conf = go.conf = g->conf;
	ck_assert_int_eq(security_new(&ko, &g->security, &why), 0);
	ck_assert_msg(security_attach(g->security, g->store, &why) == 0, "%s", why.text);
	go.stats = &g->stats;
	go.store = g->store;
	go.security = g->security;
	go.loops = &g->loop;
	ck_assert_int_eq(gate_new(&go, &g->gate, &why), 0);
	ck_assert_msg(gate_bootstrap(g->gate, &why) == 0, "%s", why.text);
}

static inline void rig_open(struct rig *g, const char *const *sets)
{
	rig_open_at(g, sets, NULL, 1 << 20);
}

/* As the process ends: the loop turns no more. */
static inline void rig_end(struct rig *g)
{
	workers_free(g->workers);
	gate_free(g->gate);
	for (unsigned i = 0; i < g->n_peers; i++)
		peer_unref(g->peers[i]);
	security_free(g->security);
	store_close(g->store);
	seal_close(g->seal);
	loop_free(g->loop);
	conf_unref(g->conf);
	free(g->stats);
	arena_fini(&g->arena);
	rnd_free(g->rnd);
	clock_free(g->clock);
}

static inline void rig_close(struct rig *g)
{
	store_flush(g->store);
	while (loop_turn(g->loop, 0) > 0)
		;
	rig_end(g);
}

static inline void rig_stored(struct commit *c, int err)
{
	(void)c;
	ck_assert_int_eq(err, 0);
}

/* A credential for one name. */
static inline struct peer *rig_peer(struct rig *g, enum cred_kind kind, const char *name, uint16_t zone)
{
	struct commit commit = { .magic = COMMIT_MAGIC, .done = rig_stored };
	struct str names = str_of(name);
	struct cred_info c = { .kind = kind, .names = { &names, 1 }, .zone = zone, .max_ae = 4, .generation = 1,
		                   .not_after = RIG_T0 + INT64_C(86400000000) * 10000 };
	char print[32];
	struct why why = { .rsc = RSC_NONE };
	struct tx *tx;

	rnd_bytes(g->rnd, print, sizeof(print));
	c.fingerprint = str_make(print, sizeof(print));
	tx = store_begin(g->store, &g->arena, TX_WRITE);
	c.id = cred_make_id(g->security, &g->arena);
	ck_assert_msg(cred_put(g->security, tx, &c, &why) == 0, "%s", why.text);
	if (store_commit(tx, &commit)) {
		store_ready(g->store, &commit);
		store_flush(g->store);
	}
	cred_apply(g->security, &c);
	ck_assert_int_eq(peer_of_credential(g->security, c.id, NULL, &g->peers[g->n_peers]), 0);
	return g->peers[g->n_peers++];
}

static inline void rig_prepare(void *arg, const struct resp *r)
{
	struct rig_answer *a = arg;
	struct buf b;

	a->prepared++;
	a->rsc = r->rsc;
	json_decref(a->pc);
	a->pc = NULL;
	snprintf(a->rqi, sizeof(a->rqi), "%.*s", STR_ARG(r->rqi));
	snprintf(a->rvi, sizeof(a->rvi), "%.*s", STR_ARG(r->rvi));
	snprintf(a->created, sizeof(a->created), "%.*s", STR_ARG(r->created));
	snprintf(a->rset, sizeof(a->rset), "%.*s", STR_ARG(r->rset));
	a->cnst = r->cnst;
	a->cnot = (unsigned)r->cnot;
	if (!r->has_pc)
		return;
	buf_init(&b, 1 << 26);
	codec_json.encode_content(&b, r->root, &r->pc);
	a->pc = json_loadb(b.p, b.n, 0, NULL);
	ck_assert_msg(a->pc != NULL, "no JSON: %.*s", (int)b.n, b.p);
	buf_fini(&b);
}

static inline void rig_release(void *arg)
{
	struct rig_answer *a = arg;

	ck_assert(!a->done && a->prepared);
	a->done = true;
}

static const struct gate_reply rig_reply = { rig_prepare, rig_release };

static inline struct str rig_text(struct request *r, const char *z)
{
	return arena_str(request_arena(r), str_of(z));
}

static inline void rig_param(struct request *r, enum param id, const char *z, struct str *out)
{
	if (!z || !*z)
		return;
	*out = rig_text(r, z);
	request_prim(r)->has |= 1u << id;
}

static inline struct request *rig_request(struct rig *g, const struct rig_ask *q)
{
	struct request *r = gate_open(g->gate, g->loop);
	struct prim *p = request_prim(r);
	char rqi[16];

	p->op = q->op;
	p->has |= q->also | 1u << P_OP;
	rig_param(r, P_TO, q->to, &p->to);
	rig_param(r, P_FR, q->fr, &p->fr);
	if (!q->rqi)
		snprintf(rqi, sizeof(rqi), "r%u", ++g->n_rqi);
	rig_param(r, P_RQI, q->rqi ? q->rqi : rqi, &p->rqi);
	rig_param(r, P_RVI, q->rvi ? q->rvi : "3", &p->rvi_text);
	rig_param(r, P_RQET, q->rqet, &p->rqet);
	rig_param(r, P_RSET, q->rset, &p->rset);
	rig_param(r, P_OET, q->oet, &p->oet);
	if (q->ty) {
		p->ty = q->ty;
		p->has |= 1u << P_TY;
	}
	if (q->rcn) {
		p->rcn = (uint64_t)q->rcn - 1;
		p->has |= 1u << P_RCN;
	}
	if (q->rtv) {
		p->rtv = q->rtv;
		p->has |= 1u << P_RT;
	}
	if (q->drt) {
		p->drt = q->drt;
		p->has |= 1u << P_DRT;
	}
	if (q->fc) {
		p->fc = q->fc;
		p->has |= 1u << P_FC;
	}
	if (q->atrl) {
		p->atrl.v = arena_alloc(request_arena(r), sizeof(struct str));
		p->atrl.v[0] = rig_text(r, q->atrl);
		p->atrl.n = 1;
	}
	if (q->pc) {
		struct str in = rig_text(r, q->pc);

		p->has |= 1u << P_PC;
		p->raw = in;
		ck_assert_msg(codec_json.decode_content(p->arena, in, gate_limits(g->gate), &p->pc, &p->why) == RSC_NONE, "%s",
		              p->why.text);
	}
	return r;
}

static inline void rig_turn(struct rig *g, const struct rig_answer *a)
{
	for (int i = 0; i < 20000 && !a->done; i++)
		loop_turn(g->loop, 1);
}

static inline struct request *rig_launch(struct rig *g, const struct rig_ask *q, struct rig_answer *a)
{
	struct request *r = rig_request(g, q);

	*a = (struct rig_answer){ .rsc = RSC_NONE };
	gate_submit(r, q->peer, &rig_reply, a);
	return r;
}

static inline struct rig_answer rig_send(struct rig *g, const struct rig_ask *q)
{
	struct rig_answer a;

	rig_launch(g, q, &a);
	rig_turn(g, &a);
	ck_assert_msg(a.done, "no answer");
	return a;
}
#define SEND(g, ...) rig_send((g), &(struct rig_ask){ __VA_ARGS__ })

/* Status code only. */
static inline enum rsc rig_code(struct rig *g, const struct rig_ask *q)
{
	struct rig_answer a = rig_send(g, q);

	json_decref(a.pc);
	return a.rsc;
}
#define CODE(g, ...) rig_code((g), &(struct rig_ask){ __VA_ARGS__ })

/* "cnt" of {"m2m:cnt": ...}; borrowed. */
static inline json_t *rig_pc(const struct rig_answer *a, const char *root)
{
	json_t *o;

	ck_assert_msg(a->pc != NULL, "no content");
	o = json_object_get(a->pc, root);
	ck_assert_msg(o != NULL, "no %s", root);
	return o;
}

static inline const char *rig_s(json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	ck_assert_msg(s != NULL, "no text %s", name);
	return s;
}

static inline long long rig_n(json_t *o, const char *name)
{
	json_t *v = json_object_get(o, name);

	ck_assert_msg(json_is_integer(v), "no number %s", name);
	return json_integer_value(v);
}

/* An attribute of a RETRIEVE of `to`. */
static inline long long rig_number(struct rig *g, struct peer *p, const char *fr, const char *to, const char *root,
                                   const char *name)
{
	struct rig_answer a = SEND(g, .peer = p, .op = OP_RETRIEVE, .to = to, .fr = fr);
	long long n;

	ck_assert_int_eq(a.rsc, RSC_OK);
	n = rig_n(rig_pc(&a, root), name);
	json_decref(a.pc);
	return n;
}

/* A registered AE with a credential of its own. */
static inline struct peer *rig_ae(struct rig *g, const char *stem, const char *rn)
{
	struct peer *p = rig_peer(g, CRED_DEVICE, stem, 1);
	char pc[200];
	struct rig_answer a;

	snprintf(pc, sizeof(pc), "{\"m2m:ae\":{\"rn\":\"%s\",\"api\":\"Ntest\",\"rr\":true,\"srv\":[\"3\"]}}", rn);
	a = SEND(g, .peer = p, .op = OP_CREATE, .to = "cse-in", .fr = stem, .ty = TY_AE, .pc = pc);
	ck_assert_int_eq(a.rsc, RSC_CREATED);
	json_decref(a.pc);
	return p;
}

static inline int rig_run(Suite *s)
{
	SRunner *sr = srunner_create(s);
	int failed;

	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}

#endif
