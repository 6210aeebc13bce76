/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a state folder that came back from a copy: what was revoked since stays revoked, and nobody but the administrator gets in
 * before he accepts (security-model 5.3). */
#include "security/rollback.h"

#include <fcntl.h>

#include "security/keystore.h"
#include "security/ledger.h"
#include "security/seal.h"
#include "tests/unit/security/room.h"
#include "tests/unit/security/state.h"

/* A room on a store that is kept. */
struct site {
	struct state st;
	struct room r;
	struct keystore *ks;
	struct seal *seal;
};

static void site_open(struct site *s)
{
	struct why why = { 0 };
	struct store_opts o = { .clock = s->r.clock, .rnd = s->r.rnd, .self = s->r.self, .dir = s->st.dir, .cache_bytes = 1 << 20,
		.batch_max = 64, .queue_max = 4096, .queue_max_bytes = 1 << 25, .loops = 1 };
	struct security_opts so = { .conf = s->r.conf, .clock = s->r.clock, .rnd = s->r.rnd, .self = s->r.self,
		.dir = s->st.dir };
	const struct type *cb = type_by_ty(TY_CB);
	struct res *base = res_new(&s->r.a, cb, 4);

	*obj_add(&s->r.a, &base->o, type_attr(cb, STR("csi"))) = val_str(K_ID, STR("/id-in"));
	*obj_add(&s->r.a, &base->o, &attr_ct) = val_stamp(ROOM_NOW);
	ck_assert_msg(keystore_open("file", s->st.dir, s->r.rnd, &s->ks, &why) == 0, "%s", why.text);
	ck_assert_msg(seal_open(s->st.dir, s->ks, s->r.rnd, &s->seal, &why) == 0, "%s", why.text);
	o.seal = s->seal;
	so.keystore = s->ks;
	ck_assert_msg(store_open(&o, base, &s->r.store, &why) == 0, "%s", why.text);
	ck_assert_msg(security_new(&so, &s->r.sec, &why) == 0, "%s", why.text);
	ck_assert_msg(security_attach(s->r.sec, s->r.store, &why) == 0, "%s", why.text);
}

static void site_close(struct site *s)
{
	security_free(s->r.sec);
	store_close(s->r.store);
	seal_close(s->seal);
	keystore_close(s->ks);
}

static void site_init(struct site *s)
{
	state_init(&s->st);
	s->r = (struct room){ .self = { STR("troth.example"), STR("id-in"), STR("cse-in") } };
	arena_init(&s->r.a, 65536);
	s->r.clock = clock_new_fake(ROOM_NOW);
	s->r.rnd = rnd_new(); /* a restart must not make the same keys */
	s->r.conf = conf_defaults();
	site_open(s);
	room_cred(&s->r, "cadmin", CRED_ADMIN, "CAdmin");
	room_cred(&s->r, "cone", CRED_DEVICE, "Cone");
	room_cred(&s->r, "ctwo", CRED_DEVICE, "Ctwo");
	room_cred(&s->r, "cthree", CRED_GATEWAY, "Cthree");
}

static void site_fini(struct site *s)
{
	site_close(s);
	conf_unref(s->r.conf);
	rnd_free(s->r.rnd);
	clock_free(s->r.clock);
	arena_fini(&s->r.a);
	state_fini(&s->st);
}

static void copy(const struct site *s, const char *from, const char *to)
{
	static const size_t max = 8 << 20;
	unsigned char *p = malloc(max);
	char path[256];
	size_t n = state_read(&s->st, from, p, max);

	/* The file itself stays: a copy that the file system knows as one is another test. */
	state_write(&s->st, to, p, n);
	chmod(state_path(&s->st, to, path), 0600);
	free(p);
}

static enum cred_state state_of(struct site *s, const char *id)
{
	struct cred_info c;

	ck_assert(cred_find(s->r.sec, &s->r.a, str_of(id), &c));
	return c.state;
}

static void change(struct site *s, const char *id, enum cred_state state, uint32_t newer)
{
	struct cred_info c;

	ck_assert(cred_find(s->r.sec, &s->r.a, str_of(id), &c));
	c.state = state;
	c.generation += newer;
	room_put_cred(&s->r, &c);
}

