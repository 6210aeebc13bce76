/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The authority at start: root, issuing CA, anchor.  The root's key is made once and used once, to sign the issuing CA;
 * it is in memory only while it does.  Both certificates carry the name constraints of the first start.
 */
#include "security/ca.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "cse/base/log.h"
#include "cse/base/rand.h"
#include "security/ca_priv.h"
#include "security/cert.h"
#include "security/file.h"
#include "security/tls_priv.h"

static const int64_t day_us = INT64_C(86400) * 1000000;
enum { ROOT_DAYS = 30 * 365, ISSUING_DAYS = 15 * 365 };

void ca_keep_hosts(struct ca *ca, struct strs hosts)
{
	struct str *v = arena_array(&ca->a, hosts.n, sizeof(*v));

	for (size_t i = 0; i < hosts.n; i++)
		v[i] = arena_str(&ca->a, hosts.v[i]);
	ca->o.hosts = (struct strs){ v, hosts.n };
}

static void copy_opts(struct ca *ca, const struct ca_opts *o)
{
	struct arena *a = &ca->a;
	ca->o = *o;
	ca->o.dir = arena_strz(a, str_of(o->dir));
	ca->o.import = o->import && *o->import ? arena_strz(a, str_of(o->import)) : NULL;
	ca->o.self.sp = arena_str(a, o->self.sp);
	ca->o.self.cse = arena_str(a, o->self.cse);
	ca->o.self.base = arena_str(a, o->self.base);
	ca_keep_hosts(ca, o->hosts);
}

int ca_save_pem(struct ca *ca, const char *name, X509 *x, struct why *why)
{
	struct buf b;
	buf_init(&b, CA_PEM_MAX);
	int err = cert_put_pem(&b, x);
	if (err == 0)
		err = file_replace(ca->o.dir, name, 0644, buf_as_str(&b), why);
	buf_fini(&b);
	return err;
}

static int load(struct ca *ca, const char *name, X509 **out, struct why *why)
{
	struct buf b;
	unsigned n;
	buf_init(&b, CA_PEM_MAX);
	int err = file_load(ca->o.dir, name, true, &b, why);
	if (err == 0) {
		err = cert_read_pem(buf_as_str(&b), out, 1, &n);
		if (err)
			why_set(why, RSC_INTERNAL_SERVER_ERROR, "%s holds no certificate: put the right file back", name);
	}
	buf_fini(&b);
	return err;
}

void ca_make_name(struct ca *ca, const char *what, char cn[64])
{
	unsigned char b[4];
	rnd_bytes(ca->o.rnd, b, sizeof(b));
	int n = snprintf(cn, 64, "Troth %s CA %02x%02x%02x%02x", what, b[0], b[1], b[2], b[3]);
	REQUIRE(n > 0 && n < 64);
}

int64_t ca_issuing_life_us(const struct ca *ca)
{
	return ca->o.issuing_life_us > 0 ? ca->o.issuing_life_us : ISSUING_DAYS * day_us;
}

static int make_pair(struct ca *ca, EVP_PKEY *root_key, NAME_CONSTRAINTS *nc, struct why *why)
{
	int64_t now = clock_wall_us(ca->o.clock);
	char cn[64];

	ca_make_name(ca, "root", cn);
	struct cert_plan p = {
		.subject_key = root_key,
		.cn = cn,
		.issuer_key = root_key,
		.from_us = now - day_us,
		.to_us = now + ROOT_DAYS * day_us,
		.pathlen = 1,
		.permitted = nc,
	};
	int err = cert_make(ca->o.rnd, &p, &ca->root, why);
	if (err)
		return err;
	ca_make_name(ca, "issuing", cn);
	p.subject_key = ca->key;
	p.issuer = ca->root;
	p.from_us = now - CA_BACKDATE_US;
	p.to_us = now + ca_issuing_life_us(ca);
	p.pathlen = 0;
	return cert_make(ca->o.rnd, &p, &ca->issuing, why);
}

