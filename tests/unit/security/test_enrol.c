/* SPDX-License-Identifier: Apache-2.0 */
/* Onboarding's states, generations and clones, with a real authority and a clock of the test's own (security-model 2.1 to 2.3). */
#include "security/enrol.h"

#include "agent/est_body.h"
#include "cse/base/err.h"
#include "cse/base/loop.h"
#include "cse/base/stat.h"
#include "security/cert.h"
#include "security/ledger.h"
#include "security/lockout.h"
#include "tests/unit/security/pki.h"
#include "tests/unit/security/room.h"

#define MINUTE INT64_C(60000000)
#define HOUR (60 * MINUTE)

static struct pki pki;
static struct room room;
static struct enrol *en;
static struct stats stats;
static struct loop *loop;

static void open_enrol(void)
{
	struct enrol_opts o = { .security = room.sec, .store = room.store, .ca = pki.ca, .conf = room.conf, .clock = room.clock,
		.rnd = room.rnd, .stats = &stats, .self = room.self };
	struct why why = { 0 };

	ck_assert_msg(enrol_new(&o, &en, &why) == 0, "%s", why.text);
}

static void setup(void)
{
	pki_init(&pki, ROOM_NOW);
	pki_open(&pki);
	room_init(&room);
	loop = loop_new(room.clock, 0, NULL);
	open_enrol();
}

static void settle(void)
{
	store_flush(room.store);
	while (loop_turn(loop, 0) > 0)
		;
}

static void teardown(void)
{
	settle();
	enrol_free(en);
	room_fini(&room);
	loop_free(loop);
	ca_close(pki.ca);
	keystore_close(pki.ks);
	clock_free(pki.clock);
	state_fini(&pki.st);
}

static void restart(void)
{
	settle();
	enrol_free(en);
	room_restart(&room);
	open_enrol();
}

/* Both clocks, and what happens each second. */
static void pass(int64_t us)
{
	for (int64_t left = us; left > 0; left -= MINUTE) {
		int64_t step = left < MINUTE ? left : MINUTE;

		clock_advance_us(room.clock, step);
		clock_advance_us(pki.clock, step);
		clockguard_tick(room.sec);
	}
	enrol_tick(en);
	enrol_tick(en);
	settle();
}

/* --- a device ---------------------------------------------------------------------------------------------------------- */

struct dev {
	struct str id;
	char handle[CODE_HANDLE + 1];
	struct enrol_code code;
};

static void give_code(struct dev *d, struct cred_info *c)
{
	struct why why = { 0 };

	enrol_code_make(en, d->id, 0, 0, &d->code);
	ck_assert_int_eq(code_handle(&d->code.code, d->handle), 0);
	struct tx *tx = store_begin(room.store, &room.a, TX_WRITE);
	ck_assert_int_eq(enrol_code_put(en, tx, &d->code), 0);
	ck_assert_msg(cred_put(room.sec, tx, c, &why) == 0, "%s", why.text);
	room_commit(&room, tx);
	cred_apply(room.sec, c);
	enrol_code_apply(en, &d->code);
}

static void add(struct dev *d, const char *id, const char *names)
{
	struct cred_info c = room_info(&room, id, CRED_DEVICE, names);

	d->id = str_of(id);
	c.name = d->id.n ? str_of(arena_strz(&room.a, arena_printf(&room.a, "name-%s", id))) : STR_NONE;
	c.state = CRED_CODE_OUT;
	c.fingerprint = STR_NONE;
	c.generation = 0;
	c.not_after = 0;
	give_code(d, &c);
}

static enum cred_state state_of(const struct dev *d)
{
	struct cred_info c;

	ck_assert(cred_find(room.sec, &room.a, d->id, &c));
	return c.state;
}

static struct cred_info info_of(const struct dev *d)
{
	struct cred_info c;

	ck_assert(cred_find(room.sec, &room.a, d->id, &c));
	return c;
}

/* --- asking ------------------------------------------------------------------------------------------------------------ */

struct answer {
	unsigned status;
	struct str body;
};

