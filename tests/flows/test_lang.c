/* SPDX-License-Identifier: Apache-2.0 */
/* The flow language itself: values, statements, conditions, and what a failing flow says.  No CSE is needed. */
#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/flows/judge.h"
#include "tests/flows/play.h"

/* --- a way that answers what the request's vsi says ----------------------------------------------------------------- */

struct world {
	int64_t now;
	char answer[600];
	json_t *request;
	json_t *caught;  /* what was sent to /NAME of a target by NOTIFY, in order */
};

int64_t world_now(const struct world *w)
{
	return w->now;
}

void world_advance(struct world *w, int64_t us)
{
	w->now += us;
}

void world_jump(struct world *w, int64_t us)
{
	w->now += us;
}

void world_accept_clock(struct world *w)
{
	(void)w;
}

int world_set_state(struct world *w, struct actor *a, enum actor_state state, struct fail *f)
{
	(void)w;
	(void)f;
	a->max_ae = (unsigned)state;
	return 0;
}

int world_set_conduit(struct world *w, unsigned from, unsigned to, bool open, struct fail *f)
{
	(void)w;
	return open || from != to ? 0 : fail_set(f, "no conduit to itself");
}

long world_events(struct world *w, const char *name, struct fail *f)
{
	(void)w;
	return strcmp(name, "EV_ZONE") == 0 ? 2 : fail_set(f, "no event %s", name);
}

static int echo_open(const struct way_setup *s, struct world **out, struct fail *f)
{
	(void)f;
	*out = calloc(1, sizeof(**out));
	(*out)->now = s->wall_us;
	(*out)->caught = json_array();
	return 0;
}

static void echo_close(struct world *w)
{
	json_decref(w->request);
	json_decref(w->caught);
	free(w);
}

static int echo_enroll(struct world *w, struct actor *a, struct fail *f)
{
	(void)w;
	(void)a;
	(void)f;
	return 0;
}

static void echo_leave(struct world *w, struct actor *a)
{
	(void)w;
	(void)a;
}

static int echo_post(struct world *w, struct actor *a, const json_t *request, struct fail *f)
{
	(void)a;
	(void)f;
	json_decref(w->request);
	w->request = json_deep_copy(request);
	if (json_integer_value(json_object_get(request, "op")) == 5)
		json_array_append(w->caught, w->request);
	return 0;
}

static bool echo_arrived(struct world *w, struct actor *a)
{
	(void)a;
	return json_object_get(w->request, "oet") == NULL;
}

/* The flow writes the wanted answer into vsi; "closed" is a closed door. */
static int echo_take(struct world *w, struct actor *a, struct answer *out, struct fail *f)
{
	(void)a;
	(void)f;
	const char *text = json_string_value(json_object_get(w->request, "vsi"));
	if (text && strcmp(text, "closed") == 0)
		return 0;
	json_t *r = text ? json_loads(text, 0, NULL) : json_pack("{s:i, s:O}", "rsc", 2000, "pc", w->request);
	if (!json_object_get(r, "rqi") && json_object_get(w->request, "rqi"))
		json_object_set(r, "rqi", json_object_get(w->request, "rqi"));
	if (!json_object_get(r, "rvi"))
		json_object_set_new(r, "rvi", json_string("3"));
	else if (json_is_null(json_object_get(r, "rvi")))
		json_object_del(r, "rvi");
	out->prim = r;
	return 0;
}

static int echo_restart(struct world *w, struct fail *f)
{
	(void)w;
	(void)f;
	return 0;
}

/* A target gets what was sent to its name; its mood stands in max_ae of its owner. */
static int echo_sink_open(struct world *w, struct sink *s, struct fail *f)
{
	(void)f;
	s->line = w;
	s->owner->max_ae = (unsigned)s->mood;
	return 0;
}

static void echo_sink_close(struct world *w, struct sink *s)
{
	(void)w;
	s->line = NULL;
}

static int echo_sink_set(struct world *w, struct sink *s, struct fail *f)
{
	return echo_sink_open(w, s, f);
}

static json_t *echo_sink_next(struct world *w, struct sink *s, bool wanted, struct fail *f)
{
	(void)wanted;
	(void)f;
	for (size_t i = 0; i < json_array_size(w->caught); i++) {
		json_t *n = json_array_get(w->caught, i);
		if (strcmp(json_string_value(json_object_get(n, "to")), s->name) != 0)
			continue;
		json_incref(n);
		json_array_remove(w->caught, i);
		return n;
	}
	return NULL;
}

