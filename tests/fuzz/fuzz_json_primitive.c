/* SPDX-License-Identifier: Apache-2.0 */
/* Request primitives: what is read is written, read and written again, and is the same then; a refusal has a reason that may
 * be told. */
#include "cse/codec/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct codec_limits limits = { .depth = 16, .values = 500 };

static void check_reason(const struct why *w)
{
	REQUIRE(w->rsc >= 4000 && w->text[0]);
	for (const char *p = w->text; *p; p++)
		REQUIRE((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f);
}

/* What holds of whatever was read, complete or not. */
static void check_parameters(const struct prim *p)
{
	REQUIRE(!prim_has(p, P_OP) || (p->op >= OP_CREATE && p->op <= OP_NOTIFY));
	REQUIRE(prim_has(p, P_FC) == (p->fc != NULL));
	REQUIRE(prim_has(p, P_PC) == (p->pc.kind != PC_NONE));
	REQUIRE(!prim_has(p, P_RT) || (p->rtv >= 1 && p->rtv <= 5));
	REQUIRE(prim_has(p, P_RQI) || p->rqi.n == 0);
	REQUIRE(str_is_utf8(p->to) && str_is_utf8(p->fr) && str_is_utf8(p->rqi));
	if (p->pc.kind == PC_RES)
		for (uint32_t i = 0; i < p->pc.res->o.n; i++)
			REQUIRE(!(p->pc.res->o.m[i].attr->flags & AF_HIDDEN));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct prim first, second;
	struct buf once, twice;
	struct arena a;
	enum rsc rsc;

	arena_init(&a, 4096);
	buf_init(&once, 64 * size + 1000);
	buf_init(&twice, 64 * size + 1000);
	prim_init(&first, &a);
	rsc = codec_json.decode_request(&a, str_make((const char *)data, size), &limits, &first);
	REQUIRE(rsc == first.why.rsc);
	check_parameters(&first);
	if (rsc) {
		check_reason(&first.why);
	} else {
		codec_json.encode_request(&once, &first);
		REQUIRE(!once.over);
		prim_init(&second, &a);
		REQUIRE(codec_json.decode_request(&a, buf_as_str(&once), &limits, &second) == RSC_NONE);
		REQUIRE(first.has == second.has && first.rvi == second.rvi);
		codec_json.encode_request(&twice, &second);
		REQUIRE(str_eq(buf_as_str(&once), buf_as_str(&twice)));
	}
	buf_fini(&once);
	buf_fini(&twice);
	arena_fini(&a);
	return 0;
}
