/* SPDX-License-Identifier: Apache-2.0 */
/* The files that SEAL made (tests/unit/he/seal), for the tests of he/. */
#ifndef TESTS_UNIT_HE_VECTORS_H
#define TESTS_UNIT_HE_VECTORS_H

#include <check.h>
#include <stdio.h>

#include "he/seal_io.h"

static const struct seal_style node = { 4, 1, SEAL_NONE };

/* "bfv", ".ct.seeded". */
static inline void read_file(struct buf *b, const char *scheme, const char *name)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/unit/he/seal/%s%s", TOP_SRCDIR, scheme, name);
	f = fopen(path, "rb");
	ck_assert_msg(f != NULL, "%s", path);
	buf_init(b, 1 << 20);
	b->n = fread(buf_room(b, 1 << 16), 1, 1 << 16, f);
	fclose(f);
}

/* With the kernels asked for; NULL: the best. */
static inline struct he_ctx *context_with(const char *scheme, const struct he_kernels *kern)
{
	struct he_ctx_opts o = { .allow_weak = true, .kern = kern };
	struct he_params p;
	struct he_ctx *c;
	struct he_why w;
	struct buf b;

	read_file(&b, scheme, ".params");
	ck_assert_int_eq(seal_load_params(buf_as_str(&b), &p, NULL, &w), 0);
	ck_assert_int_eq(he_ctx_new(&p, &o, &c, &w), 0);
	buf_fini(&b);
	return c;
}

static inline struct he_ctx *context(const char *scheme)
{
	return context_with(scheme, NULL);
}

static inline void same(const struct buf *got, const struct buf *want)
{
	ck_assert_uint_eq(got->n, want->n);
	ck_assert(memcmp(got->p, want->p, got->n) == 0);
}

#endif
