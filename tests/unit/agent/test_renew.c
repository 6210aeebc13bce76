/* SPDX-License-Identifier: Apache-2.0 */
/* Renewal by time: at half of the life, again after failures, said at 50, 75 and 90 %, and no service after the end. */
#include "agent/identity.h"

#include <fcntl.h>

#include "agent/upstream.h"
#include "tests/unit/agent/est_rig.h"

struct renew_test {
	struct est_test t;
	struct identity *id;
	int log[2];
	int64_t from, life;
	char said[65536];
	size_t n_said;
};

/* The agent lives on a clock of the test's; the server on the machine's. */
static void begin(struct renew_test *r)
{
	struct agent *a;
	struct why why;
	int64_t until;

	memset(r, 0, sizeof(*r));
	est_begin_test(&r->t);
	r->t.life_us = 24 * HOUR_US;
	ck_assert_msg(est_enrol(&r->t, &r->t.code, &why) == 0, "%s", why.text);
	a = r->t.r.agent;
	loop_free(a->loop);
	log_free(a->log);
	int64_t now = clock_wall_us(a->clock);
	clock_free(a->clock);
	a->clock = clock_new_fake(now);
	a->loop = loop_new(a->clock, 0, a);
	ck_assert_int_eq(pipe2(r->log, O_CLOEXEC | O_NONBLOCK), 0);
	a->log = log_new(r->log[1], LOG_INFO);
	ck_assert_msg(identity_open(a, &r->id, &why) == 0, "%s", why.text);
	a->identity = r->id;
	identity_life(r->id, &r->from, &until);
	r->life = until - r->from;
}

static void finish(struct renew_test *r)
{
	identity_close(r->id);
	r->t.r.agent->identity = NULL;
	est_finish(&r->t);
	close(r->log[0]);
	close(r->log[1]);
}

/* The clock goes to that part of the life (in per cent) in steps of half a minute, as the loop's timers want it. */
static void go_to(struct renew_test *r, int percent)
{
	struct agent *a = r->t.r.agent;
	int64_t to = r->from + r->life / 100 * percent, step = 60 * INT64_C(1000000);

	while (clock_wall_us(a->clock) < to) {
		int64_t left = to - clock_wall_us(a->clock);

		clock_advance_us(a->clock, left < step ? left : step);
		do
			loop_turn(a->loop, 1);
		while (r->id->renewal.at_work || est_busy(r->id->renewal.est));
	}
}

static unsigned said(struct renew_test *r, const char *event)
{
	unsigned n = 0;
	ssize_t k;

	while ((k = read(r->log[0], r->said + r->n_said, sizeof(r->said) - 1 - r->n_said)) > 0)
		r->n_said += (size_t)k;
	r->said[r->n_said] = 0;
	for (const char *p = r->said; (p = strstr(p, event)); p++)
		n++;
	return n;
}

START_TEST(renewed_at_half_of_its_life)
{
	struct renew_test r;

	begin(&r);
	go_to(&r, 44);
	ck_assert_uint_eq(identity_generation(r.id), 1);
	ck_assert_uint_eq(r.t.certs, 1);
	go_to(&r, 56);
	ck_assert_uint_eq(identity_generation(r.id), 2);
	ck_assert_uint_eq(r.t.certs, 2);
	ck_assert_uint_eq(said(&r, "\"DEVICE_RENEWED\""), 1);
	ck_assert_uint_eq(said(&r, "\"CERT_EXPIRY\""), 0);
	finish(&r);
}
END_TEST

START_TEST(a_failing_renewal_is_loud_and_ends_the_service)
{
	struct renew_test r;
	unsigned tries;

	begin(&r);
	r.t.canned = "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n";
	go_to(&r, 58);
	ck_assert_uint_ge(r.t.certs, 2);
	ck_assert_uint_eq(said(&r, "50 % of the life"), 1);
	ck_assert_uint_ge(said(&r, "\"DEVICE_RENEWAL\""), 1);
	go_to(&r, 76);
	ck_assert_uint_eq(said(&r, "75 % of the life"), 1);
	go_to(&r, 91);
	ck_assert_uint_eq(said(&r, "90 % of the life"), 1);
	ck_assert_uint_eq(said(&r, "50 % of the life"), 1);
	/* Not in a hurry: pauses grow to a twentieth of the life. */
	tries = r.t.certs;
	ck_assert_uint_le(tries, 30);
	ck_assert(!identity_has_ended(r.id));
	SSL *ssl = identity_connect(r.id);
	ck_assert_ptr_nonnull(ssl);
	SSL_free(ssl);
	go_to(&r, 101);
	ck_assert(identity_has_ended(r.id));
	ck_assert_ptr_null(identity_connect(r.id));
	ck_assert_uint_eq(said(&r, "\"DEVICE_ENDED\""), 1);
	/* It goes on trying: within its time of grace the CSE renews it. */
	tries = r.t.certs;
	r.t.life_us = 72 * HOUR_US;
	r.t.canned = NULL;
	go_to(&r, 115);
	ck_assert_uint_gt(r.t.certs, tries);
	ck_assert(!identity_has_ended(r.id));
	ck_assert_uint_eq(identity_generation(r.id), 2);
	finish(&r);
}
END_TEST

static void on_renewed(void *arg, const char *fault)
{
	bool *done = arg;

	ck_assert_ptr_null(fault);
	*done = true;
}

/* Whose list of CAs is being fetched: the wish to renew is not lost. */
START_TEST(a_wish_waits_for_the_list)
{
	struct renew_test r;
	bool done = false;

	begin(&r);
	identity_refresh(r.id);
	ck_assert(est_busy(r.id->renewal.est));
	identity_renew(r.id, on_renewed, &done);
	rig_turn(&r.t.r, &done);
	ck_assert_uint_eq(identity_generation(r.id), 2);
	finish(&r);
}
END_TEST

/* The same again, as after a SIGHUP. */
static struct conf *same_conf(const struct renew_test *r)
{
	struct conf *c = conf_defaults_of(&conf_agent);
	struct conf_why cw = { "" };
	char text[128];

	snprintf(text, sizeof(text), "agent.state=%s", r->t.r.st.dir);
	ck_assert_int_eq(conf_set(c, text, &cw), 0);
	ck_assert_int_eq(conf_set(c, "log.level=error", &cw), 0);
	ck_assert_int_eq(conf_set(c, "cse.name=a-name-of-its-own", &cw), 0);
	return c;
}

/* A renewal after a reload, and another reload: what the CSE is called is still known. */
START_TEST(names_outlive_every_configuration)
{
	struct renew_test r;
	struct why why = { 0 };
	struct agent *a;

	begin(&r);
	a = r.t.r.agent;
	/* The agent of the rig began without that name. */
	conf_unref(a->conf);
	conf_unref(a->first_conf);
	a->conf = same_conf(&r);
	a->first_conf = conf_ref(a->conf);
	for (int i = 0; i < 3; i++) {
		struct conf *before = a->conf;

		a->conf = same_conf(&r);
		conf_unref(before);
		if (i == 1)
			ck_assert_msg(identity_use(r.id, &why) == 0, "%s", why.text);
	}
	ck_assert(str_eqz(identity_cse(r.id)->base, "a-name-of-its-own"));
	r.id->dir = conf_str(a->first_conf, AGENT_STATE);
	finish(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("agent/renew");
	TCase *t = tcase_create("renew");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, renewed_at_half_of_its_life);
	tcase_add_test(t, a_failing_renewal_is_loud_and_ends_the_service);
	tcase_add_test(t, a_wish_waits_for_the_list);
	tcase_add_test(t, names_outlive_every_configuration);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
