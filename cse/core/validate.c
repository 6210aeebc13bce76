/* SPDX-License-Identifier: Apache-2.0 */
/* Is the representation in a CREATE or UPDATE one that the type's table allows?  TS-0004 7.3.3.3, 7.3.3.4. */
#include "cse/core/validate.h"

#include "cse/base/clock.h"
#include "cse/core/members.h"

/* --- attributes against the table -------------------------------------------------------------------------------- */

/* Announcement does not exist yet: its attributes are accepted and answered as absent, TS-0001 9.6.1.3.2. */
bool validate_is_dropped(const struct attr *at)
{
	return at == &attr_at || at == &attr_aa || at == &attr_ast;
}

static enum rsc check_one(struct prim *p, const struct member *m, unsigned presence, bool create)
{
	const struct attr *at = m->attr;

	if (presence == NP || (at->flags & AF_HIDDEN))
		return prim_fail(p, RSC_BAD_REQUEST, "%s (%s) is set by the CSE and may not be given in %s", at->ln, at->sn,
		                 create ? "CREATE" : "UPDATE");
	if (validate_is_dropped(at))
		return RSC_NONE;
	if ((at->flags & AF_RESERVED) || at == &attr_daci)
		return prim_fail(p, RSC_NOT_IMPLEMENTED, "%s (%s) is not supported by this CSE", at->ln, at->sn);
	if (m->v.kind == K_NULL) {
		if (create && at != &attr_cr)
			return prim_fail(p, RSC_BAD_REQUEST, "%s (%s) must not be null in CREATE, leave it out", at->ln, at->sn);
		if (!create && (at->flags & AF_ONE) && at != &attr_et)
			return prim_fail(p, RSC_BAD_REQUEST, "%s (%s) cannot be deleted, the resource must have it", at->ln, at->sn);
		return RSC_NONE;
	}
	if (at == &attr_cr)
		return prim_fail(p, RSC_BAD_REQUEST, "creator (cr) must be null, the CSE fills it in");
	if ((at->flags & AF_NONEMPTY) && m->v.kind == K_LIST && m->v.list.n == 0)
		return prim_fail(p, RSC_BAD_REQUEST, "%s (%s) must have at least one element", at->ln, at->sn);
	return RSC_NONE;
}

static enum rsc check_table(struct prim *p, const struct typeinfo *ti, bool create)
{
	const struct obj *o = &p->pc.res->o;
	enum rsc rsc;

	for (uint32_t i = 0; i < o->n; i++) {
		const struct attr *at = o->m[i].attr;

		if ((rsc = check_one(p, &o->m[i], create ? at->create : at->update, create)))
			return rsc;
	}
	for (unsigned i = 0; create && i < ti->n_must; i++)
		if (!obj_get(o, ti->must[i]))
			return prim_fail(p, RSC_BAD_REQUEST, "%s (%s) is missing, a CREATE of %s must give it", ti->must[i]->ln,
			                 ti->must[i]->sn, ti->type->ln);
	return RSC_NONE;
}

static enum rsc check_root(struct prim *p, const struct typeinfo *ti)
{
	if (p->pc.kind == PC_NONE)
		return prim_fail(p, RSC_BAD_REQUEST, "the content (pc) is missing, it must be a %s", ti->type->sn);
	if (p->pc.kind != PC_RES || p->pc.res->type != ti->type)
		return prim_fail(p, RSC_BAD_REQUEST, "the content (pc) must be a %s", ti->type->sn);
	return RSC_NONE;
}

/* --- expirationTime ---------------------------------------------------------------------------------------------- */

static int64_t et_of(const struct res *res)
{
	return res ? res_stamp(res, &attr_et, INT64_MAX) : INT64_MAX;
}

/* In the past is refused; absent, null or later than the parent's is set by us. */
static enum rsc check_et(struct request *r, const struct node *parent, int64_t *et)
{
	struct prim *p = &r->prim;
	const struct val *v = res_get(p->pc.res, &attr_et);
	int64_t now = tx_now(r->tx), limit = parent ? et_of(node_res(r->tx, parent)) : INT64_MAX;

	if (v && v->kind == K_STAMP && v->i <= now)
		return prim_fail(p, RSC_BAD_REQUEST, "expirationTime (et) is in the past");
	*et = v && v->kind == K_STAMP ? v->i : now + gate_settings(r->gate)->et_us;
	if (*et > limit)
		*et = limit;
	return RSC_NONE;
}

/*
 * An et moved forward must not fall before a child's: TS-0004 7.3.3.4.  Children are compared in slices; those made
 * meanwhile have been bound by the old et and are seen by the last slice, which shares the lock with the UPDATE.
 */
static enum step_result check_children_et(struct request *r, int64_t et)
{
	enum { SLICE = 256 };
	const struct node *child[SLICE];
	size_t n = store_children(r->tx, r->target.node, &r->et_after, child, SLICE);

	for (size_t i = 0; i < n; i++) {
		if (et_of(node_res(r->tx, child[i])) > et) {
			prim_fail(&r->prim, RSC_BAD_REQUEST,
			          "expirationTime (et) is earlier than that of a child; shorten the child's first");
			return STEP_ANSWER;
		}
	}
	return r->et_after == STORE_LAST ? STEP_NEXT : request_next_turn(r);
}

/* --- accessControlPolicyIDs -------------------------------------------------------------------------------------- */

