/* SPDX-License-Identifier: Apache-2.0 */
/* Puts a CSE together for one flow and takes it apart again. */
#include "tests/flows/world.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bindings/http_client.h"
#include "bindings/https.h"
#include "cse/base/err.h"
#include "security/keystore.h"
#include "security/lockout.h"
#include "tests/flows/sink_loopback.h"

#define US_PER_DAY INT64_C(86400000000)
enum { SETTLE_ROUNDS = 4, CALM_TURNS = 2000, SWEPT_TURNS = 1000, ARENA_BLOCK = 4096, CERTIFICATE_DAYS = 90 };

static int why_not(struct fail *f, const char *what, int err, const struct why *why)
{
	return fail_set(f, "%s: %s (%s)", what, why->text[0] ? why->text : "no reason given", err_text(err));
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static int read_conf(struct world *w, const struct way_setup *s, struct fail *f)
{
	static const char *const ours[] = { "https.listen=127.0.0.1:0", "https.idle_timeout=24h", "store.ballast=0",
		                            "notify.allowed_prefixes=127.0.0.0/8" };
	struct conf_why why = { "" };
	w->conf = conf_defaults();
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (conf_set(w->conf, ours[i], &why) != 0)
			return fail_set(f, "%s", why.text);
	for (size_t i = 0; i < s->n_conf; i++)
		if (conf_set(w->conf, s->conf[i], &why) != 0)
			return fail_set(f, "%s", why.text);
	w->self.sp = str_of(conf_str(w->conf, CONF_CSE_SP));
	w->self.cse = str_of(conf_str(w->conf, CONF_CSE_ID) + 1);
	w->self.base = str_of(conf_str(w->conf, CONF_CSE_NAME));
	return 0;
}

static int open_store(struct world *w, struct arena *a, struct fail *f)
{
	struct store_opts o = {
		.clock = w->clock, .rnd = w->rnd, .stats = &w->stats, .seal = w->seal, .workers = w->workers, .self = w->self,
		.dir = w->durable ? w->dir : NULL,
		.cache_bytes = (size_t)conf_num(w->conf, CONF_STORE_CACHE), .batch_max = (size_t)conf_num(w->conf, CONF_STORE_BATCH),
		.queue_max = (size_t)conf_num(w->conf, CONF_STORE_QUEUE),
		.queue_max_bytes = (size_t)conf_num(w->conf, CONF_STORE_QUEUE_B), .loops = 1,
	};
	struct why why = { 0 };
	struct res *base = gate_make_base(a, w->conf, &w->self, clock_wall_us(w->clock));
	int err = store_open(&o, base, &w->store, &why);
	return err ? why_not(f, "store_open", err, &why) : 0;
}

static int open_security(struct world *w, struct fail *f)
{
	struct security_opts o = { .conf = w->conf, .clock = w->clock, .rnd = w->rnd, .stats = &w->stats, .self = w->self,
		                   .dir = w->durable ? w->dir : NULL, .keystore = w->keystore };
	struct why why = { 0 };
	int err = security_new(&o, &w->security, &why);
	return err ? why_not(f, "security_new", err, &why) : 0;
}

static int open_gate(struct world *w, struct fail *f)
{
	struct gate_opts o = { .conf = w->conf, .clock = w->clock, .rnd = w->rnd, .stats = (struct stats *const *)w->lanes,
		               .self = w->self, .store = w->store, .security = w->security, .workers = w->workers,
		               .loops = &w->loop, .n_loops = 1 };
	struct why why = { 0 };
	int err = security_attach(w->security, w->store, &why);
	if (!err)
		err = gate_new(&o, &w->gate, &why);
	return err ? why_not(f, "gate_new", err, &why) : 0;
}

static int open_https(struct world *w, struct fail *f)
{
	struct str hosts[] = { STR("localhost"), STR("127.0.0.1") };
	struct ca_opts co = { .dir = w->dir, .keystore = w->keystore, .clock = w->clock, .rnd = w->rnd, .self = w->self,
		              .hosts = { hosts, ARRAY_LEN(hosts) },
		              .server_life_us = conf_num(w->conf, CONF_SEC_SERVER_LIFE) * 1000 };
	struct why why = { 0 };
	int err = ca_open(&co, &w->ca, &why);
	if (!err)
		err = tls_new(w->ca, w->security, 1, &w->tls, &why);
	struct binding_opts o = { .conf = w->conf, .clock = w->clock, .stats = (struct stats *const *)w->lanes, .gate = w->gate,
		                  .security = w->security, .tls = w->tls, .loops = &w->loop, .n_loops = 1, .self = w->self,
		                  .sp_fqdn = w->self.sp };
	struct carrier_opts so = { .conf = w->conf, .clock = w->clock, .stats = (struct stats *const *)w->lanes,
		                   .security = w->security, .tls = w->tls, .loops = &w->loop, .n_loops = 1, .workers = w->workers,
		                   .limits = gate_limits(w->gate) };
	if (!err)
		err = binding_https.open(&o, &w->https, &why);
	if (!err)
		err = carrier_https.open(&so, &w->carrier, &why);
	if (!err)
		out_add_carrier(gate_out(w->gate), &carrier_https, w->carrier);
	return err ? why_not(f, "https", err, &why) : 0;
}

static void *turn(void *arg)
{
	loop_run(arg);
	return NULL;
}

/* What a restart makes anew. */
static int open_rooms(struct world *w, bool https, struct fail *f)
{
	struct why why = { 0 };
	struct arena a;
	int err = 0, rc = -1;
	arena_init(&a, ARENA_BLOCK);
	w->loop = loop_new(w->clock, 0, NULL);
	w->workers = workers_new(1);
	if (w->durable && (err = keystore_open("file", w->dir, w->rnd, &w->keystore, &why)) == 0)
		err = seal_open(w->dir, w->keystore, w->rnd, &w->seal, &why);
	if (err || !w->loop)
		why_not(f, "keystore and seal", err, &why);
	else if (open_security(w, f) == 0 && open_store(w, &a, f) == 0 && open_gate(w, f) == 0) {
		err = gate_bootstrap(w->gate, &why);
		if (err)
			why_not(f, "gate_bootstrap", err, &why);
		else if (!https || open_https(w, f) == 0)
			rc = 0;
		if (rc == 0 && !https)
			out_add_carrier(gate_out(w->gate), &carrier_sinks, w);
	}
	arena_fini(&a);
	if (rc == 0 && w->threaded) {
		w->running = pthread_create(&w->thread, NULL, turn, w->loop) == 0;
		if (!w->running)
			rc = fail_set(f, "no thread");
	}
	return rc;
}

static void close_rooms(struct world *w)
{
	if (w->running) {
		loop_stop(w->loop);
		pthread_join(w->thread, NULL);
		w->running = false;
	}
	if (w->https)
		binding_https.close(w->https);
	if (w->store)
		store_flush(w->store);
	/* Completions that are on their way back find their requests. */
	for (int i = 0; w->loop && i < SETTLE_ROUNDS; i++)
		loop_turn(w->loop, 0);
	if (w->gate)
		gate_free(w->gate);
	if (w->carrier)
		carrier_https.close(w->carrier);
	if (w->tls)
		tls_free(w->tls);
	if (w->ca)
		ca_close(w->ca);
	if (w->security)
		security_free(w->security);
	if (w->store)
		store_close(w->store);
	if (w->seal)
		seal_close(w->seal);
	if (w->keystore)
		keystore_close(w->keystore);
	/* What is done is posted to the loop. */
	if (w->workers)
		workers_free(w->workers);
	if (w->loop)
		loop_free(w->loop);
	w->workers = NULL;
	w->https = NULL;
	w->carrier = NULL;
	w->gate = NULL;
	w->tls = NULL;
	w->ca = NULL;
	w->security = NULL;
	w->store = NULL;
	w->seal = NULL;
	w->keystore = NULL;
	w->loop = NULL;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

int world_open(const struct way_setup *s, bool durable, bool https, struct world **out, struct fail *f)
{
	struct world *w = calloc(1, sizeof(*w));
	const char *tmp = getenv("TMPDIR");
	/* How long a disk takes is not a flow's matter. */
	if (!tmp && access("/dev/shm", W_OK) == 0)
		tmp = "/dev/shm";
	REQUIRE(w != NULL);
	w->durable = durable;
	w->threaded = https;
	w->verbose = s->verbose;
	w->clock = clock_new_fake(s->wall_us);
	w->rnd = rnd_new();
	w->lanes[0] = w->lanes[1] = &w->stats;
	snprintf(w->dir, sizeof(w->dir), "%.40s/troth-flow-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (durable && !mkdtemp(w->dir)) {
		w->durable = false;
		fail_set(f, "no temporary folder %s", w->dir);
	}
	if (f->text[0] || read_conf(w, s, f) < 0 || open_rooms(w, https, f) < 0) {
		world_close(w);
		return -1;
	}
	*out = w;
	return 0;
}

void world_close(struct world *w)
{
	close_rooms(w);
	if (w->durable)
		nftw(w->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	conf_unref(w->conf);
	rnd_free(w->rnd);
	clock_free(w->clock);
	free(w);
}

int world_reopen(struct world *w, struct fail *f)
{
	bool https = w->https != NULL;
	close_rooms(w);
	return open_rooms(w, https, f);
}

/* --- time --------------------------------------------------------------------------------------------------------- */

struct barrier {
	struct loop_task task;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool reached;
};

static void on_barrier(struct loop *l, struct loop_task *t)
{
	struct barrier *b = CONTAINER_OF(t, struct barrier, task);
	(void)l;
	pthread_mutex_lock(&b->lock);
	b->reached = true;
	pthread_cond_signal(&b->cond);
	pthread_mutex_unlock(&b->lock);
}

/* One turn of a loop that another thread runs. */
static void wait_turn(struct loop *l)
{
	struct barrier b = { .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };
	loop_post(l, &b.task, on_barrier);
	pthread_mutex_lock(&b.lock);
	while (!b.reached)
		pthread_cond_wait(&b.cond, &b.lock);
	pthread_mutex_unlock(&b.lock);
}

void world_settle(struct world *w)
{
	for (int i = 0; i < SETTLE_ROUNDS; i++) {
		if (w->running)
			wait_turn(w->loop);
		else
			while (loop_turn(w->loop, 0) > 0)
				;
		store_flush(w->store);
	}
}

unsigned world_sending(const struct world *w)
{
	return out_in_flight(gate_out(w->gate));
}

int64_t world_now(const struct world *w)
{
	return clock_wall_us(w->clock);
}

/* What the store sweeps when it is idle (20 ms of real time) is swept when a second of the flow's time has passed. */
static void wait_swept(struct world *w)
{
	struct store_usage u = { .unswept = 1 };
	for (int i = 0; i < SWEPT_TURNS && u.unswept; i++) {
		if (w->running)
			wait_turn(w->loop);
		else
			loop_turn(w->loop, 1);
		store_usage(w->store, &u);
	}
}

void world_calm(struct world *w)
{
	/* What was answered has its consequences before time goes on. */
	world_settle(w);
	/* Twice, as what was on its way may have caused more. */
	for (int i = 0, quiet = 0; w->is_quiet && i < CALM_TURNS && quiet < 2; i++) {
		world_settle(w);
		quiet = w->is_quiet(w) ? quiet + 1 : 0;
	}
}

void world_advance(struct world *w, int64_t us)
{
	world_calm(w);
	clock_advance_us(w->clock, us);
	world_settle(w);
	if (us >= 1000000)
		wait_swept(w);
}

void world_jump(struct world *w, int64_t us)
{
	world_calm(w);
	clock_jump_us(w->clock, us);
	world_settle(w);
}

void world_accept_clock(struct world *w)
{
	clockguard_accept(w->security);
	world_settle(w);
}

/* --- credentials -------------------------------------------------------------------------------------------------- */

enum cred_kind world_kind(const struct actor *a)
{
	switch (a->kind) {
	case ACTOR_GATEWAY: return CRED_GATEWAY;
	case ACTOR_ADMIN: return CRED_ADMIN;
	case ACTOR_CSE: return CRED_CSE;
	case ACTOR_DEVICE: case ACTOR_STRANGER: break;
	}
	return CRED_DEVICE;
}

struct strs world_names(struct arena *a, const struct actor *actor)
{
	struct strs out = { arena_array(a, 16, sizeof(struct str)), 0 };
	struct str rest = str_of(actor->names);
	bool more = true;
	while (more && out.n < 16)
		out.v[out.n++] = str_cut(&rest, ',', &more);
	return out;
}

struct ipaddr world_address(const struct actor *a)
{
	struct ipaddr ip = { .family = 4, .b = { 127, 0, 0, 1 } };
	if (a->address[0])
		REQUIRE(inet_pton(AF_INET, a->address, ip.b) == 1);
	return ip;
}

static void stored(struct commit *c, int err)
{
	c->err = err;
}

static int commit(struct world *w, struct tx *tx, struct fail *f)
{
	struct commit c = { .magic = COMMIT_MAGIC, .done = stored };
	if (store_commit(tx, &c))
		store_ready(w->store, &c);
	store_flush(w->store);
	return c.err ? fail_set(f, "nothing could be stored: %s", err_text(c.err)) : 0;
}

static int put_zone(struct world *w, uint16_t zone, struct arena *a, struct fail *f)
{
	struct tx *tx = store_begin(w->store, a, TX_WRITE);
	int err = zone_put(w->security, tx, zone);
	if (err) {
		store_end(tx);
		return fail_set(f, "zone_put: %s", err_text(err));
	}
	if (commit(w, tx, f) < 0)
		return -1;
	zone_apply(w->security, zone);
	return 0;
}

int world_set_conduit(struct world *w, unsigned from, unsigned to, bool open, struct fail *f)
{
	struct arena mem;
	arena_init(&mem, ARENA_BLOCK);
	struct tx *tx = store_begin(w->store, &mem, TX_WRITE);
	int err = zone_put_conduit(w->security, tx, (uint16_t)from, (uint16_t)to, open), rc;
	if (err) {
		store_end(tx);
		rc = fail_set(f, "zone_put_conduit: %s", err_text(err));
	} else {
		rc = commit(w, tx, f);
	}
	arena_fini(&mem);
	if (rc == 0)
		zone_apply_conduit(w->security, (uint16_t)from, (uint16_t)to, open);
	return rc;
}

/* Puts the credential into the store and in force. */
static int put_credential(struct world *w, const struct cred_info *info, struct arena *a, struct fail *f)
{
	struct cred_info copy = *info, *c = &copy;
	struct why why = { 0 };
	if (c->zone > ZONE_DEFAULT && put_zone(w, c->zone, a, f) < 0)
		return -1;
	struct tx *tx = store_begin(w->store, a, TX_WRITE);
	int err = cred_put(w->security, tx, c, &why);
	if (err) {
		store_end(tx);
		return why_not(f, "cred_put", err, &why);
	}
	if (commit(w, tx, f) < 0)
		return -1;
	cred_apply(w->security, c);
	world_settle(w);
	return 0;
}

int world_issue(struct world *w, struct actor *a, struct str fingerprint, struct fail *f)
{
	struct arena mem;
	arena_init(&mem, ARENA_BLOCK);
	struct cred_info c = {
		.kind = world_kind(a), .state = CRED_ACTIVE, .names = world_names(&mem, a),
		.zone = (uint16_t)(a->zone ? a->zone : ZONE_DEFAULT), .max_ae = a->max_ae, .random_stems = a->random_stems,
		.fingerprint = fingerprint, .generation = 1, .not_after = world_now(w) + CERTIFICATE_DAYS * US_PER_DAY,
		.has_location = a->has_location, .lat = a->lat, .lon = a->lon, .country = str_of(a->country),
	};
	c.id = cred_make_id(w->security, &mem);
	snprintf(a->credential, sizeof(a->credential), "%.*s", STR_ARG(c.id));
	int rc = put_credential(w, &c, &mem, f);
	arena_fini(&mem);
	return rc;
}

static int release(struct world *w, struct str id, struct arena *a, struct fail *f)
{
	struct why why = { 0 };
	struct tx *tx = store_begin(w->store, a, TX_WRITE);
	int err = lockout_release(w->security, tx, id, &why);
	if (err) {
		store_end(tx);
		return why_not(f, "lockout_release", err, &why);
	}
	if (commit(w, tx, f) < 0)
		return -1;
	lockout_apply_release(w->security, id);
	world_settle(w);
	return 0;
}

int world_set_state(struct world *w, struct actor *a, enum actor_state state, struct fail *f)
{
	static const enum cred_state states[] = { CRED_ACTIVE, CRED_SUSPENDED, CRED_REVOKED };
	struct cred_info c;
	struct arena mem;
	int rc;
	arena_init(&mem, ARENA_BLOCK);
	if (state == ACTOR_RELEASED) {
		rc = release(w, str_of(a->credential), &mem, f);
	} else if (cred_find(w->security, &mem, str_of(a->credential), &c)) {
		c.state = states[state];
		rc = put_credential(w, &c, &mem, f);
	} else {
		rc = fail_set(f, "the CSE does not know the credential of %s", a->name);
	}
	arena_fini(&mem);
	return rc;
}

/* --- events ------------------------------------------------------------------------------------------------------- */

struct counting {
	const char *name;
	long n;
};

static int count_event(void *arg, struct str line)
{
	struct counting *c = arg;
	json_t *row = json_loadb(line.p, line.n, 0, NULL);
	const char *event = json_string_value(json_object_get(row, "event"));
	if (event && strcmp(event, c->name) == 0)
		c->n += (long)json_integer_value(json_object_get(row, "n"));
	json_decref(row);
	return event ? 0 : E_CORRUPT;
}

static bool event_exists(const char *name)
{
	static const char *const names[] = {
#define AUDIT(id, text) #id,
#include "security/audit.def"
#undef AUDIT
	};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

long world_events(struct world *w, const char *name, struct fail *f)
{
	struct counting c = { name, 0 };
	uint64_t bad = 0;
	if (!event_exists(name))
		return fail_set(f, "security/audit.def has no %s", name);
	world_settle(w);
	audit_flush(w->security);
	store_flush(w->store);
	int err = audit_each(w->security, 0, count_event, &c);
	if (!err)
		err = audit_verify(w->security, &bad);
	return err ? fail_set(f, "the event log cannot be read: %s", err_text(err)) : c.n;
}
