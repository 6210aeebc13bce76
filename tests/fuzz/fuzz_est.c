/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of EST requests: the first byte says base64 as it comes, or DER that is put into base64 here, so that the search gets
 * through to PKCS#10.  What is taken proves its key and holds its bounds. */
#include <openssl/evp.h>
#include <stdlib.h>

#include "cse/base/arena.h"
#include "security/est.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_body(struct str body)
{
	struct est_request r;
	struct why why = { 0 };
	struct arena a;

	arena_init(&a, 4096);
	if (est_read_request(&a, body, STR("troth.example"), &r, &why) != 0) {
		REQUIRE(why.text[0]);
	} else {
		REQUIRE(r.der.n > 0 && r.der.n <= CERT_CSR_BYTES && r.challenge.n < EST_CHALLENGE_MAX && r.names.n <= CERT_NAMES_MAX);
		EVP_PKEY_free(r.key);
		for (size_t i = 0; i < r.names.n; i++)
			REQUIRE(r.names.v[i].text.n <= CERT_NAME_BYTES);
	}
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *text;

	if (size < 2 || size > EST_BODY_MAX)
		return 0;
	if (data[0] == 'b') {
		read_body(str_make((const char *)data + 1, size - 1));
		return 0;
	}
	text = malloc(size * 4 / 3 + 8);
	REQUIRE(text != NULL);
	read_body(str_make((char *)text, (size_t)EVP_EncodeBlock(text, data + 1, (int)size - 1)));
	free(text);
	return 0;
}
