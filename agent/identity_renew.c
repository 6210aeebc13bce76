/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificate lives on by itself (security-model 2.2): renewed at half of its life with jitter, said loudly when that fails,
 * and nothing is carried after its end.  A new certificate is used only once it is on disk: its first use ends the one before.
 */
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/identity_priv.h"
#include "agent/notice.h"
#include "agent/upstream.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"

#define US_PER_S INT64_C(1000000)
#define NS_PER_US INT64_C(1000)
enum { LOOK_S = 30, LEAST_PAUSE_S = 2, MOST_PAUSE_S = 3600, DOUBLINGS = 6, REFRESH_S = 5 };

static const unsigned loud[] = { 50, 75, 90 };

static int64_t now_us(const struct identity *id)
{
	return clock_wall_us(id->agent->clock);
}

static int64_t life_us(const struct identity *id)
{
	return id->until_us - id->from_us;
}

/* Half of its life, a tenth of that earlier or later: devices that began together do not come back together. */
static void plan_renewal(struct identity *id)
{
	int64_t life = life_us(id), spread = life / 10;

	id->renewal.next_us = id->from_us + life / 2 - spread / 2 + (int64_t)rnd_below(id->agent->rnd, (uint64_t)spread + 1);
}

/* A two-hundredth of the life, doubled with each failure up to a twentieth. */
static void plan_retry(struct identity *id)
{
	unsigned n = id->renewal.failures < DOUBLINGS ? id->renewal.failures : DOUBLINGS;
	int64_t pause = life_us(id) / 400 << n, most = life_us(id) / 20;

	if (pause > most)
		pause = most;
	if (pause > MOST_PAUSE_S * US_PER_S)
		pause = MOST_PAUSE_S * US_PER_S;
	if (pause < LEAST_PAUSE_S * US_PER_S)
		pause = LEAST_PAUSE_S * US_PER_S;
	id->renewal.next_us = now_us(id) + pause / 2 + (int64_t)rnd_below(id->agent->rnd, (uint64_t)pause);
}

/* --- an attempt ------------------------------------------------------------------------------------------------------------ */

static void arm(struct identity *id);
static void begin_renewal(struct identity *id);

static void tell_waiter(struct identity *id, const char *fault)
{
	void (*waiter)(void *arg, const char *fault) = id->renewal.waiter;

	id->renewal.waiter = NULL;
	if (waiter)
		waiter(id->renewal.waiter_arg, fault);
}

static void failed(struct identity *id, const char *text)
{
	struct renewal *r = &id->renewal;

	EVP_PKEY_free(r->key);
	r->key = NULL;
	facts_fini(&r->fresh);
	r->failures++;
	snprintf(r->fault, sizeof(r->fault), "%s", text);
	plan_retry(id);
	log_write(id->agent->log, LOG_DEVICE_RENEWAL, "%s; %lld %% of its life has passed, next attempt in %lld s", r->fault,
	          (long long)((now_us(id) - id->from_us) * 100 / life_us(id)), (long long)((r->next_us - now_us(id)) / US_PER_S));
	tell_waiter(id, r->fault);
	arm(id);
}

/* What was proved by the identity before is proved anew. */
static void tell_connections(struct identity *id)
{
	if (id->agent->upstream)
		upstream_renew(id->agent->upstream);
	if (id->agent->notice)
		notice_renew(id->agent->notice);
}

/* The list has come, or has not.  Who asked meanwhile for a renewal has waited for that. */
static void list_is_over(struct identity *id)
{
	if (id->renewal.waiter)
		begin_renewal(id);
	arm(id);
}

/* The list of CAs that are trusted has changed. */
static void adopt_list(struct identity *id)
{
	struct renewal *r = &id->renewal;
	struct facts old = id->facts;
	struct why why = { RSC_NONE, "" };

	r->only_list = false;
	if (r->err == 0) {
		id->facts = r->fresh;
		memset(&r->fresh, 0, sizeof(r->fresh));
		r->err = identity_use(id, &why);
		r->fresh = r->err ? id->facts : old;
		id->facts = r->err ? old : id->facts;
	}
	if (r->err)
		log_write(id->agent->log, LOG_DEVICE_TRUST, "%s", why.text[0] ? why.text : r->why.text);
	else
		tell_connections(id);
	facts_fini(&r->fresh);
	list_is_over(id);
}

/* It is on disk: from now on connections show it, and those of the one before end. */
static void adopt(struct identity *id)
{
	struct renewal *r = &id->renewal;
	struct facts old = id->facts;
	EVP_PKEY *old_key = id->key;
	struct why why = { RSC_NONE, "" };

	id->facts = r->fresh;
	id->key = r->key;
	memset(&r->fresh, 0, sizeof(r->fresh));
	r->key = NULL;
	if (identity_use(id, &why)) {
		/* What is on disk is taken up by the next start. */
		r->fresh = id->facts;
		r->key = id->key;
		id->facts = old;
		id->key = old_key;
		failed(id, why.text);
		return;
	}
	facts_fini(&old);
	EVP_PKEY_free(old_key);
	id->ended = false;
	r->failures = r->told = 0;
	r->fault[0] = 0;
	plan_renewal(id);
	log_write(id->agent->log, LOG_DEVICE_RENEWED, "generation %llu, for %lld s", (unsigned long long)id->facts.generation,
	          (long long)(life_us(id) / US_PER_S));
	tell_connections(id);
	tell_waiter(id, NULL);
	arm(id);
}

