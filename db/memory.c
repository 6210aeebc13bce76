/* SPDX-License-Identifier: Apache-2.0 */
/* The backing that keeps nothing: bodies, records and events live as long as the process.  For tests, and as the
 * shortest explanation of disk.h. */
#include "db/disk.h"

#include <pthread.h>

#include "cse/base/err.h"
#include "db/cache_priv.h"
#include "db/htab_priv.h"
#include "db/mem_priv.h"

struct mem_body {
	struct hlink link;
	struct body *b;
};

struct mem_rec {
	struct mem_rec *next; /* in the order of keys */
	struct str key, value;
	char text[];
};

struct mem_event {
	struct mem_event *next;
	uint64_t seq;
	struct str row;
	char text[];
};

struct memory {
	struct disk disk; /* first */
	pthread_mutex_t lock;
	struct htab bodies;
	struct mem_rec *rec[REC_TABLES];
	struct mem_event *events, **events_end;
	uint64_t last_event, event_bytes;
};

static struct memory *of(struct disk *d)
{
	return (struct memory *)(void *)d;
}

static struct mem_body *find(struct memory *m, uint64_t id)
{
	for (struct hlink *l = htab_find(&m->bodies, htab_mix(id)); l; l = htab_next(l)) {
		struct mem_body *b = CONTAINER_OF(l, struct mem_body, link);
		if (b->b->id == id)
			return b;
	}
	return NULL;
}

