/* SPDX-License-Identifier: Apache-2.0 */
/* From a code to an identity: EST over a session that only the two who know the code can open. */
#include "agent/onboard.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/conf.h"
#include "agent/identity_priv.h"
#include "cse/base/err.h"
#include "security/file.h"
#include "security/tls_device.h"

enum { TEXT_MAX = 1024, DEFAULT_PORT = 8443 };

struct onboard {
	struct agent *agent;
	const char *dir;
	struct code_offer offer;
	struct tls_code *tls;
	struct keystore *keystore;
	EVP_PKEY *key;
	struct facts facts;
	int lock, err;
	char text[200];
};

/* --- the code ---------------------------------------------------------------------------------------------------------------- */

static int read_some(int fd, char *out, size_t size, struct why *why)
{
	size_t n = 0;
	ssize_t k = 1;

	while (n + 1 < size && k > 0 && !memchr(out, '\n', n)) {
		k = read(fd, out + n, size - 1 - n);
		if (k > 0)
			n += (size_t)k;
	}
	out[n] = 0;
	if (k >= 0)
		return 0;
	why_set(why, RSC_INTERNAL_SERVER_ERROR, "the code cannot be read");
	return E_IO;
}

/* A code in the arguments is seen by everybody on this host: it is wiped there, and need not stand there at all. */
static int read_code(char *arg, char *out, size_t size, struct why *why)
{
	int fd = 0, err;

	if (arg[0] != '-' && arg[0] != '@') {
		snprintf(out, size, "%s", arg);
		OPENSSL_cleanse(arg, strlen(arg));
		return 0;
	}
	if (arg[0] == '@')
		fd = open(arg + 1, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the file %.120s cannot be read", arg + 1);
		return E_ABSENT;
	}
	err = read_some(fd, out, size, why);
	if (fd > 0)
		close(fd);
	return err;
}

static int take_code(struct onboard *o, char *arg, struct why *why)
{
	const struct conf *c = o->agent->conf;
	const char *host = conf_str(c, AGENT_CSE_HOST), *cse = conf_str(c, AGENT_CSE_ID);
	int64_t port = conf_num(c, AGENT_CSE_PORT);
	char text[TEXT_MAX] = "";
	struct str line;
	bool more;
	int err = read_code(arg, text, sizeof(text), why);

	if (err == 0) {
		line = str_of(text);
		line = str_trim(str_cut(&line, '\n', &more));
		if (str_ends(line, STR("\r")))
			line.n--;
		o->offer.port = port ? (unsigned)port : DEFAULT_PORT;
		snprintf(o->offer.host, sizeof(o->offer.host), "%s", host[0] ? host : "localhost");
		snprintf(o->offer.cse_id, sizeof(o->offer.cse_id), "%s", cse[0] ? cse : "/id-in");
		err = code_offer_parse(line, &o->offer, why);
	}
	OPENSSL_cleanse(text, sizeof(text));
	return err;
}

/* --- enrolment ------------------------------------------------------------------------------------------------------------- */

static void end(struct onboard *o, int err, const char *text)
{
	o->err = err;
	snprintf(o->text, sizeof(o->text), "%s", text);
	loop_stop(o->agent->loop);
}

static SSL *code_ssl(void *arg)
{
	struct onboard *o = arg;

	return tls_code_connect(o->tls);
}

static const char *code_proved(void *arg, SSL *ssl)
{
	(void)arg;
	return tls_code_proved(ssl) ? NULL : "the CSE answers without knowing the code: it is used, past its time, or of another CSE";
}

static bool has_stranger(const STACK_OF(X509) *ca)
{
	for (int i = 0; i < sk_X509_num(ca); i++)
		if (X509_check_ca(sk_X509_value(ca, i)) != 1)
			return true;
	return sk_X509_num(ca) > IDENTITY_CAS;
}

static void on_enrolled(void *arg, struct est_result *r)
{
	struct onboard *o = arg;
	struct facts *f = &o->facts;
	STACK_OF(X509) *anchors;
	const char *wrong;
	char text[200];

	if (r->err) {
		end(o, r->err, r->text);
		return;
	}
	f->ca = r->ca;
	f->leaf = r->leaf;
	f->since_us = clock_wall_us(o->agent->clock);
	f->generation = 1;
	if (has_stranger(f->ca) || facts_sp(f->ca, f->leaf, f->sp)) {
		end(o, E_SYNTAX, "what the CSE gives to trust is no certification authority of a service provider");
		return;
	}
	anchors = facts_anchors(f->ca);
	wrong = facts_verify(f->leaf, f->ca, anchors, f->since_us);
	sk_X509_pop_free(anchors, X509_free);
	snprintf(text, sizeof(text), "the certificate that the CSE gives is not good: %s (is this host's clock right?)", wrong ? wrong : "");
	end(o, wrong ? E_CRYPTO : 0, text);
}