static int ca_make(struct ca *ca, struct why *why)
{
	EVP_PKEY *root_key = NULL;
	NAME_CONSTRAINTS *nc = NULL;

	int err = cert_constraints(ca->o.self.sp, ca->o.hosts, &nc, why);
	if (err == 0)
		err = keystore_key(ca->o.keystore, "root", true, &root_key, why);
	if (err == 0)
		err = keystore_key(ca->o.keystore, ca_slot_name(0), true, &ca->key, why);
	if (err == 0)
		err = make_pair(ca, root_key, nc, why);
	NAME_CONSTRAINTS_free(nc);
	EVP_PKEY_free(root_key);
	return err;
}

/* issuing.pem is written last: its presence says that the CA is complete. */
static int ca_keep(struct ca *ca, struct why *why)
{
	int err = ca->o.import ? keystore_put(ca->o.keystore, ca_slot_name(0), ca->key, why) : 0;
	if (err == 0 && ca->root)
		err = ca_save_pem(ca, "ca/root.pem", ca->root, why);
	if (err == 0)
		err = ca_save_pem(ca, "ca/issuing.pem", ca->issuing, why);
	return err;
}

/* The root's key is needed when the issuing CA ends, years from now: that it opens is looked at today.  It may be kept
 * elsewhere; an imported root has none. */
static int check_root(struct ca *ca, struct why *why)
{
	EVP_PKEY *key = NULL;
	struct why ignored = { 0 };
	int err = ca->root ? keystore_key(ca->o.keystore, "root", false, &key, why) : E_ABSENT;

	if (err == E_ABSENT) {
		*why = ignored;
		return 0;
	}
	if (err == 0 && X509_check_private_key(ca->root, key) != 1) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR,
		        "ca/root.pem and keys/root.key do not belong together: put the right file back from a copy of the state folder");
		err = E_CORRUPT;
	}
	EVP_PKEY_free(key);
	return err;
}

const char *ca_slot_name(unsigned slot)
{
	static const char *const names[CA_SLOTS] = { "issuing", "issuing-2" };

	REQUIRE(slot < CA_SLOTS);
	return names[slot];
}

/* A rotation makes a key beside the one in use: the certificate says which counts, the other one is of a rotation that a crash
 * ended, before or after. */
static int load_key(struct ca *ca, struct why *why)
{
	struct why said = { 0 };
	int err = E_ABSENT;

	for (unsigned i = 0; i < CA_SLOTS && ca->key == NULL; i++) {
		EVP_PKEY *key = NULL;
		int r = keystore_key(ca->o.keystore, ca_slot_name(i), false, &key, &said);
		if (r == E_ABSENT)
			continue;
		if (r)
			*why = said;
		err = r ? r : E_CORRUPT;
		if (r == 0 && X509_check_private_key(ca->issuing, key) == 1) {
			ca->key = key;
			ca->slot = i;
			continue;
		}
		EVP_PKEY_free(key);
	}
	if (ca->key) {
		*why = (struct why){ 0 };
		(void)keystore_remove(ca->o.keystore, ca_slot_name(1 - ca->slot));
		return 0;
	}
	if (err == E_ABSENT)
		*why = said;
	else if (err == E_CORRUPT && !why->text[0])
		why_set(why, RSC_INTERNAL_SERVER_ERROR,
		        "ca/issuing.pem and keys/issuing.key do not belong together: put the right file back from a copy of the state folder");
	return err;
}

static int ca_load(struct ca *ca, struct why *why)
{
	int err = load(ca, "ca/issuing.pem", &ca->issuing, why);
	if (err == 0 && file_exists(ca->o.dir, "ca/root.pem"))
		err = load(ca, "ca/root.pem", &ca->root, why);
	if (err == 0)
		err = load_key(ca, why);
	if (err == 0)
		err = ca_old_load(ca, why);
	if (err == 0)
		err = check_root(ca, why);
	if (err)
		return err;
	if (cert_time_us(X509_get0_notAfter(ca->issuing)) <= clock_wall_us(ca->o.clock)) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the issuing CA's certificate has ended, or the clock is wrong");
		return E_CONF;
	}
	return 0;
}

