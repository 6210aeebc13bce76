/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and keys in certificates (TS-0003 10.1.1, security-model 2.4): an AE-ID is the URI onem2m://<SP>/<rest of the
 * absolute AE-ID>, a CSE-ID the dNSName <cse-id>.<SP>.  What comes from outside is read with bounds.
 */
#ifndef SECURITY_CERT_H
#define SECURITY_CERT_H

#include <openssl/x509v3.h>

#include "cse/model/addr.h"

enum { CERT_NAMES_MAX = 64, CERT_NAME_BYTES = 1024, CERT_CSR_BYTES = 8192, CERT_DNS_BYTES = 253 };

enum cert_name_kind {
	CERT_AE,      /* absolute AE-ID: "//troth.example/id-in/CDev1", "//troth.example/Sdev" */
	CERT_CSE,     /* absolute CSE-ID: "//troth.example/mn1"; a dNSName right below the SP */
	CERT_HOST,    /* any other dNSName */
	CERT_ADDRESS, /* 4 or 16 bytes */
	CERT_OTHER    /* a form that says nothing here; text is empty */
};
struct cert_name {
	enum cert_name_kind kind;
	struct str text;
};
struct cert_names {
	struct cert_name *v;
	size_t n;
};

/* The subjectAltName of a certificate, in the arena.  E_LIMIT: too many or too long; E_SYNTAX: not well formed, a zero
 * byte or another control character in a name.  No subjectAltName: n is 0. */
int cert_names(struct arena *a, const X509 *x, struct str sp, struct cert_names *out);
/* The same for a decoded extension. */
int cert_names_of(struct arena *a, const GENERAL_NAMES *gens, struct str sp, struct cert_names *out);

/* Appends what certifies `name`: an AE-ID stem ("CDev1", "Sdev") or a CSE-ID ("/mn1").  App-IDs ("N...", "R...") and
 * patterns with * are not certified (no wildcards, TS-0003 10.1.1.5): nothing is appended.  Anything else: E_SYNTAX. */
int cert_name_add(GENERAL_NAMES *gens, struct str name, const struct addr_self *self, struct why *why);
/* Appends a host: an IP address or a DNS name. */
int cert_host_add(GENERAL_NAMES *gens, struct str host, struct why *why);
/* Letters, digits, hyphens (and underscores) in labels of 1 to 63 bytes, at most 253 in all. */
bool cert_is_dns(struct str s);

/* The subject's serialNumber, "<credential id>.<generation>", as ca_issue writes it.  id in the arena; false: there is none. */
enum { CERT_SERIAL_BYTES = 64 };
bool cert_subject(struct arena *a, const X509 *x, struct str *id, uint32_t *generation);
/* The public key of a PKCS#10 request (DER), after its proof of possession was checked.  P-256 only. */
int cert_request_key(struct str der, EVP_PKEY **out, struct why *why);
/* The same with the request itself, which the caller frees. */
int cert_request_open(struct str der, X509_REQ **req, EVP_PKEY **out, struct why *why);
bool cert_key_is_p256(const EVP_PKEY *key);
/* SHA-256 of the public key info. */
int cert_key_fingerprint(EVP_PKEY *key, unsigned char out[32]);

#endif
