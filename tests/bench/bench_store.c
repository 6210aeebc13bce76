/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store alone: appends from loops, start with many instances, memory, deletion of a large container.
 *
 *   bench_store DIR append THREADS SECONDS CONTAINERS MNI   appends of 400-byte bodies, 512 in flight per thread
 *   bench_store DIR ring THREADS SECONDS CONTAINERS MNI     the same, half of them with mni 10: the file against live data
 *   bench_store DIR start N CONTAINERS                      fills, closes, drops the page cache, opens again
 *   bench_store DIR delete N                                DELETE of a container with N instances
 *   bench_store DIR memory CONTAINERS                       bytes per container
 */
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cse/base/clock.h"
#include "cse/base/rand.h"
#include "db/store.h"
#include "security/seal.h"

enum { FLIGHT = 512, THREADS = 8, BODY = 400 };

struct bench;

struct slot {
	struct commit c; /* first */
	struct arena a;
	struct producer *p;
};

struct producer {
	pthread_t thread;
	struct bench *b;
	struct loop *loop;
	struct slot slot[FLIGHT];
	unsigned in_flight;
	uint64_t done, failed, turn;
	uint32_t *rid;
};

struct bench {
	struct store *s;
	struct store_opts o;
	struct clock *clock;
	uint64_t mni, mni_odd, limit;
	uint32_t *rid;
	unsigned n_rid, n_threads;
	_Atomic uint64_t left;
	_Atomic bool stop;
	struct producer p[THREADS];
	char con[BODY + 1];
};

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static struct res *resource(struct arena *a, unsigned ty, int64_t now)
{
	struct res *r = res_new(a, type_by_ty(ty), 6);

	*obj_put(a, &r->o, &attr_ct) = val_stamp(now);
	if (ty != TY_CB)
		*obj_put(a, &r->o, &attr_et) = val_stamp(now + INT64_C(315360000000000));
	return r;
}

/* --- appending ---------------------------------------------------------------------------------------------------- */

static void appended(struct commit *c, int err);

static void append(struct slot *sl)
{
	struct producer *p = sl->p;
	struct bench *b = p->b;
	struct str con = str_make(b->con, BODY);

	arena_reset(&sl->a);
	struct tx *tx = store_begin(b->s, &sl->a, TX_WRITE);
	unsigned k = (unsigned)(p->turn++ % b->n_rid);
	uint64_t mni = b->mni_odd && k % 2 ? b->mni_odd : b->mni;
	const struct node *n = store_by_rid(tx, b->rid[k]);
	struct res *r = resource(&sl->a, TY_CIN, tx_now(tx));
	*obj_put(&sl->a, &r->o, type_attr(r->type, STR("con"))) = val_str(K_ANY, con);
	struct append ap = { .r = r, .size = BODY };
	if (store_append(tx, n, &ap))
		abort();
	if (mni)
		store_trim(tx, n, mni, UINT64_MAX, INT64_MIN);
	sl->c = (struct commit){ .loop = p->loop, .done = appended };
	if (store_commit(tx, &sl->c) != 1)
		abort();
	store_ready(b->s, &sl->c);
	p->in_flight++;
}

static void appended(struct commit *c, int err)
{
	struct slot *sl = (struct slot *)(void *)c;
	struct producer *p = sl->p;

	p->in_flight--;
	p->done++;
	p->failed += err != 0;
	if (p->b->stop)
		return;
	if (p->b->limit && atomic_fetch_sub(&p->b->left, 1) <= FLIGHT * (uint64_t)p->b->n_threads) {
		p->b->stop = true;
		return;
	}
	append(sl);
}

static void *produce(void *arg)
{
	struct producer *p = arg;

	for (unsigned i = 0; i < FLIGHT; i++) {
		p->slot[i].p = p;
		arena_init(&p->slot[i].a, 2048);
		append(&p->slot[i]);
	}
	while (p->in_flight)
		loop_turn(p->loop, 10);
	for (unsigned i = 0; i < FLIGHT; i++)
		arena_fini(&p->slot[i].a);
	return NULL;
}

