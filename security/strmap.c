/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing; at most three quarters full. */
#include "security/strmap.h"

#include <stdlib.h>

#include "cse/base/check.h"

enum { FIRST = 16 };

void strmap_init(struct strmap *m, const uint64_t seed[2])
{
	*m = (struct strmap){ .seed = { seed[0], seed[1] } };
}

void strmap_fini(struct strmap *m)
{
	free(m->v);
	m->v = NULL;
	m->cap = m->n = m->used = 0;
}

/* The entry, or the slot where it would be put. */
static struct strmap_slot *find(const struct strmap *m, struct str key)
{
	struct strmap_slot *gap = NULL;
	size_t i = str_hash(key, m->seed) & (m->cap - 1);

	for (;; i = (i + 1) & (m->cap - 1)) {
		struct strmap_slot *s = &m->v[i];

		if (s->val == NULL && s->key.p == NULL)
			return gap ? gap : s;
		if (s->val == NULL)
			gap = gap ? gap : s;
		else if (str_eq(s->key, key))
			return s;
	}
}

static void grow(struct strmap *m)
{
	struct strmap old = *m;
	size_t i;

	m->cap = FIRST;
	while (m->cap < (old.n + 1) * 2)
		m->cap *= 2;
	m->v = calloc(m->cap, sizeof(*m->v));
	REQUIRE(m->v != NULL);
	m->used = m->n;
	for (i = 0; i < old.cap; i++) {
		if (old.v[i].val)
			*find(m, old.v[i].key) = old.v[i];
	}
	free(old.v);
}

void *strmap_get(const struct strmap *m, struct str key)
{
	return m->n ? find(m, key)->val : NULL;
}

void strmap_put(struct strmap *m, struct str key, void *val)
{
	struct strmap_slot *s;

	REQUIRE(key.p != NULL && val != NULL);
	if ((m->used + 1) * 4 > m->cap * 3)
		grow(m);
	s = find(m, key);
	if (s->val == NULL) {
		m->n++;
		m->used += s->key.p == NULL;
	}
	*s = (struct strmap_slot){ key, val };
}

void strmap_del(struct strmap *m, struct str key)
{
	struct strmap_slot *s = m->n ? find(m, key) : NULL;

	if (s == NULL || s->val == NULL)
		return;
	/* The key's memory may go; any address but NULL marks the slot as once used. */
	s->key = STR("");
	s->val = NULL;
	m->n--;
}

void *strmap_next(const struct strmap *m, size_t *at)
{
	while (*at < m->cap) {
		void *val = m->v[(*at)++].val;

		if (val)
			return val;
	}
	return NULL;
}
