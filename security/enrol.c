/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment as one object: devices and their codes in memory, codes that begin and end, lives that are watched. */
#include "security/enrol_priv.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include "cse/base/clock.h"
#include "cse/base/conf.h"
#include "cse/base/err.h"
#include "cse/base/log.h"
#include "cse/base/rand.h"
#include "cse/base/stat.h"
#include "security/secret.h"
#include "security/security_priv.h"

#define US_PER_MS INT64_C(1000)
enum { PER_TICK = 512 };

/* --- devices ---------------------------------------------------------------------------------------------------------- */

struct device *device_of(struct enrol *e, struct str id)
{
	struct device *d = strmap_get(&e->by_id, id);

	if (d)
		return d;
	d = calloc(1, sizeof(*d) + id.n);
	REQUIRE(d != NULL);
	memcpy(d + 1, id.p, id.n);
	d->id = str_make((char *)(d + 1), id.n);
	strmap_put(&e->by_id, d->id, d);
	return d;
}

static struct str handle_of(const struct device *d)
{
	return str_make(d->r.handle, d->r.handle[0] ? CODE_HANDLE : 0);
}

static struct str next_key_of(const struct device *d)
{
	return str_make((const char *)d->r.next_key, d->r.next ? ENROL_KEY : 0);
}

void device_unindex(struct enrol *e, struct device *d)
{
	if (handle_of(d).n && strmap_get(&e->by_handle, handle_of(d)) == d)
		strmap_del(&e->by_handle, handle_of(d));
	if (next_key_of(d).n && strmap_get(&e->by_next, next_key_of(d)) == d)
		strmap_del(&e->by_next, next_key_of(d));
}

void device_index(struct enrol *e, struct device *d)
{
	if (handle_of(d).n)
		strmap_put(&e->by_handle, handle_of(d), d);
	if (next_key_of(d).n)
		strmap_put(&e->by_next, next_key_of(d), d);
}

void device_set_answer(struct device *d, struct str answer)
{
	char *p = NULL;

	if (answer.n) {
		p = malloc(answer.n);
		REQUIRE(p != NULL);
		memcpy(p, answer.p, answer.n);
	}
	free((char *)(uintptr_t)d->r.answer.p);
	d->r.answer = str_make(p, answer.n);
}

void device_pack(struct enrol *e, const struct device *d, struct buf *out)
{
	struct device_rec r = d->r;

	if (r.handle[0])
		enrol_mask(e, r.handle, r.psk);
	buf_reset(out);
	device_rec_pack(&r, out);
	REQUIRE(!out->over);
	OPENSSL_cleanse(&r, sizeof(r));
}

/* Its own inverse.  A core dump shows neither the secret page nor, without it, a PSK. */
void enrol_mask(struct enrol *e, const char handle[CODE_HANDLE + 1], unsigned char psk[CODE_PSK])
{
	unsigned char mask[EVP_MAX_MD_SIZE], text[CODE_HANDLE + 5];
	unsigned n = 0;

	memcpy(text, "mask ", 5);
	memcpy(text + 5, handle, CODE_HANDLE);
	REQUIRE(HMAC(EVP_sha384(), e->secret, ENROL_SECRET, text, sizeof(text), mask, &n) && n == CODE_PSK);
	for (size_t i = 0; i < CODE_PSK; i++)
		psk[i] ^= mask[i];
	OPENSSL_cleanse(mask, sizeof(mask));
}

