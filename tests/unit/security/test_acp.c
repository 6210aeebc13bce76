/* SPDX-License-Identifier: Apache-2.0 */
/* Access control rules, clause by clause: TS-0003 7.1.3 to 7.1.5, TS-0004 6.3.5.26 to 6.3.5.28, security-model 1.6. */
#include "security/acp.h"

#include <stdio.h>
#include <stdlib.h>

#include "cse/base/err.h"
#include "cse/model/prim.h"
#include "security/acp_cache.h"
#include "tests/unit/security/rules.h"

static const struct addr_self self = { { "m2m.sp", 6 }, { "id-in", 5 }, { "cse-in", 6 } };

/* Friday 2026-11-20 10:15:39 UTC. */
#define NOW INT64_C(1795169739000000)

static struct acp_facts facts(unsigned acop, const char *from)
{
	return (struct acp_facts){ .acop = acop, .from = str_of(from), .from_hash = acp_hash(str_of(from)),
		.authenticated = true, .now_us = NOW, .target_ty = TY_CNT };
}

#define DEV1 "//m2m.sp/id-in/CDev1"

/* Asks pv (rules: the elements of acr, JSON with single quotes). */
static bool ask(const char *rules, struct acp_facts f)
{
	struct arena a;
	struct acp *p;
	bool yes;

	arena_init(&a, 4096);
	p = acp_new(&rules_acp(&a, arena_printf(&a, "{'pv':{'acr':[%s]},'pvs':{'acr':[]}}%c", rules, 0).p)->o, &self, false);
	yes = acp_ask(&p->pv, &f, NULL);
	acp_unref(p);
	arena_fini(&a);
	return yes;
}

static bool ask_as(const char *rules, const char *from)
{
	return ask(rules, facts(ACOP_R, from));
}

static enum rsc validate(const char *acp, struct why *w)
{
	struct arena a;
	enum rsc rsc;

	arena_init(&a, 4096);
	rsc = acp_validate(&rules_acp(&a, acp)->o, &self, false, w);
	arena_fini(&a);
	return rsc;
}

static bool valid(const char *rules)
{
	struct arena a;
	struct why w = { 0 };
	enum rsc rsc;

	arena_init(&a, 4096);
	rsc = validate(arena_printf(&a, "{'pv':{'acr':[%s]},'pvs':{'acr':[{'acor':['all'],'acop':63}]}}%c", rules, 0).p, &w);
	ck_assert_int_eq(rsc == RSC_NONE, w.text[0] == '\0');
	arena_fini(&a);
	return rsc == RSC_NONE;
}

/* TS-0003 7.1.5: res_ops. */
START_TEST(operations)
{
	unsigned acop;

	for (acop = 1; acop <= ACOP_DISC; acop <<= 1) {
		ck_assert(ask("{'acor':['CDev1'],'acop':63}", facts(acop, DEV1)));
		ck_assert_int_eq(ask("{'acor':['CDev1'],'acop':34}", facts(acop, DEV1)), acop == ACOP_R || acop == ACOP_DISC);
	}
}
END_TEST

/* TS-0003 7.1.3: originators in any format; each form means the same entity. */
START_TEST(originators)
{
	static const char *const same[] = { "CDev1", "/id-in/CDev1", "//m2m.sp/id-in/CDev1", "C*", "CD*1", "/id-in/C*",
		"//m2m.sp/*/CDev1", "//*/id-in/CDev1", "//m2m.sp", "all" };
	static const char *const other[] = { "CDev2", "/mn1/CDev1", "//other.sp/id-in/CDev1", "S*", "/id-in", "//other.sp", "CDev",
		"CDev1x", "/C*", "Call", "//m2m.sp/*" };
	char rule[128];
	size_t i;

	for (i = 0; i < ARRAY_LEN(same); i++) {
		snprintf(rule, sizeof(rule), "{'acor':['%s'],'acop':2}", same[i]);
		ck_assert_msg(ask_as(rule, DEV1), "%s", same[i]);
		ck_assert(valid(rule));
	}
	for (i = 0; i < ARRAY_LEN(other); i++) {
		snprintf(rule, sizeof(rule), "{'acor':['%s'],'acop':2}", other[i]);
		ck_assert_msg(!ask_as(rule, DEV1), "%s", other[i]);
		ck_assert_msg(valid(rule), "%s", other[i]);
	}
	ck_assert(ask_as("{'acor':['CDev9','/mn1','CDev1'],'acop':2}", DEV1));
	ck_assert(ask_as("{'acor':['/mn1'],'acop':2}", "//m2m.sp/mn1"));
	ck_assert(ask_as("{'acor':['SDev1'],'acop':2}", "//m2m.sp/SDev1"));
	/* Nobody is nobody, but "all" is everybody. */
	ck_assert(!ask_as("{'acor':['C*'],'acop':2}", ""));
	ck_assert(ask_as("{'acor':['all'],'acop':2}", ""));
}
END_TEST

