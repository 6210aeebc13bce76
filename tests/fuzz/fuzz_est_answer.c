/* SPDX-License-Identifier: Apache-2.0 */
/* What a CSE answers to a device's EST request: a list of certificates, or nothing. */
#include <openssl/x509.h>
#include <stdlib.h>

#include "agent/est_body.h"
#include "cse/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	STACK_OF(X509) *certs = NULL;
	struct why why = { RSC_NONE, "" };
	int err = est_certs(str_make((const char *)data, size), &certs, &why);

	REQUIRE(size <= EST_ANSWER_MAX || err == E_LIMIT);
	if (err) {
		REQUIRE(certs == NULL && why.text[0]);
		return 0;
	}
	REQUIRE(sk_X509_num(certs) >= 1 && sk_X509_num(certs) <= EST_ANSWER_CERTS);
	sk_X509_pop_free(certs, X509_free);
	return 0;
}
