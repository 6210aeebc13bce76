/* SPDX-License-Identifier: Apache-2.0 */
/* Facts: which subscription is told what.  TS-0004 7.5.1.2.2 step 1, 2.1; TS-0001 table 9.6.8-3.  What becomes of facts is
 * notify.c's, in whose place this file keeps them as text. */
#include "cse/core/event.h"

#include <ftw.h>

#include "cse/core/notify.h"
#include "cse/codec/codec.h"
#include "tests/unit/core/rig.h"

enum { TOLD_MAX = 4000 };
struct notify {
	int unused;
};
static struct notify the_notify;
static struct {
	enum net net;
	enum op op;
	bool monitor, gone;
	uint32_t sub;
	json_t *rep;
	char originator[64];
} told[TOLD_MAX];
static unsigned n_told, made, changed, ended;
static char ended_ri[32];

int notify_new(struct gate *g, struct notify **out, struct why *why)
{
	(void)g, (void)why;
	*out = &the_notify;
	return 0;
}

void notify_free(struct notify *n)
{
	(void)n;
}

int notify_restore(struct notify *n, struct why *why)
{
	(void)n, (void)why;
	return 0;
}

void notify_credential(struct notify *n, struct str cred)
{
	(void)n, (void)cred;
}

void notify_keep(struct notify *n, struct commit *c, unsigned index, struct fact *f)
{
	(void)n, (void)c, (void)index, (void)f;
}

void notify_scheduled(struct notify *n, uint32_t sub)
{
	(void)n, (void)sub;
}

void notify_usage(const struct notify *n, struct notify_usage *out)
{
	(void)n;
	*out = (struct notify_usage){ .held = 0 };
}

void notify_take(struct notify *n, struct fact *f)
{
	struct buf b;

	(void)n;
	if (f->withheld) {
		fact_free(f);
		return;
	}
	ck_assert_uint_lt(n_told, TOLD_MAX);
	told[n_told].net = f->net;
	told[n_told].op = f->op;
	told[n_told].monitor = f->monitor;
	told[n_told].gone = f->gone;
	told[n_told].sub = f->sub;
	told[n_told].rep = NULL;
	snprintf(told[n_told].originator, sizeof(told[0].originator), "%s", f->originator ? f->originator : "");
	if (f->rep) {
		buf_init(&b, 1 << 20);
		codec_json.encode_content(&b, f->rep->root, &f->rep->v);
		told[n_told].rep = json_loadb(b.p, b.n, 0, NULL);
		ck_assert_ptr_nonnull(told[n_told].rep);
		buf_fini(&b);
	}
	n_told++;
	fact_free(f);
}

void notify_created(struct notify *n, uint32_t sub, const struct res *r)
{
	(void)n, (void)sub;
	ck_assert_ptr_nonnull(res_find(r, "nu"));
	made++;
}

void notify_updated(struct notify *n, uint32_t sub, const struct res *before, const struct res *after)
{
	(void)n, (void)sub;
	ck_assert_ptr_ne(before, after);
	changed++;
}

void notify_key(char key[NOTIFY_KEY], uint32_t sub, uint64_t no)
{
	memset(key, 0, NOTIFY_KEY);
	memcpy(key, &sub, sizeof(sub));
	memcpy(key + sizeof(sub), &no, sizeof(no));
}

void notify_deleted(struct notify *n, uint32_t sub, const struct res *r, const struct notify_end *e)
{
	(void)n, (void)sub;
	ck_assert_ptr_nonnull(res_find(r, "nu"));
	snprintf(ended_ri, sizeof(ended_ri), "%.*s", STR_ARG(e->ri));
	ended++;
}

static struct rig g;
static struct peer *dev, *other;

static int unlink_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void settle(void)
{
	store_flush(g.store);
	while (loop_turn(g.loop, 0) > 0)
		;
}

static void forget(void)
{
	for (unsigned i = 0; i < n_told; i++)
		json_decref(told[i].rep);
	n_told = 0;
}

