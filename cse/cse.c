/* SPDX-License-Identifier: Apache-2.0 */
/* Making and ending the one object that holds all others. */
#include "cse/cse.h"

#include <config.h>

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/admin.h"
#include "bindings/binding.h"
#include "bindings/est.h"
#include "bindings/http_client.h"
#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "cse/base/log.h"
#include "cse/base/rand.h"
#include "cse/base/stat.h"
#include "cse/base/work.h"
#include "cse/reload.h"
#include "cse/watchdog.h"
#include "security/backup.h"
#include "security/ca.h"
#include "security/enrol.h"
#include "security/keystore.h"
#include "security/ledger.h"
#include "security/rotate.h"
#include "security/seal.h"
#include "security/tls.h"

enum { MAX_LOOPS = 64, DRAIN_ROUNDS = 16, WORTH_FREED = 100000, QUIET_FREED = 4000 };
#define TICK_NS INT64_C(1000000000)
#define TRIM_PAUSE_NS (30 * TICK_NS)

static int start_conf(struct cse *c, struct why *why)
{
	int r = reload_read(c, &c->conf, why);
	if (r)
		return r;
	c->first_conf = conf_ref(c->conf);
	c->self.sp = str_of(conf_str(c->conf, CONF_CSE_SP));
	c->self.cse = str_from(str_of(conf_str(c->conf, CONF_CSE_ID)), 1);
	c->self.base = str_of(conf_str(c->conf, CONF_CSE_NAME));
	return 0;
}

static int open_log(struct cse *c, struct why *why)
{
	const char *target = conf_str(c->conf, CONF_LOG_TARGET);

	c->log = log_new(STDERR_FILENO, reload_log_level(conf_str(c->conf, CONF_LOG_LEVEL)));
	log_set_form(c->log, strcmp(conf_str(c->conf, CONF_LOG_FORMAT), "text") == 0 ? LOG_FORM_TEXT : LOG_FORM_JSON);
	bool must = strcmp(target, "journald") == 0;
	bool wanted = must || (strcmp(target, "auto") == 0 && log_is_journal(c->log));
	if (wanted && log_to_journal(c->log, LOG_JOURNAL) != 0 && must) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "log.target: journald cannot be reached at %s; choose stderr", LOG_JOURNAL);
		return E_CONF;
	}
	return 0;
}

/* The state folder belongs to us alone: made with mode 0700, refused when others may enter it. */
static int make_state_dir(const char *dir, struct why *why)
{
	struct stat st;
	if (mkdir(dir, 0700) && errno != EEXIST) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "cse.state: cannot make the folder %s: %s", dir, strerror(errno));
		return E_SYS;
	}
	if (stat(dir, &st) || !S_ISDIR(st.st_mode)) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "cse.state: %s is not a folder that can be used", dir);
		return E_SYS;
	}
	if (st.st_mode & 077) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "cse.state: %s may be entered by others; chmod 700 it", dir);
		return E_CONF;
	}
	return 0;
}

static void open_loops(struct cse *c)
{
	long n = (long)conf_num(c->conf, CONF_CSE_LOOPS);
	if (n == 0)
		n = sysconf(_SC_NPROCESSORS_ONLN);
	if (n < 1)
		n = 1;
	if (n > MAX_LOOPS)
		n = MAX_LOOPS;
	c->loops = calloc((size_t)n, sizeof *c->loops);
	c->stats = calloc((size_t)n + 1, sizeof *c->stats);
	REQUIRE(c->loops && c->stats);
	for (long i = 0; i <= n; i++) {
		/* A cache line apart, so that loops do not share one. */
		c->stats[i] = aligned_alloc(64, (sizeof(struct stats) + 63) & ~(size_t)63);
		REQUIRE(c->stats[i]);
		memset(c->stats[i], 0, sizeof(struct stats));
	}
	for (long i = 0; i < n; i++) {
		c->loops[i] = loop_new(c->clock, (unsigned)i, c);
		REQUIRE(c->loops[i]);
		c->n_loops = (unsigned)i + 1;
	}
}

