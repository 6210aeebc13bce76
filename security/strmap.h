/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table from text to pointers, for the registries of the security room.  Not thread-safe; keys are borrowed from
 * what they lead to. */
#ifndef SECURITY_STRMAP_H
#define SECURITY_STRMAP_H

#include "cse/base/str.h"

struct strmap_slot {
	struct str key;
	void *val; /* NULL: free, or removed when key.p is set */
};

struct strmap {
	struct strmap_slot *v;
	size_t cap, n, used; /* slots, entries, entries and removed ones */
	uint64_t seed[2];    /* of the hash: names come from outside */
};

void strmap_init(struct strmap *m, const uint64_t seed[2]);
void strmap_fini(struct strmap *m);
void *strmap_get(const struct strmap *m, struct str key);
/* Adds or replaces; val is not NULL.  The key must live as long as the entry. */
void strmap_put(struct strmap *m, struct str key, void *val);
/* Harmless when absent. */
void strmap_del(struct strmap *m, struct str key);
/* Iterates: *at starts at 0; NULL at the end.  The map must not change meanwhile. */
void *strmap_next(const struct strmap *m, size_t *at);

#endif