static int ask(struct onboard *o, struct why *why)
{
	const struct est_opts eo = {
		.agent = o->agent, .host = str_of(o->offer.host), .port = o->offer.port, .ssl = code_ssl, .prove = code_proved, .arg = o,
		.unable = "no TLS connection can be made: memory is short",
		.refused = "the CSE does not take this code: it is mistyped, used, past its time, or of another CSE",
		.closed = "the CSE closes the connection without an answer: the code may be used or past its time",
	};
	struct est *est;
	int err = est_new(&eo, &est, why);

	if (err)
		return err;
	est_begin(est, o->key, NULL, on_enrolled);
	loop_run(o->agent->loop);
	est_free(est);
	if (o->err)
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "%s", o->text);
	return o->err;
}

/* --- first use --------------------------------------------------------------------------------------------------------------- */

static void on_used(void *arg, const char *fault)
{
	struct agent *a = arg;

	if (fault)
		log_write(a->log, LOG_UPSTREAM_LOST, "%s", fault);
	loop_stop(a->loop);
}

/* The certificate is shown once, so that the CSE knows that it has arrived; if that fails now, `run` does it. */
static void use_once(struct agent *a)
{
	struct identity *id;
	struct why why = { RSC_NONE, "" };

	if (identity_open(a, &id, &why)) {
		log_write(a->log, LOG_INTERNAL, "%s", why.text);
		return;
	}
	identity_try(id, on_used, a);
	loop_run(a->loop);
	identity_close(id);
}

/* --- all of it --------------------------------------------------------------------------------------------------------------- */

static int begin(struct onboard *o, char *arg, struct why *why)
{
	struct why absent = { RSC_NONE, "" };
	struct facts old = { .port = 0 };
	int err = take_code(o, arg, why);

	if (err == 0)
		err = state_open(o->dir, true, &o->lock, why);
	if (err)
		return err;
	err = facts_load(o->dir, &old, &absent);
	facts_fini(&old);
	if (err != E_ABSENT) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR,
		        "%.80s holds an identity already: to enrol anew, choose another agent.state or remove identity.json there", o->dir);
		return E_EXISTS;
	}
	err = keystore_open(conf_str(o->agent->conf, AGENT_KEYSTORE), o->dir, o->agent->rnd, &o->keystore, why);
	if (err == 0)
		err = state_pending_key(o->keystore, &o->key, why);
	if (err == 0)
		err = tls_code_new(&o->offer.code, str_of(o->offer.cse_id), &o->tls, why);
	return err;
}

static void tell(const struct onboard *o)
{
	const struct facts *f = &o->facts;

	log_write(o->agent->log, LOG_DEVICE_ENROLLED, "at %.64s of %.100s", f->cse_id, f->sp);
	printf("enrolled at %s (%s), %s port %u; the certificate lives for %lld s and is renewed by troth-agent run\n", f->cse_id, f->sp, f->host,
	       f->port, (long long)((facts_time_us(X509_get0_notAfter(f->leaf)) - f->since_us) / 1000000));
	fflush(stdout);
}

int onboard(struct agent *a, char *arg, struct why *why)
{
	struct onboard o = { .agent = a, .dir = conf_str(a->conf, AGENT_STATE), .lock = -1 };
	int err = begin(&o, arg, why);

	if (err == 0)
		err = ask(&o, why);
	if (err == 0) {
		snprintf(o.facts.host, sizeof(o.facts.host), "%s", o.offer.host);
		o.facts.port = o.offer.port;
		snprintf(o.facts.cse_id, sizeof(o.facts.cse_id), "%s", o.offer.cse_id);
		err = state_commit(o.dir, o.keystore, &o.facts, o.key, why);
	}
	if (err == 0)
		tell(&o);
	facts_fini(&o.facts);
	EVP_PKEY_free(o.key);
	tls_code_free(o.tls);
	keystore_close(o.keystore);
	state_close(o.lock);
	code_wipe(&o.offer.code);
	if (err == 0)
		use_once(a);
	return err;
}
