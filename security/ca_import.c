/* SPDX-License-Identifier: Apache-2.0 */
/* Taking in an issuing CA that somebody else made: certificate, parent, key, each checked before anything is kept. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "security/ca_priv.h"
#include "security/cert.h"
#include "security/file.h"

enum { IMPORT_BYTES = 65536, IMPORT_CERTS = 3 };

/* No prompt on the terminal for an encrypted key: it is refused. */
static int no_password(char *buf, int size, int rwflag, void *arg)
{
	(void)buf, (void)size, (void)rwflag, (void)arg;
	return -1;
}

static int refuse(struct why *why, const char *reason)
{
	why_set(why, RSC_INTERNAL_SERVER_ERROR, "security.issuing_ca: %s", reason);
	return E_CONF;
}

/* The reason why `x` cannot be our issuing CA, or NULL. */
static const char *misfit(struct ca *ca, X509 *x)
{
	int crit = -1;
	int64_t now = clock_wall_us(ca->o.clock);

	if (!cert_key_is_p256(X509_get0_pubkey(x)))
		return "the issuing CA's key must be on the curve P-256 (TS-0003 10.1.1.3)";
	if (X509_check_private_key(x, ca->key) != 1)
		return "the private key is not that of the first certificate";
	if (X509_check_ca(x) != 1 || !(X509_get_key_usage(x) & KU_KEY_CERT_SIGN))
		return "the first certificate is no CA's: basicConstraints CA:TRUE and keyUsage keyCertSign are needed";
	if (cert_time_us(X509_get0_notBefore(x)) > now || cert_time_us(X509_get0_notAfter(x)) <= now)
		return "the first certificate is not valid now";
	NAME_CONSTRAINTS *nc = X509_get_ext_d2i(x, NID_name_constraints, &crit, NULL);
	NAME_CONSTRAINTS_free(nc);
	if (!nc || crit != 1)
		return "the first certificate needs critical nameConstraints that permit cse.sp (DNS and URI) and https.names";
	return NULL;
}

/* The second certificate, when there is one, must be the self-signed issuer of the first. */
static int take_root(struct ca *ca, X509 **certs, unsigned n, struct why *why)
{
	if (n == 1)
		return 0;
	EVP_PKEY *key = X509_get0_pubkey(certs[1]);
	if (n > 2 || X509_check_issued(certs[1], certs[0]) != X509_V_OK || X509_verify(certs[0], key) != 1 ||
	    X509_check_issued(certs[1], certs[1]) != X509_V_OK || X509_verify(certs[1], key) != 1)
		return refuse(why, "behind the issuing CA's certificate only the self-signed root that signed it may stand");
	ca->root = certs[1];
	certs[1] = NULL;
	return 0;
}

int ca_import(struct ca *ca, struct why *why)
{
	X509 *certs[IMPORT_CERTS] = { NULL };
	unsigned n = 0;
	struct buf b;
	BIO *bio = NULL;

	buf_init_secret(&b, IMPORT_BYTES);
	int err = file_load(*ca->o.import == '/' ? "" : ".", ca->o.import, false, &b, why);
	if (err)
		goto out;
	if (cert_read_pem(buf_as_str(&b), certs, IMPORT_CERTS, &n)) {
		err = refuse(why, "the file holds no certificate in PEM");
		goto out;
	}
	bio = BIO_new_mem_buf(b.p, (int)b.n);
	ca->key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
	if (!ca->key) {
		err = refuse(why, "the file holds no private key in PEM without a password");
		goto out;
	}
	const char *reason = misfit(ca, certs[0]);
	err = reason ? refuse(why, reason) : take_root(ca, certs, n, why);
	if (err == 0) {
		ca->issuing = certs[0];
		certs[0] = NULL;
	}
out:
	BIO_free(bio);
	for (unsigned i = 0; i < IMPORT_CERTS; i++)
		X509_free(certs[i]);
	buf_fini_secret(&b);
	ERR_clear_error();
	return err;
}
