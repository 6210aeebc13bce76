/* SPDX-License-Identifier: Apache-2.0 */
/* schedule, TS-0004 7.4.9, TS-0001 9.6.9: when a subscription may notify, when a node can be reached. */
#include "cse/types/behaviour.h"

#include "cse/base/conf.h"
#include "cse/model/schedule.h"

/* TS-0001 table 9.6.8-1 gives the one of a subscription its name, so there is at most one. */
static enum rsc check_name(struct change *c)
{
	static const struct str name = { "notificationSchedule", 20 };

	if (c->parent->type->ty != TY_SUB)
		return RSC_NONE;
	if (c->rn.n && !str_eq(c->rn, name))
		return why_set(c->why, RSC_BAD_REQUEST, "resourceName (rn) of a subscription's schedule is notificationSchedule");
	c->rn = name;
	return RSC_NONE;
}

static enum rsc check(struct change *c)
{
	/* TS-0004 7.4.9.2.1, 7.4.9.2.3. */
	if (obj_get(c->asked, c->known->at[AT_SCH_NCO]) && c->parent->type->ty != TY_NOD)
		return why_set(c->why, RSC_CONTENTS_UNACCEPTABLE,
		               "networkCoordinated (nco) is only for the schedule of a node; leave it out");
	return schedule_check(c->arena, res_get(c->res, c->known->at[AT_SCH_SE]), conf_bool(c->conf, CONF_ACC_SIX), c->why);
}

static enum rsc create(struct change *c)
{
	enum rsc rsc = check_name(c);

	return rsc ? rsc : check(c);
}

const struct behaviour behaviour_sch = {
	.create = create,
	.update = check,
};
