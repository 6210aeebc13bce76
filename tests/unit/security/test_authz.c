/* SPDX-License-Identifier: Apache-2.0 */
/* The decision: TS-0004 7.3.3.15, TS-0001 9.6.1.3.2 and 10.2.3.1, conformance-rules 7, security-model 1.4 and 1.5. */
#include <stdlib.h>

#include "tests/unit/security/room.h"

static struct room room;
static struct peer *dev1, *dev2, *admin, *gateway, *us;

static void setup_with(const char *set)
{
	room_init_with(&room, set);
	room_cred(&room, "c1", CRED_DEVICE, "CDev1");
	room_cred(&room, "c2", CRED_DEVICE, "CDev2");
	room_cred(&room, "c3", CRED_ADMIN, "CAdmin");
	room_cred(&room, "g1", CRED_GATEWAY, "CG*");
	dev1 = room_peer(&room, "c1");
	dev2 = room_peer(&room, "c2");
	admin = room_peer(&room, "c3");
	gateway = room_peer(&room, "g1");
	us = peer_self(room.sec);
}

static void setup(void)
{
	setup_with(NULL);
}

static void setup_parent(void)
{
	setup_with("access.without_acpi=parent");
}

static void teardown(void)
{
	peer_unref(dev1);
	peer_unref(dev2);
	peer_unref(admin);
	peer_unref(gateway);
	peer_unref(us);
	room_fini(&room);
}

/* --- the tree -------------------------------------------------------------------------------------------------------- */

static void put_list(struct res *r, const struct attr *at, const char *words)
{
	struct str rest = str_of(words);
	struct val v = val_list(&room.a, 16);
	bool more = true;

	for (v.list.n = 0; more;)
		v.list.v[v.list.n++] = val_str(K_URI, str_cut(&rest, ' ', &more));
	*obj_put(&room.a, &r->o, at) = v;
}

/* parent: path below the CSEBase ("" for it); acpi: resourceIDs separated by spaces, or NULL; owner: a stem, or NULL. */
static struct str add_res(const char *parent, struct res *r, const char *acpi, const char *owner, struct str ri)
{
	struct tx *tx = store_begin(room.store, &room.a, TX_WRITE);
	const struct node *p = parent[0] ? store_by_ri(tx, str_of(parent)) : store_root(tx), *n;
	struct str out;

	ck_assert(p != NULL);
	if (acpi)
		put_list(r, &attr_acpi, acpi);
	if (owner)
		*obj_put(&room.a, &r->o, &attr_owner) =
		    val_str(K_ID, arena_printf(&room.a, "//troth.example/id-in/%s", owner));
	ck_assert_int_eq(store_create(tx, p, r, STR_NONE, ri, 0, &n), 0);
	out = arena_str(&room.a, node_ri(tx, n));
	room_commit(&room, tx);
	return out;
}

static const char *add(const char *parent, unsigned ty, const char *acpi, const char *owner)
{
	return arena_strz(&room.a, add_res(parent, res_new(&room.a, type_by_ty(ty), 4), acpi, owner, STR_NONE));
}

static const char *add_ae(const char *stem, const char *acpi)
{
	return arena_strz(&room.a, add_res("", res_new(&room.a, type_by_ty(TY_AE), 4), acpi, stem, str_of(stem)));
}

/* pv and pvs as lists of rules. */
static const char *add_acp(const char *pv, const char *pvs)
{
	struct res *r = rules_acp(&room.a, arena_printf(&room.a, "{'pv':{'acr':[%s]},'pvs':{'acr':[%s]}}%c", pv, pvs, 0).p);

	return arena_strz(&room.a, add_res("", r, NULL, NULL, STR_NONE));
}

static void change(const char *ri, struct res *r)
{
	struct tx *tx = store_begin(room.store, &room.a, TX_WRITE);

	store_update(tx, store_by_ri(tx, str_of(ri)), r, true);
	room_commit(&room, tx);
}

static void drop(const char *ri)
{
	struct tx *tx = store_begin(room.store, &room.a, TX_WRITE);

	store_remove(tx, store_by_ri(tx, str_of(ri)));
	room_commit(&room, tx);
}

