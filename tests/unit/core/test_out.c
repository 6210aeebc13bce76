/* SPDX-License-Identifier: Apache-2.0 */
/* Queues of what is sent (engine.md 4.4), attempts and pauses, order, deadlines, and whom it may reach (security-model 3.4). */
#include "tests/unit/core/rig.h"

#include "cse/base/err.h"
#include "cse/core/out.h"

#define MS INT64_C(1000)

/* A way out that keeps attempts until the test ends them. */
struct probe {
	struct carry *flying[256];
	unsigned n, sent, cancelled;
};

static void probe_send(void *ctx, struct loop *l, struct carry *c)
{
	struct probe *p = ctx;

	(void)l;
	ck_assert_uint_lt(p->n, 256);
	c->state = p;
	p->flying[p->n++] = c;
	p->sent++;
}

static void forget(struct probe *p, const struct carry *c)
{
	unsigned i = 0;

	while (i < p->n && p->flying[i] != c)
		i++;
	ck_assert_uint_lt(i, p->n);
	for (p->n--; i < p->n; i++)
		p->flying[i] = p->flying[i + 1];
}

static void probe_cancel(void *ctx, struct carry *c)
{
	struct probe *p = ctx;

	forget(p, c);
	p->cancelled++;
	c->state = NULL;
}

static void end_one(struct probe *p, int err)
{
	struct carry *c = p->flying[0];

	forget(p, c);
	c->done(c, &(struct out_result){ .err = err, .rsc = RSC_OK });
}

static int probe_open(const struct carrier_opts *o, void **ctx, struct why *why)
{
	(void)o, (void)ctx, (void)why;
	return 0;
}

static void probe_close(void *ctx)
{
	(void)ctx;
}

static const struct carrier_kind probe_kind = { "https", probe_open, probe_send, probe_cancel, probe_close };

/* A message of the test's. */
struct note {
	struct out_msg m;
	unsigned told;
	int err;
	int64_t at_ns;
	struct rig *g;
};

static void told(struct out_msg *m, const struct out_result *r)
{
	struct note *n = m->arg;

	n->told++;
	n->err = r->err;
	n->at_ns = loop_now_ns(n->g->loop);
}

static struct rig g;
static struct probe probe;
static struct note notes[300];

static void turn(void)
{
	while (loop_turn(g.loop, 0) > 0)
		;
}

static void advance(int64_t us)
{
	clock_advance_us(g.clock, us);
	turn();
}

static void poa(struct peer *p, const char *stem, const char *text)
{
	char pc[300];

	snprintf(pc, sizeof(pc), "{\"m2m:ae\":{\"poa\":[%s]}}", text);
	ck_assert_int_eq(CODE(&g, .peer = p, .op = OP_UPDATE, .to = stem, .fr = stem, .pc = pc), RSC_UPDATED);
}

/* CDev1 with one point of access. */
static struct peer *open_with(const char *const *sets)
{
	struct peer *p;

	memset(&probe, 0, sizeof(probe));
	memset(notes, 0, sizeof(notes));
	rig_open(&g, sets);
	out_add_carrier(gate_out(g.gate), &probe_kind, &probe);
	p = rig_ae(&g, "CDev1", "app1");
	poa(p, "CDev1", "\"https://198.51.100.7:8443/in\"");
	return p;
}

static void send_note(struct note *n, const char *target, const char *creator)
{
	static const struct obj empty;

	n->g = &g;
	n->m.magic = OUT_MSG_MAGIC;
	n->m.target = str_of(target);
	n->m.creator = str_of(creator);
	n->m.root = type_root_attr(STR("m2m:sgn"));
	n->m.pc = (struct val){ .kind = K_OBJ, .o = (struct obj *)(uintptr_t)&empty };
	n->m.done = told;
	n->m.arg = n;
	out_send(gate_out(g.gate), g.loop, &n->m);
	ck_assert_uint_eq(n->told, 0);
}

