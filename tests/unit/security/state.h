/* SPDX-License-Identifier: Apache-2.0 */
/* A state folder of a test's own, and small looks into it. */
#ifndef TESTS_UNIT_SECURITY_STATE_H
#define TESTS_UNIT_SECURITY_STATE_H

#include <check.h>
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cse/base/buf.h"
#include "cse/base/rand.h"

struct state {
	char dir[64];
	struct rnd *rnd;
};

static inline void state_init(struct state *s)
{
	snprintf(s->dir, sizeof(s->dir), "/tmp/troth-state-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(s->dir));
	s->rnd = rnd_new();
}

static inline int state_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void state_fini(struct state *s)
{
	rnd_free(s->rnd);
	nftw(s->dir, state_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

static inline const char *state_path(const struct state *s, const char *name, char out[256])
{
	snprintf(out, 256, "%s/%s", s->dir, name);
	return out;
}

static inline size_t state_read(const struct state *s, const char *name, unsigned char *p, size_t max)
{
	char path[256];
	FILE *f = fopen(state_path(s, name, path), "rb");
	ck_assert_msg(f != NULL, "%s", path);
	size_t n = fread(p, 1, max, f);
	fclose(f);
	return n;
}

static inline void state_write(const struct state *s, const char *name, const void *p, size_t n)
{
	char path[256];
	FILE *f = fopen(state_path(s, name, path), "wb");
	ck_assert_msg(f != NULL, "%s", path);
	ck_assert_uint_eq(fwrite(p, 1, n, f), n);
	fclose(f);
}

#endif