/* --- asking ---------------------------------------------------------------------------------------------------------- */

static struct origin origin_of(struct peer *p, const char *from)
{
	struct origin o;

	ck_assert_int_eq(origin_check(room.sec, room_prim(&room, OP_RETRIEVE, 0, from), p, &o), RSC_NONE);
	return o;
}

static struct origin who(struct peer *p)
{
	return origin_of(p, p == dev1 ? "CDev1" : p == dev2 ? "CDev2" : p == admin ? "CAdmin" : p == us ? "/id-in" : "CG1");
}

static bool may_ask(struct peer *p, const char *ri, struct ask q)
{
	struct tx *tx = store_begin(room.store, &room.a, TX_READ);
	struct origin o = who(p);
	const struct node *n = ri[0] ? store_by_ri(tx, str_of(ri)) : store_root(tx);
	const struct grant *g;

	ck_assert(n != NULL);
	q.prim = room_prim(&room, OP_RETRIEVE, 0, NULL);
	q.origin = &o;
	q.node = n;
	g = authz_decide(room.sec, tx, &q);
	ck_assert(g == NULL || q.meta || grant_covers(g, tx, n, q.acop));
	store_end(tx);
	return g != NULL;
}

static bool may(struct peer *p, unsigned acop, const char *ri)
{
	return may_ask(p, ri, (struct ask){ .acop = acop });
}

static bool may_link(struct peer *p, const char *ri)
{
	return may_ask(p, ri, (struct ask){ .acop = ACOP_U, .acpi_update = true });
}

#define RULE(who, acop) "{'acor':['" who "'],'acop':" #acop "}"

/* --- with acpi ------------------------------------------------------------------------------------------------------- */

/* pv of each linked policy, OR (TS-0003 7.1.5; ACP/002 of TS-0018). */
START_TEST(linked_policies)
{
	const char *read = add_acp(RULE("CDev1", 34), RULE("CAdmin", 63)), *write = add_acp(RULE("CDev2", 5), RULE("CAdmin", 63));
	const char *cnt = add("", TY_CNT, arena_printf(&room.a, "%s %s%c", read, write, 0).p, "CAdmin");

	ck_assert(may(dev1, ACOP_R, cnt) && may(dev1, ACOP_DISC, cnt) && !may(dev1, ACOP_U, cnt) && !may(dev1, ACOP_C, cnt));
	ck_assert(!may(dev2, ACOP_R, cnt) && may(dev2, ACOP_U, cnt) && may(dev2, ACOP_C, cnt) && !may(dev2, ACOP_D, cnt));
	ck_assert(!may(gateway, ACOP_R, cnt) && !may(us, ACOP_R, cnt));
	/* With acpi the creator is nobody special (TS-0001 9.6.1.3.2). */
	ck_assert(!may(admin, ACOP_R, cnt));
}
END_TEST

/* acaf: a vouched originator is not authenticated (security-model 1.3). */
START_TEST(authentication_flag)
{
	const char *acp = add_acp("{'acor':['all'],'acop':2,'acaf':true}", RULE("CAdmin", 63)), *cnt = add("", TY_CNT, acp, NULL);

	ck_assert(may(dev1, ACOP_R, cnt) && !may(gateway, ACOP_R, cnt));
}
END_TEST

/* acip sees the address of the connection, aclr the credential's place. */
START_TEST(contexts_from_channel_and_credential)
{
	const char *near = add_acp("{'acor':['all'],'acop':2,'acco':[{'acip':{'ipv4':['10.1.2.3']}}]}", RULE("CAdmin", 63));
	const char *far = add_acp("{'acor':['all'],'acop':2,'acco':[{'acip':{'ipv4':['10.1.2.4']}}]}", RULE("CAdmin", 63));
	const char *land = add_acp("{'acor':['all'],'acop':2,'acco':[{'aclr':{'accc':['DE']}}]}", RULE("CAdmin", 63));
	const char *cnt_near = add("", TY_CNT, near, NULL), *cnt_far = add("", TY_CNT, far, NULL), *cnt_land = add("", TY_CNT, land, NULL);
	struct cred_info c = room_info(&room, "c1", CRED_DEVICE, "CDev1");

	ck_assert(may(dev1, ACOP_R, cnt_near) && !may(dev1, ACOP_R, cnt_far) && !may(us, ACOP_R, cnt_near));
	ck_assert(!may(dev1, ACOP_R, cnt_land));
	c.country = STR("DE");
	room_put_cred(&room, &c);
	peer_unref(dev1);
	dev1 = room_peer(&room, "c1");
	ck_assert(may(dev1, ACOP_R, cnt_land) && !may(dev2, ACOP_R, cnt_land));
}
END_TEST