START_TEST(what_is_answered_is_told)
{
	open_with(NULL);
	send_note(&notes[0], "CDev1", "");
	turn();
	ck_assert_uint_eq(probe.n, 1);
	const struct carry *c = probe.flying[0];
	ck_assert(str_eqz(c->url, "https://198.51.100.7:8443/in") && str_eqz(c->at.host, "198.51.100.7") && c->cred.n > 0 && c->zone == 1);
	ck_assert(c->prim->op == OP_NOTIFY && str_eqz(c->prim->fr, "/id-in") && c->prim->rqi.n > 0 && str_eqz(c->prim->rvi_text, "3"));
	ck_assert_uint_eq(out_in_flight(gate_out(g.gate)), 1);
	end_one(&probe, 0);
	ck_assert(notes[0].told == 1 && notes[0].err == 0);
	ck_assert(out_in_flight(gate_out(g.gate)) == 0 && out_waiting(gate_out(g.gate)) == 0);
	rig_close(&g);
}
END_TEST

START_TEST(a_target_has_so_many_at_once)
{
	open_with(NULL);
	for (int i = 0; i < 40; i++)
		send_note(&notes[i], "CDev1", "");
	turn();
	ck_assert_uint_eq(probe.n, 16);
	/* In order of sending, and the next when one is answered. */
	for (int i = 0; i < 40; i++) {
		end_one(&probe, 0);
		turn();
		ck_assert_uint_eq(notes[i].told, 1);
		ck_assert_uint_eq(probe.n, i < 24 ? 16 : 39u - (unsigned)i);
	}
	rig_close(&g);
}
END_TEST

START_TEST(one_order_flies_one_at_a_time)
{
	open_with(NULL);
	for (int i = 0; i < 9; i++) {
		notes[i].m.order = (uint64_t)(i % 3);
		send_note(&notes[i], "CDev1", "");
	}
	turn();
	/* 0, 3, 6 are in no order; 1 and 2 are the first of theirs. */
	ck_assert_uint_eq(probe.n, 5);
	while (probe.n) {
		end_one(&probe, 0);
		turn();
	}
	for (int i = 0; i < 9; i++)
		ck_assert_uint_eq(notes[i].told, 1);
	/* A failure keeps its place. */
	memset(notes, 0, sizeof(notes));
	for (int i = 0; i < 3; i++) {
		notes[i].m.order = 7;
		send_note(&notes[i], "CDev1", "");
	}
	turn();
	ck_assert_uint_eq(probe.n, 1);
	end_one(&probe, E_CLOSED);
	turn();
	advance(1300 * MS);
	ck_assert_uint_eq(probe.n, 1);
	end_one(&probe, 0);
	ck_assert(notes[0].told == 1 && notes[1].told == 0);
	turn();
	ck_assert_uint_eq(probe.n, 1);
	end_one(&probe, 0);
	ck_assert(notes[1].told == 1 && notes[2].told == 0);
	rig_close(&g);
}
END_TEST

START_TEST(a_failing_target_is_left_alone_for_longer_and_longer)
{
	static const char *const sets[] = { "notify.max_pause=8s", NULL };
	int64_t last, pauses[6];

	open_with(sets);
	for (int i = 0; i < 20; i++)
		send_note(&notes[i], "CDev1", "");
	turn();
	/* All that were on their way fail as one. */
	while (probe.n)
		end_one(&probe, E_CLOSED);
	turn();
	last = clock_mono_ns(g.clock);
	for (int k = 0; k < 6; k++) {
		for (int i = 0; i < 2000 && probe.n == 0; i++)
			advance(10 * MS);
		/* One attempt, of the oldest. */
		ck_assert_uint_eq(probe.n, 1);
		pauses[k] = (clock_mono_ns(g.clock) - last) / 1000000;
		end_one(&probe, E_CLOSED);
		turn();
		last = clock_mono_ns(g.clock);
	}
	for (int k = 0; k < 6; k++) {
		int64_t least = k < 3 ? 1000 << k : 8000;
		ck_assert_int_ge(pauses[k], least);
		ck_assert_int_le(pauses[k], least + least / 4 + 20);
	}
	advance(11000 * MS);
	ck_assert_uint_eq(probe.n, 1);
	end_one(&probe, 0);
	turn();
	ck_assert_uint_eq(notes[0].told, 1);
	ck_assert_uint_eq(probe.n, 16);
	rig_close(&g);
}
END_TEST

