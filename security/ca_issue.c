/* SPDX-License-Identifier: Apache-2.0 */
/* Issuing certificates to devices, gateways, administrators and CSEs.  Of a request only the key is taken. */
#include "security/ca.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "cse/base/log.h"
#include "security/ca_priv.h"
#include "security/cert.h"

static const int64_t least_us = INT64_C(60) * 1000000;

/* A CSE also serves: it is called back by its registrar; so do applications at their points of access. */
static const char *usage_of(enum cred_kind kind)
{
	return kind == CRED_ADMIN ? "clientAuth" : "clientAuth,serverAuth";
}

int ca_request_of_pem(struct str pem, struct buf *out_der, struct why *why)
{
	X509_REQ *req = NULL;
	unsigned char *der = NULL;
	int n = -1;

	if (pem.n > 0 && pem.n <= 2 * CERT_CSR_BYTES) {
		BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
		req = b ? PEM_read_bio_X509_REQ(b, NULL, NULL, NULL) : NULL;
		BIO_free(b);
	}
	if (req)
		n = i2d_X509_REQ(req, &der);
	if (n > 0)
		buf_put(out_der, der, (size_t)n);
	else
		why_set(why, RSC_BAD_REQUEST, "the certificate request is not one PKCS#10 request in PEM of at most %d bytes",
		        2 * CERT_CSR_BYTES);
	OPENSSL_free(der);
	X509_REQ_free(req);
	ERR_clear_error();
	return n > 0 ? 0 : E_SYNTAX;
}

static int names_of(struct ca *ca, struct strs names, GENERAL_NAMES **out, struct why *why)
{
	GENERAL_NAMES *gens = sk_GENERAL_NAME_new_null();
	int err = gens ? 0 : E_NOMEM;

	if (names.n > CERT_NAMES_MAX) {
		why_set(why, RSC_BAD_REQUEST, "a credential has at most %d names", CERT_NAMES_MAX);
		err = E_LIMIT;
	}
	for (size_t i = 0; err == 0 && i < names.n; i++)
		err = cert_name_add(gens, names.v[i], &ca->o.self, why);
	if (err) {
		GENERAL_NAMES_free(gens);
		return err;
	}
	*out = gens;
	return 0;
}

/* The subject is the key's fingerprint: names stand in subjectAltName, and a subject that looked like a DNS name would fall
 * under the DNS constraints. */
static int make(struct ca *ca, const struct ca_ask *q, EVP_PKEY *key, GENERAL_NAMES *gens, const unsigned char fp[32], X509 **out,
                X509 **out_issuer, struct why *why)
{
	X509 *issuer;
	EVP_PKEY *issuer_key;
	ca_current(ca, &issuer, &issuer_key);
	int64_t now = clock_wall_us(ca->o.clock), end = cert_time_us(X509_get0_notAfter(issuer));
	char cn[33], serial[CERT_SERIAL_BYTES + 1];
	int n = snprintf(serial, sizeof(serial), "%.*s.%u", STR_ARG(q->id), (unsigned)q->generation);

	for (int i = 0; i < 16; i++)
		snprintf(cn + 2 * i, 3, "%02x", fp[i]);
	struct cert_plan p = {
		.subject_key = key,
		.cn = cn,
		.serial = q->id.n > 0 && n > 0 && (size_t)n < sizeof(serial) ? serial : NULL,
		.issuer = issuer,
		.issuer_key = issuer_key,
		.from_us = now - CA_BACKDATE_US,
		.to_us = q->life_us < end - now ? now + q->life_us : end,
		.pathlen = -1,
		.usage = usage_of(q->kind),
		.names = gens,
	};
	int err = E_CONF;
	if (end <= now)
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the issuing CA has ended: it signs nothing more; rotate it");
	else
		err = cert_make(ca->o.rnd, &p, out, why);
	EVP_PKEY_free(issuer_key);
	if (err)
		X509_free(issuer);
	else
		*out_issuer = issuer;
	return err;
}

int ca_issue(struct ca *ca, const struct ca_ask *q, struct buf *out_pem, unsigned char fingerprint[32], int64_t *not_after,
             struct why *why)
{
	CHECK(ca, CA);
	EVP_PKEY *key = NULL;
	GENERAL_NAMES *gens = NULL;
	X509 *x = NULL, *issuer = NULL;
	unsigned char fp[32];
	size_t before = out_pem->n;

	int err = E_RANGE;
	if (q->life_us < least_us) {
		why_set(why, RSC_BAD_REQUEST, "a certificate lives at least 60 s");
		goto out;
	}
	err = 0;
	if (q->key && EVP_PKEY_up_ref(q->key) == 1)
		key = q->key;
	else
		err = cert_request_key(q->csr_der, &key, why);
	if (err == 0)
		err = cert_key_fingerprint(key, fp);
	if (err == 0)
		err = names_of(ca, q->names, &gens, why);
	if (err == 0)
		err = make(ca, q, key, gens, fp, &x, &issuer, why);
	if (err == 0)
		err = ca_permits(ca, x, why);
	if (err == 0)
		err = cert_put_pem(out_pem, x);
	if (err == 0)
		err = cert_put_pem(out_pem, issuer);
	if (err) {
		out_pem->n = before;
		goto out;
	}
	memcpy(fingerprint, fp, sizeof(fp));
	*not_after = cert_time_us(X509_get0_notAfter(x));
	log_write(ca->o.log, LOG_CERT_ISSUED, "kind %d, %zu names", (int)q->kind, q->names.n);
out:
	GENERAL_NAMES_free(gens);
	EVP_PKEY_free(key);
	X509_free(x);
	X509_free(issuer);
	ERR_clear_error();
	return err;
}