static int load(void *arg, struct str key, struct str value)
{
	struct enrol *e = arg;
	struct device_rec r;
	struct device *d;
	struct str answer;
	int err = device_rec_unpack(value, &r);

	if (err) {
		audit(e->o.security, EV_STORE_DAMAGED, NULL, STR_NONE, "a device's record");
		return err;
	}
	/* What a crash kept from the ledger. */
	if (r.used && !ledger_when(security_ledger(e->o.security), LEDGER_CODE_USED, str_of(r.handle)))
		ledger_note(security_ledger(e->o.security), LEDGER_CODE_USED, str_of(r.handle), 0);
	/* A store from before its use (a restored one) does not know. */
	if (r.handle[0] && !r.used && ledger_when(security_ledger(e->o.security), LEDGER_CODE_USED, str_of(r.handle))) {
		OPENSSL_cleanse(r.psk, sizeof(r.psk));
		r.handle[0] = 0;
		r.code_ends = 0;
	}
	d = device_of(e, key);
	answer = r.answer;
	if (r.handle[0])
		enrol_mask(e, r.handle, r.psk);
	d->r = r;
	d->r.answer = STR_NONE;
	device_set_answer(d, answer);
	device_index(e, d);
	OPENSSL_cleanse(&r, sizeof(r));
	return 0;
}

/* --- the object ------------------------------------------------------------------------------------------------------- */

void enrol_reload(struct enrol *e, struct conf *c)
{
	CHECK(e, ENROL);
	pthread_mutex_lock(&e->lock);
	e->grace_us = conf_num(c, CONF_ENR_GRACE) * US_PER_MS;
	e->code_life_us = conf_num(c, CONF_ENR_CODE_LIFE) * US_PER_MS;
	e->cert_life_us = conf_num(c, CONF_SEC_CERT_LIFE) * US_PER_MS;
	pthread_mutex_unlock(&e->lock);
}

static void on_clone(void *arg, struct str id, const char *what)
{
	enrol_clone(arg, id, what);
}

int enrol_new(const struct enrol_opts *o, struct enrol **out, struct why *why)
{
	struct enrol *e = calloc(1, sizeof(*e));
	uint64_t seed[2] = { rnd_u64(o->rnd), rnd_u64(o->rnd) };
	int err;

	REQUIRE(e && o->security && o->store && o->ca && o->conf && o->clock);
	e->magic = ENROL_MAGIC;
	e->o = *o;
	arena_init(&e->mem, 512);
	e->o.self.sp = arena_str(&e->mem, o->self.sp);
	e->o.self.cse = arena_str(&e->mem, o->self.cse);
	e->o.self.base = arena_str(&e->mem, o->self.base);
	e->secret = secret_new(ENROL_SECRET);
	REQUIRE(e->secret != NULL);
	rnd_bytes(o->rnd, e->secret, ENROL_SECRET);
	pthread_mutex_init(&e->first, NULL);
	pthread_mutex_init(&e->lock, NULL);
	strmap_init(&e->by_id, seed);
	strmap_init(&e->by_handle, seed);
	strmap_init(&e->by_next, seed);
	enrol_reload(e, o->conf);
	err = store_rec_each(o->store, REC_DEVICE, load, e);
	if (err) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "a device's record: %s", err_text(err));
		enrol_free(e);
		return err;
	}
	o->security->cloned = on_clone;
	o->security->cloned_arg = e;
	*out = e;
	return 0;
}

void enrol_free(struct enrol *e)
{
	struct device *d;
	size_t at = 0;

	if (e == NULL)
		return;
	CHECK(e, ENROL);
	REQUIRE(e->waiting == 0);
	e->o.security->cloned = NULL;
	while ((d = strmap_next(&e->by_id, &at)) != NULL) {
		device_set_answer(d, STR_NONE);
		free(d);
	}
	strmap_fini(&e->by_id);
	strmap_fini(&e->by_handle);
	strmap_fini(&e->by_next);
	secret_free(e->secret);
	pthread_mutex_destroy(&e->first);
	pthread_mutex_destroy(&e->lock);
	arena_fini(&e->mem);
	e->magic = 0;
	free(e);
}

/* --- codes ------------------------------------------------------------------------------------------------------------ */

void enrol_code_make(struct enrol *e, struct str id, int64_t code_life_us, int64_t cert_life_us, struct enrol_code *out)
{
	CHECK(e, ENROL);
	pthread_mutex_lock(&e->lock);
	*out = (struct enrol_code){ .id = id, .life_us = cert_life_us };
	out->ends = clock_wall_us(e->o.clock) + (code_life_us ? code_life_us : e->code_life_us);
	pthread_mutex_unlock(&e->lock);
	code_make(e->o.rnd, &out->code);
}

