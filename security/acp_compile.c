/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the attributes of an ACP to rules that can be asked (TS-0004 6.3.5.26 to 6.3.5.28).  acp_validate and acp_new
 * read by the same functions: what one refuses the other never lets match.
 */
#include "security/acp.h"

#include <math.h>
#include <stdlib.h>

#include "cse/base/err.h"
#include "cse/model/prim.h"

struct builder {
	struct arena *a;   /* of the result */
	struct arena tmp;  /* of one list */
	const struct addr_self *self;
	bool six;
	const char *refuse; /* first reason to refuse the representation */
	size_t rules, originators, patterns, groups, conditions;
};

static bool is(const struct member *m, const char *sn)
{
	return strcmp(m->attr->sn, sn) == 0;
}

static bool is_text(const struct val *v)
{
	return v->kind == K_STR || v->kind == K_URI || v->kind == K_ID || v->kind == K_TOKEN || v->kind == K_NCNAME;
}

static bool is_list(const struct val *v)
{
	return v->kind == K_LIST;
}

static bool read_uint(const struct val *v, uint64_t *out)
{
	if (v->kind == K_UINT) {
		*out = v->u;
		return true;
	}
	if ((v->kind != K_INT && v->kind != K_ENUM) || v->i < 0)
		return false;
	*out = (uint64_t)v->i;
	return true;
}

static bool read_float(const struct val *v, double *out)
{
	if (v->kind != K_FLOAT || !isfinite(v->f))
		return false;
	*out = v->f;
	return true;
}

/* Notes a reason to refuse and gives it back as the reason why something never matches. */
static const char *refuse(struct builder *b, const char *text)
{
	if (b->refuse == NULL)
		b->refuse = text;
	return text;
}

static const char *count(struct builder *b, size_t n)
{
	b->conditions += n;
	return b->conditions > ACP_MAX_CONDITIONS ? refuse(b, "too many conditions; split the policy") : NULL;
}

/* --- originators --------------------------------------------------------------------------------------------------- */

static void keep_entities(struct builder *b, const struct who *w, size_t n, struct acp_rule *r)
{
	size_t i;

	r->exact = arena_array(b->a, r->n_exact, sizeof(*r->exact));
	r->hashes = arena_array(b->a, r->n_exact, sizeof(*r->hashes));
	r->patterns = arena_array(b->a, r->n_patterns, sizeof(*r->patterns));
	r->prefixes = arena_array(b->a, r->n_patterns, sizeof(*r->prefixes));
	r->domains = arena_array(b->a, r->n_domains, sizeof(*r->domains));
	r->groups = arena_array(b->a, r->n_groups, sizeof(*r->groups));
	r->n_exact = r->n_patterns = r->n_domains = r->n_groups = 0;
	for (i = 0; i < n; i++) {
		if (w[i].kind == WHO_GROUP) {
			r->groups[r->n_groups++] = arena_str(b->a, w[i].abs);
		} else if (w[i].kind == WHO_DOMAIN) {
			r->domains[r->n_domains++] = arena_str(b->a, w[i].abs);
		} else if (w[i].kind == WHO_ENTITY && w[i].star) {
			r->prefixes[r->n_patterns] = (uint32_t)str_index(w[i].abs, '*');
			r->patterns[r->n_patterns++] = arena_str(b->a, w[i].abs);
		} else if (w[i].kind == WHO_ENTITY) {
			r->hashes[r->n_exact] = acp_hash(w[i].abs);
			r->exact[r->n_exact++] = arena_str(b->a, w[i].abs);
		}
	}
}

static const char *read_originators(struct builder *b, const struct val *v, struct acp_rule *r)
{
	struct who *w;
	size_t i;

	if (!is_list(v) || v->list.n == 0)
		return refuse(b, "acor must be a list of at least one originator");
	b->originators += v->list.n;
	if (b->originators > ACP_MAX_ORIGINATORS)
		return refuse(b, "too many originators in acor; split the policy or use a wildcard");
	w = arena_array(&b->tmp, v->list.n, sizeof(*w));
	for (i = 0; i < v->list.n; i++) {
		if (!is_text(&v->list.v[i]) || who_parse(&b->tmp, v->list.v[i].s, b->self, true, &w[i]) != 0)
			return refuse(b, "acor must hold AE-IDs, CSE-IDs, \"all\", //domains, groups or roles; * stands inside one "
			                 "path element and not alone");
		r->all |= w[i].kind == WHO_ALL;
		r->n_domains += w[i].kind == WHO_DOMAIN;
		r->n_patterns += w[i].kind == WHO_ENTITY && w[i].star;
		r->n_exact += w[i].kind == WHO_ENTITY && !w[i].star;
		r->n_groups += w[i].kind == WHO_GROUP;
	}
	b->groups += r->n_groups;
	if (b->groups > ACP_MAX_GROUPS)
		return refuse(b, "too many groups in acor; split the policy");
	b->patterns += r->n_patterns;
	if (b->patterns > ACP_MAX_PATTERNS)
		return refuse(b, "too many originators with * in acor; split the policy");
	keep_entities(b, w, v->list.n, r);
	return NULL;
}

