/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CSE's way in: an HTTPS port that takes notifications from the CSE that the device enrolled at and nobody else, and brings them
 * to the local client's own plaintext URL, when a process of the agent's own user listens there.
 */
#ifndef AGENT_NOTICE_H
#define AGENT_NOTICE_H

#include "agent/agent.h"

/* *out is NULL when agent.notify_listen is empty: a device behind NAT uses a polling channel.  Before door_open, which must know under which
 * name the agent is reached.  E_CONF or E_SYS with a sentence. */
int notice_open(struct agent *a, struct notice **out, struct why *why);
void notice_close(struct notice *n);
/* "host:port" as the CSE shall call it; empty when n is NULL. */
struct str notice_authority(const struct notice *n);
unsigned notice_port(const struct notice *n);
/* Whom the device trusts has changed: connections of who is the CSE no more end. */
void notice_renew(struct notice *n);

#endif
