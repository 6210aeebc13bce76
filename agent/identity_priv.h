/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the identity: what is kept (identity_file.c), how it is used (identity.c), how it lives on
 * (identity_renew.c), how it begins (enrol.c). */
#ifndef AGENT_IDENTITY_PRIV_H
#define AGENT_IDENTITY_PRIV_H

#include "agent/est.h"
#include "agent/identity.h"
#include "cse/base/arena.h"
#include "cse/base/clock.h"
#include "cse/model/prim.h"
#include "security/keystore.h"

enum { IDENTITY_CAS = 32, IDENTITY_TICKETS = 4 };

/* What the state folder says. */
struct facts {
	char host[254];
	unsigned port;
	char cse_id[65];          /* "/id-in" */
	char sp[201];             /* "troth.example" */
	uint64_t generation;      /* 1 at enrolment; its key is "device-<generation>" */
	int64_t since_us;         /* when the certificate came: it begins earlier, for clocks that run late */
	X509 *leaf;
	STACK_OF(X509) *ca;       /* issuing certificates and anchors */
};
void facts_fini(struct facts *f);
/* E_ABSENT: no device was enrolled into this folder.  E_CORRUPT, E_DENIED with a sentence. */
int facts_load(const char *dir, struct facts *out, struct why *why);
/* Replaces the file as a whole, durably. */
int facts_store(const char *dir, const struct facts *f, struct why *why);
/* For facts_load and its fuzz target: *out is all of it or untouched. */
int facts_read(struct str text, struct facts *out, struct why *why);

/* Those of `ca` that chains may end in: its roots; all, when there is no root. */
STACK_OF(X509) *facts_anchors(const STACK_OF(X509) *ca);
/* Does the certificate chain to an anchor, at that time, by ca?  NULL, or why not (constant). */
const char *facts_verify(X509 *x, const STACK_OF(X509) *ca, const STACK_OF(X509) *anchors, int64_t at_us);
/* The list is now our anchors and those of `offered` that they vouch for; when that would leave no issuing CA, it stays as it is. */
void facts_take_ca(struct facts *f, const STACK_OF(X509) *offered, int64_t now_us, unsigned *refused);
/* The service provider that the CA may certify names of (nameConstraints, security-model 2.4).  E_ABSENT. */
int facts_sp(const STACK_OF(X509) *ca, const X509 *leaf, char sp[201]);
int64_t facts_time_us(const ASN1_TIME *t);

/* --- the folder ---------------------------------------------------------------------------------------------------------- */

/* Makes the folder when `make`, and holds its lock, so that no two agents use one key.  E_EXISTS: another one does. */
int state_open(const char *dir, bool make, int *lock, struct why *why);
void state_close(int lock);
/* The key that a certificate is asked for: kept until the answer has come, so that asking again means the same. */
int state_pending_key(struct keystore *ks, EVP_PKEY **out, struct why *why);
/* The key of the certificate in f. */
int state_key(struct keystore *ks, const struct facts *f, EVP_PKEY **out, struct why *why);
/* The pending key becomes the one of f->generation, and f what the folder says.  Not on a loop. */
int state_commit(const char *dir, struct keystore *ks, const struct facts *f, EVP_PKEY *key, struct why *why);

/* --- the identity ---------------------------------------------------------------------------------------------------------- */

struct renewal {
	struct loop_timer timer;
	struct est *est;
	struct work work;         /* making the key; keeping what came */
	bool at_work, closing;
	bool only_list;           /* what is kept is a list of CAs, no certificate */
	int64_t refreshed_ns;
	EVP_PKEY *key;
	struct facts fresh;       /* what came, until it is kept */
	int err;
	struct why why;
	int64_t next_us;          /* wall clock: when to try */
	unsigned failures, told;  /* told: of life, in per cent */
	char fault[200];          /* of the last try */
	void (*waiter)(void *arg, const char *fault); /* hears of the next result: NULL is success */
	void *waiter_arg;
};

#define IDENTITY_MAGIC 0x69646e74u
struct identity {
	uint32_t magic;
	struct agent *agent;
	const char *dir;
	int lock;
	struct keystore *keystore;
	struct facts facts;
	EVP_PKEY *key;
	SSL_CTX *client, *server;
	SSL_SESSION *tickets[IDENTITY_TICKETS];
	unsigned n_tickets;
	struct arena names_arena;
	struct strs names;
	struct addr_self self;
	int64_t from_us, until_us;
	bool ended;
	struct renewal renewal;
};
/* Contexts, names and life of the facts; what was before stays when it fails. */
int identity_use(struct identity *id, struct why *why);
/* Whatever the list says: for EST only, which brings the next list. */
bool identity_is_cse_by_anchor(struct identity *id, SSL *ssl);
/* Also of an expired certificate: for renewal only. */
SSL *identity_connect_any(struct identity *id);
int identity_renewal_init(struct identity *id, struct why *why);
void identity_renewal_fini(struct identity *id);

#endif
