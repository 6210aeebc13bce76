/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which AE-ID a registering AE gets (TS-0001 10.2.2.2, TS-0004 7.4.5.2.1).  Until service subscription profiles exist the
 * credential is the profile: what it lists, or what was bound to it before, decides; all else is 4126.
 */
#include "security/authz_priv.h"

#include "security/record.h"

enum {
	TRIES = 8,
	BOUND_BEYOND_MAX = 1024, /* stems that a credential may collect beyond the AEs that it may have at a time */
};

static enum rsc check_app(struct prim *p, const struct cred *c, struct str app_id)
{
	size_t i;

	/* TS-0004 7.4.5.2.1. */
	if (app_id.n == 0 || (app_id.p[0] != 'R' && app_id.p[0] != 'r' && app_id.p[0] != 'N'))
		return prim_fail(p, RSC_BAD_REQUEST, "api must begin with R (registered) or N (not registered)");
	for (i = 0; i < c->app.n; i++) {
		struct str name = c->app.v[i].text;

		if (str_eq(name, app_id) || (str_ends(name, STR("*")) && str_starts(app_id, str_first(name, name.n - 1))))
			return RSC_NONE;
	}
	if (c->app.n)
		return prim_fail(p, RSC_APP_RULE_VALIDATION_FAILED, "api is not an App-ID that this credential lists");
	return RSC_NONE;
}

static bool listed(const struct cred *c, struct str stem)
{
	size_t i;

	for (i = 0; i < c->ae.n; i++) {
		struct str name = c->ae.v[i].text;

		if (str_eq(name, stem) || (str_ends(name, STR("*")) && str_starts(stem, str_first(name, name.n - 1))))
			return true;
	}
	return false;
}

/* The AE says which. */
static enum rsc take_given(struct security *sec, struct tx *tx, struct prim *p, const struct cred *c, struct str stem)
{
	enum owner owner = registry_owner(sec, c, stem);

	if (stem.n > CRED_MAX_STEM)
		return prim_fail(p, RSC_BAD_REQUEST, "From: an AE-ID stem has at most %d characters", CRED_MAX_STEM);
	if (owner != OWNER_SELF && !(owner == OWNER_NOBODY && listed(c, stem)))
		return prim_fail(p, RSC_APP_RULE_VALIDATION_FAILED, "From is not an AE-ID that this credential lists");
	if (store_ri_taken(tx, stem))
		return prim_fail(p, RSC_ORIGINATOR_HAS_ALREADY_REGISTERED, "this AE-ID is registered");
	return RSC_NONE;
}

static bool wanted(struct str stem, char letter)
{
	return stem.n && !str_ends(stem, STR("*")) && (letter == 0 || stem.p[0] == letter);
}

/* The first AE-ID of the credential that is not in use; *any: there are some of that letter. */
static struct str first_unused(struct security *sec, struct tx *tx, const struct cred *c, char letter, bool *any)
{
	struct strs bound;
	size_t i;

	*any = false;
	for (i = 0; i < c->ae.n; i++) {
		struct str stem = c->ae.v[i].text;
		enum owner owner;

		if (!wanted(stem, letter) || str_eq(stem, sec->administrator))
			continue;
		owner = registry_owner(sec, c, stem);
		if (owner != OWNER_SELF && owner != OWNER_NOBODY)
			continue;
		*any = true;
		if (!store_ri_taken(tx, stem))
			return stem;
	}
	/* Behind a gateway another AE may ask now: it must not inherit what the last one of that name was given. */
	if (c->info.kind == CRED_GATEWAY)
		return STR_NONE;
	bound = registry_stems(sec, c, tx_arena(tx));
	for (i = bound.n; i-- > 0;) {
		if (!wanted(bound.v[i], letter))
			continue;
		*any = true;
		if (!store_ri_taken(tx, bound.v[i]))
			return bound.v[i];
	}
	return STR_NONE;
}

/* The CSE says which. */
static enum rsc choose(struct security *sec, struct tx *tx, struct prim *p, const struct cred *c, struct str *out)
{
	char letter = prim_has(p, P_FR) && p->fr.n ? p->fr.p[0] : 0;
	bool any;
	struct str stem = first_unused(sec, tx, c, letter, &any);
	int i;

	for (i = 0; stem.n == 0 && c->info.random_stems && i < TRIES; i++) {
		stem = random_name(sec->rnd, tx_arena(tx), letter ? letter : 'C');
		if (registry_owner(sec, c, stem) != OWNER_NOBODY || store_ri_taken(tx, stem))
			stem = STR_NONE;
	}
	if (stem.n == 0 && any)
		return prim_fail(p, RSC_ORIGINATOR_HAS_ALREADY_REGISTERED, "every AE-ID of this credential is registered");
	if (stem.n == 0)
		return prim_fail(p, RSC_APP_RULE_VALIDATION_FAILED, "this credential lists no AE-ID that may be given");
	*out = stem;
	return RSC_NONE;
}

/* How many AEs the credential has now is counted only when it collected enough stems for it to matter. */
static enum rsc check_room(struct security *sec, struct tx *tx, struct prim *p, const struct cred *c)
{
	struct strs bound = registry_stems(sec, c, tx_arena(tx));
	uint32_t n = 0;
	size_t i;

	if (bound.n < c->info.max_ae)
		return RSC_NONE;
	for (i = 0; i < bound.n && n < c->info.max_ae; i++)
		n += store_ri_taken(tx, bound.v[i]);
	if (n >= c->info.max_ae)
		return prim_fail(p, RSC_APP_RULE_VALIDATION_FAILED, "this credential may have %u AE at a time", c->info.max_ae);
	if (bound.n >= (size_t)c->info.max_ae + BOUND_BEYOND_MAX)
		return prim_fail(p, RSC_APP_RULE_VALIDATION_FAILED, "this credential was given too many AE-IDs; use one of them again");
	return RSC_NONE;
}

static bool bind(struct security *sec, struct tx *tx, const struct origin *o, const struct cred *c, struct str stem)
{
	struct buf value;
	bool fresh;

	if (!registry_bind(sec, c, stem, &fresh))
		return false;
	/* Written each time: the commit that first said so may have failed. */
	buf_init(&value, RECORD_MAX);
	record_pack_stem(c->info.id, &value);
	store_rec_put(tx, REC_STEM, stem, buf_as_str(&value));
	buf_fini(&value);
	if (fresh)
		audit(sec, EV_STEM_BOUND, o->peer, stem, "%s", "");
	return true;
}

enum rsc stem_choose(struct security *sec, struct tx *tx, struct prim *p, const struct origin *o, struct str app_id,
                     struct str *out)
{
	const struct cred *c = peer_cred(o->peer);
	struct str stem = o->stem;
	enum rsc rsc;

	if (c == NULL || c->info.kind == CRED_CSE)
		return prim_fail(p, RSC_BAD_REQUEST, "only an AE registers as one (TS-0004 7.4.5.2.1)");
	rsc = check_app(p, c, app_id);
	if (rsc == RSC_NONE)
		rsc = stem.n ? take_given(sec, tx, p, c, stem) : choose(sec, tx, p, c, &stem);
	if (rsc == RSC_NONE)
		rsc = check_room(sec, tx, p, c);
	if (rsc != RSC_NONE)
		return rsc;
	if (!bind(sec, tx, o, c, stem))
		return prim_fail(p, RSC_APP_RULE_VALIDATION_FAILED, "From is not an AE-ID that this credential lists");
	*out = stem;
	return RSC_NONE;
}