/* security-model 5.4: time-bound permits deny while the clock is doubtful. */
START_TEST(doubtful_clock)
{
	const char *acp = add_acp("{'acor':['CDev1'],'acop':2,'acco':[{'actw':['* * * * * * *']}]},{'acor':['CDev2'],'acop':2}",
	                          RULE("CAdmin", 63));
	const char *cnt = add("", TY_CNT, acp, NULL);

	ck_assert(may(dev1, ACOP_R, cnt) && may(dev2, ACOP_R, cnt));
	clock_jump_us(room.clock, -3 * 3600 * INT64_C(1000000));
	ck_assert(clockguard_tick(room.sec));
	ck_assert(!may(dev1, ACOP_R, cnt) && may(dev2, ACOP_R, cnt));
	clockguard_accept(room.sec);
	ck_assert(!clockguard_tick(room.sec));
	ck_assert(may(dev1, ACOP_R, cnt));
}
END_TEST

/* The cache follows the policy's content: a change counts with the next decision. */
START_TEST(changed_policy)
{
	const char *acp = add_acp(RULE("CDev1", 2), RULE("CAdmin", 63)), *cnt = add("", TY_CNT, acp, NULL);
	int i;

	for (i = 0; i < 4; i++) {
		ck_assert(may(dev1, ACOP_R, cnt) == (i % 2 == 0) && may(dev2, ACOP_R, cnt) == (i % 2 == 1));
		change(acp, rules_acp(&room.a, i % 2 ? "{'pv':{'acr':[" RULE("CDev1", 2) "]},'pvs':{'acr':[" RULE("CAdmin", 63) "]}}"
		                                     : "{'pv':{'acr':[" RULE("CDev2", 2) "]},'pvs':{'acr':[" RULE("CAdmin", 63) "]}}"));
	}
	drop(acp);
	ck_assert(!may(dev1, ACOP_R, cnt) && !may(dev2, ACOP_R, cnt));
}
END_TEST

/* What cannot be found permits nothing: absent, of another type, at another CSE. */
START_TEST(links_that_lead_nowhere)
{
	const char *acp = add_acp(RULE("CDev1", 63), RULE("CDev1", 63)), *other = add("", TY_CNT, acp, NULL);

	ck_assert(!may(dev1, ACOP_R, add("", TY_CNT, "acpzzz", "CDev1")));
	ck_assert(!may(dev1, ACOP_R, add("", TY_CNT, other, "CDev1")));
	ck_assert(!may(dev1, ACOP_R, add("", TY_CNT, arena_printf(&room.a, "/mn1/%s%c", acp, 0).p, "CDev1")));
	/* By any address form, beside what leads nowhere. */
	ck_assert(may(dev1, ACOP_R, add("", TY_CNT, arena_printf(&room.a, "acpzzz /id-in/%s%c", acp, 0).p, NULL)));
	ck_assert(may(dev1, ACOP_R, add("", TY_CNT, arena_printf(&room.a, "//troth.example/id-in/%s%c", acp, 0).p, NULL)));
	ck_assert(may(dev1, ACOP_R, add("", TY_CNT, arena_printf(&room.a, "cse-in/%s%c", acp, 0).p, NULL)));
	ck_assert(may(dev1, ACOP_R, add("", TY_CNT, arena_printf(&room.a, "/id-in/-/%s%c", acp, 0).p, NULL)));
}
END_TEST

