/* SPDX-License-Identifier: Apache-2.0 */
/* Renewals: when each is due, one at a time on a worker, what is said when one fails. */
#include "security/rotate.h"

#include <stdlib.h>

#include "cse/base/clock.h"
#include "cse/base/conf.h"
#include "cse/base/err.h"
#include "cse/base/log.h"
#include "cse/base/stat.h"
#include "cse/base/work.h"
#include "security/ca.h"
#include "security/seal.h"
#include "security/tls.h"

#define NS_PER_MS INT64_C(1000000)
/* A failed one is tried again after a fiftieth of the life, a second at least and a minute at most. */
enum { RETRY_SHARE = 50, RETRY_LEAST_MS = 1000, RETRY_MOST_MS = 60000 };
/* One that needs somebody else (the owner of an imported authority). */
enum { RETRY_DAY_MS = 86400000 };

/* What a worker does, in this order; what is left of a job that failed is taken up again. */
enum { DO_CA = 1, DO_RETIRE = 2, DO_SERVER = 4, DO_CONTEXTS = 8, DO_DATA = 16 };

struct row {
	struct lifespan life;
	int64_t retry_ns;  /* not before then */
	unsigned left;     /* DO_... of a job that failed */
	uint64_t done, failed;
	char error[200];
};

#define ROTATE_MAGIC 0x726f7461u
struct rotate {
	uint32_t magic;
	struct rotate_opts o;
	int64_t data_life_us, grace_us;
	struct row row[ROTATIONS];
	bool refusing;
	/* The job under way: */
	struct work work;
	bool busy;
	enum rotation what;
	unsigned steps;
	int64_t retire_us;
	int err;
	struct why why;
	void (*done)(void *arg, int err, const char *text);
	void *arg;
};

/* The server goes on with its certificate of the issuing CA before, until that is renewed: devices hear of the new CA meanwhile,
 * by /cacerts and with their own renewals. */
static const struct {
	const char *name, *text;
	unsigned steps;
} kinds[ROTATIONS] = {
	[ROTATE_SERVER] = { "server-certificate", "the server's certificate", DO_SERVER | DO_CONTEXTS },
	[ROTATE_CA] = { "issuing-ca", "the issuing CA", DO_CA | DO_CONTEXTS },
	[ROTATE_DATA] = { "data-key", "the data key", DO_DATA },
	[ROTATE_TICKETS] = { "ticket-key", "the key of tickets", 0 },
	[ROTATE_ROOT] = { "root-ca", "the root CA", 0 },
};

void rotate_reload(struct rotate *r, struct conf *c)
{
	CHECK(r, ROTATE);
	r->data_life_us = conf_num(c, CONF_SEC_DATA_LIFE) * 1000;
	r->grace_us = conf_num(c, CONF_SEC_CA_OVERLAP) * 1000;
	ca_set_lives(r->o.ca, conf_num(c, CONF_SEC_SERVER_LIFE) * 1000, conf_num(c, CONF_SEC_CA_LIFE) * 1000);
}

static void set_life(struct row *w, struct ca_life l)
{
	/* Another one: what was told belongs to the one before. */
	if (w->life.from_us != l.from_us || w->life.until_us != l.until_us)
		w->life = (struct lifespan){ l.from_us, l.until_us, LIFE_YOUNG };
}

static void look_at_lives(struct rotate *r)
{
	struct ca_lives l;

	ca_lives(r->o.ca, &l);
	set_life(&r->row[ROTATE_SERVER], l.server);
	set_life(&r->row[ROTATE_CA], l.issuing);
	set_life(&r->row[ROTATE_ROOT], l.root);
}

static void data_key_begins(struct rotate *r)
{
	int64_t now = clock_wall_us(r->o.clock);
	r->row[ROTATE_DATA].life = (struct lifespan){ now, now + r->data_life_us, LIFE_YOUNG };
}

struct rotate *rotate_new(const struct rotate_opts *o)
{
	struct rotate *r = calloc(1, sizeof(*r));

	REQUIRE(r != NULL && o->ca && o->tls && o->seal && o->workers && o->loop);
	r->magic = ROTATE_MAGIC;
	r->o = *o;
	rotate_reload(r, o->conf);
	look_at_lives(r);
	/* Each start makes a fresh one. */
	data_key_begins(r);
	return r;
}

void rotate_free(struct rotate *r)
{
	if (r == NULL)
		return;
	CHECK(r, ROTATE);
	r->magic = 0;
	free(r);
}

/* --- a job ----------------------------------------------------------------------------------------------------------- */