static void on_answer(void *arg, unsigned status, const char *type, struct str body)
{
	struct answer *a = arg;

	(void)type;
	ck_assert_uint_eq(a->status, 0);
	a->status = status;
	a->body = arena_str(&room.a, body);
}

static const char binding[] = "bindingbindingbindingbindingbindingbinding0=";

static struct str csr(EVP_PKEY *key)
{
	X509_REQ *r = X509_REQ_new();
	unsigned char *der = NULL;
	char *text = arena_alloc(&room.a, 4096);

	ck_assert_int_eq(X509_REQ_set_pubkey(r, key), 1);
	ck_assert_int_eq(X509_REQ_add1_attr_by_NID(r, NID_pkcs9_challengePassword, MBSTRING_ASC, (const unsigned char *)binding, -1), 1);
	ck_assert_int_gt(X509_REQ_sign(r, key, EVP_sha256()), 0);
	int n = i2d_X509_REQ(r, &der);
	int k = EVP_EncodeBlock((unsigned char *)text, der, n);
	OPENSSL_free(der);
	X509_REQ_free(r);
	return str_make(text, (size_t)k);
}

static struct str print_of(EVP_PKEY *key)
{
	unsigned char *fp = arena_alloc(&room.a, 32);

	ck_assert_int_eq(cert_key_fingerprint(key, fp), 0);
	return str_make((char *)fp, 32);
}

static struct answer ask(enum est_op op, struct str handle, struct str fingerprint, EVP_PKEY *key)
{
	struct answer a = { 0 };
	struct est_ask q = { .op = op, .handle = handle, .fingerprint = fingerprint, .body = csr(key), .loop = loop, .done = on_answer, .arg = &a };

	snprintf(q.exporter, sizeof(q.exporter), "%s", binding);
	enrol_est(en, &q);
	for (unsigned i = 0; i < 1000 && a.status == 0; i++) {
		store_flush(room.store);
		loop_turn(loop, 1);
	}
	ck_assert_msg(a.status != 0, "no answer");
	return a;
}

static struct answer enrol_it(const struct dev *d, EVP_PKEY *key)
{
	return ask(EST_ENROL, str_of(d->handle), STR_NONE, key);
}

static struct answer renew_it(EVP_PKEY *with, EVP_PKEY *key)
{
	return ask(EST_REENROLL, STR_NONE, print_of(with), key);
}

static int use(EVP_PKEY *key, const struct dev *d, uint32_t generation)
{
	struct ipaddr from = { 4, { 127, 0, 0, 1 } };

	return enrol_used(en, print_of(key), d->id, generation, &from);
}

static bool knows(const struct dev *d)
{
	unsigned char psk[CODE_PSK], want[CODE_PSK];
	bool known;

	enrol_psk(en, str_of(d->handle), psk, &known);
	ck_assert_int_eq(code_psk(&d->code.code, STR("est"), STR("/id-in"), want), 0);
	ck_assert((memcmp(psk, want, sizeof(psk)) == 0) == known);
	return known;
}

/* --- tests ------------------------------------------------------------------------------------------------------------- */

START_TEST(from_code_to_active)
{
	EVP_PKEY *k = pki_key(), *other = pki_key();
	struct dev d;

	add(&d, "c1", "CDev1");
	ck_assert(knows(&d));
	struct answer first = enrol_it(&d, k), again = enrol_it(&d, k);
	ck_assert_uint_eq(first.status, 200);
	ck_assert(again.status == 200 && str_eq(first.body, again.body));
	struct cred_info c = info_of(&d);
	ck_assert(c.state == CRED_ENROLLED && c.generation == 1 && c.base_generation == 1 && str_eq(c.fingerprint, print_of(k)));
	ck_assert_int_eq(c.not_after - c.not_before, 24 * HOUR - c.not_before % 1000000);
	ck_assert_int_eq(use(k, &d, 1), 0);
	ck_assert_int_eq(state_of(&d), CRED_ACTIVE);
	ck_assert_uint_eq(enrol_it(&d, other).status, 403);
	ck_assert_int_eq(state_of(&d), CRED_LOCKED);
	ck_assert_msg(!knows(&d), "a locked device's code opens nothing");
	EVP_PKEY_free(k);
	EVP_PKEY_free(other);
}
END_TEST

