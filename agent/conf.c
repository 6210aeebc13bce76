/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the agent's options. */
#include "agent/conf.h"

static const struct conf_row rows[] = {
#define CONF(id, section, name, type, def, min, max, reload, help) \
	[id] = { section, name, def, help, NULL, type, min, max, reload },
#define CONF_CHOICE(id, section, name, def, choices, reload, help) \
	[id] = { section, name, def, help, choices, CONF_T_STR, 0, 0, reload },
#include "agent/agent.def"
#undef CONF
};

const struct conf_table conf_agent = { rows, AGENT_OPTIONS, "troth-agent", "troth-agent.conf", "TROTH_AGENT_" };
