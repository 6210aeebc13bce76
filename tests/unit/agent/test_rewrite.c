/* SPDX-License-Identifier: Apache-2.0 */
/* Points of access both ways, and what is kept of them over a restart. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/peek.h"
#include "agent/rewrite.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"

static const struct addr_self self = { { "troth.example", 13 }, { "id-in", 5 }, { "cse-in", 6 } };
static const uint16_t ports[] = { 8080, 8444 };
static struct agent agent;
static struct book *book;
static struct rewrite rw;
static struct buf out;
static struct why why;
static char dir[] = "/tmp/troth-book-XXXXXX";

static void open_book(const char *at)
{
	why = (struct why){ 0 };
	ck_assert_msg(book_open(&agent, at, &book, &why) == 0, "%s", why.text);
	rw = (struct rewrite){ .book = book, .authority = STR("dev.example:8444"), .own_ports = ports, .n_own_ports = 2 };
}

static void setup(void)
{
	agent.rnd = rnd_new_seeded(5);
	buf_init(&out, 1 << 20);
	why = (struct why){ 0 };
	open_book(NULL);
}

static void teardown(void)
{
	book_close(book);
	buf_fini(&out);
	rnd_free(agent.rnd);
}

static enum rsc content(const char *json, bool *changed)
{
	why = (struct why){ 0 };
	buf_reset(&out);
	return rewrite_content(&rw, str_of(json), false, &out, changed, &why);
}

/* What stands behind the authority in `out`. */
static struct str token_at(struct str text, unsigned nth)
{
	static const struct str head = { "https://dev.example:8444/", 25 };
	size_t at = 0;

	for (;;) {
		const char *p = memmem(text.p + at, text.n - at, head.p, head.n);

		ck_assert(p != NULL);
		at = (size_t)(p - text.p) + head.n;
		if (nth-- == 0)
			return str_first(str_from(text, at), BOOK_TOKEN);
	}
}

START_TEST(urls_become_tokens_and_come_back)
{
	const char *ae = "{\"m2m:ae\": {\"rn\":\"a\", \"poa\" : [ \"http://127.0.0.1:9000/x?y=1\", \"https://other.example/\",\"http://localhost\" ],\n"
	                 "\"x\":{\"poa\":[\"http://deep\"]},\"srv\":[\"3\"]}}";
	struct str token, url;
	enum book_kind kind;
	bool changed;
	struct buf back;
	char *sent;
	size_t n;

	ck_assert_int_eq(content(ae, &changed), RSC_NONE);
	ck_assert(changed);
	token = token_at(buf_as_str(&out), 0);
	ck_assert(book_url(book, token, &url, &kind) && str_eqz(url, "http://127.0.0.1:9000/x?y=1") && kind == BOOK_POA);
	token = token_at(buf_as_str(&out), 1);
	ck_assert(book_url(book, token, &url, &kind) && str_eqz(url, "http://localhost"));
	/* All but the two stays, byte for byte. */
	n = out.n;
	sent = strndup(out.p, n);
	ck_assert(strstr(sent, "\"https://other.example/\"") && strstr(sent, "{\"poa\":[\"http://deep\"]}"));
	ck_assert_uint_eq(n, strlen(ae) - strlen("http://127.0.0.1:9000/x?y=1") - strlen("http://localhost") + 2 * (25 + BOOK_TOKEN));
	buf_init(&back, 1 << 16);
	ck_assert(rewrite_back(&rw, str_make(sent, n), &back));
	ck_assert(str_eqz(buf_as_str(&back), ae));
	buf_fini(&back);
	/* The same URL has the same token; for another use, another. */
	ck_assert_int_eq(content("{\"m2m:sub\":{\"nu\":[\"http://localhost\"],\"su\":\"http://localhost\"}}", &changed), RSC_NONE);
	ck_assert(!str_eq(token_at(buf_as_str(&out), 0), token) && str_eq(token_at(buf_as_str(&out), 0), token_at(buf_as_str(&out), 1)));
	free(sent);
}
END_TEST

