/* SPDX-License-Identifier: Apache-2.0 */
/* Renewals on a clock that the test owns: when they are due, what is said when one fails, that service ends and begins again. */
#include "security/rotate.h"

#include "cse/base/stat.h"
#include "cse/base/work.h"
#include "security/seal.h"
#include "security/tls.h"
#include "tests/unit/security/pki.h"
#include "tests/unit/security/room.h"

#define HOUR INT64_C(3600000000)
#define DAY (24 * HOUR)

struct rig {
	struct room room;
	struct pki p;
	struct tls *tls;
	struct seal *seal;
	struct workers *workers;
	struct loop *loop;
	struct stats stats;
	struct rotate *rotate;
};

static void rig_init(struct rig *r, const char *set)
{
	struct why why = { 0 };

	memset(r, 0, sizeof(*r));
	room_init_with(&r->room, set);
	pki_init(&r->p, ROOM_NOW);
	clock_free(r->p.clock);
	r->p.clock = r->p.o.clock = r->room.clock;
	r->p.o.issuing_life_us = conf_num(r->room.conf, CONF_SEC_CA_LIFE) * 1000;
	pki_open(&r->p);
	ck_assert_msg(tls_new(r->p.ca, r->room.sec, 1, &r->tls, &why) == 0, "%s", why.text);
	r->seal = seal_new_volatile(r->room.rnd);
	r->workers = workers_new(1);
	r->loop = loop_new(r->room.clock, 0, NULL);
	struct rotate_opts o = { .conf = r->room.conf, .clock = r->room.clock, .stats = &r->stats, .security = r->room.sec, .ca = r->p.ca,
		.tls = r->tls, .seal = r->seal, .workers = r->workers, .loop = r->loop };
	r->rotate = rotate_new(&o);
}

static void rig_fini(struct rig *r)
{
	workers_free(r->workers);
	loop_turn(r->loop, 0);
	rotate_free(r->rotate);
	loop_free(r->loop);
	tls_free(r->tls);
	seal_close(r->seal);
	r->p.clock = NULL;
	ca_close(r->p.ca);
	keystore_close(r->p.ks);
	state_fini(&r->p.st);
	room_fini(&r->room);
}

static struct rotate_info look(struct rig *r, enum rotation what)
{
	struct rotate_info i;
	rotate_look(r->rotate, what, &i);
	return i;
}

static uint64_t ends(struct rig *r)
{
	uint64_t n = 0;
	for (int i = 0; i < ROTATIONS; i++)
		n += look(r, (enum rotation)i).done + look(r, (enum rotation)i).failed;
	return n;
}

/* A second goes by; what is due and ends in it. */
static void tick(struct rig *r, unsigned expected)
{
	uint64_t before = ends(r);

	clock_advance_us(r->room.clock, 1000000);
	rotate_tick(r->rotate);
	for (int i = 0; ends(r) < before + expected; i++) {
		ck_assert_msg(i < 1000, "nothing was renewed");
		loop_turn(r->loop, 10);
	}
	/* Whatever else came of it. */
	rotate_tick(r->rotate);
	ck_assert_uint_eq(ends(r), before + expected);
}

static uint64_t counted(const struct rig *r, enum stat_id id)
{
	return atomic_load(&r->stats.v[id]);
}

START_TEST(the_servers_certificate_at_half)
{
	struct rig r;

	rig_init(&r, NULL);
	int64_t until = look(&r, ROTATE_SERVER).until_us;
	ck_assert_int_eq(until, ROOM_NOW + 30 * DAY);
	/* A data key at half of its 14 days comes before. */
	clock_advance_us(r.room.clock, 7 * DAY);
	tick(&r, 1);
	ck_assert_uint_eq(look(&r, ROTATE_DATA).done, 1);
	clock_advance_us(r.room.clock, 7 * DAY + 23 * HOUR);
	tick(&r, 1);
	ck_assert_uint_eq(look(&r, ROTATE_SERVER).done, 0);
	clock_advance_us(r.room.clock, HOUR);
	tick(&r, 1);
	ck_assert_uint_eq(look(&r, ROTATE_SERVER).done, 1);
	ck_assert_int_gt(look(&r, ROTATE_SERVER).until_us, until + 14 * DAY);
	ck_assert_int_eq(look(&r, ROTATE_SERVER).stage, LIFE_YOUNG);
	tick(&r, 0);
	ck_assert_uint_eq(counted(&r, STAT_ROTATIONS), 3);
	ck_assert_uint_eq(room_count(&r.room, "EV_KEY_ROTATED"), 3);
	ck_assert_uint_eq(room_count(&r.room, "EV_ROTATION_LATE"), 0);
	rig_fini(&r);
}
END_TEST

