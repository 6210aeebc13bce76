/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subscription, TS-0004 7.4.8, TS-0001 9.6.8: whatever would be stored without effect is refused.  Who may be notified, and
 * whether he wants it, is core/verify.c's.
 */
#include "cse/types/behaviour.h"

#include "cse/base/conf.h"
#include "cse/model/enc.h"
#include "cse/model/stamp.h"

enum { SUB_TARGETS = 64, SUB_NETS = 5, SUB_MONITORS = 32 };
#define SUB_LONGEST_US (INT64_C(366) * 86400 * 1000000)

static enum rsc bad(struct change *c, const char *text)
{
	return why_set(c->why, RSC_BAD_REQUEST, "%s", text);
}

static const struct val *get(const struct change *c, enum known_attr id)
{
	return res_get(c->res, c->known->at[id]);
}

static const struct obj *enc_of(const struct res *r, const struct known *k)
{
	const struct val *v = res_get(r, k->at[AT_SUB_ENC]);

	return v && v->kind == K_OBJ ? v->o : NULL;
}

/* --- what no clause here gives an effect ----------------------------------------------------------------------------- */

static enum rsc check_unsupported(struct change *c)
{
	static const struct {
		enum known_attr id;
		const char *why;
	} rows[] = {
		{ AT_SUB_ACRS, "associatedCrossResourceSub (acrs) is set by the host of a crossResourceSubscription, which this CSE does not have" },
		{ AT_SUB_EENO, "enableEventNotificationOriginator (eeno) is not supported by this CSE" },
		{ AT_SUB_PSN, "preSubscriptionNotify (psn) is not supported by this CSE: events before the subscription are not kept (TS-0004 7.5.1.2.2)" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (obj_get(c->asked, c->known->at[rows[i].id]))
			return why_set(c->why, RSC_NOT_IMPLEMENTED, "%s", rows[i].why);
	return RSC_NONE;
}

/* --- eventNotificationCriteria ---------------------------------------------------------------------------------------- */

static enum rsc check_nets(struct change *c, const struct enc *e)
{
	if (e->n_net > SUB_NETS)
		return bad(c, "notificationEventType (net) may name at most 5 event types");
	if (e->n_net && e->om)
		return bad(c, "notificationEventType (net) and operationMonitor (om) exclude each other; make two subscriptions");
	if (enc_has_net(e, NET_MISSING) || e->md)
		return bad(c, "notificationEventType (net) 8 and missingData (md) are for a timeSeries only");
	if (enc_has_net(e, NET_TRIGGER) && c->parent->type->ty != TY_AE)
		return bad(c, "notificationEventType (net) 6 is for an AE only");
	if (enc_has_net(e, NET_TRIGGER))
		return why_set(c->why, RSC_NOT_IMPLEMENTED,
		               "notificationEventType (net) 6 is not supported: this CSE takes no triggers of an underlying network");
	if (enc_has_net(e, NET_RETRIEVE_CHILDLESS) && c->parent->type->ty != TY_CNT)
		return bad(c, "notificationEventType (net) 5 is for a container only");
	if (enc_has_net(e, NET_BLOCKING) && e->nets != 1u << NET_BLOCKING)
		return bad(c, "notificationEventType (net) 7 may not be combined with another event type");
	if (e->fo_other)
		return bad(c, "filterOperation (fo) of a subscription is 1 (AND) or 2 (OR)");
	return RSC_NONE;
}

static enum rsc check_lists(struct change *c, const struct enc *e)
{
	for (size_t i = 0; e->chty && i < e->chty->list.n; i++)
		if (!type_may_have_child(c->parent->type, (unsigned)e->chty->list.v[i].i))
			return why_set(c->why, RSC_BAD_REQUEST, "childResourceType (chty): type %u is never a child of %s",
			               (unsigned)e->chty->list.v[i].i, c->parent->type->ln);
	for (size_t i = 0; e->atr && i < e->atr->list.n; i++) {
		const struct attr *at = type_attr(c->parent->type, e->atr->list.v[i].s);

		if (!at || (at->flags & AF_HIDDEN))
			return why_set(c->why, RSC_BAD_REQUEST, "attribute (atr): entry %zu is no attribute of %s", i + 1,
			               c->parent->type->ln);
	}
	return RSC_NONE;
}

static enum rsc check_monitors(struct change *c, const struct enc *e)
{
	size_t n = e->om ? e->om->list.n : 0;

	if (n > SUB_MONITORS)
		return bad(c, "operationMonitor (om) may have at most 32 entries");
	for (size_t i = 0; i < n; i++) {
		const struct val *ops = obj_find(e->om->list.v[i].o, "ops"), *or = obj_find(e->om->list.v[i].o, "or");
		struct str form;

		if (!ops && !or)
			return bad(c, "operationMonitor (om): an entry needs operations (ops) or originator (or)");
		if (ops && ops->u == 0)
			return bad(c, "operationMonitor (om): operations (ops) must name at least one operation");
		if (or && addr_entity(c->arena, or->s, c->self, &form, c->why))
			return c->why->rsc;
	}
	return RSC_NONE;
}

/* --- notificationContentType, TS-0001 table 9.6.8-4 -------------------------------------------------------------------- */

static unsigned allowed_contents(const struct enc *e)
{
	unsigned all = 1u << NCT_ALL | 1u << NCT_MODIFIED | 1u << NCT_ID;

	if (enc_has_net(e, NET_BLOCKING))
		return 1u << NCT_MODIFIED;
	/* An attempt that is watched modifies nothing. */
	return e->nets == 1u << NET_UPDATE ? all : all & ~(1u << NCT_MODIFIED);
}

static enum rsc check_content(struct change *c, const struct enc *e)
{
	const struct attr *at = c->known->at[AT_SUB_NCT];
	const struct val *nct = res_get(c->res, at);
	unsigned allowed = allowed_contents(e);

	if (!nct)
		*obj_add(c->arena, &c->res->o, at) = val_enum(enc_has_net(e, NET_BLOCKING) ? NCT_MODIFIED : NCT_ALL);
	else if (nct->i < 0 || nct->i > 31 || !(allowed >> nct->i & 1))
		return why_set(c->why, RSC_BAD_REQUEST, "notificationContentType (nct) %d does not go with these event types (net)",
		               (int)nct->i);
	return RSC_NONE;
}

/* --- blocking update --------------------------------------------------------------------------------------------------- */

static enum rsc check_blocking(struct change *c, const struct enc *e)
{
	const struct val *nu = get(c, AT_SUB_NU);
	const struct type *t = c->res->type;

	if (e->has || e->chty || e->om || e->md)
		return bad(c, "notificationEventType (net) 7 goes with attribute (atr) as the only other criterion");
	for (const struct attr *at = t->attrs; at->sn; at++)
		if (at != c->known->at[AT_SUB_ENC] && at != c->known->at[AT_SUB_NU] && obj_get(c->asked, at))
			return why_set(c->why, RSC_BAD_REQUEST, "notificationEventType (net) 7 does not go with %s (%s)", at->ln, at->sn);
	if (nu->list.n != 1)
		return bad(c, "notificationEventType (net) 7 needs exactly one target in notificationURI (nu)");
	if (str_index(nu->list.v[0].s, ':') != nu->list.v[0].s.n)
		return bad(c, "notificationEventType (net) 7 needs an identifier as target (nu), not a URL");
	return RSC_NONE;
}

/* TS-0004 7.4.8.2.1: one that blocks is enough. */
static enum rsc check_alone(struct change *c)
{
	const struct subs *l = c->parent->subs;

	for (uint32_t i = 0; l && i < l->n; i++) {
		struct enc e;

		enc_read(enc_of(l->v[i].res, c->known), &e);
		if (enc_has_net(&e, NET_BLOCKING))
			return why_set(c->why, RSC_BLOCKING_SUBSCRIPTION_ALREADY_EXISTS,
			               "the resource has a subscription with notificationEventType (net) 7 already");
	}
	return RSC_NONE;
}

/* --- policies ---------------------------------------------------------------------------------------------------------- */

static bool is_span(struct str s)
{
	int64_t us;

	return stamp_duration(s, &us) == 0 && us > 0 && us <= SUB_LONGEST_US;
}

/* TS-0004 7.4.8.2.1: a batch without a duration gets the provider's. */
static enum rsc check_batch(struct change *c)
{
	const struct attr *at = c->known->at[AT_SUB_BN];
	const struct val *bn = res_get(c->res, at), *num, *dur;
	int64_t ms = conf_num(c->conf, CONF_NTF_BATCH);
	struct obj *o;

	if (!bn || bn->kind != K_OBJ)
		return RSC_NONE;
	num = obj_find(bn->o, "num");
	dur = obj_find(bn->o, "dur");
	if (num && num->u == 0)
		return bad(c, "batchNotify (bn): number (num) must be at least 1");
	if (dur && !is_span(dur->s))
		return bad(c, "batchNotify (bn): duration (dur) must be more than nothing and at most a year");
	if (dur)
		return RSC_NONE;
	o = val_copy(c->arena, bn).o;
	*obj_add(c->arena, o, complex_attr(at->of, STR("dur"))) =
	    val_str(K_DURATION, ms % 1000 ? arena_printf(c->arena, "PT%lld.%03lldS", (long long)(ms / 1000), (long long)(ms % 1000))
	                                  : arena_printf(c->arena, "PT%lldS", (long long)(ms / 1000)));
	*obj_put(c->arena, &c->res->o, at) = val_obj(o);
	return RSC_NONE;
}

static enum rsc check_rate(struct change *c)
{
	const struct val *rl = get(c, AT_SUB_RL), *mnn, *tww;

	if (!rl || rl->kind != K_OBJ)
		return RSC_NONE;
	mnn = obj_find(rl->o, "mnn");
	tww = obj_find(rl->o, "tww");
	if (!mnn || mnn->u == 0)
		return bad(c, "rateLimit (rl) needs maxNrOfNotify (mnn) of at least 1");
	if (!tww || !is_span(tww->s))
		return bad(c, "rateLimit (rl) needs timeWindow (tww), a duration of at most a year");
	return RSC_NONE;
}

static enum rsc check_targets(struct change *c)
{
	const struct val *nu = get(c, AT_SUB_NU);

	if (!nu || nu->kind != K_LIST || nu->list.n == 0)
		return bad(c, "notificationURI (nu) must name at least one target");
	if (nu->list.n > SUB_TARGETS)
		return bad(c, "notificationURI (nu) may name at most 64 targets");
	return RSC_NONE;
}

static enum rsc check_group(struct change *c)
{
	const struct val *gpi = get(c, AT_SUB_GPI);
	struct addr ad;

	return gpi ? addr_parse(c->arena, gpi->s, &ad, c->why) : RSC_NONE;
}

static enum rsc check(struct change *c, const struct enc *e)
{
	enum rsc rsc;

	if ((rsc = check_unsupported(c)) || (rsc = check_targets(c)) || (rsc = check_nets(c, e)) ||
	    (rsc = check_lists(c, e)))
		return rsc;
	if (enc_has_net(e, NET_BLOCKING) && (rsc = check_blocking(c, e)))
		return rsc;
	if ((rsc = check_content(c, e)) || (rsc = check_batch(c)) || (rsc = check_rate(c)) || (rsc = check_group(c)))
		return rsc;
	return check_monitors(c, e);
}

static enum rsc create(struct change *c)
{
	struct enc e;
	enum rsc rsc;

	enc_read(enc_of(c->res, c->known), &e);
	if ((rsc = check(c, &e)))
		return rsc;
	return enc_has_net(&e, NET_BLOCKING) ? check_alone(c) : RSC_NONE;
}

static enum rsc update(struct change *c)
{
	const struct val *asked = obj_get(c->asked, c->known->at[AT_SUB_ENC]);
	struct enc e;

	enc_read(asked && asked->kind == K_OBJ ? asked->o : NULL, &e);
	if (enc_has_net(&e, NET_BLOCKING))
		return bad(c, "notificationEventType (net) 7 cannot be set by UPDATE; make a new subscription");
	enc_read(enc_of(c->res, c->known), &e);
	return check(c, &e);
}

const struct behaviour behaviour_sub = {
	.create = create,
	.update = update,
};
