/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group, TS-0004 7.4.13, TS-0001 9.6.13.  What the members are was found by core/members.c; here is what follows: members
 * that do not fit go, or the group, or its memberType.
 */
#include "cse/types/behaviour.h"

#include "cse/model/stamp.h"

enum { MT_MIXED = 0, CSY_ABANDON_MEMBER = 1, CSY_ABANDON_GROUP, CSY_SET_MIXED };

static int64_t number(const struct change *c, enum known_attr at, int64_t absent)
{
	const struct val *v = res_get(c->res, c->known->at[at]);

	return v && v->kind == K_ENUM ? v->i : absent;
}

static void put(struct change *c, enum known_attr at, struct val v)
{
	*obj_put(c->arena, &c->res->o, c->known->at[at]) = v;
}

/* batchNotify: at least one of its members, and both say something. */
static enum rsc check_aggregation(struct change *c)
{
	const struct val *nar = res_get(c->res, c->known->at[AT_GRP_NAR]), *num, *dur;
	int64_t us = 0;

	if (!nar || nar->kind != K_OBJ)
		return RSC_NONE;
	num = obj_find(nar->o, "num");
	dur = obj_find(nar->o, "dur");
	if ((num || dur) && !(num && num->u == 0) && !(dur && (stamp_duration(dur->s, &us) != 0 || us <= 0)))
		return RSC_NONE;
	return why_set(c->why, RSC_BAD_REQUEST,
	               "notifyAggregation (nar) must hold a number (num) of at least 1, a duration (dur) above zero, or both");
}

/* specializationType goes with mgmtObj (mgd) and flexContainer (cnd) only. */
static enum rsc check_specialization(struct change *c)
{
	const struct val *spty = res_get(c->res, c->known->at[AT_GRP_SPTY]);
	int64_t mt = number(c, AT_GRP_MT, MT_MIXED);
	const char *member = mt == TY_MGO ? "mgd" : mt == TY_FCNT ? "cnd" : NULL;

	if (!spty || (member && spty->kind == K_OBJ && spty->o->n == 1 && obj_find(spty->o, member)))
		return RSC_NONE;
	return why_set(c->why, RSC_BAD_REQUEST,
	               "specializationType (spty) needs memberType (mt) 13 with mgd, or 28 with cnd, and nothing else");
}

static struct val fitting(struct change *c)
{
	const struct members *m = c->members;
	struct val list = val_list(c->arena, m->mid.list.n - m->n_other);

	list.list.n = 0;
	for (size_t i = 0; i < m->mid.list.n; i++)
		if (m->fit[i] != MEMBER_OTHER)
			list.list.v[list.list.n++] = m->mid.list.v[i];
	return list;
}

/* memberIDs, currentNrOfMembers and memberTypeValidated, and what consistencyStrategy asks for. */
static enum rsc settle(struct change *c)
{
	const struct members *m = c->members;
	struct val mid = m->mid;
	bool valid = m->n_unreachable == 0;

	if (m->n_other) {
		switch (number(c, AT_GRP_CSY, CSY_ABANDON_MEMBER)) {
		case CSY_ABANDON_GROUP:
			return why_set(c->why, RSC_GROUP_MEMBER_TYPE_INCONSISTENT,
			               "memberIDs (mid): %zu are not of the memberType (mt), and consistencyStrategy (csy) is ABANDON_GROUP",
			               m->n_other);
		case CSY_SET_MIXED:
			put(c, AT_GRP_MT, val_enum(MT_MIXED));
			obj_del(&c->res->o, c->known->at[AT_GRP_SPTY]);
			put(c, AT_GRP_MTV, val_bool(true));
			break;
		default:
			mid = fitting(c);
			break;
		}
	}
	put(c, AT_GRP_MID, mid);
	put(c, AT_GRP_CNM, val_uint(mid.list.n));
	if (number(c, AT_GRP_MT, MT_MIXED) != MT_MIXED)
		put(c, AT_GRP_MTV, val_bool(valid));
	return RSC_NONE;
}

static enum rsc create(struct change *c)
{
	enum rsc rsc;

	if ((rsc = check_aggregation(c)) || (rsc = check_specialization(c)))
		return rsc;
	put(c, AT_GRP_MT, val_enum(number(c, AT_GRP_MT, MT_MIXED)));
	put(c, AT_GRP_CSY, val_enum(number(c, AT_GRP_CSY, CSY_ABANDON_MEMBER)));
	return settle(c);
}

static enum rsc update(struct change *c)
{
	enum rsc rsc = check_aggregation(c);

	return rsc || !c->members ? rsc : settle(c);
}

const struct behaviour behaviour_grp = {
	.create = create,
	.update = update,
};