/* --- an ACP as target ------------------------------------------------------------------------------------------------ */

/* Its own pvs only, DELETE included; neither pv nor creator nor a linked policy count (conformance-rules 7). */
START_TEST(policy_as_target)
{
	const char *acp = add_acp(RULE("CDev1", 63), RULE("CDev2", 14));

	ck_assert(!may(dev1, ACOP_R, acp) && !may(dev1, ACOP_U, acp) && !may(dev1, ACOP_D, acp));
	ck_assert(may(dev2, ACOP_R, acp) && may(dev2, ACOP_U, acp) && may(dev2, ACOP_D, acp) && !may(dev2, ACOP_C, acp));
}
END_TEST

/* --- without acpi ---------------------------------------------------------------------------------------------------- */

/* TS-0001 9.6.1.3.2: the creator only, whatever the parent's policies say. */
START_TEST(creator_only)
{
	const char *acp = add_acp(RULE("CDev2", 63), RULE("CAdmin", 63)), *top = add("", TY_CNT, acp, "CDev1");
	const char *sub = add(top, TY_CNT, NULL, "CDev1"), *orphan = add(top, TY_CNT, NULL, NULL);
	unsigned acop;

	for (acop = 1; acop <= ACOP_DISC; acop <<= 1) {
		ck_assert(may(dev1, acop, sub) && !may(dev2, acop, sub) && !may(dev1, acop, top) && may(dev2, acop, top));
		ck_assert(!may(dev1, acop, orphan) && !may(dev2, acop, orphan));
	}
}
END_TEST

/* access.without_acpi = parent: the nearest ancestor with acpi decides, also for the creator. */
START_TEST(parent_decides)
{
	const char *acp = add_acp(RULE("CDev2", 2), RULE("CAdmin", 63)), *top = add("", TY_CNT, acp, "CDev1");
	const char *mid = add(top, TY_CNT, NULL, "CDev1"), *low = add(mid, TY_CNT, NULL, "CDev1");
	const char *alone = add("", TY_CNT, NULL, "CDev1");

	ck_assert(may(dev2, ACOP_R, low) && may(dev2, ACOP_R, mid) && !may(dev1, ACOP_R, low) && !may(dev2, ACOP_U, low));
	/* Nobody above has one either: nobody may. */
	ck_assert(!may(dev1, ACOP_R, alone) && !may(dev2, ACOP_R, alone));
}
END_TEST

START_TEST(reloaded_option)
{
	const char *acp = add_acp(RULE("CDev2", 2), RULE("CAdmin", 63)), *top = add("", TY_CNT, acp, "CDev1");
	const char *sub = add(top, TY_CNT, NULL, "CDev1");
	struct conf *c = conf_defaults();
	struct conf_why w;

	ck_assert(may(dev1, ACOP_R, sub) && !may(dev2, ACOP_R, sub));
	ck_assert_int_eq(conf_set(c, "access.without_acpi=parent", &w), 0);
	security_reload(room.sec, c);
	ck_assert(!may(dev1, ACOP_R, sub) && may(dev2, ACOP_R, sub));
	conf_unref(c);
}
END_TEST

/* The custodian takes the creator's place (security-model 1.5 with Release 4's cstn). */
START_TEST(custodian)
{
	struct res *r = res_new(&room.a, type_by_ty(TY_CNT), 4);
	const char *cnt;

	*obj_add(&room.a, &r->o, &attr_cstn) = val_str(K_ID, STR("CDev2"));
	cnt = arena_strz(&room.a, add_res("", r, NULL, "CDev1", STR_NONE));
	ck_assert(may(dev2, ACOP_R, cnt) && !may(dev1, ACOP_R, cnt));
	r = res_new(&room.a, type_by_ty(TY_CNT), 4);
	*obj_add(&room.a, &r->o, &attr_cstn) = val_str(K_ID, STR("/id-in/CDev2"));
	cnt = arena_strz(&room.a, add_res("", r, NULL, "CDev1", STR_NONE));
	ck_assert(may(dev2, ACOP_U, cnt) && !may(dev1, ACOP_U, cnt));
}
END_TEST

