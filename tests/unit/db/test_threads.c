/* SPDX-License-Identifier: Apache-2.0 */
/* Appends, reads, deletions and fetches of bodies from several loops at once; for ThreadSanitizer, and for order:
 * state tags and ids of a container rise together, and what is read fits together. */
#include "db/store.h"

#include <pthread.h>
#include <stdatomic.h>

#include "tests/unit/db/fixture.h"

enum { LOOPS = 3, FLIGHT = 8, EACH = 400, MNI = 20, CONTAINERS = 4 };

struct world;

struct client {
	struct commit c; /* first */
	struct lane *lane;
	struct arena a;
	struct inst out;
	int container;
	struct fetch fetch;
};

struct lane {
	struct world *w;
	pthread_t thread;
	struct loop *loop;
	struct client client[FLIGHT];
	unsigned left, busy, fetched, missed;
	uint64_t last_st[CONTAINERS], last_id[CONTAINERS];
	uint32_t rng;
};

struct world {
	struct fix f;
	struct workers *workers;
	struct lane lane[LOOPS];
	_Atomic unsigned answered;
};

static void next(struct client *cl);

static uint32_t rnd32(struct lane *l)
{
	l->rng = l->rng * 1664525u + 1013904223u;
	return l->rng >> 8;
}

static const struct node *container(struct tx *tx, int i)
{
	char name[16];

	snprintf(name, sizeof(name), "c%d", i);
	return store_child(tx, store_root(tx), str_of(name));
}

static void fetched(struct fetch *f)
{
	struct client *cl = CONTAINER_OF(f, struct client, fetch);

	if (!f->err) {
		cl->lane->fetched++;
		ck_assert_uint_eq(f->body->id, f->id);
		body_unref(f->body);
	} else {
		/* Evicted and swept meanwhile. */
		ck_assert_int_eq(f->err, E_ABSENT);
		cl->lane->missed++;
	}
	cl->lane->busy--;
	next(cl);
}

/* Durable state, all of one moment. */
static bool look(struct client *cl)
{
	struct lane *l = cl->lane;
	struct inst first, last, got[MNI + 8];
	struct counters n;
	struct body *b;
	int c = (int)(rnd32(l) % CONTAINERS);
	bool miss = false;

	arena_reset(&cl->a);
	struct tx *tx = store_begin(l->w->f.s, &cl->a, TX_READ);
	const struct node *cnt = container(tx, c);
	ck_assert_ptr_nonnull(cnt);
	node_counters(tx, cnt, &n);
	size_t k = store_instances(tx, cnt, 0, got, MNI + 8);
	ck_assert_uint_eq(k, n.cni);
	ck_assert(n.cni <= MNI && n.st >= l->last_st[c]);
	l->last_st[c] = n.st;
	for (size_t i = 1; i < k; i++)
		ck_assert(got[i].id > got[i - 1].id && got[i].st > got[i - 1].st);
	if (k) {
		ck_assert(store_latest(tx, cnt, &last) && store_oldest(tx, cnt, &first));
		ck_assert(last.id == got[k - 1].id && first.id == got[0].id && last.st <= n.st);
		ck_assert_int_eq(store_body(tx, cnt, last.id, &b), 0); /* the latest is pinned */
		ck_assert_uint_eq(b->id, last.id);
		body_unref(b);
		int err = store_body(tx, cnt, first.id, &b);
		if (!err)
			body_unref(b);
		miss = err == E_MISS;
	}
	store_end(tx);
	if (miss) {
		l->busy++;
		store_fetch(l->w->f.s, &cl->fetch, first.id, l->loop, fetched);
	}
	return miss;
}

static void done(struct commit *c, int err)
{
	struct client *cl = (struct client *)(void *)c;
	struct lane *l = cl->lane;

	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(c->err, 0);
	l->busy--;
	atomic_fetch_add(&l->w->answered, 1);
	if (cl->out.id) {
		/* What was acknowledged is visible, unless it went since: evicted, or taken as the oldest, which moves the state tag. */
		arena_reset(&cl->a);
		struct tx *tx = store_begin(l->w->f.s, &cl->a, TX_READ);
		struct inst x;
		const struct node *cnt = container(tx, cl->container);
		struct counters n;
		node_counters(tx, cnt, &n);
		if (store_latest(tx, cnt, &x))
			ck_assert(x.id >= cl->out.id && x.st >= cl->out.st);
		else
			ck_assert_uint_gt(n.st, cl->out.st);
		store_end(tx);
	}
	if (!look(cl))
		next(cl);
}