static int open_store(struct cse *c, struct why *why)
{
	struct arena a;
	arena_init(&a, 4096);
	const char *dir = conf_str(c->conf, CONF_CSE_STATE);
	struct store_opts so = {
		.clock = c->clock, .rnd = c->rnd, .log = c->log, .stats = c->stats[c->n_loops], .seal = c->seal,
		.workers = c->workers, .self = c->self, .dir = dir,
		.cache_bytes = (size_t)conf_num(c->conf, CONF_STORE_CACHE),
		.batch_max = (size_t)conf_num(c->conf, CONF_STORE_BATCH),
		.queue_max = (size_t)conf_num(c->conf, CONF_STORE_QUEUE),
		.queue_max_bytes = (size_t)conf_num(c->conf, CONF_STORE_QUEUE_B),
		.ballast_bytes = (size_t)conf_num(c->conf, CONF_STORE_BALLAST),
		.loops = c->n_loops
	};
	struct res *base = gate_make_base(&a, c->conf, &c->self, clock_wall_us(c->clock));
	int r = store_open(&so, base, &c->store, why);
	arena_fini(&a);
	return r;
}

static int open_keys(struct cse *c, struct why *why)
{
	const char *dir = conf_str(c->conf, CONF_CSE_STATE);
	int r = keystore_open(conf_str(c->conf, CONF_SEC_KEYSTORE), dir, c->rnd, &c->keystore, why);
	if (r)
		return r;
	struct backup_opts bo = { .dir = dir, .keystore = c->keystore, .rnd = c->rnd, .log = c->log, .self = c->self };
	r = backup_restore(&bo, why);
	if (r)
		return r;
	return seal_open(dir, c->keystore, c->rnd, &c->seal, why);
}

static int open_security(struct cse *c, struct why *why)
{
	const char *dir = conf_str(c->conf, CONF_CSE_STATE);
	struct security_opts so = { .conf = c->conf, .clock = c->clock, .rnd = c->rnd, .log = c->log,
		.stats = c->stats[c->n_loops], .self = c->self, .dir = dir, .keystore = c->keystore };
	int r = security_new(&so, &c->security, why);
	if (r)
		return r;
	return security_attach(c->security, c->store, why);
}

static int open_tls(struct cse *c, struct why *why)
{
	struct str hosts[RELOAD_NAMES];
	struct ca_opts co = { .dir = conf_str(c->conf, CONF_CSE_STATE), .keystore = c->keystore, .clock = c->clock,
		.rnd = c->rnd, .log = c->log, .self = c->self, .hosts = reload_names(c->conf, hosts),
		.server_life_us = conf_num(c->conf, CONF_SEC_SERVER_LIFE) * 1000,
		.issuing_life_us = conf_num(c->conf, CONF_SEC_CA_LIFE) * 1000,
		.import = conf_str(c->conf, CONF_SEC_ISSUING_CA) };
	int r = ca_open(&co, &c->ca, why);
	if (r)
		return r;
	if (ca_is_new(c->ca))
		audit(c->security, EV_CA_MADE, NULL, STR_NONE, *co.import ? "imported" : "made");
	struct enrol_opts eo = { .security = c->security, .store = c->store, .ca = c->ca, .conf = c->conf, .clock = c->clock,
		.rnd = c->rnd, .log = c->log, .stats = c->stats[c->n_loops], .self = c->self };
	r = enrol_new(&eo, &c->enrol, why);
	if (r == 0)
		r = tls_new(c->ca, c->security, c->n_loops, &c->tls, why);
	if (r)
		return r;
	tls_use_enrol(c->tls, c->enrol);
	struct rotate_opts ro = { .conf = c->conf, .clock = c->clock, .log = c->log, .stats = c->stats[c->n_loops],
		.security = c->security, .ca = c->ca, .tls = c->tls, .seal = c->seal, .workers = c->workers, .loop = c->loops[0] };
	c->rotate = rotate_new(&ro);
	return 0;
}

