/* SPDX-License-Identifier: Apache-2.0 */
/* Validity of a request primitive, before anything of the tree is looked at.  TS-0004 7.3.2.1, table 7.2.1.1-1. */
#include "cse/core/steps.h"

#include "cse/base/clock.h"
#include "cse/base/loop.h"
#include "cse/core/filter.h"
#include "cse/model/stamp.h"

#define ON(op) (1u << (op))
enum {
	ON_C = ON(OP_CREATE),
	ON_R = ON(OP_RETRIEVE),
	ON_U = ON(OP_UPDATE),
	ON_D = ON(OP_DELETE),
	ON_N = ON(OP_NOTIFY),
	ON_ALL = ON_C | ON_R | ON_U | ON_D | ON_N
};

static const char *const op_names[] = { "", "CREATE", "RETRIEVE", "UPDATE", "DELETE", "NOTIFY" };

/* Operations that a parameter may accompany; a parameter that is not listed may accompany all. */
static const struct {
	enum param id;
	unsigned on;
} places[] = {
	{ P_TY, ON_C },
	{ P_PC, ON_ALL & ~ON_D },
	{ P_RP, ON_ALL & ~ON_N },
	{ P_RCN, ON_ALL & ~ON_N },
	{ P_FC, ON_R | ON_U | ON_D },
	{ P_DRT, ON_R },
	{ P_GRTM, ON_ALL & ~ON_N },
	{ P_ASI, ON_ALL & ~ON_N },
	{ P_AUS, ON_ALL & ~ON_N },
	{ P_AURI, ON_ALL & ~ON_N },
	{ P_SQI, ON_R },
};

/* Parameters of features that this CSE does not have yet: roles, tokens, signatures. */
static const enum param unsupported[] = { P_RIDS, P_TKNS, P_TIDS, P_LTIDS, P_AUS };

/* Result contents by operation, TS-0001 table 8.1.2-1, and the default. */
static const struct {
	unsigned valid, by_default;
} contents[] = {
	[OP_CREATE] = { ON(RCN_NOTHING) | ON(RCN_ATTRS) | ON(RCN_ADDR) | ON(RCN_ADDR_ATTRS) | ON(RCN_MODIFIED), RCN_ATTRS },
	[OP_RETRIEVE] = { ON(RCN_ATTRS) | ON(RCN_ATTRS_CHILDREN) | ON(RCN_ATTRS_REFS) | ON(RCN_REFS) | ON(RCN_ORIGINAL) |
	                  ON(RCN_CHILDREN) | ON(RCN_SEMANTIC), RCN_ATTRS },
	[OP_UPDATE] = { ON(RCN_NOTHING) | ON(RCN_ATTRS) | ON(RCN_MODIFIED), RCN_ATTRS },
	[OP_DELETE] = { ON(RCN_NOTHING) | ON(RCN_ATTRS) | ON(RCN_ATTRS_CHILDREN) | ON(RCN_ATTRS_REFS) | ON(RCN_REFS) |
	                ON(RCN_CHILDREN), RCN_NOTHING },
	[OP_NOTIFY] = { ON(RCN_NOTHING), RCN_NOTHING },
};

enum rsc check_release(struct request *r)
{
	static const struct {
		struct str text;
		enum rvi rvi;
	} releases[] = { { { "3", 1 }, RVI_3 }, { { "1", 1 }, RVI_1 }, { { "2", 1 }, RVI_2 },
		             { { "2a", 2 }, RVI_2A }, { { "4", 1 }, RVI_4 }, { { "5", 1 }, RVI_5 } };
	struct prim *p = &r->prim;

	p->rvi = RVI_1;
	/* A text that is no release is kept, though the parameter does not count as given. */
	if (!prim_has(p, P_RVI) && p->rvi_text.n == 0)
		return RSC_NONE;
	for (size_t i = 0; i < ARRAY_LEN(releases); i++) {
		if (str_eq(p->rvi_text, releases[i].text)) {
			p->rvi = releases[i].rvi;
			return RSC_NONE;
		}
	}
	p->rvi = RVI_3;
	p->rvi_text = STR("3");
	return prim_fail(p, RSC_RELEASE_VERSION_NOT_SUPPORTED,
	                 "releaseVersionIndicator (rvi) must be 1, 2, 2a, 3, 4 or 5");
}

