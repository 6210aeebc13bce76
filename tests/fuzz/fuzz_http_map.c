/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP requests as primitives: path, query and fields of any message that the parser takes.  What the primitive holds is
 * text that may be shown; its To goes back into a path and comes out the same; an answer that carries the request's
 * identifiers is one HTTP message, whatever they hold.
 */
#include "bindings/http_map.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS = 24 };

static const struct http1_limits limits = { .line = 2048, .head = 8192, .body = 2048, .fields = FIELDS };
static const struct codec_limits depth = { .depth = 8, .values = 100 };

static void is_text(struct str s)
{
	REQUIRE(str_is_utf8(s));
	for (size_t i = 0; i < s.n; i++)
		REQUIRE((unsigned char)s.p[i] >= 0x20 || s.p[i] == '\t');
}

static void are_texts(const struct strs *l)
{
	for (size_t i = 0; i < l->n; i++) {
		REQUIRE(l->v[i].n > 0);
		is_text(l->v[i]);
	}
}

static void are_pairs(const struct filter_pair *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		REQUIRE(http1_is_token(v[i].name));
		is_text(v[i].value);
	}
}

static void look_at(const struct prim *p)
{
	const struct str texts[] = { p->to, p->fr, p->rqi, p->vsi, p->gid, p->rset, p->rqet, p->oet, p->rp, p->ot };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		is_text(texts[i]);
	are_texts(&p->rt_nu);
	are_texts(&p->rids);
	are_texts(&p->tkns);
	are_texts(&p->atrl);
	REQUIRE((p->fc != NULL) == prim_has(p, P_FC));
	if (p->fc == NULL)
		return;
	are_texts(&p->fc->lbl);
	are_texts(&p->fc->smf);
	are_pairs(p->fc->atr, p->fc->n_atr);
	are_pairs(p->fc->catr, p->fc->n_catr);
	are_pairs(p->fc->patr, p->fc->n_patr);
	is_text(p->fc->lbq);
}

static void address_comes_back(struct arena *a, struct str to)
{
	struct prim p;
	struct buf b;

	/* These are read as the end of a path, and as another form. */
	if (to.n == 0 || to.p[to.n - 1] == '/' || str_starts(to, STR("~/")) || str_starts(to, STR("_/")))
		return;
	buf_init(&b, 1 << 16);
	http_map_address(&b, to);
	prim_init(&p, a);
	REQUIRE(!b.over && http_map_path(&p, buf_as_str(&b)) == RSC_NONE && str_eq(p.to, to));
	buf_fini(&b);
}

static void answer_is_one_message(const struct prim *p, enum rsc rsc, const struct http_wish *wish)
{
	struct resp r = { .rsc = rsc ? rsc : RSC_CREATED, .rqi = p->rqi, .rvi = p->rvi_text, .vsi = p->vsi, .fr = p->fr, .created = p->to };
	struct http1_field fields[FIELDS];
	struct http1 h;
	struct buf b;
	size_t n;

	buf_init(&b, 1 << 16);
	http_map_answer(&b, &r, wish, 0);
	n = b.n;
	http1_init(&h, HTTP1_RESPONSE, &(struct http1_limits){ 1 << 16, 1 << 16, 0, FIELDS }, fields);
	REQUIRE(!b.over && http1_parse(&h, b.p, &n) == HTTP1_DONE && h.head_n == b.n);
	REQUIRE(str_eq(http1_field(&h, b.p, STR("x-m2m-ri"), NULL), str_trim(p->rqi)));
	buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http1_field fields[FIELDS];
	struct http_wish wish = { .codec = &codec_json };
	struct http1 h;
	struct arena arena;
	struct prim prim;
	enum http1_result r;
	size_t n = size;
	char *p;

	if (size > 8192)
		return 0;
	p = malloc(size ? size : 1);
	memcpy(p, data, size);
	http1_init(&h, HTTP1_REQUEST, &limits, fields);
	while ((r = http1_parse(&h, p, &n)) == HTTP1_HEAD_DONE)
		;
	if (r == HTTP1_DONE && (h.method == HTTP1_GET || h.method == HTTP1_POST || h.method == HTTP1_PUT || h.method == HTTP1_DELETE)) {
		enum rsc rsc;

		arena_init(&arena, 1024);
		prim_init(&prim, &arena);
		rsc = http_map_request(&h, p, &depth, &prim, &wish);
		REQUIRE(rsc == RSC_NONE || (prim.why.rsc == rsc && prim.why.text[0] && str_is_utf8(str_of(prim.why.text))));
		REQUIRE(prim.op != OP_NONE && wish.codec != NULL);
		look_at(&prim);
		if (rsc == RSC_NONE)
			address_comes_back(&arena, prim.to);
		answer_is_one_message(&prim, rsc, &wish);
		/* Bounded by what came in: repeated fields must not multiply. */
		REQUIRE(arena.used < 4096 + 64 * size);
		arena_fini(&arena);
	}
	free(p);
	return 0;
}
