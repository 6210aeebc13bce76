/* SPDX-License-Identifier: Apache-2.0 */
/* Filter criteria: which are supported, and whether a resource matches. */
#include "cse/core/filter.h"

#define BIT(id) (UINT64_C(1) << (id))

static const uint64_t handling = BIT(FC_FU) | BIT(FC_FO) | BIT(FC_LIM) | BIT(FC_LVL) | BIT(FC_OFST);
static const uint64_t conditions = BIT(FC_CRB) | BIT(FC_CRA) | BIT(FC_MS) | BIT(FC_US) | BIT(FC_STS) | BIT(FC_STB) |
                                   BIT(FC_EXB) | BIT(FC_EXA) | BIT(FC_LBL) | BIT(FC_TY) | BIT(FC_SZA) | BIT(FC_SZB);

enum { FU_DISCOVERY = 1, FU_CONDITIONAL = 2, FU_IPE = 3, FO_AND = 1, FO_OR = 2 };

enum rsc filter_check(struct prim *p)
{
	const struct filter *f = p->fc;

	if (!f)
		return RSC_NONE;
	if (filter_has(f, FC_FU) && (f->fu < FU_DISCOVERY || f->fu > FU_IPE))
		return prim_fail(p, RSC_BAD_REQUEST, "filterUsage (fu) must be 1, 2 or 3");
	if (filter_has(f, FC_FU) && f->fu != FU_CONDITIONAL && p->op != OP_RETRIEVE)
		return prim_fail(p, RSC_BAD_REQUEST, "a discovery (filterUsage, fu) must be a RETRIEVE");
	if (filter_has(f, FC_FU) && f->fu == FU_IPE)
		return prim_fail(p, RSC_NOT_IMPLEMENTED, "filterUsage (fu) 3 is not supported by this CSE");
	if (f->has & ~(handling | conditions))
		return prim_fail(p, RSC_NOT_IMPLEMENTED,
		                 "the filter criteria may be crb cra ms us sts stb exb exa lbl ty sza szb fu fo lim lvl ofst; "
		                 "others are not supported by this CSE");
	if (filter_has(f, FC_FO) && f->fo != FO_AND && f->fo != FO_OR)
		return prim_fail(p, f->fo == 3 ? RSC_NOT_IMPLEMENTED : RSC_BAD_REQUEST, "filterOperation (fo) must be 1 or 2");
	if ((filter_has(f, FC_LIM) && f->lim < 1) || (filter_has(f, FC_LVL) && f->lvl < 1) ||
	    (filter_has(f, FC_OFST) && f->ofst < 1))
		return prim_fail(p, RSC_BAD_REQUEST, "limit (lim), level (lvl) and offset (ofst) must be at least 1");
	return RSC_NONE;
}

bool filter_selects(const struct filter *f)
{
	return f && (f->has & conditions);
}

bool filter_needs_body(const struct filter *f)
{
	return f && (f->has & (BIT(FC_EXB) | BIT(FC_EXA)));
}

bool filter_needs_labels(const struct filter *f)
{
	return filter_has(f, FC_LBL);
}

/* --- conditions; one function per attribute that is looked at ---------------------------------------------------- */

static bool in(int64_t v, bool has_from, int64_t from, bool has_to, int64_t to)
{
	return (!has_from || from <= v) && (!has_to || v < to);
}

static bool by_ct(const struct filter *f, const struct filter_subject *s)
{
	return in(s->ct, filter_has(f, FC_CRA), f->cra, filter_has(f, FC_CRB), f->crb);
}

static bool by_lt(const struct filter *f, const struct filter_subject *s)
{
	return in(s->lt, filter_has(f, FC_MS), f->ms, filter_has(f, FC_US), f->us);
}

static bool by_et(const struct filter *f, const struct filter_subject *s)
{
	return in(s->et, filter_has(f, FC_EXA), f->exa, filter_has(f, FC_EXB), f->exb);
}

static bool by_st(const struct filter *f, const struct filter_subject *s)
{
	return s->has_st && (!filter_has(f, FC_STB) || f->stb <= s->st) && (!filter_has(f, FC_STS) || s->st < f->sts);
}

static bool by_size(const struct filter *f, const struct filter_subject *s)
{
	return s->has_size && (!filter_has(f, FC_SZA) || f->sza <= s->size) && (!filter_has(f, FC_SZB) || s->size < f->szb);
}

static bool by_lbl(const struct filter *f, const struct filter_subject *s)
{
	for (size_t i = 0; i < f->lbl.n; i++)
		for (size_t k = 0; k < s->lbl.n; k++)
			if (str_eq(f->lbl.v[i], s->lbl.v[k]))
				return true;
	return false;
}

static bool by_ty(const struct filter *f, const struct filter_subject *s)
{
	for (size_t i = 0; i < f->n_ty; i++)
		if (f->ty[i] == s->ty)
			return true;
	return false;
}

static const struct {
	uint64_t when;
	bool (*match)(const struct filter *f, const struct filter_subject *s);
} tests[] = {
	{ BIT(FC_TY), by_ty },
	{ BIT(FC_CRB) | BIT(FC_CRA), by_ct },
	{ BIT(FC_MS) | BIT(FC_US), by_lt },
	{ BIT(FC_EXB) | BIT(FC_EXA), by_et },
	{ BIT(FC_STS) | BIT(FC_STB), by_st },
	{ BIT(FC_SZA) | BIT(FC_SZB), by_size },
	{ BIT(FC_LBL), by_lbl },
};

bool filter_match(const struct filter *f, const struct filter_subject *s)
{
	bool any = filter_has(f, FC_FO) && f->fo == FO_OR;

	if (!filter_selects(f))
		return true;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (!(f->has & tests[i].when))
			continue;
		if (tests[i].match(f, s) == any)
			return any;
	}
	return !any;
}
