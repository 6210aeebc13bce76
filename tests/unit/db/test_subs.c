/* SPDX-License-Identifier: Apache-2.0 */
/* The subscriptions that a node knows, what a commit tells, and what is told of those that are gone (engine.md 3.4, 4.4). */
#include "db/store.h"

#include <sys/wait.h>

#include "tests/unit/db/fixture.h"

static struct fix f;

static struct res *sub(struct arena *a)
{
	struct res *r = fix_res(a, TY_SUB, FAR);
	struct val *nu = fix_add(a, r, "nu");

	*nu = val_list(a, 1);
	nu->list.v[0] = val_str(K_URI, STR("CDev1"));
	return r;
}

static uint32_t known(const char *path)
{
	const struct node *n;
	uint32_t k;

	fix_read(&f);
	n = fix_at(&f, path);
	ck_assert_ptr_nonnull(n);
	k = n->subs ? n->subs->n : 0;
	fix_end(&f);
	return k;
}

static void remove_it(const char *path)
{
	fix_write(&f);
	store_remove(f.tx, fix_at(&f, path));
	ck_assert_int_eq(fix_commit(&f), 0);
}

static void follows(bool disk)
{
	struct subs *held;

	fix_init(&f, disk);
	ck_assert_int_eq(fix_container(&f, "", "box"), 0);
	ck_assert_uint_eq(known("box"), 0);
	for (int i = 0; i < 20; i++) {
		char rn[8];

		snprintf(rn, sizeof(rn), "s%d", i);
		ck_assert_int_eq(fix_create_res(&f, "box", rn, sub), 0);
	}
	ck_assert_uint_eq(known("box"), 20);
	fix_read(&f);
	held = subs_ref(fix_at(&f, "box")->subs);
	fix_end(&f);
	remove_it("box/s7");
	ck_assert_uint_eq(held->n, 20);
	ck_assert_uint_eq(known("box"), 19);

	/* Dropped: as if nothing had been. */
	fix_write(&f);
	store_remove(f.tx, fix_at(&f, "box/s8"));
	ck_assert_uint_eq(fix_at(&f, "box")->subs->n, 18);
	store_update(f.tx, fix_at(&f, "box/s9"), sub(&f.a), false);
	fix_end(&f);
	ck_assert_uint_eq(known("box"), 19);
	for (uint32_t i = 1; i < 19; i++)
		ck_assert_uint_lt(held->v[i - 1].rid, held->v[i].rid);
	subs_unref(held);
	if (disk) {
		fix_reopen(&f);
		ck_assert_uint_eq(known("box"), 19);
	}
	for (int i = 0; i < 20; i++) {
		char path[16];

		snprintf(path, sizeof(path), "box/s%d", i);
		if (i != 7)
			remove_it(path);
	}
	ck_assert_uint_eq(known("box"), 0);
	fix_fini(&f);
}

START_TEST(a_node_knows_its_subscriptions)
{
	follows(false);
	follows(true);
}
END_TEST

/* --- what a commit tells --------------------------------------------------------------------------------------------- */

struct told {
	struct emit e;
	int n;
};
static int order[8], n_order, dropped;

static void run(struct loop *l, struct loop_task *t)
{
	(void)l;
	order[n_order++] = CONTAINER_OF(t, struct told, e.task)->n;
}

static void drop(struct emit *e)
{
	(void)e;
	dropped++;
}

static void committed(struct commit *c, int err)
{
	(void)c;
	ck_assert_int_eq(err, 0);
	order[n_order++] = 100;
}

START_TEST(a_commit_tells_before_it_answers)
{
	struct loop *l;
	struct told t[2] = { { .n = 1 }, { .n = 2 } };
	const struct node *n;
	struct commit c = { .done = committed };

	n_order = dropped = 0;
	f = (struct fix){ .disk = false };
	fix_init(&f, false);
	store_close(f.s);
	f.o.loops = 1;
	fix_open(&f);
	l = loop_new(f.clock, 0, NULL);
	fix_write(&f);
	ck_assert_int_eq(store_create(f.tx, store_root(f.tx), fix_cnt(&f.a), STR("box"), STR_NONE, 0, &n), 0);
	c.loop = l;
	ck_assert_int_eq(store_commit(f.tx, &c), 1);
	for (int i = 0; i < 2; i++) {
		t[i].e = (struct emit){ .task = { .fn = run }, .loop = l, .drop = drop };
		store_emit(&c, &t[i].e);
	}
	store_ready(f.s, &c);
	store_flush(f.s);
	while (loop_turn(l, 0))
		continue;
	ck_assert_int_eq(n_order, 3);
	ck_assert_int_eq(order[0], 1);
	ck_assert_int_eq(order[1], 2);
	ck_assert_int_eq(order[2], 100);
	ck_assert_int_eq(dropped, 0);
	loop_free(l);
	fix_fini(&f);
}
END_TEST

/* --- what is gone ------------------------------------------------------------------------------------------------------ */

static struct {
	char ri[16], parent[16], path[64];
	uint64_t cni;
	bool alone;
} gone[32];
static int n_gone;

