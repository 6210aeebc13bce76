/* SPDX-License-Identifier: Apache-2.0 */
/* TLS contexts against OpenSSL's own client over a socket pair: who gets in, who does not, and what is never negotiated. */
#include "security/tls.h"

#include <fcntl.h>
#include <malloc.h>
#include <openssl/err.h>
#include <pthread.h>
#include <sys/socket.h>

#include "security/cert.h"
#include "tests/unit/security/pki.h"

/* A server with its authority, and the files of one client. */
struct rig {
	struct pki p;
	struct tls *tls;
	EVP_PKEY *key;      /* the client's */
	char ca_file[256];
	struct buf chain;   /* what the client shows, PEM */
};

static void rig_init(struct rig *r)
{
	struct why why = { 0 };
	pki_init(&r->p, 0);
	pki_open(&r->p);
	ck_assert_msg(tls_new(r->p.ca, NULL, 2, &r->tls, &why) == 0, "%s", why.text);
	r->key = pki_key();
	buf_init(&r->chain, 65536);
	ck_assert_int_eq(pki_issue(&r->p, r->key, CRED_DEVICE, "CDev1", &r->chain, &why), 0);
	state_path(&r->p.st, "ca/root.pem", r->ca_file);
}

static void rig_fini(struct rig *r)
{
	buf_fini(&r->chain);
	EVP_PKEY_free(r->key);
	tls_free(r->tls);
	pki_fini(&r->p);
}

/* OpenSSL's client with OpenSSL's defaults: what a stranger would use. */
static SSL_CTX *client_ctx(struct rig *r)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	ck_assert_int_eq(SSL_CTX_load_verify_file(ctx, r->ca_file), 1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return ctx;
}

static void client_use(SSL_CTX *ctx, const struct buf *pem, EVP_PKEY *key)
{
	X509 *certs[4];
	unsigned n;
	ck_assert_int_eq(cert_read_pem(buf_as_str(pem), certs, 4, &n), 0);
	ck_assert_int_eq(SSL_CTX_use_certificate(ctx, certs[0]), 1);
	X509_free(certs[0]);
	for (unsigned i = 1; i < n; i++)
		ck_assert_int_eq(SSL_CTX_add0_chain_cert(ctx, certs[i]), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(ctx, key), 1);
}

struct link {
	SSL *server, *client;
	int fd[2];
	bool server_up, client_up, server_failed, client_failed;
};

static void step(SSL *ssl, bool *up, bool *failed)
{
	if (*up || *failed)
		return;
	int r = SSL_do_handshake(ssl);
	*up = r == 1;
	int e = SSL_get_error(ssl, r);
	*failed = r != 1 && e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE;
}

static void link_open(struct rig *r, struct link *l, SSL_CTX *ctx)
{
	memset(l, 0, sizeof(*l));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, l->fd), 0);
	l->server = tls_accept(r->tls, 1);
	l->client = SSL_new(ctx);
	ck_assert(l->server && l->client);
	SSL_set_fd(l->server, l->fd[0]);
	SSL_set_fd(l->client, l->fd[1]);
	SSL_set_connect_state(l->client);
}

static bool link_shake(struct link *l)
{
	for (int i = 0; i < 20; i++) {
		step(l->client, &l->client_up, &l->client_failed);
		step(l->server, &l->server_up, &l->server_failed);
	}
	return l->server_up && l->client_up;
}

static void link_close(struct link *l)
{
	SSL_free(l->server);
	SSL_free(l->client);
	close(l->fd[0]);
	close(l->fd[1]);
	ERR_clear_error();
}

