/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of a group are looked at with the originator's own rights, a slice of them in one hold of the lock.  What they
 * are is told to types/grp.c, which knows what follows.  TS-0004 7.4.13.2.1, 7.4.13.2.3.
 */
#include "cse/core/members.h"

#include <stdlib.h>

#include "cse/base/rand.h"
#include "cse/core/event_priv.h"
#include "cse/core/validate.h"

/* ROOM: what the CSE adds to a group that was asked for, amply. */
enum { SLICE = 128, ROOM = 4096, MT_MIXED = 0, MT_OLDEST = 20001, MT_LATEST = 20002 };

/* What a member is, as far as duplicates go. */
struct identity {
	uint32_t rid;    /* 0: nothing was looked up */
	uint8_t virt;
	uint64_t inst;
	struct str text; /* canonical address */
};

struct members_check {
	struct members found;
	struct identity *ids;     /* of all that were looked at */
	size_t n_ids;
	uint32_t *slots;          /* open addressing over ids, by text and by what it leads to; index + 1 */
	size_t mask, next;        /* next: of the request's list */
	uint64_t key[2];
	bool done;
	bool again;               /* long after it was given: with the rights of its owner, and what cannot be read is unreachable */
	struct str owner;
	void *room;               /* for the store's copy of the group; of malloc */
	size_t room_n;
	int64_t mt;
	const struct val *spty;
};

const struct members *members_of(const struct request *r)
{
	return r->members && r->members->done ? &r->members->found : NULL;
}

/* --- duplicates ---------------------------------------------------------------------------------------------------- */

struct str members_canonical(struct arena *a, const struct addr *ad, struct str text, const struct addr_self *self)
{
	struct str base = ad->n ? ad->seg[0] : self->base;
	size_t n, at;
	char *p;

	if (!addr_is_local(ad, self))
		return text;
	if (str_eq(base, STR("-")) || str_eq(base, self->cse))
		base = self->base;
	n = base.n;
	for (size_t i = 1; i < ad->n; i++)
		n += 1 + ad->seg[i].n;
	p = arena_alloc(a, n);
	memcpy(p, base.p, base.n);
	at = base.n;
	for (size_t i = 1; i < ad->n; i++) {
		p[at++] = '/';
		memcpy(p + at, ad->seg[i].p, ad->seg[i].n);
		at += ad->seg[i].n;
	}
	return str_make(p, n);
}

static bool same(const struct identity *a, const struct identity *b, bool by_text)
{
	if (by_text)
		return str_eq(a->text, b->text);
	return a->rid && a->rid == b->rid && a->virt == b->virt && a->inst == b->inst;
}

static uint64_t hash(const struct members_check *m, const struct identity *id, bool by_text)
{
	uint64_t n[3] = { id->rid, id->virt, id->inst };

	return by_text ? str_hash(id->text, m->key) : str_hash(str_make((const char *)n, sizeof(n)), m->key);
}

/* Known already?  Else it is noted; id is the last of ids. */
static bool is_known(struct members_check *m, const struct identity *id, bool by_text)
{
	size_t i = hash(m, id, by_text) & m->mask;

	for (; m->slots[i]; i = (i + 1) & m->mask)
		if (m->slots[i] != m->n_ids && same(&m->ids[m->slots[i] - 1], id, by_text))
			return true;
	m->slots[i] = (uint32_t)m->n_ids;
	return false;
}

/* --- one member ---------------------------------------------------------------------------------------------------- */

static enum rsc unreadable(struct request *r)
{
	return prim_fail(&r->prim, RSC_RECEIVER_HAS_NO_PRIVILEGE, "memberIDs (mid): entry %zu cannot be read by this originator",
	                 r->members->next + 1);
}

static bool may_read(struct request *r, const struct target *t)
{
	struct ask q = { .prim = &r->prim, .origin = &r->origin, .acop = ACOP_R, .node = t->node, .quiet = true,
		             .on_instance = t->is_inst || t->virt == V_LA || t->virt == V_OL };

	if (r->members->again)
		return r->members->owner.n && event_may_read(r->gate, &r->arena, r->tx, r->members->owner, t->node);
	return zone_allows(r->gate->o.security, &r->origin, t->node->zone) &&
	       authz_decide(r->gate->o.security, r->tx, &q) != NULL;
}