/* A type without acpi follows its parent: TS-0001 10.2.3.1 (ACP/011 and 012 of TS-0018).  All of them are instances, but for
 * the polling channel, which has a rule of its own. */
START_TEST(types_without_acpi)
{
	const char *acp = add_acp(RULE("CDev1", 2), RULE("CAdmin", 63)), *open = add("", TY_CNT, acp, NULL);
	const char *closed = add("", TY_CNT, NULL, "CDev2");

	/* An instance has its container as node and nothing of its own. */
	ck_assert(may_ask(dev1, open, (struct ask){ .acop = ACOP_R, .on_instance = true }));
	ck_assert(!may_ask(dev1, closed, (struct ask){ .acop = ACOP_R, .on_instance = true }));
}
END_TEST

/* --- UPDATE of acpi alone -------------------------------------------------------------------------------------------- */

/* pvs of the policies linked now; the creator when none is (conformance-rules 7; ACP/UPD/001 and 002 of TS-0018). */
START_TEST(linking)
{
	const char *acp = add_acp(RULE("CDev1", 63), RULE("CDev2", 4)), *cnt = add("", TY_CNT, acp, "CDev1");
	const char *bare = add("", TY_CNT, NULL, "CDev1");

	ck_assert(may(dev1, ACOP_U, cnt) && !may_link(dev1, cnt));
	ck_assert(!may(dev2, ACOP_U, cnt) && may_link(dev2, cnt));
	ck_assert(may_link(dev1, bare) && !may_link(dev2, bare));
	/* The last policy is gone: the creator may link again, but not use the resource. */
	drop(acp);
	ck_assert(may_link(dev1, cnt) && !may_link(dev2, cnt) && !may(dev1, ACOP_U, cnt));
	/* One at another CSE is linked, though nobody here can ask it. */
	ck_assert(!may_link(dev1, add("", TY_CNT, "/mn1/acp1", "CDev1")));
}
END_TEST

/* --- object details -------------------------------------------------------------------------------------------------- */

START_TEST(object_details)
{
	const char *acp = add_acp("{'acor':['CDev1'],'acop':1,'acod':[{'ty':3,'chty':[4]}]}", RULE("CAdmin", 63));
	const char *cnt = add("", TY_CNT, acp, NULL), *ae = add_ae("CDev2", acp);

	ck_assert(may_ask(dev1, cnt, (struct ask){ .acop = ACOP_C, .create_ty = TY_CIN }));
	ck_assert(!may_ask(dev1, cnt, (struct ask){ .acop = ACOP_C, .create_ty = TY_CNT }));
	ck_assert(!may_ask(dev1, ae, (struct ask){ .acop = ACOP_C, .create_ty = TY_CIN }));
}
END_TEST

/* --- administrator, self, grants ------------------------------------------------------------------------------------- */

/* security-model 1.4: through a policy like anybody; beside it DELETE, and type, size and times; each use is an event. */
START_TEST(administrators_right)
{
	const char *cnt = add("", TY_CNT, NULL, "CDev1");
	struct tx *tx;
	struct origin o = who(admin);
	struct ask q = { .origin = &o, .acop = ACOP_R, .meta = true };
	const struct grant *g;

	ck_assert(!may(admin, ACOP_R, cnt) && !may(admin, ACOP_U, cnt) && !may(admin, ACOP_C, cnt) && !may(admin, ACOP_DISC, cnt));
	ck_assert(!may_link(admin, cnt));
	ck_assert_uint_eq(room_count(&room, "EV_ADMIN_OVERRIDE"), 0);
	ck_assert(may(admin, ACOP_D, cnt));
	ck_assert_uint_eq(room_count(&room, "EV_ADMIN_OVERRIDE"), 1);
	tx = store_begin(room.store, &room.a, TX_READ);
	q.node = store_by_ri(tx, str_of(cnt));
	g = authz_decide(room.sec, tx, &q);
	ck_assert(g != NULL && grant_covers_meta(g, tx, q.node) && !grant_covers(g, tx, q.node, ACOP_R));
	store_end(tx);
	ck_assert_uint_eq(room_count(&room, "EV_ADMIN_OVERRIDE"), 2);
	ck_assert(!may_ask(dev2, cnt, (struct ask){ .acop = ACOP_R, .meta = true }));
	ck_assert(may_ask(dev1, cnt, (struct ask){ .acop = ACOP_R, .meta = true }));
	/* A policy that names it opens the rest. */
	ck_assert(may(admin, ACOP_U, add("", TY_CNT, add_acp(RULE("CAdmin", 63), RULE("CAdmin", 63)), NULL)));
	ck_assert_uint_eq(room_count(&room, "EV_ADMIN_OVERRIDE"), 2);
}
END_TEST

