/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON: TS-0004 8.4.2; jansson reads what was written. */
#include "cse/codec/codec.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>

static struct arena arena;
static struct buf out;

static void setup(void)
{
	arena_init(&arena, 4096);
	buf_init(&out, 1 << 16);
}

static void teardown(void)
{
	arena_fini(&arena);
	buf_fini(&out);
}

/* What jansson makes of `out`. */
static json_t *parsed(void)
{
	json_error_t e;
	json_t *j = json_loadb(out.p, out.n, JSON_REJECT_DUPLICATES, &e);

	ck_assert_msg(j != NULL, "%s in %.*s", e.text, (int)out.n, out.p);
	return j;
}

static struct val *add(struct obj *o, const struct type *t, const char *sn)
{
	const struct attr *a = type_attr(t, str_of(sn));

	ck_assert_ptr_nonnull(a);
	return obj_add(&arena, o, a);
}

START_TEST(writes_a_resource)
{
	const struct type *cnt = type_by_ty(TY_CNT);
	struct obj *o = obj_new(&arena, 8), *child = obj_new(&arena, 1);
	struct val v = val_obj(o), lbl = val_list(&arena, 2), children = val_list(&arena, 1);

	lbl.list.v[0] = val_str(K_TOKEN, STR("a"));
	lbl.list.v[1] = val_str(K_TOKEN, STR("b\"c"));
	*add(child, type_by_ty(TY_CIN), "con") = val_str(K_ANY, STR("{\"x\": 1}"));
	children.list.v[0] = val_obj(child);
	*add(o, cnt, "rn") = val_str(K_STR, STR("box"));
	*add(o, cnt, "ty") = val_uint(3);
	*add(o, cnt, "pi") = val_str(K_URI, STR(""));
	*add(o, cnt, "ct") = val_stamp(INT64_C(1412335232000000));
	*add(o, cnt, "lbl") = lbl;
	*add(o, cnt, "mni") = val_uint(UINT64_MAX);
	*add(o, cnt, "disr") = val_bool(false);
	*add(o, cnt, "mbs") = val_null();
	*obj_add(&arena, o, &attr_owner) = val_str(K_ID, STR("//x/y/C"));
	*obj_add(&arena, o, type_as_member(type_by_ty(TY_CIN))) = children;
	codec_json.encode_content(&out, cnt->root, &v);
	ck_assert(str_eq(buf_as_str(&out), STR("{\"m2m:cnt\":{\"rn\":\"box\",\"ty\":3,\"pi\":\"\",\"ct\":\"20141003T112032\",\"lbl\":[\"a\","
	                                       "\"b\\\"c\"],\"mni\":18446744073709551615,\"disr\":false,\"mbs\":null,"
	                                       "\"m2m:cin\":[{\"con\":{\"x\": 1}}]}}")));
}
END_TEST

START_TEST(writes_other_roots)
{
	const struct attr *uril = type_root_attr(STR("m2m:uril")), *dbg = type_root_attr(STR("m2m:dbg"));
	struct val none = val_list(&arena, 0), text = val_str(K_STR, STR("mni must be positive"));

	codec_json.encode_content(&out, uril, &none);
	ck_assert(str_eq(buf_as_str(&out), STR("{\"m2m:uril\":[]}")));
	buf_reset(&out);
	codec_json.encode_content(&out, dbg, &text);
	ck_assert(str_eq(buf_as_str(&out), STR("{\"m2m:dbg\":\"mni must be positive\"}")));
}
END_TEST

/* Every character of the first plane's beginning, some others, at every place in a word. */
START_TEST(escapes)
{
	const struct attr *dbg = type_root_attr(STR("m2m:dbg"));

	for (unsigned c = 1; c < 0x300; c++)
		for (size_t before = 0; before < 10; before++) {
			char text[32];
			size_t n = before;
			struct val v;
			json_t *j;

			memset(text, 'x', sizeof text);
			if (c >= 0x80)
				text[n++] = (char)(0xc0 | c >> 6);
			text[n++] = (char)(c < 0x80 ? c : 0x80 | (c & 0x3f));
			n += 9;
			v = val_str(K_STR, str_make(text, n));
			buf_reset(&out);
			codec_json.encode_content(&out, dbg, &v);
			j = parsed();
			ck_assert(str_eq(str_make(json_string_value(json_object_get(j, "m2m:dbg")),
			                          json_string_length(json_object_get(j, "m2m:dbg"))),
			                 v.s));
			json_decref(j);
		}
	buf_reset(&out);
	codec_json.encode_content(&out, dbg, &(struct val){ .kind = K_STR, .s = STR("\b\t\n\f\r\"\\/\x1f\xe2\x82\xac") });
	ck_assert(str_eq(buf_as_str(&out), STR("{\"m2m:dbg\":\"\\b\\t\\n\\f\\r\\\"\\\\/\\u001f\xe2\x82\xac\"}")));
}
END_TEST