/* Whether a client with this context gets in; it is up only when bytes come through. */
static bool gets_in(struct rig *r, SSL_CTX *ctx)
{
	struct link l;
	char c = 0;
	link_open(r, &l, ctx);
	bool in = link_shake(&l);
	if (in) {
		ck_assert_int_eq(SSL_write(l.client, "x", 1), 1);
		ck_assert_int_eq(SSL_read(l.server, &c, 1), 1);
		ck_assert_int_eq(c, 'x');
		ck_assert_int_eq(SSL_write(l.server, "y", 1), 1);
		ck_assert_int_eq(SSL_read(l.client, &c, 1), 1);
		ck_assert_int_eq(c, 'y');
	} else {
		ck_assert(l.server_failed);
	}
	link_close(&l);
	return in;
}

START_TEST(a_device_gets_in)
{
	struct rig r;
	struct link l;

	rig_init(&r);
	SSL_CTX *ctx = client_ctx(&r);
	client_use(ctx, &r.chain, r.key);
	ck_assert(gets_in(&r, ctx));
	link_open(&r, &l, ctx);
	ck_assert_int_eq(SSL_set1_host(l.client, "id-in.troth.example"), 1);
	ck_assert(link_shake(&l));
	ck_assert_int_eq(SSL_version(l.server), TLS1_3_VERSION);
	ck_assert_int_eq(SSL_get_verify_result(l.client), X509_V_OK);
	unsigned char fp[32], want[32];
	ck_assert_int_eq(cert_fingerprint(SSL_get0_peer_certificate(l.server), fp), 0);
	ck_assert_int_eq(cert_key_fingerprint(r.key, want), 0);
	ck_assert_mem_eq(fp, want, 32);
	link_close(&l);
	/* TLS 1.2 with ECDHE and AEAD. */
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	link_open(&r, &l, ctx);
	ck_assert(link_shake(&l));
	ck_assert_int_eq(SSL_version(l.server), TLS1_2_VERSION);
	ck_assert_int_eq(SSL_CIPHER_is_aead(SSL_get_current_cipher(l.server)), 1);
	ck_assert_ptr_nonnull(strstr(SSL_get_cipher_name(l.server), "ECDHE"));
	ck_assert_int_eq(SSL_get_extms_support(l.server), 1);
	link_close(&l);
	SSL_CTX_free(ctx);
	rig_fini(&r);
}
END_TEST

START_TEST(without_certificate_refused)
{
	struct rig r;
	struct link l;

	rig_init(&r);
	SSL_CTX *ctx = client_ctx(&r);
	ck_assert(!gets_in(&r, ctx));
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	ck_assert(!gets_in(&r, ctx));
	link_open(&r, &l, ctx);
	link_shake(&l);
	struct peer *peer;
	ck_assert_int_eq(tls_peer(r.tls, l.server, NULL, &peer), E_DENIED);
	link_close(&l);
	SSL_CTX_free(ctx);
	rig_fini(&r);
}
END_TEST

START_TEST(foreign_authority_refused)
{
	struct rig r;
	struct pki other;
	struct why why = { 0 };
	struct buf pem;
	EVP_PKEY *key = pki_key();

	rig_init(&r);
	pki_init(&other, 0);
	pki_open(&other);
	buf_init(&pem, 65536);
	ck_assert_int_eq(pki_issue(&other, key, CRED_DEVICE, "CDev1", &pem, &why), 0);
	SSL_CTX *ctx = client_ctx(&r);
	client_use(ctx, &pem, key);
	ck_assert(!gets_in(&r, ctx));
	/* And its server is no server of ours: the client refuses. */
	struct link l;
	SSL_CTX *mine = NULL;
	char path[256];
	ck_assert_int_eq(tls_client_new(state_path(&other.st, "ca/root.pem", path), NULL, NULL, &mine, &why), 0);
	link_open(&r, &l, mine);
	ck_assert(!link_shake(&l));
	ck_assert(l.client_failed);
	ck_assert_int_ne(SSL_get_verify_result(l.client), X509_V_OK);
	link_close(&l);
	SSL_CTX_free(mine);
	SSL_CTX_free(ctx);
	buf_fini(&pem);
	EVP_PKEY_free(key);
	pki_fini(&other);
	rig_fini(&r);
}
END_TEST

