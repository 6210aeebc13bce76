/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates that a peer shows: a PEM text (a chain), or one in DER.  Names, subject and key are read with bounds, whatever they say. */
#include <openssl/err.h>

#include "cse/base/arena.h"
#include "security/ca_priv.h"
#include "security/cert.h"
#include "security/est.h"
#include "security/tls.h"

enum { CHAIN = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(struct arena *a, const X509 *x)
{
	struct cert_names names;
	unsigned char fp[32];
	struct str id;
	uint32_t generation;

	if (cert_names(a, x, STR("troth.example"), &names) == 0)
		REQUIRE(names.n <= CERT_NAMES_MAX);
	if (cert_subject(a, x, &id, &generation))
		REQUIRE(id.n > 0 && id.n < CERT_SERIAL_BYTES && generation > 0);
	(void)cert_fingerprint(x, fp);
	(void)cert_time_us(X509_get0_notAfter(x));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	X509 *certs[CHAIN];
	const unsigned char *p = data;
	struct arena a;
	struct buf b;
	unsigned n = 0;
	X509 *x;

	if (size == 0 || size > 65536)
		return 0;
	arena_init(&a, 4096);
	x = d2i_X509(NULL, &p, (long)size);
	if (x)
		look(&a, x);
	X509_free(x);
	if (cert_read_pem(str_make((const char *)data, size), certs, CHAIN, &n) == 0) {
		REQUIRE(n > 0 && n <= CHAIN);
		buf_init(&b, 1 << 20);
		(void)est_put_certs(&b, str_make((const char *)data, size));
		buf_fini(&b);
	}
	for (unsigned i = 0; i < n; i++) {
		look(&a, certs[i]);
		X509_free(certs[i]);
	}
	ERR_clear_error();
	arena_fini(&a);
	return 0;
}
