/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The issuing authority (security-model 2.4): a root key that signs the issuing CA only, an issuing CA with critical
 * nameConstraints that permit exactly the SP-FQDN (DNS, URI) and the host names and addresses of the server.
 */
#ifndef SECURITY_CA_H
#define SECURITY_CA_H

#include <openssl/x509.h>

#include "security/keystore.h"
#include "security/security.h"

struct ca;
struct ca_opts {
	const char *dir;      /* state folder: ca/root.pem, ca/issuing.pem, ca/server.pem */
	/* PEM file (mode 0600) with an issuing CA of somebody else's: its certificate, its parents' up to the root if there are
	 * any, its private key.  Taken in when there is no CA yet; NULL or empty: none. */
	const char *import;
	struct keystore *keystore;
	struct clock *clock;
	struct rnd *rnd;
	struct log *log;
	struct addr_self self;
	struct strs hosts;    /* https.names */
	int64_t server_life_us;
	int64_t issuing_life_us; /* 0: 15 years */
};
/* Opens, or makes root, issuing CA and the server's certificate at first start. */
int ca_open(const struct ca_opts *o, struct ca **out, struct why *why);
void ca_close(struct ca *ca);
/* Would ca_open take the CA of o->import in, with the names of o?  Nothing is kept; o->keystore is not used. */
int ca_check_import(const struct ca_opts *o, struct why *why);
/* The CA's keys were made or imported by this ca_open (EV_CA_MADE). */
bool ca_is_new(const struct ca *ca);

/* The DER of a request in PEM; E_SYNTAX. */
int ca_request_of_pem(struct str pem, struct buf *out_der, struct why *why);
/* What a certificate shall say.  Only the public key and its proof of possession are taken from the request. */
struct ca_ask {
	struct str csr_der;   /* PKCS#10, P-256 */
	EVP_PKEY *key;        /* or its key, of cert_request_key or cert_request_open; NULL: csr_der is read */
	enum cred_kind kind;
	struct strs names;    /* AE-ID stems -> URI SAN onem2m://<SP>/<rest of the absolute AE-ID>; CSE-IDs -> dNSName */
	int64_t life_us;
	/* Whose it is and which of its certificates: stands in the subject as serialNumber "<id>.<generation>" (cert.h).  Empty: not. */
	struct str id;
	uint32_t generation;
};
/* Chain (end entity, issuing CA) as PEM in out; SHA-256 of the public key info; notAfter in µs. */
int ca_issue(struct ca *ca, const struct ca_ask *q, struct buf *out_pem, unsigned char fingerprint[32], int64_t *not_after,
             struct why *why);
/* Root and issuing certificates, those that still count of the time before a rotation included, PEM (what a client trusts). */
void ca_chain(struct ca *ca, struct buf *out_pem);
/* Server certificate chain and key for the TLS contexts.  The caller frees each. */
int ca_server(struct ca *ca, X509 **leaf, STACK_OF(X509) **chain, EVP_PKEY **key);
/* The issuing CAs whose certificates are accepted, counted for the caller: peers' chains must end in one of them. */
int ca_anchors(struct ca *ca, STACK_OF(X509) **out);
/* Counted for the caller; NULL: an imported issuing CA came without its root. */
X509 *ca_root(struct ca *ca);

/* --- rotation: what is written to disk, so not on a loop; thread-safe, one at a time --------------------------------- */

/* A new key and certificate of the server.  What failed has changed nothing. */
int ca_server_renew(struct ca *ca, struct why *why);
/* The same with other names (https.names) and another life from now on.  E_CONF: the CA does not permit a name; nothing changed. */
int ca_server_rename(struct ca *ca, struct strs hosts, int64_t life_us, struct why *why);
/* A new issuing CA, signed by the root; the one before signs nothing more and its key is destroyed, what it has signed is accepted
 * until retire_us.  The server's own certificate is still the old one's, until the next ca_server_renew.  E_ABSENT: the root's key is
 * not here.  E_LIMIT: too many before still count.  What failed has changed nothing. */
int ca_rotate(struct ca *ca, int64_t retire_us, struct why *why);
/* Lets go of the issuing CAs whose time is over: true when there was one; contexts are to be remade. */
bool ca_retire(struct ca *ca, struct why *why);

/* Nothing of the authority's files changes until it is let go, by the same thread. */
void ca_hold(struct ca *ca);
void ca_let_go(struct ca *ca);
/* Lives of what is made from now on.  Thread-safe. */
void ca_set_lives(struct ca *ca, int64_t server_us, int64_t issuing_us);
/* From when it was made to notAfter, µs; zero: there is none. */
struct ca_life {
	int64_t from_us, until_us;
};
struct ca_lives {
	struct ca_life root, issuing, server;
	unsigned n_old;    /* issuing CAs of the time before that still count */
	int64_t retire_us; /* when the first of them goes */
	bool server_is_old; /* the server's certificate is of one of them */
};
void ca_lives(struct ca *ca, struct ca_lives *out);

#endif
