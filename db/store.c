/* SPDX-License-Identifier: Apache-2.0 */
/* The store's life: open, close, what it uses, and the few calls that go straight to the backing. */
#include "db/store.h"

#include "cse/base/err.h"
#include "cse/base/log.h"
#include "cse/base/stat.h"
#include "db/cache_priv.h"
#include "db/disk.h"
#include "db/load_priv.h"
#include "db/tree_priv.h"
#include "db/writer_priv.h"

enum { CACHE_DEFAULT = 64 << 20, BATCH_DEFAULT = 1024, QUEUE_DEFAULT = 4096, QUEUE_BYTES_DEFAULT = 32 << 20 };

static void set_default(size_t *v, size_t def)
{
	if (!*v)
		*v = def;
}

struct store *store_make(const struct store_opts *o)
{
	struct store *s = mem_zget(sizeof(*s));
	const struct addr_self *me = &o->self;
	char *t = s->self_text = mem_get(me->sp.n + me->cse.n + me->base.n + 1);

	s->magic = STORE_MAGIC;
	s->o = *o;
	memcpy(t, me->sp.p, me->sp.n);
	memcpy(t + me->sp.n, me->cse.p, me->cse.n);
	memcpy(t + me->sp.n + me->cse.n, me->base.p, me->base.n);
	s->o.self.sp.p = t;
	s->o.self.cse.p = t + me->sp.n;
	s->o.self.base.p = t + me->sp.n + me->cse.n;
	s->o.dir = NULL;
	set_default(&s->o.cache_bytes, CACHE_DEFAULT);
	set_default(&s->o.batch_max, BATCH_DEFAULT);
	set_default(&s->o.queue_max, QUEUE_DEFAULT);
	set_default(&s->o.queue_max_bytes, QUEUE_BYTES_DEFAULT);
	tree_init(s);
	sweep_init(s);
	s->cache = cache_new(s->o.cache_bytes);
	s->scratch = mem_zget((o->loops + 1) * sizeof(*s->scratch));
	for (unsigned i = 0; i < o->loops; i++)
		buf_init(&s->scratch[i], SCRATCH_MAX);
	return s;
}

void store_unmake(struct store *s)
{
	if (s->writer)
		writer_free(s->writer);
	if (s->disk)
		s->disk->ops->close(s->disk);
	sweep_fini(s);
	tree_fini(s);
	cache_free(s->cache);
	for (unsigned i = 0; i < s->o.loops; i++)
		buf_fini(&s->scratch[i]);
	mem_put(s->scratch);
	mem_put(s->self_text);
	s->magic = 0;
	mem_put(s);
}

static void made(struct commit *c, int err)
{
	(void)c, (void)err;
}

static int make_root(struct store *s, const struct res *base)
{
	struct commit c = { .done = made };
	struct arena a;

	arena_init(&a, 4096);
	struct tx *tx = store_begin(s, &a, TX_WRITE);
	change_create_root(tx, base);
	REQUIRE(store_commit(tx, &c) == 1);
	store_ready(s, &c);
	store_flush(s);
	arena_fini(&a);
	return c.err;
}

int store_open(const struct store_opts *o, const struct res *base, struct store **out, struct why *why)
{
	struct store *s = store_make(o);
	int err = 0;

	if (o->dir)
		err = disk_sqlite_open(o, &s->disk, why);
	else
		s->disk = disk_memory_new();
	/* Nothing is at rest there, and what was sealed would come back sealed. */
	if (!o->dir)
		s->o.seal = NULL;
	if (!err) {
		s->writer = writer_new(s);
		err = load_store(s, &s->writer->journal, why);
	}
	if (!err) {
		writer_start(s->writer);
		if (!s->root && (err = make_root(s, base)))
			why_set(why, RSC_INTERNAL_SERVER_ERROR, "the CSEBase cannot be stored: %s", err_text(err));
	}
	if (err) {
		log_write(o->log, LOG_STORE_FAILED, "open: %s", err_text(err));
		store_unmake(s);
		return err;
	}
	log_write(o->log, LOG_STORE_OPEN, "%llu resources, %llu instances", (unsigned long long)s->n_nodes,
	          (unsigned long long)s->n_insts);
	*out = s;
	return 0;
}

void store_close(struct store *s)
{
	CHECK(s, STORE);
	writer_stop(s->writer);
	store_unmake(s);
}

void store_flush(struct store *s)
{
	writer_flush(s->writer);
}

int store_backup(struct store *s, const char *file, struct why *why)
{
	return s->disk->ops->backup(s->disk, file, why);
}

int store_rec_each(struct store *s, enum rec_table t, int (*fn)(void *arg, struct str key, struct str value), void *arg)
{
	return s->disk->ops->each_rec(s->disk, t, fn, arg);
}

void store_usage(struct store *s, struct store_usage *out)
{
	struct store_usage u;

	tree_lock(s);
	u = (struct store_usage){ .nodes = s->n_nodes, .instances = s->n_insts, .tree_bytes = s->tree_bytes,
	                          .longest_hold_ns = (uint64_t)s->longest_hold };
	u.tree_bytes += htab_bytes(&s->by_rid) + htab_bytes(&s->by_name);
	tree_unlock(s);
	u.cache_bytes = cache_bytes(s->cache);
	u.queue = atomic_load_explicit(&s->q_jobs, memory_order_relaxed);
	u.queue_bytes = atomic_load_explicit(&s->q_bytes, memory_order_relaxed);
	u.unswept = atomic_load_explicit(&s->sweep.n_waiting, memory_order_relaxed);
	*out = u;
}

/* --- bodies that are not in memory -------------------------------------------------------------------------------- */

static void fetch_done(struct work *w)
{
	struct fetch *f = CONTAINER_OF(w, struct fetch, work);

	f->done(f);
}

static void fetch_run(struct work *w)
{
	struct fetch *f = CONTAINER_OF(w, struct fetch, work);
	struct store *s = f->store;
	struct body *b = cache_get(s->cache, f->id); /* somebody else may have asked for it */

	f->err = b ? 0 : s->disk->ops->read_body(s->disk, f->id, &b);
	if (f->err)
		return;
	f->body = b;
	cache_put(s->cache, body_ref(b));
	stat_add(s->o.stats, STAT_BODY_MISS, 1);
}

static void fetch_task(struct loop *l, struct loop_task *t)
{
	(void)l;
	fetch_done(CONTAINER_OF(t, struct work, task));
}

void store_fetch(struct store *s, struct fetch *f, uint64_t id, struct loop *loop, void (*done)(struct fetch *))
{
	*f = (struct fetch){ .store = s, .id = id, .done = done };
	f->work.loop = loop;
	f->work.run = fetch_run;
	f->work.done = fetch_done;
	if (s->o.workers) {
		workers_submit(s->o.workers, &f->work);
		return;
	}
	fetch_run(&f->work);
	f->work.task.fn = fetch_task;
	loop_post(loop, &f->work.task, fetch_task);
}