static bool is_specialized(const struct res *res, const struct val *spty)
{
	for (uint32_t i = 0; spty && i < spty->o->n; i++) {
		const struct member *m = &spty->o->m[i];
		const struct val *v = res_find(res, m->attr->sn);

		if (!v || !val_eq(v, &m->v))
			return false;
	}
	return true;
}

/* A sub-group counts by the type of its own members. */
static bool fits_sub_group(const struct request *r, const struct node *group, const struct members_check *m)
{
	const struct res *res = node_durable(r->tx, group);
	const struct val *mt = res ? res_get(res, r->gate->known.at[AT_GRP_MT]) : NULL;
	const struct val *spty = res ? res_get(res, r->gate->known.at[AT_GRP_SPTY]) : NULL;

	if (!mt || mt->i != m->mt)
		return false;
	return !m->spty || (spty && val_eq(spty, m->spty));
}

static bool fits(const struct request *r, const struct target *t, const struct members_check *m)
{
	const struct typeinfo *ti = gate_type(r->gate, t->node->type->ty);

	switch (t->virt) {
	case V_FOPT:
		return t->n_rest == 0 && fits_sub_group(r, t->node, m);
	case V_LA:
		return m->mt == MT_LATEST;
	case V_OL:
		return m->mt == MT_OLDEST;
	case V_NONE:
		break;
	default:
		return false;
	}
	if (t->is_inst)
		return ti && ti->inst && m->mt == ti->inst->type->ty;
	return m->mt == t->node->type->ty && is_specialized(node_durable(r->tx, t->node), m->spty);
}

static void keep(struct members_check *m, const struct val *v, enum member_fit fit)
{
	m->found.mid.list.v[m->found.mid.list.n] = *v;
	m->found.fit[m->found.mid.list.n++] = (uint8_t)fit;
	m->found.n_other += fit == MEMBER_OTHER;
	m->found.n_unreachable += fit == MEMBER_UNREACHABLE;
}

static enum rsc look_at(struct request *r, const struct val *v)
{
	struct members_check *m = r->members;
	struct identity *id = &m->ids[m->n_ids++];
	struct why why = { .rsc = RSC_NONE };
	struct target t;
	struct addr ad;

	if (addr_parse(&r->arena, v->s, &ad, &why) || ad.attr.n)
		return prim_fail(&r->prim, RSC_BAD_REQUEST, "memberIDs (mid): entry %zu is no address of a resource", m->next + 1);
	*id = (struct identity){ .text = members_canonical(&r->arena, &ad, v->s, &r->gate->o.self) };
	if (is_known(m, id, true))
		return RSC_NONE;
	if (m->mt == MT_MIXED || !addr_is_local(&ad, &r->gate->o.self)) {
		keep(m, v, m->mt == MT_MIXED ? MEMBER_FITS : MEMBER_UNREACHABLE);
		return RSC_NONE;
	}
	if (!resolve_find(r, &ad, &t) || !may_read(r, &t)) {
		if (!m->again)
			return unreadable(r);
		keep(m, v, MEMBER_UNREACHABLE);
		return RSC_NONE;
	}
	*id = (struct identity){ .rid = t.node->rid, .virt = (uint8_t)t.virt, .inst = t.is_inst ? t.inst.id : 0, .text = id->text };
	if (!is_known(m, id, false))
		keep(m, v, fits(r, &t, m) ? MEMBER_FITS : MEMBER_OTHER);
	return RSC_NONE;
}

/* --- all ----------------------------------------------------------------------------------------------------------- */

static const struct val *given(const struct request *r, enum known_attr at, const struct res *old)
{
	const struct val *v = res_get(r->prim.pc.res, r->gate->known.at[at]);

	return v || !old ? v : res_get(old, r->gate->known.at[at]);
}

static enum rsc too_many(struct request *r, const char *what)
{
	return prim_fail(&r->prim, RSC_MAX_NUMBER_OF_MEMBER_EXCEEDED, "%s", what);
}

static enum rsc check_number(struct request *r, const struct val *mid, const struct res *old)
{
	const struct known *k = &r->gate->known;
	const struct val *mnm = given(r, AT_GRP_MNM, old), *cnm = old ? res_get(old, k->at[AT_GRP_CNM]) : NULL;
	uint64_t bound = gate_settings(r->gate)->group_members;