static bool gets_in(struct site *s, const char *id)
{
	struct peer *p;

	if (peer_of_credential(s->r.sec, str_of(id), NULL, &p) != 0)
		return false;
	peer_unref(p);
	return true;
}

static void expect_held(struct site *s, const char *word, bool admin)
{
	const char *why = rollback_reason(s->r.sec);

	ck_assert_ptr_nonnull(why);
	ck_assert_msg(strstr(why, word) != NULL, "%s", why);
	ck_assert(gets_in(s, "cadmin") == admin);
	ck_assert(!gets_in(s, "cone"));
	ck_assert(!gets_in(s, "ctwo"));
	ck_assert(!gets_in(s, "cthree"));
}

static void accept_it(struct site *s)
{
	struct why why = { 0 };

	ck_assert_msg(rollback_accept(s->r.sec, &why) == 0, "%s", why.text);
	ck_assert_ptr_null(rollback_reason(s->r.sec));
}

START_TEST(restarts_are_nothing)
{
	struct site s;
	struct why why = { 0 };

	site_init(&s);
	for (int i = 0; i < 4; i++) {
		site_close(&s);
		site_open(&s);
		ck_assert_msg(rollback_reason(s.r.sec) == NULL, "%s", rollback_reason(s.r.sec));
		ck_assert(gets_in(&s, "cone"));
		audit(s.r.sec, EV_SELF, NULL, STR_NONE, "%d", i);
		rollback_tick(s.r.sec);
		rollback_tick(s.r.sec);
	}
	ck_assert_int_eq(rollback_accept(s.r.sec, &why), E_ABSENT);
	site_fini(&s);
}
END_TEST

/* The store alone comes back, as restore does it. */
START_TEST(an_older_store)
{
	struct site s;

	site_init(&s);
	site_close(&s);
	copy(&s, "store.db", "old");
	site_open(&s);
	change(&s, "ctwo", CRED_REVOKED, 0);
	change(&s, "cthree", CRED_SUSPENDED, 0);
	site_close(&s);
	copy(&s, "old", "store.db");
	for (int i = 0; i < 3; i++) {
		site_open(&s);
		expect_held(&s, "older", true);
		ck_assert_int_eq(state_of(&s, "cone"), CRED_SUSPENDED);
		ck_assert_int_eq(state_of(&s, "ctwo"), CRED_REVOKED);
		ck_assert_uint_gt(room_count(&s.r, "EV_ROLLBACK"), (unsigned)i);
		if (i < 2)
			site_close(&s);
	}
	accept_it(&s);
	for (int i = 0; i < 2; i++) {
		ck_assert(gets_in(&s, "cone"));
		ck_assert_int_eq(state_of(&s, "ctwo"), CRED_REVOKED);
		ck_assert_int_eq(state_of(&s, "cthree"), CRED_SUSPENDED);
		site_close(&s);
		site_open(&s);
		ck_assert_ptr_null(rollback_reason(s.r.sec));
	}
	site_fini(&s);
}
END_TEST

/* Taken and put back within one run's life: the epoch is the same, the chain's head tells. */
START_TEST(older_by_one_event)
{
	struct site s;

	site_init(&s);
	store_flush(s.r.store);
	audit_flush(s.r.sec);
	char path[256];
	struct why why = { 0 };
	ck_assert_msg(store_backup(s.r.store, state_path(&s.st, "old", path), &why) == 0, "%s", why.text);
	audit(s.r.sec, EV_SELF, NULL, STR_NONE, "one more");
	site_close(&s);
	copy(&s, "old", "store.db");
	site_open(&s);
	expect_held(&s, "older", true);
	site_fini(&s);
}
END_TEST

/* A key that was superseded since the backup stays out. */
START_TEST(older_generation)
{
	struct site s;

	site_init(&s);
	site_close(&s);
	copy(&s, "store.db", "old");
	site_open(&s);
	change(&s, "cone", CRED_ACTIVE, 1);
	site_close(&s);
	copy(&s, "old", "store.db");
	site_open(&s);
	expect_held(&s, "older", true);
	accept_it(&s);
	ck_assert(!gets_in(&s, "cone"));
	ck_assert(gets_in(&s, "ctwo"));
	site_fini(&s);
}
END_TEST