/* A target whose answer was lost can tell that it has had this request. */
START_TEST(what_is_tried_again_is_the_same_request)
{
	char first[64] = "", other[64] = "";

	open_with(NULL);
	send_note(&notes[0], "CDev1", "");
	turn();
	for (int i = 0; i < 3; i++) {
		struct str rqi;

		ck_assert_uint_eq(probe.n, 1);
		rqi = probe.flying[0]->prim->rqi;
		ck_assert(rqi.n > 0 && rqi.n < sizeof(first));
		if (i == 0)
			memcpy(first, rqi.p, rqi.n);
		ck_assert(str_eqz(rqi, first));
		end_one(&probe, E_CLOSED);
		turn();
		for (int k = 0; k < 1000 && probe.n == 0; k++)
			advance(10 * MS);
	}
	end_one(&probe, 0);
	turn();
	send_note(&notes[1], "CDev1", "");
	turn();
	memcpy(other, probe.flying[0]->prim->rqi.p, probe.flying[0]->prim->rqi.n);
	ck_assert_str_ne(other, first);
	end_one(&probe, 0);
	rig_close(&g);
}
END_TEST

START_TEST(who_waits_learns_no_cause)
{
	int64_t begin;

	open_with(NULL);
	begin = clock_mono_ns(g.clock);
	/* Refused at once. */
	notes[0].m.once = true;
	send_note(&notes[0], "CDev1", "");
	turn();
	end_one(&probe, E_CLOSED);
	turn();
	advance(4999 * MS);
	ck_assert_uint_eq(notes[0].told, 0);
	advance(1 * MS);
	ck_assert(notes[0].told == 1 && notes[0].err == E_CLOSED && notes[0].at_ns - begin == INT64_C(5000000000));
	/* Never answered. */
	begin = clock_mono_ns(g.clock);
	notes[1].m.once = true;
	send_note(&notes[1], "CDev1", "");
	turn();
	ck_assert_uint_eq(probe.n, 1);
	advance(5000 * MS);
	ck_assert(notes[1].told == 1 && notes[1].err == E_CLOSED && notes[1].at_ns - begin == INT64_C(5000000000));
	ck_assert(probe.n == 0 && probe.cancelled == 1);
	/* One attempt a second at most. */
	unsigned before = probe.sent;
	for (int i = 2; i < 12; i++) {
		notes[i].m.once = true;
		send_note(&notes[i], "CDev1", "");
		turn();
		if (probe.n)
			end_one(&probe, E_CLOSED);
	}
	for (int i = 0; i < 50; i++) {
		advance(100 * MS);
		if (probe.n)
			end_one(&probe, E_CLOSED);
	}
	ck_assert_uint_le(probe.sent - before, 6);
	for (int i = 2; i < 12; i++)
		ck_assert(notes[i].told == 1 && notes[i].err == E_CLOSED);
	rig_close(&g);
}
END_TEST

START_TEST(deadlines_end_what_waits_and_what_flies)
{
	open_with(NULL);
	for (int i = 0; i < 20; i++) {
		notes[i].m.deadline_ns = clock_mono_ns(g.clock) + INT64_C(3000000000);
		send_note(&notes[i], "CDev1", "");
	}
	turn();
	ck_assert_uint_eq(probe.n, 16);
	advance(2999 * MS);
	ck_assert_uint_eq(probe.n, 16);
	advance(1 * MS);
	ck_assert_uint_eq(probe.n, 0);
	for (int i = 0; i < 20; i++)
		ck_assert(notes[i].told == 1 && notes[i].err == E_TIMEOUT);
	rig_close(&g);
}
END_TEST

START_TEST(the_oldest_leaves_a_full_queue)
{
	static const char *const sets[] = { "notify.max_queue=16", NULL };

	open_with(sets);
	send_note(&notes[0], "CDev1", "");
	turn();
	end_one(&probe, E_CLOSED);
	turn();
	for (int i = 1; i < 40; i++)
		send_note(&notes[i], "CDev1", "");
	turn();
	for (int i = 0; i < 40; i++)
		ck_assert_msg(i < 24 ? notes[i].told == 1 && notes[i].err == E_FULL : notes[i].told == 0, "%d", i);
	ck_assert_uint_eq(out_waiting(gate_out(g.gate)), 16);
	ck_assert_uint_eq(g.stats->v[STAT_NOTIFY_DROPPED], 24);
	rig_close(&g);
	/* The bound in bytes, and one that is larger than the whole queue. */
	static const char *const bytes[] = { "notify.max_queue_bytes=65536", NULL };
	open_with(bytes);
	for (int i = 0; i < 4; i++) {
		notes[i].m.bytes = i == 3 ? 100000 : 30000;
		send_note(&notes[i], "CDev1", "");
	}
	turn();
	/* None was on its way: the last does not fit at all. */
	ck_assert(notes[0].told == 1 && notes[0].err == E_FULL && notes[3].told == 1 && notes[3].err == E_FULL);
	rig_close(&g);
}
END_TEST

