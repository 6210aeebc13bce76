/* SPDX-License-Identifier: Apache-2.0 */
/* Who gives way when a subscriber's share is used up (TS-0001 9.6.8, 9.6.3), and that it costs no more than what comes in. */
#include "cse/core/notify_priv.h"

#include "cse/core/gate_priv.h"
#include "tests/unit/core/rig.h"

static struct rig g;
static struct peer *dev;

static void settle(void)
{
	for (int i = 0; i < 4; i++) {
		store_flush(g.store);
		while (loop_turn(g.loop, 0) > 0)
			;
	}
}

static enum rsc ask(enum op op, unsigned ty, const char *to, const char *pc)
{
	return CODE(&g, .peer = dev, .op = op, .to = to, .fr = "CDev1", .ty = ty, .pc = pc);
}

static void open_with(const char *held)
{
	const char *const sets[] = { held, NULL };

	rig_open(&g, sets);
	dev = rig_peer(&g, CRED_DEVICE, "CDev1", 1);
	ck_assert_int_eq(ask(OP_CREATE, TY_AE, "cse-in", "{\"m2m:ae\":{\"rn\":\"app1\",\"api\":\"Nx\",\"rr\":false,\"srv\":[\"3\"]}}"), RSC_CREATED);
}

static void box(unsigned i)
{
	char pc[80];

	snprintf(pc, sizeof(pc), "{\"m2m:cnt\":{\"rn\":\"box%u\"}}", i);
	ck_assert_int_eq(ask(OP_CREATE, TY_CNT, "cse-in/app1", pc), RSC_CREATED);
}

/* One that collects without an end. */
static void subscribe(unsigned i, uint64_t priority)
{
	char to[40], pc[240];

	snprintf(to, sizeof(to), "cse-in/app1/box%u", i);
	snprintf(pc, sizeof(pc), "{\"m2m:sub\":{%s\"nu\":[\"CDev1\"],\"enc\":{\"net\":[3],\"chty\":[4]},\"bn\":{\"num\":1000000,\"dur\":\"P1D\"},\"nsp\":%llu}}",
	         i ? "\"rn\":\"s\"," : "", (unsigned long long)priority);
	ck_assert_int_eq(ask(OP_CREATE, TY_SUB, to, pc), RSC_CREATED);
}

static void create(unsigned i)
{
	char to[40];

	snprintf(to, sizeof(to), "cse-in/app1/box%u", i);
	ck_assert_int_eq(ask(OP_CREATE, TY_CIN, to, "{\"m2m:cin\":{\"con\":\"v\"}}"), RSC_CREATED);
	settle();
}

static struct holder *holder(void)
{
	struct nlane *l = &g.gate->notify->lanes[0];

	for (size_t i = 0; i < NLANE_HOLDERS; i++)
		if (l->holders[i])
			return l->holders[i];
	return NULL;
}

/* --- who ------------------------------------------------------------------------------------------------------------- */

enum { BOXES = 12, SHARE = 16, STEPS = 300 };

/* What the subscription of each box holds, by the steps at which it came; read as the clauses say, one after another. */
struct model {
	uint64_t priority;
	unsigned came[SHARE + 1], n;
	bool there;
};

static void give_way(struct model *m)
{
	struct model *least = NULL;

	for (unsigned i = 1; i <= BOXES; i++)
		if (m[i].there && m[i].n && (!least || m[i].priority < least->priority ||
		                             (m[i].priority == least->priority && m[i].came[0] < least->came[0])))
			least = &m[i];
	memmove(least->came, least->came + 1, --least->n * sizeof(least->came[0]));
}