/* What a new code makes of a record: what was issued by renewal and not used yet stays. */
static int set_code(struct enrol *e, const struct enrol_code *c, struct device_rec *r)
{
	char id[1 + 256];
	int n = snprintf(id, sizeof(id), "/%.*s", STR_ARG(e->o.self.cse));
	int err = code_handle(&c->code, r->handle);

	REQUIRE(n > 0 && (size_t)n < sizeof(id));
	if (err == 0)
		err = code_psk(&c->code, STR("est"), str_make(id, (size_t)n), r->psk);
	r->used = false;
	r->code_ends = c->ends;
	r->life_us = c->life_us;
	return err;
}

/* The code that it had opens nothing any more, in an older store neither. */
static void note_code(struct enrol *e, const struct device *d)
{
	if (d->r.handle[0])
		ledger_note(security_ledger(e->o.security), LEDGER_CODE_USED, handle_of(d), 0);
}

void enrol_code_apply(struct enrol *e, const struct enrol_code *c)
{
	struct device *d;

	CHECK(e, ENROL);
	pthread_mutex_lock(&e->lock);
	d = device_of(e, c->id);
	device_unindex(e, d);
	note_code(e, d);
	REQUIRE(set_code(e, c, &d->r) == 0);
	enrol_mask(e, d->r.handle, d->r.psk);
	device_index(e, d);
	d->busy = false;
	pthread_mutex_unlock(&e->lock);
}

void enrol_code_drop(struct enrol *e, const struct enrol_code *c)
{
	CHECK(e, ENROL);
	pthread_mutex_lock(&e->lock);
	device_of(e, c->id)->busy = false;
	pthread_mutex_unlock(&e->lock);
}

/* Nothing is left of it.  The answer is not freed. */
static void forget_code(struct device_rec *r)
{
	OPENSSL_cleanse(r->psk, sizeof(r->psk));
	r->handle[0] = 0;
	r->used = false;
	r->code_ends = 0;
	if (r->next == 0)
		r->answer = STR_NONE;
}

/* The device is as if no code had been given out.  Under the lock. */
static void leave_code(struct enrol *e, struct device *d)
{
	device_unindex(e, d);
	note_code(e, d);
	if (d->r.next == 0)
		device_set_answer(d, STR_NONE);
	forget_code(&d->r);
	device_index(e, d);
}

/* Its record with that code, or with none (NULL), in the TX_WRITE: until that is over the record is nobody else's to write.  1; 0: there is
 * no code that could end; E_AGAIN: it is somebody's; or what is wrong with the code. */
static int put_code(struct enrol *e, struct tx *tx, struct str id, const struct enrol_code *c)
{
	struct device_rec r;
	struct device *d;
	struct buf b;
	int done, err;

	CHECK(e, ENROL);
	buf_init_secret(&b, ENROL_RECORD_MAX);
	pthread_mutex_lock(&e->lock);
	d = c ? device_of(e, id) : strmap_get(&e->by_id, id);
	done = !c && (!d || d->r.handle[0] == 0) ? 0 : d->busy ? E_AGAIN : 1;
	if (done == 1) {
		r = d->r;
		if (!c)
			forget_code(&r);
		else if ((err = set_code(e, c, &r)) != 0)
			done = err;
	}
	if (done == 1) {
		d->busy = true;
		device_rec_pack(&r, &b);
	}
	pthread_mutex_unlock(&e->lock);
	REQUIRE(!b.over);
	if (done == 1)
		store_rec_put(tx, REC_DEVICE, id, buf_as_str(&b));
	OPENSSL_cleanse(&r, sizeof(r));
	buf_fini_secret(&b);
	return done;
}

int enrol_code_put(struct enrol *e, struct tx *tx, const struct enrol_code *c)
{
	int r = put_code(e, tx, c->id, c);

	return r < 0 ? r : 0;
}

int enrol_code_end(struct enrol *e, struct tx *tx, struct str id)
{
	return put_code(e, tx, id, NULL);
}

