/* SPDX-License-Identifier: Apache-2.0 */
/* What the decision shares with its explanation and with registration. */
#ifndef SECURITY_AUTHZ_PRIV_H
#define SECURITY_AUTHZ_PRIV_H

#include "security/security_priv.h"

enum verdict { VERDICT_NO, VERDICT_YES, VERDICT_NONE };

/* One decision on its way. */
struct look {
	struct security *sec;
	struct tx *tx;
	const struct ask *q;
	struct acp_facts f;
	struct buf *trace; /* what was asked, for authz_explain; NULL: nobody wants to know */
};

/* Events name a resource by the type's prefix and the row id: a resourceID, but for AEs, whose AE-ID is nobody's business
 * here. */
#define EVENT_RI "%s-%u"
#define EVENT_RI_ARG(n) (n)->type->prefix, (n)->rid

/* By an address with a slash; NULL when nothing is there.  *remote: it names another CSE. */
const struct node *look_by_address(struct look *l, struct str id, bool *remote);

/* explain.c: lines of the trace.  rule: which one said yes, -1: none. */
void explain_policy(struct look *l, const struct node *acp, bool self, const struct acp *p, int rule);
void explain_missing(struct look *l, bool remote);
void explain_creator(struct look *l, bool custodian, bool yes);

/* register.c: App-ID and stem of an AE that registers; binds the stem in the tx. */
enum rsc stem_choose(struct security *sec, struct tx *tx, struct prim *p, const struct origin *o, struct str app_id,
                     struct str *out);

#endif
