/* SPDX-License-Identifier: Apache-2.0 */
/* Relative paths: names of children, la and ol, ".." for the parent.  They end at the CSEBase and lead nowhere above it. */
#include "cse/core/arp.h"

#include "cse/core/match.h"
#include "cse/core/steps.h"

static bool up(struct target *t)
{
	if (t->is_inst) {
		t->is_inst = false;
		return true;
	}
	t->node = t->node->parent;
	return t->node != NULL;
}

static bool down(struct request *r, struct target *t, struct str name)
{
	const struct node *child = t->is_inst ? NULL : store_child(r->tx, t->node, name);

	if (t->is_inst)
		return false;
	if (child) {
		t->node = child;
		return true;
	}
	if (!gate_type(r->gate, t->node->type->ty) || !gate_type(r->gate, t->node->type->ty)->inst)
		return false;
	if (str_eqz(name, "la") || str_eqz(name, "ol"))
		t->is_inst = name.p[0] == 'l' ? store_latest(r->tx, t->node, &t->inst) : store_oldest(r->tx, t->node, &t->inst);
	else
		t->is_inst = store_inst_by_name(r->tx, t->node, name, &t->inst);
	return t->is_inst;
}

bool arp_move(struct request *r, struct target *t)
{
	struct str rest = r->prim.fc->arp;
	bool more = true;

	while (more) {
		struct str name = str_cut(&rest, '/', &more);

		if (!name.n || str_eqz(name, "."))
			continue;
		if (!(str_eqz(name, "..") ? up(t) : down(r, t, name)))
			return false;
	}
	return gate_type(r->gate, t->node->type->ty) && zone_allows(r->gate->o.security, &r->origin, t->node->zone) &&
	       !(walk_is_discovery(r) && walk_is_inactive(r, t->node));
}

static size_t slot(const struct walk *w, uint32_t rid, uint64_t id)
{
	size_t i = (size_t)((rid * UINT64_C(0x9e3779b97f4a7c15)) ^ (id * UINT64_C(0xd6e8feb86659fd93))) & (w->room_taken - 1);

	while (w->taken[i].rid && (w->taken[i].rid != rid || w->taken[i].id != id))
		i = (i + 1) & (w->room_taken - 1);
	return i;
}

static void grow(struct request *r, struct walk *w)
{
	struct store_ref *old = w->taken;
	size_t n = w->room_taken;

	w->room_taken = n ? 2 * n : 64;
	w->taken = arena_array(&r->arena, w->room_taken, sizeof(*w->taken));
	for (size_t i = 0; i < n; i++)
		if (old[i].rid)
			w->taken[slot(w, old[i].rid, old[i].id)] = old[i];
}

/* Is it in the answer, or before its offset, already?  Now it is. */
static bool taken(struct request *r, struct walk *w, uint32_t rid, uint64_t id)
{
	size_t i;

	if (2 * w->n_taken >= w->room_taken)
		grow(r, w);
	i = slot(w, rid, id);
	if (w->taken[i].rid)
		return true;
	w->taken[i] = (struct store_ref){ rid, id };
	w->n_taken++;
	return false;
}

enum visit arp_take(struct request *r, struct walk *w, const struct node *n, const struct inst *inst)
{
	struct target t = { .node = n, .is_inst = inst != NULL };
	struct item *item;

	if (inst)
		t.inst = *inst;
	if (!arp_move(r, &t) || (t.is_inst && !match_instances(r, t.node, w->acop)) || !walk_permits(r, w, t.node, t.is_inst) ||
	    taken(r, w, t.node->rid, t.is_inst ? t.inst.id : 0))
		return VISIT_ON;
	return t.is_inst ? walk_take_inst(r, w, t.node, &t.inst, NULL, false) : walk_take_node(r, w, t.node, NULL, false, &item);
}
