/* SPDX-License-Identifier: Apache-2.0 */
/* The administrator's interface over a real store, security room and authority, and who calls it by the socket. */
#ifndef TESTS_UNIT_ADMIN_RIG_H
#define TESTS_UNIT_ADMIN_RIG_H

#include <check.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "admin/admin.h"
#include "bindings/http1.h"
#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "cse/base/stat.h"
#include "cse/core/gate.h"
#include "security/enrol.h"
#include "security/lockout.h"
#include "security/seal.h"
#include "security/security.h"
#include "security/tls.h"
#include "tests/unit/security/pki.h"

struct rig {
	struct pki p;
	struct cse cse;
	struct admin *admin;
	struct arena a;
	char path[256];
	int fd;
	unsigned status;
	char body[1 << 20];
};

static inline void check_ok(int err, const struct why *why)
{
	ck_assert_msg(err == 0, "%d %s", err, why->text);
}

/* now: of a clock that stands still; 0: the machine's. */
static inline void rig_init_at(struct rig *r, int64_t now)
{
	struct why why = { 0 };
	struct cse *c = &r->cse;

	memset(r, 0, sizeof(*r));
	pki_init(&r->p, now);
	pki_open(&r->p);
	arena_init(&r->a, 4096);
	c->conf = conf_defaults();
	c->clock = r->p.clock;
	c->rnd = r->p.st.rnd;
	c->n_loops = 1;
	c->loops = calloc(1, sizeof(*c->loops));
	c->loops[0] = loop_new(c->clock, 0, c);
	c->stats = calloc(2, sizeof(*c->stats));
	c->stats[0] = calloc(1, sizeof(struct stats));
	c->stats[1] = calloc(1, sizeof(struct stats));
	c->workers = workers_new(1);
	c->self = r->p.o.self;
	c->keystore = r->p.ks;
	c->ca = r->p.ca;
	c->seal = seal_new_volatile(c->rnd);
	struct store_opts so = { .clock = c->clock, .rnd = c->rnd, .seal = c->seal, .workers = c->workers, .self = c->self,
		                 .cache_bytes = 1 << 20, .batch_max = 64, .queue_max = 64, .queue_max_bytes = 1 << 20, .loops = 1 };
	check_ok(store_open(&so, gate_make_base(&r->a, c->conf, &c->self, clock_wall_us(c->clock)), &c->store, &why), &why);
	struct security_opts o = { .conf = c->conf, .clock = c->clock, .rnd = c->rnd, .stats = c->stats[1], .self = c->self,
		                   .keystore = c->keystore };
	check_ok(security_new(&o, &c->security, &why), &why);
	check_ok(security_attach(c->security, c->store, &why), &why);
	struct enrol_opts eo = { .security = c->security, .store = c->store, .ca = c->ca, .conf = c->conf, .clock = c->clock, .rnd = c->rnd,
		                 .self = c->self };
	check_ok(enrol_new(&eo, &c->enrol, &why), &why);
	struct gate_opts go = { .conf = c->conf, .clock = c->clock, .rnd = c->rnd, .stats = c->stats, .self = c->self,
		                .store = c->store, .security = c->security, .workers = c->workers, .loops = c->loops, .n_loops = 1 };
	check_ok(gate_new(&go, &c->gate, &why), &why);
	state_path(&r->p.st, "admin.sock", r->path);
	check_ok(admin_open(c, r->path, &r->admin, &why), &why);
	r->fd = -1;
}

static inline void rig_init(struct rig *r)
{
	rig_init_at(r, 0);
}

static inline void rig_fini(struct rig *r)
{
	struct cse *c = &r->cse;

	if (r->fd >= 0)
		close(r->fd);
	admin_close(r->admin);
	ck_assert_int_ne(access(r->path, F_OK), 0);
	workers_free(c->workers);
	gate_free(c->gate);
	store_flush(c->store);
	enrol_free(c->enrol);
	security_free(c->security);
	store_close(c->store);
	seal_close(c->seal);
	loop_free(c->loops[0]);
	free(c->loops);
	free(c->stats[0]);
	free(c->stats[1]);
	free(c->stats);
	conf_unref(c->conf);
	arena_fini(&r->a);
	pki_fini(&r->p);
}

