/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of EST messages (RFC 7030) as the device writes and reads them: PKCS#10 out, certs-only PKCS#7 in, both in base64. */
#ifndef AGENT_EST_BODY_H
#define AGENT_EST_BODY_H

#include <openssl/x509.h>

#include "cse/base/buf.h"
#include "cse/model/rsc.h"

enum { EST_ANSWER_MAX = 65536, EST_ANSWER_CERTS = 32 };

/* A request for a certificate of `key`, signed with it (4.2.1), that carries `challenge` (3.5: proof that it belongs to this
 * session); subject NULL: empty.  E_CRYPTO. */
int est_request(EVP_PKEY *key, const X509_NAME *subject, const char *challenge, struct buf *out);
/* The certificates of a certs-only answer (4.1.3, 4.2.3), at least one; the caller frees them.  E_LIMIT, E_SYNTAX. */
int est_certs(struct str body, STACK_OF(X509) **out, struct why *why);

#endif
