/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request and response primitives (TS-0004 6.4, 7.2.1), free of any binding.  A binding fills struct prim as it finds
 * the parameters; what they mean together is judged behind the gate, in one place for all bindings.
 */
#ifndef MODEL_PRIM_H
#define MODEL_PRIM_H

#include "cse/model/res.h"
#include "cse/model/rsc.h"

enum op { OP_NONE, OP_CREATE, OP_RETRIEVE, OP_UPDATE, OP_DELETE, OP_NOTIFY };
/* m2m:accessControlOperations bits (TS-0004 6.3.4.2.29). */
enum { ACOP_C = 1, ACOP_R = 2, ACOP_U = 4, ACOP_D = 8, ACOP_N = 16, ACOP_DISC = 32, ACOP_ALL = 63 };
enum rcn { RCN_NOTHING, RCN_ATTRS, RCN_ADDR, RCN_ADDR_ATTRS, RCN_ATTRS_CHILDREN, RCN_ATTRS_REFS, RCN_REFS,
	RCN_ORIGINAL, RCN_CHILDREN, RCN_MODIFIED, RCN_SEMANTIC, RCN_MAX = RCN_SEMANTIC };
enum rvi { RVI_1, RVI_2, RVI_2A, RVI_3, RVI_4, RVI_5 };

enum param {
#define PARAM(id, sn, ln, kind, list, header, query) id,
#include "cse/model/param.def"
#undef PARAM
	PARAM_COUNT
};
struct param_row {
	const char *sn, *ln, *header, *query;
	enum kind kind;
	bool list;
};
const struct param_row *param_row(enum param p);
/* By short name; -1 when unknown. */
int param_by_sn(struct str sn);
/* The structured type of a whole request primitive: its members stand in the order of enum param. */
const struct complex *param_complex(void);

/* A name and a value of an attribute condition, as text. */
struct filter_pair {
	struct str name, value;
};
/* filterCriteria (TS-0004 6.3.5.8).  `has` has bit FC_x for each member present. */
enum fc {
	FC_CRB, FC_CRA, FC_MS, FC_US, FC_STS, FC_STB, FC_EXB, FC_EXA, FC_LBL, FC_CLBL, FC_PALB, FC_LBQ, FC_TY, FC_CHTY, FC_PTY,
	FC_SZA, FC_SZB, FC_CTY, FC_ATR, FC_CATR, FC_PATR, FC_SMF, FC_FU, FC_FO, FC_LIM, FC_LVL, FC_OFST, FC_ARP, FC_CFS,
	FC_CFQ, FC_GMTY, FC_GEOM, FC_GSF, FC_OPS, FC_COUNT
};
struct strs {
	struct str *v;
	size_t n;
};
struct labelq;
struct jpath;
struct geo;
struct filter {
	uint64_t has;
	int64_t crb, cra, ms, us, exb, exa; /* µs */
	uint64_t sts, stb, sza, szb, lim, lvl, ofst, fu, fo, cfs, gmty, gsf, ops;
	uint64_t *ty, *chty, *pty;
	size_t n_ty, n_chty, n_pty;
	struct strs lbl, clbl, palb, cty, smf;
	struct str lbq, arp, cfq, geom;
	struct filter_pair *atr, *catr, *patr;
	size_t n_atr, n_catr, n_patr;
	/* lbq, cfq and geom as core/filter.c has read them. */
	const struct labelq *label_query;
	const struct jpath *content_query;
	const struct geo *place;
};
/* Nothing asked, and what then holds: fo AND, ofst 1, lim and lvl without bound (TS-0004 6.3.5.8, 7.3.3.17). */
void filter_init(struct filter *f);
/* By short name; -1 when unknown. */
int filter_by_sn(struct str sn);
/* From the decoded m2m:filterCriteria. */
enum rsc filter_take(struct arena *a, struct filter *f, const struct obj *o, struct why *w);
/* From text, as in a query: lists (ty, lbl, cty ...) grow by one element a call, another condition twice is BAD_REQUEST.
 * Not for atr, catr, patr: filter_add. */