/* --- contexts ------------------------------------------------------------------------------------------------------ */

static const char *read_windows(struct builder *b, const struct val *v, struct acp_context *c)
{
	const char *why;
	size_t i;

	if (!is_list(v))
		return refuse(b, "actw must be a list");
	why = count(b, v->list.n);
	if (why)
		return why;
	c->windows = arena_array(b->a, v->list.n, sizeof(*c->windows));
	for (i = 0; i < v->list.n; i++) {
		if (!is_text(&v->list.v[i]) || window_parse(b->a, v->list.v[i].s, b->six, &c->windows[i]) != 0)
			return refuse(b, "actw must hold \"second minute hour day month weekday year\", each *, numbers, a-b, a-b/n");
		c->n_windows++;
	}
	return NULL;
}

static const char *read_blocks(struct builder *b, const struct val *v, unsigned family, struct acp_context *c)
{
	struct block *all;
	const char *why;
	size_t i;

	if (!is_list(v))
		return refuse(b, "ipv4 and ipv6 must be lists");
	why = count(b, v->list.n);
	if (why)
		return why;
	all = arena_array(b->a, c->n_blocks + v->list.n, sizeof(*all));
	if (c->n_blocks)
		memcpy(all, c->blocks, c->n_blocks * sizeof(*all));
	c->blocks = all;
	for (i = 0; i < v->list.n; i++) {
		if (!is_text(&v->list.v[i]) || block_parse(v->list.v[i].s, family, &all[c->n_blocks]) != 0)
			return refuse(b, family == 4 ? "ipv4 must hold addresses such as 10.0.0.1 or 10.0.0.0/8"
			                             : "ipv6 must hold addresses such as fd00::1 or fd00::/8");
		c->n_blocks++;
	}
	return NULL;
}

static const char *read_addresses(struct builder *b, const struct val *v, struct acp_context *c)
{
	uint32_t i;

	if (v->kind != K_OBJ)
		return refuse(b, "acip must hold ipv4 and ipv6");
	for (i = 0; i < v->o->n; i++) {
		const struct member *m = &v->o->m[i];
		const char *why;

		if (!is(m, "ipv4") && !is(m, "ipv6"))
			return refuse(b, "acip has a member that is not known");
		why = read_blocks(b, &m->v, is(m, "ipv4") ? 4 : 6, c);
		if (why)
			return why;
	}
	return NULL;
}

static const char *read_circle(struct builder *b, const struct val *v, struct acp_context *c)
{
	if (!is_list(v) || v->list.n != 3 || !read_float(&v->list.v[0], &c->lat) || !read_float(&v->list.v[1], &c->lon) ||
	    !read_float(&v->list.v[2], &c->radius) || fabs(c->lat) > 90 || fabs(c->lon) > 180 || c->radius < 0)
		return refuse(b, "accr must be [latitude, longitude, radius in metres]");
	c->region = REGION_CIRCLE;
	return NULL;
}

static const char *read_countries(struct builder *b, const struct val *v, struct acp_context *c)
{
	const char *why;
	size_t i;

	if (!is_list(v))
		return refuse(b, "accc must be a list");
	why = count(b, v->list.n);
	if (why)
		return why;
	c->countries = arena_array(b->a, v->list.n, sizeof(*c->countries));
	for (i = 0; i < v->list.n; i++) {
		c->countries[i] = is_text(&v->list.v[i]) ? acp_country(v->list.v[i].s) : 0;
		if (c->countries[i] == 0)
			return refuse(b, "accc must hold country codes of two capital letters");
		c->n_countries++;
	}
	if (c->n_countries)
		c->region = REGION_COUNTRIES;
	return NULL;
}

