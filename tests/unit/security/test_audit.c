/* SPDX-License-Identifier: Apache-2.0 */
/* Security events: chain, counting, pseudonyms, bounds.  security-model 4.2, 5.1. */
#include <openssl/sha.h>
#include <stdlib.h>

#include "security/audit_row.h"
#include "tests/unit/security/room.h"

static struct room room;

static void setup(void)
{
	room_init(&room);
}

static void teardown(void)
{
	room_fini(&room);
}

static void some(unsigned n)
{
	while (n--)
		audit(room.sec, EV_KEY_ROTATED, NULL, STR_NONE, "key %u", n);
	audit_flush(room.sec);
}

/* --- the chain ------------------------------------------------------------------------------------------------------- */

struct rows {
	struct str row[64];
	size_t n;
	uint64_t seq;
};

static int collect(void *arg, uint64_t seq, struct str row)
{
	struct rows *r = arg;

	ck_assert(r->n == 0 || seq == r->seq + 1);
	r->seq = seq;
	r->row[r->n++] = arena_str(&room.a, row);
	return 0;
}

/* Each row begins with SHA-256 over the hash of the row before and the rest of the row. */
START_TEST(chain)
{
	struct rows r = { .n = 0 };
	unsigned char prev[32] = { 0 }, text[2048], hash[32];
	uint64_t bad;
	size_t i;

	some(5);
	ck_assert_int_eq(store_event_each(room.store, 0, collect, &r), 0);
	ck_assert_uint_eq(r.n, 6); /* and EV_START */
	for (i = 0; i < r.n; i++) {
		memcpy(text, prev, 32);
		memcpy(text + 32, r.row[i].p + 32, r.row[i].n - 32);
		SHA256(text, r.row[i].n, hash);
		ck_assert(memcmp(hash, r.row[i].p, 32) == 0);
		memcpy(prev, hash, 32);
	}
	ck_assert_int_eq(audit_verify(room.sec, &bad), 0);
	/* It goes on after a restart. */
	room_restart(&room);
	some(2);
	ck_assert_int_eq(audit_verify(room.sec, &bad), 0);
	ck_assert_uint_eq(room_count(&room, "EV_START"), 2);
}
END_TEST

/* Every changed bit of a row, a missing row and two that changed places are found. */
START_TEST(tampering)
{
	struct rows r = { .n = 0 };
	struct audit_row row;
	unsigned char head[32] = { 0 }, before[32];
	char *copy;
	size_t i;

	some(3);
	ck_assert_int_eq(store_event_each(room.store, 0, collect, &r), 0);
	ck_assert_int_eq(audit_row_unpack(r.row[0], head, true, &row), 0);
	memcpy(before, head, 32);
	copy = arena_strz(&room.a, r.row[1]);
	for (i = 0; i < r.row[1].n * 8; i++) {
		copy[i / 8] = (char)(copy[i / 8] ^ 1 << i % 8);
		ck_assert_int_eq(audit_row_unpack(str_make(copy, r.row[1].n), head, true, &row), E_CORRUPT);
		ck_assert(memcmp(head, before, 32) == 0);
		copy[i / 8] = (char)(copy[i / 8] ^ 1 << i % 8);
	}
	ck_assert_int_eq(audit_row_unpack(r.row[2], head, true, &row), E_CORRUPT);
	ck_assert_int_eq(audit_row_unpack(str_first(r.row[1], r.row[1].n - 1), head, true, &row), E_CORRUPT);
	ck_assert_int_eq(audit_row_unpack(STR_NONE, head, true, &row), E_CORRUPT);
	ck_assert_int_eq(audit_row_unpack(r.row[1], head, true, &row), 0);
	ck_assert_int_eq(audit_row_unpack(r.row[2], head, true, &row), 0);
}
END_TEST

/* A row that our chain did not write is named. */
START_TEST(foreign_row)
{
	uint64_t bad = 0, seq;

	some(2);
	seq = store_event_next(room.store);
	ck_assert_int_eq(store_event_append(room.store, STR("a row that was pushed in from the side, long enough")), 0);
	store_flush(room.store);
	ck_assert_int_eq(audit_verify(room.sec, &bad), E_CORRUPT);
	ck_assert_uint_eq(bad, seq);
}
END_TEST

