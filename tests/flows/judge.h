/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions of the flow language on an answer: "cnt.mni == 10", "cnt.lbl has red", "pc absent". */
#ifndef FLOWS_JUDGE_H
#define FLOWS_JUDGE_H

#include "tests/flows/relaxed.h"

/* What a path leads to in a response primitive (borrowed), or NULL when it leads nowhere.  The first name is a response
 * parameter (pc, rsc, rqi, rvi, vsi, to, fr, ot, rset, ec, cnst, cnot; of a notification also op, rqet, oet) or stands for pc.m2m:<name>.  [2], [-1] and
 * [nm=app1] choose from lists.  *bad is set when the path is no path. */
json_t *judge_find(json_t *answer, const char *path, bool *bad);
/* One condition; 0 when it holds, else -1 and a sentence that says what was expected and what came. */
int judge_condition(json_t *answer, const char *cond, const struct scope *sc, struct fail *f);
/* "left OP right" of two values. */
int judge_values(const char *text, const struct scope *sc, struct fail *f);
/* Only the form of a condition. */
int judge_form(const char *cond, const struct scope *sc, struct fail *f);
/* Equal values; 1 and 1.0 are equal. */
bool judge_equal(const json_t *a, const json_t *b);

#endif