/* security-model 1.6: a bare star is refused, and would open nothing. */
START_TEST(bare_star)
{
	ck_assert(!valid("{'acor':['*'],'acop':2}"));
	ck_assert(!ask_as("{'acor':['*'],'acop':2}", DEV1));
	ck_assert(!ask_as("{'acor':['CDev1','*'],'acop':2}", DEV1));
}
END_TEST

/* TS-0001 9.6.2.1: a group that cannot be read makes its rule not match, though another originator of it would. */
START_TEST(unreadable_groups)
{
	ck_assert(valid("{'acor':['grp5','CDev1'],'acop':2}"));
	ck_assert(!ask_as("{'acor':['grp5','CDev1'],'acop':2}", DEV1));
	ck_assert(!ask_as("{'acor':['/mn1/cse-mn/g','all'],'acop':2}", DEV1));
	ck_assert(ask_as("{'acor':['grp5'],'acop':2},{'acor':['CDev1'],'acop':2}", DEV1));
	ck_assert(!valid("{'acor':['grp5']}"));
}
END_TEST

/* Roles are not evaluated: they match nobody and spoil nothing. */
START_TEST(roles)
{
	ck_assert(valid("{'acor':['r1@issuer.org'],'acop':2}"));
	ck_assert(!ask_as("{'acor':['r1@issuer.org'],'acop':2}", DEV1));
	ck_assert(ask_as("{'acor':['r1@issuer.org','CDev1'],'acop':2}", DEV1));
}
END_TEST

/* TS-0003 table 7.1.5-1. */
START_TEST(authentication_flag)
{
	struct acp_facts vouched = facts(ACOP_R, DEV1);

	vouched.authenticated = false;
	ck_assert(ask("{'acor':['CDev1'],'acop':2,'acaf':true}", facts(ACOP_R, DEV1)));
	ck_assert(!ask("{'acor':['CDev1'],'acop':2,'acaf':true}", vouched));
	ck_assert(ask("{'acor':['CDev1'],'acop':2,'acaf':false}", vouched));
	ck_assert(ask("{'acor':['CDev1'],'acop':2}", vouched));
}
END_TEST

#define CTX(c) "{'acor':['CDev1'],'acop':2,'acco':[" c "]}"

/* Windows: any of the list; the example of TS-0004 7.4.9.1 does not hold at 10:15. */
START_TEST(windows)
{
	ck_assert(ask_as(CTX("{'actw':['* * 10 * * * *']}"), DEV1));
	ck_assert(!ask_as(CTX("{'actw':['* 0-5 2,6,10 * * * *']}"), DEV1));
	ck_assert(ask_as(CTX("{'actw':['* 0-5 2,6,10 * * * *','* * * * * 5 *']}"), DEV1));
	ck_assert(!valid(CTX("{'actw':['* * 10 * * *']}")));
	ck_assert(!ask_as(CTX("{'actw':['* * 10 * * *']}"), DEV1));
	ck_assert(!ask_as(CTX("{'actw':['* * * * * * *','nonsense']}"), DEV1));
}
END_TEST

/* security-model 5.4: time-bound permits deny while the clock is doubtful; others go on. */
START_TEST(doubtful_clock)
{
	struct acp_facts f = facts(ACOP_R, DEV1);

	f.clock_doubtful = true;
	ck_assert(!ask(CTX("{'actw':['* * * * * * *']}"), f));
	ck_assert(ask("{'acor':['CDev1'],'acop':2}", f));
	ck_assert(ask(CTX("{'actw':['* * * * * * *']},{'aclr':{'accc':['DE']}}"), ({ f.country = acp_country(STR("DE")); f; })));
}
END_TEST

