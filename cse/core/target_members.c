/* SPDX-License-Identifier: Apache-2.0 */
/*
 * groupRequestTargetMembers: only these members of a group, or of its sub-groups, get the request.  TS-0004 7.4.14.2.4.
 * Sub-groups are looked into with the originator's right to their own fanOutPoint: others hold nothing that it may name.
 */
#include "cse/core/fanout_priv.h"

#include "cse/base/rand.h"
#include "cse/core/members.h"
#include "cse/core/validate.h"

enum { MAX_GROUPS = 64, MAX_DEPTH = 8 };

/* The targets by their canonical addresses. */
struct wanted {
	struct request *r;
	struct str *text;
	uint32_t *slots;
	bool *found;      /* in any group so far */
	size_t n, mask, n_found;
	uint64_t key[2];
	unsigned groups;  /* looked into */
};

static struct str canonical(struct request *r, struct str id)
{
	struct why why = { .rsc = RSC_NONE };
	struct addr ad;

	if (id.n && id.p[0] != '/' && !(id.n > 1 && id.p[0] == '-' && id.p[1] == '/'))
		return id;
	if (addr_parse(&r->arena, id, &ad, &why))
		return id;
	return members_canonical(&r->arena, &ad, id, &r->gate->o.self);
}

static size_t slot_of(const struct wanted *w, struct str text)
{
	size_t i = str_hash(text, w->key) & w->mask;

	while (w->slots[i] && !str_eq(w->text[w->slots[i] - 1], text))
		i = (i + 1) & w->mask;
	return i;
}

static void want_all(struct wanted *w, struct request *r)
{
	const struct strs *l = &r->prim.grtm;
	size_t slots = 16;

	while (slots < 2 * l->n)
		slots *= 2;
	*w = (struct wanted){ .r = r, .n = l->n, .mask = slots - 1 };
	w->key[0] = rnd_u64(r->gate->o.rnd);
	w->key[1] = rnd_u64(r->gate->o.rnd);
	w->slots = arena_array(&r->arena, slots, sizeof(*w->slots));
	w->text = arena_array(&r->arena, l->n, sizeof(*w->text));
	w->found = arena_array(&r->arena, l->n, sizeof(*w->found));
	for (size_t i = 0; i < l->n; i++) {
		size_t at;

		w->text[i] = canonical(r, l->v[i]);
		at = slot_of(w, w->text[i]);
		if (w->slots[at])
			w->found[i] = true, w->n_found++; /* named twice */
		else
			w->slots[at] = (uint32_t)i + 1;
	}
}

/* Number of the target that a member is; n: it is none. */
static size_t target_of(const struct wanted *w, struct str id)
{
	size_t at = slot_of(w, canonical(w->r, id));

	return w->slots[at] ? w->slots[at] - 1 : w->n;
}

/* The memberIDs of a sub-group that the originator may send this request to; counted, NULL: none. */
static struct res *sub_group(struct request *r, struct str id)
{
	struct why why = { .rsc = RSC_NONE };
	struct res *res = NULL;
	struct target t;
	struct addr ad;

	if (addr_parse(&r->arena, id, &ad, &why) || !addr_is_local(&ad, &r->gate->o.self))
		return NULL;
	r->tx = store_begin(r->gate->o.store, &r->arena, TX_READ);
	if (resolve_find(r, &ad, &t) && t.virt == V_FOPT && t.n_rest == 0 &&
	    zone_allows(r->gate->o.security, &r->origin, t.node->zone) && fanout_ask(r, t.node, true))
		res = res_ref(node_durable(r->tx, t.node));
	request_end(r);
	return res;
}

/* Targets below a sub-group are added to `out`. */
static void look_into(struct wanted *w, struct str id, unsigned depth, struct strs *out)
{
	struct res *res;
	const struct val *mid;

	if (depth > MAX_DEPTH || ++w->groups > MAX_GROUPS || !(res = sub_group(w->r, id)))
		return;
	mid = res_get(res, w->r->gate->known.at[AT_GRP_MID]);
	for (size_t i = 0; i < mid->list.n; i++) {
		struct str member = mid->list.v[i].s;
		size_t t = target_of(w, member);

		if (t < w->n) {
			w->n_found += !w->found[t];
			w->found[t] = true;
			strs_add(&w->r->arena, out, w->r->prim.grtm.v[t]);
		} else if (str_ends(member, STR("/fopt"))) {
			look_into(w, member, depth + 1, out);
		}
	}
	res_unref(res);
}

enum rsc fanout_pick(struct fan *f)
{
	struct request *r = f->r;
	size_t n = f->n, k = 0;
	struct wanted w;
	struct fan_pick *picked;

	want_all(&w, r);
	picked = arena_array(&r->arena, n, sizeof(*picked));
	for (size_t i = 0; i < n; i++) {
		struct str id = f->mid->list.v[i].s;
		size_t t = target_of(&w, id);
		struct strs below = { NULL, 0 };

		if (t < w.n) {
			w.n_found += !w.found[t];
			w.found[t] = true;
		} else if (str_ends(id, STR("/fopt"))) {
			look_into(&w, id, 1, &below);
		}
		if (t < w.n || below.n)
			picked[k++] = (struct fan_pick){ id, below };
	}
	if (w.n_found < w.n)
		return prim_fail(&r->prim, RSC_BAD_REQUEST,
		                 "groupRequestTargetMembers (grtm) names what is neither a member of the group nor of its sub-groups");
	f->picked = picked;
	f->n = k;
	return RSC_NONE;
}
