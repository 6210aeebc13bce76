/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON: TS-0004 8.4.2 with its examples, RFC 8259, and what the descriptors ask. */
#include "cse/codec/codec.h"

#include <check.h>
#include <stdlib.h>

#include "cse/base/conf.h"

static struct arena arena;
static struct content c;
static struct why w;
static struct prim prim;

static void setup(void)
{
	arena_init(&arena, 4096);
	prim_init(&prim, &arena);
	c = (struct content){ 0 };
	w = (struct why){ 0 };
}

static void teardown(void)
{
	arena_fini(&arena);
}

static enum rsc content(const char *text)
{
	return codec_json.decode_content(&arena, str_of(text), &codec_limits_default, &c, &w);
}

static enum rsc request(const char *text)
{
	return codec_json.decode_request(&arena, str_of(text), &codec_limits_default, &prim);
}

START_TEST(reads_an_instance)
{
	const struct val *v;

	ck_assert_int_eq(content(" {\"m2m:cin\" : {\"cnf\":\"text/plain:0\",\"con\":{\"t\": 21.5},\"lbl\":[\"a\",\"k:v\"],"
	                         "\"et\":\"20301231T235959\",\"cr\":null}}\n"),
	                 RSC_NONE);
	ck_assert_int_eq(c.kind, PC_RES);
	ck_assert_ptr_eq(c.res->type, type_by_ty(TY_CIN));
	ck_assert_uint_eq(c.res->o.n, 5);
	ck_assert(str_eqz(res_str(c.res, "cnf"), "text/plain:0"));
	v = res_find(c.res, "con");
	ck_assert_int_eq(v->kind, K_ANY);
	ck_assert(str_eqz(v->s, "{\"t\": 21.5}"));
	v = res_get(c.res, &attr_lbl);
	ck_assert_int_eq(v->kind, K_LIST);
	ck_assert_uint_eq(v->list.n, 2);
	ck_assert(str_eqz(v->list.v[1].s, "k:v"));
	ck_assert_int_eq(v->list.v[1].kind, K_TOKEN);
	ck_assert_int_eq(res_stamp(c.res, &attr_et, 0), INT64_C(1924991999000000));
	ck_assert_int_eq(res_find(c.res, "cr")->kind, K_NULL);
	/* the order of arrival */
	ck_assert_str_eq(c.res->o.m[0].attr->sn, "cnf");
	ck_assert_str_eq(c.res->o.m[4].attr->sn, "cr");
}
END_TEST

START_TEST(reads_a_policy)
{
	const struct obj *rule;

	ck_assert_int_eq(
	    content("{\"m2m:acp\":{\"rn\":\"p\",\"pv\":{\"acr\":[{\"acor\":[\"CAdmin\",\"all\"],\"acop\":63,\"acco\":[{\"actw\":"
	            "[\"* * 8-17 * * 1-5 *\"],\"acip\":{\"ipv4\":[\"10.0.0.0/8\"],\"ipv6\":[]},\"aclr\":{\"accr\":[52.5,-13.25,1e3]}}],"
	            "\"acaf\":true,\"acod\":[{\"ty\":3,\"chty\":[4,23]}]}]},\"pvs\":{\"acr\":[]}}}"),
	    RSC_NONE);
	rule = obj_find(res_find(c.res, "pv")->o, "acr")->list.v[0].o;
	ck_assert_uint_eq(obj_find(rule, "acop")->u, 63);
	ck_assert(obj_find(rule, "acaf")->b);
	ck_assert_uint_eq(obj_find(rule, "acor")->list.n, 2);
	rule = obj_find(rule, "acco")->list.v[0].o;
	ck_assert_uint_eq(obj_find(obj_find(rule, "acip")->o, "ipv6")->list.n, 0);
	ck_assert(obj_find(obj_find(rule, "aclr")->o, "accr")->list.v[1].f == -13.25);
	ck_assert(obj_find(obj_find(rule, "aclr")->o, "accr")->list.v[2].f == 1000);
	ck_assert_uint_eq(obj_find(res_find(c.res, "pvs")->o, "acr")->list.n, 0);
}
END_TEST

