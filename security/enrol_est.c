/* SPDX-License-Identifier: Apache-2.0 */
/* EST requests: who asks, what they may get, and the one transaction that makes it so (RFC 7030, security-model 2.1 to 2.3). */
#include "security/enrol_priv.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "cse/base/log.h"
#include "security/est.h"
#include "security/lockout.h"
#include "security/security_priv.h"

enum { PEM_MAX = 65536, LEAST_LIFE_S = 60 };

static const char type_certs[] = "application/pkcs7-mime; smime-type=certs-only";
static const char type_attrs[] = "application/csrattrs";
static const char type_text[] = "text/plain; charset=utf-8";

/* A request on its way. */
struct est_job {
	struct enrol *e;
	struct est_ask q;
	struct arena a;
	struct est_request req;
	struct cred_info cred;      /* renewal: as it is; enrolment: as it will be */
	struct device_rec rec;      /* what will be: the part that this request sets */
	unsigned char key[ENROL_KEY];
	struct buf answer;
	struct commit commit;
	struct ledger_wait noted;
	bool enrols, counted;
};

/* --- ends ------------------------------------------------------------------------------------------------------------- */

static void job_free(struct est_job *j)
{
	OPENSSL_cleanse(&j->rec, sizeof(j->rec));
	EVP_PKEY_free(j->req.key);
	buf_fini(&j->answer);
	arena_fini(&j->a);
	free(j);
}

static void let_go(struct est_job *j)
{
	struct enrol *e = j->e;
	struct device *d;

	if (!j->counted)
		return;
	pthread_mutex_lock(&e->lock);
	d = device_of(e, j->cred.id);
	d->busy = false;
	e->waiting--;
	pthread_mutex_unlock(&e->lock);
	j->counted = false;
}

static void answer(struct est_job *j, unsigned status, const char *type, struct str body)
{
	let_go(j);
	j->q.done(j->q.arg, status, type, body);
	job_free(j);
}

static void refuse(struct est_job *j, unsigned status, const char *text)
{
	/* Loud at this end, too: a device that is refused now has no certificate some hours later. */
	stat_add(j->e->o.stats, STAT_ENROL_REFUSED, 1);
	audit(j->e->o.security, EV_ENROL_REFUSED, NULL, STR_NONE, "%.*s: %s", STR_ARG(j->cred.id), text);
	answer(j, status, type_text, str_of(text));
}

/* It has proved its code or its key, and does what no honest device does. */
static void strike(struct est_job *j, enum strike what, const char *text)
{
	if (j->cred.id.n)
		lockout_strike_credential(j->e->o.security, j->cred.id, what);
	refuse(j, 403, text);
}

/* --- what is asked for ------------------------------------------------------------------------------------------------ */

static void give_cacerts(struct est_job *j)
{
	struct buf pem;
	int err;

	buf_init(&pem, PEM_MAX);
	ca_chain(j->e->o.ca, &pem);
	err = est_put_certs(&j->answer, buf_as_str(&pem));
	buf_fini(&pem);
	if (err)
		refuse(j, 500, "the CA's certificates cannot be written");
	else
		answer(j, 200, type_certs, buf_as_str(&j->answer));
}

static void give_csrattrs(struct est_job *j)
{
	if (est_put_csrattrs(&j->answer))
		refuse(j, 500, "the attributes cannot be written");
	else
		answer(j, 200, type_attrs, buf_as_str(&j->answer));
}

static bool has_name(const struct strs *names, struct str absolute, const struct addr_self *self, struct arena *a)
{
	struct why ignored = { 0 };

	for (size_t i = 0; i < names->n; i++) {
		struct str abs;

		if (addr_entity(a, names->v[i], self, &abs, &ignored) == RSC_NONE && str_eq(abs, absolute))
			return true;
	}
	return false;
}

/* Names come from the credential.  Who asks for others asks for another's. */
static bool asks_for_others(struct est_job *j, const struct strs *names)
{
	for (size_t i = 0; i < j->req.names.n; i++) {
		const struct cert_name *n = &j->req.names.v[i];

		if ((n->kind == CERT_AE || n->kind == CERT_CSE) && !has_name(names, n->text, &j->e->o.self, &j->a))
			return true;
	}
	return false;
}

/* A mistake of foreign clients, and nobody's name: only the server's certificate carries hosts. */
static bool asks_for_hosts(const struct est_job *j)
{
	for (size_t i = 0; i < j->req.names.n; i++)
		if (j->req.names.v[i].kind == CERT_HOST || j->req.names.v[i].kind == CERT_ADDRESS)
			return true;
	return false;
}