/* On a worker.  A step that is done is not done again when a later one fails. */
static void run(struct work *w)
{
	struct rotate *r = CONTAINER_OF(w, struct rotate, work);
	static const unsigned order[] = { DO_CA, DO_RETIRE, DO_SERVER, DO_CONTEXTS, DO_DATA };

	for (size_t i = 0; i < ARRAY_LEN(order) && r->err == 0; i++) {
		switch (r->steps & order[i]) {
		case DO_CA:
			r->err = ca_rotate(r->o.ca, r->retire_us, &r->why);
			break;
		case DO_RETIRE:
			(void)ca_retire(r->o.ca, &r->why);
			break;
		case DO_SERVER:
			r->err = ca_server_renew(r->o.ca, &r->why);
			break;
		case DO_CONTEXTS:
			r->err = tls_renew(r->o.tls, &r->why);
			break;
		case DO_DATA:
			r->err = seal_rotate(r->o.seal, &r->why);
			break;
		default:
			break;
		}
		if (r->err == 0)
			r->steps &= ~order[i];
	}
}

static void tell(struct rotate *r, enum rotation what, enum lifespan_stage stage)
{
	const struct row *w = &r->row[what];
	const char *text = kinds[what].text, *how = lifespan_text(stage);

	audit(r->o.security, EV_ROTATION_LATE, NULL, STR_NONE, "%s at %s", kinds[what].name, how);
	log_write(r->o.log, LOG_ROTATION_LATE, "%s has reached %s and is not renewed%s%s%s", text, how, w->error[0] ? ": " : "", w->error,
	          stage == LIFE_ENDED ? "; no connection is accepted until it is" : "");
}

static void failed(struct rotate *r, struct row *w)
{
	int64_t share_ms = (w->life.until_us - w->life.from_us) / 1000 / RETRY_SHARE;

	w->failed++;
	w->left = r->steps;
	share_ms = r->err == E_ABSENT ? RETRY_DAY_MS : share_ms < RETRY_LEAST_MS ? RETRY_LEAST_MS : share_ms > RETRY_MOST_MS ? RETRY_MOST_MS : share_ms;
	w->retry_ns = clock_mono_ns(r->o.clock) + share_ms * NS_PER_MS;
	snprintf(w->error, sizeof(w->error), "%s", r->why.text[0] ? r->why.text : err_text(r->err));
	stat_add(r->o.stats, STAT_ROTATION_FAILED, 1);
	audit(r->o.security, EV_ROTATION_FAILED, NULL, STR_NONE, "%s", kinds[r->what].name);
	log_write(r->o.log, LOG_ROTATION_FAILED, "%s could not be renewed: %s", kinds[r->what].text, w->error);
}

static void succeeded(struct rotate *r, struct row *w)
{
	w->done++;
	w->left = 0;
	w->retry_ns = 0;
	w->error[0] = 0;
	stat_add(r->o.stats, STAT_ROTATIONS, 1);
	audit(r->o.security, EV_KEY_ROTATED, NULL, STR_NONE, "%s", kinds[r->what].name);
	log_write(r->o.log, LOG_ROTATED, "%s was renewed", kinds[r->what].text);
	if (r->what == ROTATE_DATA)
		data_key_begins(r);
}

/* On the loop. */
static void finished(struct work *work)
{
	struct rotate *r = CONTAINER_OF(work, struct rotate, work);
	void (*done)(void *, int, const char *) = r->done;
	bool quiet = r->what == ROTATE_CA && r->err == 0 && r->retire_us < 0; /* only let go of an old one */

	CHECK(r, ROTATE);
	if (r->err)
		failed(r, &r->row[r->what]);
	else if (!quiet)
		succeeded(r, &r->row[r->what]);
	r->busy = false;
	r->done = NULL;
	look_at_lives(r);
	if (done)
		done(r->arg, r->err, r->err ? r->row[r->what].error : "");
}

static void submit(struct rotate *r, enum rotation what, unsigned steps, int64_t retire_us)
{
	r->busy = true;
	r->what = what;
	r->steps = steps;
	r->retire_us = retire_us;
	r->err = 0;
	r->why = (struct why){ 0 };
	r->work = (struct work){ .run = run, .done = finished, .loop = r->o.loop };
	workers_submit(r->o.workers, &r->work);
}

/* --- when ------------------------------------------------------------------------------------------------------------ */

struct last_end {
	int64_t us;
};

static void later(void *arg, const struct cred_info *c)
{
	struct last_end *e = arg;
	if (c->state != CRED_REVOKED && c->not_after > e->us)
		e->us = c->not_after;
}

