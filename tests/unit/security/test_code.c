/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment codes: what a person types wrong is noticed, both ends derive the same, an offer reads back. */
#include "security/code.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "cse/base/err.h"
#include "cse/base/rand.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static struct code known(void)
{
	struct code c;

	for (unsigned i = 0; i < 16; i++)
		c.secret[i] = (unsigned char)(i + 1);
	c.secret[16] = 0xc0;
	return c;
}

/* The characters were made by Python's base64 alphabet from the same bits, the derived values by its hmac (RFC 5869). */
START_TEST(known_answers)
{
	struct code c = known(), back;
	struct why why = { 0 };
	char text[CODE_TEXT + 1], handle[CODE_HANDLE + 1], hex[2 * CODE_PSK + 1];
	unsigned char psk[CODE_PSK];

	code_format(&c, text);
	ck_assert_int_eq(strncmp(text, "AEBA-GBAF-AYDQ-QCIK-BMGA-2DQP-CD", 32), 0);
	ck_assert_uint_eq(strlen(text), CODE_TEXT);
	ck_assert_int_eq(code_parse(str_of(text), &back, &why), 0);
	ck_assert_int_eq(memcmp(&c, &back, sizeof(c)), 0);
	ck_assert_int_eq(code_handle(&c, handle), 0);
	ck_assert_str_eq(handle, "4a5afd9cc605bbc52773c115e0fd140c");
	ck_assert_int_eq(code_psk(&c, STR("est"), STR("/id-in"), psk), 0);
	for (size_t i = 0; i < CODE_PSK; i++)
		snprintf(hex + 2 * i, 3, "%02x", psk[i]);
	ck_assert_str_eq(hex, "db3f6a2ca94abf681037023e696cbec31453188725ebf9b8d157b3b80c7e16f84e4231d3321a3b16f2c60a0e8823f012");
}
END_TEST

START_TEST(every_code_reads_back)
{
	struct rnd *rnd = rnd_new_seeded(7);
	struct why why = { 0 };

	for (unsigned i = 0; i < 2000; i++) {
		struct code c, back;
		char text[CODE_TEXT + 1];

		code_make(rnd, &c);
		code_format(&c, text);
		ck_assert_int_eq(code_parse(str_of(text), &back, &why), 0);
		ck_assert_int_eq(memcmp(&c, &back, sizeof(c)), 0);
	}
	rnd_free(rnd);
}
END_TEST

START_TEST(as_people_type)
{
	struct code c = known(), back;
	struct why why = { 0 };
	char text[CODE_TEXT + 1], other[CODE_TEXT + 1];

	code_format(&c, text);
	for (size_t i = 0; i <= CODE_TEXT; i++)
		other[i] = text[i] == '-' ? ' ' : text[i] == 'B' ? '8' : text[i] == 'I' ? '1' : text[i] >= 'A' ? (char)(text[i] + 32) : text[i];
	ck_assert_int_eq(code_parse(str_of(other), &back, &why), 0);
	ck_assert_int_eq(memcmp(&c, &back, sizeof(c)), 0);
}
END_TEST

START_TEST(two_wrong_characters_are_noticed)
{
	struct code c = known(), back;
	char text[CODE_TEXT + 1];

	code_format(&c, text);
	for (size_t i = 0; i < CODE_TEXT; i++) {
		char was = text[i];

		for (size_t k = i; was != '-' && k < CODE_TEXT; k++) {
			char also = text[k];

			for (unsigned a = 0; also != '-' && a < 32 * 32; a++) {
				struct why why = { 0 };

				text[k] = alphabet[a / 32];
				text[i] = alphabet[a % 32];
				if (text[i] == was && text[k] == also)
					continue;
				if (i == k && text[i] == was)
					continue;
				ck_assert_int_eq(code_parse(str_of(text), &back, &why), E_SYNTAX);
			}
			text[k] = also;
			text[i] = was;
		}
	}
}
END_TEST

START_TEST(what_is_no_code)
{
	static const char *const bad[] = { "", "AAAA", "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA", "AEBA-GBAF-AYDQ-QCIK-BMGA-2DQP-C9AA",
		                           "AEBAGBAFAYDQQCIKBMGA2DQPCDAAAAAAAAAAAAAAA", "https://troth.example/" };

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct code c;
		struct why why = { 0 };

		ck_assert_msg(code_parse(str_of(bad[i]), &c, &why) == E_SYNTAX, "%s", bad[i]);
		ck_assert_int_eq(why.rsc, RSC_BAD_REQUEST);
		ck_assert_msg(bad[i][0] == 0 || strstr(why.text, bad[i]) == NULL, "a code is a secret: no message repeats it");
	}
}
END_TEST