/* Listed names, and the stems that were given to it: they stand in the next certificate (security-model 1.1). */
static struct strs certified(struct est_job *j)
{
	struct security *sec = j->e->o.security;
	struct cred *c = registry_get(sec, j->cred.id);
	struct strs listed = j->cred.names, stems = { NULL, 0 }, out = { NULL, 0 };

	if (c && j->cred.kind != CRED_GATEWAY)
		stems = registry_stems(sec, c, &j->a);
	cred_unref(c);
	out.v = arena_array(&j->a, listed.n + stems.n, sizeof(*out.v));
	for (size_t i = 0; i < listed.n && out.n < CERT_NAMES_MAX; i++)
		out.v[out.n++] = listed.v[i];
	for (size_t i = 0; i < stems.n && out.n < CERT_NAMES_MAX; i++) {
		bool known = false;

		for (size_t k = 0; k < listed.n && !known; k++)
			known = str_eq(listed.v[k], stems.v[i]);
		if (!known)
			out.v[out.n++] = stems.v[i];
	}
	return out;
}

/* --- the certificate -------------------------------------------------------------------------------------------------- */

static int64_t life_of(const struct est_job *j, int64_t configured)
{
	int64_t life = j->cred.not_after - j->cred.not_before;

	if (j->rec.life_us)
		return j->rec.life_us;
	/* Issued by hand with a life of its own: it keeps that. */
	if (!j->enrols && j->cred.name.n == 0 && j->cred.not_before && life >= LEAST_LIFE_S * INT64_C(1000000))
		return life;
	return configured;
}

static int64_t configured_life(struct enrol *e)
{
	int64_t life;

	pthread_mutex_lock(&e->lock);
	life = e->cert_life_us;
	pthread_mutex_unlock(&e->lock);
	return life;
}

/* Signs; the answer stands in j->answer, the fingerprint in j->key. */
static int issue(struct est_job *j, uint32_t generation, int64_t life, int64_t *from, int64_t *to, struct why *why)
{
	struct enrol *e = j->e;
	struct strs names = certified(j);
	struct ca_ask ask = { .key = j->req.key, .kind = j->cred.kind, .names = names, .life_us = life, .id = j->cred.id,
		.generation = generation };
	struct buf pem;
	int err;

	buf_init(&pem, PEM_MAX);
	*from = clock_wall_us(e->o.clock);
	err = ca_issue(e->o.ca, &ask, &pem, j->key, to, why);
	if (err == 0)
		err = est_put_certs(&j->answer, buf_as_str(&pem));
	buf_fini(&pem);
	return err;
}

static void failed(struct est_job *j, int err, const struct why *why)
{
	if (err == E_EXISTS)
		strike(j, STRIKE_FOREIGN_REQUEST, "the key is another credential's: make a new one");
	else if (err == E_SYNTAX || err == E_LIMIT || err == E_DENIED)
		refuse(j, 400, why->text[0] ? why->text : "the request cannot be granted");
	else
		refuse(j, 503, "no certificate can be issued at present: ask again later");
}

/* --- the transaction -------------------------------------------------------------------------------------------------- */

static void noted(struct ledger_wait *w)
{
	struct est_job *j = CONTAINER_OF(w, struct est_job, noted);

	/* In effect and durable in the store; a ledger that cannot be written is loud by itself. */
	answer(j, 200, type_certs, buf_as_str(&j->answer));
}

static void stored(struct commit *commit, int err)
{
	struct est_job *j = CONTAINER_OF(commit, struct est_job, commit);
	struct enrol *e = j->e;
	struct device *d;

	if (err) {
		if (j->enrols)
			cred_undo(e->o.security, &j->cred);
		refuse(j, 503, "the certificate could not be stored: ask again later");
		return;
	}
	pthread_mutex_lock(&e->lock);
	d = device_of(e, j->cred.id);
	device_unindex(e, d);
	if (j->enrols) {
		d->r.used = true;
		ledger_note(security_ledger(e->o.security), LEDGER_CODE_USED, j->q.handle, j->cred.generation);
	}
	d->r.next = j->rec.next;
	memcpy(d->r.next_key, j->rec.next_key, ENROL_KEY);
	d->r.next_from = j->rec.next_from;
	d->r.next_to = j->rec.next_to;
	memcpy(d->r.answer_key, j->key, ENROL_KEY);
	device_set_answer(d, buf_as_str(&j->answer));
	device_index(e, d);
	pthread_mutex_unlock(&e->lock);
	if (j->enrols)
		cred_apply(e->o.security, &j->cred);
	stat_add(e->o.stats, j->enrols ? STAT_ENROLLED : STAT_RENEWED, 1);
	audit(e->o.security, EV_CREDENTIAL_ISSUED, NULL, STR_NONE, "%s %.*s generation %u", j->enrols ? "enrolled" : "renewed",
	      STR_ARG(j->cred.id), (unsigned)(j->enrols ? j->cred.generation : j->rec.next));
	let_go(j);
	if (j->enrols)
		ledger_after(security_ledger(e->o.security), &j->noted, j->q.loop, noted);
	else
		answer(j, 200, type_certs, buf_as_str(&j->answer));
}