START_TEST(what_holds_none_stays)
{
	static const char *const same[] = { "", "{", "[]", "nonsense", "{\"m2m:ae\":{}}", "{\"m2m:csr\":{\"poa\":null}}", "{\"m2m:csr\":{\"poa\":[]}}",
		"{\"m2m:sub\":{\"nu\":[\"cse-in/a\",\"/id-in/b\",\"CDev1\"]}}", "{\"m2m:sub\":{\"nu\":[\"https://a.example/\"]}}", "{\"m2m:cin\":{\"con\":\"http://127.0.0.1/\"}}",
		"{\"m2m:ae\":{\"poa\":[[\"http://127.0.0.1\"]]}}", "{\"m2m:ae\":{\"poa\":[\"http://127.0.0.1\\u00\"]}}" };
	struct buf back;
	bool changed;

	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		ck_assert_msg(content(same[i], &changed) == RSC_NONE && !changed && out.n == 0, "%s", same[i]);
	}
	buf_init(&back, 100);
	ck_assert(!rewrite_back(&rw, STR("https://dev.example:8444/aaaaaaaaaaaaaaaaaaaaaaaaaa https://dev.example:8444/"), &back) && back.n == 0);
	buf_fini(&back);
}
END_TEST

START_TEST(what_cannot_be_served_is_refused)
{
	static const char *const bad[] = { "http://192.168.1.1/", "http://169.254.169.254/latest", "http://0.0.0.0:9000/", "http://[::]/", "http://[::ffff:127.0.0.1]/",
		"http://example.com/", "http://127.0.0.1.example.com/", "http://localhost.example/", "http://127.1:9000/", "http://2130706433/", "http://0x7f000001/",
		"http://user@127.0.0.1/", "http://127.0.0.1:8080/cse-in", "http://localhost:8444/x", "http://127.0.0.1:0/", "http:127.0.0.1", "http://", "HTTP://10.0.0.1/",
		"mqtt://127.0.0.1/", "coap://127.0.0.1/", "ws://127.0.0.1/", "http://127.0.0.1:9000?x", "http:\\/\\/10.0.0.1\\/", "\\u0068ttp://10.0.0.1/" };
	bool changed;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char text[200];

		snprintf(text, sizeof(text), "{\"m2m:ae\":{\"poa\":[\"http://127.0.0.1:9000/\",\"%s\"]}}", bad[i]);
		ck_assert_msg(content(text, &changed) == RSC_BAD_REQUEST && why.text[0] && out.n == 0, "%s", bad[i]);
	}
	/* Without a port for notifications there is none to give. */
	rw.authority = STR_NONE;
	ck_assert_int_eq(content("{\"m2m:sub\":{\"nu\":\"http://127.0.0.1:9000/\"}}", &changed), RSC_BAD_REQUEST);
	ck_assert(strstr(why.text, "notify_listen"));
}
END_TEST