void check_init(struct gate *g)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		for (int op = OP_CREATE; op <= OP_NOTIFY; op++)
			if (!(places[i].on & ON(op)))
				g->refused[op] |= 1u << places[i].id;
	for (size_t i = 0; i < ARRAY_LEN(unsupported); i++)
		for (int op = OP_CREATE; op <= OP_NOTIFY; op++)
			g->refused[op] |= 1u << unsupported[i];
}

static enum rsc say_misplaced(struct prim *p)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		enum param id = places[i].id;
		const struct param_row *row;

		if (!prim_has(p, id) || (places[i].on & ON(p->op)))
			continue;
		row = param_row(id);
		return prim_fail(p, RSC_BAD_REQUEST, "%s (%s) does not belong into a %s request", row->ln, row->sn,
		                 op_names[p->op]);
	}
	for (size_t i = 0; i < ARRAY_LEN(unsupported); i++) {
		const struct param_row *row = param_row(unsupported[i]);

		if (prim_has(p, unsupported[i]))
			return prim_fail(p, RSC_NOT_IMPLEMENTED, "%s (%s) is not supported by this CSE", row->ln, row->sn);
	}
	UNREACHABLE();
}

static enum rsc check_places(const struct gate *g, struct prim *p)
{
	if (p->has & g->refused[p->op])
		return say_misplaced(p);
	if (p->da)
		return prim_fail(p, RSC_NOT_IMPLEMENTED, "deliveryAggregation (da) is not supported by this CSE");
	if (p->tqi || p->asi || p->auri || p->sqi)
		return prim_fail(p, RSC_NOT_IMPLEMENTED,
		                 "tqi, asi, auri and sqi ask for authorization and semantic functions that this CSE does not have");
	return RSC_NONE;
}

/* stdEventCats and the user's own range, TS-0004 6.3.3. */
bool check_is_event_category(uint64_t ec)
{
	return (ec >= 2 && ec <= 4) || (ec >= 100 && ec <= 999);
}

static enum rsc check_event_category(struct prim *p)
{
	if (!prim_has(p, P_EC) || check_is_event_category(p->ec))
		return RSC_NONE;
	return prim_fail(p, RSC_BAD_REQUEST, "eventCategory (ec) must be 2, 3, 4 or from 100 to 999");
}

static enum rsc check_mandatory(struct prim *p)
{
	if (p->op < OP_CREATE || p->op > OP_NOTIFY)
		return prim_fail(p, RSC_BAD_REQUEST, "operation (op) must be from 1 to 5");
	if (p->to.n == 0)
		return prim_fail(p, RSC_BAD_REQUEST, "to is missing");
	if (p->rqi.n == 0)
		return prim_fail(p, RSC_BAD_REQUEST, "requestIdentifier (rqi) is missing");
	if (p->op == OP_CREATE && !prim_has(p, P_TY))
		return prim_fail(p, RSC_BAD_REQUEST, "resourceType (ty) is missing, a CREATE must name the type");
	if (p->op == OP_CREATE && !type_by_ty((unsigned)(p->ty > UINT16_MAX ? 0 : p->ty)))
		return prim_fail(p, RSC_BAD_REQUEST, "resourceType (ty) is not the number of a resource type");
	if (p->fr.n == 0 && !(p->op == OP_CREATE && p->ty == TY_AE))
		return prim_fail(p, RSC_BAD_REQUEST, "from (fr) is missing; only the registration of an AE may leave it out");
	if (p->op == OP_NOTIFY && p->pc.kind == PC_NONE)
		return prim_fail(p, RSC_BAD_REQUEST, "primitiveContent (pc) is missing, a NOTIFY must carry one");
	return RSC_NONE;
}