/* j->rec is complete, its PSK masked as in memory. */
static void store(struct est_job *j)
{
	struct enrol *e = j->e;
	struct device after = { .r = j->rec };
	struct why why = { 0 };
	struct buf b;
	int err = 0;

	memcpy(after.r.answer_key, j->key, ENROL_KEY);
	after.r.answer = buf_as_str(&j->answer);
	buf_init_secret(&b, ENROL_RECORD_MAX);
	device_pack(e, &after, &b);
	struct tx *tx = store_begin(e->o.store, &j->a, TX_WRITE);
	struct cred_info now;
	/* Certificates are made outside of transactions: is it still what it was? */
	if (!cred_latest(e->o.security, tx, j->cred.id, &now) ||
	    now.generation + (j->enrols ? 1 : 0) != j->cred.generation ||
	    !(cred_state_speaks(now.state) || (j->enrols && now.state == CRED_CODE_OUT)))
		err = E_AGAIN;
	if (err == 0)
		store_rec_put(tx, REC_DEVICE, j->cred.id, buf_as_str(&b));
	if (err == 0 && j->enrols)
		err = cred_put(e->o.security, tx, &j->cred, &why);
	buf_fini_secret(&b);
	if (err) {
		store_end(tx);
		failed(j, err, &why);
		return;
	}
	j->commit = (struct commit){ .magic = COMMIT_MAGIC, .loop = j->q.loop, .done = stored };
	if (store_commit(tx, &j->commit))
		store_ready(e->o.store, &j->commit);
	else
		stored(&j->commit, 0);
}

/* --- enrolment -------------------------------------------------------------------------------------------------------- */

enum code_use { CODE_GONE, CODE_BUSY, CODE_FIRST, CODE_AGAIN, CODE_MISUSED };

/* What this key may do with the code of the session; CODE_FIRST: the device is taken, CODE_AGAIN: the answer is in j->answer. */
static enum code_use use_code(struct est_job *j)
{
	struct enrol *e = j->e;
	enum code_use use = CODE_GONE;
	struct device *d;

	pthread_mutex_lock(&e->lock);
	d = strmap_get(&e->by_handle, j->q.handle);
	if (d && d->r.code_ends > clock_wall_us(e->o.clock)) {
		bool same = d->r.used && d->r.answer.n && memcmp(d->r.answer_key, j->req.fingerprint, ENROL_KEY) == 0;

		use = d->busy ? CODE_BUSY : same ? CODE_AGAIN : d->r.used ? CODE_MISUSED : CODE_FIRST;
		j->cred.id = d->id;
		j->rec = d->r;
		if (use == CODE_AGAIN)
			buf_str(&j->answer, d->r.answer);
		if (use == CODE_FIRST) {
			d->busy = j->counted = true;
			e->waiting++;
		}
	}
	pthread_mutex_unlock(&e->lock);
	return use;
}

static void enrol_first(struct est_job *j)
{
	struct enrol *e = j->e;
	struct why why = { 0 };
	struct strs names;
	int64_t life;
	int err;

	if (!enrol_may(e, j->cred.id) || !cred_find(e->o.security, &j->a, j->cred.id, &j->cred)) {
		refuse(j, 403, "this device is suspended, locked or revoked: ask the administrator");
		return;
	}
	names = certified(j);
	if (asks_for_others(j, &names)) {
		strike(j, STRIKE_FOREIGN_REQUEST, "the request asks for names that are not this device's: ask for none");
		return;
	}
	life = life_of(j, configured_life(e));
	j->cred.state = CRED_ENROLLED;
	j->cred.generation++;
	j->cred.base_generation = j->cred.generation;
	err = issue(j, j->cred.generation, life, &j->cred.not_before, &j->cred.not_after, &why);
	if (err) {
		failed(j, err, &why);
		return;
	}
	j->cred.fingerprint = str_make((const char *)j->key, ENROL_KEY);
	j->rec.used = true;
	j->rec.next = 0; /* of the key before */
	store(j);
}