static void compare(const struct model *m, unsigned step)
{
	const struct holder *h = holder();
	unsigned n = 0, held = 0;

	for (unsigned i = 1; i <= BOXES; i++) {
		n += m[i].there;
		held += m[i].there ? m[i].n : 0;
	}
	ck_assert_msg((h ? h->n : 0) == held, "step %u: %zu, not %u", step, h ? h->n : 0, held);
	for (const struct nsub *s = h ? h->subs : NULL; s; s = s->kin) {
		unsigned i = (unsigned)strtoul(s->sur + strlen("cse-in/app1/box"), NULL, 10);

		n--;
		ck_assert(i >= 1 && i <= BOXES && m[i].there);
		ck_assert_msg(s->batch.n + s->held.n == m[i].n, "step %u: subscription %u holds %zu, not %u", step, i, s->batch.n + s->held.n, m[i].n);
	}
	ck_assert_uint_eq(n, 0);
}

/* Subscriptions of a few priorities, which change, come and go, while more comes in than may be held. */
START_TEST(the_oldest_of_the_least_important)
{
	struct model m[BOXES + 1] = { { 0 } };
	struct rnd *rnd = rnd_new_seeded((uint64_t)_i + 1);
	char to[60], pc[80];

	open_with("notify.max_held=16");
	for (unsigned i = 1; i <= BOXES; i++)
		box(i);
	for (unsigned step = 1; step <= STEPS; step++) {
		unsigned i = 1 + (unsigned)rnd_below(rnd, BOXES), what = (unsigned)rnd_below(rnd, 12);

		clock_advance_us(g.clock, 1000);
		snprintf(to, sizeof(to), "cse-in/app1/box%u/s", i);
		if (!m[i].there) {
			m[i] = (struct model){ .there = true, .priority = 1 + rnd_below(rnd, 3) };
			subscribe(i, m[i].priority);
		} else if (what == 0) {
			m[i].there = false;
			ck_assert_int_eq(ask(OP_DELETE, 0, to, NULL), RSC_DELETED);
		} else if (what == 1) {
			m[i].priority = 1 + rnd_below(rnd, 3);
			snprintf(pc, sizeof(pc), "{\"m2m:sub\":{\"nsp\":%llu}}", (unsigned long long)m[i].priority);
			ck_assert_int_eq(ask(OP_UPDATE, 0, to, pc), RSC_UPDATED);
		} else if (what == 2) {
			/* What it held is on its way at once, to nobody. */
			m[i].n = 0;
			ck_assert_int_eq(ask(OP_DELETE, 0, to, NULL), RSC_DELETED);
			settle();
			subscribe(i, m[i].priority);
		} else {
			unsigned held = 0;

			create(i);
			m[i].came[m[i].n++] = step;
			for (unsigned k = 1; k <= BOXES; k++)
				held += m[k].there ? m[k].n : 0;
			if (held > SHARE)
				give_way(m);
		}
		settle();
		compare(m, step);
	}
	rnd_free(rnd);
	rig_close(&g);
}
END_TEST

/* --- how much -------------------------------------------------------------------------------------------------------- */

enum { MANY = 6000 };

/* One event for each of many subscriptions of one subscriber, all that it may hold being held already. */
START_TEST(a_full_share_costs_no_more)
{
	int64_t begin, roomy, full;

	open_with("notify.max_held=6000");
	box(0);
	for (unsigned i = 0; i < MANY; i++)
		subscribe(0, 1 + i % 7);
	settle();
	begin = clock_cpu_ns();
	create(0);
	roomy = clock_cpu_ns() - begin;
	ck_assert_uint_eq(holder()->n, MANY);
	begin = clock_cpu_ns();
	create(0);
	create(0);
	full = (clock_cpu_ns() - begin) / 2;
	ck_assert_uint_eq(holder()->n, MANY);
	/* Each of them dropped as many as came: twice the work, not the work times the subscriptions. */
	ck_assert_msg(full < 6 * roomy, "%lld us, with room %lld us", (long long)full / 1000, (long long)roomy / 1000);
	rig_close(&g);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("notify/rank");
	TCase *t = tcase_create("rank");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, the_oldest_of_the_least_important, 0, 4);
	tcase_add_test(t, a_full_share_costs_no_more);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