START_TEST(internal_work)
{
	const char *cnt = add("", TY_CNT, NULL, "CDev1");

	ck_assert(!may(us, ACOP_D, cnt));
	ck_assert(may_ask(us, cnt, (struct ask){ .acop = ACOP_D, .internal = true }));
	ck_assert(may_ask(us, cnt, (struct ask){ .acop = ACOP_D, .internal = true }));
	/* One row an hour. */
	ck_assert_uint_eq(room_events(&room, "EV_SELF", false).n, 2);
}
END_TEST

/* A grant is good for its transaction, its resource and its operation. */
START_TEST(grants)
{
	const char *one = add("", TY_CNT, NULL, "CDev1"), *two = add("", TY_CNT, NULL, "CDev1");
	struct tx *tx = store_begin(room.store, &room.a, TX_READ);
	struct origin o = who(dev1);
	struct ask q = { .origin = &o, .acop = ACOP_R, .node = store_by_ri(tx, str_of(one)) };
	const struct grant *g = authz_decide(room.sec, tx, &q);

	ck_assert(grant_covers(g, tx, q.node, ACOP_R) && grant_covers_meta(g, tx, q.node));
	ck_assert(!grant_covers(g, tx, q.node, ACOP_U) && !grant_covers(g, tx, q.node, ACOP_R | ACOP_U));
	ck_assert(!grant_covers(g, tx, q.node, 0));
	ck_assert(!grant_covers(g, tx, store_by_ri(tx, str_of(two)), ACOP_R));
	ck_assert(!grant_covers(NULL, tx, q.node, ACOP_R) && !grant_covers_meta(NULL, tx, q.node));
	store_end(tx);
	tx = store_begin(room.store, &room.a, TX_READ);
	ck_assert(!grant_covers(g, tx, store_by_ri(tx, str_of(one)), ACOP_R));
	store_end(tx);
}
END_TEST

/* Pending content gives no rights: authorization reads durable state (engine.md 2.1). */
START_TEST(durable_only)
{
	const char *acp = add_acp(RULE("CDev1", 2), RULE("CAdmin", 63)), *cnt = add("", TY_CNT, acp, NULL);
	struct tx *tx = store_begin(room.store, &room.a, TX_WRITE);
	struct origin o1 = who(dev1), o2 = who(dev2);
	struct ask q = { .acop = ACOP_R, .node = store_by_ri(tx, str_of(cnt)), .quiet = true };

	store_update(tx, store_by_ri(tx, str_of(acp)),
	             rules_acp(&room.a, "{'pv':{'acr':[" RULE("CDev2", 2) "]},'pvs':{'acr':[" RULE("CAdmin", 63) "]}}"), true);
	q.origin = &o1;
	ck_assert(authz_decide(room.sec, tx, &q) != NULL);
	q.origin = &o2;
	ck_assert(authz_decide(room.sec, tx, &q) == NULL);
	room_commit(&room, tx);
	ck_assert(!may(dev1, ACOP_R, cnt) && may(dev2, ACOP_R, cnt));
}
END_TEST

/* --- events and explanations ----------------------------------------------------------------------------------------- */