static void enrol_by_code(struct est_job *j)
{
	switch (use_code(j)) {
	case CODE_GONE:
		refuse(j, 403, "the enrolment code has ended: ask the administrator for another");
		break;
	case CODE_BUSY:
		refuse(j, 503, "a request with this code is under way");
		break;
	case CODE_AGAIN:
		answer(j, 200, type_certs, buf_as_str(&j->answer));
		break;
	case CODE_MISUSED:
		strike(j, STRIKE_CODE_USED, "the enrolment code was used with another key: ask the administrator for another");
		break;
	case CODE_FIRST:
		enrol_first(j);
		break;
	}
}

/* --- renewal ---------------------------------------------------------------------------------------------------------- */

enum renewal { RENEW_BUSY, RENEW_FIRST, RENEW_AGAIN, RENEW_ANEW, RENEW_TWICE, RENEW_OFTEN };

/* Under the lock.  ENROL_RENEWALS at once, then one for each of them that a life has room for. */
static bool is_too_often(const struct est_job *j, struct device *d)
{
	int64_t now_ns = clock_mono_ns(j->e->o.clock), share_ns = life_of(j, j->e->cert_life_us) / ENROL_RENEWALS * 1000;
	int64_t at_ns = d->renewals_ns > now_ns ? d->renewals_ns : now_ns;

	if (at_ns - now_ns > (ENROL_RENEWALS - 1) * share_ns)
		return true;
	d->renewals_ns = at_ns + share_ns;
	return false;
}

/* One key yields one new key: the same is answered again, or signed again when its certificate has aged meanwhile. */
static enum renewal use_key(struct est_job *j)
{
	struct enrol *e = j->e;
	int64_t now = clock_wall_us(e->o.clock);
	enum renewal use = RENEW_FIRST;
	struct device *d;

	pthread_mutex_lock(&e->lock);
	d = device_of(e, j->cred.id);
	if (d->busy) {
		use = RENEW_BUSY;
	} else if (d->r.next == j->cred.generation + 1) {
		bool same = memcmp(d->r.next_key, j->req.fingerprint, ENROL_KEY) == 0;
		bool young = now < d->r.next_from + (d->r.next_to - d->r.next_from) / 4 && d->r.answer.n;

		use = !same ? RENEW_TWICE : young ? RENEW_AGAIN : RENEW_ANEW;
	}
	j->rec = d->r;
	if (use == RENEW_FIRST && is_too_often(j, d))
		use = RENEW_OFTEN;
	if (use == RENEW_AGAIN)
		buf_str(&j->answer, d->r.answer);
	if (use == RENEW_FIRST || use == RENEW_ANEW) {
		d->busy = j->counted = true;
		e->waiting++;
	}
	pthread_mutex_unlock(&e->lock);
	return use;
}

static bool is_free(struct enrol *e, const unsigned char key[ENROL_KEY], struct str id)
{
	struct str fp = str_make((const char *)key, ENROL_KEY);
	struct cred *c = registry_by_key(e->o.security, fp);
	const struct device *d;
	bool yes;

	pthread_mutex_lock(&e->lock);
	d = strmap_get(&e->by_next, fp);
	yes = c == NULL && (d == NULL || str_eq(d->id, id));
	pthread_mutex_unlock(&e->lock);
	cred_unref(c);
	return yes;
}

static void renew(struct est_job *j)
{
	struct enrol *e = j->e;
	struct why why = { 0 };
	int err = issue(j, j->cred.generation + 1, life_of(j, configured_life(e)), &j->rec.next_from, &j->rec.next_to, &why);

	if (err) {
		failed(j, err, &why);
		return;
	}
	j->rec.next = j->cred.generation + 1;
	memcpy(j->rec.next_key, j->key, ENROL_KEY);
	store(j);
}

