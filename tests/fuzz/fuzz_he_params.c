/* SPDX-License-Identifier: Apache-2.0 */
/* SEAL parameters: what is read is written as it was; a context is made of it or refused. */
#include <string.h>

#include "cse/base/check.h"
#include "he/seal_io.h"
#include "tests/fuzz/seal_mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_make((const char *)data, size);
	struct seal_style peer;
	struct he_params p;
	struct he_why w;
	struct buf b;

	(void)seal_sniff(NULL, in);
	if (seal_load_params(in, &p, &peer, &w) != 0)
		return 0;
	buf_init(&b, 4096);
	REQUIRE(seal_save_params(&p, &peer, &b) == 0);
	REQUIRE(peer.compression != SEAL_NONE || str_eq(buf_as_str(&b), in));
	buf_fini(&b);
	/* Small degrees only: a large one takes long. */
	if (p.log_n <= 6) {
		struct he_ctx_opts o = { .allow_weak = true };
		struct he_ctx *c = NULL;

		if (he_ctx_new(&p, &o, &c, &w) == 0)
			REQUIRE(he_ctx_data_primes(c) <= p.k);
		he_ctx_free(c);
	}
	return 0;
}