START_TEST(unescapes)
{
	ck_assert_int_eq(content("{\"m2m:\\u0063nt\":{\"o\\u0072\":\"\\\"\\\\\\/\\u00e4\\ud83d\\ude00\"}}"), RSC_NONE);
	ck_assert(str_eqz(res_str(c.res, "or"), "\"\\/\xc3\xa4\xf0\x9f\x98\x80"));
}
END_TEST

START_TEST(reads_other_roots)
{
	const struct obj *nev;

	ck_assert_int_eq(content("{\"m2m:atrl\":[\"con\",\"rn\"]}"), RSC_NONE);
	ck_assert_int_eq(c.kind, PC_ATRL);
	ck_assert_uint_eq(c.atrl.n, 2);
	ck_assert(str_eqz(c.atrl.v[1], "rn"));
	ck_assert_int_eq(content("{\"m2m:sgn\":{\"nev\":{\"rep\":{\"m2m:cnt\":{\"mni\":5}},\"net\":1},\"sur\":\"/id-in/sub1\"}}"), RSC_NONE);
	ck_assert_int_eq(c.kind, PC_ROOT);
	ck_assert_str_eq(c.root->sn, "m2m:sgn");
	ck_assert(str_eqz(obj_find(c.v.o, "sur")->s, "/id-in/sub1"));
	nev = obj_find(c.v.o, "nev")->o;
	ck_assert_int_eq(obj_find(nev, "net")->i, 1);
	ck_assert_uint_eq(obj_find(obj_find(obj_find(nev, "rep")->o, "m2m:cnt")->o, "mni")->u, 5);
	ck_assert_int_eq(content("{\"m2m:uri\":\"cse-in/a\"}"), RSC_NONE);
	ck_assert(str_eqz(c.v.s, "cse-in/a"));
	ck_assert_int_eq(content("{\"m2m:uril\":[]}"), RSC_NONE);
	ck_assert_uint_eq(c.v.list.n, 0);
	ck_assert_int_eq(content("{\"m2m:rce\":{\"uri\":\"a\",\"m2m:cnt\":{\"mni\":5}}}"), RSC_NONE);
	w = (struct why){ 0 };
	ck_assert_int_eq(content("{\"m2m:agr\":{\"m2m:rsp\":[{\"rsc\":2000,\"rqi\":\"1\",\"pc\":{\"m2m:uri\":\"x\"}}]}}"), RSC_NONE);
	ck_assert_str_eq(w.text, "");
}
END_TEST

START_TEST(takes_every_number)
{
	ck_assert_int_eq(content("{\"m2m:cnt\":{\"mni\":18446744073709551615,\"mbs\":0,\"mia\":-0}}"), RSC_NONE);
	ck_assert_uint_eq(res_uint(c.res, "mni", 1), UINT64_MAX);
	ck_assert_uint_eq(res_uint(c.res, "mia", 1), 0);
	ck_assert_int_eq(content("{\"m2m:cmpv\":{\"dqet\":-9223372036854775808,\"dset\":9223372036854775807}}"), RSC_NONE);
	ck_assert_int_eq(res_find(c.res, "dqet")->i, INT64_MIN);
	ck_assert_int_eq(res_find(c.res, "dset")->i, INT64_MAX);
}
END_TEST