/* Runs for some seconds, or for a number of appends. */
static uint64_t produce_all(struct bench *b, unsigned threads, double secs, uint64_t n)
{
	uint64_t done = 0;

	b->stop = false;
	b->limit = n;
	b->left = n;
	b->n_threads = threads;
	for (unsigned i = 0; i < threads; i++) {
		b->p[i].b = b;
		b->p[i].turn = i;
		b->p[i].done = 0;
		b->p[i].loop = loop_new(b->clock, i, NULL);
		pthread_create(&b->p[i].thread, NULL, produce, &b->p[i]);
	}
	for (double end = seconds() + secs; !n && seconds() < end;)
		usleep(10000);
	if (!n)
		b->stop = true;
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(b->p[i].thread, NULL);
		loop_free(b->p[i].loop);
		done += b->p[i].done;
		if (b->p[i].failed)
			fprintf(stderr, "%llu failed\n", (unsigned long long)b->p[i].failed);
	}
	return done;
}

/* --- the store ---------------------------------------------------------------------------------------------------- */

static void open_store(struct bench *b)
{
	struct why why = { 0 };
	struct arena a;

	arena_init(&a, 4096);
	int err = store_open(&b->o, resource(&a, TY_CB, clock_wall_us(b->clock)), &b->s, &why);
	if (err) {
		fprintf(stderr, "open: %d %s\n", err, why.text);
		exit(1);
	}
	arena_fini(&a);
}

static void noted(struct commit *c, int err)
{
	(void)c;
	if (err)
		abort();
}

static void containers(struct bench *b, unsigned n)
{
	struct arena a;

	arena_init(&a, 65536);
	b->rid = malloc(n * sizeof(*b->rid));
	b->n_rid = n;
	for (unsigned i = 0; i < n;) {
		struct commit c = { .done = noted };
		struct tx *tx = store_begin(b->s, &a, TX_WRITE);
		for (unsigned k = 0; k < 100 && i < n; k++, i++) {
			const struct node *node;
			char name[32];
			struct res *r = resource(&a, TY_CNT, tx_now(tx));
			snprintf(name, sizeof(name), "container%u", i);
			*obj_put(&a, &r->o, &attr_lbl) = val_null();
			*obj_put(&a, &r->o, type_attr(r->type, STR("mni"))) = val_uint(1000);
			*obj_put(&a, &r->o, &attr_cr) = val_str(K_ID, STR("//troth.example/id-in/CBench"));
			obj_del(&r->o, &attr_lbl);
			if (store_create(tx, store_root(tx), r, str_of(name), STR_NONE, 0, &node))
				abort();
			b->rid[i] = node->rid;
		}
		store_commit(tx, &c);
		store_ready(b->s, &c);
		store_flush(b->s);
		arena_reset(&a);
	}
	arena_fini(&a);
}

static long rss_kb(void)
{
	char line[256];
	long kb = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "RssAnon:", 8))
			kb = strtol(line + 8, NULL, 10);
	fclose(f);
	return kb;
}

static double file_mb(struct bench *b)
{
	char path[4096];
	struct stat st = { 0 };

	snprintf(path, sizeof(path), "%s/store.db", b->o.dir);
	stat(path, &st);
	return (double)st.st_size / 1e6;
}

static void usage(struct bench *b, const char *what)
{
	struct store_usage u;

	store_usage(b->s, &u);
	printf("%s: nodes %llu instances %llu tree %.1f MB cache %.1f MB unswept %llu longest hold %.1f us rss %ld kB file %.1f MB\n",
	       what, (unsigned long long)u.nodes, (unsigned long long)u.instances, (double)u.tree_bytes / 1e6,
	       (double)u.cache_bytes / 1e6, (unsigned long long)u.unswept, (double)u.longest_hold_ns / 1e3, rss_kb(), file_mb(b));
}

/* --- what is measured --------------------------------------------------------------------------------------------- */

static void bench_append(struct bench *b, char **v)
{
	containers(b, (unsigned)strtoul(v[2], NULL, 10));
	b->mni = strtoull(v[3], NULL, 10);
	for (int round = 0; round < 3; round++) {
		double t = seconds(), c = cpu();
		uint64_t n = produce_all(b, (unsigned)strtoul(v[0], NULL, 10), strtod(v[1], NULL), 0);
		double dt = seconds() - t, dc = cpu() - c;
		printf("append: %.0f/s, %.2f us CPU each\n", (double)n / dt, dc / (double)n * 1e6);
	}
	usage(b, "after");
}