static const struct way way_echo = { "echo", false, echo_open, echo_close, echo_enroll, echo_leave, echo_post, echo_arrived,
	                             echo_take, echo_restart, echo_sink_open, echo_sink_close, echo_sink_set, echo_sink_next };

static struct play_result played(const char *text)
{
	struct play_result r = { .outcome = PLAY_ERROR };
	struct script sc;
	char *full;
	if (asprintf(&full, "title t\nclause c\n%s", text) < 0)
		abort();
	if (script_parse("x.flow", full, &sc, &r.why) == 0) {
		play(&sc, &way_echo, false, &r);
		script_free(&sc);
	}
	free(full);
	return r;
}

static void holds(const char *text)
{
	struct play_result r = played(text);
	ck_assert_msg(r.outcome == PLAY_HELD, "should hold: %s\n%s", text, r.why.text);
}

static void says(const char *text, enum outcome outcome, const char *why)
{
	struct play_result r = played(text);
	ck_assert_int_eq(r.outcome, outcome);
	ck_assert_msg(strstr(r.why.text, why) != NULL, "'%s' does not say '%s'", r.why.text, why);
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static struct scope some_scope(void)
{
	/* 2026-11-20T10:00:00Z by date(1). */
	struct scope sc = { json_pack("{s:s, s:i, s:[i,i], s:s, s:s}", "ri", "cnt1z", "n", 7, "l", 1, 2, "et",
		                      "20261231T235959", "m", "b: [3], c: @now"),
		            INT64_C(1795168800000000) };
	return sc;
}

static void value_is(const char *text, const char *json)
{
	struct scope sc = some_scope();
	struct fail f = { 0 };
	json_t *v = relaxed_value(text, &sc, &f), *want = json_loads(json, JSON_DECODE_ANY, NULL);
	ck_assert_msg(v != NULL, "%s: %s", text, f.text);
	ck_assert_msg(json_equal(v, want), "%s", text);
	json_decref(v);
	json_decref(want);
	json_decref(sc.vars);
}

static void value_fails(const char *text)
{
	struct scope sc = some_scope();
	struct fail f = { 0 };
	ck_assert_ptr_null(relaxed_value(text, &sc, &f));
	ck_assert(f.text[0]);
	json_decref(sc.vars);
}

START_TEST(values_are_relaxed_json)
{
	value_is("{rn: box, m2m:cnt: {mni: 3, x: [a, 1, true, null, 1.5]}, \"q\": \"a, b}\"}",
	         "{\"rn\":\"box\",\"m2m:cnt\":{\"mni\":3,\"x\":[\"a\",1,true,null,1.5]},\"q\":\"a, b}\"}");
	value_is("{\"a\":{\"b\":[]}}", "{\"a\":{\"b\":[]}}");
	value_is("{}", "{}");
	value_is("plain", "\"plain\"");
	value_is("\"5\"", "\"5\"");
	value_is("5", "5");
	value_is("-5", "-5");
	value_is("5x", "\"5x\"");
	value_fails("{a 1}");
	value_fails("{a: 1");
	value_fails("[1, 2");
	value_fails("1 2");
	value_fails("\"open");
	value_fails("");
}
END_TEST

START_TEST(values_know_variables)
{
	value_is("$n", "7");
	value_is("$n+1", "8");
	value_is("$n-9", "-2");
	value_is("x$n", "\"x7\"");
	value_is("${ri}_a", "\"cnt1z_a\"");
	value_is("\"to $ri and $$\"", "\"to cnt1z and $\"");
	value_is("$l", "[1,2]");
	value_is("{k$n: 1}", "{\"k7\":1}");
	value_is("$ri-x", "\"cnt1z-x\"");
	value_is("{a: 1, $m, z: 2}", "{\"a\":1,\"b\":[3],\"c\":\"20261120T100000\",\"z\":2}");
	value_fails("{$ri}");
	value_fails("$none");
	value_is("a$", "\"a$\"");
	value_fails("${ri");
}
END_TEST

START_TEST(times_are_timestamps)
{
	value_is("@now", "\"20261120T100000\"");
	value_is("@+10s", "\"20261120T100010\"");
	value_is("@-1d", "\"20261119T100000\"");
	value_is("@+500ms", "\"20261120T100000,500000\"");
	value_is("@20240228T235959+1s", "\"20240229T000000\"");
	value_is("@20230228T235959+1s", "\"20230301T000000\"");
	value_is("@20000101T000000-1s", "\"19991231T235959\"");
	value_is("@$et+1s", "\"20270101T000000\"");
	value_fails("@soon");
	value_fails("@+10");
	value_fails("@+10w");
	int64_t us;
	ck_assert_int_eq(relaxed_stamp_parse("20261120T100000,25", &us), 0);
	ck_assert_int_eq(us, INT64_C(1795168800250000));
	ck_assert_int_eq(relaxed_stamp_parse("2026112", &us), -1);
	ck_assert_int_eq(relaxed_stamp_parse("20261120T100000Z", &us), -1);
}
END_TEST

/* --- conditions --------------------------------------------------------------------------------------------------- */

static const char answer_text[] =
    "{\"rsc\":2000,\"pc\":{\"m2m:cnt\":{\"rn\":\"box\",\"mni\":3,\"f\":2.0,\"lbl\":[\"a\",\"b\"],\"empty\":\"\","
    "\"disr\":false,\"ch\":[{\"nm\":\"x\",\"typ\":3,\"val\":\"p/x\"},{\"nm\":\"y\",\"typ\":4}],"
    "\"m2m:cin\":[{\"con\":{\"k\":[1]}}]}}}";

static bool judged(const char *cond)
{
	struct scope sc = some_scope();
	struct fail f = { 0 };
	json_t *a = json_loads(answer_text, 0, NULL);
	int rc = judge_condition(a, cond, &sc, &f);
	ck_assert_int_eq(rc == 0, f.text[0] == 0);
	json_decref(a);
	json_decref(sc.vars);
	return rc == 0;
}

START_TEST(conditions_tell_true_from_false)
{
	static const char *const good[] = {
		"cnt.mni == 3", "cnt.f == 2", "pc.m2m:cnt.rn == box", "m2m:cnt.rn == box", "cnt.mni != 4", "cnt.zz != 4", "cnt.mni < 4",
		"cnt.mni <= 3", "cnt.mni > 2", "cnt.mni >= 3", "cnt.rn < boy", "cnt.zz absent", "cnt.rn present", "cnt.rn matches ^b.x$",
		"cnt.lbl has a", "cnt.lbl lacks c", "cnt.zz lacks c", "cnt.lbl same [b, a]", "cnt.lbl count 2", "cnt.lbl count > 1",
		"cnt.zz count 0", "cnt.ch[0].nm == x", "cnt.ch[-1].nm == y", "cnt.ch[nm=x].val == p/x", "cnt.ch[typ=4].nm == y",
		"cnt.disr kind bool", "cnt.rn kind string", "cnt.mni kind number", "cnt.lbl kind list", "cnt kind object",
		"cnt.empty == \"\"", "rsc == 2000", "cnt.m2m:cin[0].con == {k: [1]}", "cnt.disr == false", "cnt.mni == $n-4", "pc count 1",
	};
	static const char *const bad[] = {
		"cnt.mni == 4", "cnt.mni == \"3\"", "cnt.zz == 4", "cnt.mni != 3", "cnt.mni < 3", "cnt.rn > 3", "cnt.zz > 0", "cnt.rn absent",
		"cnt.zz present", "cnt.rn matches ^x", "cnt.mni matches 3", "cnt.lbl has c", "cnt.lbl lacks a", "cnt.lbl same [a]",
		"cnt.lbl same [a, a]", "cnt.lbl count 3", "cnt.ch[7] present", "cnt.ch[nm=z] present", "cnt.zz same []", "cnt.rn kind number",
		"ae.rn present", "cnt.lbl == [b, a]", "cnt.disr == 0", "cnt.zz kind string",
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(judged(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!judged(bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(malformed_conditions_are_named)
{
	static const char *const bad[] = { "cnt.mni", "cnt.mni ~ 3", "cnt.mni ==", "cnt.mni absent 3", "cnt.mni kind thing",
		                           "cnt.rn matches (", ". == 1", "cnt.ch[0 == 1", "cnt.mni == $none" };
	struct scope sc = some_scope();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fail f = { 0 };
		ck_assert_msg(judge_form(bad[i], &sc, &f) < 0 && f.text[0], "%s", bad[i]);
	}
	struct fail f = { 0 };
	ck_assert_int_eq(judge_form("cnt.ch[nm=x].val == 3", &sc, &f), 0);
	json_decref(sc.vars);
}
END_TEST

/* --- statements --------------------------------------------------------------------------------------------------- */

START_TEST(lines_are_joined_and_counted)
{
	struct script sc;
	struct fail f = { 0 };
	static const char text[] = "# comment\ntitle one  # two\n\nsend a CREATE x cnt{rn: a,\n  mni: 1} rcn=1\nexpect 2001 cnt.a == 1,\n"
	                           "   cnt.b == \"# no comment\"\neach x in a b\n repeat 2\n end\nend\n";
	ck_assert_int_eq(script_parse("f", text, &sc, &f), 0);
	ck_assert_uint_eq(sc.n, 7);
	ck_assert_str_eq(sc.s[0].rest, "one");
	ck_assert_int_eq(sc.s[0].line, 2);
	ck_assert_str_eq(sc.s[1].rest, "a CREATE x cnt{rn: a,   mni: 1} rcn=1");
	ck_assert_int_eq(sc.s[1].line, 4);
	ck_assert_str_eq(sc.s[2].rest, "2001 cnt.a == 1,    cnt.b == \"# no comment\"");
	ck_assert_int_eq(sc.s[2].line, 6);
	ck_assert_uint_eq(sc.s[3].partner, 6);
	ck_assert_uint_eq(sc.s[4].partner, 5);
	ck_assert_uint_eq(sc.s[6].partner, 3);
	script_free(&sc);
	ck_assert_int_eq(script_parse("f", "title x\nfly away\n", &sc, &f), -1);
	ck_assert_str_eq(f.text, "f:2: no such verb: fly (see tests/flows/README)");
	f.text[0] = 0;
	ck_assert_int_eq(script_parse("f", "end\n", &sc, &f), -1);
	f.text[0] = 0;
	ck_assert_int_eq(script_parse("f", "repeat 2\n", &sc, &f), -1);
	ck_assert_str_eq(f.text, "f:1: repeat without end");
}
END_TEST

START_TEST(requests_are_primitives)
{
	holds("device d CDev1\n"
	      "send d CREATE cse-in/a cnt{rn: b} rcn=3 rqet=5000 ec=2\n"
	      "expect 2000 pc.op == 1, pc.to == cse-in/a, pc.fr == CDev1, pc.ty == 3, pc.pc == {m2m:cnt: {rn: b}}, pc.rcn == 3,"
	      " pc.rqet == \"5000\", pc.ec == 2, pc.rvi == \"3\", pc.rqi kind string\n"
	      "send d as COther UPDATE x cnt{mni: null} ty=9 fr=CThird\n"
	      "expect 2000 pc.op == 3, pc.ty == 9, pc.fr == CThird, pc.pc.m2m:cnt.mni == null\n"
	      "send d as nobody RETRIEVE x#mni fc={lim: 2} ty=none\n"
	      "expect 2000 pc.fr absent, pc.to == x#mni, pc.fc == {lim: 2}, pc.ty absent\n"
	      "send d RETRIEVE x atrl[a, b] rqi=none\n"
	      "expect 2000 pc.rqi absent, pc.pc == {m2m:atrl: [a, b]}\n"
	      "send admin DELETE x op=7\n"
	      "expect 2000 pc.op == 7, pc.fr == CAdmin\n"
	      "speak d CNew\nsend d NOTIFY x sgn{nev: {}}\nexpect 2000 pc.fr == CNew, pc.op == 5, pc.ty absent\n");
	says("send d DELETE x\nexpect 2000\n", PLAY_ERROR, "x.flow:3: send: no actor d");
	says("send admin FETCH x\nexpect 2000\n", PLAY_ERROR, "x.flow:3: send: a request is");
	says("send admin DELETE x cnt\nexpect 2000\n", PLAY_ERROR, "neither a content nor a parameter: cnt");
}
END_TEST

START_TEST(values_are_saved_and_compared)
{
	holds("send admin RETRIEVE x vsi=\"{\\\"rsc\\\":2000,\\\"pc\\\":{\\\"m2m:cnt\\\":{\\\"st\\\":4}}}\"\nexpect 2000\n"
	      "save st = cnt.st\nsend admin RETRIEVE y$st\nexpect 2000 pc.to == y4\ncheck $st < 5\ncheck $st == $st+0\n"
	      "let l = [1, 2]\ncheck $l has 2\ncheck $l count 2\n");
	says("send admin RETRIEVE x\nexpect 2000\nsave a = cnt.ri\n", PLAY_FAILED, "x.flow:5: save: the answer has no cnt.ri");
	says("send admin RETRIEVE x\nexpect 2000\ncheck 1 > 2\n", PLAY_FAILED, "x.flow:5: check: expected 1 > 2: 1 is not > 2");
}
END_TEST

START_TEST(blocks_turn)
{
	holds("let n = 0\nrepeat 3 as i\n each w in a b\n  let n = $n+1\n end\n check $n == $n\nend\ncheck $n == 6\ncheck $i == 3\n"
	      "check $w == b\nsend admin DELETE x\nexpect 2000\n");
	says("each w in 2000 4004\nsend admin DELETE x\nexpect $w\nend\n", PLAY_ERROR, "expect CODE");
	says("each w in a b\nsend admin DELETE $w\nexpect 2000 pc.to == a\nend\n", PLAY_FAILED,
	     "x.flow:5: expect: expected pc.to == \"a\", came \"b\" [w = \"b\"]");
	says("repeat 0\nend\nsend admin DELETE x\nexpect 2000\n", PLAY_ERROR, "x.flow:3: repeat: repeat N");
}
END_TEST

START_TEST(answers_are_judged_always)
{
	says("send admin DELETE x\nexpect 4004\n", PLAY_FAILED, "x.flow:4: expect: expected 4004, came 2000");
	holds("send admin DELETE x\nexpect 4004/2000\n");
	says("send admin DELETE x vsi=\"{\\\"rsc\\\":2000,\\\"rqi\\\":\\\"other\\\"}\"\nexpect 2000\n", PLAY_FAILED,
	     "request's identifier");
	says("send admin DELETE x rvi=none\nexpect 2000\n", PLAY_FAILED, "a Release 1 request is answered with rvi");
	says("send admin DELETE x vsi=\"{\\\"rsc\\\":2000,\\\"rvi\\\":null}\"\nexpect 2000\n", PLAY_FAILED, "the answer has no rvi");
	says("send admin DELETE x vsi=\"{\\\"rsc\\\":4004,\\\"pc\\\":{\\\"m2m:cnt\\\":{}}}\"\nexpect 4004\n", PLAY_FAILED,
	     "an error carries more than m2m:dbg");
	holds("send admin DELETE x vsi=closed\nrefused\n");
	says("send admin DELETE x vsi=closed\nexpect 2000\n", PLAY_FAILED, "expected 2000, the connection was refused");
	says("send admin DELETE x\nrefused\n", PLAY_FAILED, "expected a closed door, 4106 or 4107, came 2000");
	holds("launch admin DELETE x oet=5000\npending\nexpect 2000\n");
	says("launch admin DELETE x\npending\nexpect 2000\n", PLAY_FAILED, "x.flow:4: pending: the answer came too early");
	holds("send admin DELETE x\nexpect 2000\nevents EV_ZONE >= 1\nevents EV_ZONE == 2\n");
	says("send admin DELETE x\nexpect 2000\nevents EV_ZONE == 1\n", PLAY_FAILED, "EV_ZONE: expected 2  == 1");
}
END_TEST

START_TEST(time_and_skips)
{
	holds("clock 20270101T000000\nadvance 90s\nsend admin DELETE @now\nexpect 2000 pc.to == 20270101T000130\n"
	      "clock jump -1d\ncheck @now == 20261231T000130\n");
	says("send admin DELETE x\nclock 20270101T000000\nexpect 2000\n", PLAY_ERROR, "x.flow:4: clock: the clock is set before");
	says("skip echo no reason\nexpect 2000\n", PLAY_SKIPPED, "no reason");
	says("send admin DELETE x\nrestart\nexpect 2000\n", PLAY_SKIPPED, "nothing survives");
	holds("send admin DELETE x\nexpect 2000\nconduit 1 2 open\nconduit 2 1 closed\n");
	says("send admin DELETE x\nexpect 2000\nconduit 1 open\n", PLAY_ERROR, "conduit FROM TO");
	says("advance soon\nexpect 2000\n", PLAY_ERROR, "advance DURATION");
	says("note nothing happens\n", PLAY_ERROR, "at least one expect");
}
END_TEST

START_TEST(notifications_are_judged_in_order)
{
	holds("device d CDev1\nsink box of d\ncheck $box_url matches \"^https://127.0.0.1:.*/box$\"\nsilent box\n"
	      "send d NOTIFY box sgn{sur: s1, nev: {rep: {m2m:cin: {con: v}}}} ec=2\nsend d NOTIFY box sgn{sur: s2}\nexpect 2000\n"
	      "notified box sgn.sur == s1, sgn.nev.rep.m2m:cin.con == v, ec == 2, fr == CDev1, op == 5\nand sgn.nev present\n"
	      "save x = sgn.sur\nnotified box sgn.sur == s2\nsilent box\ncheck $x == s1\n");
	holds("sink own answers 5204\nsend own NOTIFY own sgn{vrq: true}\nexpect 2000\nnotified own sgn.vrq == true, fr == Cown\n");
	holds("device d CDev1\nsink b of d answers hang\neach how in 4004 close garbage refuse\nanswers b $how\nend\nsend d DELETE x\n"
	      "expect 2000\n");
	says("sink b\nnotified b\n", PLAY_FAILED, "x.flow:4: notified: b has got no notification");
	says("device d CDev1\nsink b of d\nsend d NOTIFY b sgn{sur: s1}\nexpect 2000\nsilent b\n", PLAY_FAILED, "b has got a notification");
	says("device d CDev1\nsink b of d\nsend d NOTIFY b sgn{sur: s1}\nexpect 2000\nnotified b sgn.sur == s2\n", PLAY_FAILED,
	     "expected sgn.sur == \"s2\"");
	says("device d CDev1\nsink b of d\nsend d NOTIFY b\nexpect 2000\nnotified b\n", PLAY_FAILED, "no content");
	says("notified b\n", PLAY_ERROR, "no target b");
	says("sink b of nobody\n", PLAY_ERROR, "no actor nobody");
	says("sink b answers loudly\n", PLAY_ERROR, "a target answers with a CODE");
	says("sink b\nsink b\n", PLAY_ERROR, "one of this name");
	says("sink b\nsilent b now\n", PLAY_ERROR, "silent NAME");
}
END_TEST

/* Every flow of the folder can be read, says what it shows and cites its clause. */
START_TEST(all_flows_can_be_read)
{
	glob_t flows;
	ck_assert_int_eq(glob(TOP_SRCDIR "/tests/flows/*.flow", 0, NULL, &flows), 0);
	for (size_t i = 0; i < flows.gl_pathc; i++) {
		struct script sc;
		struct play_result r = { 0 };
		ck_assert_msg(script_load(flows.gl_pathv[i], &sc, &r.why) == 0, "%s", r.why.text);
		play(&sc, NULL, false, &r);
		ck_assert_msg(r.outcome == PLAY_HELD, "%s", r.why.text);
		script_free(&sc);
	}
	ck_assert_uint_ge(flows.gl_pathc, 1);
	globfree(&flows);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("flow language");
	TCase *tc = tcase_create("all");
	tcase_add_test(tc, values_are_relaxed_json);
	tcase_add_test(tc, values_know_variables);
	tcase_add_test(tc, times_are_timestamps);
	tcase_add_test(tc, conditions_tell_true_from_false);
	tcase_add_test(tc, malformed_conditions_are_named);
	tcase_add_test(tc, lines_are_joined_and_counted);
	tcase_add_test(tc, requests_are_primitives);
	tcase_add_test(tc, values_are_saved_and_compared);
	tcase_add_test(tc, blocks_turn);
	tcase_add_test(tc, answers_are_judged_always);
	tcase_add_test(tc, time_and_skips);
	tcase_add_test(tc, notifications_are_judged_in_order);
	tcase_add_test(tc, all_flows_can_be_read);
	suite_add_tcase(s, tc);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