enum rsc filter_read(struct arena *a, struct filter *f, enum fc id, struct str text, struct why *w);
/* One more attribute condition; id is FC_ATR, FC_CATR or FC_PATR. */
void filter_add(struct arena *a, struct filter *f, enum fc id, struct str name, struct str value);
/* As m2m:filterCriteria, for encoding; values of attribute conditions become text. */
struct obj *filter_obj(struct arena *a, const struct filter *f);
/* One more element. */
void strs_add(struct arena *a, struct strs *l, struct str s);

/* What a decoder accepts at most; the gate makes it of the configuration. */
struct codec_limits {
	size_t depth;  /* nesting */
	size_t values; /* values in all */
};

/* Primitive content after decoding. */
enum content_kind { PC_NONE, PC_RES, PC_ATRL, PC_ROOT };
struct content {
	enum content_kind kind;
	struct res *res;        /* PC_RES: a resource representation; root element = res->type->sn */
	struct strs atrl;       /* PC_ATRL: m2m:atrl */
	const struct attr *root; /* PC_ROOT: m2m:sgn, m2m:rsp ...; v holds it */
	struct val v;
};

#define PRIM_MAGIC 0x7072696du
struct prim {
	uint32_t magic;
	struct arena *arena;
	uint32_t has;         /* bit P_x for each parameter present */
	enum op op;
	struct str to, fr, rqi, rvi_text, vsi, gid, rset, rqet, oet, rp, ot;
	enum rvi rvi;
	uint64_t ty, rcn, ec, drt, rtv;
	struct strs rt_nu, rids, tkns, tids, ltids, grtm, aus;
	bool da, tqi, asi, auri, sqi;
	struct filter *fc;    /* NULL when absent */
	struct content pc;
	struct str raw;       /* the content (or the whole primitive) as it came, for who compares two requests */
	struct strs atrl;     /* partial retrieve named by the binding (HTTP atrl= or '#') */
	struct why why;       /* first failure */
};

/* Everything absent; rvi is then 1 (TS-0004 7.3.2.1). */
void prim_init(struct prim *p, struct arena *a);
static inline bool prim_has(const struct prim *p, enum param id) { return (p->has >> id) & 1; }
/* Records why and returns rsc: `return prim_fail(p, RSC_BAD_REQUEST, "mni must be positive")`. */
enum rsc prim_fail(struct prim *p, enum rsc rsc, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Fills one parameter and its bit in `has` from a typed value of the parameter's kind (codecs), or from text (headers,
 * queries: lists grow by one element a call, booleans are true, false, 1 or 0, rt is its rtv).  Not for P_PC; P_FC has
 * no text.  BAD_REQUEST for a value that is none or a parameter that comes twice, RELEASE_VERSION_NOT_SUPPORTED for rvi;
 * p->why tells. */
enum rsc prim_take(struct prim *p, enum param id, const struct val *v);
enum rsc prim_read(struct prim *p, enum param id, struct str text);
/* The other way round: the value of a parameter that is present, of its row in param_complex; not for P_PC.  What has to
 * be made lies in p->arena. */
struct val prim_value(const struct prim *p, enum param id);

/* A response primitive.  Content is one root element, ready to encode. */
struct resp {
	enum rsc rsc;
	struct str rqi;
	struct str rvi;        /* empty: leave out (Release 1 request) */
	struct str vsi, fr, to;
	bool has_pc;
	const struct attr *root; /* m2m:cnt, m2m:uri, m2m:rce, m2m:uril, m2m:rrl, m2m:dbg, ... */
	struct val pc;
	struct str created;    /* address of a created resource, for Content-Location / Location-Path */
	uint8_t cnst;          /* 0 absent, 1 partial, 2 full */
	uint64_t cnot;
	struct str ot, rset;
	uint64_t ec;           /* 0 absent */
};

#endif