/* --- what a line says ------------------------------------------------------------------------------------------------ */

START_TEST(lines)
{
	struct room_events e;
	struct peer *p;

	room_cred(&room, "c1", CRED_DEVICE, "CSecret");
	p = room_peer(&room, "c1");
	audit(room.sec, EV_DENIED, p, STR("//troth.example/id-in/CSecret"), "RETRIEVE cnt-%u", 7u);
	e = room_events(&room, "EV_DENIED", false);
	ck_assert_uint_eq(e.rows, 1);
	ck_assert(strstr(arena_strz(&room.a, e.last), "Secret") == NULL);
	ck_assert(strstr(arena_strz(&room.a, e.last), "\"credential\":\"c1\"") != NULL);
	ck_assert(strstr(arena_strz(&room.a, e.last), "\"originator\":\"o-") != NULL);
	ck_assert(strstr(arena_strz(&room.a, e.last), "\"detail\":\"RETRIEVE cnt-7\"") != NULL);
	ck_assert(strstr(arena_strz(&room.a, e.last), "\"time\":\"20261120T101539\"") != NULL);
	e = room_events(&room, "EV_DENIED", true);
	ck_assert(strstr(arena_strz(&room.a, e.last), "\"name\":\"CSecret\"") != NULL);
	peer_unref(p);
}
END_TEST

/* Whatever form a name comes in, it has one pseudonym, the same after a restart; another store has another. */
START_TEST(pseudonyms)
{
	static const char *const same[] = { "CDev1", "/id-in/CDev1", "//troth.example/id-in/CDev1" };
	struct str first = STR_NONE;
	size_t i;

	room_cred(&room, "c1", CRED_DEVICE, "CDev1");
	for (i = 0; i < ARRAY_LEN(same); i++) {
		struct room_events e;
		char *at;

		audit(room.sec, EV_STEM_BOUND, NULL, str_of(same[i]), "%s", "");
		e = room_events(&room, "EV_STEM_BOUND", true);
		at = strstr(arena_strz(&room.a, e.last), "\"originator\":");
		ck_assert(at != NULL && strstr(at, "\"name\":\"CDev1\"") != NULL);
		if (i == 0)
			first = str_make(at, 34);
		ck_assert(str_eq(first, str_make(at, 34)));
		room_restart(&room);
	}
}
END_TEST

/* --- counting -------------------------------------------------------------------------------------------------------- */

static void stranger(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	struct ipaddr ip = { 4, { a, b, c, d } };

	audit_stranger(room.sec, EV_NO_CREDENTIAL, &ip);
}

static struct room_events strangers(void)
{
	return room_events(&room, "EV_NO_CREDENTIAL", false);
}

/* At most one row a second and prefix, none lost from the count. */
START_TEST(strangers_are_counted)
{
	struct room_events e;
	unsigned i, second;

	for (second = 0; second < 10; second++) {
		for (i = 0; i < 1000; i++)
			stranger(192, 0, 2, (uint8_t)i);
		clock_advance_us(room.clock, 1000000);
		clockguard_tick(room.sec);
	}
	e = strangers();
	ck_assert_uint_eq(e.n, 10000);
	ck_assert_uint_le(e.rows, 11);
	/* Other prefixes are told apart. */
	stranger(192, 0, 3, 1);
	stranger(192, 0, 4, 1);
	ck_assert_uint_eq(strangers().rows, e.rows + 2);
}
END_TEST

/* Many prefixes at once: the rows stay bounded, the count exact. */
START_TEST(flood_of_prefixes)
{
	struct room_events e;
	unsigned i;

	for (i = 0; i < 60000; i++)
		stranger((uint8_t)(i >> 8), (uint8_t)i, 1, 1);
	e = strangers();
	ck_assert_uint_eq(e.n, 60000);
	ck_assert_uint_le(e.rows, 300);
}
END_TEST