START_TEST(handles_that_nobody_knows)
{
	unsigned char a[CODE_PSK], b[CODE_PSK];
	bool known;

	enrol_psk(en, STR("00000000000000000000000000000000"), a, &known);
	ck_assert(!known);
	enrol_psk(en, STR("00000000000000000000000000000000"), b, &known);
	ck_assert_msg(memcmp(a, b, sizeof(a)) == 0, "the same handle fails the same way");
	enrol_psk(en, STR("00000000000000000000000000000001"), b, &known);
	ck_assert(memcmp(a, b, sizeof(a)) != 0);
}
END_TEST

START_TEST(codes_end)
{
	EVP_PKEY *k = pki_key();
	struct dev d;

	add(&d, "c1", "CDev1");
	pass(23 * HOUR);
	ck_assert(knows(&d) && state_of(&d) == CRED_CODE_OUT);
	pass(HOUR + MINUTE);
	ck_assert(!knows(&d) && state_of(&d) == CRED_ADDED);
	ck_assert_uint_eq(enrol_it(&d, k).status, 403);
	restart();
	ck_assert(!knows(&d) && state_of(&d) == CRED_ADDED);
	/* Another one. */
	struct cred_info c = info_of(&d);
	enrol_code_state(&c, clock_wall_us(room.clock));
	ck_assert_int_eq(c.state, CRED_CODE_OUT);
	give_code(&d, &c);
	ck_assert_uint_eq(enrol_it(&d, k).status, 200);
	EVP_PKEY_free(k);
}
END_TEST

/* A device's record is one's to write at a time: who comes between is told so, and nothing of his happens. */
START_TEST(a_record_is_written_by_one)
{
	struct enrol_code other;
	struct tx *tx;
	struct dev d;

	add(&d, "c1", "CDev1");
	enrol_code_make(en, d.id, 0, 0, &other);
	for (int i = 0; i < 2; i++) {
		tx = store_begin(room.store, &room.a, TX_WRITE);
		if (i == 0)
			ck_assert_int_eq(enrol_code_put(en, tx, &other), 0);
		else
			ck_assert_int_eq(enrol_code_end(en, tx, d.id), 1);
		ck_assert_int_eq(enrol_code_put(en, tx, &d.code), E_AGAIN);
		ck_assert_int_eq(enrol_code_end(en, tx, d.id), E_AGAIN);
		store_end(tx);
		enrol_code_drop(en, &other);
		ck_assert(knows(&d));
	}
	/* What has no code has none that could end, and is no device yet. */
	tx = store_begin(room.store, &room.a, TX_WRITE);
	ck_assert_int_eq(enrol_code_end(en, tx, STR("nobody")), 0);
	ck_assert_int_eq(enrol_code_end(en, tx, d.id), 1);
	room_commit(&room, tx);
	enrol_code_ended(en, d.id);
	ck_assert(!knows(&d));
	tx = store_begin(room.store, &room.a, TX_WRITE);
	ck_assert_int_eq(enrol_code_end(en, tx, d.id), 0);
	store_end(tx);
	restart();
	ck_assert(!knows(&d));
}
END_TEST