START_TEST(what_feeds_a_long_queue_is_known)
{
	static const char *const sets[] = { "notify.max_queue=64", NULL };
	struct out *o;

	open_with(sets);
	o = gate_out(g.gate);
	for (int i = 0; i < 31; i++) {
		notes[i].m.feeder = 5;
		send_note(&notes[i], "CDev1", "");
	}
	ck_assert(!out_is_pressed(o, 5));
	notes[31].m.feeder = 5;
	send_note(&notes[31], "CDev1", "");
	ck_assert(out_is_pressed(o, 5) && !out_is_pressed(o, 6) && !out_is_pressed(o, 0));
	turn();
	while (probe.n) {
		end_one(&probe, 0);
		turn();
	}
	ck_assert(!out_is_pressed(o, 5));
	/* Nobody waits for a target that takes nothing. */
	memset(notes, 0, sizeof(notes));
	for (int i = 0; i < 60; i++) {
		notes[i].m.feeder = 5;
		send_note(&notes[i], "CDev1", "");
	}
	ck_assert(out_is_pressed(o, 5));
	turn();
	end_one(&probe, E_CLOSED);
	ck_assert(!out_is_pressed(o, 5));
	rig_close(&g);
}
END_TEST

START_TEST(cancelled_messages_are_not_told)
{
	struct out *o;

	open_with(NULL);
	o = gate_out(g.gate);
	for (int i = 0; i < 20; i++) {
		notes[i].m.order = i == 18 || i == 19 ? 1 : 0;
		send_note(&notes[i], "CDev1", "");
	}
	out_cancel(o, &notes[0].m);
	turn();
	out_cancel(o, &notes[1].m);  /* flying */
	out_cancel(o, &notes[17].m); /* ready */
	out_cancel(o, &notes[19].m); /* held by its order */
	out_cancel(o, &notes[19].m);
	ck_assert_uint_eq(probe.cancelled, 1);
	turn();
	while (probe.n) {
		end_one(&probe, 0);
		turn();
	}
	for (int i = 0; i < 20; i++)
		ck_assert_uint_eq(notes[i].told, i != 0 && i != 1 && i != 17 && i != 19);
	ck_assert(out_in_flight(o) == 0 && out_waiting(o) == 0);
	/* Failed, and waiting to be told. */
	notes[0] = (struct note){ .m.once = true };
	send_note(&notes[0], "CDev1", "");
	turn();
	end_one(&probe, E_CLOSED);
	out_cancel(o, &notes[0].m);
	advance(10000 * MS);
	ck_assert_uint_eq(notes[0].told, 0);
	/* What still waits at the end is let go. */
	send_note(&notes[30], "CDev1", "");
	turn();
	rig_close(&g);
}
END_TEST

START_TEST(points_of_access_are_tried_in_order)
{
	struct peer *p = open_with(NULL);

	poa(p, "CDev1", "\"https://198.51.100.1\",\"mqtts://x\",\"198.51.100.2\",\"https://[2001:db8::1]:444/x\"");
	send_note(&notes[0], "cse-in/app1", "");
	turn();
	ck_assert(str_eqz(probe.flying[0]->at.host, "198.51.100.1") && probe.flying[0]->at.port == 443);
	end_one(&probe, E_CLOSED);
	ck_assert(probe.n == 1 && str_eqz(probe.flying[0]->at.host, "2001:db8::1"));
	/* Each gets its part of the time. */
	end_one(&probe, E_CLOSED);
	turn();
	ck_assert_uint_eq(probe.n, 0);
	advance(1300 * MS);
	ck_assert(probe.n == 1 && str_eqz(probe.flying[0]->at.host, "198.51.100.1"));
	advance(2500 * MS);
	ck_assert(probe.n == 1 && str_eqz(probe.flying[0]->at.host, "2001:db8::1"));
	end_one(&probe, 0);
	ck_assert_uint_eq(notes[0].told, 1);
	rig_close(&g);
}
END_TEST