	if (mid && mnm && mnm->kind == K_UINT && mid->list.n > mnm->u)
		return too_many(r, "memberIDs (mid) holds more than maxNrOfMembers (mnm)");
	if (mnm && mnm->kind == K_UINT && cnm && mnm->u < cnm->u)
		return too_many(r, "maxNrOfMembers (mnm) is less than currentNrOfMembers (cnm); remove members first");
	if (mid && mid->list.n > bound)
		return prim_fail(&r->prim, RSC_NOT_ACCEPTABLE, "memberIDs (mid): a group of this CSE may have at most %u members",
		                 (unsigned)bound);
	return RSC_NONE;
}

/* Of this turn: what is there already may be changed by others until the next. */
static void read_kind(struct request *r, const struct res *old)
{
	struct members_check *m = r->members;
	const struct val *mt = given(r, AT_GRP_MT, old), *spty = given(r, AT_GRP_SPTY, old);

	m->mt = mt && mt->kind == K_ENUM ? mt->i : MT_MIXED;
	m->spty = spty && spty->kind == K_OBJ ? spty : NULL;
}

static struct members_check *start(struct request *r, size_t n)
{
	struct members_check *m = ARENA_NEW(&r->arena, struct members_check);
	size_t slots = 16;

	while (slots < 4 * n)
		slots *= 2;
	m->mask = slots - 1;
	m->slots = arena_array(&r->arena, slots, sizeof(*m->slots));
	m->ids = arena_array(&r->arena, n + 1, sizeof(*m->ids));
	m->found.mid = val_list(&r->arena, n);
	m->found.mid.list.n = 0;
	m->found.fit = arena_array(&r->arena, n + 1, 1);
	m->key[0] = rnd_u64(r->gate->o.rnd);
	m->key[1] = rnd_u64(r->gate->o.rnd);
	return m;
}

void members_begin(struct request *r, struct str owner)
{
	r->members = start(r, res_get(r->prim.pc.res, r->gate->known.at[AT_GRP_MID])->list.n);
	read_kind(r, NULL);
	r->members->again = true;
	r->members->owner = owner;
}

bool members_some(struct request *r)
{
	const struct val *mid = res_get(r->prim.pc.res, r->gate->known.at[AT_GRP_MID]);
	struct members_check *m = r->members;

	for (size_t i = 0; i < SLICE && m->next < mid->list.n; i++, m->next++)
		if (look_at(r, &mid->list.v[m->next]))
			return true;
	m->done = m->next == mid->list.n;
	return m->done;
}

/* Ends the turn: the pages of a large copy are made while nobody waits for the tree. */
static enum step_result make_room(struct request *r)
{
	struct members_check *m = r->members;

	request_end(r);
	m->room_n = res_room(r->prim.pc.res) + ROOM;
	m->room = malloc(m->room_n);
	REQUIRE(m->room);
	memset(m->room, 0, m->room_n);
	return request_next_turn(r);
}

void members_free(struct request *r)
{
	if (r->members)
		free(r->members->room);
	r->members = NULL;
}

enum step_result members_check(struct request *r)
{
	const struct res *old = r->prim.op == OP_UPDATE ? node_res(r->tx, r->target.node) : NULL;
	const struct val *mid = res_get(r->prim.pc.res, r->gate->known.at[AT_GRP_MID]);
	struct members_check *m;
	size_t n;

	if (check_number(r, mid, old))
		return STEP_ANSWER;
	if (!mid)
		return STEP_NEXT;
	n = mid->list.n;
	if (!r->members && n > SLICE) {
		/* Fresh pages, some hundreds for a large group: not while others wait for the tree. */
		request_end(r);
		r->members = start(r, n);
		return request_next_turn(r);
	}
	if (!r->members)
		r->members = start(r, n);
	m = r->members;
	read_kind(r, old);
	if (!members_some(r))
		return request_next_turn(r);
	if (r->prim.why.rsc == RSC_NONE && n > SLICE) {
		if (!m->room_n)
			return make_room(r);
		if (m->room)
			store_room(r->tx, &m->room, m->room_n);
	}
	return request_fail(r->prim.why.rsc);
}