START_TEST(addresses)
{
	struct ipaddr v4 = { 4, { 10, 1, 2, 3 } }, v6 = { 6, { 0xfd, 0 } }, none = { 0 };
	struct acp_facts f = facts(ACOP_R, DEV1);

	f.ip = &v4;
	ck_assert(ask(CTX("{'acip':{'ipv4':['10.0.0.0/8']}}"), f));
	ck_assert(ask(CTX("{'acip':{'ipv4':['192.168.0.1','10.1.2.3']}}"), f));
	ck_assert(!ask(CTX("{'acip':{'ipv4':['10.1.2.4']}}"), f));
	ck_assert(!ask(CTX("{'acip':{'ipv6':['::/0']}}"), f));
	/* Either list will do. */
	ck_assert(ask(CTX("{'acip':{'ipv6':['::/0'],'ipv4':['10.1.2.3']}}"), f));
	f.ip = &v6;
	ck_assert(ask(CTX("{'acip':{'ipv6':['fd00::/8'],'ipv4':['10.1.2.3']}}"), f));
	f.ip = &none;
	ck_assert(!ask(CTX("{'acip':{'ipv4':['0.0.0.0/0'],'ipv6':['::/0']}}"), f));
	f.ip = NULL;
	ck_assert(!ask(CTX("{'acip':{'ipv4':['0.0.0.0/0'],'ipv6':['::/0']}}"), f));
	ck_assert(!valid(CTX("{'acip':{'ipv4':['fd00::1']}}")));
	ck_assert(!valid(CTX("{'acip':{'ipv6':['10.0.0.1']}}")));
	ck_assert(!valid(CTX("{'acip':{'ipv4':['10.0.0.0/33']}}")));
}
END_TEST

/* Only the location provisioned in the credential counts; without one no region holds.  Berlin to Potsdam is 27 km. */
START_TEST(regions)
{
	struct acp_facts f = facts(ACOP_R, DEV1);

	ck_assert(!ask(CTX("{'aclr':{'accr':[52.52,13.405,30000000.0]}}"), f));
	ck_assert(!ask(CTX("{'aclr':{'accc':['DE']}}"), f));
	f.has_location = true;
	f.lat = 52.3906;
	f.lon = 13.0645;
	f.country = acp_country(STR("DE"));
	ck_assert(ask(CTX("{'aclr':{'accr':[52.52,13.405,28000.0]}}"), f));
	ck_assert(!ask(CTX("{'aclr':{'accr':[52.52,13.405,26000.0]}}"), f));
	ck_assert(ask(CTX("{'aclr':{'accc':['KR','DE']}}"), f));
	ck_assert(!ask(CTX("{'aclr':{'accc':['KR']}}"), f));
	/* Across the date line: 179.9 E to 179.9 W is 22 km at the equator. */
	f.lat = 0;
	f.lon = 179.9;
	ck_assert(ask(CTX("{'aclr':{'accr':[0.0,-179.9,23000.0]}}"), f));
	ck_assert(!ask(CTX("{'aclr':{'accr':[0.0,-179.9,22000.0]}}"), f));
	/* TS-0004 6.3.5.28: a choice, and three numbers in their ranges. */
	ck_assert(!valid(CTX("{'aclr':{'accc':['DE'],'accr':[0.0,0.0,1.0]}}")));
	ck_assert(!ask(CTX("{'aclr':{'accc':['DE'],'accr':[0.0,179.9,1000.0]}}"), f));
	ck_assert(!valid(CTX("{'aclr':{'accr':[0.0,0.0]}}")));
	ck_assert(!valid(CTX("{'aclr':{'accr':[91.0,0.0,1.0]}}")));
	ck_assert(!valid(CTX("{'aclr':{'accr':[0.0,181.0,1.0]}}")));
	ck_assert(!valid(CTX("{'aclr':{'accr':[0.0,0.0,-1.0]}}")));
	ck_assert(!valid(CTX("{'aclr':{'accc':['de']}}")));
	ck_assert(!valid(CTX("{'aclr':{'accc':['DEU']}}")));
}
END_TEST