/* The CSE takes a URL in nu only at a point of access of the same credential's: an AE without one gets the agent's, and does not see it. */
START_TEST(an_ae_without_gets_the_agents)
{
	static const char *const given[] = { "{\"m2m:ae\":{\"rn\":\"a\",\"srv\":[\"3\"]}}", "{\"m2m:ae\":{}}", "{ \"m2m:ae\" : { \"api\":\"N\" } }" };
	static const char *const head[] = { "{\"m2m:ae\":{\"rn\":\"a\",", "{\"m2m:ae\":{", "{\"m2m:ae\":{\"rn\":\"a\"" }, *const tail[] = { "\"srv\":[\"3\"]}}", "\"rn\":\"a\"}}", "}}" };
	bool changed;
	struct str url;
	enum book_kind kind;
	char own[100], text[300];
	struct buf back;

	buf_init(&back, 1000);
	for (size_t i = 0; i < ARRAY_LEN(given); i++) {
		buf_reset(&out);
		ck_assert(rewrite_content(&rw, str_of(given[i]), true, &out, &changed, &why) == RSC_NONE && changed);
		ck_assert(book_url(book, token_at(buf_as_str(&out), 0), &url, &kind) && kind == BOOK_AGENT);
		ck_assert_uint_eq(out.n, strlen(given[i]) + strlen("\"poa\":[\"\"]") + 25 + BOOK_TOKEN + (i != 1));
		ck_assert(rewrite_content(&rw, str_of(given[i]), false, &back, &changed, &why) == RSC_NONE && !changed);
	}
	snprintf(own, sizeof(own), "\"poa\":[\"https://dev.example:8444/%.*s\"]", BOOK_TOKEN, token_at(buf_as_str(&out), 0).p);
	for (size_t i = 0; i < ARRAY_LEN(head); i++) {
		char expected[300];

		snprintf(text, sizeof(text), "%s%s%s%s%s", head[i], i == 2 ? "," : "", own, i == 2 ? "" : ",", tail[i]);
		snprintf(expected, sizeof(expected), "%s%s", head[i], tail[i]);
		buf_reset(&back);
		ck_assert(rewrite_back(&rw, str_of(text), &back));
		ck_assert_msg(str_eqz(buf_as_str(&back), expected), "%.*s", STR_ARG(buf_as_str(&back)));
	}
	/* Removed by an UPDATE: there again. */
	ck_assert(content("{\"m2m:ae\":{\"poa\":null,\"lbl\":[\"x\"]}}", &changed) == RSC_NONE && changed);
	ck_assert(book_url(book, token_at(buf_as_str(&out), 0), &url, &kind) && kind == BOOK_AGENT);
	rw.authority = STR_NONE;
	ck_assert(rewrite_content(&rw, str_of(given[0]), true, &back, &changed, &why) == RSC_NONE && !changed);
	buf_fini(&back);
}
END_TEST

START_TEST(own_machine_in_every_form)
{
	static const char *const good[] = { "http://127.0.0.1:9000/", "http://127.255.255.254/", "http://[::1]:9000/x", "http://localhost/", "http://LOCALHOST:1/", "HTTP://127.0.0.1/" };
	struct rewrite_place place;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		why = (struct why){ 0 };
		ck_assert_msg(rewrite_place(&rw, str_of(good[i]), &place, &why) == RSC_NONE, "%s: %s", good[i], why.text);
	}
	ck_assert(rewrite_place(&rw, STR("http://[::1]:9000/x"), &place, &why) == RSC_NONE && place.ip6 && place.port == 9000 && str_eqz(place.path, "/x"));
}
END_TEST

START_TEST(filters_name_them_too)
{
	static const char *const same[] = { "", "fu=1", "poa=http://127.0.0.1:9/other", "poa=cse-in/a&nu", "con=http://127.0.0.1:9000/x", "&&poa=&=", "poa=%zz" };
	struct arena a;
	struct str token;
	char expected[200];

	arena_init(&a, 1024);
	ck_assert_int_eq(book_token(book, BOOK_POA, STR("http://127.0.0.1:9000/x"), &token), 0);
	snprintf(expected, sizeof(expected), "fu=1&poa=https://dev.example:8444/%.*s&lbl=a", STR_ARG(token));
	buf_reset(&out);
	rewrite_query(&rw, &a, STR("fu=1&poa=http%3A%2f%2F127.0.0.1:9000/x&lbl=a"), &out);
	ck_assert(str_eqz(buf_as_str(&out), expected));
	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		buf_reset(&out);
		rewrite_query(&rw, &a, str_of(same[i]), &out);
		ck_assert_msg(str_eqz(buf_as_str(&out), same[i]), "%s", same[i]);
	}
	arena_fini(&a);
}
END_TEST