/* What the issuing CA so far has signed counts until the last of it has ended, and through the time in which a device that was away
 * may come back with an ended certificate. */
static int64_t overlap_end(struct rotate *r)
{
	struct last_end e = { clock_wall_us(r->o.clock) };
	struct arena a;

	arena_init(&a, 65536);
	cred_each(r->o.security, &a, later, &e);
	arena_fini(&a);
	return e.us + r->grace_us;
}

static bool is_due(const struct rotate *r, enum rotation what, int64_t now_us)
{
	const struct row *w = &r->row[what];

	return kinds[what].steps && clock_mono_ns(r->o.clock) >= w->retry_ns &&
	       (w->left || lifespan_stage(w->life.from_us, w->life.until_us, now_us) >= LIFE_HALF);
}

/* The first that is due; the issuing CA before what it signs. */
static void start_one(struct rotate *r, int64_t now_us)
{
	static const enum rotation order[] = { ROTATE_CA, ROTATE_SERVER, ROTATE_DATA };
	struct ca_lives l;

	for (size_t i = 0; i < ARRAY_LEN(order) && !r->busy; i++) {
		struct row *w = &r->row[order[i]];
		if (!is_due(r, order[i], now_us))
			continue;
		submit(r, order[i], w->left ? w->left : kinds[order[i]].steps, order[i] == ROTATE_CA ? overlap_end(r) : 0);
	}
	ca_lives(r->o.ca, &l);
	if (!r->busy && l.n_old > 0 && now_us >= l.retire_us)
		submit(r, ROTATE_CA, DO_RETIRE | (l.server_is_old ? DO_SERVER : 0) | DO_CONTEXTS, -1);
}

/* One that is renewed in time is not told of: at 50 % it is due, and tells when it fails. */
static void tell_late(struct rotate *r, int64_t now_us)
{
	const char *ended = NULL;

	for (unsigned i = 0; i < ROTATIONS; i++) {
		struct row *w = &r->row[i];
		enum lifespan_stage stage;

		if (i == ROTATE_TICKETS || w->life.until_us == 0)
			continue;
		stage = lifespan_stage(w->life.from_us, w->life.until_us, now_us);
		if ((stage != LIFE_HALF || w->failed > 0) && lifespan_tell(&w->life, now_us, &stage))
			tell(r, (enum rotation)i, stage);
		if (w->life.told == LIFE_ENDED)
			ended = kinds[i].text;
	}
	if ((ended != NULL) != r->refusing) {
		r->refusing = ended != NULL;
		tls_refuse_all(r->o.tls, ended);
	}
}

void rotate_tick(struct rotate *r)
{
	CHECK(r, ROTATE);
	int64_t now = clock_wall_us(r->o.clock);
	unsigned tickets = tls_tick(r->o.tls);

	if (tickets) {
		r->row[ROTATE_TICKETS].done += tickets;
		stat_add(r->o.stats, STAT_ROTATIONS, tickets);
		audit(r->o.security, EV_KEY_ROTATED, NULL, STR_NONE, "%s", kinds[ROTATE_TICKETS].name);
	}
	/* A clock that nobody trusts makes and ends nothing. */
	if (clockguard_doubtful(r->o.security))
		return;
	look_at_lives(r);
	if (!r->busy)
		start_one(r, now);
	tell_late(r, now);
}

int rotate_now(struct rotate *r, enum rotation what, bool at_once, void (*done)(void *arg, int err, const char *text), void *arg)
{
	CHECK(r, ROTATE);
	REQUIRE(what < ROTATIONS && kinds[what].steps && done);
	if (r->busy)
		return E_EXISTS;
	r->done = done;
	r->arg = arg;
	submit(r, what, kinds[what].steps | (at_once ? DO_SERVER : 0), what == ROTATE_CA && !at_once ? overlap_end(r) : 0);
	return 0;
}

void rotate_look(const struct rotate *r, enum rotation what, struct rotate_info *out)
{
	CHECK(r, ROTATE);
	REQUIRE(what < ROTATIONS);
	const struct row *w = &r->row[what];

	*out = (struct rotate_info){ .name = kinds[what].name, .from_us = w->life.from_us, .until_us = w->life.until_us,
		.done = w->done, .failed = w->failed, .error = w->error };
	if (w->life.until_us) {
		out->stage = lifespan_stage(w->life.from_us, w->life.until_us, clock_wall_us(r->o.clock));
		out->due_us = kinds[what].steps ? lifespan_share_us(w->life.from_us, w->life.until_us, 50) : 0;
	}
}