START_TEST(a_new_code_ends_the_one_before)
{
	EVP_PKEY *k = pki_key(), *k2 = pki_key();
	struct dev d, before;

	add(&d, "c1", "CDev1");
	before = d;
	struct cred_info c = info_of(&d);
	give_code(&d, &c);
	ck_assert(knows(&d) && !knows(&before));
	ck_assert_uint_eq(enrol_it(&d, k).status, 200);
	ck_assert_int_eq(use(k, &d, 1), 0);
	/* A device that works goes on until its code is used; then its old key is just unknown, no clone. */
	c = info_of(&d);
	enrol_code_state(&c, clock_wall_us(room.clock));
	ck_assert_int_eq(c.state, CRED_ACTIVE);
	give_code(&d, &c);
	ck_assert_int_eq(use(k, &d, 1), 0);
	ck_assert_uint_eq(enrol_it(&d, k2).status, 200);
	pass(MINUTE);
	ck_assert_int_eq(use(k, &d, 1), E_DENIED);
	ck_assert_int_eq(state_of(&d), CRED_ENROLLED);
	ck_assert_uint_eq(info_of(&d).generation, 2);
	EVP_PKEY_free(k);
	EVP_PKEY_free(k2);
}
END_TEST

static void enrolled(struct dev *d, EVP_PKEY *k)
{
	add(d, "c1", "CDev1");
	ck_assert_uint_eq(enrol_it(d, k).status, 200);
	ck_assert_int_eq(use(k, d, 1), 0);
}

START_TEST(generations)
{
	EVP_PKEY *k1 = pki_key(), *k2 = pki_key(), *k3 = pki_key();
	struct dev d;

	enrolled(&d, k1);
	struct answer first = renew_it(k1, k2), again = renew_it(k1, k2);
	ck_assert(first.status == 200 && again.status == 200 && str_eq(first.body, again.body));
	ck_assert_uint_eq(info_of(&d).generation, 1);
	ck_assert(enrol_is_renewing(en, d.id));
	ck_assert_msg(use(k1, &d, 1) == 0, "the one before goes on until the next is used");
	restart();
	ck_assert_int_eq(use(k2, &d, 2), 0);
	struct cred_info c = info_of(&d);
	ck_assert(c.generation == 2 && c.base_generation == 1 && c.state == CRED_ACTIVE && str_eq(c.fingerprint, print_of(k2)));
	ck_assert(!enrol_is_renewing(en, d.id));
	/* A handshake that was on its way is refused and no more than that. */
	ck_assert_int_eq(use(k1, &d, 1), E_DENIED);
	ck_assert_int_eq(state_of(&d), CRED_ACTIVE);
	ck_assert_uint_eq(renew_it(k1, k3).status, 403);
	ck_assert_int_eq(state_of(&d), CRED_ACTIVE);
	pass(MINUTE);
	ck_assert_int_eq(use(k1, &d, 1), E_DENIED);
	ck_assert_int_eq(state_of(&d), CRED_SUSPENDED);
	EVP_PKEY_free(k1);
	EVP_PKEY_free(k2);
	EVP_PKEY_free(k3);
}
END_TEST

START_TEST(renewed_twice)
{
	EVP_PKEY *k1 = pki_key(), *k2 = pki_key(), *k3 = pki_key();
	struct dev d;

	enrolled(&d, k1);
	ck_assert_uint_eq(renew_it(k1, k1).status, 400);
	ck_assert_uint_eq(renew_it(k1, k2).status, 200);
	ck_assert_uint_eq(renew_it(k1, k3).status, 403);
	ck_assert_int_eq(state_of(&d), CRED_SUSPENDED);
	ck_assert_msg(use(k2, &d, 2) == E_DENIED && state_of(&d) == CRED_SUSPENDED, "neither of the two goes on");
	/* The administrator lets it go on: the renewal that was answered is the one. */
	struct cred_info c = info_of(&d);
	c.state = CRED_ACTIVE;
	room_put_cred(&room, &c);
	ck_assert_int_eq(use(k2, &d, 2), 0);
	ck_assert_uint_eq(info_of(&d).generation, 2);
	EVP_PKEY_free(k1);
	EVP_PKEY_free(k2);
	EVP_PKEY_free(k3);
}
END_TEST