START_TEST(a_key_for_each_role_and_cse)
{
	struct code c = known();
	unsigned char a[CODE_PSK], b[CODE_PSK];

	ck_assert_int_eq(code_psk(&c, STR("est"), STR("/id-in"), a), 0);
	ck_assert_int_eq(code_psk(&c, STR("est"), STR("/id-in2"), b), 0);
	ck_assert_int_ne(memcmp(a, b, sizeof(a)), 0);
	ck_assert_int_eq(code_psk(&c, STR("mqtt"), STR("/id-in"), b), 0);
	ck_assert_int_ne(memcmp(a, b, sizeof(a)), 0);
}
END_TEST

static const struct {
	const char *host;
	unsigned port;
	const char *url;
} offers[] = {
	{ "cse.example", 8443, "troth-enrol://cse.example:8443/id-in#" },
	{ "192.0.2.7", 443, "troth-enrol://192.0.2.7:443/id-in#" },
	{ "2001:db8::1", 65535, "troth-enrol://[2001:db8::1]:65535/id-in#" },
};

START_TEST(an_offer_reads_back)
{
	struct code_offer o = { .port = offers[_i].port, .cse_id = "/id-in", .code = known() }, back = { .port = 1 };
	struct why why = { 0 };
	char url[CODE_URL];

	snprintf(o.host, sizeof(o.host), "%s", offers[_i].host);
	ck_assert_int_eq(code_offer_format(&o, url), 0);
	ck_assert_int_eq(strncmp(url, offers[_i].url, strlen(offers[_i].url)), 0);
	ck_assert_int_eq(code_offer_parse(str_of(url), &back, &why), 0);
	ck_assert_str_eq(back.host, o.host);
	ck_assert_uint_eq(back.port, o.port);
	ck_assert_str_eq(back.cse_id, o.cse_id);
	ck_assert_int_eq(memcmp(&back.code, &o.code, sizeof(o.code)), 0);
}
END_TEST

START_TEST(a_code_alone_leaves_the_rest)
{
	struct code_offer o = { .host = "h", .port = 5, .cse_id = "/mn1" };
	struct code c = known();
	struct why why = { 0 };
	char text[CODE_TEXT + 3];

	code_format(&c, text);
	text[CODE_TEXT] = '\r';
	text[CODE_TEXT + 1] = '\n';
	text[CODE_TEXT + 2] = 0;
	ck_assert_int_eq(code_offer_parse(str_of(text), &o, &why), 0);
	ck_assert_str_eq(o.host, "h");
	ck_assert_str_eq(o.cse_id, "/mn1");
	ck_assert_int_eq(memcmp(&o.code, &c, sizeof(c)), 0);
}
END_TEST

START_TEST(offers_that_are_refused)
{
	static const char *const heads[] = { "troth-enrol://h/id-in#", "troth-enrol://:1/id-in#", "troth-enrol://h:0/id-in#",
		                             "troth-enrol://h:65536/id-in#", "troth-enrol://h:1/#", "troth-enrol://h:1#", "troth-enrol://a@h:1/x#",
		                             "troth-enrol://[h]:1/x#", "troth-enrol://h:1/x/y#", "troth-enrol://h:1/x?#", "https://h:1/x#" };
	struct code c = known();
	char text[CODE_TEXT + 1], url[CODE_URL];

	code_format(&c, text);
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		struct code_offer o = { .port = 77 };
		struct why why = { 0 };

		snprintf(url, sizeof(url), "%s%s", heads[i], text);
		ck_assert_msg(code_offer_parse(str_of(url), &o, &why) == E_SYNTAX, "%s", url);
		ck_assert_uint_eq(o.port, 77);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("code");
	TCase *tc = tcase_create("code");
	tcase_add_test(tc, known_answers);
	tcase_add_test(tc, every_code_reads_back);
	tcase_add_test(tc, as_people_type);
	tcase_add_test(tc, two_wrong_characters_are_noticed);
	tcase_add_test(tc, what_is_no_code);
	tcase_add_test(tc, a_key_for_each_role_and_cse);
	tcase_add_loop_test(tc, an_offer_reads_back, 0, (int)ARRAY_LEN(offers));
	tcase_add_test(tc, a_code_alone_leaves_the_rest);
	tcase_add_test(tc, offers_that_are_refused);
	suite_add_tcase(suite, tc);
	SRunner *r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
