/* SPDX-License-Identifier: Apache-2.0 */
/* Request primitives as HTTP requests and HTTP responses as results: TS-0009 6.2 to 6.5, the client's side. */
#include "bindings/http_client.h"

#include "bindings/http_map.h"
#include "cse/base/err.h"

static void put_field(struct buf *b, const char *name, size_t n, struct str value)
{
	/* What is passed on came from another channel. */
	if (value.n == 0 || !http1_is_value(value))
		return;
	buf_put(b, name, n);
	buf_str(b, value);
	BUF_LIT(b, "\r\n");
}
#define PUT(b, lit, value) put_field((b), lit ": ", sizeof(lit ": ") - 1, (value))

static void put_host(struct buf *b, const struct url *at)
{
	BUF_LIT(b, "Host: ");
	if (at->ip6)
		buf_putc(b, '[');
	buf_str(b, at->host);
	if (at->ip6)
		buf_putc(b, ']');
	buf_putc(b, ':');
	buf_u64(b, at->port);
	BUF_LIT(b, "\r\n");
}

void http_client_head(struct buf *b, const struct prim *p, const struct url *at, size_t body)
{
	BUF_LIT(b, "POST ");
	if (at->path.n == 0 || at->path.p[0] != '/')
		buf_putc(b, '/');
	buf_str(b, at->path);
	BUF_LIT(b, " HTTP/1.1\r\n");
	put_host(b, at);
	PUT(b, "X-M2M-Origin", p->fr);
	PUT(b, "X-M2M-RI", p->rqi);
	PUT(b, "X-M2M-RVI", p->rvi_text);
	PUT(b, "X-M2M-VSI", prim_has(p, P_VSI) ? p->vsi : STR_NONE);
	PUT(b, "X-M2M-GID", p->gid);
	PUT(b, "X-M2M-OT", p->ot);
	PUT(b, "X-M2M-RST", p->rset);
	PUT(b, "X-M2M-RET", p->rqet);
	if (prim_has(p, P_EC)) {
		BUF_LIT(b, "X-M2M-EC: ");
		buf_u64(b, p->ec);
		BUF_LIT(b, "\r\n");
	}
	BUF_LIT(b, "Accept: application/json\r\nContent-Type: application/json\r\n");
	http1_put_length(b, body);
	BUF_LIT(b, "\r\n");
}

static bool take_content(struct arena *a, const struct http1 *h, const char *base, const struct codec_limits *lim, struct content *pc)
{
	struct http_content_type type;
	struct str body = http1_body(h, base);
	struct why ignored = { 0 };
	bool found;
	struct str value = http1_field(h, base, STR("Content-Type"), &found);

	return found && http_content_type(value, &type) && type.codec &&
	       type.codec->decode_content(a, body, lim, pc, &ignored) == RSC_NONE;
}

void http_client_answer(struct arena *a, const struct http1 *h, const char *base, struct str rqi, const struct codec_limits *lim,
                        struct out_result *out, struct content *pc)
{
	bool has_rsc, has_ri;
	struct str rsc = http1_field(h, base, STR("X-M2M-RSC"), &has_rsc), ri = http1_field(h, base, STR("X-M2M-RI"), &has_ri);
	uint64_t code;

	*out = (struct out_result){ .err = E_CLOSED };
	/* A redirect is no answer, and is not followed: security-model 3.4. */
	if (!has_rsc || !has_ri || !str_eq(ri, rqi) || rsc.n != 4 || str_u64(rsc, &code) != 0 || code < 1000)
		return;
	if (h->body_n > 0) {
		*pc = (struct content){ .kind = PC_NONE };
		if (!take_content(a, h, base, lim, pc))
			return;
		out->pc = pc;
	}
	out->err = 0;
	out->rsc = (enum rsc)code;
}
