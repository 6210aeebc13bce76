/* SPDX-License-Identifier: Apache-2.0 */
/* Tickets with OpenSSL's own client over a socket pair: who comes back with one, and who has to prove its key again. */
#include "security/tls_ticket.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include "security/cert.h"
#include "security/tls.h"
#include "tests/unit/security/pki.h"
#include "tests/unit/security/room.h"

#define MINUTE INT64_C(60000000)

/* A server with its authority and its credentials on one clock; one device. */
struct rig {
	struct room room;
	struct pki p;
	struct tls *tls;
	EVP_PKEY *key;
	struct cred_info cred;
	SSL_CTX *ctx;          /* the device's */
	SSL_SESSION *session;  /* the latest that it was given */
	unsigned given;
};

static int on_session(SSL *ssl, SSL_SESSION *s)
{
	struct rig *r = SSL_get_app_data(ssl);
	SSL_SESSION_free(r->session);
	r->session = s;
	r->given++;
	return 1;
}

static void rig_init(struct rig *r)
{
	struct why why = { 0 };
	struct buf chain;
	char ca[256];
	X509 *certs[4];
	unsigned n;

	memset(r, 0, sizeof(*r));
	room_init(&r->room);
	pki_init(&r->p, ROOM_NOW);
	clock_free(r->p.clock);
	r->p.clock = r->p.o.clock = r->room.clock;
	pki_open(&r->p);
	ck_assert_msg(tls_new(r->p.ca, r->room.sec, 2, &r->tls, &why) == 0, "%s", why.text);
	r->key = pki_key();
	buf_init(&chain, 65536);
	ck_assert_int_eq(pki_issue(&r->p, r->key, CRED_DEVICE, "CDev1", &chain, &why), 0);
	r->cred = room_info(&r->room, "cdev", CRED_DEVICE, "CDev1");
	unsigned char *fp = arena_alloc(&r->room.a, 32);
	ck_assert_int_eq(cert_key_fingerprint(r->key, fp), 0);
	r->cred.fingerprint = str_make((char *)fp, 32);
	room_put_cred(&r->room, &r->cred);

	r->ctx = SSL_CTX_new(TLS_client_method());
	ck_assert_int_eq(SSL_CTX_load_verify_file(r->ctx, state_path(&r->p.st, "ca/root.pem", ca)), 1);
	SSL_CTX_set_verify(r->ctx, SSL_VERIFY_PEER, NULL);
	ck_assert_int_eq(cert_read_pem(buf_as_str(&chain), certs, 4, &n), 0);
	ck_assert_int_eq(SSL_CTX_use_certificate(r->ctx, certs[0]), 1);
	X509_free(certs[0]);
	for (unsigned i = 1; i < n; i++)
		ck_assert_int_eq(SSL_CTX_add0_chain_cert(r->ctx, certs[i]), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(r->ctx, r->key), 1);
	SSL_CTX_set_session_cache_mode(r->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(r->ctx, on_session);
	buf_fini(&chain);
}

static void rig_fini(struct rig *r)
{
	SSL_SESSION_free(r->session);
	SSL_CTX_free(r->ctx);
	EVP_PKEY_free(r->key);
	tls_free(r->tls);
	r->p.clock = NULL;
	ca_close(r->p.ca);
	keystore_close(r->p.ks);
	state_fini(&r->p.st);
	room_fini(&r->room);
	ERR_clear_error();
}

struct visit {
	bool up, reused, accepted;
	bool shown;      /* the server holds a certificate */
	int64_t left_ns; /* until the connection has to end */
	unsigned given;
};

static void step(SSL *ssl, bool *up, bool *failed)
{
	if (*up || *failed)
		return;
	int n = SSL_do_handshake(ssl), e = SSL_get_error(ssl, n);
	*up = n == 1;
	*failed = n != 1 && e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE;
}

/* Connects to loop i, with the session when there is one; a byte each way, by which the ticket comes. */
static struct visit visit(struct rig *r, unsigned loop, SSL_SESSION *session)
{
	struct visit v = { 0 };
	int fd[2];
	bool up[2] = { 0 }, failed[2] = { 0 };
	unsigned before = r->given;
	struct peer *peer = NULL;
	char c;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	SSL *server = tls_accept(r->tls, loop), *client = SSL_new(r->ctx);
	ck_assert(server && client);
	SSL_set_fd(server, fd[0]);
	SSL_set_fd(client, fd[1]);
	SSL_set_connect_state(client);
	SSL_set_app_data(client, r);
	X509_VERIFY_PARAM_set_time(SSL_get0_param(client), (time_t)(clock_wall_us(r->room.clock) / 1000000));
	if (session)
		ck_assert_int_eq(SSL_set_session(client, session), 1);
	for (int i = 0; i < 20; i++) {
		step(client, &up[0], &failed[0]);
		step(server, &up[1], &failed[1]);
	}
	v.up = up[0] && up[1];
	if (v.up) {
		v.reused = SSL_session_reused(server);
		ck_assert_int_eq(SSL_session_reused(client), v.reused);
		v.shown = SSL_get0_peer_certificate(server) != NULL;
		v.left_ns = tls_ends_ns(r->tls, server) - clock_mono_ns(r->room.clock);
		v.accepted = tls_peer(r->tls, server, NULL, &peer) == 0;
		ck_assert_int_eq(SSL_write(client, "x", 1), 1);
		ck_assert_int_eq(SSL_read(server, &c, 1), 1);
		ck_assert_int_eq(SSL_write(server, "y", 1), 1);
		ck_assert_int_eq(SSL_read(client, &c, 1), 1);
	}
	v.given = r->given - before;
	peer_unref(peer);
	/* OpenSSL gives up the session of a connection that ended without goodbye. */
	SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(server);
	SSL_free(client);
	close(fd[0]);
	close(fd[1]);
	ERR_clear_error();
	return v;
}

/* A copy of the session that the device has now: OpenSSL's client uses one only once. */
static SSL_SESSION *keep(struct rig *r)
{
	ck_assert_ptr_nonnull(r->session);
	SSL_SESSION *s = SSL_SESSION_dup(r->session);
	ck_assert_ptr_nonnull(s);
	return s;
}

/* Takes s. */
static bool resumes(struct rig *r, SSL_SESSION *s)
{
	struct visit v = visit(r, 0, s);
	SSL_SESSION_free(s);
	ck_assert(v.up);
	return v.reused;
}

START_TEST(a_ticket_is_given_and_taken)
{
	struct rig r;

	rig_init(&r);
	struct visit v = visit(&r, 0, NULL);
	ck_assert(v.up && !v.reused && v.accepted);
	ck_assert_uint_eq(v.given, 1);
	ck_assert_uint_eq(SSL_SESSION_get_max_early_data(r.session), 0);
	ck_assert_uint_le(SSL_SESSION_get_ticket_lifetime_hint(r.session), 3600);
	/* Keys are shared by all loops. */
	SSL_SESSION *s = keep(&r);
	v = visit(&r, 1, s);
	ck_assert(v.up && v.reused && v.accepted);
	ck_assert_uint_eq(v.given, 1);
	SSL_SESSION_free(s);
	rig_fini(&r);
}
END_TEST

/* No certificate goes into a ticket; what was said in it counts nevertheless. */
START_TEST(a_ticket_stands_for_the_certificate)
{
	struct rig r;
	const unsigned char *ticket;
	size_t n;

	rig_init(&r);
	struct visit v = visit(&r, 0, NULL);
	ck_assert(v.up && v.shown);
	SSL_SESSION_get0_ticket(r.session, &ticket, &n);
	ck_assert_int_lt((int)n, i2d_X509(SSL_CTX_get0_certificate(r.ctx), NULL));
	for (int i = 0; i < 2; i++) {
		SSL_SESSION *s = keep(&r);
		v = visit(&r, 0, s);
		ck_assert(v.up && v.reused && v.accepted && !v.shown);
		ck_assert_int_eq(v.left_ns, (r.cred.not_after - clock_wall_us(r.room.clock)) * 1000);
		SSL_SESSION_free(s);
	}
	rig_fini(&r);
}
END_TEST

START_TEST(who_is_not_accepted_gets_none)
{
	struct rig r;

	rig_init(&r);
	r.cred.state = CRED_SUSPENDED;
	room_put_cred(&r.room, &r.cred);
	struct visit v = visit(&r, 0, NULL);
	ck_assert(v.up && !v.accepted);
	ck_assert_uint_eq(v.given, 0);
	rig_fini(&r);
}
END_TEST

START_TEST(no_ticket_in_tls_1_2)
{
	struct rig r;

	rig_init(&r);
	SSL_CTX_set_max_proto_version(r.ctx, TLS1_2_VERSION);
	struct visit v = visit(&r, 0, NULL);
	ck_assert(v.up && v.accepted);
	if (r.session) {
		ck_assert_int_eq(SSL_SESSION_has_ticket(r.session), 0);
		ck_assert(!resumes(&r, keep(&r)));
	}
	rig_fini(&r);
}
END_TEST

/* What may happen to a credential between two visits. */
static void change(struct rig *r, int i)
{
	switch (i) {
	case 0:
		r->cred.state = CRED_REVOKED;
		break;
	case 1:
		r->cred.state = CRED_SUSPENDED;
		break;
	case 2: /* renewed: another generation; the key stays for the test's sake */
		r->cred.generation++;
		break;
	default:
		r->cred.not_after = clock_wall_us(r->room.clock) - 1;
		break;
	}
	room_put_cred(&r->room, &r->cred);
}

START_TEST(a_changed_credential_proves_itself_again)
{
	struct rig r;

	rig_init(&r);
	visit(&r, 0, NULL);
	SSL_SESSION *s = keep(&r);
	change(&r, _i);
	struct visit v = visit(&r, 0, s);
	ck_assert(v.up && !v.reused);
	ck_assert(v.accepted == (_i == 2));
	SSL_SESSION_free(s);
	rig_fini(&r);
}
END_TEST

START_TEST(suspended_and_resumed_is_as_before)
{
	struct rig r;

	rig_init(&r);
	visit(&r, 0, NULL);
	SSL_SESSION *s = keep(&r);
	r.cred.state = CRED_SUSPENDED;
	room_put_cred(&r.room, &r.cred);
	r.cred.state = CRED_ACTIVE;
	room_put_cred(&r.room, &r.cred);
	ck_assert(resumes(&r, s));
	rig_fini(&r);
}
END_TEST

/* An hour from the proof of the key, however often a ticket was exchanged for another meanwhile. */
START_TEST(an_hour_from_the_proof)
{
	struct rig r;

	rig_init(&r);
	visit(&r, 0, NULL);
	SSL_SESSION *first = keep(&r), *again = keep(&r);
	for (int i = 0; i < 3; i++) {
		clock_advance_us(r.room.clock, 19 * MINUTE);
		ck_assert(resumes(&r, keep(&r)));
	}
	clock_advance_us(r.room.clock, 2 * MINUTE);
	ck_assert(resumes(&r, first));
	clock_advance_us(r.room.clock, 1 * MINUTE);
	SSL_SESSION *last = keep(&r);
	ck_assert(!resumes(&r, last));
	ck_assert(!resumes(&r, again));
	/* That was a full handshake, so another hour has begun. */
	ck_assert(resumes(&r, keep(&r)));
	rig_fini(&r);
}
END_TEST

START_TEST(never_past_the_certificate)
{
	struct rig r;

	rig_init(&r);
	r.cred.not_after = ROOM_NOW + 10 * MINUTE;
	room_put_cred(&r.room, &r.cred);
	visit(&r, 0, NULL);
	ck_assert_uint_le(SSL_SESSION_get_ticket_lifetime_hint(r.session), 600);
	clock_advance_us(r.room.clock, 9 * MINUTE);
	ck_assert(resumes(&r, keep(&r)));
	clock_advance_us(r.room.clock, 1 * MINUTE);
	SSL_SESSION *s = keep(&r);
	struct visit v = visit(&r, 0, s);
	ck_assert(!v.reused && !v.accepted);
	SSL_SESSION_free(s);
	rig_fini(&r);
}
END_TEST

/* A clock that was put back must not make an old ticket young. */
START_TEST(a_clock_before_the_proof)
{
	struct rig r;

	rig_init(&r);
	visit(&r, 0, NULL);
	clock_jump_us(r.room.clock, -MINUTE);
	ck_assert(!resumes(&r, keep(&r)));
	rig_fini(&r);
}
END_TEST

START_TEST(dropped_with_policy_and_contexts)
{
	struct rig r;
	struct why why = { 0 };

	rig_init(&r);
	visit(&r, 0, NULL);
	tls_drop_tickets(r.tls);
	ck_assert(!resumes(&r, keep(&r)));
	ck_assert(resumes(&r, keep(&r)));
	ck_assert_int_eq(tls_renew(r.tls, &why), 0);
	ck_assert(!resumes(&r, keep(&r)));
	rig_fini(&r);
}
END_TEST

/* A key gives tickets for an hour; what it gave in its last minute is taken for an hour more. */
START_TEST(keys_change_by_the_hour)
{
	struct rig r;

	rig_init(&r);
	visit(&r, 0, NULL);
	clock_advance_us(r.room.clock, 59 * MINUTE);
	visit(&r, 0, NULL);
	SSL_SESSION *late = keep(&r);
	clock_advance_us(r.room.clock, 2 * MINUTE);
	visit(&r, 0, NULL);
	SSL_SESSION *next = keep(&r);
	/* The name of the key stands in front of a ticket: another key has another name. */
	const unsigned char *a, *b;
	size_t na, nb;
	SSL_SESSION_get0_ticket(late, &a, &na);
	SSL_SESSION_get0_ticket(next, &b, &nb);
	ck_assert(na > 16 && nb > 16 && memcmp(a, b, 16) != 0);
	tls_tick(r.tls);
	clock_advance_us(r.room.clock, 55 * MINUTE);
	tls_tick(r.tls);
	ck_assert(resumes(&r, late));
	ck_assert(resumes(&r, next));
	rig_fini(&r);
}
END_TEST

/* A ticket is bytes from outside: each of them changed leads to a full handshake. */
START_TEST(a_changed_ticket)
{
	struct rig r;

	rig_init(&r);
	for (int i = 0; i < 24; i++) {
		visit(&r, 0, NULL);
		unsigned char *der = NULL;
		int n = i2d_SSL_SESSION(r.session, &der);
		const unsigned char *t, *at;
		size_t nt;
		SSL_SESSION_get0_ticket(r.session, &t, &nt);
		unsigned char *inside = memmem(der, (size_t)n, t, nt);
		ck_assert_ptr_nonnull(inside);
		inside[(size_t)i * nt / 24] ^= 1;
		at = der;
		SSL_SESSION *s = d2i_SSL_SESSION(NULL, &at, n);
		OPENSSL_free(der);
		ck_assert_ptr_nonnull(s);
		struct visit v = visit(&r, 0, s);
		ck_assert_msg(v.up && !v.reused && v.accepted, "byte %d", i);
		SSL_SESSION_free(s);
	}
	rig_fini(&r);
}
END_TEST

/* A client that sends early data with a ticket of ours, whatever the ticket says: not a byte of it is read. */
START_TEST(early_data_is_never_read)
{
	struct rig r;
	int fd[2];
	size_t n;
	char c;
	bool up = false, failed = false;

	rig_init(&r);
	visit(&r, 0, NULL);
	SSL_SESSION *s = keep(&r);
	ck_assert_int_eq(SSL_SESSION_set_max_early_data(s, 4096), 1);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	SSL *server = tls_accept(r.tls, 0), *client = SSL_new(r.ctx);
	SSL_set_fd(server, fd[0]);
	SSL_set_fd(client, fd[1]);
	SSL_set_connect_state(client);
	SSL_set_app_data(client, &r);
	X509_VERIFY_PARAM_set_time(SSL_get0_param(client), (time_t)(clock_wall_us(r.room.clock) / 1000000));
	ck_assert_int_eq(SSL_set_session(client, s), 1);
	ck_assert_int_eq(SSL_write_early_data(client, "early", 5, &n), 1);
	ck_assert_uint_eq(n, 5);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_le(SSL_read(server, &c, 1), 0);
		step(client, &up, &failed);
	}
	ck_assert(up && !failed);
	ck_assert_int_eq(SSL_get_early_data_status(client), SSL_EARLY_DATA_REJECTED);
	ck_assert_int_eq(SSL_write(client, "x", 1), 1);
	ck_assert_int_eq(SSL_read(server, &c, 1), 1);
	ck_assert_int_eq(c, 'x');
	SSL_free(server);
	SSL_free(client);
	SSL_SESSION_free(s);
	close(fd[0]);
	close(fd[1]);
	rig_fini(&r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tls_ticket");
	TCase *tc = tcase_create("tls_ticket");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_ticket_is_given_and_taken);
	tcase_add_test(tc, a_ticket_stands_for_the_certificate);
	tcase_add_test(tc, who_is_not_accepted_gets_none);
	tcase_add_test(tc, no_ticket_in_tls_1_2);
	tcase_add_loop_test(tc, a_changed_credential_proves_itself_again, 0, 4);
	tcase_add_test(tc, suspended_and_resumed_is_as_before);
	tcase_add_test(tc, an_hour_from_the_proof);
	tcase_add_test(tc, never_past_the_certificate);
	tcase_add_test(tc, a_clock_before_the_proof);
	tcase_add_test(tc, dropped_with_policy_and_contexts);
	tcase_add_test(tc, keys_change_by_the_hour);
	tcase_add_test(tc, a_changed_ticket);
	tcase_add_test(tc, early_data_is_never_read);
	suite_add_tcase(suite, tc);
	SRunner *r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
