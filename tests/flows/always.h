/* SPDX-License-Identifier: Apache-2.0 */
/* What statements share that needs no world: options of actors, names with values, codes, and what holds for every answer. */
#ifndef FLOWS_ALWAYS_H
#define FLOWS_ALWAYS_H

#include <stddef.h>

#include "tests/flows/way.h"

/* "zone=2", "random", ... of device and gateway; 0, or -1 and a sentence. */
int actor_option(struct actor *a, const char *tok, struct fail *f);
/* "NAME = VALUE". */
bool name_and_value(const char *rest, char name[64], const char **value);
/* "4103" or "4103/4004": is this one of them? */
bool code_is_allowed(const char *codes, size_t n, long rsc);
/* Judges an answer without being asked; 0, or -1 and a sentence. */
int always_judge(const json_t *asked, const struct answer *last, struct fail *f);

#endif
