/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access control policies as they come from outside: JSON through the codec.  What is accepted is evaluable but for groups and
 * contexts that say nothing; what is stored and read again decides the same; a rule that never matches never does.
 */
#include "cse/codec/codec.h"
#include "security/acp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct addr_self self = { { "troth.example", 13 }, { "id-in", 5 }, { "cse-in", 6 } };

static const char *const originators[] = { "//troth.example/id-in/CDev1", "//troth.example/SDev1", "//troth.example/mn1",
	"//other.example/mn1/C2", "" };

static struct acp_facts facts(unsigned i, const struct ipaddr *ip)
{
	struct str from = str_of(originators[i % ARRAY_LEN(originators)]);

	return (struct acp_facts){ .acop = 1u << i % 6, .from = from, .from_hash = acp_hash(from), .authenticated = i % 2,
		.ip = i % 3 ? ip : NULL, .has_location = i % 4 != 0, .lat = 52.5, .lon = 13.4,
		.country = i % 4 == 1 ? acp_country(STR("DE")) : 0, .clock_doubtful = i % 7 == 0, .now_us = INT64_C(1795169739000000),
		.target_ty = TY_CNT, .create_ty = i % 2 ? TY_CIN : TY_CNT, .cnd = i % 5 ? STR_NONE : STR("org.x") };
}

static void check_rules(const struct acp_rules *a, const struct acp_rules *b, const struct ipaddr *ip)
{
	unsigned i;
	size_t k;

	REQUIRE(a->n == b->n);
	for (i = 0; i < 30; i++) {
		struct acp_facts f = facts(i, ip);
		bool any = false;

		for (k = 0; k < a->n; k++) {
			enum acp_reason why = acp_ask_rule(&a->v[k], &f);

			REQUIRE((why == ACP_NEVER) == (a->v[k].never != NULL));
			REQUIRE(why == acp_ask_rule(&b->v[k], &f));
			any |= why == ACP_YES;
		}
		REQUIRE(acp_ask(a, &f, NULL) == any && acp_ask(b, &f, NULL) == any);
	}
}

static void check_accepted(const struct acp_rules *r)
{
	size_t k;

	for (k = 0; k < r->n; k++) {
		REQUIRE(r->v[k].never == NULL || strcmp(r->v[k].never, "a group in acor cannot be read") == 0);
		REQUIRE(r->v[k].partly == NULL || strcmp(r->v[k].partly, "a context in acco says nothing") == 0);
		REQUIRE(r->v[k].ops != 0);
	}
}

static void check(struct arena *a, const struct res *r)
{
	static const struct ipaddr v4 = { 4, { 10, 1, 2, 3 } }, v6 = { 6, { 0xfd } };
	struct why why = { 0 };
	struct acp *p = acp_new(&r->o, &self, false), *q, *six = acp_new(&r->o, &self, true);
	struct buf packed;
	struct res *again;

	if (acp_validate(&r->o, &self, false, &why) == RSC_NONE) {
		check_accepted(&p->pv);
		check_accepted(&p->pvs);
	} else {
		REQUIRE(why.rsc == RSC_BAD_REQUEST && why.text[0]);
	}
	buf_init(&packed, 1 << 22);
	res_pack(r, &packed);
	REQUIRE(!packed.over && res_unpack(a, buf_as_str(&packed), &again) == 0);
	q = acp_new(&again->o, &self, false);
	check_rules(&p->pv, &q->pv, &v4);
	check_rules(&p->pvs, &q->pvs, &v6);
	acp_unref(p);
	acp_unref(q);
	acp_unref(six);
	buf_fini(&packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct codec_limits limits = { .depth = 12, .values = 5000 };
	struct why why = { 0 };
	struct content c;
	struct arena a;

	arena_init(&a, 4096);
	if (codec_json.decode_content(&a, str_make((const char *)data, size), &limits, &c, &why) == RSC_NONE && c.kind == PC_RES &&
	    c.res->type->ty == TY_ACP)
		check(&a, c.res);
	arena_fini(&a);
	return 0;
}