static inline int dial(struct rig *r)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	memcpy(un.sun_path, r->path, strlen(r->path));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	return fd;
}

/* Turns the loop until one answer is complete; false: the connection was closed instead. */
static inline bool answer(struct rig *r)
{
	static const struct http1_limits lim = { 4096, 16384, sizeof(r->body), 32 };
	struct http1_field fields[32];
	struct http1 h;
	char *p = malloc(sizeof(r->body) + 65536);
	size_t n = 0;

	http1_init(&h, HTTP1_RESPONSE, &lim, fields);
	for (int i = 0; i < 2000; i++) {
		loop_turn(r->cse.loops[0], 5);
		ssize_t k = recv(r->fd, p + n, 65536, 0);
		if (k == 0) {
			free(p);
			return false;
		}
		if (k < 0)
			continue;
		n += (size_t)k;
		enum http1_result res;
		while ((res = http1_parse(&h, p, &n)) == HTTP1_HEAD_DONE)
			;
		ck_assert_int_ne(res, HTTP1_BAD);
		if (res != HTTP1_DONE)
			continue;
		ck_assert_uint_eq(n, h.head_n + h.body_n);
		r->status = h.status;
		memcpy(r->body, p + h.head_n, h.body_n);
		r->body[h.body_n] = 0;
		free(p);
		return true;
	}
	ck_abort_msg("no answer");
}

static inline void say(struct rig *r, const char *method, const char *path, const char *body)
{
	char head[512];
	size_t n = body ? strlen(body) : 0;

	if (r->fd < 0)
		r->fd = dial(r);
	int k = snprintf(head, sizeof(head), "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", method, path, n);
	ck_assert_int_eq(send(r->fd, head, (size_t)k, MSG_NOSIGNAL), k);
	if (n)
		ck_assert_int_eq(send(r->fd, body, n, MSG_NOSIGNAL), (ssize_t)n);
}

static inline unsigned call(struct rig *r, const char *method, const char *path, const char *body)
{
	say(r, method, path, body);
	ck_assert(answer(r));
	return r->status;
}

static inline char *csr_pem(EVP_PKEY *key)
{
	char *p, *out;
	BIO *b = BIO_new(BIO_s_mem());
	X509_REQ *q = X509_REQ_new();
	X509_REQ_set_pubkey(q, key);
	X509_REQ_sign(q, key, EVP_sha256());
	PEM_write_bio_X509_REQ(b, q);
	long n = BIO_get_mem_data(b, &p);
	out = strndup(p, (size_t)n);
	X509_REQ_free(q);
	BIO_free(b);
	return out;
}

/* extra: members behind csr and names, with a comma before each.  To be freed. */
static inline char *issue_body(EVP_PKEY *key, const char *name, const char *extra)
{
	char *csr = csr_pem(key), *csr_json, *body;
	json_t *s = json_string(csr);
	csr_json = json_dumps(s, JSON_ENCODE_ANY);
	ck_assert_int_gt(asprintf(&body, "{\"csr\":%s,\"names\":[\"%s\"]%s}", csr_json, name, extra), 0);
	json_decref(s);
	free(csr);
	free(csr_json);
	return body;
}

static inline unsigned issue(struct rig *r, EVP_PKEY *key, const char *name, const char *extra)
{
	char *body = issue_body(key, name, extra);
	unsigned status = call(r, "POST", "/v1/credentials", body);

	free(body);
	return status;
}

static inline json_t *reply(struct rig *r)
{
	json_t *j = json_loads(r->body, 0, NULL);
	ck_assert_msg(j != NULL, "%s", r->body);
	return j;
}

static inline const char *member(const json_t *j, const char *name)
{
	const char *z = json_string_value(json_object_get(j, name));
	ck_assert_ptr_nonnull(z);
	return z;
}

static inline void error_says(struct rig *r, const char *text)
{
	json_t *j = reply(r);
	ck_assert_msg(strstr(member(j, "error"), text) != NULL, "%s", r->body);
	json_decref(j);
}

static inline int rig_run(Suite *suite)
{
	SRunner *r = srunner_create(suite);
	int failed;

	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
