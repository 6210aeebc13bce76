/* SPDX-License-Identifier: Apache-2.0 */
/* Filter criteria: which are supported, how kinds are joined, and whether what memory knows of a resource matches. */
#include "cse/core/filter.h"

#include "cse/core/geo.h"
#include "cse/core/jpath.h"
#include "cse/core/labelq.h"

#define BIT(id) (UINT64_C(1) << (id))

enum { FU_DISCOVERY = 1, FU_CONDITIONAL = 2, FU_IPE = 3, FO_AND = 1, FO_OR = 2, FO_XOR = 3 };

/* --- checks ------------------------------------------------------------------------------------------------------ */

static enum rsc check_usage(struct prim *p)
{
	const struct filter *f = p->fc;

	if (!filter_has(f, FC_FU))
		return RSC_NONE;
	if (f->fu < FU_DISCOVERY || f->fu > FU_IPE)
		return prim_fail(p, RSC_BAD_REQUEST, "filterUsage (fu) must be 1, 2 or 3");
	if (f->fu != FU_CONDITIONAL && p->op != OP_RETRIEVE)
		return prim_fail(p, RSC_BAD_REQUEST, "a discovery (filterUsage, fu) must be a RETRIEVE");
	if (f->fu == FU_IPE)
		return prim_fail(p, RSC_NOT_IMPLEMENTED, "filterUsage (fu) 3 is not supported by this CSE");
	return RSC_NONE;
}

static enum rsc check_handling(struct prim *p)
{
	const struct filter *f = p->fc;

	if (filter_has(f, FC_FO) && (f->fo < FO_AND || f->fo > FO_XOR))
		return prim_fail(p, RSC_BAD_REQUEST, "filterOperation (fo) must be 1, 2 or 3");
	if ((filter_has(f, FC_LIM) && f->lim < 1) || (filter_has(f, FC_LVL) && f->lvl < 1) ||
	    (filter_has(f, FC_OFST) && f->ofst < 1))
		return prim_fail(p, RSC_BAD_REQUEST, "limit (lim), level (lvl) and offset (ofst) must be at least 1");
	if (filter_has(f, FC_OPS) && f->ops > ACOP_ALL)
		return prim_fail(p, RSC_BAD_REQUEST, "operations (ops) must be a sum of accessControlOperations, at most 63");
	if (!filter_has(f, FC_ARP))
		return RSC_NONE;
	if (!f->arp.n || f->arp.n > FILTER_PATH || f->arp.p[0] == '/')
		return prim_fail(p, RSC_BAD_REQUEST, "applyRelativePath (arp) must be a path that does not begin with /, of at most %d bytes",
		                 FILTER_PATH);
	if (prim_has(p, P_RCN) && (p->rcn == RCN_ATTRS_CHILDREN || p->rcn == RCN_CHILDREN))
		return prim_fail(p, RSC_BAD_REQUEST, "applyRelativePath (arp) leads away from children: resultContent (rcn) 4 and 8 exclude it");
	return RSC_NONE;
}

/* TS-0004 7.3.3.17.9: what other conditions are for. */
static enum rsc check_pairs(struct prim *p, const char *condition, const struct filter_pair *v, size_t n)
{
	static const char *const others[] = { "ct", "lt", "st", "et", "lbl", "ty", "cs", "cnf" };

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < ARRAY_LEN(others); k++)
			if (str_eqz(v[i].name, others[k]))
				return prim_fail(p, RSC_BAD_REQUEST, "%s: %s has conditions of its own", condition, others[k]);
	return RSC_NONE;
}

static enum rsc check_size(struct prim *p)
{
	const struct filter *f = p->fc;
	size_t n = f->lbl.n + f->clbl.n + f->palb.n + f->n_ty + f->n_chty + f->n_pty + f->cty.n + f->n_atr + f->n_catr + f->n_patr;

	if (n > FILTER_ELEMENTS)
		return prim_fail(p, RSC_BAD_REQUEST, "the filter criteria must not hold more than %d values", FILTER_ELEMENTS);
	return RSC_NONE;
}