/* `says` stands in the reason. */
static const struct {
	const char *text, *says;
} bad_cases[] = {
	{ "", "byte 0" },
	{ "  ", "byte 2" },
	{ "[]", "one root" },
	{ "1", "one root" },
	{ "nonsense", "one root" },
	{ "{}", "one root" },
	{ "{\"m2m:cnt\":{},\"m2m:cnt\":{}}", "one root" },
	{ "{\"m2m:cnt\":{}} x", "byte 15" },
	{ "{\"m2m:cnt\":{}}{}", "more behind" },
	{ "\xef\xbb\xbf{\"m2m:cnt\":{}}", "byte 0" },
	{ "{\"m2m:cnt\":{}", "without end" },
	{ "{\"m2m:cnt\":{\"mni\":1,}}", "no name" },
	{ "{\"m2m:cnt\":{\"mni\" 1}}", "no colon" },
	{ "{\"m2m:cnt\":{\"mni\":}}", "no value" },
	{ "{\"m2m:cnt\":{mni:1}}", "no name" },
	{ "{\"cnt\":{}}", "cnt is none" },
	{ "{\"m2m:xyz\":{}}", "m2m:xyz" },
	{ "{\"m2m:cnt\":[]}", "m2m:cnt must be an object" },
	{ "{\"m2m:cnt\":{\"foo\":1}}", "m2m:cnt has no attribute foo" },
	{ "{\"m2m:cnt\":{\"a\\u0001\\u00e4b\":1}}", "attribute a???b" },
	{ "{\"m2m:cnt\":{\"0123456789012345678901234567890123456789xyz\":1}}", "0123456789012345678901234567890123456789" },
	{ "{\"m2m:cnt\":{\"_owner\":\"CAdmin\"}}", "_owner" },
	{ "{\"m2m:cnt\":{\"ch\":[]}}", "no attribute ch" },
	{ "{\"m2m:cnt\":{\"m2m:cin\":[]}}", "no attribute m2m:cin" },
	{ "{\"m2m:cnt\":{\"mni\":1,\"mni\":2}}", "mni must stand once" },
	{ "{\"m2m:cnt\":{\"mni\":1,\"\\u006dni\":2}}", "mni must stand once" },
	{ "{\"m2m:cnt\":{\"mni\":\"1\"}}", "mni must be a number" },
	{ "{\"m2m:cnt\":{\"mni\":1.0}}", "mni must be an integer" },
	{ "{\"m2m:cnt\":{\"mni\":1e2}}", "mni must be an integer" },
	{ "{\"m2m:cnt\":{\"mni\":-1}}", "mni must be an integer from 0" },
	{ "{\"m2m:cnt\":{\"mni\":18446744073709551616}}", "mni must be an integer" },
	{ "{\"m2m:cnt\":{\"mni\":1e999}}", "too large" },
	{ "{\"m2m:cnt\":{\"mni\":01}}", "without end" },
	{ "{\"m2m:cnt\":{\"disr\":1}}", "disr must be true or false" },
	{ "{\"m2m:cnt\":{\"disr\":\"true\"}}", "disr must be true or false" },
	{ "{\"m2m:cnt\":{\"disr\":tru}}", "no value" },
	{ "{\"m2m:cnt\":{\"lbl\":\"a\"}}", "lbl must be a list" },
	{ "{\"m2m:cnt\":{\"lbl\":[]}}", "lbl must be a list of at least one" },
	{ "{\"m2m:cnt\":{\"lbl\":[1]}}", "lbl must be text" },
	{ "{\"m2m:cnt\":{\"lbl\":[\"a\",]}}", "no value" },
	{ "{\"m2m:cnt\":{\"lbl\":[null]}}", "lbl must be text" },
	{ "{\"m2m:cnt\":{\"lbl\":[\"a\\nb\"]}}", "control characters" },
	{ "{\"m2m:cnt\":{\"et\":\"tomorrow\"}}", "et must be a time" },
	{ "{\"m2m:cnt\":{\"et\":\"20230229T000000\"}}", "et must be a time" },
	{ "{\"m2m:cnt\":{\"et\":20230228}}", "et must be text" },
	{ "{\"m2m:cnt\":{\"or\":\"a\tb\"}}", "control character" },
	{ "{\"m2m:cnt\":{\"or\":\"\xff\"}}", "UTF-8" },
	{ "{\"m2m:cnt\":{\"or\":\"\\ud800\"}}", "escape" },
	{ "{\"m2m:cnt\":{\"or\":\"\\u0000\"}}", "escape" },
	{ "{\"m2m:cin\":{\"con\":{\"a\":1,\"a\":2}}}", "twice" },
	{ "{\"m2m:cin\":{\"con\":nul}}", "no value" },
	{ "{\"m2m:grp\":{\"mt\":77777}}", "mt must be a value of m2m:memberType" },
	{ "{\"m2m:grp\":{\"mnm\":0}}", "mnm must be an integer from 1" },
	{ "{\"m2m:acp\":{\"pv\":{\"acr\":{}}}}", "acr must be a list" },
	{ "{\"m2m:acp\":{\"pv\":{\"acr\":[{\"acop\":64}]}}}", "acop must be an integer from 0 to 63" },
	{ "{\"m2m:acp\":{\"pv\":{\"acr\":[{\"aca\":[\"x\"]}]}}}", "no member aca" },
	{ "{\"m2m:acp\":{\"pv\":{\"acr\":[{\"acaf\":null}]}}}", "acaf must be true or false" },
	{ "{\"m2m:acp\":{\"pv\":{\"acr\":[{\"acco\":[{\"aclr\":{\"accc\":[\"KOR\"]}}]}]}}}", "accc must have 2 to 2 bytes" },
	{ "{\"m2m:acp\":{\"pv\":{\"acr\":[{\"acco\":[{\"aclr\":{\"accr\":[1e400]}}]}]}}}", "too large" },
	{ "{\"m2m:smd\":{\"dsp\":\"abc\"}}", "dsp must be base64" },
	{ "{\"m2m:mgc\":{\"exf\":\"5\"}}", "exf must be a duration" },
	{ "{\"m2m:atrl\":[\"con\",5]}", "m2m:atrl must be text" },
	{ "{\"m2m:atrl\":[\"a:b\"]}", "m2m:atrl must be a name" },
	{ "{\"m2m:rce\":{\"m2m:cnt\":{},\"m2m:acp\":{}}}", "must stand once" },
	{ "{\"m2m:cnt\":null}", "must be an object" },
};

