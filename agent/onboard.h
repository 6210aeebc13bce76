/* SPDX-License-Identifier: Apache-2.0 */
/* The command `enrol`: with a code of the CSE this device gets its key, its certificate, and knows whom to trust (security-model 2.1). */
#ifndef AGENT_ONBOARD_H
#define AGENT_ONBOARD_H

#include "agent/agent.h"

/* arg: a code, an URL troth-enrol://..., "-" (a line of standard input) or "@FILE"; a code alone is of the CSE of the configuration.
 * Turns the loop until it is done; on success the identity is in the state folder and has been used once, and a sentence about
 * it has been printed.  E_EXISTS: enrolled already. */
int onboard(struct agent *a, char *arg, struct why *why);

#endif
