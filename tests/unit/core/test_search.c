/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Discovery in a tree that changes: what is found, and in which order, against a list that the test keeps.  Conditions that an
 * index serves and conditions that it does not must find the same.
 */
#include "cse/core/gate.h"

#include "tests/unit/core/rig.h"

enum { NODES = 700, MANY = 1700, LABELS = 6, NAME = 160 };

struct thing {
	bool alive, inst;
	int parent;      /* -1: the AE */
	unsigned labels; /* bits */
	int64_t ct, lt;
	char path[NAME];
};

static struct rig g;
static struct peer *dev;
static struct thing *t;
static int n;
static uint32_t seed;

static unsigned roll(unsigned of)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % of;
}

static void setup(void)
{
	rig_open(&g, NULL);
	dev = rig_ae(&g, "CDev1", "app1");
	t = calloc(MANY, sizeof(*t));
	n = 0;
	seed = 5;
}

static void teardown(void)
{
	free(t);
	rig_close(&g);
}

static const char *path_of(int i)
{
	return i < 0 ? "cse-in/app1" : t[i].path;
}

static size_t label_text(char *out, size_t room, unsigned labels)
{
	size_t at = (size_t)snprintf(out, room, "[");

	for (unsigned i = 0; i < LABELS; i++)
		if (labels >> i & 1)
			at += (size_t)snprintf(out + at, room - at, "%s\"l%u\"", at > 1 ? "," : "", i);
	return at + (size_t)snprintf(out + at, room - at, "]");
}

/* Few bear a label, most of them one. */
static unsigned some_labels(void)
{
	return roll(4) ? 0 : 1u << roll(LABELS) | (roll(5) ? 0 : 1u << roll(LABELS));
}

static int64_t now(void)
{
	return clock_wall_us(g.clock);
}

static void create(void)
{
	struct thing *x = &t[n];
	char pc[256], lbl[128];
	int parent;

	do
		parent = n && roll(5) ? (int)roll((unsigned)n) : -1;
	while (parent >= 0 && (!t[parent].alive || t[parent].inst || strlen(t[parent].path) > NAME - 20));
	*x = (struct thing){ .alive = true, .parent = parent, .labels = some_labels(), .inst = parent >= 0 && roll(2) };
	snprintf(x->path, sizeof(x->path), "%.*s/n%d", NAME - 16, path_of(parent), n);
	label_text(lbl, sizeof(lbl), x->labels);
	snprintf(pc, sizeof(pc), "{\"m2m:%s\":{\"rn\":\"n%d\"%s%s%s}}", x->inst ? "cin" : "cnt", n, x->inst ? ",\"con\":1" : "",
	         x->labels ? ",\"lbl\":" : "", x->labels ? lbl : "");
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_CREATE, .to = path_of(parent), .fr = "CDev1", .ty = x->inst ? TY_CIN : TY_CNT, .pc = pc),
	                 RSC_CREATED);
	x->ct = x->lt = now();
	/* Rule 5 of conformance: a new instance changes its container, a new container does not change its parent. */
	if (x->inst)
		t[parent].lt = x->lt;
	n++;
}

static bool is_below(int i, int root)
{
	for (; i >= 0; i = t[i].parent)
		if (i == root)
			return true;
	return false;
}

static void drop(void)
{
	int i = (int)roll((unsigned)n);

	if (!t[i].alive)
		return;
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_DELETE, .to = t[i].path, .fr = "CDev1"), RSC_DELETED);
	for (int k = 0; k < n; k++)
		if (is_below(k, i))
			t[k].alive = false;
	if (t[i].parent >= 0)
		t[t[i].parent].lt = now();
}

static void relabel(void)
{
	int i = (int)roll((unsigned)n);
	char pc[192], lbl[128];

	if (!t[i].alive || t[i].inst)
		return;
	t[i].labels = some_labels();
	label_text(lbl, sizeof(lbl), t[i].labels);
	snprintf(pc, sizeof(pc), "{\"m2m:cnt\":{\"lbl\":%s}}", t[i].labels ? lbl : "null");
	ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_UPDATE, .to = t[i].path, .fr = "CDev1", .pc = pc), RSC_UPDATED);
	t[i].lt = now();
}

/* What is looked for: some label (0: any), made since, changed since. */
struct want {
	unsigned labels, level;
	bool inst_too;
	int64_t cra, ms;
};