START_TEST(rtu_has_several)
{
	bool changed;
	struct str url;
	enum book_kind kind;

	buf_reset(&out);
	ck_assert(rewrite_rtu(&rw, STR("cse-in/a&http://127.0.0.1:9000/r & https://x.example/"), &out, &changed, &why) == RSC_NONE && changed);
	ck_assert(str_starts(buf_as_str(&out), STR("cse-in/a&https://dev.example:8444/")) && str_ends(buf_as_str(&out), STR("&https://x.example/")));
	ck_assert(book_url(book, token_at(buf_as_str(&out), 0), &url, &kind) && kind == BOOK_RTU);
	buf_reset(&out);
	ck_assert(rewrite_rtu(&rw, STR("cse-in/a"), &out, &changed, &why) == RSC_NONE && !changed && out.n == 0);
	ck_assert(rewrite_rtu(&rw, STR("http://10.0.0.1/"), &out, &changed, &why) == RSC_BAD_REQUEST && out.n == 0);
}
END_TEST

START_TEST(book_survives_and_forgets)
{
	char token[BOOK_TOKEN], path[100];
	struct str t, url;
	enum book_kind kind;
	struct stat st;
	int fd;

	ck_assert(mkdtemp(dir) != NULL);
	book_close(book);
	open_book(dir);
	ck_assert_int_eq(book_token(book, BOOK_SUB, STR("http://127.0.0.1:9000/"), &t), 0);
	memcpy(token, t.p, BOOK_TOKEN);
	ck_assert(book_add_sub(book, STR("/id-in/sub1"), &self) == 0 && book_add_sub(book, STR("cse-in/a/s"), &self) == 0 && book_add_sub(book, STR("cse-in/a/t"), &self) == 0);
	ck_assert(book_remove_sub(book, STR("//troth.example/id-in/-/a/t"), &self) == 0 && book_add_name(book, STR("Sabc")) == 0);
	book_close(book);
	/* A line that was being written when the power went. */
	snprintf(path, sizeof(path), "%s/book", dir);
	fd = open(path, O_WRONLY | O_APPEND);
	ck_assert(write(fd, "s /id-in/ha", 11) == 11 && fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0600);
	close(fd);
	open_book(dir);
	ck_assert(book_url(book, str_make(token, BOOK_TOKEN), &url, &kind) && kind == BOOK_SUB && str_eqz(url, "http://127.0.0.1:9000/"));
	ck_assert(book_has_sub(book, STR("sub1"), &self) && book_has_sub(book, STR("//troth.example/id-in/cse-in/a/s"), &self) && book_has_sub(book, STR("-/a/s"), &self));
	ck_assert(!book_has_sub(book, STR("cse-in/a/t"), &self) && !book_has_sub(book, STR("/id-in/ha"), &self) && !book_has_sub(book, STR("/mn/sub1"), &self));
	ck_assert(book_has_name(book, STR("Sabc")) && !book_has_name(book, STR("Sab")));
	/* Bounded: what was used longest ago goes. */
	for (unsigned i = 0; i < BOOK_NAMES; i++) {
		char name[20];

		snprintf(name, sizeof(name), "S%u", i);
		ck_assert_int_eq(book_add_name(book, str_of(name)), 0);
	}
	ck_assert(!book_has_name(book, STR("Sabc")) && book_has_name(book, STR("S0")));
	/* What is no book is not overwritten. */
	book_close(book);
	fd = open(path, O_WRONLY | O_TRUNC);
	ck_assert(write(fd, "hello\n", 6) == 6);
	close(fd);
	why = (struct why){ 0 };
	ck_assert(book_open(&agent, dir, &book, &why) == E_CORRUPT && why.text[0]);
	unlink(path);
	rmdir(dir);
	open_book(NULL);
}
END_TEST