static int reaches(const char *target, const char *creator)
{
	static struct note n;
	unsigned before = probe.n;

	memset(&n, 0, sizeof(n));
	send_note(&n, target, creator);
	turn();
	if (probe.n == before) {
		ck_assert_uint_eq(n.told, 1);
		return n.err;
	}
	out_cancel(gate_out(g.gate), &n.m);
	return 0;
}

START_TEST(only_who_may_be_reached_is)
{
	static const char *const sets[] = { "notify.allowed_targets=https://198.51.100.9:8443 CDev3,https://app.example name.example", NULL };
	struct peer *dev2;

	open_with(sets);
	dev2 = rig_ae(&g, "CDev2", "app2");
	poa(dev2, "CDev2", "\"https://198.51.100.8\"");
	rig_peer(&g, CRED_DEVICE, "CDev3", 1);
	ck_assert_int_eq(reaches("CDev1", "//troth.example/id-in/CDev1"), 0);
	ck_assert_int_eq(reaches("/id-in/CDev1", "//troth.example/id-in/CDev1"), 0);
	ck_assert_int_eq(reaches("//troth.example/id-in/cse-in/app1", "//troth.example/id-in/CDev1"), 0);
	/* Without the right to notify it, with no credential, not there, elsewhere. */
	ck_assert_int_eq(reaches("CDev1", "//troth.example/id-in/CDev2"), E_DENIED);
	ck_assert_int_eq(reaches("CDev1", "//troth.example/id-in/CDev9"), E_DENIED);
	ck_assert_int_eq(reaches("CDev7", "//troth.example/id-in/CDev1"), E_ABSENT);
	ck_assert_int_eq(reaches("/mn1/CDev1", "//troth.example/id-in/CDev1"), E_ABSENT);
	/* URLs: at an own point of access, or listed. */
	ck_assert_int_eq(reaches("https://198.51.100.7:8443/other?ct=json", "//troth.example/id-in/CDev1"), 0);
	ck_assert_int_eq(reaches("https://198.51.100.7:8443/in?ct=xml", "//troth.example/id-in/CDev1"), E_DENIED);
	ck_assert_int_eq(reaches("https://198.51.100.7/in", "//troth.example/id-in/CDev1"), E_DENIED);
	ck_assert_int_eq(reaches("https://198.51.100.8/x", "//troth.example/id-in/CDev1"), E_DENIED);
	ck_assert_int_eq(reaches("http://198.51.100.7:8443/in", "//troth.example/id-in/CDev1"), E_DENIED);
	ck_assert_int_eq(reaches("https://198.51.100.7:8443/in", ""), E_DENIED);
	send_note(&notes[0], "https://198.51.100.9:8443/x", "//troth.example/id-in/CDev1");
	send_note(&notes[1], "https://APP.example/x", "");
	turn();
	ck_assert_msg(probe.n == 2, "%u: %d %d", probe.n, notes[0].err, notes[1].err);
	ck_assert(probe.flying[0]->cred.n > 0 && probe.flying[0]->names.n == 0);
	ck_assert(probe.flying[1]->cred.n == 0 && probe.flying[1]->names.n == 1 && str_eqz(probe.flying[1]->names.v[0], "name.example"));
	rig_close(&g);
}
END_TEST