/* An answer that was lost for long is signed again for the same key: the device need not begin anew. */
START_TEST(an_old_answer_is_made_again)
{
	EVP_PKEY *k1 = pki_key(), *k2 = pki_key();
	struct dev d;

	enrolled(&d, k1);
	struct answer first = renew_it(k1, k2);
	pass(5 * HOUR);
	ck_assert(str_eq(renew_it(k1, k2).body, first.body));
	pass(2 * HOUR);
	struct answer again = renew_it(k1, k2);
	ck_assert(again.status == 200 && !str_eq(again.body, first.body));
	ck_assert_int_eq(use(k2, &d, 2), 0);
	ck_assert_int_ge(info_of(&d).not_after, clock_wall_us(room.clock) + 23 * HOUR);
	EVP_PKEY_free(k1);
	EVP_PKEY_free(k2);
}
END_TEST

START_TEST(another_key_by_the_administrator)
{
	EVP_PKEY *k1 = pki_key(), *k2 = pki_key(), *k3 = pki_key();
	struct dev d;

	enrolled(&d, k1);
	ck_assert_uint_eq(renew_it(k1, k2).status, 200);
	struct cred_info c = info_of(&d);
	c.generation = c.base_generation = 2;
	c.fingerprint = print_of(k3);
	room_put_cred(&room, &c);
	ck_assert_msg(use(k2, &d, 2) == E_DENIED, "what was renewed before is of no generation");
	ck_assert_msg(use(k1, &d, 1) == E_DENIED && state_of(&d) == CRED_ACTIVE, "and the key before is no clone");
	EVP_PKEY_free(k1);
	EVP_PKEY_free(k2);
	EVP_PKEY_free(k3);
}
END_TEST

START_TEST(time_of_grace)
{
	EVP_PKEY *k1 = pki_key(), *k2 = pki_key();
	struct dev d;

	enrolled(&d, k1);
	int64_t end = info_of(&d).not_after;
	pass(48 * HOUR);
	ck_assert(enrol_in_grace(en, print_of(k1), end));
	ck_assert_uint_eq(renew_it(k1, k2).status, 200);
	ck_assert(enrol_in_grace(en, print_of(k2), end));
	pass(60 * 24 * HOUR);
	ck_assert(enrol_in_grace(en, print_of(k1), end));
	pass(30 * 24 * HOUR);
	ck_assert_msg(!enrol_in_grace(en, print_of(k1), end), "90 days by default");
	ck_assert(!enrol_in_grace(en, print_of(room.keys ? k2 : k1), end));
	struct cred_info c = info_of(&d);
	c.state = CRED_SUSPENDED;
	room_put_cred(&room, &c);
	ck_assert_msg(!enrol_in_grace(en, print_of(k1), clock_wall_us(room.clock) - HOUR), "of an active credential only");
	ck_assert_msg(!enrol_in_grace(en, STR("01234567890123456789012345678901"), clock_wall_us(room.clock)), "of a key that is known");
	EVP_PKEY_free(k1);
	EVP_PKEY_free(k2);
}
END_TEST

static uint64_t late(void)
{
	return atomic_load(&stats.v[STAT_LIVES_LATE]);
}

/* Devices renew at half of a life, a twentieth earlier or later; who is later is told of three times, and at the end. */
START_TEST(lives_that_go_on)
{
	EVP_PKEY *k1 = pki_key(), *k2 = pki_key();
	struct dev d;
	uint64_t before = late();

	enrolled(&d, k1);
	pass(13 * HOUR);
	ck_assert_uint_eq(late() - before, 0);
	pass(HOUR);
	ck_assert_uint_eq(late() - before, 1);
	pass(3 * HOUR);
	ck_assert_uint_eq(late() - before, 1);
	pass(HOUR + MINUTE);
	ck_assert_uint_eq(late() - before, 2);
	pass(4 * HOUR);
	ck_assert_uint_eq(late() - before, 3);
	pass(3 * HOUR);
	ck_assert_uint_eq(late() - before, 4);
	/* The next one is young again. */
	ck_assert_uint_eq(renew_it(k1, k2).status, 200);
	ck_assert_int_eq(use(k2, &d, 2), 0);
	pass(HOUR);
	ck_assert_uint_eq(late() - before, 4);
	pass(14 * HOUR);
	ck_assert_uint_eq(late() - before, 5);
	EVP_PKEY_free(k1);
	EVP_PKEY_free(k2);
}
END_TEST

