/* SPDX-License-Identifier: Apache-2.0 */
/* Filter criteria as a query string: what is read and found valid can be asked of a resource, goes back into typed values, and is
 * the same when it is read from those. */
#include "bindings/http_map.h"

#include <stdlib.h>

#include "cse/core/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct filter *f)
{
	struct str labels[] = { STR("a"), STR("color:red"), STR("k:v") };
	struct filter_subject s = { .ty = 4, .ct = 1795168800000000, .lt = 1795168801000000, .et = INT64_MAX, .has_st = true, .st = 3,
		                        .has_size = true, .size = 10, .lbl = { labels, ARRAY_LEN(labels) } };
	unsigned asked = filter_kinds(f);

	filter_match(f, &s);
	REQUIRE(!asked == !filter_selects(f));
	for (unsigned k = KD_TY; k <= KD_LBQ; k++)
		if (asked & KIND(k))
			filter_kind(f, (enum filter_kind)k, &s);
}

static void again(struct arena *a, const struct filter *f)
{
	struct obj *o = filter_obj(a, f);
	struct why w = { .rsc = RSC_NONE };
	struct filter g;

	filter_init(&g);
	/* Values of conditions on attributes are raw JSON in one direction and text in the other. */
	if (f->n_atr || f->n_catr || f->n_patr)
		return;
	REQUIRE(filter_take(a, &g, o, &w) == RSC_NONE);
	REQUIRE(g.has == f->has && g.lbl.n == f->lbl.n && g.n_ty == f->n_ty && g.crb == f->crb && g.lim == f->lim);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct prim p;
	char *text;

	if (size > 8192)
		return 0;
	text = malloc(size ? size : 1);
	memcpy(text, data, size);
	arena_init(&arena, 1024);
	prim_init(&p, &arena);
	p.op = OP_RETRIEVE;
	if (http_query_read(&p, str_make(text, size)) == RSC_NONE && p.fc) {
		enum rsc rsc = filter_check(&p);

		REQUIRE(rsc == RSC_NONE || (p.why.rsc == rsc && p.why.text[0]));
		if (rsc == RSC_NONE) {
			ask(p.fc);
			again(&arena, p.fc);
		}
	}
	arena_fini(&arena);
	free(text);
	return 0;
}
