/* SPDX-License-Identifier: Apache-2.0 */
/* What the decision shares with its explanation and with registration. */
#ifndef SECURITY_AUTHZ_PRIV_H
#define SECURITY_AUTHZ_PRIV_H

#include "security/security_priv.h"

enum verdict { VERDICT_NO, VERDICT_YES, VERDICT_NONE };

/* What has been looked at of groups in one decision. */
struct group_look {
	struct str names[8];   /* of the originator, as members may be written; those behind n_entity are paths of its <AE> */
	unsigned n_names, n_entity;
	uint64_t lengths;      /* of the names, as bits */
	int64_t since;         /* ct of the <AE> */
	size_t members, looked;
};

/* One decision on its way. */
struct look {
	struct security *sec;
	struct tx *tx;
	const struct ask *q;
	struct acp_facts f;
	const struct node *acp;   /* the policy that is asked */
	struct group_look groups;
	struct buf *trace; /* what was asked, for authz_explain; NULL: nobody wants to know */
};

/* Events name a resource by the type's prefix and the row id: a resourceID, but for AEs, whose AE-ID is nobody's business
 * here. */
#define EVENT_RI "%s-%u"
#define EVENT_RI_ARG(n) (n)->type->prefix, (n)->rid

/* By an address with a slash; NULL when nothing is there.  *remote: it names another CSE. */
const struct node *look_by_address(struct look *l, struct str id, bool *remote);

/* groups.c: is the originator of the look `arg` in that group?  For acp_facts.in_group. */
enum acp_member authz_in_group(void *arg, struct str id, bool only_read);

/* explain.c: lines of the trace.  rule: which one said yes, -1: none. */
void explain_policy(struct look *l, const struct node *acp, bool self, const struct acp *p, int rule);
void explain_missing(struct look *l, bool remote);
void explain_creator(struct look *l, bool custodian, bool yes);

/* register.c: App-ID and stem of an AE that registers; binds the stem in the tx. */
enum rsc stem_choose(struct security *sec, struct tx *tx, struct prim *p, const struct origin *o, struct str app_id,
                     struct str *out);

#endif