START_TEST(keys_of_others)
{
	EVP_PKEY *k1 = pki_key(), *k2 = pki_key(), *m = pki_key();
	struct dev d, e;

	enrolled(&d, k1);
	ck_assert_uint_eq(renew_it(k1, k2).status, 200);
	add(&e, "c2", "CDev2");
	ck_assert_uint_eq(enrol_it(&e, k1).status, 403);
	struct why why = { 0 };
	settle();
	struct tx *tx = store_begin(room.store, &room.a, TX_WRITE);
	ck_assert_msg(lockout_release(room.sec, tx, e.id, &why) == 0, "%s", why.text);
	room_commit(&room, tx);
	lockout_apply_release(room.sec, e.id);
	ck_assert_uint_eq(enrol_it(&e, m).status, 200);
	ck_assert_int_eq(use(m, &e, 1), 0);
	ck_assert_msg(renew_it(m, k2).status == 403, "a key that waits is somebody's, too");
	ck_assert_int_eq(use(k2, &d, 2), 0);
	EVP_PKEY_free(k1);
	EVP_PKEY_free(k2);
	EVP_PKEY_free(m);
}
END_TEST

/* What becomes durable together may be told in either order: the later change stays. */
START_TEST(changes_that_cross)
{
	EVP_PKEY *k1 = pki_key();
	struct why why = { 0 };
	struct dev d;

	enrolled(&d, k1);
	struct cred_info a = info_of(&d), b = a;
	struct tx *tx = store_begin(room.store, &room.a, TX_WRITE);
	a.max_ae = 7;
	ck_assert_int_eq(cred_put(room.sec, tx, &a, &why), 0);
	room_commit(&room, tx);
	tx = store_begin(room.store, &room.a, TX_WRITE);
	struct cred_info latest;
	ck_assert(cred_latest(room.sec, tx, d.id, &latest) && latest.max_ae == 7);
	b.state = CRED_REVOKED;
	ck_assert_int_eq(cred_put(room.sec, tx, &b, &why), 0);
	room_commit(&room, tx);
	cred_apply(room.sec, &b);
	cred_apply(room.sec, &a);
	ck_assert_int_eq(state_of(&d), CRED_REVOKED);
	EVP_PKEY_free(k1);
}
END_TEST

static uint64_t noted(enum ledger_kind kind, struct str key)
{
	uint64_t v = 0;

	return ledger_says(security_ledger(room.sec), kind, key, &v) ? v : UINT64_MAX;
}

/* The ledger hears of a generation when the store has it, and of what a crash kept from it at the next start. */
START_TEST(what_the_ledger_hears)
{
	EVP_PKEY *k1 = pki_key(), *k2 = pki_key();
	struct dev d;

	enrolled(&d, k1);
	ck_assert_uint_eq(renew_it(k1, k2).status, 200);
	ck_assert_int_eq(use(k2, &d, 2), 0);
	settle();
	ck_assert_uint_eq(noted(LEDGER_GENERATION, d.id), 2);
	restart(); /* with an empty ledger */
	ck_assert_uint_ne(noted(LEDGER_CODE_USED, str_of(d.handle)), UINT64_MAX);
	EVP_PKEY_free(k1);
	EVP_PKEY_free(k2);
}
END_TEST

static struct answer ask_unbound(EVP_PKEY *with, EVP_PKEY *key)
{
	struct answer a = { 0 };
	struct est_ask q = { .op = EST_REENROLL, .fingerprint = print_of(with), .body = csr(key), .loop = loop, .done = on_answer, .arg = &a };

	enrol_est(en, &q);
	return a;
}