/* TS-0003 7.1.5: time AND address AND region inside a context, OR between contexts. */
START_TEST(contexts_combine)
{
	struct ipaddr v4 = { 4, { 10, 1, 2, 3 } };
	struct acp_facts f = facts(ACOP_R, DEV1);

	f.ip = &v4;
	ck_assert(ask(CTX("{'actw':['* * 10 * * * *'],'acip':{'ipv4':['10.0.0.0/8']}}"), f));
	ck_assert(!ask(CTX("{'actw':['* * 11 * * * *'],'acip':{'ipv4':['10.0.0.0/8']}}"), f));
	ck_assert(!ask(CTX("{'actw':['* * 10 * * * *'],'acip':{'ipv4':['11.0.0.0/8']}}"), f));
	ck_assert(!ask(CTX("{'actw':['* * 10 * * * *'],'aclr':{'accc':['DE']}}"), f));
	ck_assert(ask(CTX("{'actw':['* * 11 * * * *']},{'acip':{'ipv4':['10.0.0.0/8']}}"), f));
	ck_assert(!ask(CTX("{'actw':['* * 11 * * * *']},{'acip':{'ipv4':['11.0.0.0/8']}}"), f));
}
END_TEST

/* security-model 1.6: an empty list counts as absent, a context with no member at all never matches. */
START_TEST(empty_lists)
{
	struct ipaddr v4 = { 4, { 10, 1, 2, 3 } };
	struct acp_facts f = facts(ACOP_R, DEV1);

	f.ip = &v4;
	ck_assert(!ask(CTX("{}"), f));
	ck_assert(!ask(CTX("{'actw':[]}"), f));
	ck_assert(!ask(CTX("{'actw':[],'acip':{'ipv4':[],'ipv6':[]},'aclr':{}}"), f));
	ck_assert(ask(CTX("{'actw':[],'acip':{'ipv4':['10.0.0.0/8'],'ipv6':[]}}"), f));
	ck_assert(!ask(CTX("{'actw':[],'acip':{'ipv4':['11.0.0.0/8'],'ipv6':[]}}"), f));
	ck_assert(ask(CTX("{'actw':['* * * * * * *'],'acip':{'ipv4':[]}}"), f));
	ck_assert(ask("{'acor':['CDev1'],'acop':2,'acco':[],'acod':[]}", f));
	/* They are no reason to refuse the policy. */
	ck_assert(valid(CTX("{}")));
	ck_assert(valid(CTX("{'actw':[],'acip':{'ipv4':[],'ipv6':[]}}")));
	ck_assert(!valid("{'acor':[],'acop':2}"));
	ck_assert(!ask("{'acor':[],'acop':2}", f));
}
END_TEST

/* security-model 1.6 and bar 28a: what is not known never matches. */
START_TEST(unknown_members)
{
	struct ipaddr v4 = { 4, { 10, 1, 2, 3 } };
	struct acp_facts f = facts(ACOP_R, DEV1);
	static const char *const rules[] = {
		"{'acor':['CDev1'],'acop':2,'aca':['con']}",
		"{'acor':['CDev1'],'acop':2,'x':0}",
		CTX("{'actw':['* * * * * * *'],'acui':['u1']}"),
		CTX("{'acip':{'ipv4':['0.0.0.0/0'],'ipv8':['1']}}"),
		CTX("{'aclr':{'acxx':['DE']}}"),
		"{'acor':['CDev1']}",
		"{'acop':2}",
		"{'acor':'CDev1','acop':2}",
		"{'acor':[1],'acop':2}",
		"{'acor':['CDev1'],'acop':'2'}",
		"{'acor':['CDev1'],'acop':0}",
		"{'acor':['CDev1'],'acop':66}",
		"{'acor':['CDev1'],'acop':2,'acaf':'true'}",
		"{'acor':['CDev1'],'acop':2,'acco':null}",
		"{'acor':['CDev1'],'acop':2,'acco':{'actw':['* * * * * * *']}}",
		CTX("null"),
		CTX("{'actw':null}"),
		CTX("{'actw':'* * * * * * *'}"),
		"7",
	};
	size_t i;

	f.ip = &v4;
	for (i = 0; i < ARRAY_LEN(rules); i++) {
		ck_assert_msg(!ask(rules[i], f), "%s", rules[i]);
		ck_assert_msg(!valid(rules[i]), "%s", rules[i]);
	}
	/* The rule beside it goes on, and so does the context beside it. */
	ck_assert(ask("{'acor':['CDev1'],'acop':2,'x':0},{'acor':['CDev1'],'acop':2}", f));
	ck_assert(ask(CTX("{'x':1},{'actw':['* * * * * * *']}"), f));
}
END_TEST

