/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom this CSE may call (security-model 3.4): the administrator's list of targets, the addresses that may be connected to,
 * and which names belong to one credential.  Whether a URL is a point of access of somebody is core's to find out.
 */
#ifndef SECURITY_TARGET_H
#define SECURITY_TARGET_H

#include "security/security.h"

/* Forms of the options' elements: "https://host:port identity" (identity: an AE-ID stem, a CSE-ID, or a host name or address
 * that the certificate must carry), and "prefix" or "prefix zone=N". */
bool target_is_listing(struct str s);
bool target_is_prefix(struct str s);

/* The identity that notify.allowed_targets expects at this URL's authority; false when it is not listed.  In the arena. */
bool target_listed(struct security *sec, struct arena *a, struct str scheme, struct str host, uint16_t port, struct str *identity);
/*
 * May a zone's notifications be sent to this address?  Loopback, link-local and own addresses only where notify.allowed_prefixes
 * names them; unspecified, multicast and broadcast ones never; a zone with prefixes of its own to those only.
 */
bool target_address_allowed(struct security *sec, uint16_t zone, const struct ipaddr *ip, bool own);

/* Changes whenever a credential, a conduit or one of these rules does: what was found out before holds no longer. */
uint64_t security_epoch(const struct security *sec);
/* AE-ID stems that are bound to a credential, newest first, at most max, in the arena. */
struct strs cred_stems(struct security *sec, struct arena *a, struct str cred_id, size_t max);

#endif
