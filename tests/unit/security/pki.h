/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, requests, foreign authorities, and OpenSSL's own command as the oracle. */
#ifndef TESTS_UNIT_SECURITY_PKI_H
#define TESTS_UNIT_SECURITY_PKI_H

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <sys/wait.h>

#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "security/ca.h"
#include "security/ca_priv.h"
#include "tests/unit/security/state.h"

#define PKI_MAX_ARGS 24

/* Runs the openssl command in the state folder, its output (both streams) in out; returns its exit status. */
static inline int pki_openssl(const struct state *st, char *out, size_t max, const char *const *args)
{
	char *argv[PKI_MAX_ARGS + 2] = { (char *)(uintptr_t) "openssl" };
	int p[2], status;
	size_t n = 0;
	ssize_t k;

	for (int i = 0; args[i]; i++) {
		ck_assert_int_lt(i, PKI_MAX_ARGS);
		argv[i + 1] = (char *)(uintptr_t)args[i];
	}
	ck_assert_int_eq(pipe(p), 0);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (chdir(st->dir) != 0 || dup2(p[1], 1) < 0 || dup2(p[1], 2) < 0)
			_exit(126);
		close(p[0]);
		execvp("openssl", argv);
		_exit(127);
	}
	close(p[1]);
	while (n + 1 < max && (k = read(p[0], out + n, max - 1 - n)) > 0)
		n += (size_t)k;
	out[n] = 0;
	close(p[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_msg(WEXITSTATUS(status) < 126, "the openssl command is needed");
	return WEXITSTATUS(status);
}
#define PKI_OPENSSL(st, out, ...) pki_openssl((st), (out), sizeof(out), (const char *const[]){ __VA_ARGS__, NULL })

static inline EVP_PKEY *pki_key(void)
{
	EVP_PKEY *k = EVP_EC_gen("P-256");
	ck_assert_ptr_nonnull(k);
	return k;
}

/* A PKCS#10 request in DER with a subject of its own, which nobody may take over. */
static inline void pki_request(EVP_PKEY *key, EVP_PKEY *signer, struct buf *out)
{
	unsigned char *der = NULL;
	X509_REQ *r = X509_REQ_new();
	X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(r), "CN", MBSTRING_ASC, (const unsigned char *)"evil.example", -1, -1,
	                           0);
	ck_assert_int_eq(X509_REQ_set_pubkey(r, key), 1);
	ck_assert_int_gt(X509_REQ_sign(r, signer, EVP_sha256()), 0);
	int n = i2d_X509_REQ(r, &der);
	ck_assert_int_gt(n, 0);
	buf_put(out, der, (size_t)n);
	OPENSSL_free(der);
	X509_REQ_free(r);
}

/* --- an authority over a state folder with a clock that stands at 2031-05-06T07:08:09Z ------------------------------ */

#define PKI_NOW (INT64_C(1935817689) * 1000000)
#define PKI_HOUR (INT64_C(3600) * 1000000)

struct pki {
	struct state st;
	struct clock *clock;
	struct keystore *ks;
	struct ca *ca;
	struct str hosts[3];
	struct ca_opts o;
};

static inline void pki_init(struct pki *p, int64_t now)
{
	struct why why = { 0 };
	memset(p, 0, sizeof(*p));
	state_init(&p->st);
	p->clock = now ? clock_new_fake(now) : clock_new();
	ck_assert_msg(keystore_open("file", p->st.dir, p->st.rnd, &p->ks, &why) == 0, "%s", why.text);
	p->hosts[0] = STR("localhost");
	p->hosts[1] = STR("127.0.0.1");
	p->hosts[2] = STR("::1");
	p->o = (struct ca_opts){
		.dir = p->st.dir,
		.keystore = p->ks,
		.clock = p->clock,
		.rnd = p->st.rnd,
		.self = { .sp = STR("troth.example"), .cse = STR("id-in"), .base = STR("cse-in") },
		.hosts = { p->hosts, 3 },
		.server_life_us = 30 * 24 * PKI_HOUR,
	};
}

static inline void pki_open(struct pki *p)
{
	struct why why = { 0 };
	ck_assert_msg(ca_open(&p->o, &p->ca, &why) == 0, "%s", why.text);
}

static inline void pki_refused(struct pki *p, int err, const char *text)
{
	struct why why = { 0 };
	struct ca *ca;
	ck_assert_int_eq(ca_open(&p->o, &ca, &why), err);
	ck_assert_msg(strstr(why.text, text) != NULL, "%s", why.text);
}

static inline void pki_fini(struct pki *p)
{
	ca_close(p->ca);
	keystore_close(p->ks);
	clock_free(p->clock);
	state_fini(&p->st);
}

/* A certificate for one name, its chain (PEM) in `pem`. */
static inline int pki_issue(struct pki *p, EVP_PKEY *key, enum cred_kind kind, const char *name, struct buf *pem, struct why *why)
{
	struct str n = str_of(name);
	struct buf csr;
	unsigned char fp[32];
	int64_t end;

	buf_init(&csr, 8192);
	pki_request(key, key, &csr);
	struct ca_ask q = { .csr_der = buf_as_str(&csr), .kind = kind, .names = { &n, name ? 1 : 0 }, .life_us = 24 * PKI_HOUR };
	int err = ca_issue(p->ca, &q, pem, fp, &end, why);
	buf_fini(&csr);
	return err;
}

static inline X509 *pki_first(const struct buf *pem)
{
	X509 *x = NULL;
	unsigned n;
	ck_assert_int_eq(cert_read_pem(buf_as_str(pem), &x, 1, &n), 0);
	return x;
}

static inline void pki_save(struct pki *p, const char *file, const struct buf *pem)
{
	state_write(&p->st, file, pem->p, pem->n);
}

#endif