static void on_gone(void *arg, const struct gone *g)
{
	(void)arg;
	ck_assert_ptr_nonnull(res_find(g->res, "nu"));
	snprintf(gone[n_gone].ri, sizeof(gone[0].ri), "%.*s", STR_ARG(g->ri));
	snprintf(gone[n_gone].parent, sizeof(gone[0].parent), "%.*s", STR_ARG(g->parent_rn));
	snprintf(gone[n_gone].path, sizeof(gone[0].path), "%.*s", STR_ARG(g->path));
	gone[n_gone].cni = g->counters.cni;
	if (!g->alone)
		ck_assert_int_eq(g->parent_res->type->ty, TY_CNT);
	gone[n_gone++].alone = g->alone;
}

static void ends(bool disk)
{
	n_gone = 0;
	fix_init(&f, disk);
	store_on_gone(f.s, on_gone, NULL);
	fix_container(&f, "", "box");
	fix_container(&f, "box", "in");
	fix_create_res(&f, "box", "s1", sub);
	fix_create_res(&f, "box", "s2", sub);
	fix_create_res(&f, "box/in", "s3", sub);
	remove_it("box/s1");
	ck_assert_int_eq(n_gone, 1);
	ck_assert(gone[0].alone);
	ck_assert_str_eq(gone[0].parent, "");
	remove_it("box");
	ck_assert_int_eq(n_gone, 3);
	for (int i = 1; i < 3; i++) {
		ck_assert(!gone[i].alone);
		ck_assert_int_eq(strncmp(gone[i].ri, "sub", 3), 0);
	}
	ck_assert_int_ne(!strcmp(gone[1].parent, "in"), !strcmp(gone[2].parent, "in"));
	ck_assert_int_ne(!strcmp(gone[1].parent, "box"), !strcmp(gone[2].parent, "box"));
	fix_fini(&f);
}

START_TEST(what_goes_with_a_subtree_is_told)
{
	ends(false);
	ends(true);
}
END_TEST

static void count(void *arg, struct tx *tx, const struct node *n)
{
	(void)tx;
	ck_assert_int_eq(n->type->ty, TY_SUB);
	++*(int *)arg;
}

/* --- ends before all is told --------------------------------------------------------------------------------------------- */

static void take(const struct gone *g, commit_fn *done)
{
	struct commit *c = calloc(1, sizeof(*c));
	struct arena a;
	struct tx *tx;

	ck_assert_ptr_nonnull(c);
	*c = (struct commit){ .magic = COMMIT_MAGIC, .done = done };
	arena_init(&a, 1024);
	tx = store_begin(f.s, &a, TX_WRITE);
	store_rec_put(tx, REC_PENDING, g->ri, STR("word"));
	store_gone_take(tx, g);
	ck_assert_int_eq(store_commit(tx, c), 1);
	store_ready(f.s, c);
	arena_fini(&a);
}

static void taken(struct commit *c, int err)
{
	ck_assert_int_eq(err, 0);
	free(c);
	store_gone_taken(f.s);
}

static void take_it(void *arg, const struct gone *g)
{
	on_gone(arg, g);
	take(g, taken);
}

static void die(void *arg, const struct gone *g)
{
	(void)arg, (void)g;
	_exit(7);
}

static void die_of(struct commit *c, int err)
{
	(void)c, (void)err;
	_exit(7);
}

static void die_when_taken(void *arg, const struct gone *g)
{
	(void)arg;
	take(g, die_of);
}

static int word(void *arg, struct str key, struct str value)
{
	(void)key;
	ck_assert(str_eq(value, STR("word")));
	++*(int *)arg;
	return 0;
}

/* Those in REC_PENDING. */
static int words(void)
{
	int n = 0;

	ck_assert_int_eq(store_rec_each(f.s, REC_PENDING, word, &n), 0);
	return n;
}

static int kept(void *arg, struct str key, struct str value)
{
	(void)key, (void)value;
	++*(int *)arg;
	return 0;
}

