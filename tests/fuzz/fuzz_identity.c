/* SPDX-License-Identifier: Apache-2.0 */
/* The file that says who a device is, and the certificates in it: read whole or not at all, judged without a fault. */
#include <stdlib.h>

#include "agent/identity_priv.h"
#include "cse/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { AT_S = 1800000000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct facts f = { .port = 0 };
	struct why why = { RSC_NONE, "" };
	char sp[201] = "";
	unsigned refused;
	STACK_OF(X509) *anchors;

	if (facts_read(str_make((const char *)data, size), &f, &why)) {
		REQUIRE(why.text[0] && !f.leaf && !f.ca);
		return 0;
	}
	REQUIRE(f.port >= 1 && f.port <= 65535 && f.generation >= 1 && f.cse_id[0] == '/' && sk_X509_num(f.ca) <= IDENTITY_CAS);
	anchors = facts_anchors(f.ca);
	REQUIRE(sk_X509_num(anchors) >= 1);
	(void)facts_verify(f.leaf, f.ca, anchors, INT64_C(1000000) * AT_S);
	if (facts_sp(f.ca, f.leaf, sp) == 0)
		REQUIRE(sp[0] && strlen(sp) <= 200);
	facts_take_ca(&f, anchors, INT64_C(1000000) * AT_S, &refused);
	REQUIRE(sk_X509_num(f.ca) >= 1 && sk_X509_num(f.ca) <= IDENTITY_CAS);
	sk_X509_pop_free(anchors, X509_free);
	facts_fini(&f);
	return 0;
}