START_TEST(targets_are_judged_when_they_are_named)
{
	struct peer *p = open_with(NULL);
	struct origin o = { .from = STR("//troth.example/id-in/CDev1"), .stem = STR("CDev1"), .authenticated = true, .zone = 1, .peer = p };
	static const struct {
		const char *target;
		enum rsc rsc;
		bool self;
	} rows[] = { { "CDev1", RSC_NONE, true },
		         { "cse-in/app1", RSC_NONE, true },
		         { "/id-in/CDev1", RSC_NONE, true },
		         { "//troth.example/id-in/CDev1", RSC_NONE, true },
		         { "cse-in", RSC_NONE, false },
		         { "nobody", RSC_NONE, false },
		         { "/mn1/CDev1", RSC_NONE, false },
		         { "a//b", RSC_BAD_REQUEST, false },
		         { "https://198.51.100.7:8443/x", RSC_NONE, false },
		         { "https://198.51.100.7:8443/x?a=1&ct=json", RSC_NONE, false },
		         { "https://198.51.100.7:8443/x?ct=cbor", RSC_BAD_REQUEST, false },
		         { "https://198.51.100.7:8444/x", RSC_BAD_REQUEST, false },
		         { "http://198.51.100.7:8443/x", RSC_BAD_REQUEST, false },
		         { "wss://198.51.100.7:8443/x", RSC_BAD_REQUEST, false },
		         { "ftp://198.51.100.7/", RSC_BAD_REQUEST, false } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct why w = { 0 };
		bool self;
		struct tx *tx = store_begin(g.store, &g.arena, TX_READ);
		enum rsc rsc = out_check_target(g.gate, tx, &o, str_of(rows[i].target), &self, &w);

		store_end(tx);
		ck_assert_msg(rsc == rows[i].rsc && self == rows[i].self && (rsc == RSC_NONE) == (w.text[0] == 0), "%s: %d %d %s",
		              rows[i].target, (int)rsc, self, w.text);
	}
	rig_close(&g);
}
END_TEST

START_TEST(our_own_resources_are_asked_as_anybody_asks)
{
	open_with(NULL);
	/* The CSE itself has no right that nobody gave it. */
	send_note(&notes[0], "cse-in", "");
	turn();
	ck_assert(notes[0].told == 1 && notes[0].err == 0 && probe.sent == 0);
	send_note(&notes[1], "cse-in/nothing", "");
	send_note(&notes[2], "cse-in", "");
	out_cancel(gate_out(g.gate), &notes[2].m);
	turn();
	ck_assert(notes[1].told == 1 && notes[2].told == 0);
	rig_close(&g);
}
END_TEST

START_TEST(queues_die_with_a_credential)
{
	struct peer *p = open_with(NULL);
	struct commit commit = { .magic = COMMIT_MAGIC, .done = rig_stored };
	struct cred_info c;
	struct why why = { 0 };

	(void)p;
	for (int i = 0; i < 20; i++)
		send_note(&notes[i], "CDev1", "//troth.example/id-in/CDev1");
	turn();
	ck_assert_uint_eq(probe.n, 16);
	ck_assert(cred_of_name(g.security, &g.arena, STR("CDev1"), &c));
	c.state = CRED_SUSPENDED;
	struct tx *tx = store_begin(g.store, &g.arena, TX_WRITE);
	ck_assert_int_eq(cred_put(g.security, tx, &c, &why), 0);
	if (store_commit(tx, &commit)) {
		store_ready(g.store, &commit);
		store_flush(g.store);
	}
	cred_apply(g.security, &c);
	advance(1000 * MS);
	ck_assert_uint_eq(probe.n, 0);
	for (int i = 0; i < 20; i++)
		ck_assert(notes[i].told == 1 && notes[i].err == E_DENIED);
	rig_close(&g);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("out");
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, what_is_answered_is_told);
	tcase_add_test(tc, a_target_has_so_many_at_once);
	tcase_add_test(tc, one_order_flies_one_at_a_time);
	tcase_add_test(tc, a_failing_target_is_left_alone_for_longer_and_longer);
	tcase_add_test(tc, what_is_tried_again_is_the_same_request);
	tcase_add_test(tc, who_waits_learns_no_cause);
	tcase_add_test(tc, deadlines_end_what_waits_and_what_flies);
	tcase_add_test(tc, the_oldest_leaves_a_full_queue);
	tcase_add_test(tc, what_feeds_a_long_queue_is_known);
	tcase_add_test(tc, cancelled_messages_are_not_told);
	tcase_add_test(tc, points_of_access_are_tried_in_order);
	tcase_add_test(tc, only_who_may_be_reached_is);
	tcase_add_test(tc, targets_are_judged_when_they_are_named);
	tcase_add_test(tc, our_own_resources_are_asked_as_anybody_asks);
	tcase_add_test(tc, queues_die_with_a_credential);
	suite_add_tcase(s, tc);
	return rig_run(s);
}