/* The ACP that an entry names, if the originator's zone reaches it. */
static const struct node *find_acp(struct request *r, struct str id)
{
	struct why why = { .rsc = RSC_NONE };
	const struct node *n;
	struct addr ad;

	if (addr_parse(&r->arena, id, &ad, &why) || ad.attr.n || !addr_is_local(&ad, &r->gate->o.self) || ad.n == 0)
		return NULL;
	n = resolve_node(r, &ad);
	if (!n || n->type->ty != TY_ACP || !zone_allows(r->gate->o.security, &r->origin, n->zone))
		return NULL;
	return n;
}

/* Entries must exist; they are kept as resourceIDs, so that a later resource of the same name gives no rights. */
static enum rsc check_policies(struct request *r, const struct attr *at, struct val *out)
{
	struct prim *p = &r->prim;
	const struct val *v = res_get(p->pc.res, at);

	*out = val_null();
	if (!v || v->kind != K_LIST)
		return RSC_NONE;
	if (v->list.n == 0)
		return prim_fail(p, RSC_BAD_REQUEST, "%s (%s) must not be an empty list; leave it out", at->ln, at->sn);
	if (v->list.n > AUTHZ_MAX_ACPI)
		return prim_fail(p, RSC_BAD_REQUEST, "%s (%s) may name at most %d policies", at->ln, at->sn, AUTHZ_MAX_ACPI);
	*out = val_list(&r->arena, v->list.n);
	for (size_t i = 0; i < v->list.n; i++) {
		const struct node *acp = find_acp(r, v->list.v[i].s);

		if (!acp)
			return prim_fail(p, RSC_BAD_REQUEST, "%s (%s): entry %zu is not an accessControlPolicy of this CSE", at->ln,
			                 at->sn, i + 1);
		out->list.v[i] = val_str(K_URI, node_ri(r->tx, acp));
	}
	return RSC_NONE;
}

static enum rsc check_acpi(struct request *r)
{
	return check_policies(r, &attr_acpi, &r->acpi);
}

/* A group names members, and policies for its fanOutPoint. */
static enum step_result check_group(struct request *r)
{
	if (r->ti->type->ty != TY_GRP)
		return STEP_NEXT;
	if (check_policies(r, r->gate->known.at[AT_GRP_MACP], &r->macp))
		return STEP_ANSWER;
	return members_check(r);
}

/* --- CREATE and UPDATE ------------------------------------------------------------------------------------------- */

static enum rsc check_child_type(struct request *r, const struct typeinfo **ti)
{
	struct prim *p = &r->prim;
	const struct type *t = type_by_ty((unsigned)p->ty);

	if ((t->flags & TYPE_IN_CSE_ONLY) && !gate_settings(r->gate)->is_in)
		return prim_fail(p, RSC_OPERATION_NOT_ALLOWED, "%s exists on the infrastructure node's CSE only", t->ln);
	*ti = gate_type(r->gate, t->ty);
	if (!*ti && t->ty != TY_CB)
		return prim_fail(p, RSC_NOT_IMPLEMENTED, "the resource type %s is not supported by this CSE", t->ln);
	if (!type_may_have_child(r->ti->type, t->ty))
		return prim_fail(p, t->ty == TY_SUB ? RSC_TARGET_NOT_SUBSCRIBABLE : RSC_INVALID_CHILD_RESOURCE_TYPE,
		                 "%s cannot be a child of %s", t->ln, r->ti->type->ln);
	if (r->target.node->depth + 1u > gate_settings(r->gate)->depth)
		return prim_fail(p, RSC_NOT_ACCEPTABLE, "the resource tree may not be deeper than %u levels",
		                 (unsigned)gate_settings(r->gate)->depth);
	return RSC_NONE;
}

static enum rsc check_name(struct prim *p)
{
	const struct val *rn = res_get(p->pc.res, &attr_rn);

	if (rn && !addr_is_rn(rn->s))
		return prim_fail(p, RSC_BAD_REQUEST,
		                 "resourceName (rn) must be 1 to 200 letters, digits or - . _ ~ and not the name of a virtual resource");
	return RSC_NONE;
}

static enum step_result validate_create(struct request *r)
{
	struct prim *p = &r->prim;
	const struct typeinfo *ti = NULL;

	if (check_child_type(r, &ti) || check_root(p, ti) || check_table(p, ti, true) || check_name(p) ||
	    check_et(r, r->target.node, &r->et) || check_acpi(r))
		return STEP_ANSWER;
	r->ti = ti;
	return check_group(r);
}

static enum step_result validate_update(struct request *r)
{
	struct prim *p = &r->prim;
	const struct node *node = r->target.node;
	enum step_result s;

	if (check_root(p, r->ti) || check_table(p, r->ti, false) || check_acpi(r))
		return STEP_ANSWER;
	if ((s = check_group(r)) != STEP_NEXT)
		return s;
	r->et = INT64_MAX;
	if (!res_get(p->pc.res, &attr_et))
		return STEP_NEXT;
	if (check_et(r, node->parent, &r->et))
		return STEP_ANSWER;
	return r->et < et_of(node_res(r->tx, node)) ? check_children_et(r, r->et) : STEP_NEXT;
}

enum step_result validate_content(struct request *r)
{
	if (r->target.virt == V_FOPT)
		return STEP_NEXT; /* judged at each member */
	switch (r->prim.op) {
	case OP_CREATE:
		return validate_create(r);
	case OP_UPDATE:
		return validate_update(r);
	default:
		return STEP_NEXT;
	}
}
