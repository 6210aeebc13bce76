/* SPDX-License-Identifier: Apache-2.0 */
/* The server's own certificate: the CSE-ID and https.names, a new key with each. */
#include <openssl/err.h>
#include <openssl/pem.h>

#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "security/ca_priv.h"
#include "security/cert.h"
#include "security/file.h"

#define NEXT "server-next"

static int wanted_names(struct ca *ca, GENERAL_NAMES **out, struct why *why)
{
	GENERAL_NAMES *gens = sk_GENERAL_NAME_new_null();
	int err = gens ? 0 : E_NOMEM;
	char text[CERT_DNS_BYTES + 2];
	int n = snprintf(text, sizeof(text), "/%.*s", STR_ARG(ca->o.self.cse));
	REQUIRE(n > 0 && (size_t)n < sizeof(text));
	struct str id = str_make(text, (size_t)n);

	if (err == 0)
		err = cert_name_add(gens, id, &ca->o.self, why);
	for (size_t i = 0; err == 0 && i < ca->o.hosts.n; i++)
		err = cert_host_add(gens, ca->o.hosts.v[i], why);
	if (err) {
		GENERAL_NAMES_free(gens);
		return err;
	}
	*out = gens;
	return 0;
}

static int make_server(struct ca *ca, EVP_PKEY *key, GENERAL_NAMES *gens, X509 **out, X509 **out_issuer, struct why *why)
{
	X509 *issuer;
	EVP_PKEY *issuer_key;
	ca_current(ca, &issuer, &issuer_key);
	int64_t now = clock_wall_us(ca->o.clock), end = cert_time_us(X509_get0_notAfter(issuer));
	struct cert_plan p = {
		.subject_key = key,
		.cn = "Troth CSE",
		.issuer = issuer,
		.issuer_key = issuer_key,
		.from_us = now - CA_BACKDATE_US,
		.to_us = ca->o.server_life_us < end - now ? now + ca->o.server_life_us : end,
		.pathlen = -1,
		.usage = "serverAuth,clientAuth", /* it also calls points of access */
		.names = gens,
	};
	int err = cert_make(ca->o.rnd, &p, out, why);
	EVP_PKEY_free(issuer_key);
	if (err)
		X509_free(issuer);
	else
		*out_issuer = issuer;
	return err;
}

static void use_server(struct ca *ca, X509 *x, X509 *issuer, EVP_PKEY *key)
{
	pthread_mutex_lock(&ca->lock);
	X509_free(ca->server);
	X509_free(ca->server_issuer);
	EVP_PKEY_free(ca->server_key);
	ca->server = x;
	ca->server_issuer = issuer;
	ca->server_key = key;
	pthread_mutex_unlock(&ca->lock);
}

/* The certificate that is on disk; NULL: there is none that can be read. */
static X509 *stored(struct ca *ca)
{
	struct why why = { 0 };
	struct buf b;
	X509 *x = NULL;
	unsigned n;

	buf_init(&b, CA_PEM_MAX);
	if (file_load(ca->o.dir, "ca/server.pem", true, &b, &why) != 0 || cert_read_pem(buf_as_str(&b), &x, 1, &n) != 0)
		x = NULL;
	buf_fini(&b);
	return x;
}

/*
 * A new key is on disk under a name of its own ("server-next") before the certificate that names it takes the place of the old one, and
 * only then takes the place of the old key: whenever the process ends, one of the two is the certificate's.  Here the last step is
 * made up for: a next key that the certificate names becomes the key, another one is a beginning that came to nothing.
 */
static int settle_next(struct ca *ca, const X509 *x, struct why *why)
{
	struct why missing = { 0 };
	EVP_PKEY *next = NULL;
	int err = keystore_key(ca->o.keystore, NEXT, false, &next, &missing);

	if (err == E_ABSENT)
		return 0;
	if (err && err != E_CORRUPT) {
		*why = missing;
		return err;
	}
	if (err == 0 && x && X509_check_private_key(x, next) == 1) {
		err = keystore_put(ca->o.keystore, "server", next, why);
		if (err) {
			EVP_PKEY_free(next);
			return err;
		}
	}
	EVP_PKEY_free(next);
	err = keystore_remove(ca->o.keystore, NEXT);
	if (err && err != E_ABSENT) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "keys/%s.key cannot be removed", NEXT);
		return err;
	}
	return 0;
}

static int renew(struct ca *ca, GENERAL_NAMES *gens, struct why *why)
{
	EVP_PKEY *key = NULL;
	X509 *x = stored(ca), *issuer = NULL;
	struct buf b;

	buf_init(&b, CA_PEM_MAX);
	int err = settle_next(ca, x, why);
	X509_free(x);
	x = NULL;
	if (err == 0)
		err = keystore_key(ca->o.keystore, NEXT, true, &key, why);
	if (err == 0)
		err = make_server(ca, key, gens, &x, &issuer, why);
	if (err == 0)
		err = ca_permits(ca, x, why);
	if (err == 0)
		err = cert_put_pem(&b, x);
	if (err == 0)
		err = file_replace(ca->o.dir, "ca/server.pem", 0644, buf_as_str(&b), why);
	if (err == 0)
		err = settle_next(ca, x, why);
	if (err == 0) {
		use_server(ca, x, issuer, key);
	} else {
		X509_free(x);
		X509_free(issuer);
		EVP_PKEY_free(key);
	}
	buf_fini(&b);
	return err;
}