/* Certificates that our own issuing key signed, but as no ca_issue would. */
static void sign_with(struct rig *r, const char *ca_key, const char *ca_file, struct cert_plan *plan, const char *host, struct buf *out)
{
	struct why why = { 0 };
	EVP_PKEY *k = NULL;
	X509 *issuer = NULL, *x = NULL;
	unsigned char pem[8192];
	unsigned n;
	GENERAL_NAMES *gens = sk_GENERAL_NAME_new_null();

	ck_assert_int_eq(keystore_key(r->p.ks, ca_key, false, &k, &why), 0);
	size_t len = state_read(&r->p.st, ca_file, pem, sizeof(pem));
	ck_assert_int_eq(cert_read_pem(str_make((char *)pem, len), &issuer, 1, &n), 0);
	if (host)
		ck_assert_int_eq(cert_host_add(gens, str_of(host), &why), 0);
	plan->cn = "x";
	plan->issuer = issuer;
	plan->issuer_key = k;
	plan->names = gens;
	ck_assert_int_eq(cert_make(r->p.st.rnd, plan, &x, &why), 0);
	buf_reset(out);
	ck_assert_int_eq(cert_put_pem(out, x), 0);
	ck_assert_int_eq(cert_put_pem(out, issuer), 0);
	GENERAL_NAMES_free(gens);
	X509_free(x);
	X509_free(issuer);
	EVP_PKEY_free(k);
}

START_TEST(bad_certificates_refused)
{
	struct rig r;
	struct buf pem;

	rig_init(&r);
	int64_t now = clock_wall_us(r.p.clock);
	const struct cert_plan good = { .subject_key = r.key, .from_us = now - PKI_HOUR, .to_us = now + PKI_HOUR, .pathlen = -1,
		                        .usage = "clientAuth" };
	buf_init(&pem, 65536);
	for (int i = 0; i < 8; i++) {
		struct cert_plan plan = good;
		const char *host = NULL;
		bool wanted = false, root = false;
		switch (i) {
		case 0: /* so that the others are refused for their own reason */
			wanted = true;
			break;
		case 1: /* expired */
			plan.to_us = now - 10 * 1000000;
			break;
		case 2: /* not yet */
			plan.from_us = now + 600 * 1000000;
			break;
		case 3: /* another purpose */
			plan.usage = "serverAuth";
			break;
		case 4: /* a name that the constraints do not permit */
			host = "www.bank.example";
			break;
		case 5: /* a CA below the issuing CA: path length */
			plan.pathlen = 0;
			break;
		case 6: /* signed by the root itself: names are constrained there too */
			root = true;
			host = "www.bank.example";
			break;
		default: /* names of ours: permitted, and no one is let in but by the credential */
			host = "mn1.troth.example";
			wanted = true;
			break;
		}
		sign_with(&r, root ? "root" : "issuing", root ? "ca/root.pem" : "ca/issuing.pem", &plan, host, &pem);
		SSL_CTX *ctx = client_ctx(&r);
		client_use(ctx, &pem, r.key);
		ck_assert_msg(gets_in(&r, ctx) == wanted, "case %d", i);
		SSL_CTX_free(ctx);
	}
	buf_fini(&pem);
	rig_fini(&r);
}
END_TEST

/* The clock that judges is the program's. */
START_TEST(expiry_goes_by_our_clock)
{
	struct rig r;
	struct link l;

	rig_init(&r);
	SSL_CTX *ctx = client_ctx(&r);
	client_use(ctx, &r.chain, r.key);
	clock_free(r.p.clock);
	r.p.clock = clock_new_fake(clock_wall_us(r.p.ca->o.clock = clock_new()) + 25 * PKI_HOUR);
	clock_free(r.p.ca->o.clock);
	r.p.ca->o.clock = r.p.clock;
	link_open(&r, &l, ctx);
	link_shake(&l);
	ck_assert(l.server_failed);
	ck_assert_int_eq(SSL_get_verify_result(l.server), X509_V_ERR_CERT_HAS_EXPIRED);
	ck_assert_str_eq(tls_refused(r.tls, l.server, NULL), "certificate has expired");
	link_close(&l);
	SSL_CTX_free(ctx);
	rig_fini(&r);
}
END_TEST

