/* SPDX-License-Identifier: Apache-2.0 */
/* memberIDs of a <group>: are they what the group says they are?  Asked with the originator's own rights, in slices. */
#ifndef CORE_MEMBERS_H
#define CORE_MEMBERS_H

#include "cse/core/steps.h"

/*
 * The memberIDs that a CREATE or UPDATE of a group (r->ti) gives, in r->tx; nothing when it gives none.  TS-0004 7.4.13.2.
 * MAX_NUMBER_OF_MEMBER_EXCEEDED; BAD_REQUEST for what is no address; RECEIVER_HAS_NO_PRIVILEGE for what is absent, of
 * another zone or not readable: told alike, security-model 4.3.  STEP_WAIT between slices.
 */
enum step_result members_check(struct request *r);
/* What it found, complete; NULL when no memberIDs were given. */
const struct members *members_of(const struct request *r);
/*
 * The same for the group whose content stands in r->prim.pc.res, long after it was given, with the rights of its owner (absolute;
 * empty: nobody): what cannot be read now is unreachable.  Then slices, each in an r->tx of its own, until members_some says
 * that all is done: then members_of, unless r->prim.why tells of a member that is no address.
 */
void members_begin(struct request *r, struct str owner);
bool members_some(struct request *r);
/* What it holds outside the request's arena. */
void members_free(struct request *r);
/* The address in the form in which equal ones are equal bytes: local ones CSE-relative with the CSEBase's name. */
struct str members_canonical(struct arena *a, const struct addr *ad, struct str text, const struct addr_self *self);

#endif
