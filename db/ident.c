/* SPDX-License-Identifier: Apache-2.0 */
/* Generated names: prefix and row id in base 36, "cnt1z"; "cin1z-9k" for an instance, whose name is "cin9k". */
#include "db/tree_priv.h"

static size_t put36(uint64_t v, char *out)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	char tmp[16];
	size_t n = 0;

	do {
		tmp[n++] = digits[v % 36];
		v /= 36;
	} while (v);
	for (size_t i = 0; i < n; i++)
		out[i] = tmp[n - 1 - i];
	return n;
}

/* Canonical form only: at least one digit, no leading zero, 1 .. max. */
static bool get36(struct str s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!s.n || s.n > 13 || s.p[0] == '0')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		unsigned d = c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'z' ? (unsigned)(c - 'a') + 10 : 99;
		if (d == 99 || v > (max - d) / 36)
			return false;
		v = v * 36 + d;
	}
	*out = v;
	return true;
}

size_t ident_node(char out[IDENT_MAX], const struct type *t, uint32_t rid)
{
	size_t n = strlen(t->prefix);

	REQUIRE(n < IDENT_MAX / 2);
	memcpy(out, t->prefix, n);
	return n + put36(rid, out + n);
}

size_t ident_inst_rn(char out[IDENT_MAX], uint64_t id)
{
	memcpy(out, "cin", 3);
	return 3 + put36(id, out + 3);
}

size_t ident_inst_ri(char out[IDENT_MAX], uint32_t rid, uint64_t id)
{
	size_t n = 3;

	memcpy(out, "cin", 3);
	n += put36(rid, out + n);
	out[n++] = '-';
	return n + put36(id, out + n);
}

unsigned ident_node_parse(struct str ri, uint32_t out[8])
{
	unsigned n = 0;

	for (size_t prefix = 1; prefix <= 8 && prefix < ri.n; prefix++) {
		uint64_t v;
		if (get36(str_from(ri, prefix), UINT32_MAX, &v))
			out[n++] = (uint32_t)v;
	}
	return n;
}

bool ident_inst_rn_parse(struct str rn, uint64_t *id)
{
	return str_starts(rn, STR("cin")) && get36(str_from(rn, 3), INT64_MAX, id);
}

bool ident_inst_ri_parse(struct str ri, uint32_t *rid, uint64_t *id)
{
	size_t dash = str_index(ri, '-');
	uint64_t r, i;

	if (dash == ri.n || !str_starts(ri, STR("cin")) || dash < 3)
		return false;
	if (!get36(str_make(ri.p + 3, dash - 3), UINT32_MAX, &r) || !get36(str_from(ri, dash + 1), INT64_MAX, &i))
		return false;
	*rid = (uint32_t)r;
	*id = i;
	return true;
}