/* Pre-order: containers as they were made, then instances. */
static int expect(int *out, int k, int root, const struct want *w, unsigned level)
{
	for (int inst = 0; level && inst < 2; inst++)
		for (int i = root + 1; i < n; i++) {
			if (!t[i].alive || t[i].parent != root || t[i].inst != (bool)inst)
				continue;
			if ((!w->labels || t[i].labels & w->labels) && (w->inst_too || !inst) && t[i].ct >= w->cra && t[i].lt >= w->ms)
				out[k++] = i;
			if (!inst)
				k = expect(out, k, i, w, level - 1);
		}
	return k;
}

static void found(const struct filter *f, int root, const int *want, int from, int to, int all)
{
	struct filter copy = *f;
	struct rig_answer a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = path_of(root), .fr = "CDev1", .fc = &copy);
	json_t *list = json_object_get(a.pc, "m2m:uril");

	ck_assert_int_eq(a.rsc, RSC_OK);
	to = to < all ? to : all;
	from = from < to ? from : to;
	ck_assert_int_eq(json_array_size(list), to - from);
	for (int i = from; i < to; i++)
		ck_assert_str_eq(json_string_value(json_array_get(list, (size_t)(i - from))), t[want[i]].path);
	ck_assert_int_eq(a.cnst, to < all ? 1 : 0);
	ck_assert_int_eq(a.cnot, to < all ? (unsigned)to + 1 : 0);
	json_decref(a.pc);
}

#define HAS(id) (UINT64_C(1) << (id))

static void search(int root)
{
	static const char *const names[LABELS] = { "l0", "l1", "l2", "l3", "l4", "l5" };
	unsigned labels = 1u << roll(LABELS) | (roll(3) ? 0 : 1u << roll(LABELS));
	unsigned level = roll(3) ? 99 : 1 + roll(4), from = roll(2) ? 0 : roll(12), count = roll(2) ? NODES : 1 + roll(12);
	bool nodes_only = roll(3) == 0;
	char query[64] = "";
	struct str l[LABELS];
	uint64_t cnt = TY_CNT;
	int want[NODES], all;
	struct filter f = { .has = HAS(FC_FU) | HAS(FC_LVL) | HAS(FC_OFST) | HAS(FC_LIM), .fu = 1, .lvl = level, .ofst = from + 1, .lim = count };

	for (unsigned i = 0; i < LABELS; i++)
		if (labels >> i & 1) {
			l[f.lbl.n++] = str_of(names[i]);
			snprintf(query + strlen(query), sizeof(query) - strlen(query), "%s%s", *query ? "," : "", names[i]);
		}
	all = expect(want, 0, root, &(struct want){ .labels = labels, .inst_too = !nodes_only }, level);
	if (nodes_only) {
		f.has |= HAS(FC_TY);
		f.ty = &cnt;
		f.n_ty = 1;
	}
	/* By labels, which are indexed, and by the same as a query, which is not. */
	f.lbl.v = l;
	f.has |= HAS(FC_LBL);
	found(&f, root, want, (int)from, (int)(from + count), all);
	f.has &= ~HAS(FC_LBL);
	f.has |= HAS(FC_LBQ);
	f.lbq = str_of(query);
	found(&f, root, want, (int)from, (int)(from + count), all);
}

/* By what changed lately, with and without the condition in a form that no index serves. */
static void search_time(int root)
{
	static uint64_t types[] = { TY_CNT, TY_CIN };
	int64_t since = now() - (int64_t)roll(40) * 500000;
	struct want w = { .inst_too = true, .cra = roll(2) ? since : 0, .ms = roll(2) ? since - (int64_t)roll(3) * 700000 : 0 };
	struct filter f = { .has = HAS(FC_FU), .fu = 1, .cra = w.cra, .ms = w.ms };
	unsigned from = roll(2) ? 0 : roll(20), count = roll(2) ? NODES : 1 + roll(20);
	int want[NODES], all;

	f.has |= (w.cra ? HAS(FC_CRA) : 0) | (w.ms ? HAS(FC_MS) : 0) | HAS(FC_OFST) | HAS(FC_LIM);
	f.ofst = from + 1;
	f.lim = count;
	all = expect(want, 0, root, &w, 99);
	found(&f, root, want, (int)from, (int)(from + count), all);
	f.ty = types;
	f.n_ty = 2;
	f.has |= HAS(FC_TY);
	found(&f, root, want, (int)from, (int)(from + count), all);
}