/* --- what is never negotiated ---------------------------------------------------------------------------------------- */

static const struct {
	int min, max;
	const char *ciphers, *groups, *sigalgs;
} weak[] = {
	{ TLS1_1_VERSION, TLS1_1_VERSION, "ALL:@SECLEVEL=0", NULL, NULL },
	{ TLS1_VERSION, TLS1_VERSION, "ALL:@SECLEVEL=0", NULL, NULL },
	{ TLS1_2_VERSION, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0", NULL, NULL }, /* CBC */
	{ TLS1_2_VERSION, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0", NULL, NULL },
	{ TLS1_2_VERSION, TLS1_2_VERSION, "AES128-GCM-SHA256:@SECLEVEL=0", NULL, NULL },         /* RSA key transport */
	{ TLS1_2_VERSION, TLS1_2_VERSION, "aNULL:@SECLEVEL=0", NULL, NULL },
	{ TLS1_2_VERSION, TLS1_2_VERSION, "eNULL:@SECLEVEL=0", NULL, NULL },
	{ TLS1_2_VERSION, TLS1_2_VERSION, "PSK:@SECLEVEL=0", NULL, NULL },
	{ TLS1_2_VERSION, TLS1_3_VERSION, NULL, "P-521", NULL },
	{ TLS1_2_VERSION, TLS1_3_VERSION, NULL, NULL, "RSA-PSS+SHA256" },
};

START_TEST(weak_offers_refused)
{
	struct rig r;

	rig_init(&r);
	SSL_CTX *ctx = client_ctx(&r);
	client_use(ctx, &r.chain, r.key);
	SSL_CTX_set_security_level(ctx, 0);
	ck_assert_int_eq(SSL_CTX_set_min_proto_version(ctx, weak[_i].min), 1);
	ck_assert_int_eq(SSL_CTX_set_max_proto_version(ctx, weak[_i].max), 1);
	if (weak[_i].ciphers)
		ck_assert_int_eq(SSL_CTX_set_cipher_list(ctx, weak[_i].ciphers), 1);
	if (weak[_i].groups)
		ck_assert_int_eq(SSL_CTX_set1_groups_list(ctx, weak[_i].groups), 1);
	if (weak[_i].sigalgs)
		ck_assert_int_eq(SSL_CTX_set1_sigalgs_list(ctx, weak[_i].sigalgs), 1);
	struct link l;
	link_open(&r, &l, ctx);
	ck_assert(!link_shake(&l));
	ck_assert(l.server_failed || l.client_failed);
	ck_assert(!l.server_up);
	link_close(&l);
	SSL_CTX_free(ctx);
	rig_fini(&r);
}
END_TEST

static int tickets;
static int count_ticket(SSL *ssl, SSL_SESSION *s)
{
	(void)ssl, (void)s;
	tickets++;
	return 0;
}

START_TEST(no_resumption)
{
	static const int versions[] = { TLS1_3_VERSION, TLS1_2_VERSION };
	struct rig r;
	struct link l;
	char c;

	rig_init(&r);
	SSL_CTX *ctx = client_ctx(&r);
	client_use(ctx, &r.chain, r.key);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(ctx, count_ticket);
	SSL_CTX_set_max_proto_version(ctx, versions[_i]);
	link_open(&r, &l, ctx);
	ck_assert(link_shake(&l));
	ck_assert_int_eq(SSL_write(l.server, "y", 1), 1);
	ck_assert_int_eq(SSL_read(l.client, &c, 1), 1);
	/* 1.2 counts the session itself, which has neither ticket nor id. */
	SSL_SESSION *s = SSL_get1_session(l.client);
	ck_assert_int_eq(versions[_i] == TLS1_3_VERSION ? tickets : 0, 0);
	ck_assert_int_eq(SSL_SESSION_has_ticket(s), 0);
	ck_assert_uint_eq(SSL_SESSION_get_max_early_data(s), 0);
	link_close(&l);
	link_open(&r, &l, ctx);
	SSL_set_session(l.client, s);
	ck_assert(link_shake(&l));
	ck_assert_int_eq(SSL_session_reused(l.server), 0);
	ck_assert_int_eq(SSL_session_reused(l.client), 0);
	SSL_SESSION_free(s);
	link_close(&l);
	SSL_CTX_free(ctx);
	rig_fini(&r);
}
END_TEST

START_TEST(no_renegotiation)
{
	struct rig r;
	struct link l;
	char c;

	rig_init(&r);
	SSL_CTX *ctx = client_ctx(&r);
	client_use(ctx, &r.chain, r.key);
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	link_open(&r, &l, ctx);
	ck_assert(link_shake(&l));
	ck_assert_int_eq(SSL_renegotiate(l.client), 1);
	bool done = false;
	for (int i = 0; i < 10; i++) {
		int k = SSL_do_handshake(l.client);
		done |= k == 1 && !SSL_renegotiate_pending(l.client);
		ck_assert_int_le(SSL_read(l.server, &c, 1), 0);
	}
	ck_assert(!done);
	ck_assert_int_eq(SSL_num_renegotiations(l.server), 0);
	link_close(&l);
	SSL_CTX_free(ctx);
	rig_fini(&r);
}
END_TEST

START_TEST(alpn_is_http1_or_nothing)
{
	static const struct {
		const char *offer;
		unsigned n;
		bool in;
	} offers[] = { { "\x08http/1.1", 9, true }, { "\x02h2\x08http/1.1", 12, true }, { "\x02h2", 3, false }, { NULL, 0, true } };
	struct rig r;

	rig_init(&r);
	for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
		SSL_CTX *ctx = client_ctx(&r);
		client_use(ctx, &r.chain, r.key);
		if (offers[i].offer)
			ck_assert_int_eq(SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)offers[i].offer, offers[i].n), 0);
		ck_assert_msg(gets_in(&r, ctx) == offers[i].in, "offer %zu", i);
		SSL_CTX_free(ctx);
	}
	rig_fini(&r);
}
END_TEST