static void renew_by_key(struct est_job *j)
{
	struct enrol *e = j->e;
	struct cred *c = registry_by_key(e->o.security, j->q.fingerprint);
	struct strs names;
	bool found = c && !lockout_holds(e->o.security, c) && cred_find(e->o.security, &j->a, c->info.id, &j->cred);

	cred_unref(c);
	if (!found || !cred_state_speaks(j->cred.state) || !str_eq(j->cred.fingerprint, j->q.fingerprint)) {
		refuse(j, 403, "this certificate's credential is suspended, locked, revoked or renewed already");
		return;
	}
	if (j->cred.kind == CRED_ADMIN) {
		refuse(j, 403, "an administrator's certificate is issued by trothctl ca issue");
		return;
	}
	names = certified(j);
	if (memcmp(j->req.fingerprint, j->cred.fingerprint.p, ENROL_KEY) == 0) {
		refuse(j, 400, "a renewal needs a new key: this is the one of the certificate");
		return;
	}
	if (asks_for_others(j, &names) || !is_free(e, j->req.fingerprint, j->cred.id)) {
		strike(j, STRIKE_FOREIGN_REQUEST, "the request asks for another's names or key: make a new key and ask for no names");
		return;
	}
	switch (use_key(j)) {
	case RENEW_BUSY:
		refuse(j, 503, "a request of this credential is under way");
		break;
	case RENEW_AGAIN:
		answer(j, 200, type_certs, buf_as_str(&j->answer));
		break;
	case RENEW_TWICE:
		enrol_clone(e, j->cred.id, "two renewals of one generation:");
		refuse(j, 403, "this generation was renewed with another key: the credential is suspended, its key may be in use at two places");
		break;
	case RENEW_OFTEN:
		refuse(j, 503, "this credential was renewed too often of late: ask again later");
		break;
	case RENEW_FIRST:
	case RENEW_ANEW:
		renew(j);
		break;
	}
}

/* --- the way in ------------------------------------------------------------------------------------------------------- */

static bool is_bound(const struct est_job *j)
{
	struct str want = str_of(j->q.exporter);

	return want.n > 0 && want.n == j->req.challenge.n && CRYPTO_memcmp(want.p, j->req.challenge.p, want.n) == 0;
}

/* Whose session is it, for events. */
static void find_owner(struct est_job *j)
{
	struct enrol *e = j->e;
	const struct device *d;
	struct cred *c;

	if (j->q.handle.n) {
		pthread_mutex_lock(&e->lock);
		d = strmap_get(&e->by_handle, j->q.handle);
		j->cred.id = d ? d->id : STR_NONE;
		pthread_mutex_unlock(&e->lock);
		return;
	}
	c = registry_by_key(e->o.security, j->q.fingerprint);
	if (c)
		j->cred.id = arena_str(&j->a, c->info.id);
	cred_unref(c);
}

void enrol_est(struct enrol *e, const struct est_ask *q)
{
	struct est_job *j = calloc(1, sizeof(*j));
	struct why why = { 0 };

	CHECK(e, ENROL);
	REQUIRE(j != NULL);
	j->e = e;
	j->q = *q;
	arena_init(&j->a, 8192);
	buf_init(&j->answer, q->op == EST_CACERTS ? ENROL_LIST_MAX : ENROL_ANSWER_MAX);
	j->q.handle = arena_str(&j->a, q->handle);
	j->q.fingerprint = arena_str(&j->a, q->fingerprint);
	j->q.body = STR_NONE;
	j->enrols = q->op == EST_ENROL;
	if (q->op == EST_CACERTS || q->op == EST_CSRATTRS) {
		(q->op == EST_CACERTS ? give_cacerts : give_csrattrs)(j);
		return;
	}
	find_owner(j);
	if ((q->op == EST_ENROL) != (q->handle.n > 0)) {
		refuse(j, 403, q->handle.n ? "a code's session enrols by simpleenroll" : "a certificate's session renews by simplereenroll");
	} else if (q->exporter[0] == 0) {
		refuse(j, 400, "EST needs TLS 1.3: no request can be bound to this session");
	} else if (est_read_request(&j->a, q->body, e->o.self.sp, &j->req, &why) != 0) {
		refuse(j, 400, why.text[0] ? why.text : "the request cannot be read");
	} else if (j->req.challenge.n == 0) {
		refuse(j, 400, "challengePassword is missing: base64 of this session's EXPORTER-Channel-Binding (RFC 7030 3.5, RFC 9266)");
	} else if (!is_bound(j)) {
		strike(j, STRIKE_FOREIGN_REQUEST,
		       "challengePassword must be base64 of this session's EXPORTER-Channel-Binding (RFC 9266): the request is another session's");
	} else if (asks_for_hosts(j)) {
		refuse(j, 400, "hosts and addresses are not certified here: ask for no names");
	} else if (j->enrols) {
		enrol_by_code(j);
	} else {
		renew_by_key(j);
	}
}