START_TEST(a_tree_that_changes)
{
	seed = 5 + (uint32_t)_i;
	while (n < NODES) {
		create();
		if (roll(12) == 0)
			drop();
		if (roll(6) == 0)
			relabel();
		if (roll(20) == 0)
			search(-1);
		if (roll(15) == 0)
			search_time(-1);
		if (roll(8) == 0)
			clock_advance_us(g.clock, (int64_t)roll(3) * 400000 + 1000);
		if (roll(40) == 0) {
			int root = (int)roll((unsigned)n);

			if (t[root].alive && !t[root].inst) {
				search(root);
				search_time(root);
			}
		}
	}
	for (int i = 0; i < 60; i++)
		search(-1);
}
END_TEST

/* Between two holds of the lock the tree changes under a search: it ends, and finds nothing twice. */
START_TEST(a_tree_that_changes_under_a_search)
{
	struct str l = STR("l0");
	uint64_t cnt = TY_CNT;
	struct filter by_label = { .has = HAS(FC_FU) | HAS(FC_LBL), .fu = 1, .lbl = { &l, 1 } };
	struct filter by_type = { .has = HAS(FC_FU) | HAS(FC_TY), .fu = 1, .ty = &cnt, .n_ty = 1 };
	struct filter by_query = { .has = HAS(FC_FU) | HAS(FC_LBQ), .fu = 1, .lbq = l };
	struct filter *filters[] = { &by_label, &by_type, &by_query };
	struct rig_answer a[3];

	while (n < NODES)
		create();
	for (int i = 0; i < NODES; i++)
		if (!t[i].inst)
			ck_assert_int_eq(CODE(&g, .peer = dev, .op = OP_UPDATE, .to = t[i].path, .fr = "CDev1",
			                      .pc = i % 3 ? "{\"m2m:cnt\":{\"lbl\":[\"l1\"]}}" : "{\"m2m:cnt\":{\"lbl\":[\"l0\"]}}"),
			                 RSC_UPDATED);
	for (unsigned i = 0; i < 3; i++)
		rig_launch(&g, &(struct rig_ask){ .peer = dev, .op = OP_RETRIEVE, .to = "cse-in", .fr = "CDev1", .fc = filters[i] }, &a[i]);
	ck_assert(!a[1].done && !a[2].done);
	for (int i = 0; i < NODES; i += 5)
		if (t[i].alive)
			drop();
	for (unsigned i = 0; i < 3; i++) {
		json_t *list, *seen = json_object();
		size_t k;
		json_t *uri;

		rig_turn(&g, &a[i]);
		ck_assert_int_eq(a[i].rsc, RSC_OK);
		list = json_object_get(a[i].pc, "m2m:uril");
		json_array_foreach(list, k, uri) {
			ck_assert_ptr_null(json_object_get(seen, json_string_value(uri)));
			json_object_set_new(seen, json_string_value(uri), json_true());
		}
		json_decref(seen);
		json_decref(a[i].pc);
	}
}
END_TEST

/* What was made since is found, whatever else changes between two holds of the lock. */
START_TEST(recent_ones_under_changes)
{
	struct filter f = { .has = HAS(FC_FU) | HAS(FC_CRA), .fu = 1 };
	struct rig_answer a;
	json_t *list, *uri, *seen = json_object();
	size_t k;
	int first, last;

	seed = 11 + (uint32_t)_i;
	while (n < MANY - 400)
		create();
	clock_advance_us(g.clock, 5000000);
	f.cra = now();
	for (first = n; n < MANY - 100;)
		create();
	last = n;
	rig_launch(&g, &(struct rig_ask){ .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1", .fr = "CDev1", .fc = &f }, &a);
	ck_assert(!a.done);
	for (int i = 0; i < 5; i++) {
		clock_advance_us(g.clock, 1100000);
		create();
	}
	rig_turn(&g, &a);
	ck_assert_int_eq(a.rsc, RSC_OK);
	list = json_object_get(a.pc, "m2m:uril");
	json_array_foreach(list, k, uri) {
		ck_assert_ptr_null(json_object_get(seen, json_string_value(uri)));
		json_object_set_new(seen, json_string_value(uri), json_true());
	}
	for (int i = first; i < last; i++)
		ck_assert_msg(json_object_get(seen, t[i].path) != NULL, "%s is missing", t[i].path);
	json_decref(seen);
	json_decref(a.pc);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("search");
	TCase *c = tcase_create("trees");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, a_tree_that_changes, 0, 4);
	tcase_add_test(c, a_tree_that_changes_under_a_search);
	tcase_add_loop_test(c, recent_ones_under_changes, 0, 4);
	suite_add_tcase(s, c);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
