/* SPDX-License-Identifier: Apache-2.0 */
/* The content of a successful answer, by Result Content.  TS-0004 7.3.3.12, 7.5.2; TS-0001 8.1.2.  The lock is gone. */
#include "cse/core/steps.h"

#include "cse/base/err.h"
#include "cse/core/fanout.h"
#include "cse/core/view.h"
#include "cse/core/walk.h"

static enum rsc unreadable(struct request *r)
{
	return prim_fail(&r->prim, RSC_INTERNAL_SERVER_ERROR, "the content of the resource could not be read");
}

static struct obj *shown(struct request *r)
{
	struct view_names names = { r->ri, r->pi, r->rn };
	const struct res *res = r->shown;
	struct res *unpacked;

	if (!r->shown_inst)
		return view_node(r, r->shown_ti, res, &r->counters, &names);
	if (!res) {
		if (res_unpack(&r->arena, str_make(r->body->bytes, r->body->n), &unpacked) != 0)
			return NULL;
		res = unpacked;
	}
	return view_inst(r, r->shown_ti, res, &r->inst, r->inst_et, &names);
}

static void content(struct request *r, const struct attr *root, struct val v)
{
	r->resp.has_pc = true;
	r->resp.root = root;
	r->resp.pc = v;
}

static struct obj *before(struct request *r)
{
	struct view_names names = { r->ri, r->pi, r->rn };

	return r->before ? view_node(r, r->shown_ti, r->before, &r->counters_before, &names) : NULL;
}

static enum rsc modified(struct request *r, struct obj *o)
{
	const struct attr *root = r->shown_ti->type->root;

	o = view_modified(r, o, before(r), r->change.asked);
	if (o->n)
		content(r, root, val_obj(o));
	return RSC_NONE;
}

static void wrapped(struct request *r, struct obj *o)
{
	const struct complex *rce = r->gate->root_rce->of;
	struct obj *w = obj_new(&r->arena, 2);

	*obj_add(&r->arena, w, complex_attr(rce, STR("uri"))) = val_str(K_URI, r->path);
	*obj_add(&r->arena, w, r->shown_ti->type->root) = val_obj(o);
	content(r, r->gate->root_rce, val_obj(w));
}

static enum rsc discovered(struct request *r)
{
	const struct gate *g = r->gate;
	struct val list = walk_list(r);

	if (r->rcn == RCN_REFS) {
		const struct complex *rrl = g->root_rrl->of;
		struct obj *o = obj_new(&r->arena, 1);

		*obj_add(&r->arena, o, complex_attr(rrl, STR("rrf"))) = list;
		content(r, g->root_rrl, val_obj(o));
	} else {
		content(r, g->root_uril, list);
	}
	return RSC_NONE;
}

/* rcn 4, 5, 6, 8: the resource with its children; 6 and 8 leave its own attributes out. */
static enum rsc with_children(struct request *r)
{
	struct obj *o = r->rcn == RCN_REFS || r->rcn == RCN_CHILDREN ? obj_new(&r->arena, 4) : shown(r);

	if (!o)
		return unreadable(r);
	walk_into(r, o);
	content(r, r->shown_ti->type->root, val_obj(o));
	return RSC_NONE;
}

static void mark_rest(struct request *r)
{
	uint64_t rest = walk_rest(r);

	if (rest && r->prim.op == OP_RETRIEVE) {
		r->resp.cnst = 1;
		r->resp.cnot = rest;
	}
}

static enum rsc attributes(struct request *r)
{
	struct obj *o = shown(r);

	if (!o)
		return unreadable(r);
	if (!r->may_read)
		o = view_asked(r, o, r->change.asked);
	if (r->meta)
		o = view_meta(r, r->shown_ti, o);
	switch (r->rcn) {
	case RCN_MODIFIED:
		return r->may_read ? modified(r, o) : RSC_NONE;
	case RCN_ADDR_ATTRS:
		r->resp.created = r->path;
		wrapped(r, o);
		return RSC_NONE;
	default:
		if (r->prim.atrl.n && view_part(r, r->shown_ti, &r->prim.atrl, &o))
			return r->prim.why.rsc;
		content(r, r->shown_ti->type->root, val_obj(o));
		return RSC_NONE;
	}
}

static enum rsc make(struct request *r)
{
	if (walk_is_discovery(r)) {
		mark_rest(r);
		return discovered(r);
	}
	if (walk_wanted(r)) {
		mark_rest(r);
		return with_children(r);
	}
	switch (r->rcn) {
	case RCN_NOTHING:
		return RSC_NONE;
	case RCN_ADDR:
		r->resp.created = r->path;
		content(r, r->gate->root_uri, val_str(K_URI, r->path));
		return RSC_NONE;
	case RCN_ORIGINAL:
		return prim_fail(&r->prim, RSC_BAD_REQUEST,
		                 "resultContent (rcn) 7 asks for the original of an announced resource, which this is not");
	default:
		return attributes(r);
	}
}

enum step_result result_make(struct request *r)
{
	if (r->fan) {
		fanout_result(r);
		return STEP_NEXT;
	}
	if (r->prim.op == OP_NOTIFY || r->target.virt == V_PCU)
		return STEP_NEXT;
	return request_fail(make(r));
}
