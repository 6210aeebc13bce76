/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of HTTP answers: a response primitive's fields (TS-0009 6.3, 6.4), or one sentence before a primitive exists. */
#include "bindings/http_map.h"

#define EXPOSED \
	"X-M2M-RSC, X-M2M-RI, X-M2M-RVI, X-M2M-Origin, X-M2M-OT, X-M2M-RST, X-M2M-EC, X-M2M-ATI, X-M2M-CTS, X-M2M-CTO, " \
	"X-M2M-VSI, X-M2M-ASRI, Content-Location"
#define ALLOWED_HEADERS \
	"Content-Type, Accept, Authorization, X-M2M-Origin, X-M2M-RI, X-M2M-RVI, X-M2M-GID, X-M2M-RTU, X-M2M-OT, X-M2M-RST, " \
	"X-M2M-RET, X-M2M-OET, X-M2M-EC, X-M2M-VSI, X-M2M-AS"

static void put_field(struct buf *b, const char *name, size_t n, struct str value)
{
	/* Values come from requests, which another binding may have carried. */
	if (value.n == 0 || !http1_is_value(value))
		return;
	buf_put(b, name, n);
	buf_str(b, value);
	BUF_LIT(b, "\r\n");
}
#define PUT(b, lit, value) put_field((b), lit ": ", sizeof(lit ": ") - 1, (value))

static void put_number(struct buf *b, const char *name, size_t n, uint64_t v)
{
	buf_put(b, name, n);
	buf_u64(b, v);
	BUF_LIT(b, "\r\n");
}
#define PUT_NUMBER(b, lit, v) put_number((b), lit ": ", sizeof(lit ": ") - 1, (v))

static void put_common(struct buf *b, const struct http_wish *wish)
{
	if (wish->close)
		BUF_LIT(b, "Connection: close\r\n");
	if (wish->origin.n == 0)
		return;
	PUT(b, "Access-Control-Allow-Origin", wish->origin);
	BUF_LIT(b, "Access-Control-Allow-Credentials: true\r\nVary: Origin\r\n");
}

void http_map_address(struct buf *out, struct str to)
{
	static const char digits[] = "0123456789ABCDEF";

	if (str_starts(to, STR("//"))) {
		BUF_LIT(out, "/_");
		to = str_from(to, 1);
	} else if (str_starts(to, STR("/"))) {
		BUF_LIT(out, "/~");
	} else {
		buf_putc(out, '/');
	}
	for (size_t i = 0; i < to.n; i++) {
		unsigned char c = (unsigned char)to.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
		             c == '_' || c == '~' || c == '/';

		if (plain) {
			buf_putc(out, (char)c);
		} else {
			buf_putc(out, '%');
			buf_putc(out, digits[c >> 4]);
			buf_putc(out, digits[c & 15]);
		}
	}
}

void http_map_answer(struct buf *b, const struct resp *r, const struct http_wish *wish, size_t body)
{
	http1_put_status(b, rsc_http(r->rsc));
	PUT_NUMBER(b, "X-M2M-RSC", (uint64_t)r->rsc);
	PUT(b, "X-M2M-RI", r->rqi);
	PUT(b, "X-M2M-RVI", r->rvi);
	PUT(b, "X-M2M-VSI", r->vsi);
	PUT(b, "X-M2M-Origin", r->fr);
	PUT(b, "X-M2M-OT", r->ot);
	PUT(b, "X-M2M-RST", r->rset);
	if (r->ec != 0)
		PUT_NUMBER(b, "X-M2M-EC", r->ec);
	if (r->cnst != 0)
		PUT_NUMBER(b, "X-M2M-CTS", r->cnst);
	if (r->cnst == 1)
		PUT_NUMBER(b, "X-M2M-CTO", r->cnot);
	if (r->created.n > 0) {
		BUF_LIT(b, "Content-Location: ");
		http_map_address(b, r->created);
		BUF_LIT(b, "\r\n");
	}
	if (body > 0) {
		if (wish->res) {
			BUF_LIT(b, "Content-Type: application/vnd.onem2m-res+");
			buf_z(b, wish->codec->suffix);
		} else {
			BUF_LIT(b, "Content-Type: ");
			buf_z(b, wish->codec->media);
		}
		/* Nothing on the way, and no browser's disk, keeps what only this originator may see. */
		BUF_LIT(b, "\r\nCache-Control: no-store\r\n");
	}
	put_common(b, wish);
	if (wish->origin.n > 0)
		BUF_LIT(b, "Access-Control-Expose-Headers: " EXPOSED "\r\n");
	http1_put_length(b, body);
	BUF_LIT(b, "\r\n");
}

void http_map_plain(struct buf *out, unsigned status, struct str text, struct str allow, const struct http_wish *wish,
                    bool to_head)
{
	http1_put_status(out, status);
	PUT(out, "Allow", allow);
	put_common(out, wish);
	if (text.n > 0)
		BUF_LIT(out, "Content-Type: text/plain; charset=utf-8\r\n");
	http1_put_length(out, text.n > 0 ? text.n + 1 : 0);
	BUF_LIT(out, "\r\n");
	if (text.n == 0 || to_head)
		return;
	buf_str(out, text);
	buf_putc(out, '\n');
}

void http_map_preflight(struct buf *out, const struct http_wish *wish)
{
	http1_put_status(out, 204);
	put_common(out, wish);
	BUF_LIT(out, "Access-Control-Allow-Methods: GET, POST, PUT, DELETE\r\n"
	             "Access-Control-Allow-Headers: " ALLOWED_HEADERS "\r\n"
	             "Access-Control-Max-Age: 600\r\n\r\n");
}
