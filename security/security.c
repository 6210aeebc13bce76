/* SPDX-License-Identifier: Apache-2.0 */
/* The security room as one object: what it holds, from start to end. */
#include "security/security_priv.h"

#include <stdlib.h>

#include "security/lockout_priv.h"
#include "security/rollback.h"

static int copy_self(struct security *sec, const struct addr_self *self, struct why *why)
{
	struct who w;

	sec->self.sp = arena_str(&sec->mem, self->sp);
	sec->self.cse = arena_str(&sec->mem, self->cse);
	sec->self.base = arena_str(&sec->mem, self->base);
	if (who_parse(&sec->mem, arena_printf(&sec->mem, "/%.*s", STR_ARG(self->cse)), self, false, &w) != 0 || w.stem.n) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "cse.id: a slash and unreserved characters, the first no S");
		return E_CONF;
	}
	sec->self_abs = w.abs;
	return 0;
}

static int read_conf(struct security *sec, const struct conf *c, struct why *why)
{
	struct str admin = str_of(conf_str(c, CONF_ACC_ADMIN));
	const char *without = conf_str(c, CONF_ACC_NOACPI);

	if (admin.n < 2 || admin.p[0] != 'C' || !who_is_name(admin)) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "access.administrator: must be C and unreserved characters, e.g. CAdmin");
		return E_CONF;
	}
	if (strcmp(without, "creator") != 0 && strcmp(without, "parent") != 0) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "access.without_acpi: must be creator or parent");
		return E_CONF;
	}
	sec->administrator = arena_str(&sec->mem, admin);
	sec->six_fields = conf_bool(c, CONF_ACC_SIX);
	atomic_init(&sec->without_acpi_parent, strcmp(without, "parent") == 0);
	return 0;
}

int security_new(const struct security_opts *o, struct security **out, struct why *why)
{
	struct security *sec = calloc(1, sizeof(*sec));
	int err;

	REQUIRE(sec != NULL && o->conf && o->clock && o->rnd);
	sec->magic = SECURITY_MAGIC;
	sec->clock = o->clock;
	sec->rnd = o->rnd;
	sec->log = o->log;
	sec->stats = o->stats;
	arena_init(&sec->mem, 1024);
	err = copy_self(sec, &o->self, why);
	if (!err)
		err = read_conf(sec, o->conf, why);
	if (!err)
		err = ledger_open(o->dir, o->keystore, o->rnd, &sec->ledger, why);
	if (err) {
		arena_fini(&sec->mem);
		free(sec);
		return err;
	}
	registry_init(&sec->registry, sec->rnd);
	zones_init(&sec->zones);
	sec->cache = acp_cache_new(&sec->self, sec->six_fields);
	sec->lockout = lockout_new(sec, o->conf);
	sec->audit = audit_new(sec, (size_t)conf_num(o->conf, CONF_SEC_EVENTS));
	crowd_init(&sec->crowd, sec->rnd);
	sec->self_peer = peer_new(NULL);
	sec->self_peer->self = true;
	sec->admin_peer = peer_new(NULL);
	sec->admin_peer->administers = true;
	target_reload(sec, o->conf);
	*out = sec;
	return 0;
}

int security_attach(struct security *sec, struct store *store, struct why *why)
{
	int err;

	CHECK(sec, SECURITY);
	REQUIRE(sec->store == NULL);
	sec->store = store;
	err = clockguard_attach(sec, store);
	if (!err)
		err = zones_load(sec, store, why);
	if (!err)
		err = registry_load(sec, store, why);
	if (!err)
		err = lockout_attach(sec, store, why);
	if (!err)
		err = audit_attach(sec, store, why);
	if (err) {
		sec->store = NULL;
		return err;
	}
	rollback_attach(sec, store);
	clockguard_start(sec);
	return 0;
}

void security_reload(struct security *sec, struct conf *c)
{
	CHECK(sec, SECURITY);
	atomic_store_explicit(&sec->without_acpi_parent, strcmp(conf_str(c, CONF_ACC_NOACPI), "parent") == 0,
	                      memory_order_relaxed);
	audit_set_max(sec->audit, (size_t)conf_num(c, CONF_SEC_EVENTS));
	lockout_reload(sec->lockout, c);
	target_reload(sec, c);
}

struct ledger *security_ledger(struct security *sec)
{
	CHECK(sec, SECURITY);
	return sec->ledger;
}

void security_free(struct security *sec)
{
	if (sec == NULL)
		return;
	CHECK(sec, SECURITY);
	rollback_end(sec);
	audit_free(sec->audit);
	ledger_close(sec->ledger);
	acp_cache_free(sec->cache);
	peer_unref(sec->self_peer);
	lockout_free(sec->lockout);
	peer_unref(sec->admin_peer);
	registry_fini(&sec->registry);
	zones_fini(&sec->zones);
	target_fini(sec);
	arena_fini(&sec->mem);
	sec->magic = 0;
	free(sec);
}

static void no_more(struct commit *c, int err)
{
	c->err = err;
}

int security_commit(struct security *sec, struct tx *tx)
{
	struct commit c = { .magic = COMMIT_MAGIC, .done = no_more };

	if (store_commit(tx, &c) == 1) {
		store_ready(sec->store, &c);
		store_flush(sec->store);
	}
	return c.err;
}

void cred_watch(struct security *sec, void (*fn)(void *arg, struct str id), void *arg)
{
	CHECK(sec, SECURITY);
	for (size_t i = 0; i < CRED_WATCHERS; i++) {
		if (fn ? sec->watchers[i].fn != NULL : sec->watchers[i].arg != arg)
			continue;
		sec->watchers[i].fn = fn;
		sec->watchers[i].arg = fn ? arg : NULL;
		return;
	}
	REQUIRE(fn == NULL);
}

void peer_watch(struct security *sec, void (*fn)(void *arg), void *arg)
{
	CHECK(sec, SECURITY);
	for (size_t i = 0; i < PEER_WATCHERS; i++) {
		if (fn ? sec->peer_watchers[i].fn != NULL : sec->peer_watchers[i].arg != arg)
			continue;
		sec->peer_watchers[i].fn = fn;
		sec->peer_watchers[i].arg = fn ? arg : NULL;
		return;
	}
	REQUIRE(fn == NULL);
}

void security_tell(struct security *sec, struct str id)
{
	for (size_t i = 0; i < CRED_WATCHERS; i++) {
		if (sec->watchers[i].fn)
			sec->watchers[i].fn(sec->watchers[i].arg, id);
	}
}