/* Another process removes it and ends in the midst of what it tells. */
static void removed_by_one_who_dies(const char *path, gone_fn *fn)
{
	int status;
	pid_t pid;

	store_close(f.s);
	pid = fork();
	if (pid == 0) {
		fix_open(&f);
		store_on_gone(f.s, fn, NULL);
		remove_it(path);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	n_gone = 0;
	fix_open(&f);
}

static void two_boxes(void)
{
	fix_init(&f, true);
	fix_container(&f, "", "box");
	fix_container(&f, "box", "in");
	fix_create_res(&f, "box", "s1", sub);
	fix_create_res(&f, "box/in", "s2", sub);
	for (int i = 0; i < 5; i++)
		fix_append(&f, "box/in", "v", i == 4 ? 3 : 0);
}

START_TEST(what_was_not_told_is_told_by_the_next_start)
{
	bool in;
	int n = 0;

	two_boxes();
	removed_by_one_who_dies("box", die);
	/* Nobody else sees it. */
	fix_read(&f);
	ck_assert_ptr_null(fix_at(&f, "box"));
	fix_end(&f);
	store_each_sub(f.s, count, &n);
	ck_assert_int_eq(n, 0);
	ck_assert_int_eq(fix_container(&f, "", "box"), 0);
	ck_assert_int_eq(n_gone, 0);
	/* Nobody to be told: it stays. */
	fix_reopen(&f);
	store_on_gone(f.s, take_it, NULL);
	store_flush(f.s);
	ck_assert_int_eq(n_gone, 2);
	in = !strcmp(gone[0].parent, "in");
	ck_assert_str_eq(gone[in].parent, "box");
	ck_assert_str_eq(gone[!in].parent, "in");
	ck_assert_str_eq(gone[!in].path, "cse-in/box/in/s2");
	ck_assert_uint_eq(gone[!in].cni, 3);
	ck_assert(!gone[0].alone && !gone[1].alone);
	ck_assert_int_eq(words(), 2);
	/* What was taken is told no more, whenever its rows go. */
	n_gone = 0;
	fix_reopen(&f);
	store_on_gone(f.s, take_it, NULL);
	store_flush(f.s);
	ck_assert_int_eq(n_gone, 0);
	ck_assert_int_eq(store_check(f.s, NULL, &(struct why){ .rsc = RSC_NONE }), 0);
	fix_fini(&f);
}
END_TEST

START_TEST(what_was_taken_is_told_once)
{
	two_boxes();
	removed_by_one_who_dies("box", die_when_taken);
	ck_assert_int_ge(words(), 1);
	n_gone = words();
	store_on_gone(f.s, take_it, NULL);
	store_flush(f.s);
	ck_assert_int_eq(n_gone, 2);
	ck_assert_int_eq(words(), 2);
	fix_fini(&f);
}
END_TEST

START_TEST(one_that_goes_alone_is_told_too)
{
	two_boxes();
	removed_by_one_who_dies("box/s1", die);
	store_on_gone(f.s, take_it, NULL);
	store_flush(f.s);
	ck_assert_int_eq(n_gone, 1);
	ck_assert(gone[0].alone);
	ck_assert_str_eq(gone[0].path, "cse-in/box/s1");
	ck_assert_uint_eq(known("box"), 0);
	fix_fini(&f);
}
END_TEST

/* What lies above it goes while its own record is still there. */
START_TEST(a_child_and_then_its_parent)
{
	int n = 0;

	two_boxes();
	removed_by_one_who_dies("box/in", die);
	store_on_gone(f.s, on_gone, NULL);
	remove_it("box");
	store_flush(f.s);
	ck_assert_int_eq(n_gone, 2);
	ck_assert_str_eq(gone[0].path, "cse-in/box/in/s2");
	ck_assert_str_eq(gone[1].path, "cse-in/box/s1");
	/* Each append sweeps two rows, and before these the records. */
	fix_container(&f, "", "other");
	fix_append(&f, "other", "v", 0);
	fix_reopen(&f);
	ck_assert_int_eq(store_rec_each(f.s, REC_GONE, kept, &n), 0);
	ck_assert_int_eq(n, 0);
	fix_fini(&f);
}
END_TEST

START_TEST(a_start_finds_all)
{
	int n = 0;

	fix_init(&f, true);
	fix_container(&f, "", "box");
	fix_create_res(&f, "box", "s1", sub);
	fix_create_res(&f, "", "s2", sub);
	fix_reopen(&f);
	store_each_sub(f.s, count, &n);
	ck_assert_int_eq(n, 2);
	fix_fini(&f);
}
END_TEST

/* A list of subscriptions costs the same whatever else the node has. */
START_TEST(a_thousand_beside_many_children)
{
	fix_init(&f, false);
	fix_container(&f, "", "box");
	for (int i = 0; i < 5; i++) {
		const struct node *n;

		fix_write(&f);
		for (int k = 0; k < 4000; k++)
			ck_assert_int_eq(store_create(f.tx, fix_at(&f, "box"), fix_cnt(&f.a), STR_NONE, STR_NONE, 0, &n), 0);
		for (int k = 0; k < 200; k++)
			ck_assert_int_eq(store_create(f.tx, fix_at(&f, "box"), sub(&f.a), STR_NONE, STR_NONE, 0, &n), 0);
		ck_assert_int_eq(fix_commit(&f), 0);
	}
	ck_assert_uint_eq(known("box"), 1000);
	n_gone = 0;
	remove_it("box");
	fix_fini(&f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("subs");
	TCase *t = tcase_create("subs");
	SRunner *sr;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_node_knows_its_subscriptions);
	tcase_add_test(t, a_commit_tells_before_it_answers);
	tcase_add_test(t, what_goes_with_a_subtree_is_told);
	tcase_add_test(t, what_was_not_told_is_told_by_the_next_start);
	tcase_add_test(t, what_was_taken_is_told_once);
	tcase_add_test(t, one_that_goes_alone_is_told_too);
	tcase_add_test(t, a_child_and_then_its_parent);
	tcase_add_test(t, a_start_finds_all);
	tcase_add_test(t, a_thousand_beside_many_children);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