START_TEST(refuses)
{
	ck_assert_int_eq(content(bad_cases[_i].text), RSC_BAD_REQUEST);
	ck_assert_msg(strstr(w.text, bad_cases[_i].says) != NULL, "%s: %s", bad_cases[_i].text, w.text);
	ck_assert_int_eq(c.kind, PC_NONE);
}
END_TEST

/* No text is accepted when its end is missing. */
START_TEST(refuses_every_beginning)
{
	static const char text[] = "{\"m2m:acp\":{\"pv\":{\"acr\":[{\"acor\":[\"C\\u0041\"],\"acop\":63}]},\"lbl\":[\"\xc3\xa4\"],\"et\":null}}";

	for (size_t n = 0; n < sizeof text - 1; n++) {
		char *exact = malloc(n + 1); /* so that a sanitizer sees a byte too many */

		memcpy(exact, text, n);
		w = (struct why){ 0 };
		ck_assert_int_eq(codec_json.decode_content(&arena, str_make(exact, n), &codec_limits_default, &c, &w), RSC_BAD_REQUEST);
		free(exact);
	}
	w = (struct why){ 0 };
	ck_assert_int_eq(content(text), RSC_NONE);
}
END_TEST

START_TEST(holds_its_limits)
{
	static const struct codec_limits few = { .depth = 4, .values = 8 };
	static const struct {
		const char *text;
		bool ok;
	} cases[] = {
		{ "{\"m2m:cin\":{\"con\":[[1]]}}", true },
		{ "{\"m2m:cin\":{\"con\":[[[1]]]}}", false },
		{ "{\"m2m:acp\":{\"pv\":{\"acr\":[]}}}", true },
		{ "{\"m2m:acp\":{\"pv\":{\"acr\":[{}]}}}", false },
		{ "{\"m2m:cnt\":{\"lbl\":[\"1\",\"2\",\"3\",\"4\",\"5\"]}}", true },
		{ "{\"m2m:cnt\":{\"lbl\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]}}", false },
		{ "{\"m2m:cin\":{\"con\":[1,2,3,4,5]}}", true },
		{ "{\"m2m:cin\":{\"con\":[1,2,3,4,5,6]}}", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		w = (struct why){ 0 };
		ck_assert_msg(codec_json.decode_content(&arena, str_of(cases[i].text), &few, &c, &w) ==
		                  (cases[i].ok ? RSC_NONE : RSC_BAD_REQUEST),
		              "%s: %s", cases[i].text, w.text);
	}
}
END_TEST

START_TEST(long_lists_grow)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	BUF_LIT(&b, "{\"m2m:cnt\":{\"lbl\":[\"0\"");
	for (int i = 1; i < 1000; i++)
		buf_printf(&b, ",\"%d\"", i);
	BUF_LIT(&b, "]}}");
	ck_assert_int_eq(codec_json.decode_content(&arena, buf_as_str(&b), &codec_limits_default, &c, &w), RSC_NONE);
	ck_assert_uint_eq(res_get(c.res, &attr_lbl)->list.n, 1000);
	ck_assert(str_eqz(res_get(c.res, &attr_lbl)->list.v[999].s, "999"));
	buf_fini(&b);
}
END_TEST

