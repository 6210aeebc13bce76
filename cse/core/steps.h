/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a request; steps.c has the table.  Each returns what comes next; a refusal is in prim.why. */
#ifndef CORE_STEPS_H
#define CORE_STEPS_H

#include "cse/core/gate_priv.h"

/* Runs from the first step until the request is answered or waits. */
void steps_run(struct request *r);
/* Answers prim.why now. */
void steps_refuse(struct request *r);
/* For gate_answer_constant. */
void steps_answer_constant(struct request *r);

/* Fills g->refused (check.c). */
void check_init(struct gate *g);
/* Reads releaseVersionIndicator, so that the answer carries it. */
enum rsc check_release(struct request *r);
bool check_is_event_category(uint64_t ec);
enum step_result check_primitive(struct request *r);   /* check.c */
enum step_result check_origin(struct request *r);
enum step_result route_target(struct request *r);      /* route.c */
enum step_result route_time(struct request *r);        /* steps.c: operationExecutionTime */
enum step_result resolve_target(struct request *r);    /* resolve.c */
enum step_result resolve_zone(struct request *r);
enum step_result gid_check(struct request *r);         /* gid.c */
enum step_result access_decide(struct request *r);     /* access.c */
/* What a request to a fanOutPoint asks of its policies. */
unsigned access_fanout_acop(const struct request *r);
enum step_result validate_content(struct request *r);  /* validate.c */
enum step_result proc_run(struct request *r);          /* proc.c */
/* When an instance that was made at ct ends by its container's rules, whatever it asked for itself. In r->tx. */
int64_t proc_inst_end(const struct request *r, const struct node *cnt, int64_t ct);
enum step_result commit_changes(struct request *r);    /* steps.c */
enum step_result result_make(struct request *r);       /* result.c */

#endif
