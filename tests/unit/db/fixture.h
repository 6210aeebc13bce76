/* SPDX-License-Identifier: Apache-2.0 */
/* A store of a test's own, on disk or in memory, and short ways to change it and wait. */
#ifndef TESTS_UNIT_DB_FIXTURE_H
#define TESTS_UNIT_DB_FIXTURE_H

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"
#include "db/store.h"
#include "security/seal.h"

#define T0 INT64_C(1790000000000000) /* 2026-09-21 */
#define FAR INT64_C(2000000000000000)

struct fix {
	bool disk;
	char dir[64];
	struct clock *clock;
	struct rnd *rnd;
	struct seal *seal;
	struct arena a;
	struct store_opts o;
	struct store *s;
	struct tx *tx;
	struct commit c;
	int err;
};

static inline struct val *fix_add(struct arena *a, struct res *r, const char *sn)
{
	const struct attr *at = type_attr(r->type, str_of(sn));

	ck_assert_msg(at != NULL, "%s", sn);
	return obj_put(a, &r->o, at);
}

static inline struct res *fix_res(struct arena *a, unsigned ty, int64_t et)
{
	struct res *r = res_new(a, type_by_ty(ty), 4);

	*fix_add(a, r, "ct") = val_stamp(T0);
	if (et)
		*fix_add(a, r, "et") = val_stamp(et);
	return r;
}

static inline struct res *fix_cin(struct arena *a, const char *con)
{
	struct res *r = fix_res(a, TY_CIN, FAR);

	*fix_add(a, r, "con") = val_str(K_ANY, str_of(con));
	return r;
}

static inline void fix_open(struct fix *f)
{
	struct why why = { 0 };
	struct arena a;

	arena_init(&a, 4096);
	int err = store_open(&f->o, fix_res(&a, TY_CB, 0), &f->s, &why);
	ck_assert_msg(err == 0, "open: %d %s", err, why.text);
	arena_fini(&a);
}

static inline void fix_init(struct fix *f, bool disk)
{
	*f = (struct fix){ .disk = disk };
	arena_init(&f->a, 64 << 10);
	f->clock = clock_new_fake(T0);
	f->rnd = rnd_new();
	f->seal = seal_new_volatile(f->rnd);
	f->o = (struct store_opts){ .clock = f->clock, .rnd = f->rnd, .self = { STR("troth.example"), STR("id-in"), STR("cse-in") } };
	if (disk) {
		snprintf(f->dir, sizeof(f->dir), "/tmp/troth-db-XXXXXX");
		ck_assert_ptr_nonnull(mkdtemp(f->dir));
		f->o.dir = f->dir;
		f->o.seal = f->seal;
	}
	fix_open(f);
}

static inline int fix_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void fix_fini(struct fix *f)
{
	store_close(f->s);
	if (f->disk)
		nftw(f->dir, fix_unlink, 16, FTW_DEPTH | FTW_PHYS);
	seal_close(f->seal);
	rnd_free(f->rnd);
	clock_free(f->clock);
	arena_fini(&f->a);
}

static inline void fix_reopen(struct fix *f)
{
	store_close(f->s);
	fix_open(f);
}

static inline struct tx *fix_read(struct fix *f)
{
	arena_reset(&f->a);
	return f->tx = store_begin(f->s, &f->a, TX_READ);
}

static inline struct tx *fix_write(struct fix *f)
{
	arena_reset(&f->a);
	return f->tx = store_begin(f->s, &f->a, TX_WRITE);
}

static inline void fix_end(struct fix *f)
{
	store_end(f->tx);
	f->tx = NULL;
}

static inline void fix_done(struct commit *c, int err)
{
	(void)c, (void)err;
}

/* Commits and waits; what done() was given, or 1 when there was nothing to wait for. */
static inline int fix_commit(struct fix *f)
{
	f->c = (struct commit){ .done = fix_done };
	if (!store_commit(f->tx, &f->c))
		return 1;
	store_ready(f->s, &f->c);
	store_flush(f->s);
	return f->c.err;
}

/* A child of the CSEBase, or of `path` below it ("a/b"). */
static inline const struct node *fix_at(struct fix *f, const char *path)
{
	const struct node *n = store_root(f->tx);
	struct str rest = str_of(path);
	bool more = rest.n > 0;

	while (n && more)
		n = store_child(f->tx, n, str_cut(&rest, '/', &more));
	return n;
}

static inline int fix_create_res(struct fix *f, const char *parent, const char *rn, struct res *(*make)(struct arena *))
{
	const struct node *n;

	fix_write(f);
	int err = store_create(f->tx, fix_at(f, parent), make(&f->a), str_of(rn), STR_NONE, 0, &n);
	if (err) {
		fix_end(f);
		return err;
	}
	return fix_commit(f);
}

static inline struct res *fix_cnt(struct arena *a)
{
	return fix_res(a, TY_CNT, FAR);
}

static inline int fix_container(struct fix *f, const char *parent, const char *rn)
{
	return fix_create_res(f, parent, rn, fix_cnt);
}

/* Appends, trims to max_n when it is not 0, and waits. */
static inline struct inst fix_append(struct fix *f, const char *path, const char *con, uint64_t max_n)
{
	fix_write(f);
	struct append ap = { .r = fix_cin(&f->a, con), .size = strlen(con) };
	const struct node *n = fix_at(f, path);
	ck_assert_int_eq(store_append(f->tx, n, &ap), 0);
	if (max_n)
		store_trim(f->tx, n, max_n, UINT64_MAX, INT64_MIN);
	ck_assert_int_eq(fix_commit(f), 0);
	return ap.out;
}

static inline struct counters fix_counters(struct fix *f, const char *path)
{
	struct counters c;

	fix_read(f);
	node_counters(f->tx, fix_at(f, path), &c);
	fix_end(f);
	return c;
}

#endif