static void bench_ring(struct bench *b, char **v)
{
	struct store_usage u;

	b->mni_odd = 10;
	bench_append(b, v);
	store_usage(b->s, &u);
	/* A row: the content, its attributes, the seal, what SQLite adds. */
	printf("file: %.2f x live data\n", file_mb(b) * 1e6 / ((double)u.instances * (BODY + 75)));
}

static void bench_start(struct bench *b, char **v)
{
	uint64_t n = strtoull(v[0], NULL, 10);
	double t = seconds(), c = cpu();

	containers(b, (unsigned)strtoul(v[1], NULL, 10));
	n = produce_all(b, 2, 0, n);
	printf("filled %llu in %.1f s, %.2f us CPU each\n", (unsigned long long)n, seconds() - t, (cpu() - c) / (double)n * 1e6);
	usage(b, "full");
	store_close(b->s);
	malloc_trim(0);
	for (int cold = 1; cold >= 0; cold--) {
		sync();
		if (cold) {
			int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
			if (fd < 0 || write(fd, "3", 1) != 1)
				puts("page cache could not be dropped");
			close(fd);
		}
		long before = rss_kb();
		t = seconds();
		open_store(b);
		printf("%s start: %.3f s, %.1f bytes an instance\n", cold ? "cold" : "warm", seconds() - t,
		       (double)(rss_kb() - before) * 1024 / (double)n);
		usage(b, "open");
		if (cold) {
			store_close(b->s);
			malloc_trim(0);
		}
	}
}

static void bench_delete(struct bench *b, char **v)
{
	struct arena a;
	struct commit c = { .done = noted };
	struct store_usage u;

	containers(b, 2);
	b->n_rid = 1;
	produce_all(b, 2, 0, strtoull(v[0], NULL, 10));
	usage(b, "full");
	arena_init(&a, 4096);
	double t = seconds();
	struct tx *tx = store_begin(b->s, &a, TX_WRITE);
	store_remove(tx, store_by_rid(tx, b->rid[0]));
	store_commit(tx, &c);
	double held = seconds() - t;
	store_ready(b->s, &c);
	store_flush(b->s);
	printf("delete: %.3f ms under the lock, answered after %.3f ms\n", held * 1e3, (seconds() - t) * 1e3);
	b->rid[0] = b->rid[1];
	double t1 = seconds();
	uint64_t n = produce_all(b, 2, 5, 0);
	printf("meanwhile: %.0f appends/s\n", (double)n / (seconds() - t1));
	usage(b, "meanwhile");
	do {
		usleep(10000);
		store_usage(b->s, &u);
	} while (u.unswept);
	printf("swept after %.2f s\n", seconds() - t);
	usage(b, "swept");
	arena_fini(&a);
}

static void bench_memory(struct bench *b, char **v)
{
	unsigned n = (unsigned)strtoul(v[0], NULL, 10);
	long before = rss_kb();

	containers(b, n);
	printf("container: %.0f bytes\n", (double)(rss_kb() - before) * 1024 / n);
	usage(b, "memory");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int args;
		void (*run)(struct bench *, char **);
	} what[] = {
		{ "append", 4, bench_append }, { "ring", 4, bench_ring }, { "start", 2, bench_start }, { "delete", 1, bench_delete }, { "memory", 1, bench_memory },
	};
	struct bench *b = calloc(1, sizeof(*b));
	struct rnd *rnd = rnd_new();

	b->clock = clock_new();
	memset(b->con, 'x', BODY);
	b->con[0] = b->con[BODY - 1] = '"';
	for (unsigned i = 0; argc > 2 && i < sizeof(what) / sizeof(what[0]); i++) {
		if (strcmp(argv[2], what[i].name) || argc != 3 + what[i].args)
			continue;
		mkdir(argv[1], 0700);
		b->o = (struct store_opts){ .clock = b->clock, .rnd = rnd, .dir = argv[1], .seal = seal_new_volatile(rnd), .loops = THREADS,
		                            .self = { STR("troth.example"), STR("id-in"), STR("cse-in") } };
		open_store(b);
		what[i].run(b, argv + 3);
		store_close(b->s);
		return 0;
	}
	fputs("see the head of bench_store.c\n", stderr);
	return 2;
}
