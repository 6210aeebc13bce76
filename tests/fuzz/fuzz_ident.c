/* SPDX-License-Identifier: Apache-2.0 */
/* Generated names and resourceIDs: what is read as one is written as the same bytes. */
#include "db/tree_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_make((const char *)data, size);
	char out[IDENT_MAX];
	uint32_t rid, rids[8];
	uint64_t id;
	unsigned n;

	if (ident_inst_ri_parse(s, &rid, &id))
		REQUIRE(str_eq(str_make(out, ident_inst_ri(out, rid, id)), s));
	if (ident_inst_rn_parse(s, &id))
		REQUIRE(str_eq(str_make(out, ident_inst_rn(out, id)), s));
	n = ident_node_parse(s, rids);
	REQUIRE(n <= 8);
	for (unsigned i = 0; i < n; i++) {
		struct str digits = str_from(str_make(out, ident_inst_rn(out, rids[i])), 3);

		REQUIRE(str_ends(s, digits) && digits.n < s.n);
	}
	return 0;
}
