/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's policy (security-model 3.5), the other end of access control: on whose behalf local clients may ask, what may leave
 * this device, and which notifications are taken.  By default: the names of the device's certificate and those that the CSE gave
 * its clients, any resource, and the notifications of subscriptions that were made through this agent.
 */
#ifndef AGENT_POLICY_H
#define AGENT_POLICY_H

#include "agent/agent.h"
#include "cse/model/prim.h"

/* Of a->conf; needs a->identity (may be NULL: no name is known) and a->book when asked.  E_CONF with a sentence: a pattern that is none. */
int policy_open(struct agent *a, struct policy **out, struct why *why);
void policy_close(struct policy *p);

/* A request of a local client as far as the policy looks at it; slices of the message. */
struct policy_request {
	unsigned op;       /* OP_CREATE .. OP_NOTIFY */
	unsigned ty;       /* of CREATE; 0: not given */
	struct str from;   /* as sent; empty: none */
	struct str to;     /* as the parameter To: "cse-in/x", "/id-in/x", "//sp/id-in/x" */
};
/* RSC_NONE; ORIGINATOR_NOT_AUTHENTICATED: not a name of this device (the CSE would count it as an attack);
 * ORIGINATOR_HAS_NO_PRIVILEGE: may not leave.  With a sentence. */
enum rsc policy_leaves(const struct policy *p, const struct policy_request *r, struct why *why);

/* A notification of the CSE. */
struct policy_notice {
	struct str sur;    /* subscription, as sent; empty: none named */
	struct str root;   /* root element of the representation ("m2m:cin"), or of what is no single notification ("m2m:agn"); empty: none */
	size_t bytes;      /* of content */
	bool own;          /* a subscription of our own asked for it (book) */
};
enum rsc policy_takes(const struct policy *p, const struct policy_notice *n, struct why *why);

/* Is it a name of this device, in any form (its certificate's, or one that the CSE gave a local client)? */
bool policy_is_own(const struct policy *p, struct str name);

/* A browser's origin that may use the port (agent.origins)? */
bool policy_origin(const struct policy *p, struct str origin);

/* --- parts, for tests and fuzz targets --------------------------------------------------------------------------------- */

enum { POLICY_PATTERNS = 64, POLICY_PATTERN_BYTES = 1024 };
/* Is it a pattern: an address in any form, the same with a last element "*" for it and all below it, "*" alone for all? */
bool policy_is_pattern(struct str s);
/* Does the address match?  CSE-relative ones are of `self`; percent-encoding has gone before.  "-" is the CSEBase's name. */
bool policy_matches(struct str pattern, struct str address, const struct addr_self *self);

#endif