/* TS-0004 8.4.3, example 1. */
START_TEST(reads_the_example)
{
	ck_assert_int_eq(request("{\"op\": 1,\"fr\": \"Clight_ae1\",\"to\": \"/homegateway/light\",\"rqi\": \"A1234\",\"pc\": {"
	                         "\"m2m:sch\": {\"se\": {\"sce\": [\"* 0-5 2,6,10 * * * *\"]}}},\"ty\": 18}"),
	                 RSC_NONE);
	ck_assert_int_eq(prim.op, OP_CREATE);
	ck_assert(str_eqz(prim.fr, "Clight_ae1") && str_eqz(prim.to, "/homegateway/light") && str_eqz(prim.rqi, "A1234"));
	ck_assert_uint_eq(prim.ty, 18);
	ck_assert_int_eq(prim.pc.kind, PC_RES);
	ck_assert_ptr_eq(prim.pc.res->type, type_by_ty(TY_SCH));
	ck_assert_uint_eq(prim.has, 1u << P_OP | 1u << P_FR | 1u << P_TO | 1u << P_RQI | 1u << P_PC | 1u << P_TY);
	ck_assert_int_eq(prim.rvi, RVI_1);
}
END_TEST

START_TEST(reads_every_parameter)
{
	ck_assert_int_eq(
	    request("{\"op\":2,\"to\":\"-\",\"fr\":\"S1\",\"rqi\":\"r\",\"rvi\":\"3\",\"rids\":[\"a\",\"b\"],\"ot\":\"20141003T112032\","
	            "\"rqet\":\"5000\",\"rset\":\"20301231T235959\",\"oet\":\"-1\",\"rt\":{\"rtv\":2,\"nu\":[\"http://x\",\"/y\"]},\"rp\":\"1\","
	            "\"rcn\":4,\"ec\":101,\"da\":true,\"gid\":\"g\",\"drt\":2,\"tkns\":[],\"tids\":[\"t\"],\"ltids\":[\"l\"],\"tqi\":false,"
	            "\"grtm\":[\"m\"],\"asi\":true,\"aus\":[\"s\"],\"auri\":true,\"sqi\":false,\"vsi\":\"v\",\"fc\":{\"crb\":\"19700101T000001\","
	            "\"sts\":1,\"stb\":0,\"lbl\":[\"a\",\"b\"],\"ty\":[2,3],\"chty\":[4],\"pty\":[5],\"sza\":1,\"szb\":2,\"cty\":[\"x/y\"],"
	            "\"atr\":[{\"nm\":\"rn\",\"val\":\"x*\"},{\"nm\":\"st\",\"val\":5}],\"fu\":1,\"fo\":2,\"lim\":0,\"lvl\":3,\"ofst\":2,"
	            "\"arp\":\"la\",\"lbq\":\"NT k\",\"clbl\":[\"c\"],\"palb\":[\"p\"],\"smf\":[\"q\"],\"cfs\":1,\"cfq\":\"$\",\"gmty\":1,"
	            "\"geom\":\"[1,2]\",\"gsf\":3,\"ops\":63,\"cra\":\"19700101T000002\",\"ms\":\"19700101T000003\",\"us\":\"19700101T000004\","
	            "\"exb\":\"19700101T000005\",\"exa\":\"19700101T000006\",\"catr\":[],\"patr\":[]}}"),
	    RSC_NONE);
	ck_assert_uint_eq(prim.has, ((UINT32_C(1) << PARAM_COUNT) - 1) & ~(1u << P_TY | 1u << P_PC));
	ck_assert_int_eq(prim.rvi, RVI_3);
	ck_assert_uint_eq(prim.rtv, 2);
	ck_assert_uint_eq(prim.rt_nu.n, 2);
	ck_assert(str_eqz(prim.rt_nu.v[0], "http://x"));
	ck_assert_uint_eq(prim.rcn, 4);
	ck_assert_uint_eq(prim.ec, 101);
	ck_assert_uint_eq(prim.drt, 2);
	ck_assert(prim.da && !prim.tqi && prim.asi && prim.auri && !prim.sqi);
	ck_assert_uint_eq(prim.rids.n, 2);
	ck_assert_uint_eq(prim.tkns.n, 0);
	ck_assert(str_eqz(prim.rqet, "5000") && str_eqz(prim.oet, "-1") && str_eqz(prim.ot, "20141003T112032"));
	ck_assert(str_eqz(prim.vsi, "v") && str_eqz(prim.grtm.v[0], "m"));
	ck_assert_uint_eq(prim.fc->has, (UINT64_C(1) << FC_COUNT) - 1 - (UINT64_C(1) << FC_CATR) - (UINT64_C(1) << FC_PATR));
	ck_assert_int_eq(prim.fc->crb, 1000000);
	ck_assert_int_eq(prim.fc->exa, 6000000);
	ck_assert_uint_eq(prim.fc->n_ty, 2);
	ck_assert_uint_eq(prim.fc->ty[1], 3);
	ck_assert_uint_eq(prim.fc->n_atr, 2);
	ck_assert(str_eqz(prim.fc->atr[1].name, "st") && str_eqz(prim.fc->atr[1].value, "5"));
	ck_assert(str_eqz(prim.fc->atr[0].value, "x*"));
	ck_assert_uint_eq(prim.fc->fu, 1);
	ck_assert_uint_eq(prim.fc->fo, 2);
	ck_assert_uint_eq(prim.fc->ops, 63);
	ck_assert(str_eqz(prim.fc->arp, "la") && str_eqz(prim.fc->cfq, "$"));
}
END_TEST