void enrol_code_ended(struct enrol *e, struct str id)
{
	struct device *d;

	CHECK(e, ENROL);
	pthread_mutex_lock(&e->lock);
	d = device_of(e, id);
	leave_code(e, d);
	d->busy = false;
	pthread_mutex_unlock(&e->lock);
}

void enrol_code_state(struct cred_info *c, int64_t now_us)
{
	if (cred_state_speaks(c->state) && c->not_after > now_us)
		return;
	/* The key before is over for good; its generation is not given again. */
	c->state = CRED_CODE_OUT;
	c->fingerprint = STR_NONE;
	c->not_before = c->not_after = 0;
}

int64_t enrol_code_ends(struct enrol *e, struct str id)
{
	const struct device *d;
	int64_t ends;

	CHECK(e, ENROL);
	pthread_mutex_lock(&e->lock);
	d = strmap_get(&e->by_id, id);
	ends = d && d->r.handle[0] && !d->r.used ? d->r.code_ends : 0;
	pthread_mutex_unlock(&e->lock);
	return ends;
}

bool enrol_is_renewing(struct enrol *e, struct str id)
{
	const struct device *d;
	bool yes;

	CHECK(e, ENROL);
	pthread_mutex_lock(&e->lock);
	d = strmap_get(&e->by_id, id);
	yes = d && d->r.next;
	pthread_mutex_unlock(&e->lock);
	return yes;
}

bool enrol_may(struct enrol *e, struct str id)
{
	struct cred *c = registry_get(e->o.security, id);
	bool yes = c && (cred_state_speaks(c->info.state) || c->info.state == CRED_CODE_OUT) && !lockout_holds(e->o.security, c);

	cred_unref(c);
	return yes;
}

void enrol_psk(struct enrol *e, struct str handle, unsigned char psk[CODE_PSK], bool *known)
{
	unsigned char none[EVP_MAX_MD_SIZE], text[5 + 256];
	const struct device *d;
	unsigned n = 0;
	size_t k = handle.n < 256 ? handle.n : 256;

	CHECK(e, ENROL);
	memcpy(text, "none ", 5);
	memcpy(text + 5, handle.p, k);
	REQUIRE(HMAC(EVP_sha384(), e->secret, ENROL_SECRET, text, 5 + k, none, &n) && n == CODE_PSK);
	pthread_mutex_lock(&e->lock);
	d = strmap_get(&e->by_handle, handle);
	/* Of a clock that is doubtful no code lives. */
	*known = d && !clockguard_doubtful(e->o.security) && d->r.code_ends > clock_wall_us(e->o.clock) && enrol_may(e, d->id);
	memcpy(psk, *known ? d->r.psk : none, CODE_PSK);
	if (*known)
		enrol_mask(e, d->r.handle, psk);
	pthread_mutex_unlock(&e->lock);
	OPENSSL_cleanse(none, sizeof(none));
}

/* --- time ------------------------------------------------------------------------------------------------------------- */

struct loose {
	struct commit commit;
	struct enrol *e;
	uint32_t generation; /* 0: not a new one */
	size_t n;
	char id[]; /* of the credential */
};

static void loose_done(struct commit *c, int err)
{
	struct loose *l = CONTAINER_OF(c, struct loose, commit);

	if (err)
		log_write(l->e->o.log, LOG_STORE_FAILED, "a device's state is not on disk: %s", err_text(err));
	else if (l->generation)
		ledger_note(security_ledger(l->e->o.security), LEDGER_GENERATION, str_make(l->id, l->n), l->generation);
	free(l);
}

void enrol_commit(struct enrol *e, struct tx *tx, struct str id, uint32_t generation)
{
	struct loose *l = calloc(1, sizeof(*l) + id.n);

	REQUIRE(l != NULL);
	*l = (struct loose){ .commit = { .magic = COMMIT_MAGIC, .done = loose_done }, .e = e, .generation = generation, .n = id.n };
	memcpy(l->id, id.p, id.n);
	if (store_commit(tx, &l->commit) == 1)
		store_ready(e->o.store, &l->commit);
	else
		free(l);
}

