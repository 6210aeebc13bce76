/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's options: ids of agent.def for the calls of cse/base/conf.h. */
#ifndef AGENT_CONF_H
#define AGENT_CONF_H

#include "cse/base/conf.h"

enum agent_option {
#define CONF(id, section, name, type, def, min, max, reload, help) id,
#include "agent/agent.def"
#undef CONF
	AGENT_OPTIONS
};
extern const struct conf_table conf_agent;

#endif