START_TEST(events)
{
	const char *acp = add_acp("{'acor':['CDev1'],'acop':2,'zz':1}", RULE("CAdmin", 63)), *cnt = add("", TY_CNT, acp, NULL);
	struct room_events e;
	int i;

	ck_assert(!may_ask(dev1, cnt, (struct ask){ .acop = ACOP_R, .quiet = true }));
	ck_assert(!may(dev1, ACOP_DISC, cnt));
	ck_assert_uint_eq(room_count(&room, "EV_DENIED"), 0);
	/* Told once per version of the policy, not per request. */
	ck_assert_uint_eq(room_count(&room, "EV_RULE_UNEVALUABLE"), 1);
	for (i = 0; i < 5; i++)
		ck_assert(!may(dev1, ACOP_R, cnt));
	e = room_events(&room, "EV_DENIED", true);
	ck_assert(e.n == 5 && e.rows == 2);
	ck_assert(strstr(arena_strz(&room.a, e.last), "RETRIEVE cnt-") != NULL);
	ck_assert(strstr(arena_strz(&room.a, e.last), "\"name\":\"CDev1\"") != NULL);
	e = room_events(&room, "EV_DENIED", false);
	ck_assert(strstr(arena_strz(&room.a, e.last), "CDev1") == NULL);
	ck_assert_uint_eq(room_count(&room, "EV_RULE_UNEVALUABLE"), 1);
}
END_TEST

START_TEST(too_many_links)
{
	const char *no = add_acp(RULE("CDev2", 2), RULE("CAdmin", 63)), *yes = add_acp(RULE("CDev1", 2), RULE("CAdmin", 63));
	struct res *r = res_new(&room.a, type_by_ty(TY_CNT), 4);
	struct val v = val_list(&room.a, AUTHZ_MAX_ACPI + 1);
	const char *cnt;
	size_t i;

	for (i = 0; i < v.list.n; i++)
		v.list.v[i] = val_str(K_URI, str_of(i == AUTHZ_MAX_ACPI ? yes : no));
	*obj_put(&room.a, &r->o, &attr_acpi) = v;
	cnt = arena_strz(&room.a, add_res("", r, NULL, NULL, STR_NONE));
	ck_assert(!may(dev1, ACOP_R, cnt));
	ck_assert_uint_ge(room_count(&room, "EV_RULE_UNEVALUABLE"), 1);
	v.list.v[AUTHZ_MAX_ACPI - 1] = v.list.v[AUTHZ_MAX_ACPI];
	change(cnt, r);
	ck_assert(may(dev1, ACOP_R, cnt));
}
END_TEST

static const char *explain(struct peer *p, unsigned acop, const char *ri)
{
	struct tx *tx = store_begin(room.store, &room.a, TX_READ);
	struct origin o = who(p);
	struct ask q = { .origin = &o, .acop = acop, .node = store_by_ri(tx, str_of(ri)) };
	struct str s = authz_explain(room.sec, tx, &q);

	store_end(tx);
	return arena_strz(&room.a, s);
}

START_TEST(explanations)
{
	const char *acp = add_acp(RULE("CDev2", 2) ",{'acor':['CDev1'],'acop':2,'acaf':true}", RULE("CAdmin", 63));
	const char *cnt = add("", TY_CNT, acp, NULL), *bare = add("", TY_CNT, NULL, "CDev1");
	const char *text = explain(dev1, ACOP_R, cnt);

	ck_assert(strstr(text, "rule 1 does not name the originator") && strstr(text, "rule 2 matches") && strstr(text, "permitted"));
	text = explain(gateway, ACOP_R, cnt);
	ck_assert(strstr(text, "acaf") && strstr(text, "denied"));
	text = explain(dev1, ACOP_U, cnt);
	ck_assert(strstr(text, "operation") && strstr(text, "denied"));
	ck_assert(strstr(explain(dev1, ACOP_R, bare), "the creator") && strstr(explain(admin, ACOP_D, bare), "administrator"));
	ck_assert(strstr(explain(dev1, ACOP_R, add("", TY_CNT, "acpzzz", NULL)), "does not exist"));
	/* Asking why is no event. */
	ck_assert_uint_eq(room_count(&room, "EV_DENIED"), 0);
}
END_TEST

/* --- threads --------------------------------------------------------------------------------------------------------- */