/* 40 certificates behind the leaf: too long a list, refused before anything of it is verified. */
START_TEST(long_chains_refused)
{
	struct rig r;
	X509 *x;
	unsigned n;

	rig_init(&r);
	SSL_CTX *ctx = client_ctx(&r);
	client_use(ctx, &r.chain, r.key);
	for (int i = 0; i < 40; i++) {
		ck_assert_int_eq(cert_read_pem(buf_as_str(&r.chain), &x, 1, &n), 0);
		ck_assert_int_eq(SSL_CTX_add0_chain_cert(ctx, x), 1);
	}
	ck_assert(!gets_in(&r, ctx));
	SSL_CTX_free(ctx);
	rig_fini(&r);
}
END_TEST

/* --- our own client, renewal, memory --------------------------------------------------------------------------------- */

START_TEST(own_client)
{
	struct rig r;
	struct link l;
	struct why why = { 0 };
	char cert[256], key[256];
	SSL_CTX *ctx = NULL;

	rig_init(&r);
	pki_save(&r.p, "dev.crt", &r.chain);
	FILE *f = fopen(state_path(&r.p.st, "dev.key", key), "wb");
	ck_assert_int_eq(PEM_write_PrivateKey(f, r.key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
	state_path(&r.p.st, "dev.crt", cert);
	ck_assert_msg(tls_client_new(r.ca_file, cert, key, &ctx, &why) == 0, "%s", why.text);
	ck_assert(gets_in(&r, ctx));
	link_open(&r, &l, ctx);
	ck_assert_int_eq(SSL_set1_host(l.client, "mn1.troth.example"), 1);
	ck_assert(!link_shake(&l));
	ck_assert_int_eq(SSL_get_verify_result(l.client), X509_V_ERR_HOSTNAME_MISMATCH);
	link_close(&l);
	SSL_CTX_free(ctx);
	ck_assert_int_eq(tls_client_new(cert, r.ca_file, key, &ctx, &why), E_CONF);
	ck_assert_ptr_nonnull(strstr(why.text, "key"));
	why = (struct why){ 0 };
	ck_assert_int_eq(tls_client_new("/nowhere/ca", cert, key, &ctx, &why), E_CONF);
	ck_assert_ptr_nonnull(strstr(why.text, "/nowhere/ca"));
	rig_fini(&r);
}
END_TEST

/* Servers that our own client must not take for the CSE, whatever they were signed with. */
START_TEST(own_client_refuses)
{
	struct rig r;
	struct pki other;
	struct why why = { 0 };
	struct buf pem;
	SSL_CTX *mine = NULL;

	rig_init(&r);
	pki_init(&other, 0);
	pki_open(&other);
	buf_init(&pem, 65536);
	ck_assert_int_eq(tls_client_new(r.ca_file, NULL, NULL, &mine, &why), 0);
	int64_t now = clock_wall_us(r.p.clock);
	for (int i = 0; i < 6; i++) {
		struct cert_plan plan = { .subject_key = r.key, .from_us = now - PKI_HOUR, .to_us = now + PKI_HOUR, .pathlen = -1,
			                  .usage = "serverAuth" };
		const char *host = "localhost";
		bool good = false;
		struct rig *signer = &r;
		struct rig foreign = { .p = other };
		switch (i) {
		case 0: /* so that the others are refused for their own reason */
			good = true;
			break;
		case 1: /* an administrator's or a device's, for clients only */
			plan.usage = "clientAuth";
			break;
		case 2:
			plan.to_us = now - 10 * 1000000;
			break;
		case 3:
			plan.from_us = now + 600 * 1000000;
			break;
		case 4: /* of another authority */
			signer = &foreign;
			break;
		default: /* our issuing key, stolen: another's name beside the right one */
			host = "localhost.bank.example";
			break;
		}
		sign_with(signer, "issuing", "ca/issuing.pem", &plan, host, &pem);
		SSL_CTX *theirs = SSL_CTX_new(TLS_server_method());
		client_use(theirs, &pem, r.key);
		struct link l;
		memset(&l, 0, sizeof(l));
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, l.fd), 0);
		l.server = SSL_new(theirs);
		l.client = SSL_new(mine);
		SSL_set_accept_state(l.server);
		SSL_set_connect_state(l.client);
		SSL_set_fd(l.server, l.fd[0]);
		SSL_set_fd(l.client, l.fd[1]);
		ck_assert_int_eq(SSL_set1_host(l.client, "localhost"), 1);
		ck_assert_msg(link_shake(&l) == good, "case %d", i);
		ck_assert_msg(good || l.client_failed, "case %d", i);
		link_close(&l);
		SSL_CTX_free(theirs);
	}
	SSL_CTX_free(mine);
	buf_fini(&pem);
	pki_fini(&other);
	rig_fini(&r);
}
END_TEST