static const char *read_region(struct builder *b, const struct val *v, struct acp_context *c)
{
	uint32_t i;

	if (v->kind != K_OBJ)
		return refuse(b, "aclr must hold accr or accc");
	/* TS-0004 6.3.5.28: a choice. */
	if (v->o->n > 1)
		return refuse(b, "aclr must hold either accr or accc");
	for (i = 0; i < v->o->n; i++) {
		const struct member *m = &v->o->m[i];
		const char *why = is(m, "accr") ? read_circle(b, &m->v, c)
		                : is(m, "accc") ? read_countries(b, &m->v, c)
		                                : refuse(b, "aclr has a member that is not known");

		if (why)
			return why;
	}
	return NULL;
}

static const char *read_context(struct builder *b, const struct val *v, struct acp_context *c)
{
	uint32_t i;

	if (v->kind != K_OBJ)
		return refuse(b, "acco must hold actw, acip or aclr");
	for (i = 0; i < v->o->n; i++) {
		const struct member *m = &v->o->m[i];
		const char *why = is(m, "actw") ? read_windows(b, &m->v, c)
		                : is(m, "acip") ? read_addresses(b, &m->v, c)
		                : is(m, "aclr") ? read_region(b, &m->v, c)
		                                : refuse(b, "acco has a member that is not known");

		if (why)
			return why;
	}
	/* security-model 1.6: not refused, but it opens nothing. */
	if (c->n_windows == 0 && c->n_blocks == 0 && c->region == REGION_NONE)
		return "a context in acco says nothing";
	return NULL;
}

static const char *read_contexts(struct builder *b, const struct val *v, struct acp_rule *r)
{
	const char *why;
	size_t i;

	if (!is_list(v))
		return refuse(b, "acco must be a list");
	why = count(b, v->list.n);
	if (why)
		return why;
	r->n_contexts = (uint32_t)v->list.n;
	r->contexts = arena_array(b->a, v->list.n, sizeof(*r->contexts));
	for (i = 0; i < v->list.n; i++) {
		why = read_context(b, &v->list.v[i], &r->contexts[i]);
		r->contexts[i].never = why != NULL;
		if (why && r->partly == NULL)
			r->partly = why;
	}
	return NULL;
}

/* --- object details ------------------------------------------------------------------------------------------------ */

static const char *read_specialization(struct builder *b, const struct val *v, struct acp_detail *d)
{
	const struct member *m = v->kind == K_OBJ && v->o->n == 1 ? &v->o->m[0] : NULL;

	if (m && is(m, "cnd") && is_text(&m->v) && m->v.s.n) {
		d->cnd = arena_str(b->a, m->v.s);
		return NULL;
	}
	if (m && is(m, "mgd") && read_uint(&m->v, &d->mgd)) {
		d->has_mgd = true;
		return NULL;
	}
	return refuse(b, "spty must hold either cnd or mgd");
}

static const char *read_children(struct builder *b, const struct val *v, struct acp_detail *d)
{
	const char *why;
	size_t i;

	if (!is_list(v) || v->list.n == 0)
		return refuse(b, "chty must be a list of at least one resource type");
	why = count(b, v->list.n);
	if (why)
		return why;
	d->children = arena_array(b->a, v->list.n, sizeof(*d->children));
	for (i = 0; i < v->list.n; i++) {
		if (!read_uint(&v->list.v[i], &d->children[i]))
			return refuse(b, "chty must hold numbers of resource types");
		d->n_children++;
	}
	return NULL;
}

static const char *read_detail(struct builder *b, const struct val *v, struct acp_detail *d)
{
	uint32_t i;

	if (v->kind != K_OBJ)
		return refuse(b, "acod must hold chty, and may hold ty and spty");
	for (i = 0; i < v->o->n; i++) {
		const struct member *m = &v->o->m[i];
		const char *why = NULL;

		if (is(m, "chty"))
			why = read_children(b, &m->v, d);
		else if (is(m, "spty"))
			why = read_specialization(b, &m->v, d);
		else if (is(m, "ty") && read_uint(&m->v, &d->ty))
			d->has_ty = true;
		else
			why = refuse(b, is(m, "ty") ? "ty in acod must be the number of a resource type"
			                            : "acod has a member that is not known");
		if (why)
			return why;
	}
	return d->n_children ? NULL : refuse(b, "acod must hold chty (TS-0003 table 7.1.3-4)");
}

static const char *read_details(struct builder *b, const struct val *v, struct acp_rule *r)
{
	const char *why;
	size_t i;

	if (!is_list(v))
		return refuse(b, "acod must be a list");
	why = count(b, v->list.n);
	if (why)
		return why;
	r->n_details = (uint32_t)v->list.n;
	r->details = arena_array(b->a, v->list.n, sizeof(*r->details));
	for (i = 0; i < v->list.n; i++) {
		why = read_detail(b, &v->list.v[i], &r->details[i]);
		r->details[i].never = why != NULL;
		if (why && r->partly == NULL)
			r->partly = why;
	}
	return NULL;
}

