/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local clients' way in: HTTP/1.1 on loopback addresses and on an AF_UNIX socket, for processes of the agent's own user only
 * (security-model 3.2).  Each request is judged by the policy, its points of access are rewritten, and it is carried by the upstream.
 */
#ifndef AGENT_DOOR_H
#define AGENT_DOOR_H

#include "agent/agent.h"

/* Are the options such that door_open could listen?  E_CONF with a sentence. */
int door_check(const struct conf *c, struct why *why);
/* Listens; answers from the next turn of a->loop on.  a->identity, a->upstream, a->policy and a->book stand before and last longer.
 * E_CONF or E_SYS with a sentence. */
int door_open(struct agent *a, struct door **out, struct why *why);
/* Takes no more connections, ends those that carry nothing; true: requests are under way still.  May be asked again. */
bool door_end(struct door *d);
void door_close(struct door *d);
/* a->conf has changed. */
void door_reload(struct door *d);
/* The port of the first address: the kernel's choice when 0 was asked for. */
unsigned door_port(const struct door *d);
struct rewrite;
/* How points of access are rewritten here; lives as long as the door. */
struct rewrite *door_rewrite(struct door *d);
/* Was that request identifier sent lately with a response type whose answer comes as a notification? */
bool door_asked(const struct door *d, struct str rqi);

#endif
