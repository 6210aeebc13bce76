/* SPDX-License-Identifier: Apache-2.0 */
/* May this become a version of its credential?  Names are kept for a change from the moment that it is asked for until it is applied. */
#include "security/registry_priv.h"

#include <stdlib.h>

void registry_drop_claims(struct registry *r, struct str id, uint64_t seq, int64_t before_ns)
{
	struct claim **at = &r->claims;

	while (*at) {
		struct claim *c = *at;

		if ((str_eq(c->cred->info.id, id) && c->cred->info.seq <= seq) || c->since_ns < before_ns) {
			*at = c->next;
			cred_unref(c->cred);
			free(c);
		} else {
			at = &c->next;
		}
	}
}

static bool listed(const struct cred *c, struct str name)
{
	size_t i;

	for (i = 0; i < c->info.names.n; i++) {
		if (str_eq(c->info.names.v[i], name))
			return true;
	}
	return false;
}

/* Who else than `id` owns the name, or is about to?  Empty: nobody.  *move: the stem is a gateway's and may become own. */
static struct str other_owner(struct registry *r, struct str id, struct str name, bool *move)
{
	struct cred *lister = strmap_get(&r->by_name, name);
	struct stem *s = strmap_get(&r->stems, name);
	const struct claim *c;

	*move = s && !str_eq(s->holder->id, id);
	if (lister && !str_eq(lister->info.id, id))
		return lister->info.id;
	if (*move && !registry_is_gateways(s))
		return s->holder->id;
	for (c = r->claims; c; c = c->next) {
		if (!str_eq(c->cred->info.id, id) && registry_owns_names(c->cred) && listed(c->cred, name))
			return c->cred->info.id;
	}
	return STR_NONE;
}

/* An id in the place of a name would be taken for that credential. */
static bool label_is_taken(struct registry *r, const struct cred_info *info)
{
	struct cred *has = strmap_get(&r->by_label, info->name);
	const struct claim *c;

	if ((has && !str_eq(has->info.id, info->id)) || strmap_get(&r->by_id, info->name))
		return true;
	for (c = r->claims; c; c = c->next) {
		if (!str_eq(c->cred->info.id, info->id) && str_eq(c->cred->info.name, info->name))
			return true;
	}
	return false;
}

static int check_names(struct registry *r, struct arena *a, const struct cred *c, struct strs *moved, struct why *why)
{
	const struct entity_names *lists[2] = { &c->ae, &c->cse };
	size_t i, k;
	bool move;

	if (c->info.name.n && c->info.state != CRED_REVOKED && label_is_taken(r, &c->info)) {
		why_set(why, RSC_CONFLICT, "name: another device is called so; revoke that one first, or take another name");
		return E_EXISTS;
	}
	moved->v = arena_array(a, c->ae.n + c->cse.n, sizeof(*moved->v));
	moved->n = 0;
	for (k = 0; registry_owns_names(c) && k < 2; k++) {
		for (i = 0; i < lists[k]->n; i++) {
			struct str owner = other_owner(r, c->info.id, lists[k]->v[i].text, &move);

			if (owner.n) {
				why_set(why, RSC_CONFLICT, "names: %.*s belongs to credential %.*s; issue that one again under its id",
				        STR_ARG(str_first(lists[k]->v[i].text, 64)), STR_ARG(owner));
				return E_EXISTS;
			}
			if (move)
				moved->v[moved->n++] = arena_str(a, lists[k]->v[i].text);
		}
	}
	return 0;
}

/* A credential never goes back: not to an older generation, not from revoked. */
static int check_history(struct registry *r, const struct cred *c, struct why *why)
{
	struct holder *h = strmap_get(&r->by_id, c->info.id);
	struct cred *old = h ? h->cred : NULL, *same = c->info.fingerprint.n ? strmap_get(&r->by_key, c->info.fingerprint) : NULL;

	if (same && !str_eq(same->info.id, c->info.id)) {
		why_set(why, RSC_CONFLICT, "the key is another credential's; make a new one");
		return E_EXISTS;
	}
	if (old && old->info.state == CRED_REVOKED && c->info.state != CRED_REVOKED) {
		why_set(why, RSC_BAD_REQUEST, "the credential is revoked for ever; issue another");
		return E_DENIED;
	}
	if (old && c->info.generation < old->info.generation) {
		why_set(why, RSC_BAD_REQUEST, "generation: may not be lower than before");
		return E_RANGE;
	}
	return 0;
}

int registry_claim(struct security *sec, struct arena *a, struct cred_info *info, struct strs *moved, struct why *why)
{
	struct registry *r = &sec->registry;
	struct claim *claim = calloc(1, sizeof(*claim));
	int err;

	REQUIRE(claim != NULL);
	*claim = (struct claim){ .cred = cred_new(&sec->self, info), .since_ns = clock_mono_ns(sec->clock) };
	pthread_rwlock_wrlock(&r->lock);
	registry_drop_claims(r, STR_NONE, 0, claim->since_ns - CLAIM_S * NS_PER_S);
	err = check_history(r, claim->cred, why);
	if (!err)
		err = check_names(r, a, claim->cred, moved, why);
	if (!err) {
		info->seq = claim->cred->info.seq = ++r->seq;
		claim->next = r->claims;
		r->claims = claim;
	}
	pthread_rwlock_unlock(&r->lock);
	if (err) {
		cred_unref(claim->cred);
		free(claim);
	}
	return err;
}

void cred_undo(struct security *sec, const struct cred_info *info)
{
	struct registry *r = &sec->registry;
	struct claim **at = &r->claims, *c;

	CHECK(sec, SECURITY);
	pthread_rwlock_wrlock(&r->lock);
	while ((c = *at) != NULL && c->cred->info.seq != info->seq)
		at = &c->next;
	if (c) {
		*at = c->next;
		cred_unref(c->cred);
		free(c);
	}
	pthread_rwlock_unlock(&r->lock);
}