static int open_gate(struct cse *c, struct why *why)
{
	struct gate_opts go = { .conf = c->conf, .clock = c->clock, .rnd = c->rnd, .log = c->log, .stats = c->stats,
		.self = c->self, .store = c->store, .security = c->security, .workers = c->workers, .loops = c->loops,
		.n_loops = c->n_loops };
	int r = gate_new(&go, &c->gate, why);
	if (r)
		return r;
	return gate_bootstrap(c->gate, why);
}

/* Ways out. */
static int open_carriers(struct cse *c, struct why *why)
{
	struct carrier_opts co = { .conf = c->conf, .clock = c->clock, .log = c->log, .stats = c->stats, .security = c->security,
		.tls = c->tls, .loops = c->loops, .n_loops = c->n_loops, .workers = c->workers, .limits = gate_limits(c->gate) };
	int r = carrier_https.open(&co, &c->https_out, why);
	if (r == 0)
		out_add_carrier(gate_out(c->gate), &carrier_https, c->https_out);
	return r;
}

static int open_doors(struct cse *c, struct why *why)
{
	struct binding_opts bo = { .conf = c->conf, .clock = c->clock, .log = c->log, .stats = c->stats, .gate = c->gate,
		.security = c->security, .tls = c->tls, .loops = c->loops, .n_loops = c->n_loops, .self = c->self,
		.sp_fqdn = c->self.sp, .asides = &c->est_aside };
	admin_aside(c, &c->admin_aside);
	est_aside(c->enrol, &c->est_aside);
	c->est_aside.next = &c->admin_aside;
	int r = binding_https.open(&bo, &c->https, why);
	if (r)
		return r;
	char path[4096];
	int n = snprintf(path, sizeof path, "%s/admin.sock", conf_str(c->conf, CONF_CSE_STATE));
	if (n < 0 || (size_t)n >= sizeof path) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "cse.state: the path is too long for a socket in it");
		return E_LIMIT;
	}
	return admin_open(c, path, &c->admin, why);
}

int cse_open(const char *conf_path, char *const *envp, const char *const *sets, size_t n_sets, struct cse **out,
             struct why *why)
{
	struct cse *c = calloc(1, sizeof *c);
	REQUIRE(c);
	c->conf_path = conf_path;
	c->envp = envp;
	c->sets = sets;
	c->n_sets = n_sets;
	int r = start_conf(c, why);
	if (r == 0)
		r = make_state_dir(conf_str(c->conf, CONF_CSE_STATE), why);
	if (r)
		goto out;
	c->clock = clock_new();
	c->rnd = rnd_new();
	r = open_log(c, why);
	if (r)
		goto out;
	log_write(c->log, LOG_START, "trothd %s, state in %s", PACKAGE_VERSION, conf_str(c->conf, CONF_CSE_STATE));
	c->workers = workers_new((unsigned)conf_num(c->conf, CONF_CSE_WORKERS));
	open_loops(c);
	int (*const stages[])(struct cse *, struct why *) = { open_keys, open_store, open_security, open_tls, open_gate,
		open_carriers, open_doors };
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(stages); i++)
		r = stages[i](c, why);
out:
	if (r) {
		cse_close(c);
		return r;
	}
	*out = c;
	return 0;
}

static void *run_loop(void *arg)
{
	loop_run(arg);
	return NULL;
}

static uint64_t counted(const struct cse *c, enum stat_id id)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i <= c->n_loops; i++)
		sum += atomic_load_explicit(&c->stats[i]->v[id], memory_order_relaxed);
	return sum;
}

static void trim(struct work *w)
{
	(void)w;
	malloc_trim(0);
}

static void trimmed(struct work *w)
{
	CONTAINER_OF(w, struct cse, trim)->trimming = false;
}

/* After a storm of connections or a large deletion the heap is full of holes that glibc keeps: 54 MB after 2,000
 * connections, 5 MB once they are given back (tests/bench/README).  Only when it is quiet, for it takes the heap's locks. */
