/* SPDX-License-Identifier: Apache-2.0 */
/* Stored notifications: what is read is written again, and read as the same. */
#include "cse/base/check.h"
#include "cse/core/notify_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The last word of a subscription: the same, with contents and texts around the fact. */
static void last_word(struct str row)
{
	struct notify_last w, v;
	struct arena a;
	struct buf b;

	arena_init(&a, 1024);
	buf_init(&b, STORE_REC_MAX + 4096);
	if (notify_record_read_last(&a, row, &w) == 0) {
		REQUIRE(w.sub->type->ty == TY_SUB && (w.watched != NULL) == (w.fact != NULL));
		notify_record_write_last(&w, &b);
		REQUIRE(!b.over);
		REQUIRE(notify_record_read_last(&a, buf_as_str(&b), &v) == 0);
		REQUIRE(str_eq(v.path, w.path) && str_eq(v.ri, w.ri) && (v.fact != NULL) == (w.fact != NULL));
		fact_free(w.fact);
		fact_free(v.fact);
	}
	buf_fini(&b);
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fact *f = NULL, *g = NULL;
	struct arena a;
	struct buf b;

	if (notify_record_is_last(str_make((const char *)data, size)))
		last_word(str_make((const char *)data, size));
	arena_init(&a, 1024);
	buf_init(&b, STORE_REC_MAX + 4096);
	if (notify_record_read(&a, str_make((const char *)data, size), &f) == 0) {
		REQUIRE(f->magic == FACT_MAGIC && f->size >= size && (f->originator != NULL) == f->monitor);
		notify_record_write(f, &b);
		REQUIRE(!b.over);
		REQUIRE(notify_record_read(&a, buf_as_str(&b), &g) == 0);
		REQUIRE(g->net == f->net && g->op == f->op && g->monitor == f->monitor && g->when == f->when && g->reads == f->reads);
		REQUIRE((g->rep != NULL) == (f->rep != NULL));
		REQUIRE(!f->rep || (g->rep->root == f->rep->root && val_eq(&g->rep->v, &f->rep->v)));
		REQUIRE(!f->monitor || str_eq(str_of(f->originator), str_of(g->originator)));
		fact_free(g);
		fact_free(f);
	}
	buf_fini(&b);
	arena_fini(&a);
	return 0;
}
