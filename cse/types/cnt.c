/* SPDX-License-Identifier: Apache-2.0 */
/* container, TS-0004 7.4.6, TS-0001 9.6.6: how many instances it keeps, how many bytes, for how long, and whether they
 * may be read. */
#include "cse/types/behaviour.h"

#include "cse/base/check.h"

static int64_t age(const struct known *k, const struct res *r)
{
	uint64_t s = behaviour_uint(r, k->at[AT_CNT_MIA], UINT64_MAX);

	return s > INT64_MAX / 1000000 ? INT64_MAX : (int64_t)s * 1000000;
}

/* What is too many, too large or too old goes, the oldest first; an eviction belongs to what caused it. */
static void trim(struct change *c, const struct node *cnt, const struct res *res)
{
	uint64_t mni = behaviour_uint(res, c->known->at[AT_CNT_MNI], UINT64_MAX);
	uint64_t mbs = behaviour_uint(res, c->known->at[AT_CNT_MBS], UINT64_MAX);
	int64_t mia = age(c->known, res);

	if (mni != UINT64_MAX || mbs != UINT64_MAX || mia != INT64_MAX)
		store_trim(c->tx, cnt, mni, mbs, mia == INT64_MAX || !tx_expires(c->tx) ? INT64_MIN : tx_wall(c->tx) - mia);
}

/* disableRetrieval TRUE to FALSE removes what could not be read, without notifications: TS-0001 table 9.6.6-2. */
static void updated(struct change *c)
{
	const struct attr *disr = c->known->at[AT_CNT_DISR];

	if (behaviour_bool(c->old, disr) && !behaviour_bool(c->res, disr))
		store_clear(c->tx, c->node);
	else
		trim(c, c->node, c->res);
}

static void child_added(struct change *c)
{
	if (c->append)
		trim(c, c->parent, node_res(c->tx, c->parent));
}

static enum rsc instances_open(const struct known *k, const struct res *r, struct why *why)
{
	if (!behaviour_bool(r, k->at[AT_CNT_DISR]))
		return RSC_NONE;
	return why_set(why, RSC_OPERATION_NOT_ALLOWED,
	               "disableRetrieval (disr) of the container is true: its instances can be neither read nor deleted");
}

const struct behaviour behaviour_cnt = {
	.updated = updated,
	.child_added = child_added,
	.instances_open = instances_open,
	.instance_age = age,
};