static enum rsc as(struct peer *p, const char *fr, enum op op, const char *to, unsigned ty, const char *pc)
{
	enum rsc rsc = CODE(&g, .peer = p, .fr = fr, .op = op, .to = to, .ty = ty, .pc = pc);

	settle();
	return rsc;
}

static void must(enum op op, const char *to, unsigned ty, const char *pc)
{
	enum rsc rsc = as(dev, "CDev1", op, to, ty, pc);

	ck_assert_msg(rsc_is_ok(rsc), "%d %s %s", (int)rsc, to, pc ? pc : "");
}

static void subscribe(const char *to, const char *members)
{
	char pc[600];

	snprintf(pc, sizeof(pc), "{\"m2m:sub\":{\"nu\":[\"CDev1\"]%s%s}}", *members ? "," : "", members);
	must(OP_CREATE, to, TY_SUB, pc);
}

static json_t *rep(unsigned i, const char *root)
{
	json_t *o;

	ck_assert_uint_lt(i, n_told);
	ck_assert_ptr_nonnull(told[i].rep);
	o = json_object_get(told[i].rep, root);
	ck_assert_msg(o != NULL, "no %s", root);
	return o;
}

static void setup(void)
{
	struct why why = { .rsc = RSC_NONE };

	n_told = made = changed = ended = 0;
	rig_open(&g, NULL);
	if (!g.gate->notify)
		ck_assert_int_eq(notify_new(g.gate, &g.gate->notify, &why), 0);
	dev = rig_ae(&g, "CDev1", "app1");
	other = rig_ae(&g, "CDev2", "app2");
	must(OP_CREATE, "cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"box\",\"mni\":10}}");
}

static void teardown(void)
{
	settle();
	rig_close(&g);
	forget();
}

START_TEST(nobody_asked)
{
	must(OP_CREATE, "cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"con\":1}}");
	must(OP_UPDATE, "cse-in/app1/box", 0, "{\"m2m:cnt\":{\"mni\":5}}");
	must(OP_DELETE, "cse-in/app1/box", 0, NULL);
	ck_assert_uint_eq(n_told, 0);
}
END_TEST

START_TEST(instance_made)
{
	subscribe("cse-in/app1/box", "\"rn\":\"s\",\"enc\":{\"net\":[3]}");
	ck_assert_uint_eq(made, 1);
	ck_assert_uint_eq(n_told, 0); /* its own creation is none of its events */
	must(OP_CREATE, "cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"con\":\"v1\",\"lbl\":[\"x\"]}}");
	must(OP_UPDATE, "cse-in/app1/box", 0, "{\"m2m:cnt\":{\"mni\":5}}");
	ck_assert_uint_eq(n_told, 1);
	ck_assert_int_eq(told[0].net, NET_CREATE_CHILD);
	ck_assert(!told[0].monitor && !told[0].gone);
	ck_assert_str_eq(rig_s(rep(0, "m2m:cin"), "con"), "v1");
	ck_assert_int_eq(rig_n(rep(0, "m2m:cin"), "cs"), 2);
	ck_assert_int_eq(rig_n(rep(0, "m2m:cin"), "ty"), 4);
	ck_assert_ptr_null(json_object_get(rep(0, "m2m:cin"), "_owner"));
}
END_TEST

START_TEST(identifiers_only)
{
	struct rig_answer a;

	subscribe("cse-in/app1/box", "\"enc\":{\"net\":[3]},\"nct\":3");
	must(OP_CREATE, "cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"rn\":\"one\",\"con\":1}}");
	a = SEND(&g, .peer = dev, .op = OP_RETRIEVE, .to = "cse-in/app1/box/one", .fr = "CDev1");
	ck_assert_uint_eq(n_told, 1);
	ck_assert_str_eq(json_string_value(rep(0, "m2m:uri")), rig_s(rig_pc(&a, "m2m:cin"), "ri"));
	json_decref(a.pc);
}
END_TEST