START_TEST(a_failure_is_loud_and_ends_service)
{
	struct rig r;
	struct why why = { 0 };
	char path[256];

	rig_init(&r, "security.data_key_life=400d");
	tick(&r, 0);
	struct rotate_info was = look(&r, ROTATE_SERVER);
	ck_assert_int_eq(unlink(state_path(&r.p.st, "ca/server.pem", path)), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	clock_advance_us(r.room.clock, was.due_us - clock_wall_us(r.room.clock));
	tick(&r, 1);
	ck_assert_uint_eq(look(&r, ROTATE_SERVER).failed, 1);
	ck_assert_ptr_nonnull(strstr(look(&r, ROTATE_SERVER).error, "server.pem"));
	ck_assert_uint_eq(counted(&r, STAT_ROTATION_FAILED), 1);
	ck_assert_uint_eq(room_count(&r.room, "EV_ROTATION_FAILED"), 1);
	ck_assert_uint_eq(room_count(&r.room, "EV_ROTATION_LATE"), 1);
	/* Again in a minute, not before. */
	tick(&r, 0);
	clock_advance_us(r.room.clock, 60000000);
	tick(&r, 1);
	ck_assert_uint_eq(room_count(&r.room, "EV_ROTATION_LATE"), 1);
	static const unsigned percent[] = { 75, 90 };
	for (unsigned i = 0; i < 2; i++) {
		clock_advance_us(r.room.clock, lifespan_share_us(was.from_us, was.until_us, percent[i]) - clock_wall_us(r.room.clock));
		tick(&r, 1);
		ck_assert_uint_eq(room_count(&r.room, "EV_ROTATION_LATE"), 2 + i);
		ck_assert_ptr_null(tls_refuses(r.tls));
	}
	struct room_events e = room_events(&r.room, "EV_ROTATION_LATE", false);
	ck_assert_msg(memmem(e.last.p, e.last.n, "server-certificate at 90 %", 26) != NULL, "%.*s", STR_ARG(e.last));
	clock_advance_us(r.room.clock, was.until_us - clock_wall_us(r.room.clock));
	tick(&r, 1);
	ck_assert_ptr_nonnull(tls_refuses(r.tls));
	ck_assert_uint_eq(room_count(&r.room, "EV_ROTATION_LATE"), 4);
	/* The disk is mended: the next try ends it. */
	ck_assert_int_eq(rmdir(path), 0);
	clock_advance_us(r.room.clock, 60000000);
	tick(&r, 1);
	ck_assert_uint_eq(look(&r, ROTATE_SERVER).done, 1);
	ck_assert_str_eq(look(&r, ROTATE_SERVER).error, "");
	ck_assert_ptr_null(tls_refuses(r.tls));
	ck_assert_int_eq(tls_renew(r.tls, &why), 0);
	rig_fini(&r);
}
END_TEST

/* Half a year ahead at once: nobody believes it, nothing is made and nothing ends. */
START_TEST(a_doubtful_clock_renews_nothing)
{
	struct rig r;

	rig_init(&r, NULL);
	clockguard_tick(r.room.sec);
	tick(&r, 0);
	clock_jump_us(r.room.clock, 180 * DAY);
	ck_assert(clockguard_tick(r.room.sec));
	tick(&r, 0);
	ck_assert_ptr_null(tls_refuses(r.tls));
	clockguard_accept(r.room.sec);
	ck_assert(!clockguard_tick(r.room.sec));
	tick(&r, 1);
	ck_assert_uint_eq(look(&r, ROTATE_SERVER).done, 1);
	rig_fini(&r);
}
END_TEST

static unsigned anchors(struct rig *r)
{
	STACK_OF(X509) *s;
	ck_assert_int_eq(ca_anchors(r->p.ca, &s), 0);
	unsigned n = (unsigned)sk_X509_num(s);
	sk_X509_pop_free(s, X509_free);
	return n;
}

START_TEST(the_issuing_ca_and_its_overlap)
{
	struct rig r;
	struct ca_lives l;

	rig_init(&r, "security.issuing_ca_life=20d");
	struct cred_info c = room_cred(&r.room, "cdev", CRED_DEVICE, "CDev1");
	ck_assert_int_eq(c.not_after, ROOM_NOW + DAY);
	c = room_info(&r.room, "clong", CRED_DEVICE, "CDev2");
	c.not_after = ROOM_NOW + 15 * DAY;
	room_put_cred(&r.room, &c);
	tick(&r, 0);
	ck_assert_int_eq(look(&r, ROTATE_CA).until_us, ROOM_NOW + 20 * DAY);
	/* What it signs ends with it. */
	ck_assert_int_eq(look(&r, ROTATE_SERVER).until_us, ROOM_NOW + 20 * DAY);
	clock_advance_us(r.room.clock, 10 * DAY);
	rotate_tick(r.rotate);
	for (int i = 0; look(&r, ROTATE_CA).done == 0; i++) {
		ck_assert_int_lt(i, 1000);
		loop_turn(r.loop, 10);
	}
	ck_assert_uint_eq(anchors(&r), 2);
	/* The server's certificate is renewed when its own time has come: now, for the old CA's end has cut it short. */
	ca_lives(r.p.ca, &l);
	ck_assert(l.server_is_old);
	tick(&r, 1);
	ck_assert_uint_eq(look(&r, ROTATE_SERVER).done, 1);
	ca_lives(r.p.ca, &l);
	ck_assert(!l.server_is_old);
	/* The last certificate that it signed ends after 15 days, 90 more are given, its own ends first. */
	ck_assert_int_eq(l.retire_us, ROOM_NOW + 20 * DAY);
	ck_assert_int_gt(l.issuing.until_us, ROOM_NOW + 29 * DAY);
	ck_assert_int_gt(l.server.until_us, ROOM_NOW + 29 * DAY);
	rig_fini(&r);
}
END_TEST

START_TEST(the_overlap_goes_by_the_last_certificate)
{
	struct rig r;
	struct ca_lives l;

	rig_init(&r, "security.issuing_ca_overlap=2d");
	struct cred_info c = room_info(&r.room, "clong", CRED_DEVICE, "CDev2");
	c.not_after = ROOM_NOW + 15 * DAY;
	room_put_cred(&r.room, &c);
	c = room_info(&r.room, "cgone", CRED_DEVICE, "CDev3");
	c.not_after = ROOM_NOW + 300 * DAY;
	c.state = CRED_REVOKED;
	room_put_cred(&r.room, &c);
	rotate_tick(r.rotate);
	ck_assert_int_eq(look(&r, ROTATE_CA).done, 0);
	ca_lives(r.p.ca, &l);
	clock_advance_us(r.room.clock, l.issuing.from_us + (l.issuing.until_us - l.issuing.from_us) / 2 - clock_wall_us(r.room.clock) + DAY);
	int64_t now = clock_wall_us(r.room.clock);
	for (int i = 0; look(&r, ROTATE_CA).done == 0; i++) {
		ck_assert_int_lt(i, 1000);
		rotate_tick(r.rotate);
		loop_turn(r.loop, 10);
	}
	ca_lives(r.p.ca, &l);
	/* All certificates ended long ago: two days from now. */
	ck_assert_int_eq(l.retire_us, now + 2 * DAY);
	ck_assert_uint_eq(anchors(&r), 2);
	clock_advance_us(r.room.clock, 2 * DAY);
	for (int i = 0; anchors(&r) == 2; i++) {
		ck_assert_int_lt(i, 1000);
		rotate_tick(r.rotate);
		loop_turn(r.loop, 10);
	}
	ck_assert_uint_eq(look(&r, ROTATE_CA).done, 1);
	rig_fini(&r);
}
END_TEST

struct answer {
	int n, err;
	char text[200];
};

static void answered(void *arg, int err, const char *text)
{
	struct answer *a = arg;
	a->n++;
	a->err = err;
	snprintf(a->text, sizeof(a->text), "%s", text);
}

static void wait_for(struct rig *r, struct answer *a)
{
	for (int i = 0; a->n == 0; i++) {
		ck_assert_int_lt(i, 1000);
		loop_turn(r->loop, 10);
	}
}

START_TEST(when_asked_for)
{
	struct rig r;
	struct answer a = { 0 }, b = { 0 };

	rig_init(&r, NULL);
	ck_assert_int_eq(rotate_now(r.rotate, ROTATE_CA, true, answered, &a), 0);
	ck_assert_int_eq(rotate_now(r.rotate, ROTATE_DATA, false, answered, &b), E_EXISTS);
	wait_for(&r, &a);
	ck_assert_int_eq(a.err, 0);
	ck_assert_int_eq(b.n, 0);
	ck_assert_uint_eq(anchors(&r), 1);
	/* The number of the data key stands in front of what is sealed. */
	char before[SEAL_OVERHEAD + 1], after[SEAL_OVERHEAD + 1], clear[1];
	seal_bytes(r.seal, 1, 1, "x", 1, before);
	ck_assert_int_eq(rotate_now(r.rotate, ROTATE_DATA, false, answered, &b), 0);
	wait_for(&r, &b);
	seal_bytes(r.seal, 1, 1, "x", 1, after);
	ck_assert(memcmp(before, after, 4) != 0);
	ck_assert_int_eq(seal_unseal(r.seal, 1, 1, before, sizeof(before), clear), 0);
	/* An authority whose root is elsewhere. */
	a.n = 0;
	ck_assert_int_eq(keystore_remove(r.p.ks, "root"), 0);
	ck_assert_int_eq(rotate_now(r.rotate, ROTATE_CA, false, answered, &a), 0);
	wait_for(&r, &a);
	ck_assert_int_eq(a.err, E_ABSENT);
	ck_assert_ptr_nonnull(strstr(a.text, "root's key"));
	rig_fini(&r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rotate");
	TCase *tc = tcase_create("rotate");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, the_servers_certificate_at_half);
	tcase_add_test(tc, a_failure_is_loud_and_ends_service);
	tcase_add_test(tc, a_doubtful_clock_renews_nothing);
	tcase_add_test(tc, the_issuing_ca_and_its_overlap);
	tcase_add_test(tc, the_overlap_goes_by_the_last_certificate);
	tcase_add_test(tc, when_asked_for);
	suite_add_tcase(suite, tc);
	SRunner *r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