static const struct {
	const char *text;
	enum rsc rsc;
	const char *says;
	bool rqi; /* known nevertheless */
} bad_requests[] = {
	{ "", RSC_BAD_REQUEST, "byte 0", false },
	{ "[]", RSC_BAD_REQUEST, "must be an object", false },
	{ "{\"op\":6,\"rqi\":\"r\"}", RSC_BAD_REQUEST, "op must be a value", true },
	{ "{\"op\":\"1\",\"rqi\":\"r\"}", RSC_BAD_REQUEST, "op must be a number", true },
	{ "{\"pc\":{\"m2m:cnt\":{\"x\":[1,{\"y\":2}]}},\"rqi\":\"r\"}", RSC_BAD_REQUEST, "no attribute x", true },
	{ "{\"pc\":{},\"rqi\":\"r\"}", RSC_BAD_REQUEST, "one root", true },
	{ "{\"pc\":{\"m2m:cnt\":{},\"m2m:acp\":{}},\"rqi\":\"r\"}", RSC_BAD_REQUEST, "one root", true },
	{ "{\"pc\":{\"m2m:cnt\":{},\"m2m:cnt\":{}},\"rqi\":\"r\"}", RSC_BAD_REQUEST, "one root", false },
	{ "{\"pc\":5,\"rqi\":\"r\"}", RSC_BAD_REQUEST, "one root", true },
	{ "{\"zz\":{\"a\":[1]},\"rqi\":\"r\"}", RSC_BAD_REQUEST, "no parameter zz", true },
	{ "{\"gstn\":5,\"rqi\":\"r\"}", RSC_NOT_IMPLEMENTED, "gstn", true },
	{ "{\"rvi\":\"6\",\"rqi\":\"r\"}", RSC_RELEASE_VERSION_NOT_SUPPORTED, "rvi", true },
	{ "{\"rvi\":3,\"rqi\":\"r\"}", RSC_BAD_REQUEST, "rvi must be text", true },
	{ "{\"rt\":3,\"rqi\":\"r\"}", RSC_BAD_REQUEST, "rt must be an object", true },
	{ "{\"rt\":{},\"rqi\":\"r\"}", RSC_BAD_REQUEST, "rtv", true },
	{ "{\"rt\":{\"rtv\":6},\"rqi\":\"r\"}", RSC_BAD_REQUEST, "rtv must be a value", true },
	{ "{\"fc\":{\"lvl\":0},\"rqi\":\"r\"}", RSC_BAD_REQUEST, "lvl must be an integer from 1", true },
	{ "{\"fc\":{\"atr\":[{\"nm\":\"x\"}]},\"rqi\":\"r\"}", RSC_BAD_REQUEST, "each atr must hold", true },
	{ "{\"fc\":{\"zz\":1},\"rqi\":\"r\"}", RSC_BAD_REQUEST, "no member zz", true },
	{ "{\"fr\":null,\"rqi\":\"r\"}", RSC_BAD_REQUEST, "fr must be text", true },
	{ "{\"rqi\":\"r\",\"rqi\":\"s\"}", RSC_BAD_REQUEST, "rqi must stand once", true },
	{ "{\"rqi\":\"r\",\"to\":}", RSC_BAD_REQUEST, "byte 16", true },
	{ "{\"to\":,\"rqi\":\"r\"}", RSC_BAD_REQUEST, "byte 6", false },
	{ "{\"rqi\":\"r\"} ,", RSC_BAD_REQUEST, "more behind", true },
	{ "{\"m2m:rqp\":{\"rqi\":\"r\"}}", RSC_BAD_REQUEST, "no parameter m2m:rqp", false },
};

