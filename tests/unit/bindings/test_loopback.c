/* SPDX-License-Identifier: Apache-2.0 */
/* The loopback binding: text in, text out, as TS-0004 8.4 writes primitives; read by jansson. */
#include "bindings/loopback.h"

#include "bindings/peer.h"
#include "tests/unit/core/rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static struct rig g;
static struct peer *dev;
static struct loopback_answer a;

static void setup(void)
{
	rig_open(&g, NULL);
	dev = rig_peer(&g, CRED_DEVICE, "CAe", ZONE_DEFAULT);
	memset(&a, 0, sizeof(a));
}

static void teardown(void)
{
	rig_close(&g);
}

/* Sends and waits; the answer as a tree, its code in a.rsc. */
static json_t *ask(const char *text)
{
	json_t *j;

	memset(&a, 0, sizeof(a));
	loopback_send(g.gate, g.loop, &codec_json, str_of(text), dev, &a);
	for (int i = 0; i < 1000 && !a.done; i++) {
		store_flush(g.store);
		loop_turn(g.loop, 1);
	}
	ck_assert_msg(a.done, "no answer to %s", text);
	j = json_loadb(a.text.p, a.text.n, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_msg(j != NULL, "no JSON: %.*s", (int)a.text.n, a.text.p);
	buf_fini(&a.text);
	ck_assert_int_eq(json_integer_value(json_object_get(j, "rsc")), a.rsc);
	return j;
}

static void expect(const char *text, enum rsc rsc, const char *rqi)
{
	json_t *j = ask(text);
	const char *got = json_string_value(json_object_get(j, "rqi"));

	ck_assert_int_eq(a.rsc, rsc);
	ck_assert_str_eq(got ? got : "", rqi);
	json_decref(j);
}

START_TEST(a_life)
{
	expect("{\"op\":1,\"to\":\"cse-in\",\"fr\":\"CAe\",\"rqi\":\"1\",\"rvi\":\"3\",\"ty\":2,\"pc\":{\"m2m:ae\":{\"rn\":\"ae\",\"api\":\"Nx\","
	       "\"rr\":false,\"srv\":[\"3\"]}}}", RSC_CREATED, "1");
	expect("{\"op\":2,\"to\":\"cse-in/ae\",\"fr\":\"CAe\",\"rqi\":\"2\",\"rvi\":\"3\"}", RSC_OK, "2");
	expect("{\"op\":4,\"to\":\"/id-in/cse-in/ae\",\"fr\":\"CAe\",\"rqi\":\"3\",\"rvi\":\"3\"}", RSC_DELETED, "3");
	expect("{\"op\":2,\"to\":\"cse-in/ae\",\"fr\":\"CEvil\",\"rqi\":\"4\",\"rvi\":\"3\"}", RSC_ORIGINATOR_NOT_AUTHENTICATED, "4");
}
END_TEST

START_TEST(what_cannot_be_read)
{
	expect("", RSC_BAD_REQUEST, "");
	expect("{\"op\":", RSC_BAD_REQUEST, "");
	expect("[]", RSC_BAD_REQUEST, "");
	expect("{\"rqi\":\"7\",\"op\":2,\"to\":\"cse-in\",\"fr\":\"CAe\",\"rcn\":\"one\"}", RSC_BAD_REQUEST, "7");
}
END_TEST

/* --- addresses of peers -------------------------------------------------------------------------------------------- */

static struct ipaddr address(int family, const char *text)
{
	struct sockaddr_storage s = { .ss_family = (sa_family_t)family };
	struct ipaddr ip;

	if (family == AF_INET)
		ck_assert_int_eq(inet_pton(AF_INET, text, &((struct sockaddr_in *)(void *)&s)->sin_addr), 1);
	if (family == AF_INET6)
		ck_assert_int_eq(inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)(void *)&s)->sin6_addr), 1);
	peer_address(&s, &ip);
	return ip;
}

/* A rule for 192.0.2.0/24 must see an IPv4 peer as one, whatever socket took it. */
START_TEST(addresses)
{
	static const uint8_t v4[] = { 192, 0, 2, 7 };
	struct ipaddr ip = address(AF_INET, "192.0.2.7");

	ck_assert_uint_eq(ip.family, 4);
	ck_assert_mem_eq(ip.b, v4, 4);
	ip = address(AF_INET6, "::ffff:192.0.2.7");
	ck_assert_uint_eq(ip.family, 4);
	ck_assert_mem_eq(ip.b, v4, 4);
	ip = address(AF_INET6, "2001:db8::7");
	ck_assert_uint_eq(ip.family, 6);
	ck_assert_uint_eq(ip.b[0], 0x20);
	ck_assert_uint_eq(ip.b[15], 7);
	ck_assert_uint_eq(address(AF_UNIX, "").family, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("loopback");
	TCase *t = tcase_create("loopback");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_life);
	tcase_add_test(t, what_cannot_be_read);
	suite_add_tcase(s, t);
	t = tcase_create("addresses");
	tcase_add_test(t, addresses);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
