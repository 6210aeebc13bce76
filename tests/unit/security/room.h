/* SPDX-License-Identifier: Apache-2.0 */
/* A security room on a store in memory, with a clock that the test owns. */
#ifndef TESTS_ROOM_H
#define TESTS_ROOM_H

#include <check.h>
#include <pthread.h>

#include "cse/base/clock.h"
#include "cse/base/conf.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"
#include "security/lockout.h"
#include "security/security.h"
#include "tests/unit/security/rules.h"

/* Friday 2026-11-20 10:15:39 UTC. */
#define ROOM_NOW INT64_C(1795169739000000)
#define ROOM_DAY INT64_C(86400000000)

struct room {
	struct arena a;
	struct clock *clock;
	struct rnd *rnd;
	struct conf *conf;
	struct addr_self self;
	struct store *store;
	struct security *sec;
	unsigned keys; /* credentials made: each has another key */
};

static inline void room_open_security(struct room *r)
{
	struct why why = { 0 };
	struct security_opts o = { .conf = r->conf, .clock = r->clock, .rnd = r->rnd, .self = r->self };

	ck_assert_msg(security_new(&o, &r->sec, &why) == 0, "%s", why.text);
	ck_assert_msg(security_attach(r->sec, r->store, &why) == 0, "%s", why.text);
}

/* set: an assignment of the configuration, or NULL. */
static inline void room_init_with(struct room *r, const char *set)
{
	struct store_opts o = { .cache_bytes = 1 << 20, .batch_max = 64, .queue_max = 4096, .queue_max_bytes = 1 << 25,
		.loops = 1 };
	const struct type *cb = type_by_ty(TY_CB);
	struct conf_why cw;
	struct why why = { 0 };
	struct res *base;

	*r = (struct room){ .self = { STR("troth.example"), STR("id-in"), STR("cse-in") } };
	arena_init(&r->a, 65536);
	r->clock = clock_new_fake(ROOM_NOW);
	r->rnd = rnd_new_seeded(1);
	r->conf = conf_defaults();
	if (set)
		ck_assert_int_eq(conf_set(r->conf, set, &cw), 0);
	o.clock = r->clock;
	o.rnd = r->rnd;
	o.self = r->self;
	base = res_new(&r->a, cb, 4);
	*obj_add(&r->a, &base->o, type_attr(cb, STR("csi"))) = val_str(K_ID, STR("/id-in"));
	*obj_add(&r->a, &base->o, &attr_ct) = val_stamp(ROOM_NOW);
	ck_assert_msg(store_open(&o, base, &r->store, &why) == 0, "%s", why.text);
	room_open_security(r);
}

static inline void room_init(struct room *r)
{
	room_init_with(r, NULL);
}

/* As after a restart: what is not in the store is gone. */
static inline void room_restart(struct room *r)
{
	security_free(r->sec);
	room_open_security(r);
}

static inline void room_fini(struct room *r)
{
	security_free(r->sec);
	store_close(r->store);
	conf_unref(r->conf);
	rnd_free(r->rnd);
	clock_free(r->clock);
	arena_fini(&r->a);
}

struct room_commit {
	struct commit c;
	int err;
};

static inline void room_done(struct commit *c, int err)
{
	CONTAINER_OF(c, struct room_commit, c)->err = err;
}

/* Waits until it is durable. */
static inline void room_commit(struct room *r, struct tx *tx)
{
	struct room_commit w = { .c = { .magic = COMMIT_MAGIC, .done = room_done } };

	if (store_commit(tx, &w.c) == 1) {
		store_ready(r->store, &w.c);
		store_flush(r->store);
	}
	ck_assert_int_eq(w.err, 0);
}