START_TEST(refuses_requests)
{
	ck_assert_int_eq(request(bad_requests[_i].text), bad_requests[_i].rsc);
	ck_assert_int_eq(prim.why.rsc, bad_requests[_i].rsc);
	ck_assert_msg(strstr(prim.why.text, bad_requests[_i].says) != NULL, "%s: %s", bad_requests[_i].text, prim.why.text);
	ck_assert_int_eq(str_eqz(prim.rqi, "r"), bad_requests[_i].rqi);
}
END_TEST

START_TEST(default_limits_are_those_of_the_options)
{
	ck_assert_uint_eq(codec_limits_default.depth, strtoul(conf_row(CONF_JSON_DEPTH)->def, NULL, 10));
	ck_assert_uint_eq(codec_limits_default.values, strtoul(conf_row(CONF_JSON_VALUES)->def, NULL, 10));
	/* any_is_value allows what the option may be at most, so that a row reads what came in. */
	ck_assert_int_eq(conf_row(CONF_JSON_DEPTH)->max, 128);
}
END_TEST

/* TS-0004 6.7. */
START_TEST(media_types)
{
	ck_assert_ptr_eq(codec_by_media(STR("application/json")), &codec_json);
	ck_assert_ptr_eq(codec_by_media(STR("Application/JSON")), &codec_json);
	ck_assert_ptr_eq(codec_by_media(STR("application/vnd.onem2m-res+json")), &codec_json);
	ck_assert_ptr_eq(codec_by_media(STR("application/vnd.onem2m-ntfy+json")), &codec_json);
	ck_assert_ptr_eq(codec_by_media(STR("application/vnd.onem2m-preq+json")), &codec_json);
	ck_assert_ptr_eq(codec_by_media(STR("application/vnd.onem2m-prsp+json")), &codec_json);
	ck_assert_ptr_null(codec_by_media(STR("application/xml")));
	ck_assert_ptr_null(codec_by_media(STR("application/vnd.onem2m-res+jsonx")));
	ck_assert_ptr_null(codec_by_media(STR("application/vnd.onem2m-res+")));
	ck_assert_ptr_null(codec_by_media(STR("text/plain")));
	ck_assert_ptr_null(codec_by_media(STR("")));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("codec/json");
	TCase *t = tcase_create("json");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, reads_an_instance);
	tcase_add_test(t, reads_a_policy);
	tcase_add_test(t, unescapes);
	tcase_add_test(t, reads_other_roots);
	tcase_add_test(t, takes_every_number);
	tcase_add_loop_test(t, refuses, 0, ARRAY_LEN(bad_cases));
	tcase_add_test(t, refuses_every_beginning);
	tcase_add_test(t, holds_its_limits);
	tcase_add_test(t, long_lists_grow);
	tcase_add_test(t, reads_the_example);
	tcase_add_test(t, reads_every_parameter);
	tcase_add_loop_test(t, refuses_requests, 0, ARRAY_LEN(bad_requests));
	tcase_add_test(t, default_limits_are_those_of_the_options);
	tcase_add_test(t, media_types);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