/* Same names in the same order: we wrote them. */
static bool has_names(X509 *x, GENERAL_NAMES *want)
{
	GENERAL_NAMES *have = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	int n = have ? sk_GENERAL_NAME_num(have) : -1;
	bool same = n == sk_GENERAL_NAME_num(want);
	for (int i = 0; same && i < n; i++)
		same = GENERAL_NAME_cmp(sk_GENERAL_NAME_value(have, i), sk_GENERAL_NAME_value(want, i)) == 0;
	GENERAL_NAMES_free(have);
	return same;
}

static bool is_usable(struct ca *ca, X509 *x, EVP_PKEY *key, GENERAL_NAMES *want)
{
	int64_t now = clock_wall_us(ca->o.clock);
	int64_t from = cert_time_us(X509_get0_notBefore(x)) + CA_BACKDATE_US, to = cert_time_us(X509_get0_notAfter(x));

	return X509_check_private_key(x, key) == 1 && from <= now && now < from + (to - from) / 2 &&
	       to - from <= ca->o.server_life_us + 2 * CA_BACKDATE_US && has_names(x, want);
}

/* The issuer's name, too: a CA that was not kept before a crash had the same key and another name. */
static bool is_issued(X509 *issuer, X509 *x)
{
	return X509_check_issued(issuer, x) == X509_V_OK && X509_verify(x, X509_get0_pubkey(issuer)) == 1;
}

/* The issuing CA that signed it, as long as it counts; NULL: none. */
static X509 *issuer_of(struct ca *ca, X509 *x)
{
	int64_t now = clock_wall_us(ca->o.clock);

	if (is_issued(ca->issuing, x))
		return ca->issuing;
	for (unsigned i = 0; i < ca->n_old; i++)
		if (ca->old[i].retire_us > now && is_issued(ca->old[i].x, x))
			return ca->old[i].x;
	return NULL;
}

static bool reuse(struct ca *ca, GENERAL_NAMES *want)
{
	struct why why = { 0 };
	X509 *x = stored(ca), *issuer = NULL;
	EVP_PKEY *key = NULL;

	if (x && settle_next(ca, x, &why) == 0 && keystore_key(ca->o.keystore, "server", false, &key, &why) == 0)
		issuer = is_usable(ca, x, key, want) ? issuer_of(ca, x) : NULL;
	if (issuer) {
		X509_up_ref(issuer);
		use_server(ca, x, issuer, key);
	} else {
		X509_free(x);
		EVP_PKEY_free(key);
	}
	return issuer != NULL;
}

int ca_server_try(struct ca *ca, struct why *why)
{
	GENERAL_NAMES *gens = NULL;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = NULL, *issuer = NULL;
	int err = key ? wanted_names(ca, &gens, why) : E_CRYPTO;

	if (err == 0)
		err = make_server(ca, key, gens, &x, &issuer, why);
	if (err == 0)
		err = ca_permits(ca, x, why);
	GENERAL_NAMES_free(gens);
	X509_free(x);
	X509_free(issuer);
	EVP_PKEY_free(key);
	return err;
}

int ca_server_open(struct ca *ca, struct why *why)
{
	GENERAL_NAMES *gens = NULL;
	int err = wanted_names(ca, &gens, why);
	if (err == 0 && !reuse(ca, gens))
		err = renew(ca, gens, why);
	GENERAL_NAMES_free(gens);
	return err;
}

int ca_server(struct ca *ca, X509 **leaf, STACK_OF(X509) **chain, EVP_PKEY **key)
{
	CHECK(ca, CA);
	STACK_OF(X509) *s = sk_X509_new_null();

	pthread_mutex_lock(&ca->lock);
	bool ok = s && X509_add_cert(s, ca->server_issuer, X509_ADD_FLAG_UP_REF) == 1;
	if (ok) {
		X509_up_ref(ca->server);
		EVP_PKEY_up_ref(ca->server_key);
		*leaf = ca->server;
		*key = ca->server_key;
		*chain = s;
	}
	pthread_mutex_unlock(&ca->lock);
	if (!ok)
		sk_X509_free(s);
	return ok ? 0 : E_NOMEM;
}

int ca_server_renew(struct ca *ca, struct why *why)
{
	CHECK(ca, CA);
	GENERAL_NAMES *gens = NULL;

	pthread_mutex_lock(&ca->work);
	int err = wanted_names(ca, &gens, why);
	if (err == 0)
		err = renew(ca, gens, why);
	pthread_mutex_unlock(&ca->work);
	GENERAL_NAMES_free(gens);
	ERR_clear_error();
	if (err && !why->text[0])
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "%s", err_text(err));
	return err;
}

int ca_server_rename(struct ca *ca, struct strs hosts, int64_t life_us, struct why *why)
{
	CHECK(ca, CA);
	GENERAL_NAMES *gens = NULL;
	struct strs before;

	pthread_mutex_lock(&ca->work);
	before = ca->o.hosts;
	ca_keep_hosts(ca, hosts);
	/* Tried on a key that is thrown away: what the CA does not permit costs nothing. */
	int err = ca_server_try(ca, why);
	if (err == 0)
		err = wanted_names(ca, &gens, why);
	if (err == 0)
		err = renew(ca, gens, why);
	if (err)
		ca->o.hosts = before;
	else
		ca->o.server_life_us = life_us;
	pthread_mutex_unlock(&ca->work);
	GENERAL_NAMES_free(gens);
	ERR_clear_error();
	return err;
}
