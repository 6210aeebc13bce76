/* SPDX-License-Identifier: Apache-2.0 */
/* Facts and the representations that they share. */
#include "cse/core/fact.h"

#include <stdlib.h>

#include "cse/model/keep.h"

struct rep *rep_keep(const struct attr *root, const struct val *v)
{
	struct keep_space s = { 0 };
	struct keep_cursor c;
	struct rep *r;
	size_t bytes;

	REQUIRE(root);
	keep_measure(v, &s);
	bytes = sizeof(*r) + s.structs + s.text;
	r = malloc(bytes);
	REQUIRE(r);
	atomic_init(&r->refs, 1);
	r->root = root;
	r->bytes = bytes;
	c.structs = (char *)(r + 1);
	c.text = c.structs + s.structs;
	keep_fill(&c, &r->v, v);
	return r;
}

struct rep *rep_ref(struct rep *r)
{
	atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
	return r;
}

void rep_unref(struct rep *r)
{
	if (r && atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) == 1)
		free(r);
}

void fact_free(struct fact *f)
{
	if (!f)
		return;
	CHECK(f, FACT);
	rep_unref(f->rep);
	res_unref(f->last_sub);
	res_unref(f->last);
	free(f->originator);
	free(f->path);
	f->magic = 0;
	free(f);
}