static struct identity *of_work(struct work *w)
{
	return CONTAINER_OF(w, struct identity, renewal.work);
}

static void keep(struct work *w)
{
	struct identity *id = of_work(w);
	struct renewal *r = &id->renewal;

	r->err = r->only_list ? facts_store(id->dir, &r->fresh, &r->why) : state_commit(id->dir, id->keystore, &r->fresh, r->key, &r->why);
}

static void kept(struct work *w)
{
	struct identity *id = of_work(w);

	id->renewal.at_work = false;
	if (id->renewal.closing)
		return;
	if (id->renewal.only_list)
		adopt_list(id);
	else if (id->renewal.err)
		failed(id, id->renewal.why.text);
	else
		adopt(id);
}

static void submit(struct identity *id, void (*run)(struct work *), void (*done)(struct work *))
{
	struct renewal *r = &id->renewal;

	r->at_work = true;
	r->why = (struct why){ RSC_NONE, "" };
	r->work = (struct work){ .run = run, .done = done, .loop = id->agent->loop };
	workers_submit(id->agent->workers, &r->work);
}

/* Into r->fresh: the facts with that certificate (taken) and what we trust of that list (freed). */
static void copy_facts(struct identity *id, X509 *leaf, STACK_OF(X509) *list)
{
	struct facts *f = &id->renewal.fresh;
	unsigned refused;

	facts_fini(f);
	*f = id->facts;
	f->leaf = leaf;
	f->ca = X509_chain_up_ref(id->facts.ca);
	REQUIRE(f->ca != NULL);
	facts_take_ca(f, list, now_us(id), &refused);
	if (refused)
		log_write(id->agent->log, LOG_DEVICE_TRUST, "%u certificates of it are not of the authority that this device enrolled at", refused);
	sk_X509_pop_free(list, X509_free);
}

/* What came, put together with what we know; NULL, or why it is not taken (constant). */
static const char *put_together(struct identity *id, struct est_result *res)
{
	struct facts *f = &id->renewal.fresh;
	STACK_OF(X509) *anchors;
	const char *text;

	copy_facts(id, res->leaf, res->ca);
	f->generation++;
	f->since_us = now_us(id);
	anchors = facts_anchors(f->ca);
	text = facts_verify(f->leaf, f->ca, anchors, f->since_us);
	sk_X509_pop_free(anchors, X509_free);
	return text;
}

static void on_est(void *arg, struct est_result *res)
{
	struct identity *id = arg;
	const char *wrong;
	char text[200];

	if (res->err) {
		failed(id, res->text);
		return;
	}
	wrong = put_together(id, res);
	if (wrong) {
		snprintf(text, sizeof(text), "the new certificate is not taken: %s", wrong);
		failed(id, text);
		return;
	}
	submit(id, keep, kept);
}

static void make_key(struct work *w)
{
	struct identity *id = of_work(w);

	id->renewal.err = state_pending_key(id->keystore, &id->renewal.key, &id->renewal.why);
}

static void key_made(struct work *w)
{
	struct identity *id = of_work(w);

	id->renewal.at_work = false;
	if (id->renewal.closing)
		return;
	if (id->renewal.err)
		failed(id, id->renewal.why.text);
	else
		est_begin(id->renewal.est, id->renewal.key, id->facts.leaf, on_est);
}

static void begin_renewal(struct identity *id)
{
	submit(id, make_key, key_made);
}

static bool is_busy(const struct identity *id)
{
	return id->renewal.at_work || est_busy(id->renewal.est);
}

/* --- time -------------------------------------------------------------------------------------------------------------------- */

static void be_loud(struct identity *id, int64_t now)
{
	struct renewal *r = &id->renewal;
	int64_t percent = (now - id->from_us) * 100 / life_us(id);

	for (size_t i = 0; i < ARRAY_LEN(loud); i++) {
		if (percent < loud[i] || r->told >= loud[i])
			continue;
		/* At half of it the first attempt may not have been made yet. */
		if (r->failures == 0 && i == 0)
			continue;
		r->told = loud[i];
		log_write(id->agent->log, LOG_CERT_EXPIRY, "%u %% of the life of this device's certificate have passed: %s", loud[i],
		          r->fault[0] ? r->fault : "it was not renewed yet");
	}
	if (now >= id->until_us && !id->ended) {
		id->ended = true;
		log_write(id->agent->log, LOG_DEVICE_ENDED, "%s", r->fault[0] ? r->fault : "it was not renewed in time");
		if (id->agent->upstream)
			upstream_renew(id->agent->upstream);
	}
}

