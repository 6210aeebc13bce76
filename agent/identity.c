/* SPDX-License-Identifier: Apache-2.0 */
/* Who this device is. */
#include "agent/identity.h"

#include "agent/conf.h"
#include "cse/base/err.h"

int identity_open(struct agent *a, struct identity **out, struct why *why)
{
	(void)out;
	why_set(why, RSC_INTERNAL_SERVER_ERROR, "%s holds no identity: enrol this device with troth-agent enrol CODE",
	        conf_str(a->conf, AGENT_STATE));
	return E_ABSENT;
}

void identity_close(struct identity *id)
{
	REQUIRE(id == NULL);
}
