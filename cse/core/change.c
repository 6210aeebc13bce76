/* SPDX-License-Identifier: Apache-2.0 */
/* The content that a CREATE or UPDATE leads to, made of what was asked and what is there.  TS-0004 7.3.3.5, 7.3.3.7. */
#include "cse/core/change.h"

#include "cse/core/members.h"
#include "cse/core/validate.h"

void change_init(struct request *r)
{
	const struct gate *g = r->gate;

	r->change = (struct change){
		.tx = r->tx,
		.arena = &r->arena,
		.prim = &r->prim,
		.origin = &r->origin,
		.conf = gate_settings(g)->conf,
		.security = g->o.security,
		.self = &g->o.self,
		.known = &g->known,
		.now = tx_now(r->tx),
		.grant = r->grant,
		.members = members_of(r),
		.why = &r->prim.why,
	};
}

static void put(struct change *c, const struct attr *at, struct val v)
{
	*obj_add(c->arena, &c->res->o, at) = v;
}

/* The creator's own form of its name: the stem when it is registered here, else as From said. */
static struct str creator(const struct request *r)
{
	return r->origin.stem.n ? r->origin.stem : r->prim.fr;
}

void change_make(struct request *r, const struct typeinfo *ti)
{
	struct change *c = &r->change;
	const struct obj *asked = &r->prim.pc.res->o;

	c->asked = asked;
	c->res = res_new(&r->arena, ti->type, asked->n + 6);
	for (uint32_t i = 0; i < asked->n; i++) {
		const struct member *m = &asked->m[i];

		if (m->attr == &attr_rn)
			c->rn = m->v.s;
		else if (m->attr == &attr_cr)
			put(c, &attr_cr, val_str(K_ID, creator(r)));
		else if (m->attr == &attr_acpi)
			put(c, &attr_acpi, r->acpi);
		else if (m->attr == c->known->at[AT_GRP_MACP])
			put(c, m->attr, r->macp);
		else if (m->attr != &attr_et && !validate_is_dropped(m->attr))
			put(c, m->attr, m->v);
	}
	put(c, &attr_ct, val_stamp(c->now));
	if (!(ti->type->flags & TYPE_INSTANCE))
		put(c, &attr_et, val_stamp(r->et));
	if ((ti->type->sets & SET_ACPI) && ti->type->ty != TY_AE)
		put(c, &attr_owner, val_str(K_ID, r->origin.from));
}

static const struct val *merged(const struct request *r, const struct member *m)
{
	if (m->attr == &attr_acpi)
		return &r->acpi;
	return m->attr == r->gate->known.at[AT_GRP_MACP] ? &r->macp : &m->v;
}

void change_merge(struct request *r)
{
	struct change *c = &r->change;
	const struct obj *asked = &r->prim.pc.res->o;

	c->asked = asked;
	c->res = res_edit(&r->arena, c->old);
	for (uint32_t i = 0; i < asked->n; i++) {
		const struct member *m = &asked->m[i];

		if (m->attr == &attr_et)
			*obj_put(&r->arena, &c->res->o, &attr_et) = val_stamp(r->et);
		else if (validate_is_dropped(m->attr))
			continue;
		else if (m->v.kind == K_NULL)
			obj_del(&c->res->o, m->attr);
		else
			*obj_put(&r->arena, &c->res->o, m->attr) = *merged(r, m);
	}
}
