/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies in memory: an LRU in shards, each with a lock of its own (below the tree's lock; nothing is taken under it). */
#ifndef DB_CACHE_PRIV_H
#define DB_CACHE_PRIV_H

#include "cse/base/str.h"
#include "db/store.h"

struct cache;

struct cache *cache_new(size_t max_bytes);
void cache_free(struct cache *c);
/* The body with a reference for the caller, moved to the young end; NULL when it is not there. */
struct body *cache_get(struct cache *c, uint64_t id);
/* Takes over the caller's reference; drops old ones beyond the bound. */
void cache_put(struct cache *c, struct body *b);
void cache_drop(struct cache *c, uint64_t id);
size_t cache_bytes(const struct cache *c);

/* A copy of the packed bytes, with one reference. */
struct body *body_new(uint64_t id, struct str packed);
/* Its bytes are the caller's to fill before anybody else sees it. */
struct body *body_alloc(uint64_t id, size_t n);
size_t body_bytes(const struct body *b);

#endif