/* NAME_CONSTRAINTS_check looks at the names of x against one set. */
static int permits(X509 *ca_cert, X509 *x)
{
	NAME_CONSTRAINTS *nc = X509_get_ext_d2i(ca_cert, NID_name_constraints, NULL, NULL);
	if (!nc)
		return E_CONF;
	/* It reads what this call has decoded; on a certificate just made there would be no names yet. */
	(void)X509_check_purpose(x, -1, 0);
	int r = NAME_CONSTRAINTS_check(x, nc);
	NAME_CONSTRAINTS_free(nc);
	return r == X509_V_OK ? 0 : E_CONF;
}

int ca_permits(struct ca *ca, X509 *x, struct why *why)
{
	X509 *issuing;
	ca_current(ca, &issuing, NULL);
	int err = permits(issuing, x);
	X509_free(issuing);
	/* An imported root may do without constraints of its own. */
	if (err == 0 && ca->root && X509_get_ext_by_NID(ca->root, NID_name_constraints, -1) >= 0)
		err = permits(ca->root, x);
	if (err)
		why_set(why, RSC_INTERNAL_SERVER_ERROR,
		        "the CA's name constraints do not permit a name (cse.sp and https.names of the CA's first start do): use a "
		        "name below the service provider's, or begin with a new CA");
	return err;
}

/* As a peer will see it: our own certificate under the rules of every handshake. */
static int verify_self(struct ca *ca, struct why *why)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *chain = sk_X509_new_null();
	int err = E_NOMEM;

	if (store && ctx && chain && sk_X509_push(chain, ca->server_issuer) > 0 &&
	    X509_STORE_add_cert(store, ca->root ? ca->root : ca->issuing) == 1 &&
	    X509_STORE_CTX_init(ctx, store, ca->server, chain) == 1) {
		X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
		X509_VERIFY_PARAM_set_time(param, (time_t)(clock_wall_us(ca->o.clock) / 1000000));
		REQUIRE(tls_verify_param(param, ca->root == NULL));
		X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER);
		err = X509_verify_cert(ctx) == 1 ? 0 : E_CONF;
		if (err)
			why_set(why, RSC_INTERNAL_SERVER_ERROR, "certificates of this CA would not be accepted: %s",
			        X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	}
	sk_X509_free(chain);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return err;
}

static struct ca *ca_new(const struct ca_opts *o)
{
	struct ca *ca = calloc(1, sizeof(*ca));

	REQUIRE(ca && o->dir && o->clock && o->rnd);
	ca->magic = CA_MAGIC;
	pthread_mutex_init(&ca->lock, NULL);
	pthread_mutex_init(&ca->work, NULL);
	arena_init(&ca->a, 1024);
	copy_opts(ca, o);
	return ca;
}

int ca_check_import(const struct ca_opts *o, struct why *why)
{
	struct ca *ca = ca_new(o);
	int err;

	REQUIRE(ca->o.import);
	err = ca_import(ca, why);
	if (err == 0)
		err = ca_server_try(ca, why);
	ERR_clear_error();
	ca_close(ca);
	return err;
}

int ca_open(const struct ca_opts *o, struct ca **out, struct why *why)
{
	REQUIRE(o->keystore);
	struct ca *ca = ca_new(o);
	int err;

	err = file_make_dir(o->dir, "ca", why);
	if (err)
		goto out;
	ca->is_new = !file_exists(o->dir, "ca/issuing.pem");
	if (!ca->is_new)
		err = ca_load(ca, why);
	else
		err = ca->o.import ? ca_import(ca, why) : ca_make(ca, why);
	/* Before a new CA is kept: one that does not permit our own names must leave nothing behind. */
	if (err == 0)
		err = ca_server_open(ca, why);
	if (err == 0)
		err = verify_self(ca, why);
	if (err == 0 && ca->is_new)
		err = ca_keep(ca, why);
	if (err == 0 && ca->is_new)
		log_write(o->log, LOG_CA_MADE, ca->o.import ? "issuing CA imported" : "root and issuing CA made");
out:
	ERR_clear_error();
	if (err) {
		ca_close(ca);
		return err;
	}
	*out = ca;
	return 0;
}