static void next(struct client *cl)
{
	struct lane *l = cl->lane;
	struct world *w = l->w;
	const struct node *n;

	if (!l->left)
		return;
	l->left--;
	arena_reset(&cl->a);
	cl->container = (int)(rnd32(l) % CONTAINERS);
	struct tx *tx = store_begin(w->f.s, &cl->a, TX_WRITE);
	const struct node *cnt = container(tx, cl->container);
	cl->out.id = 0;
	switch (rnd32(l) % 12) {
	case 0: { /* a container comes */
		ck_assert_int_eq(store_create(tx, cnt, fix_cnt(&cl->a), STR_NONE, STR_NONE, 0, &n), 0);
		store_touch(tx, cnt);
		break;
	}
	case 1: { /* the first one below goes, with what is in it */
		if (store_children(tx, cnt, &(uint32_t){ 0 }, &n, 1)) {
			store_remove(tx, n);
			store_touch(tx, cnt);
		}
		break;
	}
	case 2: {
		struct inst x;
		if (store_oldest(tx, cnt, &x))
			store_inst_remove(tx, cnt, x.id);
		break;
	}
	case 3: { /* below a container that may go */
		if (store_children(tx, cnt, &(uint32_t){ 0 }, &n, 1)) {
			struct append ap = { .r = fix_cin(&cl->a, "\"x\""), .size = 3, .labelled = true, .rn = STR("n") };
			if (store_name_taken(tx, n, STR("n")))
				ap.rn = STR_NONE;
			ck_assert_int_eq(store_append(tx, n, &ap), 0);
		}
		break;
	}
	default: {
		struct append ap = { .r = fix_cin(&cl->a, "\"telemetry\""), .size = 11 };
		ck_assert_int_eq(store_append(tx, cnt, &ap), 0);
		store_trim(tx, cnt, MNI, UINT64_MAX, INT64_MIN);
		cl->out = ap.out;
	}
	}
	cl->c = (struct commit){ .loop = l->loop, .done = done };
	l->busy++;
	if (store_commit(tx, &cl->c)) {
		store_ready(w->f.s, &cl->c);
		return;
	}
	l->busy--;
	/* Nothing was changed, and nothing is to be waited for. */
	if (!look(cl))
		next(cl);
}

static void *run_lane(void *arg)
{
	struct lane *l = arg;

	for (unsigned i = 0; i < FLIGHT; i++)
		next(&l->client[i]);
	while (l->busy)
		loop_turn(l->loop, 10);
	return NULL;
}

static void storm(bool disk)
{
	struct world *w = calloc(1, sizeof(*w));

	fix_init(&w->f, disk);
	store_close(w->f.s);
	w->workers = workers_new(2);
	w->f.o.workers = w->workers;
	w->f.o.loops = LOOPS;
	w->f.o.cache_bytes = 16 * 1024; /* so that most are fetched */
	fix_open(&w->f);
	for (int i = 0; i < CONTAINERS; i++) {
		char name[16];
		snprintf(name, sizeof(name), "c%d", i);
		ck_assert_int_eq(fix_container(&w->f, "", name), 0);
	}
	for (unsigned i = 0; i < LOOPS; i++) {
		struct lane *l = &w->lane[i];
		*l = (struct lane){ .w = w, .left = EACH, .rng = i + 1, .loop = loop_new(w->f.clock, i, NULL) };
		for (unsigned k = 0; k < FLIGHT; k++) {
			l->client[k].lane = l;
			arena_init(&l->client[k].a, 4096);
		}
	}
	for (unsigned i = 0; i < LOOPS; i++)
		ck_assert_int_eq(pthread_create(&w->lane[i].thread, NULL, run_lane, &w->lane[i]), 0);
	for (unsigned i = 0; i < LOOPS; i++)
		pthread_join(w->lane[i].thread, NULL);
	store_flush(w->f.s);
	ck_assert_uint_gt(w->answered, LOOPS * EACH / 2);
	ck_assert_uint_gt(w->lane[0].fetched, 0);

	/* The rows are whole, and a restart finds the same counters. */
	struct why why = { 0 };
	struct counters before[CONTAINERS], after;
	for (int i = 0; i < CONTAINERS; i++) {
		char name[16];
		snprintf(name, sizeof(name), "c%d", i);
		before[i] = fix_counters(&w->f, name);
	}
	ck_assert_msg(store_check(w->f.s, NULL, &why) == 0, "%s", why.text);
	if (disk)
		fix_reopen(&w->f);
	for (int i = 0; i < CONTAINERS; i++) {
		char name[16];
		snprintf(name, sizeof(name), "c%d", i);
		after = fix_counters(&w->f, name);
		ck_assert_mem_eq(&before[i], &after, sizeof(after));
	}
	workers_free(w->workers);
	/* Only now: a worker may just be waking a loop. */
	for (unsigned i = 0; i < LOOPS; i++) {
		loop_free(w->lane[i].loop);
		for (unsigned k = 0; k < FLIGHT; k++)
			arena_fini(&w->lane[i].client[k].a);
	}
	fix_fini(&w->f);
	free(w);
}

START_TEST(test_memory)
{
	storm(false);
}
END_TEST

START_TEST(test_disk)
{
	storm(true);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("threads");
	TCase *t = tcase_create("threads");

	tcase_set_timeout(t, 300);
	tcase_add_test(t, test_memory);
	tcase_add_test(t, test_disk);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