START_TEST(renewal_keeps_connections)
{
	struct rig r;
	struct link old, new;
	struct why why = { 0 };
	char c;

	rig_init(&r);
	SSL_CTX *ctx = client_ctx(&r);
	client_use(ctx, &r.chain, r.key);
	link_open(&r, &old, ctx);
	ck_assert(link_shake(&old));
	ck_assert_int_eq(ca_server_renew(r.p.ca, &why), 0);
	ck_assert_int_eq(tls_renew(r.tls, &why), 0);
	ck_assert_int_eq(SSL_write(old.client, "x", 1), 1);
	ck_assert_int_eq(SSL_read(old.server, &c, 1), 1);
	link_open(&r, &new, ctx);
	ck_assert(link_shake(&new));
	ck_assert_int_ne(X509_cmp(SSL_get0_peer_certificate(old.client), SSL_get0_peer_certificate(new.client)), 0);
	link_close(&old);
	link_close(&new);
	SSL_CTX_free(ctx);
	rig_fini(&r);
}
END_TEST

struct acceptor {
	struct tls *tls;
	unsigned loop;
};

static void *accept_many(void *arg)
{
	struct acceptor *a = arg;
	for (int i = 0; i < 200; i++) {
		SSL *ssl = tls_accept(a->tls, a->loop);
		ck_assert_ptr_nonnull(ssl);
		SSL_free(ssl);
	}
	return NULL;
}