void ca_close(struct ca *ca)
{
	if (!ca)
		return;
	CHECK(ca, CA);
	X509_free(ca->root);
	X509_free(ca->issuing);
	X509_free(ca->server);
	X509_free(ca->server_issuer);
	EVP_PKEY_free(ca->key);
	EVP_PKEY_free(ca->server_key);
	for (unsigned i = 0; i < ca->n_old; i++)
		X509_free(ca->old[i].x);
	pthread_mutex_destroy(&ca->lock);
	pthread_mutex_destroy(&ca->work);
	arena_fini(&ca->a);
	ca->magic = 0;
	free(ca);
}

bool ca_is_new(const struct ca *ca)
{
	CHECK(ca, CA);
	return ca->is_new;
}

void ca_current(struct ca *ca, X509 **issuing, EVP_PKEY **key)
{
	pthread_mutex_lock(&ca->lock);
	X509_up_ref(ca->issuing);
	*issuing = ca->issuing;
	if (key) {
		EVP_PKEY_up_ref(ca->key);
		*key = ca->key;
	}
	pthread_mutex_unlock(&ca->lock);
}

void ca_chain(struct ca *ca, struct buf *out_pem)
{
	CHECK(ca, CA);
	STACK_OF(X509) *issuing;

	if (ca->root)
		REQUIRE(cert_put_pem(out_pem, ca->root) == 0 || out_pem->over);
	REQUIRE(ca_anchors(ca, &issuing) == 0);
	for (int i = 0; i < sk_X509_num(issuing); i++)
		REQUIRE(cert_put_pem(out_pem, sk_X509_value(issuing, i)) == 0 || out_pem->over);
	sk_X509_pop_free(issuing, X509_free);
}

int ca_anchors(struct ca *ca, STACK_OF(X509) **out)
{
	CHECK(ca, CA);
	STACK_OF(X509) *s = sk_X509_new_null();
	bool ok;

	pthread_mutex_lock(&ca->lock);
	ok = s && X509_add_cert(s, ca->issuing, X509_ADD_FLAG_UP_REF) == 1;
	for (unsigned i = 0; ok && i < ca->n_old; i++)
		ok = X509_add_cert(s, ca->old[i].x, X509_ADD_FLAG_UP_REF) == 1;
	pthread_mutex_unlock(&ca->lock);
	if (!ok) {
		sk_X509_pop_free(s, X509_free);
		return E_NOMEM;
	}
	*out = s;
	return 0;
}

X509 *ca_root(struct ca *ca)
{
	CHECK(ca, CA);
	if (ca->root)
		X509_up_ref(ca->root);
	return ca->root;
}

void ca_hold(struct ca *ca)
{
	CHECK(ca, CA);
	pthread_mutex_lock(&ca->work);
}

void ca_let_go(struct ca *ca)
{
	pthread_mutex_unlock(&ca->work);
}

void ca_set_lives(struct ca *ca, int64_t server_us, int64_t issuing_us)
{
	CHECK(ca, CA);
	pthread_mutex_lock(&ca->work);
	ca->o.server_life_us = server_us;
	ca->o.issuing_life_us = issuing_us;
	pthread_mutex_unlock(&ca->work);
}

/* A life begins when the certificate was made: of one that lives a minute, half is half a minute. */
static struct ca_life life_of(const X509 *x)
{
	struct ca_life l = { 0, 0 };

	if (x)
		l = (struct ca_life){ cert_time_us(X509_get0_notBefore(x)) + CA_BACKDATE_US, cert_time_us(X509_get0_notAfter(x)) };
	return l;
}

void ca_lives(struct ca *ca, struct ca_lives *out)
{
	CHECK(ca, CA);
	memset(out, 0, sizeof(*out));
	out->root = life_of(ca->root);
	pthread_mutex_lock(&ca->lock);
	out->issuing = life_of(ca->issuing);
	out->server = life_of(ca->server);
	out->n_old = ca->n_old;
	out->server_is_old = ca->server_issuer != ca->issuing;
	for (unsigned i = 0; i < ca->n_old; i++)
		if (i == 0 || ca->old[i].retire_us < out->retire_us)
			out->retire_us = ca->old[i].retire_us;
	pthread_mutex_unlock(&ca->lock);
}