static bool create(const char *rules, unsigned target, unsigned child, const char *cnd, int mgd)
{
	struct acp_facts f = facts(ACOP_C, DEV1);

	f.target_ty = target;
	f.create_ty = child;
	f.cnd = str_of(cnd);
	f.has_mgd = mgd >= 0;
	f.mgd = (uint64_t)(mgd < 0 ? 0 : mgd);
	return ask(rules, f);
}

#define DET(d) "{'acor':['CDev1'],'acop':3,'acod':[" d "]}"

/* TS-0003 7.1.3, 7.1.5: object details restrict CREATE only; chty is mandatory. */
START_TEST(object_details)
{
	ck_assert(create(DET("{'chty':[4,3]}"), TY_CNT, TY_CIN, NULL, -1));
	ck_assert(!create(DET("{'chty':[3]}"), TY_CNT, TY_CIN, NULL, -1));
	ck_assert(create(DET("{'ty':3,'chty':[4]}"), TY_CNT, TY_CIN, NULL, -1));
	ck_assert(!create(DET("{'ty':2,'chty':[4]}"), TY_CNT, TY_CIN, NULL, -1));
	ck_assert(create(DET("{'ty':2,'chty':[4]},{'ty':3,'chty':[4]}"), TY_CNT, TY_CIN, NULL, -1));
	/* spty against the content */
	ck_assert(create(DET("{'spty':{'cnd':'org.x'},'chty':[28]}"), TY_CNT, TY_FCNT, "org.x", -1));
	ck_assert(!create(DET("{'spty':{'cnd':'org.x'},'chty':[28]}"), TY_CNT, TY_FCNT, "org.y", -1));
	ck_assert(!create(DET("{'spty':{'cnd':'org.x'},'chty':[28]}"), TY_CNT, TY_FCNT, NULL, -1));
	ck_assert(create(DET("{'spty':{'mgd':1001},'chty':[13]}"), TY_NOD, TY_MGO, NULL, 1001));
	ck_assert(!create(DET("{'spty':{'mgd':1001},'chty':[13]}"), TY_NOD, TY_MGO, NULL, 1002));
	ck_assert(!create(DET("{'spty':{'mgd':1001},'chty':[13]}"), TY_NOD, TY_MGO, NULL, -1));
	/* not for other operations */
	ck_assert(ask_as(DET("{'chty':[3]}"), DEV1));
	/* without chty, or with more than is known */
	ck_assert(!create(DET("{'ty':3}"), TY_CNT, TY_CIN, NULL, -1));
	ck_assert(!create(DET("{'chty':[]}"), TY_CNT, TY_CIN, NULL, -1));
	ck_assert(!create(DET("{'chty':[4],'x':1}"), TY_CNT, TY_CIN, NULL, -1));
	ck_assert(!valid(DET("{'ty':3}")) && !valid(DET("{'chty':[]}")) && !valid(DET("{'chty':[4],'x':1}")));
	ck_assert(!valid(DET("{'chty':[4],'spty':{}}")));
	ck_assert(valid(DET("{'chty':[4],'ty':3}")));
}
END_TEST

/* TS-0001 9.6.2.0: pv may be empty, pvs not (conformance-rules 7); ACP/CRE/003-004 of TS-0018. */
START_TEST(empty_sets)
{
	struct why w = { 0 };

	ck_assert_int_eq(validate("{'pv':{'acr':[]},'pvs':{'acr':[{'acor':['CDev1'],'acop':63}]}}", &w), RSC_NONE);
	ck_assert_int_eq(validate("{'pv':{},'pvs':{'acr':[{'acor':['CDev1'],'acop':63}]}}", &w), RSC_NONE);
	ck_assert_int_eq(validate("{'pv':{},'pvs':{'acr':[]}}", &w), RSC_BAD_REQUEST);
	ck_assert(strstr(w.text, "pvs") != NULL);
	ck_assert_int_eq(validate("{'pv':{},'pvs':{}}", &(struct why){ 0 }), RSC_BAD_REQUEST);
	ck_assert_int_eq(validate("{'pv':{'x':[]},'pvs':{'acr':[{'acor':['CDev1'],'acop':63}]}}", &(struct why){ 0 }),
	                 RSC_BAD_REQUEST);
	/* An UPDATE of labels alone brings neither. */
	ck_assert_int_eq(validate("{'lbl':['x']}", &(struct why){ 0 }), RSC_NONE);
}
END_TEST

