/* SPDX-License-Identifier: Apache-2.0 */
/* Packed resources: any bytes; what is read is packed, kept and read as the same, and is JSON for jansson. */
#include <jansson.h>

#include "cse/base/err.h"
#include "cse/codec/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct res *x, const struct res *y)
{
	struct obj ox = x->o, oy = y->o;
	struct val vx = val_obj(&ox), vy = val_obj(&oy);

	return x->type == y->type && val_eq(&vx, &vy);
}

static void check_json(const struct res *r, size_t size)
{
	struct obj o = r->o;
	struct val v = val_obj(&o);
	json_error_t e;
	struct buf b;
	json_t *j;

	buf_init(&b, 64 * size + 1000);
	codec_json.encode_content(&b, r->type->root, &v);
	REQUIRE(!b.over);
	/* Unique names in values of any kind were looked at when they came in, not here. */
	j = json_loadb(b.p, b.n, 0, &e);
	REQUIRE(j || json_error_code(&e) == json_error_numeric_overflow);
	json_decref(j);
	buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct res *r = NULL, *again = NULL, *kept;
	struct arena a;
	struct buf b;
	int err;

	arena_init(&a, 4096);
	buf_init(&b, 2 * size + 1000);
	err = res_unpack(&a, str_make((const char *)data, size), &r);
	REQUIRE(err ? !r && (err == E_CORRUPT || err == E_NEWER) : r != NULL);
	/* A byte of a row is at most a value of a list, or a third of a member. */
	REQUIRE(a.used <= 32 * size + 512);
	if (r) {
		kept = res_keep(r);
		REQUIRE(same(r, kept));
		res_pack(kept, &b);
		REQUIRE(!b.over && b.n <= 2 * size);
		REQUIRE(res_unpack(&a, buf_as_str(&b), &again) == 0 && same(r, again));
		check_json(r, size);
		res_unref(kept);
	}
	buf_fini(&b);
	arena_fini(&a);
	return 0;
}