/* Different refusals within a second are different rows; the same one is counted. */
START_TEST(refusals_are_counted)
{
	struct room_events e;
	int i;

	for (i = 0; i < 7; i++) {
		audit(room.sec, EV_DENIED, NULL, STR("CA"), "x");
		audit(room.sec, EV_DENIED, NULL, STR("CB"), "x");
		audit(room.sec, EV_DENIED, NULL, STR("CA"), "y");
	}
	e = room_events(&room, "EV_DENIED", false);
	ck_assert(e.n == 21 && e.rows == 6);
	/* What is not a refusal is never counted together. */
	for (i = 0; i < 3; i++)
		audit(room.sec, EV_ADMIN_OVERRIDE, NULL, STR("CAdmin"), "x");
	ck_assert_uint_eq(room_events(&room, "EV_ADMIN_OVERRIDE", false).rows, 3);
}
END_TEST

/* One credential that asks without end (for certificates that it does not get) leaves room for what happens to others. */
START_TEST(flood_of_one_credential)
{
	static const enum sec_event events[] = { EV_ENROL_REFUSED, EV_POA };

	for (size_t k = 0; k < ARRAY_LEN(events); k++)
		for (unsigned i = 0; i < 5000; i++)
			audit(room.sec, events[k], NULL, STR_NONE, "c1: the request cannot be read");
	audit(room.sec, EV_CREDENTIAL_STATE, NULL, STR_NONE, "c2 revoked");
	ck_assert_uint_eq(room_count(&room, "EV_CREDENTIAL_STATE"), 1);
	ck_assert_uint_eq(room_count(&room, "EV_LOST"), 0);
	ck_assert_uint_eq(room_count(&room, "EV_ENROL_REFUSED"), 5000);
	ck_assert_uint_le(room_events(&room, "EV_ENROL_REFUSED", false).rows, 3);
}
END_TEST

/* At its bound the table takes no more from strangers, and says so; others still get in. */
START_TEST(full_table)
{
	unsigned i;

	ck_assert(!audit_is_full(room.sec));
	for (i = 0; !audit_is_full(room.sec); i++) {
		ck_assert_uint_lt(i, 100000);
		audit(room.sec, EV_KEY_ROTATED, NULL, STR_NONE, "%u", i);
		if (i % 256 == 0)
			audit_flush(room.sec);
	}
	i = strangers().rows;
	stranger(10, 0, 0, 1);
	ck_assert_uint_eq(strangers().rows, i);
	audit(room.sec, EV_CREDENTIAL_STATE, NULL, STR_NONE, "c1 revoked");
	ck_assert_uint_eq(room_count(&room, "EV_CREDENTIAL_STATE"), 1);
}
END_TEST

/* --- names ----------------------------------------------------------------------------------------------------------- */

struct shown {
	unsigned rows, named;
	uint64_t durable; /* least that was on disk while something was shown */
};

static int show(void *arg, struct str line)
{
	struct shown *s = arg;
	json_t *j = json_loadb(line.p, line.n, 0, NULL);
	uint64_t durable = store_event_durable(room.store);

	ck_assert_ptr_nonnull(j);
	if (s->rows++ == 0 || durable < s->durable)
		s->durable = durable;
	s->named += json_object_get(j, "name") != NULL;
	json_decref(j);
	return 0;
}

static struct shown reveal(uint64_t from, unsigned most)
{
	struct shown s = { .rows = 0 };

	ck_assert_int_eq(audit_reveal(room.sec, NULL, from, most, show, &s), 0);
	return s;
}