static void give_back(struct cse *c, int64_t now)
{
	/* A connection's 25 kB weigh as much as what remains of some hundred instances. */
	uint64_t freed = counted(c, STAT_CONN_CLOSED) * 400 + counted(c, STAT_SWEPT);
	bool quiet = freed - c->freed < QUIET_FREED;
	c->freed = freed;
	if (!quiet || c->trimming || freed - c->trimmed < WORTH_FREED || now < c->trim_ns)
		return;
	c->trimmed = freed;
	c->trim_ns = now + TRIM_PAUSE_NS;
	c->trimming = true;
	c->trim = (struct work){ .run = trim, .done = trimmed, .loop = c->loops[0] };
	workers_submit(c->workers, &c->trim);
}

static void tick(struct loop *l, struct loop_timer *t)
{
	struct cse *c = CONTAINER_OF(t, struct cse, tick);

	rotate_tick(c->rotate);
	enrol_tick(c->enrol);
	give_back(c, loop_now_ns(l));
	loop_timer_set(l, t, loop_now_ns(l) + TICK_NS, tick);
}

void cse_run(struct cse *c)
{
	loop_timer_set(c->loops[0], &c->tick, loop_now_ns(c->loops[0]) + TICK_NS, tick);
	c->watchdog = watchdog_new(c);
	pthread_t threads[MAX_LOOPS];
	sigset_t all, old;
	/* Signals reach this thread only. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	for (unsigned i = 1; i < c->n_loops; i++)
		REQUIRE(pthread_create(&threads[i], NULL, run_loop, c->loops[i]) == 0);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	loop_run(c->loops[0]);
	for (unsigned i = 1; i < c->n_loops; i++) {
		loop_stop(c->loops[i]);
		pthread_join(threads[i], NULL);
	}
	/* It would go on when loops are turned for the last answers, and what it looks after goes before they do. */
	loop_timer_cancel(c->loops[0], &c->tick);
	watchdog_free(c->watchdog);
	c->watchdog = NULL;
}

void cse_stop(struct cse *c)
{
	loop_stop(c->loops[0]);
}

/* What is queued becomes durable, those who wait for it hear of it, and so on until nothing moves.  No timer fires and no
 * descriptor is looked at: what they belong to may be gone, and nothing is to begin. */
static void drain(struct cse *c)
{
	int calls = 1;

	for (unsigned rounds = 0; calls > 0 && rounds < DRAIN_ROUNDS; rounds++) {
		calls = 0;
		if (c->store)
			store_flush(c->store);
		/* One that cannot be written has said so and is waited for by nobody. */
		if (c->security)
			(void)ledger_sync(security_ledger(c->security));
		for (unsigned i = 0; i < c->n_loops; i++)
			calls += loop_settle(c->loops[i]);
	}
}

void cse_close(struct cse *c)
{
	if (!c)
		return;
	drain(c);
	struct admin *admin = c->admin;
	c->admin = NULL;
	admin_close(admin);
	if (c->https)
		binding_https.close(c->https);
	/* Requests that a worker or the writer still holds are let go before the gate is. */
	drain(c);
	if (c->workers)
		workers_end(c->workers);
	drain(c);
	if (c->gate)
		gate_free(c->gate);
	if (c->https_out)
		carrier_https.close(c->https_out);
	if (c->rotate)
		rotate_free(c->rotate);
	if (c->tls)
		tls_free(c->tls);
	/* What it committed last is told before it goes. */
	drain(c);
	enrol_free(c->enrol);
	if (c->ca)
		ca_close(c->ca);
	/* Its last events go into the store. */
	if (c->security)
		security_free(c->security);
	if (c->store)
		store_close(c->store);
	if (c->seal)
		seal_close(c->seal);
	if (c->keystore)
		keystore_close(c->keystore);
	workers_free(c->workers);
	for (unsigned i = 0; i < c->n_loops; i++)
		loop_free(c->loops[i]);
	for (unsigned i = 0; c->stats && i <= c->n_loops; i++)
		free(c->stats[i]);
	free(c->loops);
	free(c->stats);
	for (size_t i = 0; i < CONF_COUNT; i++)
		free(c->set_since[i]);
	if (c->log)
		log_free(c->log);
	if (c->rnd)
		rnd_free(c->rnd);
	if (c->clock)
		clock_free(c->clock);
	if (c->conf)
		conf_unref(c->conf);
	if (c->first_conf)
		conf_unref(c->first_conf);
	free(c);
}
