/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How `troth-agent status` and `renew` speak to the agent that runs: an AF_UNIX socket in its state folder, for its own user and
 * root; one line in ("status", "renew"), one text out.
 */
#ifndef AGENT_CONTROL_H
#define AGENT_CONTROL_H

#include <stdio.h>

#include "agent/agent.h"
#include "cse/base/buf.h"

struct control;
int control_open(struct agent *a, struct control **out, struct why *why);
void control_close(struct control *k);

/* Asks the agent that runs on that state folder and prints its answer.  *good: nothing is wrong.  E_ABSENT: none runs. */
int control_ask(const char *dir, const char *line, FILE *out, bool *good, struct why *why);
/* What `status` says, of an opened identity; true: nothing is wrong. */
bool control_status(const struct agent *a, struct buf *out);

#endif
