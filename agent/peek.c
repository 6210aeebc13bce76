/* SPDX-License-Identifier: Apache-2.0 */
/* Walks down JSON text by names. */
#include "agent/peek.h"

#include "cse/model/any.h"

enum { DEPTH = 64, VALUES = 1 << 20 };

static bool take(struct any *x, char c)
{
	any_blank(x);
	if (x->p == x->end || *x->p != c)
		return false;
	x->p++;
	any_blank(x);
	return true;
}

static bool name_of(struct any *x, struct str *name)
{
	bool escaped;

	return x->p < x->end && *x->p++ == '"' && any_string(x, name, &escaped) == 0 && take(x, ':');
}

/* Goes to the value of that member of the object at x. */
static bool enter(struct any *x, const char *want)
{
	struct str name;

	if (!take(x, '{'))
		return false;
	do {
		any_blank(x);
		if (!name_of(x, &name))
			return false;
		if (strcmp(want, "*") == 0 || str_eqz(name, want))
			return true;
		if (any_value(x) != 0)
			return false;
	} while (take(x, ','));
	return false;
}

static bool descend(struct any *x, struct str json, const char *const *names)
{
	*x = (struct any){ .p = json.p, .end = json.p + json.n, .depth = DEPTH, .values = VALUES };
	if (json.n == 0)
		return false;
	for (; *names; names++)
		if (!enter(x, *names))
			return false;
	return true;
}

bool peek_member(struct str json, const char *const *names, struct str *raw)
{
	struct any x;
	const char *from;

	if (!descend(&x, json, names))
		return false;
	from = x.p;
	if (any_value(&x) != 0)
		return false;
	*raw = str_make(from, (size_t)(x.p - from));
	return true;
}

bool peek_string(struct str json, const char *const *names, struct str *inner)
{
	struct any x;
	struct str s;
	bool escaped;

	if (!descend(&x, json, names) || x.p == x.end || *x.p++ != '"' || any_string(&x, &s, &escaped) != 0 || escaped)
		return false;
	*inner = s;
	return true;
}

bool peek_root(struct str json, const char *const *names, struct str *name)
{
	struct any x;

	return descend(&x, json, names) && take(&x, '{') && name_of(&x, name);
}
