/* SPDX-License-Identifier: Apache-2.0 */
/* Asking compiled rules: authentication AND originator AND operation AND (no context or any) AND (at CREATE: no object
 * detail or any), TS-0003 7.1.5.  Nothing is allocated and no text is read here. */
#include "security/acp.h"

#include <math.h>

#include "cse/model/prim.h"

void acp_unref(struct acp *p)
{
	struct arena mem;

	if (p == NULL)
		return;
	CHECK(p, ACP);
	if (atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	p->magic = 0;
	mem = p->mem;
	arena_fini(&mem);
}

/* Of the length and the last bytes, in which identifiers differ: only to skip unequal ones quickly, a collision costs a
 * comparison. */
uint32_t acp_hash(struct str s)
{
	uint64_t tail = 0;
	size_t n = s.n < sizeof(tail) ? s.n : sizeof(tail);

	if (n)
		memcpy(&tail, s.p + s.n - n, n);
	return (uint32_t)(((tail ^ s.n << 56) * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

uint16_t acp_country(struct str s)
{
	if (s.n != 2 || s.p[0] < 'A' || s.p[0] > 'Z' || s.p[1] < 'A' || s.p[1] > 'Z')
		return 0;
	return (uint16_t)((unsigned char)s.p[0] << 8 | (unsigned char)s.p[1]);
}

/* TS-0001 9.6.2.1: a group that cannot be read rejects, whoever else the rule names. */
static bool groups_match(const struct acp_rule *r, const struct acp_facts *f, bool named)
{
	for (uint32_t i = 0; i < r->n_groups; i++) {
		enum acp_member m = f->in_group ? f->in_group(f->arg, r->groups[i], named) : ACP_MEMBER_UNREADABLE;

		if (m == ACP_MEMBER_UNREADABLE)
			return false;
		named |= m == ACP_MEMBER_YES;
	}
	return named;
}

static bool is_named(const struct acp_rule *r, const struct acp_facts *f)
{
	uint32_t i;

	if (r->all)
		return true;
	if (f->from.n == 0)
		return false;
	for (i = 0; i < r->n_exact; i++) {
		if (r->hashes[i] == f->from_hash && str_eq(r->exact[i], f->from))
			return true;
	}
	for (i = 0; i < r->n_domains; i++) {
		if (who_in_domain(r->domains[i], f->from))
			return true;
	}
	for (i = 0; i < r->n_patterns; i++) {
		size_t n = r->prefixes[i];

		if (f->from.n >= n && memcmp(f->from.p, r->patterns[i].p, n) == 0 && who_matches(r->patterns[i], f->from))
			return true;
	}
	return false;
}

static bool originator_matches(const struct acp_rule *r, const struct acp_facts *f)
{
	bool named = is_named(r, f);

	if (r->n_groups && f->from.n)
		return groups_match(r, f, named);
	return named && r->n_groups == 0;
}

static bool time_matches(const struct acp_context *c, struct acp_facts *f)
{
	uint32_t i;

	if (c->n_windows == 0)
		return true;
	/* security-model 5.4: what is bound to time is denied while the clock is doubtful. */
	if (f->clock_doubtful)
		return false;
	if (f->now_us == ACP_NO_TIME)
		f->now_us = clock_wall_us(f->clock);
	for (i = 0; i < c->n_windows; i++) {
		if (window_holds(&c->windows[i], f->now_us))
			return true;
	}
	return false;
}

static bool address_matches(const struct acp_context *c, const struct acp_facts *f)
{
	uint32_t i;

	if (c->n_blocks == 0)
		return true;
	for (i = 0; f->ip && i < c->n_blocks; i++) {
		if (block_holds(&c->blocks[i], f->ip))
			return true;
	}
	return false;
}

/* Great circle on a sphere of the mean radius; a NaN compares as "outside". */
static bool in_circle(const struct acp_context *c, const struct acp_facts *f)
{
	const double rad = 3.14159265358979323846 / 180, mean_radius = 6371008.8;
	double dlat = sin((f->lat - c->lat) * rad / 2), dlon = sin((f->lon - c->lon) * rad / 2);
	double h = dlat * dlat + cos(c->lat * rad) * cos(f->lat * rad) * dlon * dlon;

	return 2 * mean_radius * asin(sqrt(h < 1 ? h : 1)) <= c->radius;
}

static bool region_matches(const struct acp_context *c, const struct acp_facts *f)
{
	uint32_t i;

	if (c->region == REGION_CIRCLE)
		return f->has_location && in_circle(c, f);
	for (i = 0; i < c->n_countries; i++) {
		if (c->countries[i] == f->country)
			return true;
	}
	return c->region == REGION_NONE;
}

static bool context_matches(const struct acp_rule *r, struct acp_facts *f)
{
	uint32_t i;

	for (i = 0; i < r->n_contexts; i++) {
		const struct acp_context *c = &r->contexts[i];

		if (!c->never && address_matches(c, f) && region_matches(c, f) && time_matches(c, f))
			return true;
	}
	return r->n_contexts == 0;
}

static bool child_listed(const struct acp_detail *d, unsigned ty)
{
	uint32_t i;

	for (i = 0; i < d->n_children; i++) {
		if (d->children[i] == ty)
			return true;
	}
	return false;
}

static bool detail_matches(const struct acp_rule *r, const struct acp_facts *f)
{
	uint32_t i;

	if (f->acop != ACOP_C)
		return true;
	for (i = 0; i < r->n_details; i++) {
		const struct acp_detail *d = &r->details[i];

		if (d->never || (d->has_ty && d->ty != f->target_ty) || (d->cnd.n && !str_eq(d->cnd, f->cnd)) ||
		    (d->has_mgd && !(f->has_mgd && d->mgd == f->mgd)))
			continue;
		if (child_listed(d, f->create_ty))
			return true;
	}
	return r->n_details == 0;
}

enum acp_reason acp_ask_rule(const struct acp_rule *r, struct acp_facts *f)
{
	if (r->never)
		return ACP_NEVER;
	if ((r->ops & f->acop) == 0)
		return ACP_OPERATION;
	if (r->authenticated && !f->authenticated)
		return ACP_AUTHENTICATION;
	if (!originator_matches(r, f))
		return ACP_ORIGINATOR;
	if (!detail_matches(r, f))
		return ACP_DETAIL;
	return context_matches(r, f) ? ACP_YES : ACP_CONTEXT;
}

bool acp_ask(const struct acp_rules *rules, struct acp_facts *f, size_t *rule)
{
	size_t i;

	for (i = 0; i < rules->n; i++) {
		if (acp_ask_rule(&rules->v[i], f) == ACP_YES) {
			if (rule)
				*rule = i;
			return true;
		}
	}
	return false;
}

static const char *first_complaint(const struct acp_rules *rules, size_t *rule)
{
	size_t i;

	for (i = 0; i < rules->n; i++) {
		const char *text = rules->v[i].never ? rules->v[i].never : rules->v[i].partly;

		if (text) {
			*rule = i;
			return text;
		}
	}
	return NULL;
}

const char *acp_complaint(const struct acp *p, bool *self, size_t *rule)
{
	const char *text = p->never;

	*rule = 0;
	*self = false;
	if (text == NULL)
		text = first_complaint(&p->pv, rule);
	if (text == NULL && (text = first_complaint(&p->pvs, rule)) != NULL)
		*self = true;
	return text;
}
