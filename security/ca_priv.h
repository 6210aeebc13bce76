/* SPDX-License-Identifier: Apache-2.0 */
/* The authority from the inside, and how a certificate is put together. */
#ifndef SECURITY_CA_PRIV_H
#define SECURITY_CA_PRIV_H

#include <openssl/x509v3.h>
#include <pthread.h>

#include "security/ca.h"

/* An issuing CA of the time before: it signs nothing more (its key is gone), what it has signed is accepted until then. */
struct ca_old {
	X509 *x;
	int64_t retire_us;
};
enum { CA_OLD_MAX = 16, CA_SLOTS = 2, CA_PEM_MAX = 65536 };

/* Clocks of small devices run late; a certificate that begins in their future would be refused by them. */
#define CA_BACKDATE_US (INT64_C(300) * 1000000)

#define CA_MAGIC 0x63617574u
struct ca {
	uint32_t magic;
	struct ca_opts o;        /* strings are in `a` */
	struct arena a;
	X509 *root;              /* NULL: an imported issuing CA is the anchor itself */
	bool is_new;
	pthread_mutex_t work;    /* one change at a time; taken before `lock` */
	pthread_mutex_t lock;    /* guards what is below */
	X509 *issuing;
	EVP_PKEY *key;           /* the issuing CA's */
	unsigned slot;           /* of its key in the keystore: a new one is made beside it */
	struct ca_old old[CA_OLD_MAX];
	unsigned n_old;
	X509 *server, *server_issuer;
	EVP_PKEY *server_key;
};
/* Name of an issuing key in the keystore. */
const char *ca_slot_name(unsigned slot);
/* The issuing CA now, counted for the caller. */
void ca_current(struct ca *ca, X509 **issuing, EVP_PKEY **key);

/* What stands in a certificate. */
struct cert_plan {
	EVP_PKEY *subject_key;
	const char *cn;              /* at most 64 bytes */
	const char *serial;          /* serialNumber of the subject (at most 64 bytes), NULL: none */
	X509 *issuer;                /* NULL: self-signed */
	EVP_PKEY *issuer_key;
	int64_t from_us, to_us;
	int pathlen;                 /* -1: an end entity */
	const char *usage;           /* extendedKeyUsage, NULL: none */
	GENERAL_NAMES *names;        /* subjectAltName; empty or NULL: none */
	NAME_CONSTRAINTS *permitted; /* NULL: none */
};
/* Signed with SHA-256, a 20-byte random serial, key identifiers and the critical extensions of RFC 5280 4.2. */
int cert_make(struct rnd *rnd, const struct cert_plan *p, X509 **out, struct why *why);
/* Permits exactly the SP-FQDN (DNS, URI) and the hosts; the reverse of cert_name_add and cert_host_add. */
int cert_constraints(struct str sp, struct strs hosts, NAME_CONSTRAINTS **out, struct why *why);
/* RSC-less check that issuer (and root) allow the names of x: 0, or E_CONF and a sentence. */
int ca_permits(struct ca *ca, X509 *x, struct why *why);

int64_t cert_time_us(const ASN1_TIME *t);
int cert_put_pem(struct buf *out, X509 *x);
/* Certificates of a PEM text in order, at most max; *n. */
int cert_read_pem(struct str pem, X509 **out, unsigned max, unsigned *n);

/* ca_import.c: takes ca->root, ca->issuing and ca->key from ca->o.import. */
int ca_import(struct ca *ca, struct why *why);
int64_t ca_issuing_life_us(const struct ca *ca);
/* Tells this CA's name from that of one that was thrown away. */
void ca_make_name(struct ca *ca, const char *what, char cn[64]);
int ca_save_pem(struct ca *ca, const char *name, X509 *x, struct why *why);
/* ca_rotate.c: issuing CAs of the time before. */
int ca_old_load(struct ca *ca, struct why *why);
/* The text of that file: at most CA_OLD_MAX; *n of them are the caller's to free, also on E_SYNTAX. */
int ca_old_parse(struct str text, struct ca_old *out, unsigned *n);
/* ca_server.c: opens or makes the server's certificate. */
int ca_server_open(struct ca *ca, struct why *why);
/* A certificate of our names for a key that is thrown away: does the CA permit them? */
int ca_server_try(struct ca *ca, struct why *why);
/* Copies the names; what was there stays in memory. */
void ca_keep_hosts(struct ca *ca, struct strs hosts);

#endif