START_TEST(updates)
{
	json_t *o;

	subscribe("cse-in/app1/box", "");
	subscribe("cse-in/app1/box", "\"nct\":2");
	subscribe("cse-in/app1/box", "\"enc\":{\"atr\":[\"mbs\",\"lbl\"]},\"nct\":2");
	forget();
	must(OP_UPDATE, "cse-in/app1/box", 0, "{\"m2m:cnt\":{\"mni\":5}}");
	ck_assert_uint_eq(n_told, 2);
	ck_assert_int_eq(told[0].net, NET_UPDATE);
	ck_assert_str_eq(rig_s(rep(0, "m2m:cnt"), "rn"), "box");
	o = rep(1, "m2m:cnt");
	ck_assert_int_eq(rig_n(o, "mni"), 5);
	ck_assert_ptr_null(json_object_get(o, "rn"));
	ck_assert_ptr_null(json_object_get(o, "ct"));
	ck_assert_ptr_nonnull(json_object_get(o, "st"));
	forget();
	must(OP_UPDATE, "cse-in/app1/box", 0, "{\"m2m:cnt\":{\"mni\":null,\"lbl\":[\"a\"]}}");
	ck_assert_uint_eq(n_told, 3);
	o = rep(2, "m2m:cnt");
	ck_assert(json_is_null(json_object_get(o, "mni")));
	ck_assert_ptr_nonnull(json_object_get(o, "lbl"));
	/* A child that comes changes stateTag, which is no update (conformance rule 5). */
	forget();
	must(OP_CREATE, "cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"con\":1}}");
	ck_assert_uint_eq(n_told, 0);
	ck_assert_int_eq(as(other, "CDev2", OP_UPDATE, "cse-in/app1/box", 0, "{\"m2m:cnt\":{\"mni\":1}}"),
	                 RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
	ck_assert_uint_eq(n_told, 0);
}
END_TEST

START_TEST(deletion_of_the_resource)
{
	subscribe("cse-in/app1/box", "\"enc\":{\"net\":[2]}");
	subscribe("cse-in/app1/box", "\"enc\":{\"net\":[2]},\"nct\":3");
	subscribe("cse-in/app1/box", "\"enc\":{\"net\":[1]}");
	must(OP_DELETE, "cse-in/app1/box", 0, NULL);
	ck_assert_uint_eq(n_told, 2);
	ck_assert_uint_eq(ended, 3);
	for (unsigned i = 0; i < 2; i++)
		ck_assert(told[i].gone && told[i].net == NET_DELETE);
	ck_assert_ptr_ne(json_object_get(told[0].rep, "m2m:uri"), json_object_get(told[1].rep, "m2m:uri"));
}
END_TEST

START_TEST(deletion_of_all_below)
{
	must(OP_CREATE, "cse-in/app1/box", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"in\"}}");
	must(OP_CREATE, "cse-in/app1/box/in", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"deep\"}}");
	subscribe("cse-in/app1/box/in", "\"enc\":{\"net\":[2]}");
	subscribe("cse-in/app1/box/in/deep", "\"enc\":{\"net\":[2]}");
	subscribe("cse-in/app1", "\"enc\":{\"net\":[4]}");
	must(OP_DELETE, "cse-in/app1/box", 0, NULL);
	ck_assert_uint_eq(n_told, 3);
	ck_assert_int_eq(told[0].net, NET_DELETE_CHILD);
	ck_assert_str_eq(rig_s(rep(0, "m2m:cnt"), "rn"), "box");
	ck_assert_uint_eq(ended, 2);
}
END_TEST

START_TEST(deletion_of_a_subscription)
{
	subscribe("cse-in/app1/box", "\"rn\":\"s\",\"enc\":{\"net\":[2]}");
	must(OP_UPDATE, "cse-in/app1/box/s", 0, "{\"m2m:sub\":{\"exc\":4}}");
	ck_assert_uint_eq(changed, 1);
	must(OP_DELETE, "cse-in/app1/box/s", 0, NULL);
	ck_assert_uint_eq(n_told, 0);
	ck_assert_uint_eq(ended, 1);
	ck_assert_int_eq(strncmp(ended_ri, "sub", 3), 0);
}
END_TEST

START_TEST(deletion_of_children)
{
	subscribe("cse-in/app1/box", "\"enc\":{\"net\":[4]}");
	subscribe("cse-in/app1/box", "\"enc\":{\"net\":[4],\"chty\":[3]}");
	forget();
	must(OP_CREATE, "cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"rn\":\"one\",\"con\":\"v\"}}");
	must(OP_CREATE, "cse-in/app1/box", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"in\"}}");
	must(OP_DELETE, "cse-in/app1/box/one", 0, NULL);
	ck_assert_uint_eq(n_told, 1);
	ck_assert_str_eq(rig_s(rep(0, "m2m:cin"), "con"), "v");
	must(OP_DELETE, "cse-in/app1/box/in", 0, NULL);
	ck_assert_uint_eq(n_told, 3);
	ck_assert_str_eq(rig_s(rep(2, "m2m:cnt"), "rn"), "in");
}
END_TEST

START_TEST(eviction_is_no_deletion)
{
	subscribe("cse-in/app1/box", "\"enc\":{\"net\":[4]}");
	must(OP_UPDATE, "cse-in/app1/box", 0, "{\"m2m:cnt\":{\"mni\":1}}");
	for (int i = 0; i < 3; i++)
		must(OP_CREATE, "cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"con\":\"v\"}}");
	ck_assert_uint_eq(n_told, 0);
}
END_TEST

START_TEST(retrieve_of_an_empty_container)
{
	subscribe("cse-in/app1/box", "\"enc\":{\"net\":[5]}");
	must(OP_RETRIEVE, "cse-in/app1/box", 0, NULL);
	ck_assert_uint_eq(n_told, 0);
	for (int rcn = 4; rcn <= 8; rcn += 4)
		ck_assert_int_eq(CODE(&g, .peer = dev, .fr = "CDev1", .op = OP_RETRIEVE, .to = "cse-in/app1/box", .rcn = rcn + 1), RSC_OK);
	settle();
	ck_assert_uint_eq(n_told, 2);
	ck_assert_int_eq(told[0].net, NET_RETRIEVE_CHILDLESS);
	must(OP_CREATE, "cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"con\":\"v\"}}");
	ck_assert_int_eq(CODE(&g, .peer = dev, .fr = "CDev1", .op = OP_RETRIEVE, .to = "cse-in/app1/box", .rcn = 5), RSC_OK);
	settle();
	ck_assert_uint_eq(n_told, 2);
}
END_TEST

START_TEST(operations_are_watched)
{
	subscribe("cse-in/app1/box", "\"enc\":{\"om\":[{\"ops\":2},{\"or\":\"/id-in/CDev2\",\"ops\":12}]}");
	must(OP_CREATE, "cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"con\":\"v\"}}");
	ck_assert_uint_eq(n_told, 0);
	must(OP_RETRIEVE, "cse-in/app1/box", 0, NULL);
	ck_assert_uint_eq(n_told, 1);
	ck_assert(told[0].monitor && told[0].op == OP_RETRIEVE);
	ck_assert_str_eq(told[0].originator, "//troth.example/id-in/CDev1");
	ck_assert_str_eq(rig_s(rep(0, "m2m:cnt"), "rn"), "box");
	must(OP_UPDATE, "cse-in/app1/box", 0, "{\"m2m:cnt\":{\"mni\":1}}");
	ck_assert_uint_eq(n_told, 1);
	/* Refused attempts too, without a representation. */
	ck_assert_int_eq(as(other, "CDev2", OP_UPDATE, "cse-in/app1/box", 0, "{\"m2m:cnt\":{\"mni\":1}}"),
	                 RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
	ck_assert_uint_eq(n_told, 2);
	ck_assert(told[1].monitor && told[1].op == OP_UPDATE && !told[1].rep);
	ck_assert_str_eq(told[1].originator, "//troth.example/id-in/CDev2");
	ck_assert_int_eq(as(other, "CDev2", OP_RETRIEVE, "cse-in/app1/box/la", 0, NULL), RSC_ORIGINATOR_HAS_NO_PRIVILEGE);
	ck_assert_uint_eq(n_told, 2);
}
END_TEST

START_TEST(conditions)
{
	subscribe("cse-in/app1/box", "\"enc\":{\"net\":[3],\"sza\":3}");
	subscribe("cse-in/app1/box", "\"enc\":{\"net\":[3],\"sza\":3,\"crb\":\"20200101T000000\",\"fo\":2}");
	subscribe("cse-in/app1/box", "\"enc\":{\"net\":[3],\"sza\":3,\"crb\":\"20200101T000000\"}");
	subscribe("cse-in/app1/box", "\"enc\":{\"net\":[3],\"chty\":[3]}");
	forget();
	must(OP_CREATE, "cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"con\":\"ab\"}}");
	ck_assert_uint_eq(n_told, 0);
	must(OP_CREATE, "cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"con\":\"abc\"}}");
	ck_assert_uint_eq(n_told, 2);
	must(OP_CREATE, "cse-in/app1/box", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"in\"}}");
	ck_assert_uint_eq(n_told, 3);
}
END_TEST

static void open_container(void)
{
	must(OP_CREATE, "cse-in/app1", TY_ACP, "{\"m2m:acp\":{\"rn\":\"p\",\"pv\":{\"acr\":[{\"acor\":[\"CDev1\",\"CDev2\"],\"acop\":63}]},"
	                                       "\"pvs\":{\"acr\":[{\"acor\":[\"CDev1\"],\"acop\":63}]}}}");
	must(OP_CREATE, "cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"open\",\"acpi\":[\"cse-in/app1/p\"]}}");
}

/* Children that have an owner of their own are told only to those who may read them. */
START_TEST(children_of_others)
{
	open_container();
	subscribe("cse-in/app1/open", "\"enc\":{\"net\":[3,4]}");
	forget();
	ck_assert_int_eq(as(other, "CDev2", OP_CREATE, "cse-in/app1/open", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"x\"}}"), RSC_CREATED);
	ck_assert_uint_eq(n_told, 0);
	ck_assert_int_eq(as(other, "CDev2", OP_DELETE, "cse-in/app1/open/x", 0, NULL), RSC_DELETED);
	ck_assert_uint_eq(n_told, 0);
	ck_assert_int_eq(as(other, "CDev2", OP_CREATE, "cse-in/app1/open", TY_CNT,
	                    "{\"m2m:cnt\":{\"rn\":\"x\",\"acpi\":[\"cse-in/app1/p\"]}}"), RSC_CREATED);
	ck_assert_uint_eq(n_told, 1);
	ck_assert_int_eq(as(other, "CDev2", OP_DELETE, "cse-in/app1/open/x", 0, NULL), RSC_DELETED);
	ck_assert_uint_eq(n_told, 2);
}
END_TEST

/* The right goes: so do the notifications. */
START_TEST(a_right_that_is_taken_away)
{
	open_container();
	ck_assert_int_eq(as(other, "CDev2", OP_CREATE, "cse-in/app1/open", TY_SUB, "{\"m2m:sub\":{\"nu\":[\"CDev2\"],\"enc\":{\"net\":[3]}}}"),
	                 RSC_CREATED);
	must(OP_CREATE, "cse-in/app1/open", TY_CIN, "{\"m2m:cin\":{\"con\":\"ab\"}}");
	ck_assert_uint_eq(n_told, 1);
	must(OP_UPDATE, "cse-in/app1/p", 0, "{\"m2m:acp\":{\"pv\":{\"acr\":[{\"acor\":[\"CDev1\"],\"acop\":63}]}}}");
	must(OP_CREATE, "cse-in/app1/open", TY_CIN, "{\"m2m:cin\":{\"con\":\"ab\"}}");
	ck_assert_uint_eq(n_told, 1);
}
END_TEST

START_TEST(what_expires)
{
	must(OP_CREATE, "cse-in/app1/box", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"in\",\"et\":\"20261120T110000\"}}");
	subscribe("cse-in/app1/box", "\"enc\":{\"net\":[4]}");
	subscribe("cse-in/app1/box/in", "\"enc\":{\"net\":[2]}");
	subscribe("cse-in/app1/box", "\"enc\":{\"net\":[4]},\"et\":\"20261120T105959\"");
	forget();
	clock_advance_us(g.clock, INT64_C(3601) * 1000000);
	for (int i = 0; i < 5; i++) {
		clock_advance_us(g.clock, 1000000);
		settle();
	}
	/* The container, and the subscription that ended before it. */
	ck_assert_uint_eq(n_told, 3);
	ck_assert_uint_eq(ended, 2);
}
END_TEST

/* Instances that outlive their age, whose content is on the disk only. */
START_TEST(instances_expire)
{
	char dir[] = "/tmp/troth-event-XXXXXX";

	settle();
	rig_close(&g);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	rig_open_at(&g, NULL, dir, 1);
	dev = rig_ae(&g, "CDev1", "app1");
	must(OP_CREATE, "cse-in/app1", TY_CNT, "{\"m2m:cnt\":{\"rn\":\"box\",\"mia\":60}}");
	subscribe("cse-in/app1/box", "\"enc\":{\"net\":[4]}");
	for (int i = 0; i < 5; i++) {
		char pc[64];

		snprintf(pc, sizeof(pc), "{\"m2m:cin\":{\"con\":\"v%d\"}}", i);
		must(OP_CREATE, "cse-in/app1/box", TY_CIN, pc);
	}
	ck_assert_uint_eq(n_told, 0);
	clock_advance_us(g.clock, 61000000);
	for (int i = 0; i < 3000 && n_told < 5; i++) {
		clock_advance_us(g.clock, 100000);
		store_flush(g.store);
		loop_turn(g.loop, 1);
	}
	settle();
	ck_assert_uint_eq(n_told, 5);
	for (unsigned i = 0; i < 5; i++) {
		char want[8];

		snprintf(want, sizeof(want), "v%u", i);
		ck_assert_str_eq(rig_s(rep(i, "m2m:cin"), "con"), want);
		ck_assert_int_eq(told[i].net, NET_DELETE_CHILD);
	}
	ck_assert_int_eq(rig_number(&g, dev, "CDev1", "cse-in/app1/box", "m2m:cnt", "cni"), 0);
	rig_close(&g);
	rig_open(&g, NULL);
	nftw(dir, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
}
END_TEST

START_TEST(a_thousand_on_one)
{
	for (int i = 0; i < 1000; i++)
		subscribe("cse-in/app1/box", "\"enc\":{\"net\":[3],\"chty\":[4]}");
	ck_assert_uint_eq(made, 1000);
	must(OP_CREATE, "cse-in/app1/box", TY_CIN, "{\"m2m:cin\":{\"con\":\"ab\"}}");
	ck_assert_uint_eq(n_told, 1000);
	forget();
	must(OP_DELETE, "cse-in/app1/box", 0, NULL);
	ck_assert_uint_eq(ended, 1000);
	ck_assert_uint_eq(n_told, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("event");
	TCase *t = tcase_create("facts");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, nobody_asked);
	tcase_add_test(t, instance_made);
	tcase_add_test(t, identifiers_only);
	tcase_add_test(t, updates);
	tcase_add_test(t, deletion_of_the_resource);
	tcase_add_test(t, deletion_of_all_below);
	tcase_add_test(t, deletion_of_a_subscription);
	tcase_add_test(t, deletion_of_children);
	tcase_add_test(t, eviction_is_no_deletion);
	tcase_add_test(t, retrieve_of_an_empty_container);
	tcase_add_test(t, operations_are_watched);
	tcase_add_test(t, conditions);
	tcase_add_test(t, children_of_others);
	tcase_add_test(t, a_right_that_is_taken_away);
	tcase_add_test(t, what_expires);
	tcase_add_test(t, instances_expire);
	tcase_add_test(t, a_thousand_on_one);
	suite_add_tcase(s, t);
	return rig_run(s);
}