/* --- rules --------------------------------------------------------------------------------------------------------- */

static const char *read_member(struct builder *b, const struct member *m, struct acp_rule *r)
{
	uint64_t ops;

	if (is(m, "acor"))
		return read_originators(b, &m->v, r);
	if (is(m, "acco"))
		return read_contexts(b, &m->v, r);
	if (is(m, "acod"))
		return read_details(b, &m->v, r);
	if (is(m, "acop") && read_uint(&m->v, &ops) && ops >= 1 && ops <= ACOP_ALL) {
		r->ops = (uint8_t)ops;
		return NULL;
	}
	if (is(m, "acaf") && m->v.kind == K_BOOL) {
		r->authenticated = m->v.b;
		return NULL;
	}
	return refuse(b, is(m, "acop") ? "acop must be a sum of operations, 1 to 63"
	               : is(m, "acaf") ? "acaf must be true or false"
	                               : "a rule has a member that is not known");
}

static void read_rule(struct builder *b, const struct val *v, struct acp_rule *r)
{
	bool has_acor = false;
	uint32_t i;

	if (v->kind != K_OBJ) {
		r->never = refuse(b, "acr must hold rules");
		return;
	}
	for (i = 0; i < v->o->n; i++) {
		const char *why = read_member(b, &v->o->m[i], r);

		has_acor |= is(&v->o->m[i], "acor");
		if (why)
			r->never = why;
		arena_reset(&b->tmp);
	}
	if (!has_acor)
		r->never = refuse(b, "a rule needs acor");
	if (r->ops == 0)
		r->never = refuse(b, "a rule needs acop");
}

/* A set of rules without any (pv may be so) is an empty one. */
static void read_rules(struct builder *b, const struct val *v, struct acp_rules *out)
{
	const struct val *acr = NULL;
	size_t i;

	if (v->kind != K_OBJ || v->o->n > 1 || (v->o->n == 1 && !is(&v->o->m[0], "acr"))) {
		refuse(b, "pv and pvs must hold acr and nothing else");
		return;
	}
	if (v->o->n == 1)
		acr = &v->o->m[0].v;
	if (acr == NULL)
		return;
	if (!is_list(acr)) {
		refuse(b, "acr must be a list");
		return;
	}
	b->rules += acr->list.n;
	if (b->rules > ACP_MAX_RULES) {
		refuse(b, "too many rules; split the policy");
		return;
	}
	out->v = arena_array(b->a, acr->list.n, sizeof(*out->v));
	out->n = acr->list.n;
	for (i = 0; i < out->n; i++)
		read_rule(b, &acr->list.v[i], &out->v[i]);
}

/* TS-0001 9.6.2.0: adri and apri count only where there is no pv, and nobody is asked yet. */
static void read_all(struct builder *b, const struct obj *o, struct acp *p)
{
	const struct val *pv = obj_find(o, "pv"), *pvs = obj_find(o, "pvs");

	arena_init(&b->tmp, 512);
	if (pv)
		read_rules(b, pv, &p->pv);
	else
		p->never = "there is no pv, and no decision is asked for elsewhere";
	if (pvs)
		read_rules(b, pvs, &p->pvs);
	arena_fini(&b->tmp);
}

struct acp *acp_new(const struct obj *o, const struct addr_self *self, bool six)
{
	struct arena mem;
	struct acp *p;
	struct builder b = { .self = self, .six = six };

	arena_init(&mem, 1024);
	p = ARENA_NEW(&mem, struct acp);
	p->magic = ACP_MAGIC;
	atomic_init(&p->refs, 1);
	b.a = &mem;
	read_all(&b, o, p);
	p->mem = mem;
	return p;
}

enum rsc acp_validate(const struct obj *acp, const struct addr_self *self, bool six_fields, struct why *w)
{
	struct arena mem;
	struct acp p = { 0 };
	struct builder b = { .self = self, .six = six_fields };
	enum rsc rsc = RSC_NONE;
	const struct val *pvs = obj_find(acp, "pvs");

	arena_init(&mem, 1024);
	b.a = &mem;
	read_all(&b, acp, &p);
	if (b.refuse)
		rsc = why_set(w, RSC_BAD_REQUEST, "%s", b.refuse);
	else if (pvs && p.pvs.n == 0) /* TS-0001 9.6.2.0 */
		rsc = why_set(w, RSC_BAD_REQUEST, "pvs needs at least one rule, or nobody could ever change the policy");
	arena_fini(&mem);
	return rsc;
}
