/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's connections to its CSE. */
#include "agent/upstream.h"

#include "cse/base/err.h"

int upstream_open(struct agent *a, struct upstream **out, struct why *why)
{
	(void)a, (void)out;
	why_set(why, RSC_INTERNAL_SERVER_ERROR, "there is no way to the CSE before the device is enrolled");
	return E_CLOSED;
}

void upstream_close(struct upstream *u)
{
	REQUIRE(u == NULL);
}