static int put_body(struct disk *d, uint64_t id, struct str plain)
{
	struct memory *m = of(d);
	struct mem_body *b = mem_zget(sizeof(*b));

	b->b = body_new(id, plain);
	pthread_mutex_lock(&m->lock);
	htab_add(&m->bodies, &b->link, htab_mix(id));
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static void del_body(struct memory *m, uint64_t id)
{
	pthread_mutex_lock(&m->lock);
	struct mem_body *b = find(m, id);
	if (b)
		htab_del(&m->bodies, &b->link);
	pthread_mutex_unlock(&m->lock);
	if (b)
		body_unref(b->b);
	mem_put(b);
}

static int del_bodies(struct disk *d, uint64_t from, uint64_t to)
{
	for (uint64_t id = from; id <= to; id++)
		del_body(of(d), id);
	return 0;
}

static int read_body(struct disk *d, uint64_t id, struct body **out)
{
	struct memory *m = of(d);
	int err = E_ABSENT;

	pthread_mutex_lock(&m->lock);
	struct mem_body *b = find(m, id);
	if (b) {
		*out = body_ref(b->b);
		err = 0;
	}
	pthread_mutex_unlock(&m->lock);
	return err;
}

static int put_rec(struct disk *d, enum rec_table t, struct str key, struct str value, struct str sealed)
{
	struct memory *m = of(d);

	(void)sealed;
	pthread_mutex_lock(&m->lock);
	struct mem_rec **at = &m->rec[t];
	while (*at && str_cmp((*at)->key, key) < 0)
		at = &(*at)->next;
	if (*at && str_eq((*at)->key, key)) {
		struct mem_rec *old = *at;
		*at = old->next;
		mem_put(old);
	}
	if (value.n) {
		struct mem_rec *r = mem_get(sizeof(*r) + key.n + value.n);
		memcpy(r->text, key.p, key.n);
		memcpy(r->text + key.n, value.p, value.n);
		r->key = str_make(r->text, key.n);
		r->value = str_make(r->text + key.n, value.n);
		r->next = *at;
		*at = r;
	}
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static int each_rec(struct disk *d, enum rec_table t, int (*fn)(void *, struct str, struct str), void *arg)
{
	struct memory *m = of(d);
	int err = 0;

	pthread_mutex_lock(&m->lock);
	for (struct mem_rec *r = m->rec[t]; r && !err; r = r->next)
		err = fn(arg, r->key, r->value);
	pthread_mutex_unlock(&m->lock);
	return err;
}

static int put_event(struct disk *d, uint64_t seq, struct str row)
{
	struct memory *m = of(d);
	struct mem_event *e = mem_get(sizeof(*e) + row.n);

	memcpy(e->text, row.p, row.n);
	e->row = str_make(e->text, row.n);
	e->next = NULL;
	pthread_mutex_lock(&m->lock);
	e->seq = m->last_event = seq;
	m->event_bytes += row.n;
	*m->events_end = e;
	m->events_end = &e->next;
	pthread_mutex_unlock(&m->lock);
	return 0;
}

static int each_event(struct disk *d, uint64_t from, int (*fn)(void *, uint64_t, struct str), void *arg)
{
	struct memory *m = of(d);
	int err = 0;

	pthread_mutex_lock(&m->lock);
	for (struct mem_event *e = m->events; e && !err; e = e->next)
		if (e->seq >= from)
			err = fn(arg, e->seq, e->row);
	pthread_mutex_unlock(&m->lock);
	return err;
}

static uint64_t event_bytes(struct disk *d, uint64_t *last)
{
	struct memory *m = of(d);

	pthread_mutex_lock(&m->lock);
	uint64_t n = m->event_bytes;
	*last = m->last_event;
	pthread_mutex_unlock(&m->lock);
	return n;
}

/* --- what is for restarts only ------------------------------------------------------------------------------------ */

static int meta(struct disk *d, uint64_t out[META_COUNT])
{
	(void)d;
	memset(out, 0, META_COUNT * sizeof(*out));
	return 0;
}

static int each_res(struct disk *d, int (*fn)(void *, const struct disk_res *), void *arg)
{
	(void)d, (void)fn, (void)arg;
	return 0;
}

static int each_log(struct disk *d, enum disk_log l, uint64_t from, uint64_t to,
                    int (*fn)(void *, uint64_t, struct str), void *arg)
{
	(void)d, (void)l, (void)from, (void)to, (void)fn, (void)arg;
	return 0;
}

static uint64_t log_last(struct disk *d)
{
	(void)d;
	return 0;
}

static int begin(struct disk *d)
{
	(void)d;
	return 0;
}

static int put_res(struct disk *d, const struct disk_res *r, struct str sealed)
{
	(void)d, (void)r, (void)sealed;
	return 0;
}

static int del_res(struct disk *d, uint32_t rid)
{
	(void)d, (void)rid;
	return 0;
}

static int put_log(struct disk *d, enum disk_log l, uint64_t seq, struct str plain)
{
	(void)d, (void)l, (void)seq, (void)plain;
	return 0;
}

static int del_log(struct disk *d, enum disk_log l, uint64_t from, uint64_t to, unsigned max)
{
	(void)d, (void)l, (void)from, (void)to, (void)max;
	return 0;
}

static int put_meta(struct disk *d, enum disk_meta m, uint64_t v)
{
	(void)d, (void)m, (void)v;
	return 0;
}

static void nothing(struct disk *d)
{
	(void)d;
}

static int backup(struct disk *d, const char *file, struct why *why)
{
	(void)d, (void)file;
	why_set(why, RSC_INTERNAL_SERVER_ERROR, "a store in memory has nothing to copy; set cse.state");
	return E_UNSUPPORTED;
}

static void close_(struct disk *d)
{
	struct memory *m = of(d);

	for (uint64_t i = 0; i < htab_buckets(&m->bodies); i++)
		for (struct hlink *l = htab_bucket(&m->bodies, i), *next; l; l = next) {
			struct mem_body *b = CONTAINER_OF(l, struct mem_body, link);
			next = l->next;
			body_unref(b->b);
			mem_put(b);
		}
	htab_fini(&m->bodies);
	for (unsigned t = 0; t < REC_TABLES; t++)
		for (struct mem_rec *r = m->rec[t], *next; r; r = next) {
			next = r->next;
			mem_put(r);
		}
	for (struct mem_event *e = m->events, *next; e; e = next) {
		next = e->next;
		mem_put(e);
	}
	pthread_mutex_destroy(&m->lock);
	mem_put(m);
}

static bool always(struct disk *d)
{
	(void)d;
	return true;
}

static const struct disk_ops memory_ops = {
	.meta = meta, .each_res = each_res, .each_log = each_log, .log_last = log_last, .each_rec = each_rec, .each_event = each_event,
	.event_bytes = event_bytes, .begin = begin, .put_res = put_res, .del_res = del_res, .put_body = put_body,
	.del_bodies = del_bodies, .put_rec = put_rec, .put_event = put_event, .put_log = put_log, .del_log = del_log,
	.put_meta = put_meta, .commit = begin, .rollback = nothing, .relieve = nothing, .restock = always, .probe = begin,
	.read_body = read_body, .backup = backup, .close = close_,
};

struct disk *disk_memory_new(void)
{
	struct memory *m = mem_zget(sizeof(*m));

	m->disk.ops = &memory_ops;
	m->events_end = &m->events;
	htab_init(&m->bodies);
	REQUIRE(pthread_mutex_init(&m->lock, NULL) == 0);
	return &m->disk;
}