/* A code that was not used: the device is as it was added. */
static void end_code(struct enrol *e, struct str id)
{
	struct cred_info c;
	struct why why = { 0 };
	struct device *d;
	struct arena a;
	struct buf b;
	struct tx *tx;
	bool back;

	arena_init(&a, 4096);
	buf_init_secret(&b, ENROL_RECORD_MAX);
	pthread_mutex_lock(&e->lock);
	d = device_of(e, id);
	/* Somebody has come since it was looked at: its record is his to write.  The next time. */
	if (d->busy || d->r.handle[0] == 0 || d->r.code_ends > clock_wall_us(e->o.clock)) {
		pthread_mutex_unlock(&e->lock);
		goto out;
	}
	d->busy = true;
	leave_code(e, d);
	device_pack(e, d, &b);
	pthread_mutex_unlock(&e->lock);
	tx = store_begin(e->o.store, &a, TX_WRITE);
	store_rec_put(tx, REC_DEVICE, id, buf_as_str(&b));
	back = cred_latest(e->o.security, tx, id, &c) && c.state == CRED_CODE_OUT;
	if (back) {
		c.state = CRED_ADDED;
		back = cred_put(e->o.security, tx, &c, &why) == 0;
	}
	enrol_commit(e, tx, id, 0);
	if (back) {
		cred_apply(e->o.security, &c);
		audit(e->o.security, EV_CREDENTIAL_STATE, NULL, STR_NONE, "code ended %.*s", STR_ARG(c.id));
	}
	pthread_mutex_lock(&e->lock);
	d->busy = false;
	pthread_mutex_unlock(&e->lock);
out:
	buf_fini_secret(&b);
	arena_fini(&a);
}

/* Half, three quarters and nine tenths of a life without a renewal, and its end, are told once each. */
static void watch_life(struct enrol *e, struct arena *a, struct device *d, int64_t now)
{
	enum lifespan_stage stage;
	struct cred_info c;

	arena_reset(a);
	if (!cred_find(e->o.security, a, d->id, &c) || !cred_state_speaks(c.state) || c.not_before == 0)
		return;
	if (d->life.from_us != c.not_before)
		d->life = (struct lifespan){ c.not_before, c.not_after, LIFE_YOUNG };
	/* Devices renew at half of it, a twentieth earlier or later: then it is not late yet. */
	if (now < lifespan_share_us(c.not_before, c.not_after, 56) || !lifespan_tell(&d->life, now, &stage))
		return;
	stat_add(e->o.stats, STAT_LIVES_LATE, 1);
	log_write(e->o.log, stage == LIFE_HALF ? LOG_CERT_EXPIRY : LOG_ROTATION_LATE,
	          "the certificate of %.*s has reached %s%s", STR_ARG(c.id), lifespan_text(stage),
	          d->r.next ? "; the next one was issued and is not used" : "");
	if (stage > LIFE_HALF)
		audit(e->o.security, EV_ROTATION_LATE, NULL, STR_NONE, "%.*s %s", STR_ARG(c.id), lifespan_text(stage));
}

void enrol_tick(struct enrol *e)
{
	int64_t now = clock_wall_us(e->o.clock);
	struct str ended[PER_TICK];
	struct arena a;
	size_t n = 0;

	CHECK(e, ENROL);
	if (clockguard_doubtful(e->o.security))
		return;
	arena_init(&a, 1024);
	pthread_mutex_lock(&e->lock);
	for (unsigned i = 0; i < PER_TICK; i++) {
		struct device *d = strmap_next(&e->by_id, &e->cursor);

		if (d == NULL) {
			e->cursor = 0;
			break;
		}
		watch_life(e, &a, d, now);
		if (d->r.handle[0] && d->r.code_ends <= now && !d->busy)
			ended[n++] = d->id; /* devices are never freed before the end */
	}
	pthread_mutex_unlock(&e->lock);
	arena_fini(&a);
	while (n > 0)
		end_code(e, ended[--n]);
}