START_TEST(loops_accept_during_renewal)
{
	struct rig r;
	struct why why = { 0 };
	pthread_t t[2];
	struct acceptor a[2];

	rig_init(&r);
	for (unsigned i = 0; i < 2; i++) {
		a[i] = (struct acceptor){ r.tls, i };
		ck_assert_int_eq(pthread_create(&t[i], NULL, accept_many, &a[i]), 0);
	}
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(tls_renew(r.tls, &why), 0);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	rig_fini(&r);
}
END_TEST

START_TEST(memory_of_an_idle_connection)
{
	enum { CONNS = 64, BAR = 32768 };
	struct rig r;
	struct link l[CONNS];
	char c;

	rig_init(&r);
	SSL_CTX *ctx = client_ctx(&r);
	client_use(ctx, &r.chain, r.key);
	ck_assert(gets_in(&r, ctx));
	size_t before = mallinfo2().uordblks;
	for (int i = 0; i < CONNS; i++) {
		link_open(&r, &l[i], ctx);
		ck_assert(link_shake(&l[i]));
		ck_assert_int_eq(SSL_write(l[i].client, "x", 1), 1);
		ck_assert_int_eq(SSL_read(l[i].server, &c, 1), 1);
		ck_assert_int_lt(SSL_read(l[i].server, &c, 1), 0);
		SSL_free(l[i].client);
		l[i].client = NULL;
	}
	size_t each = (mallinfo2().uordblks - before) / CONNS;
	/* Sanitizers have an allocator of their own, which mallinfo2 does not see. */
	ck_assert_msg(each < BAR, "%zu bytes", each);
	printf("an idle TLS connection holds %zu bytes\n", each);
	for (int i = 0; i < CONNS; i++)
		link_close(&l[i]);
	SSL_CTX_free(ctx);
	rig_fini(&r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tls");
	TCase *tc = tcase_create("tls");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_device_gets_in);
	tcase_add_test(tc, without_certificate_refused);
	tcase_add_test(tc, foreign_authority_refused);
	tcase_add_test(tc, bad_certificates_refused);
	tcase_add_test(tc, expiry_goes_by_our_clock);
	tcase_add_loop_test(tc, weak_offers_refused, 0, (int)ARRAY_LEN(weak));
	tcase_add_loop_test(tc, no_resumption, 0, 2);
	tcase_add_test(tc, no_renegotiation);
	tcase_add_test(tc, alpn_is_http1_or_nothing);
	tcase_add_test(tc, long_chains_refused);
	tcase_add_test(tc, own_client);
	tcase_add_test(tc, own_client_refuses);
	tcase_add_test(tc, renewal_keeps_connections);
	tcase_add_test(tc, loops_accept_during_renewal);
	tcase_add_test(tc, memory_of_an_idle_connection);
	suite_add_tcase(suite, tc);
	SRunner *r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