/* pvs obey contexts as pv do, and are asked apart. */
START_TEST(self_privileges)
{
	struct arena a;
	struct acp_facts f = facts(ACOP_U, DEV1);
	struct acp *p;

	arena_init(&a, 4096);
	p = acp_new(&rules_acp(&a, "{'pv':{'acr':[{'acor':['CDev1'],'acop':63}]},"
	                           "'pvs':{'acr':[{'acor':['CDev1'],'acop':4,'acco':[{'actw':['* * 11 * * * *']}]}]}}")->o, &self,
	            false);
	ck_assert(acp_ask(&p->pv, &f, NULL));
	ck_assert(!acp_ask(&p->pvs, &f, NULL));
	f.now_us = NOW + INT64_C(3600000000);
	ck_assert(acp_ask(&p->pvs, &f, NULL));
	f.acop = ACOP_D;
	ck_assert(!acp_ask(&p->pvs, &f, NULL));
	acp_unref(p);
	arena_fini(&a);
}
END_TEST

/* TS-0001 9.6.2.0: adri and apri count without pv only; nobody is asked yet, so nothing matches. */
START_TEST(distributed_decision)
{
	struct arena a;
	struct acp_facts f = facts(ACOP_R, DEV1);
	struct acp *p;
	size_t rule;
	bool of_self;

	arena_init(&a, 4096);
	p = acp_new(&rules_acp(&a, "{'adri':['/x/y'],'pvs':{'acr':[{'acor':['CDev1'],'acop':63}]}}")->o, &self, false);
	ck_assert(!acp_ask(&p->pv, &f, NULL));
	ck_assert(acp_complaint(p, &of_self, &rule) != NULL);
	acp_unref(p);
	arena_fini(&a);
}
END_TEST

/* What cannot be evaluated is told, once per version: empty context, unknown member. */
START_TEST(complaints)
{
	static const struct {
		const char *rules;
		int rule; /* -1: none */
	} rows[] = {
		{ "{'acor':['CDev1'],'acop':2}", -1 },
		{ "{'acor':['CDev1'],'acop':2},{'acor':['grp1'],'acop':2}", -1 },
		{ "{'acor':['CDev1'],'acop':2,'acco':[{}]}", 0 },
		{ "{'acor':['CDev1'],'acop':2},{'acor':['CDev1'],'acop':2,'zz':1}", 1 },
		{ "{'acor':['r@i'],'acop':2}", -1 },
	};
	struct arena a;
	size_t i, rule;
	bool of_self;

	arena_init(&a, 4096);
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		const char *text = arena_printf(&a, "{'pv':{},'pvs':{'acr':[%s]}}%c", rows[i].rules, 0).p;
		struct acp *p = acp_new(&rules_acp(&a, text)->o, &self, false);

		if (rows[i].rule < 0)
			ck_assert(acp_complaint(p, &of_self, &rule) == NULL);
		else
			ck_assert(acp_complaint(p, &of_self, &rule) != NULL && of_self && rule == (size_t)rows[i].rule);
		acp_unref(p);
	}
	arena_fini(&a);
}
END_TEST

/* n times "item", separated by commas. */
static struct str many(struct arena *a, const char *item, size_t n)
{
	struct buf b;
	struct str out;
	size_t i;

	buf_init(&b, 8 << 20);
	for (i = 0; i < n; i++) {
		if (i)
			buf_putc(&b, ',');
		buf_z(&b, item);
	}
	buf_putc(&b, '\0');
	out = arena_str(a, buf_as_str(&b));
	buf_fini(&b);
	return out;
}