START_TEST(floats_read_the_same)
{
	static const double cases[] = { 0, -0.0, 1, -1.5, 0.1, 1.0 / 3, 1e300, -1e-300, 5e-324, 1.7976931348623157e308, 52.516, 123456789012345678 };
	static const char *const path[] = { "acr", "acco", "aclr", "accr" };
	const struct attr *a = type_attr(type_by_ty(TY_ACP), STR("pv"));
	struct val v = val_list(&arena, ARRAY_LEN(cases));
	json_t *j;

	for (size_t i = 0; i < ARRAY_LEN(path); i++)
		a = complex_attr(a->of, str_of(path[i]));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		v.list.v[i] = (struct val){ .kind = K_FLOAT, .f = cases[i] };
	codec_json.encode_content(&out, a, &v);
	j = parsed();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		ck_assert(json_number_value(json_array_get(json_object_get(j, "accr"), i)) == cases[i]);
	json_decref(j);
	ck_assert(strstr(out.p, "52.516,") != NULL);
}
END_TEST

START_TEST(writes_responses)
{
	struct val uri = val_str(K_URI, STR("cse-in/a"));
	struct resp r = { .rsc = RSC_CREATED,
		          .rqi = STR("r\"1"),
		          .rvi = STR("3"),
		          .has_pc = true,
		          .root = type_root_attr(STR("m2m:uri")),
		          .pc = uri,
		          .cnst = 1,
		          .cnot = 7,
		          .to = STR("C1"),
		          .fr = STR("/id-in"),
		          .ot = STR("20141003T112032"),
		          .rset = STR("20141003T112033"),
		          .ec = 101,
		          .vsi = STR("v") };
	struct resp bare = { .rsc = RSC_DELETED, .rqi = STR("2") };

	codec_json.encode_response(&out, &r);
	ck_assert(str_eq(buf_as_str(&out), STR("{\"rsc\":2001,\"rqi\":\"r\\\"1\",\"to\":\"C1\",\"fr\":\"/id-in\",\"pc\":{\"m2m:uri\":\"cse-in/a\"},"
	                                       "\"ot\":\"20141003T112032\",\"rset\":\"20141003T112033\",\"ec\":101,\"cnst\":1,\"cnot\":7,\"rvi\":\"3\","
	                                       "\"vsi\":\"v\"}")));
	buf_reset(&out);
	codec_json.encode_response(&out, &bare);
	ck_assert(str_eq(buf_as_str(&out), STR("{\"rsc\":2002,\"rqi\":\"2\"}")));
}
END_TEST

START_TEST(writes_requests)
{
	static const char text[] =
	    "{\"op\":1,\"to\":\"-\",\"fr\":\"S1\",\"rqi\":\"r\",\"ty\":3,\"pc\":{\"m2m:cnt\":{\"rn\":\"x\",\"mni\":5}},\"rids\":[\"a\",\"b\"],"
	    "\"ot\":\"20141003T112032\",\"rqet\":\"5000\",\"rt\":{\"rtv\":2,\"nu\":[\"http://x\"]},\"rcn\":4,\"da\":true,"
	    "\"fc\":{\"crb\":\"19700101T000001\",\"lbl\":[\"a\"],\"ty\":[2,3],\"atr\":[{\"nm\":\"rn\",\"val\":\"x*\"}],\"fu\":1,\"arp\":\"la\"},"
	    "\"tkns\":[],\"sqi\":false,\"rvi\":\"2a\",\"vsi\":\"v\"}";
	struct prim p;

	prim_init(&p, &arena);
	ck_assert_int_eq(codec_json.decode_request(&arena, STR(text), &codec_limits_default, &p), RSC_NONE);
	codec_json.encode_request(&out, &p);
	ck_assert_msg(str_eq(buf_as_str(&out), STR(text)), "%.*s", (int)out.n, out.p);
}
END_TEST

/* The bound of the buffer holds in the middle of everything. */
START_TEST(stops_at_the_bound)
{
	struct val v = val_str(K_STR, STR("abc\ndef"));

	for (size_t max = 0; max < sizeof("{\"m2m:dbg\":\"abc\\ndef\"}") - 1; max++) {
		struct buf b;

		buf_init(&b, max);
		codec_json.encode_content(&b, type_root_attr(STR("m2m:dbg")), &v);
		ck_assert(b.over && b.n <= max);
		buf_fini(&b);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("codec/json_write");
	TCase *t = tcase_create("json_write");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, writes_a_resource);
	tcase_add_test(t, writes_other_roots);
	tcase_add_test(t, escapes);
	tcase_add_test(t, floats_read_the_same);
	tcase_add_test(t, writes_responses);
	tcase_add_test(t, writes_requests);
	tcase_add_test(t, stops_at_the_bound);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