/* Blocking is what we do; flexBlocking leaves the choice to us.  TS-0004 7.3.2.2. */
static enum rsc check_response_type(struct prim *p)
{
	if (!prim_has(p, P_RT))
		return RSC_NONE;
	switch (p->rtv) {
	case 3:
	case 4:
		return RSC_NONE;
	case 1:
		return prim_fail(p, RSC_NON_BLOCKING_SYNCH_REQUEST_NOT_SUPPORTED,
		                 "responseType (rt) 1 needs the request resource type, which this CSE does not support; use 3");
	case 2:
	case 5:
		return prim_fail(p, RSC_NOT_IMPLEMENTED, "responseType (rt) must be 3 or 4, others are not supported by this CSE");
	default:
		return prim_fail(p, RSC_BAD_REQUEST, "responseType (rt) must be from 1 to 5");
	}
}

static bool is_discovery(const struct prim *p)
{
	return p->fc && (p->fc->has >> FC_FU & 1) && p->fc->fu == 1;
}

static enum rsc check_result_content(struct request *r)
{
	struct prim *p = &r->prim;
	bool discovery = is_discovery(p);

	r->rcn = contents[p->op].by_default;
	if (prim_has(p, P_RCN)) {
		if (p->rcn > RCN_MAX || !(contents[p->op].valid & ON(p->rcn)) || (discovery && p->rcn != RCN_REFS))
			return prim_fail(p, RSC_BAD_REQUEST, "resultContent (rcn) %u is not valid for %s",
			                 p->rcn > 999 ? 999 : (unsigned)p->rcn, discovery ? "a discovery" : op_names[p->op]);
		r->rcn = (unsigned)p->rcn;
	}
	if (r->rcn == RCN_SEMANTIC)
		return prim_fail(p, RSC_NOT_IMPLEMENTED, "resultContent (rcn) 10 asks for a semantic query, which is not supported");
	if (prim_has(p, P_DRT) && (p->drt < 1 || p->drt > 2))
		return prim_fail(p, RSC_BAD_REQUEST, "desiredIdentifierResultType (drt) must be 1 or 2");
	return RSC_NONE;
}

/* Partial retrieve, TS-0004 7.3.3.6: names in the content, in the query or behind '#'. */
static enum rsc check_content(struct request *r)
{
	struct prim *p = &r->prim;

	if (p->op == OP_RETRIEVE && p->pc.kind != PC_NONE && p->pc.kind != PC_ATRL)
		return prim_fail(p, RSC_BAD_REQUEST, "the content of a RETRIEVE may only be a list of attributes (m2m:atrl)");
	if (p->pc.kind == PC_ATRL && p->op != OP_RETRIEVE)
		return prim_fail(p, RSC_BAD_REQUEST, "a list of attributes (m2m:atrl) belongs into a RETRIEVE");
	if (p->pc.kind == PC_ATRL)
		p->atrl = p->pc.atrl;
	if (p->atrl.n && (p->op != OP_RETRIEVE || r->rcn != RCN_ATTRS || is_discovery(p)))
		return prim_fail(p, RSC_BAD_REQUEST, "a partial retrieve needs RETRIEVE with resultContent (rcn) 1");
	if (p->op == OP_UPDATE && p->pc.kind == PC_RES && res_get(p->pc.res, &attr_acpi) && p->pc.res->o.n > 1)
		return prim_fail(p, RSC_BAD_REQUEST,
		                 "accessControlPolicyIDs (acpi) must be the only attribute of an UPDATE that changes it");
	return RSC_NONE;
}

/* One of the time parameters as µs; TS-0004 6.3.3: absolute, or milliseconds from now. */
static enum rsc check_time(struct prim *p, enum param id, struct str text, int64_t now_us, int64_t *us)
{
	if (stamp_absrel(text, now_us, us) == 0)
		return RSC_NONE;
	return prim_fail(p, RSC_BAD_REQUEST, "%s (%s) must be a time stamp like 20301231T235959 or a number of milliseconds",
	                 param_row(id)->ln, param_row(id)->sn);
}

