/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that are pending, by credential, originator and request identifier (security-model 4.1, TS-0001 7.1.7).  While one is
 * pending another of the same identifier is rejected; with other content it is a replay: a strike.  A request is pending from its
 * arrival until its answer has left; when its channel ends before that, until its life ends (requestExpirationTimestamp, else
 * cse.request_deadline; ten minutes at most): then the same content gets the answer that was lost.  Afterwards the identifier is
 * free, as TS-0001 7.1.7 demands.  RETRIEVEs are left out: they change nothing and may be judged anew each time.
 *
 * In memory: a restart forgets.  What was pending then has no answer that anybody waits for, and TLS lets nobody but the credential
 * itself repeat anything.
 */
#ifndef CORE_REPLAY_H
#define CORE_REPLAY_H

#include "cse/core/steps.h"

struct replays;
struct replays *replays_new(struct rnd *rnd);
void replays_free(struct replays *rs);
/* Once a second: answers whose life is over are forgotten. */
void replays_tick(struct gate *g);

/* The step behind "origin". */
enum step_result replay_check(struct request *r);
/* Its channel is gone while its change is being stored.  Now, while all that r->resp borrows from is there (what the binding has
 * read, too), it is set aside. */
void replay_lost(struct request *r);
/* The request is over.  lost: what it changed is durable, and nobody has got its answer: what replay_lost has set aside is kept
 * for who asks again. */
void replay_end(struct request *r, bool lost);

#endif