static enum rsc check_content_query(struct prim *p)
{
	struct filter *f = p->fc;
	struct jpath *q = NULL;
	enum rsc rsc;

	if (!filter_has(f, FC_CFS) && !filter_has(f, FC_CFQ))
		return RSC_NONE;
	if (!filter_has(f, FC_CFS) || !filter_has(f, FC_CFQ))
		return prim_fail(p, RSC_BAD_REQUEST, "contentFilterSyntax (cfs) and contentFilterQuery (cfq) go together");
	if (f->cfs != 1)
		return prim_fail(p, RSC_BAD_REQUEST, "contentFilterSyntax (cfs) must be 1 (JSON path)");
	rsc = jpath_parse(p->arena, f->cfq, &q, &p->why);
	f->content_query = q;
	return rsc;
}

static enum rsc check_place(struct prim *p)
{
	struct filter *f = p->fc;
	bool gmty = filter_has(f, FC_GMTY), geom = filter_has(f, FC_GEOM), gsf = filter_has(f, FC_GSF);
	const char *fault;

	if (!gmty && !geom && !gsf)
		return RSC_NONE;
	if (!gmty || !geom || !gsf)
		return prim_fail(p, RSC_BAD_REQUEST,
		                 "geometryType (gmty), geometry (geom) and geoSpatialFunction (gsf) go together");
	if (f->gmty < GEO_POINT || f->gmty > GEO_POLYGONS)
		return prim_fail(p, RSC_BAD_REQUEST, "geometryType (gmty) must be 1 to 6");
	if (f->gsf < GEO_WITHIN || f->gsf > GEO_INTERSECTS)
		return prim_fail(p, RSC_BAD_REQUEST, "geoSpatialFunction (gsf) must be 1, 2 or 3");
	f->place = geo_parse(p->arena, (enum geo_type)f->gmty, f->geom, GEO_QUERY_POINTS, &fault);
	return f->place ? RSC_NONE : prim_fail(p, RSC_BAD_REQUEST, "geometry (geom): %s", fault);
}

static enum rsc check_label_query(struct prim *p)
{
	struct labelq *q = NULL;
	enum rsc rsc;

	if (!filter_has(p->fc, FC_LBQ))
		return RSC_NONE;
	rsc = labelq_parse(p->arena, p->fc->lbq, &q, &p->why);
	p->fc->label_query = q;
	return rsc;
}

enum rsc filter_check(struct prim *p)
{
	const struct filter *f = p->fc;
	enum rsc rsc;

	if (!f)
		return RSC_NONE;
	if (filter_has(f, FC_SMF))
		return prim_fail(p, RSC_NOT_IMPLEMENTED,
		                 "semanticsFilter (smf) asks semantic descriptions, which this CSE does not support");
	if ((rsc = check_usage(p)) || (rsc = check_handling(p)) || (rsc = check_size(p)) ||
	    (rsc = check_pairs(p, "attribute (atr)", f->atr, f->n_atr)) ||
	    (rsc = check_pairs(p, "childAttribute (catr)", f->catr, f->n_catr)) ||
	    (rsc = check_pairs(p, "parentAttribute (patr)", f->patr, f->n_patr)) || (rsc = check_label_query(p)) ||
	    (rsc = check_content_query(p)) || (rsc = check_place(p)))
		return rsc;
	return RSC_NONE;
}

/* --- kinds ------------------------------------------------------------------------------------------------------- */

static const uint64_t criteria[KD_COUNT] = {
	[KD_TY] = BIT(FC_TY),
	[KD_CT] = BIT(FC_CRB) | BIT(FC_CRA),
	[KD_LT] = BIT(FC_MS) | BIT(FC_US),
	[KD_ET] = BIT(FC_EXB) | BIT(FC_EXA),
	[KD_ST] = BIT(FC_STS) | BIT(FC_STB),
	[KD_SIZE] = BIT(FC_SZA) | BIT(FC_SZB),
	[KD_LBL] = BIT(FC_LBL),
	[KD_LBQ] = BIT(FC_LBQ),
	[KD_PTY] = BIT(FC_PTY),
	[KD_PALB] = BIT(FC_PALB),
	[KD_PATR] = BIT(FC_PATR),
	[KD_ATR] = BIT(FC_ATR),
	[KD_CTY] = BIT(FC_CTY),
	[KD_CFQ] = BIT(FC_CFQ),
	[KD_GEO] = BIT(FC_GEOM),
	[KD_CHTY] = BIT(FC_CHTY),
	[KD_CLBL] = BIT(FC_CLBL),
	[KD_CATR] = BIT(FC_CATR),
};

