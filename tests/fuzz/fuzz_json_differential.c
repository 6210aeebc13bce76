/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our JSON against jansson's.  Any value: both accept or both refuse, and a string says the same.  Content: what we accept
 * jansson accepts, and what we write again says the same to it.  The known differences: jansson refuses numbers that its
 * types cannot hold where we keep their text, passes over a NUL behind a number, and each has its own bound of nesting.
 */
#include <jansson.h>

#include "cse/base/err.h"
#include "cse/codec/codec.h"
#include "cse/model/any.h"
#include "cse/model/stamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEPTH = 128, MAX_SIZE = 1 << 16 };

static bool same(const json_t *a, const json_t *b);

/* Timestamps are written in one form: trailing zeros of a fraction may differ. */
static bool same_text(const json_t *a, const json_t *b)
{
	struct str s = { json_string_value(a), json_string_length(a) }, t = { json_string_value(b), json_string_length(b) };
	int64_t us, vs;

	return str_eq(s, t) || (stamp_parse(s, &us) == 0 && stamp_parse(t, &vs) == 0 && us == vs);
}

static bool same_object(const json_t *a, const json_t *b)
{
	void *it = json_object_iter((json_t *)(uintptr_t)a);

	if (json_object_size(a) != json_object_size(b))
		return false;
	for (; it; it = json_object_iter_next((json_t *)(uintptr_t)a, it)) {
		const json_t *other = json_object_getn(b, json_object_iter_key(it), json_object_iter_key_len(it));

		if (!other || !same(json_object_iter_value(it), other))
			return false;
	}
	return true;
}

static bool same(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b)) {
		double x = json_number_value(a), y = json_number_value(b);

		/* An integer beyond 2^53 in a floating-point attribute becomes the nearest double. */
		if (json_is_integer(a) && json_is_integer(b) && x > -9007199254740992.0 && x < 9007199254740992.0)
			return json_integer_value(a) == json_integer_value(b);
		return !(x < y) && !(x > y);
	}
	if (json_typeof(a) != json_typeof(b))
		return false;
	switch (json_typeof(a)) {
	case JSON_STRING:
		return same_text(a, b);
	case JSON_OBJECT:
		return same_object(a, b);
	case JSON_ARRAY:
		if (json_array_size(a) != json_array_size(b))
			return false;
		for (size_t i = 0; i < json_array_size(a); i++)
			if (!same(json_array_get(a, i), json_array_get(b, i)))
				return false;
		return true;
	default:
		return true;
	}
}

static json_t *by_jansson(struct str s, enum json_error_code *code)
{
	json_error_t e;
	json_t *j = json_loadb(s.n ? s.p : "", s.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);

	*code = j ? 0 : json_error_code(&e);
	return j;
}

static void check_value(struct arena *a, struct str s)
{
	struct any x = { .p = s.p, .end = s.p + s.n, .a = a, .depth = DEPTH, .values = s.n };
	enum json_error_code code;
	json_t *j = by_jansson(s, &code);
	const char *begin;
	int err;

	any_blank(&x);
	begin = x.p;
	err = any_value(&x);
	if (!err) {
		struct str raw = str_make(begin, (size_t)(x.p - begin));

		REQUIRE(any_is_value(raw));
		any_blank(&x);
		if (x.p != x.end) {
			err = E_SYNTAX;
		} else if (json_is_string(j)) {
			struct str text = any_text(a, raw);

			REQUIRE(str_eq(text, str_make(json_string_value(j), json_string_length(j))));
			REQUIRE(any_size(raw) == text.n);
		}
	}
	REQUIRE(err || str_index(s, '\0') == s.n);
	if (err != E_LIMIT && str_index(s, '\0') == s.n && code != json_error_stack_overflow && code != json_error_numeric_overflow)
		REQUIRE((err == 0) == (j != NULL));
	json_decref(j);
}

static void write_again(struct buf *b, const struct content *c)
{
	struct val v;

	if (c->kind == PC_RES) {
		v = val_obj(&c->res->o);
		codec_json.encode_content(b, c->res->type->root, &v);
	} else {
		codec_json.encode_content(b, c->root, &c->v);
	}
}

static void check_content(struct arena *a, struct str s)
{
	static const struct codec_limits limits = { .depth = 128, .values = 20000 };
	enum json_error_code code, code_again;
	struct content c = { 0 };
	struct why w = { 0 };
	json_t *j, *again;
	struct buf b;

	if (codec_json.decode_content(a, s, &limits, &c, &w)) {
		REQUIRE(w.rsc == RSC_BAD_REQUEST && w.text[0]);
		for (const char *p = w.text; *p; p++)
			REQUIRE((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f);
		return;
	}
	REQUIRE(c.kind != PC_NONE && w.rsc == RSC_NONE);
	buf_init(&b, 16 * s.n + 1000);
	write_again(&b, &c);
	REQUIRE(!b.over);
	j = by_jansson(s, &code);
	again = by_jansson(buf_as_str(&b), &code_again);
	if (code != json_error_numeric_overflow && code_again != json_error_numeric_overflow)
		REQUIRE(j && again && same(j, again));
	json_decref(j);
	json_decref(again);
	buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_make((const char *)data, size);
	struct arena a;

	if (size > MAX_SIZE)
		return 0;
	arena_init(&a, 4096);
	check_value(&a, s);
	check_content(&a, s);
	arena_fini(&a);
	return 0;
}