/* Longest time that a request is held back for its operationExecutionTime. */
#define HOLD_MAX_US (600 * INT64_C(1000000))

static enum rsc check_times(struct request *r)
{
	struct prim *p = &r->prim;
	int64_t now, rqet = INT64_MAX, rset = INT64_MAX, oet = INT64_MIN, rp, end;

	r->deadline_ns = r->bound_ns ? r->bound_ns : r->begin_ns + gate_settings(r->gate)->deadline_ns;
	if (!(p->has & (1u << P_RQET | 1u << P_RSET | 1u << P_OET | 1u << P_RP | 1u << P_OT)))
		return RSC_NONE;
	now = clock_wall_us(r->gate->o.clock);
	if ((prim_has(p, P_RQET) && check_time(p, P_RQET, p->rqet, now, &rqet)) ||
	    (prim_has(p, P_RSET) && check_time(p, P_RSET, p->rset, now, &rset)) ||
	    (prim_has(p, P_OET) && check_time(p, P_OET, p->oet, now, &oet)) ||
	    (prim_has(p, P_RP) && check_time(p, P_RP, p->rp, now, &rp)) ||
	    (prim_has(p, P_OT) && check_time(p, P_OT, p->ot, now, &rp)))
		return p->why.rsc;
	if (rqet <= now || rset <= now)
		return prim_fail(p, RSC_REQUEST_TIMEOUT, "%s is in the past",
		                 rqet <= now ? "requestExpirationTimestamp (rqet)" : "resultExpirationTimestamp (rset)");
	if (rqet != INT64_MAX && rset < rqet)
		return prim_fail(p, RSC_BAD_REQUEST,
		                 "resultExpirationTimestamp (rset) must not be before requestExpirationTimestamp (rqet)");
	if (rset != INT64_MAX) {
		char *text = arena_alloc(&r->arena, STAMP_MAX);

		r->resp.rset = str_make(text, stamp_format(rset, text));
	}
	end = rqet < rset ? rqet : rset;
	if (end != INT64_MAX)
		r->deadline_ns = end - now > INT64_C(86400000000) ? r->begin_ns + INT64_C(86400000000000)
		                                                  : r->begin_ns + (end - now) * 1000;
	if (oet <= now)
		return RSC_NONE;
	if (oet >= end)
		return prim_fail(p, RSC_REQUEST_TIMEOUT, "the request expires (rqet, rset) before its operationExecutionTime (oet)");
	if (oet - now > HOLD_MAX_US)
		return prim_fail(p, RSC_NOT_IMPLEMENTED, "operationExecutionTime (oet) may be at most 10 minutes ahead");
	r->oet_ns = r->begin_ns + (oet - now) * 1000;
	if (end == INT64_MAX)
		r->deadline_ns += (oet - now) * 1000;
	return RSC_NONE;
}

enum step_result check_primitive(struct request *r)
{
	struct prim *p = &r->prim;
	enum rsc rsc;

	if ((rsc = check_release(r)) || (rsc = check_mandatory(p)) || (rsc = check_places(r->gate, p)) ||
	    (rsc = check_event_category(p)) || (rsc = check_response_type(p)) || (rsc = check_result_content(r)) ||
	    (rsc = check_content(r)) || (rsc = filter_check(p)) || (rsc = check_times(r)))
		return STEP_ANSWER;
	return STEP_NEXT;
}

/* Does the channel speak for From?  TS-0004 7.3.2.1, security-model 1.1. */
enum step_result check_origin(struct request *r)
{
	enum rsc rsc = origin_check(r->gate->o.security, &r->prim, r->peer, &r->origin);

	if (rsc == RSC_NONE)
		return STEP_NEXT;
	prim_fail(&r->prim, rsc, "the originator (fr) is not one that this channel may speak for");
	return STEP_ANSWER;
}
