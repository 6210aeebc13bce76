/* SPDX-License-Identifier: Apache-2.0 */
/* Policies for tests, from JSON text by jansson and the tables of the model: names that the tables do not know become
 * members all the same, as a newer program's would. */
#ifndef TESTS_RULES_H
#define TESTS_RULES_H

#include <check.h>
#include <jansson.h>

#include "cse/base/check.h"
#include "cse/model/res.h"

static inline struct val rules_val(struct arena *a, const struct attr *at, json_t *j);

static inline const struct attr *rules_unknown(struct arena *a, const char *sn, json_t *j)
{
	struct attr *at = ARENA_NEW(a, struct attr);

	at->sn = arena_strz(a, str_of(sn));
	at->kind = json_is_object(j) ? K_OBJ : json_is_string(j) ? K_STR : json_is_real(j) ? K_FLOAT : K_UINT;
	return at;
}

static inline struct obj *rules_obj(struct arena *a, const struct complex *c, json_t *j)
{
	struct obj *o = obj_new(a, 4);
	const char *sn;
	json_t *v;

	json_object_foreach(j, sn, v) {
		const struct attr *at = c ? complex_attr(c, str_of(sn)) : NULL;

		if (at == NULL)
			at = rules_unknown(a, sn, v);
		/* The pointer to the new member moves when a value adds others. */
		struct val x = rules_val(a, at, v);
		*obj_add(a, o, at) = x;
	}
	return o;
}

static inline struct val rules_val(struct arena *a, const struct attr *at, json_t *j)
{
	if (json_is_array(j)) {
		struct val list = val_list(a, json_array_size(j));
		size_t i;

		for (i = 0; i < list.list.n; i++)
			list.list.v[i] = rules_val(a, at, json_array_get(j, i));
		return list;
	}
	if (json_is_object(j))
		return val_obj(rules_obj(a, at->kind == K_OBJ ? at->of : NULL, j));
	if (json_is_string(j))
		return val_str(at->kind == K_URI ? K_URI : K_STR, arena_str(a, str_of(json_string_value(j))));
	if (json_is_boolean(j))
		return val_bool(json_is_true(j));
	if (json_is_null(j))
		return val_null();
	if (at->kind == K_FLOAT)
		return (struct val){ .kind = K_FLOAT, .f = json_number_value(j) };
	if (at->kind == K_ENUM)
		return val_enum(json_integer_value(j));
	return val_uint((uint64_t)json_integer_value(j));
}

/* {"pv": .., "pvs": ..} as content of an ACP. */
static inline struct res *rules_acp_of(struct arena *a, json_t *root)
{
	const struct type *t = type_by_ty(TY_ACP);
	struct res *r = res_new(a, t, 8);
	const char *sn;
	json_t *v;

	json_object_foreach(root, sn, v) {
		const struct attr *at = type_attr(t, str_of(sn));
		struct val x;

		ck_assert(at != NULL);
		x = rules_val(a, at, v);
		*obj_add(a, &r->o, at) = x;
	}
	return r;
}

/* text: JSON with ' for ". */
static inline struct res *rules_acp(struct arena *a, const char *text)
{
	char *p = arena_strz(a, str_of(text));
	json_error_t e;
	json_t *root;
	struct res *r;
	size_t i;

	for (i = 0; p[i]; i++)
		p[i] = p[i] == '\'' ? '"' : p[i];
	root = json_loads(p, 0, &e);
	ck_assert_msg(root != NULL, "%s: %s", e.text, p);
	r = rules_acp_of(a, root);
	json_decref(root);
	return r;
}

#endif