unsigned filter_kinds(const struct filter *f)
{
	unsigned kinds = 0;

	for (unsigned k = 0; f && k < KD_COUNT; k++)
		if (f->has & criteria[k])
			kinds |= KIND(k);
	return kinds;
}

bool filter_selects(const struct filter *f)
{
	return filter_kinds(f) != 0;
}

int filter_decided(uint64_t fo, unsigned asked, unsigned known, unsigned met)
{
	bool all = (asked & ~known) == 0;

	switch (fo) {
	case FO_OR:
		return met & asked ? 1 : all ? 0 : -1;
	case FO_XOR: /* Release 4: exactly one */
		met &= asked;
		return met & (met - 1) ? 0 : all ? met != 0 : -1;
	default:
		return asked & known & ~met ? 0 : all ? 1 : -1;
	}
}

/* --- conditions in memory; one function per attribute that is looked at ------------------------------------------ */

static bool in(int64_t v, bool has_from, int64_t from, bool has_to, int64_t to)
{
	return (!has_from || from <= v) && (!has_to || v < to);
}

static bool by_st(const struct filter *f, const struct filter_subject *s)
{
	return s->has_st && (!filter_has(f, FC_STB) || f->stb <= s->st) && (!filter_has(f, FC_STS) || s->st < f->sts);
}

static bool by_size(const struct filter *f, const struct filter_subject *s)
{
	return s->has_size && (!filter_has(f, FC_SZA) || f->sza <= s->size) && (!filter_has(f, FC_SZB) || s->size < f->szb);
}

bool filter_labelled(const struct strs *want, const struct strs *have)
{
	for (size_t i = 0; i < want->n; i++)
		for (size_t k = 0; k < have->n; k++)
			if (str_eq(want->v[i], have->v[k]))
				return true;
	return false;
}

bool filter_typed(const uint64_t *want, size_t n, unsigned ty)
{
	for (size_t i = 0; i < n; i++)
		if (want[i] == ty)
			return true;
	return false;
}

bool filter_kind(const struct filter *f, enum filter_kind k, const struct filter_subject *s)
{
	switch (k) {
	case KD_TY:
		return filter_typed(f->ty, f->n_ty, s->ty);
	case KD_CT:
		return in(s->ct, filter_has(f, FC_CRA), f->cra, filter_has(f, FC_CRB), f->crb);
	case KD_LT:
		return in(s->lt, filter_has(f, FC_MS), f->ms, filter_has(f, FC_US), f->us);
	case KD_ET:
		return in(s->et, filter_has(f, FC_EXA), f->exa, filter_has(f, FC_EXB), f->exb);
	case KD_ST:
		return by_st(f, s);
	case KD_SIZE:
		return by_size(f, s);
	case KD_LBL:
		return filter_labelled(&f->lbl, &s->lbl);
	case KD_LBQ:
		return f->label_query && labelq_match(f->label_query, &s->lbl);
	default:
		UNREACHABLE();
	}
}

bool filter_match(const struct filter *f, const struct filter_subject *s)
{
	unsigned asked = filter_kinds(f), known = asked & ~(KIND(KD_LBQ + 1) - 1), met = 0;
	uint64_t fo = filter_has(f, FC_FO) ? f->fo : FO_AND;
	int yes = asked ? filter_decided(fo, asked, known, met) : 1;

	for (unsigned k = KD_TY; yes < 0 && k <= KD_LBQ; k++) {
		if (!(asked & KIND(k)))
			continue;
		known |= KIND(k);
		met |= filter_kind(f, (enum filter_kind)k, s) ? KIND(k) : 0;
		yes = filter_decided(fo, asked, known, met);
	}
	return yes > 0;
}