/* A folder cannot be synced without a descriptor: the line is there, but nobody may rely on it. */
START_TEST(a_line_that_failed_leaves_nothing_behind)
{
	struct rlimit none, all;
	struct str token, longer = STR("http://127.0.0.1:9000/a/path/that/is/longer/than/the/other/one");
	int last = dup(0);
	enum book_kind kind;
	struct str url;
	char kept[BOOK_TOKEN], path[64];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	book_close(book);
	open_book(dir);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &all), 0);
	none = (struct rlimit){ (rlim_t)last, all.rlim_max };
	close(last);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_ne(book_token(book, BOOK_POA, longer, &token), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
	ck_assert(!book_find(book, BOOK_POA, longer, &token));
	ck_assert_int_eq(book_token(book, BOOK_POA, STR("http://127.0.0.1:9/"), &token), 0);
	memcpy(kept, token.p, BOOK_TOKEN);
	book_close(book);
	open_book(dir);
	ck_assert(book_url(book, str_make(kept, BOOK_TOKEN), &url, &kind) && str_eqz(url, "http://127.0.0.1:9/"));
	ck_assert(!book_find(book, BOOK_POA, longer, &token));
	book_close(book);
	snprintf(path, sizeof(path), "%s/book", dir);
	unlink(path);
	rmdir(dir);
	open_book(NULL);
}
END_TEST

/* Texts of the greatest length, more than the file may hold. */
START_TEST(a_full_book_is_read_again)
{
	char text[URL_MAX_BYTES + 1];
	unsigned n = BOOK_SUBS / 2;

	memset(text, 'x', sizeof(text));
	for (unsigned i = 0; i < n; i++) {
		int k = snprintf(text, sizeof(text), "cse-in/%06u", i);

		text[k] = 'x';
		ck_assert_int_eq(book_add_sub(book, str_make(text, URL_MAX_BYTES - 7), &self), 0);
	}
	ck_assert(book_has_sub(book, str_make(text, URL_MAX_BYTES - 7), &self));
	memcpy(text, "cse-in/000000", 13);
	ck_assert(!book_has_sub(book, str_make(text, URL_MAX_BYTES - 7), &self));
}
END_TEST

START_TEST(names_lead_to_members)
{
	static const char *const ri[] = { "m2m:sub", "ri", NULL }, *const any[] = { "*", "nev", "rep", NULL }, *const none[] = { NULL };
	const char *text = " {\"m2m:sub\" : {\"a\":[1,{\"ri\":\"no\"}], \"ri\":\"sub1\", \"e\":\"a\\n\"}}";
	struct str s;

	ck_assert(peek_string(str_of(text), ri, &s) && str_eqz(s, "sub1"));
	ck_assert(peek_root(str_of(text), none, &s) && str_eqz(s, "m2m:sub"));
	ck_assert(peek_root(STR("{\"m2m:sgn\":{\"nev\":{\"rep\":{\"m2m:cin\":{}}}}}"), any, &s) && str_eqz(s, "m2m:cin"));
	ck_assert(!peek_string(STR("{\"m2m:sub\":{\"ri\":1}}"), ri, &s) && !peek_string(STR("{\"m2m:sub\":{\"ri\":\"a\\n\"}}"), ri, &s));
	ck_assert(!peek_string(STR("{\"m2m:sub\":{\"ri\":\"a"), ri, &s) && !peek_string(STR(""), ri, &s) && !peek_root(STR("[]"), none, &s));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rewrite");
	TCase *t = tcase_create("rewrite");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, urls_become_tokens_and_come_back);
	tcase_add_test(t, what_holds_none_stays);
	tcase_add_test(t, what_cannot_be_served_is_refused);
	tcase_add_test(t, an_ae_without_gets_the_agents);
	tcase_add_test(t, own_machine_in_every_form);
	tcase_add_test(t, filters_name_them_too);
	tcase_add_test(t, rtu_has_several);
	tcase_add_test(t, book_survives_and_forgets);
	tcase_add_test(t, a_line_that_failed_leaves_nothing_behind);
	tcase_add_test(t, a_full_book_is_read_again);
	tcase_add_test(t, names_lead_to_members);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