static void look(struct loop *l, struct loop_timer *t)
{
	struct identity *id = CONTAINER_OF(t, struct identity, renewal.timer);
	int64_t now = now_us(id);

	(void)l;
	be_loud(id, now);
	if (now >= id->renewal.next_us && !is_busy(id))
		begin_renewal(id);
	arm(id);
}

/* The wall clock may be set, so it is looked at now and then even when nothing is due. */
static void arm(struct identity *id)
{
	int64_t now = now_us(id), wait = LOOK_S * US_PER_S;

	if (id->renewal.next_us - now < wait && !is_busy(id))
		wait = id->renewal.next_us - now;
	if (!id->ended && id->until_us - now < wait)
		wait = id->until_us - now;
	for (size_t i = 0; i < ARRAY_LEN(loud); i++) {
		int64_t at = id->from_us + life_us(id) * loud[i] / 100;

		if (id->renewal.told < loud[i] && at > now && at - now < wait)
			wait = at - now;
	}
	if (wait < US_PER_S / 50)
		wait = US_PER_S / 50;
	loop_timer_set(id->agent->loop, &id->renewal.timer, loop_now_ns(id->agent->loop) + wait * NS_PER_US, look);
}

void identity_renew(struct identity *id, void (*done)(void *arg, const char *fault), void *arg)
{
	CHECK(id, IDENTITY);
	tell_waiter(id, "another one asks for it, too");
	id->renewal.waiter = done;
	id->renewal.waiter_arg = arg;
	if (!is_busy(id))
		begin_renewal(id);
}

void identity_leave(struct identity *id, const void *arg)
{
	CHECK(id, IDENTITY);
	if (id->renewal.waiter_arg == arg)
		id->renewal.waiter = NULL;
}

static void on_list(void *arg, struct est_result *res)
{
	struct identity *id = arg;

	if (res->err) {
		log_write(id->agent->log, LOG_DEVICE_TRUST, "%s", res->text);
		list_is_over(id);
		return;
	}
	X509_up_ref(id->facts.leaf);
	copy_facts(id, id->facts.leaf, res->ca);
	id->renewal.only_list = true;
	submit(id, keep, kept);
}

void identity_refresh(struct identity *id)
{
	CHECK(id, IDENTITY);
	struct renewal *r = &id->renewal;
	int64_t now = loop_now_ns(id->agent->loop);

	if (is_busy(id) || (r->refreshed_ns && now - r->refreshed_ns < REFRESH_S * US_PER_S * NS_PER_US))
		return;
	r->refreshed_ns = now;
	est_begin(r->est, NULL, NULL, on_list);
}

static void on_tried(void *arg, struct est_result *res)
{
	struct identity *id = arg;

	if (res->err == 0)
		sk_X509_pop_free(res->ca, X509_free);
	tell_waiter(id, res->err ? res->text : NULL);
	arm(id);
}

void identity_try(struct identity *id, void (*done)(void *arg, const char *fault), void *arg)
{
	CHECK(id, IDENTITY);
	REQUIRE(!is_busy(id));
	id->renewal.waiter = done;
	id->renewal.waiter_arg = arg;
	est_begin(id->renewal.est, NULL, NULL, on_tried);
}

const char *identity_fault(const struct identity *id, int64_t *next_us)
{
	*next_us = id->renewal.next_us;
	return id->renewal.fault;
}

/* --- life ---------------------------------------------------------------------------------------------------------------------- */

static SSL *any_ssl(void *arg)
{
	return identity_connect_any(arg);
}

static const char *is_cse(void *arg, SSL *ssl)
{
	return identity_is_cse_by_anchor(arg, ssl) ? NULL : "the peer is not the CSE that this device enrolled at";
}

int identity_renewal_init(struct identity *id, struct why *why)
{
	const struct est_opts o = {
		.agent = id->agent, .host = identity_host(id), .port = identity_port(id), .ssl = any_ssl, .prove = is_cse, .arg = id,
		.unable = "no TLS connection can be made: memory is short",
		.refused = "the CSE refuses the TLS handshake: this device's credential may be suspended, revoked or past its time of grace",
		.closed = "the CSE closes the connection: this device's credential may be suspended, revoked, or used by a copy of the state folder",
	};
	int err = est_new(&o, &id->renewal.est, why);

	if (err)
		return err;
	plan_renewal(id);
	arm(id);
	return 0;
}

void identity_renewal_fini(struct identity *id)
{
	struct renewal *r = &id->renewal;

	r->closing = true;
	loop_timer_cancel(id->agent->loop, &r->timer);
	/* The worker has the key in its hands. */
	while (r->at_work)
		loop_turn(id->agent->loop, 10);
	est_free(r->est);
	r->est = NULL;
	tell_waiter(id, "the agent ends");
	EVP_PKEY_free(r->key);
	r->key = NULL;
	facts_fini(&r->fresh);
}