/* A policy is bounded: at the bound it is accepted, beyond it refused, and what is stored all the same opens nothing. */
START_TEST(bounds)
{
	static const struct {
		const char *frame, *item;
		size_t max;
	} rows[] = {
		{ "%s", "{'acor':['CDev1'],'acop':2}", ACP_MAX_RULES - 1 },
		{ "{'acor':[%s],'acop':2}", "'CDev1'", ACP_MAX_ORIGINATORS - 1 },
		{ "{'acor':[%s],'acop':2}", "'C*'", ACP_MAX_PATTERNS },
		{ CTX("{'actw':[%s]}"), "'* * * * * * *'", ACP_MAX_CONDITIONS - 1 },
		{ CTX("%s"), "{'actw':['* * * * * * *']}", ACP_MAX_CONDITIONS / 2 },
	};
	struct arena a;
	size_t i;
	int more;

	arena_init(&a, 1 << 16);
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		for (more = 0; more < 2; more++) {
			struct buf b;
			const char *items = many(&a, rows[i].item, rows[i].max + (size_t)more).p, *hole = strstr(rows[i].frame, "%s");

			buf_init(&b, 8 << 20);
			buf_put(&b, rows[i].frame, (size_t)(hole - rows[i].frame));
			buf_z(&b, items);
			buf_z(&b, hole + 2);
			buf_putc(&b, '\0');
			ck_assert_msg(valid(b.p) == !more, "%s %d", rows[i].frame, more);
			ck_assert_msg(ask_as(b.p, DEV1) == !more || i < 3 || i == 4, "%s %d", rows[i].frame, more);
			buf_fini(&b);
		}
	}
	arena_fini(&a);
}
END_TEST

/* The cache gives what the newest content says, and does not confuse versions or policies. */
START_TEST(cache_follows_content)
{
	struct arena a;
	struct res *v1, *v2;
	struct acp_cache *c = acp_cache_new(&self, false);
	struct acp *p, *q;
	struct acp_facts f = facts(ACOP_R, DEV1);
	bool fresh;
	uint32_t rid;

	arena_init(&a, 4096);
	v1 = res_keep(rules_acp(&a, "{'pv':{'acr':[{'acor':['CDev1'],'acop':2}]},'pvs':{}}"));
	v2 = res_keep(rules_acp(&a, "{'pv':{'acr':[{'acor':['CDev2'],'acop':2}]},'pvs':{}}"));
	p = acp_cache_get(c, 5, v1, &fresh);
	ck_assert(fresh && acp_ask(&p->pv, &f, NULL));
	q = acp_cache_get(c, 5, v1, &fresh);
	ck_assert(!fresh && q == p);
	acp_unref(q);
	q = acp_cache_get(c, 5, v2, &fresh);
	ck_assert(fresh && !acp_ask(&q->pv, &f, NULL));
	/* p is ours as long as we hold it, and the old content as long as it is cached; both may go now. */
	ck_assert(acp_ask(&p->pv, &f, NULL));
	acp_unref(p);
	acp_unref(q);
	q = acp_cache_get(c, 6, v2, &fresh);
	ck_assert(fresh);
	acp_unref(q);
	/* Many more than fit: each is still told right. */
	for (rid = 100; rid < 100 + 100000; rid++) {
		p = acp_cache_get(c, rid, rid % 2 ? v1 : v2, &fresh);
		ck_assert(fresh && acp_ask(&p->pv, &f, NULL) == (rid % 2 == 1));
		acp_unref(p);
	}
	acp_cache_free(c);
	ck_assert_int_eq(v1->refs, 1);
	ck_assert_int_eq(v2->refs, 1);
	res_unref(v1);
	res_unref(v2);
	arena_fini(&a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("acp");
	TCase *t = tcase_create("acp");
	SRunner *r;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, operations);
	tcase_add_test(t, originators);
	tcase_add_test(t, bare_star);
	tcase_add_test(t, unreadable_groups);
	tcase_add_test(t, roles);
	tcase_add_test(t, authentication_flag);
	tcase_add_test(t, windows);
	tcase_add_test(t, doubtful_clock);
	tcase_add_test(t, addresses);
	tcase_add_test(t, regions);
	tcase_add_test(t, contexts_combine);
	tcase_add_test(t, empty_lists);
	tcase_add_test(t, unknown_members);
	tcase_add_test(t, object_details);
	tcase_add_test(t, empty_sets);
	tcase_add_test(t, self_privileges);
	tcase_add_test(t, distributed_decision);
	tcase_add_test(t, complaints);
	tcase_add_test(t, bounds);
	tcase_add_test(t, cache_follows_content);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