enum { ASKERS = 3, ROUNDS = 3000 };

struct asker {
	const char *cnt;
	struct peer *peer;
	_Atomic bool *stop;
	unsigned yes, no;
};

static void *asks(void *arg)
{
	struct asker *k = arg;
	struct arena a;

	arena_init(&a, 4096);
	while (!atomic_load(k->stop)) {
		struct prim p;
		struct origin o;
		struct tx *tx;

		prim_init(&p, &a);
		p.op = OP_RETRIEVE;
		p.fr = STR("CDev1");
		p.has = 1u << P_FR;
		if (peer_is_live(room.sec, k->peer) && origin_check(room.sec, &p, k->peer, &o) == RSC_NONE) {
			tx = store_begin(room.store, &a, TX_READ);
			struct ask q = { .prim = &p, .origin = &o, .acop = ACOP_R, .node = store_by_ri(tx, str_of(k->cnt)) };
			const struct grant *g = authz_decide(room.sec, tx, &q);

			ck_assert(g == NULL || grant_covers(g, tx, q.node, ACOP_R));
			k->yes += g != NULL;
			k->no += g == NULL;
			store_end(tx);
		}
		arena_reset(&a);
	}
	arena_fini(&a);
	return NULL;
}

/* Decisions go on while policies, credentials, zones and the option change; each is by the old or by the new state. */
START_TEST(threads)
{
	const char *acp = add_acp(RULE("CDev1", 2), RULE("CAdmin", 63)), *cnt = add("", TY_CNT, acp, NULL);
	struct asker k[ASKERS];
	pthread_t t[ASKERS];
	_Atomic bool stop = false;
	struct cred_info c = room_info(&room, "c9", CRED_DEVICE, "CDev9");
	int i;

	for (i = 0; i < ASKERS; i++) {
		k[i] = (struct asker){ .cnt = cnt, .peer = dev1, .stop = &stop };
		ck_assert_int_eq(pthread_create(&t[i], NULL, asks, &k[i]), 0);
	}
	for (i = 0; i < ROUNDS / 100; i++) {
		change(acp, rules_acp(&room.a, i % 2 ? "{'pv':{'acr':[" RULE("CDev1", 2) "]},'pvs':{'acr':[" RULE("CAdmin", 63) "]}}"
		                                     : "{'pv':{'acr':[" RULE("CDev2", 2) "]},'pvs':{'acr':[" RULE("CAdmin", 63) "]}}"));
		c.generation++;
		room_put_cred(&room, &c);
		zone_apply(room.sec, (uint16_t)(2 + i));
		zone_apply_conduit(room.sec, 1, (uint16_t)(2 + i), true);
		security_reload(room.sec, room.conf);
		clock_advance_us(room.clock, 1000000);
		clockguard_tick(room.sec);
	}
	atomic_store(&stop, true);
	for (i = 0; i < ASKERS; i++)
		pthread_join(t[i], NULL);
	ck_assert(may(dev1, ACOP_R, cnt));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("authz");
	TCase *t = tcase_create("creator"), *p = tcase_create("parent");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, linked_policies);
	tcase_add_test(t, authentication_flag);
	tcase_add_test(t, contexts_from_channel_and_credential);
	tcase_add_test(t, doubtful_clock);
	tcase_add_test(t, changed_policy);
	tcase_add_test(t, links_that_lead_nowhere);
	tcase_add_test(t, policy_as_target);
	tcase_add_test(t, creator_only);
	tcase_add_test(t, reloaded_option);
	tcase_add_test(t, custodian);
	tcase_add_test(t, types_without_acpi);
	tcase_add_test(t, linking);
	tcase_add_test(t, object_details);
	tcase_add_test(t, administrators_right);
	tcase_add_test(t, internal_work);
	tcase_add_test(t, grants);
	tcase_add_test(t, durable_only);
	tcase_add_test(t, events);
	tcase_add_test(t, too_many_links);
	tcase_add_test(t, explanations);
	tcase_add_test(t, threads);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(p, setup_parent, teardown);
	tcase_add_test(p, parent_decides);
	suite_add_tcase(s, p);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