/* Names in place of pseudonyms are shown when the log tells of that, and no sooner (security-model 5.1). */
START_TEST(showing_is_an_event)
{
	struct room_events e;
	uint64_t before, bad;
	struct shown s;

	/* Nothing is hidden in them: EV_START and what has no originator. */
	some(3);
	before = store_event_next(room.store);
	s = reveal(0, 256);
	ck_assert_uint_eq(s.rows, before - 1);
	ck_assert_uint_eq(s.named, 0);
	ck_assert_uint_eq(room_count(&room, "EV_NAMES_SHOWN"), 0);
	/* One has a name: the event is on disk before the first line, and is no line of this answer. */
	audit(room.sec, EV_ADMIN_OVERRIDE, NULL, STR("CAdmin"), "x");
	audit_flush(room.sec);
	before = store_event_next(room.store);
	s = reveal(2, 256);
	ck_assert_uint_eq(s.rows, before - 2);
	ck_assert_uint_eq(s.named, 1);
	ck_assert_uint_eq(s.durable, before);
	e = room_events(&room, "EV_NAMES_SHOWN", false);
	ck_assert_uint_eq(e.n, 1);
	ck_assert_msg(strstr(e.last.p, "events 2 to 5") != NULL, "%.*s", STR_ARG(e.last));
	/* Who reads on comes to an end: that event hides nobody. */
	ck_assert_uint_eq(reveal(before, 256).rows, 1);
	ck_assert_uint_eq(store_event_next(room.store), before + 1);
	/* No more than was asked for is shown, and told. */
	audit(room.sec, EV_ADMIN_OVERRIDE, NULL, STR("CAdmin"), "y");
	audit_flush(room.sec);
	before = store_event_next(room.store);
	ck_assert_uint_eq(reveal(1, 4).rows, 4);
	ck_assert_uint_eq(store_event_next(room.store), before);
	s = reveal(4, 2);
	ck_assert_uint_eq(s.rows, 2);
	ck_assert_uint_eq(s.named, 1);
	e = room_events(&room, "EV_NAMES_SHOWN", false);
	ck_assert_msg(strstr(e.last.p, "events 4 to 5") != NULL, "%.*s", STR_ARG(e.last));
	ck_assert_int_eq(audit_verify(room.sec, &bad), 0);
}
END_TEST

/* Where the table takes nothing more, no name is shown. */
START_TEST(showing_needs_its_event)
{
	struct shown s = { .rows = 0 };
	uint64_t next = 0;

	audit(room.sec, EV_ADMIN_OVERRIDE, NULL, STR("CAdmin"), "x");
	audit_flush(room.sec);
	for (unsigned i = 0; next != store_event_next(room.store); i++) {
		ck_assert_uint_lt(i, 1000);
		next = store_event_next(room.store);
		some(64);
	}
	ck_assert_int_eq(audit_reveal(room.sec, NULL, 0, 256, show, &s), E_FULL);
	ck_assert_uint_eq(s.rows, 0);
	ck_assert_uint_eq(store_event_next(room.store), next);
	ck_assert_int_eq(audit_each(room.sec, 0, show, &s), 0);
	ck_assert_uint_eq(s.rows, next - 1);
	ck_assert_uint_eq(s.named, 0);
}
END_TEST

static void setup_small(void)
{
	room_init_with(&room, "security.max_event_bytes=1M");
}

/* --- threads --------------------------------------------------------------------------------------------------------- */

enum { THREADS = 4, EACH = 500 };

static void *shout(void *arg)
{
	unsigned i;

	(void)arg;
	for (i = 0; i < EACH; i++) {
		audit(room.sec, EV_DENIED, NULL, STR("CA"), "x");
		if (i % 100 == 0)
			audit_flush(room.sec);
	}
	return NULL;
}

START_TEST(threads)
{
	pthread_t t[THREADS];
	uint64_t bad;
	int i;

	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, shout, NULL), 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	ck_assert_uint_eq(room_count(&room, "EV_DENIED"), THREADS * EACH);
	ck_assert_int_eq(audit_verify(room.sec, &bad), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("audit");
	TCase *t = tcase_create("audit"), *small = tcase_create("small");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, chain);
	tcase_add_test(t, tampering);
	tcase_add_test(t, foreign_row);
	tcase_add_test(t, lines);
	tcase_add_test(t, pseudonyms);
	tcase_add_test(t, strangers_are_counted);
	tcase_add_test(t, flood_of_prefixes);
	tcase_add_test(t, refusals_are_counted);
	tcase_add_test(t, flood_of_one_credential);
	tcase_add_test(t, threads);
	tcase_add_test(t, showing_is_an_event);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(small, setup_small, teardown);
	tcase_set_timeout(small, 60);
	tcase_add_test(small, full_table);
	tcase_add_test(small, showing_needs_its_event);
	suite_add_tcase(s, small);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
