/* SPDX-License-Identifier: Apache-2.0 */
/* The list of issuing CAs of the time before: at most as many as there may be, each a certificate, and nothing kept of a bad text
 * but what the caller is told to free. */
#include <openssl/err.h>

#include "cse/base/err.h"
#include "security/ca_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct ca_old v[CA_OLD_MAX] = { { NULL, 0 } };
	unsigned k = 99;
	int err = ca_old_parse(str_make((const char *)data, n), v, &k);

	REQUIRE(k <= CA_OLD_MAX && (err == 0 || err == E_SYNTAX));
	for (unsigned i = 0; i < CA_OLD_MAX; i++) {
		REQUIRE((v[i].x != NULL) == (i < k));
		X509_free(v[i].x);
	}
	ERR_clear_error();
	return 0;
}