/* names: separated by spaces. */
static inline struct cred_info room_info(struct room *r, const char *id, enum cred_kind kind, const char *names)
{
	struct cred_info c = { .id = str_of(id), .kind = kind, .zone = ZONE_DEFAULT, .max_ae = 1, .generation = 1,
		.not_after = ROOM_NOW + ROOM_DAY };
	char *key = arena_zalloc(&r->a, 32);
	struct str rest = str_of(names);
	bool more = rest.n > 0;

	memcpy(key, &r->keys, sizeof(r->keys));
	r->keys++;
	c.fingerprint = str_make(key, 32);
	c.names.v = arena_array(&r->a, 64, sizeof(*c.names.v));
	while (more)
		c.names.v[c.names.n++] = str_cut(&rest, ' ', &more);
	return c;
}

static inline int room_try_cred(struct room *r, const struct cred_info *info, struct why *why)
{
	struct cred_info copy = *info, *c = &copy;
	struct tx *tx = store_begin(r->store, &r->a, TX_WRITE);
	int err = cred_put(r->sec, tx, c, why);

	if (err) {
		store_end(tx);
		return err;
	}
	room_commit(r, tx);
	cred_apply(r->sec, c);
	return 0;
}

static inline void room_put_cred(struct room *r, const struct cred_info *c)
{
	struct why why = { 0 };

	ck_assert_msg(room_try_cred(r, c, &why) == 0, "%s", why.text);
}

static inline struct cred_info room_cred(struct room *r, const char *id, enum cred_kind kind, const char *names)
{
	struct cred_info c = room_info(r, id, kind, names);

	room_put_cred(r, &c);
	return c;
}

/* From a lock, if there is one. */
static inline void room_release(struct room *r, const char *cred)
{
	struct tx *tx = store_begin(r->store, &r->a, TX_WRITE);
	struct why why = { 0 };

	if (lockout_release(r->sec, tx, str_of(cred), &why) != 0) {
		store_end(tx);
		return;
	}
	room_commit(r, tx);
	lockout_apply_release(r->sec, str_of(cred));
}

static inline struct peer *room_peer(struct room *r, const char *cred)
{
	struct ipaddr ip = { 4, { 10, 1, 2, 3 } };
	struct peer *p;

	ck_assert_int_eq(peer_of_credential(r->sec, str_of(cred), &ip, &p), 0);
	return p;
}

/* A request: from NULL is absent. */
static inline struct prim *room_prim(struct room *r, enum op op, unsigned ty, const char *from)
{
	struct prim *p = ARENA_NEW(&r->a, struct prim);

	prim_init(p, &r->a);
	p->op = op;
	p->has |= 1u << P_OP;
	if (ty) {
		p->ty = ty;
		p->has |= 1u << P_TY;
	}
	if (from) {
		p->fr = str_of(from);
		p->has |= 1u << P_FR;
	}
	return p;
}

/* --- events ---------------------------------------------------------------------------------------------------------- */

struct room_events {
	struct room *r;
	const char *name;
	unsigned rows, n;
	struct str last;
};

static inline int room_event(void *arg, struct str line)
{
	struct room_events *e = arg;
	json_error_t err;
	json_t *j = json_loadb(line.p, line.n, 0, &err);

	ck_assert_msg(j != NULL, "%s: %.*s", err.text, STR_ARG(line));
	if (strcmp(json_string_value(json_object_get(j, "event")), e->name) == 0) {
		e->rows++;
		e->n += (unsigned)json_integer_value(json_object_get(j, "n"));
		e->last = arena_str(&e->r->a, line);
	}
	json_decref(j);
	return 0;
}

/* Rows and counts of an event so far, the last row as text. */
static inline struct room_events room_events(struct room *r, const char *name, bool reveal)
{
	struct room_events e = { .r = r, .name = name };

	ck_assert_int_eq(reveal ? audit_reveal(r->sec, NULL, 0, UINT32_MAX, room_event, &e)
	                        : audit_each(r->sec, 0, room_event, &e), 0);
	return e;
}

static inline unsigned room_count(struct room *r, const char *name)
{
	return room_events(r, name, false).n;
}

#endif