/* TLS 1.2 has nothing to bind a request to: refused, but no attack of an honest device. */
START_TEST(sessions_without_a_binding)
{
	EVP_PKEY *k1 = pki_key(), *k2 = pki_key();
	struct dev d;

	enrolled(&d, k1);
	ck_assert_uint_eq(ask_unbound(k1, k2).status, 400);
	ck_assert_int_eq(state_of(&d), CRED_ACTIVE);
	ck_assert_uint_eq(renew_it(k1, k2).status, 200);
	EVP_PKEY_free(k1);
	EVP_PKEY_free(k2);
}
END_TEST

/* Each renewal costs a signature, a row, a fact and an event: a device that makes them without end is told to wait. */
START_TEST(renewals_without_end)
{
	EVP_PKEY *k = pki_key(), *next;
	unsigned n = 0, status;
	struct dev d;

	enrolled(&d, k);
	for (;; n++) {
		next = pki_key();
		status = renew_it(k, next).status;
		if (status != 200 || n > 200)
			break;
		ck_assert_int_eq(use(next, &d, n + 2), 0);
		EVP_PKEY_free(k);
		k = next;
	}
	ck_assert_uint_eq(status, 503);
	ck_assert_msg(n >= 32 && n <= 64, "%u", n);
	ck_assert_int_eq(state_of(&d), CRED_ACTIVE);
	pass(24 * HOUR / 64 + MINUTE);
	ck_assert_uint_eq(renew_it(k, next).status, 200);
	EVP_PKEY_free(k);
	EVP_PKEY_free(next);
}
END_TEST

/* Locked for a time is no time for a new certificate either, whatever session is left or may be had. */
START_TEST(no_renewal_while_locked)
{
	EVP_PKEY *k1 = pki_key(), *k2 = pki_key();
	struct dev d;

	enrolled(&d, k1);
	for (int i = 0; i < 10; i++)
		lockout_strike_credential(room.sec, d.id, STRIKE_UNKNOWN_NAME);
	ck_assert_int_eq(state_of(&d), CRED_ACTIVE);
	ck_assert_uint_eq(renew_it(k1, k2).status, 403);
	pass(11 * MINUTE);
	ck_assert_uint_eq(renew_it(k1, k2).status, 200);
	EVP_PKEY_free(k1);
	EVP_PKEY_free(k2);
}
END_TEST

/* As many issuing CAs of the time before as may still count: a device learns of all of them. */
START_TEST(every_authority_that_counts)
{
	EVP_PKEY *k = pki_key();
	STACK_OF(X509) *certs = NULL;
	struct why why = { 0 };
	unsigned olds = 0;
	int err;

	while ((err = ca_rotate(pki.ca, ROOM_NOW + 1000 * HOUR, &why)) == 0)
		olds++;
	ck_assert_msg(err == E_LIMIT && olds >= 16, "%u: %s", olds, why.text);
	struct answer a = ask(EST_CACERTS, STR_NONE, STR_NONE, k);
	ck_assert_uint_eq(a.status, 200);
	ck_assert_msg(est_certs(a.body, &certs, &why) == 0, "%s", why.text);
	ck_assert_int_eq(sk_X509_num(certs), (int)olds + 2);
	sk_X509_pop_free(certs, X509_free);
	EVP_PKEY_free(k);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("enrol");
	TCase *t = tcase_create("enrol");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, from_code_to_active);
	tcase_add_test(t, handles_that_nobody_knows);
	tcase_add_test(t, codes_end);
	tcase_add_test(t, a_record_is_written_by_one);
	tcase_add_test(t, a_new_code_ends_the_one_before);
	tcase_add_test(t, generations);
	tcase_add_test(t, renewed_twice);
	tcase_add_test(t, an_old_answer_is_made_again);
	tcase_add_test(t, another_key_by_the_administrator);
	tcase_add_test(t, time_of_grace);
	tcase_add_test(t, lives_that_go_on);
	tcase_add_test(t, keys_of_others);
	tcase_add_test(t, changes_that_cross);
	tcase_add_test(t, what_the_ledger_hears);
	tcase_add_test(t, sessions_without_a_binding);
	tcase_add_test(t, renewals_without_end);
	tcase_add_test(t, no_renewal_while_locked);
	tcase_add_test(t, every_authority_that_counts);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