/* In effect, but lost by a crash before it was on disk: the next start is where the store is, and nobody is suspended for it.  What
 * takes a right away is in the ledger at once. */
START_TEST(lost_before_it_was_durable)
{
	struct why why = { 0 };
	struct cred_info c;
	struct site s;

	site_init(&s);
	for (int i = 0; i < 2; i++) {
		struct tx *tx = store_begin(s.r.store, &s.r.a, TX_WRITE);
		ck_assert(cred_latest(s.r.sec, tx, str_of(i ? "ctwo" : "cone"), &c));
		c.generation += i ? 0 : 1;
		c.state = i ? CRED_SUSPENDED : CRED_ACTIVE;
		ck_assert_int_eq(cred_put(s.r.sec, tx, &c, &why), 0);
		store_end(tx);
		cred_apply_early(s.r.sec, &c);
	}
	site_close(&s);
	site_open(&s);
	ck_assert_ptr_null(rollback_reason(s.r.sec));
	ck_assert(gets_in(&s, "cone"));
	ck_assert_int_eq(state_of(&s, "ctwo"), CRED_SUSPENDED);
	site_fini(&s);
}
END_TEST

START_TEST(an_older_ledger)
{
	struct site s;

	site_init(&s);
	site_close(&s);
	copy(&s, "ledger", "old");
	site_open(&s);
	change(&s, "ctwo", CRED_REVOKED, 0);
	site_close(&s);
	site_open(&s);
	site_close(&s);
	copy(&s, "old", "ledger");
	site_open(&s);
	expect_held(&s, "older than the store", false);
	ck_assert_int_eq(state_of(&s, "ctwo"), CRED_REVOKED);
	accept_it(&s);
	site_close(&s);
	site_open(&s);
	ck_assert_ptr_null(rollback_reason(s.r.sec));
	site_fini(&s);
}
END_TEST

START_TEST(no_ledger)
{
	struct site s;
	char path[256];

	site_init(&s);
	site_close(&s);
	ck_assert_int_eq(unlink(state_path(&s.st, "ledger", path)), 0);
	for (int i = 0; i < 2; i++) {
		site_open(&s);
		expect_held(&s, "missing", false);
		site_close(&s);
	}
	site_open(&s);
	site_fini(&s);
}
END_TEST

/* The whole folder is a copy. */
START_TEST(a_copied_folder)
{
	struct site s;
	char path[256], new[256];

	site_init(&s);
	site_close(&s);
	copy(&s, "ledger", "new");
	ck_assert_int_eq(rename(state_path(&s.st, "new", new), state_path(&s.st, "ledger", path)), 0);
	for (int i = 0; i < 2; i++) {
		site_open(&s);
		expect_held(&s, "copy", false);
		site_close(&s);
	}
	site_open(&s);
	accept_it(&s);
	site_close(&s);
	site_open(&s);
	ck_assert_ptr_null(rollback_reason(s.r.sec));
	site_fini(&s);
}
END_TEST

/* The administrator may let a single one in before he accepts; what he revokes stays so. */
START_TEST(single_ones_while_held)
{
	struct site s;
	char path[256];

	site_init(&s);
	site_close(&s);
	ck_assert_int_eq(unlink(state_path(&s.st, "ledger", path)), 0);
	site_open(&s);
	change(&s, "cone", CRED_ACTIVE, 0);
	change(&s, "ctwo", CRED_REVOKED, 0);
	ck_assert(gets_in(&s, "cone"));
	ck_assert(!gets_in(&s, "cthree"));
	accept_it(&s);
	ck_assert(gets_in(&s, "cone"));
	ck_assert(gets_in(&s, "cthree"));
	ck_assert_int_eq(state_of(&s, "ctwo"), CRED_REVOKED);
	site_fini(&s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rollback");
	TCase *t = tcase_create("rollback");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, restarts_are_nothing);
	tcase_add_test(t, an_older_store);
	tcase_add_test(t, older_by_one_event);
	tcase_add_test(t, older_generation);
	tcase_add_test(t, lost_before_it_was_durable);
	tcase_add_test(t, an_older_ledger);
	tcase_add_test(t, no_ledger);
	tcase_add_test(t, a_copied_folder);
	tcase_add_test(t, single_ones_while_held);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
