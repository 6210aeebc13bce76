/* SPDX-License-Identifier: Apache-2.0 */
/* The mapping of HTTP messages and primitives against the tables and examples of TS-0009. */
#include "bindings/http_map.h"

#include <check.h>
#include <stdlib.h>

static const struct http1_limits limits = { .line = 8192, .head = 16384, .body = 65536, .fields = 40 };
static const struct codec_limits depth = { .depth = 32, .values = 1000 };

static struct arena arena;
static struct buf text;
static struct http1 h;
static struct http1_field fields[40];
static struct prim prim;
static struct http_wish wish;

static void setup(void)
{
	arena_init(&arena, 4096);
	buf_init(&text, 1 << 20);
}

static void teardown(void)
{
	arena_fini(&arena);
	buf_fini(&text);
}

/* A request of that line, fields ("\r\n" behind each) and content. */
static enum rsc map(const char *line, const char *head, const char *body)
{
	size_t n;
	enum http1_result r;

	buf_reset(&text);
	buf_z(&text, line);
	BUF_LIT(&text, " HTTP/1.1\r\nHost: cse.example\r\n");
	buf_z(&text, head);
	if (body[0])
		http1_put_length(&text, strlen(body));
	BUF_LIT(&text, "\r\n");
	buf_z(&text, body);
	n = text.n;
	http1_init(&h, HTTP1_REQUEST, &limits, fields);
	while ((r = http1_parse(&h, text.p, &n)) == HTTP1_HEAD_DONE)
		;
	ck_assert_msg(r == HTTP1_DONE, "%s: %s", line, h.why ? h.why : "incomplete");
	prim_init(&prim, &arena);
	wish = (struct http_wish){ .close = false };
	return http_map_request(&h, text.p, &depth, &prim, &wish);
}

static void must(const char *line, const char *head, const char *body)
{
	enum rsc rsc = map(line, head, body);

	ck_assert_msg(rsc == RSC_NONE, "%s: %d %s", line, rsc, prim.why.text);
}

static void must_not(enum rsc rsc, const char *line, const char *head, const char *body)
{
	enum rsc got = map(line, head, body);

	ck_assert_msg(got == rsc, "%s: %d instead of %d (%s)", line, got, rsc, prim.why.text);
	ck_assert_uint_gt(strlen(prim.why.text), 0);
	ck_assert_int_eq(prim.why.rsc, rsc);
}

/* --- request line ------------------------------------------------------------------------------------------------ */

#define JSON "Content-Type: application/json\r\n"
#define CNT "{\"m2m:cnt\":{\"rn\":\"c\"}}"

/* Table 6.2.1-1; 6.4.3 tells CREATE from NOTIFY. */
START_TEST(methods)
{
	must("POST /cse-in", "Content-Type: application/json;ty=3\r\n", CNT);
	ck_assert_int_eq(prim.op, OP_CREATE);
	ck_assert_uint_eq(prim.ty, 3);
	ck_assert(prim_has(&prim, P_OP) && prim_has(&prim, P_TY) && prim_has(&prim, P_PC) && prim_has(&prim, P_TO));
	ck_assert_int_eq(prim.pc.kind, PC_RES);
	must("GET /cse-in", "", "");
	ck_assert_int_eq(prim.op, OP_RETRIEVE);
	ck_assert(!prim_has(&prim, P_TY) && !prim_has(&prim, P_PC) && !prim_has(&prim, P_FC));
	must("PUT /cse-in", JSON, CNT);
	ck_assert_int_eq(prim.op, OP_UPDATE);
	must("DELETE /cse-in", "", "");
	ck_assert_int_eq(prim.op, OP_DELETE);
	must("POST /cse-in", "Content-Type: application/vnd.onem2m-ntfy+json\r\n", "{\"m2m:sgn\":{\"sur\":\"cse-in/s\"}}");
	ck_assert_int_eq(prim.op, OP_NOTIFY);
	ck_assert_int_eq(prim.pc.kind, PC_ROOT);
}
END_TEST

/* Table 6.2.2.1-1, and the literal forms that some clients send. */
START_TEST(paths)
{
	static const struct {
		const char *path, *to;
	} rows[] = {
		{ "/CSEBase/ae12/cont27/contInst696/", "CSEBase/ae12/cont27/contInst696" },
		{ "/CSEBase/ae12", "CSEBase/ae12" },
		{ "/cin00856", "cin00856" },
		{ "/~/CSE178/CSEBase/ae12/cont27/contInst696", "/CSE178/CSEBase/ae12/cont27/contInst696" },
		{ "/~/CSE178/cin00856", "/CSE178/cin00856" },
		{ "/_/mym2msp.org/CSE178/CSEBase/ae12", "//mym2msp.org/CSE178/CSEBase/ae12" },
		{ "/_/mym2msp.org/CSE178/cin00856", "//mym2msp.org/CSE178/cin00856" },
		{ "//CSE178/cin00856", "/CSE178/cin00856" },
		{ "///mym2msp.org/CSE178/cin00856", "//mym2msp.org/CSE178/cin00856" },
		{ "/%7E/CSE178/cin00856", "/CSE178/cin00856" },
		{ "/~/id-in", "/id-in" },
		{ "/-/a%62c", "-/abc" },
		{ "/~x/y", "~x/y" },
		{ "/_x/y", "_x/y" },
		{ "/", "" },
		{ "/a/%C3%A4", "a/\xc3\xa4" },
		{ "/a%23rr", "a#rr" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		prim_init(&prim, &arena);
		ck_assert_int_eq(http_map_path(&prim, str_of(rows[i].path)), RSC_NONE);
		ck_assert_msg(str_eqz(prim.to, rows[i].to), "%s: %.*s instead of %s", rows[i].path, STR_ARG(prim.to), rows[i].to);
	}
}
END_TEST

START_TEST(bad_paths)
{
	static const char *const rows[] = { "/a%2Fb", "/a%2fb", "/a%", "/a%1", "/a%zz", "/a%00", "/a%0d%0a", "/a%7f", "/a%ff" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		prim_init(&prim, &arena);
		ck_assert_msg(http_map_path(&prim, str_of(rows[i])) == RSC_BAD_REQUEST, "%s", rows[i]);
	}
}
END_TEST

/* What goes out comes back: 6.2.2.1 is a bijection. */
START_TEST(addresses_come_back)
{
	static const char *const to[] = { "cse-in/a/b", "cnt1z", "/id-in/cse-in/a", "/id-in", "//sp.example/id-in/x", "a/\xc3\xa4 %" };
	struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < ARRAY_LEN(to); i++) {
		buf_reset(&b);
		http_map_address(&b, str_of(to[i]));
		prim_init(&prim, &arena);
		ck_assert_int_eq(http_map_path(&prim, arena_str(&arena, buf_as_str(&b))), RSC_NONE);
		ck_assert_msg(str_eqz(prim.to, to[i]), "%s became %.*s", to[i], STR_ARG(prim.to));
	}
	buf_fini(&b);
}
END_TEST

START_TEST(absolute_form_and_fragment)
{
	must("GET https://other.example:8443/~/id-in/cse-in?rcn=4", "", "");
	ck_assert(str_eqz(prim.to, "/id-in/cse-in"));
	ck_assert_uint_eq(prim.rcn, 4);
	/* 6.2.2.2, both ways to name attributes. */
	must("GET /cse-in?atrl=ri+lbl", "", "");
	ck_assert_uint_eq(prim.atrl.n, 2);
	must("GET /cse-in#ri+lbl+rr", "", "");
	ck_assert_uint_eq(prim.atrl.n, 3);
	ck_assert(str_eqz(prim.to, "cse-in"));
}
END_TEST

/* --- header fields ----------------------------------------------------------------------------------------------- */

START_TEST(parameters_in_fields)
{
	must("GET /x",
	     "x-m2m-origin: CAe\r\nX-M2M-RI: 0001 a\r\nx-M2m-rvi: 3\r\nX-M2M-OT: 20261120T101539\r\nX-M2M-RET: 5000\r\n"
	     "X-M2M-RST: 20301120T101539\r\nX-M2M-OET: -1\r\nX-M2M-EC: 4\r\nX-M2M-GID: g1\r\nX-M2M-VSI: v s i\r\n"
	     "X-M2M-RTU: https://a.example/x&https://b.example/y\r\nX-M2M-AS: aa==+ bb==\r\nAuthorization: a.b.c+ d.e.f\r\n"
	     "X-M2M-Unknown: 1\r\nFrom: someone\r\nOrigin: https://evil.example\r\n",
	     "");
	ck_assert(str_eqz(prim.fr, "CAe"));
	ck_assert(str_eqz(prim.rqi, "0001 a"));
	ck_assert(str_eqz(prim.rvi_text, "3"));
	ck_assert_int_eq(prim.rvi, RVI_3);
	ck_assert(str_eqz(prim.ot, "20261120T101539"));
	ck_assert(str_eqz(prim.rqet, "5000"));
	ck_assert(str_eqz(prim.rset, "20301120T101539"));
	ck_assert(str_eqz(prim.oet, "-1"));
	ck_assert_uint_eq(prim.ec, 4);
	ck_assert(str_eqz(prim.gid, "g1"));
	ck_assert(str_eqz(prim.vsi, "v s i"));
	ck_assert_uint_eq(prim.rt_nu.n, 2);
	ck_assert(str_eqz(prim.rt_nu.v[1], "https://b.example/y"));
	ck_assert(!prim_has(&prim, P_RT));
	ck_assert_uint_eq(prim.aus.n, 2);
	ck_assert(str_eqz(prim.aus.v[1], "bb=="));
	ck_assert_uint_eq(prim.tkns.n, 2);
	ck_assert(str_eqz(prim.tkns.v[1], "d.e.f"));
}
END_TEST

START_TEST(authorization_schemes)
{
	must("GET /x", "Authorization: Basic YTpi\r\n", "");
	ck_assert(!prim_has(&prim, P_TKNS));
	must("GET /x", "Authorization: bearer  a.b.c\r\n", "");
	ck_assert(prim_has(&prim, P_TKNS) && prim.tkns.n == 1 && str_eqz(prim.tkns.v[0], "a.b.c"));
}
END_TEST

/* Origin of a browser is never an originator; an empty X-M2M-Origin is none. */
START_TEST(no_originator)
{
	must("POST /cse-in", "Origin: https://a.example\r\nX-M2M-Origin:\r\nContent-Type: application/json;ty=2\r\n",
	     "{\"m2m:ae\":{\"api\":\"Nx\",\"rr\":true,\"srv\":[\"3\"]}}");
	ck_assert(!prim_has(&prim, P_FR));
}
END_TEST

START_TEST(bad_fields)
{
	must_not(RSC_BAD_REQUEST, "GET /x", "X-M2M-Origin: CA\r\nX-M2M-Origin: CB\r\n", "");
	must_not(RSC_BAD_REQUEST, "GET /x", "X-M2M-EC: four\r\n", "");
	must_not(RSC_BAD_REQUEST, "GET /x", "X-M2M-RI: \xff\r\n", "");
	must_not(RSC_BAD_REQUEST, "GET /x", "X-M2M-OT: today\r\n", "");
	must_not(RSC_BAD_REQUEST, "GET /x", "X-M2M-RTU: a&&b\r\n", "");
	must_not(RSC_RELEASE_VERSION_NOT_SUPPORTED, "GET /x", "X-M2M-RVI: 9\r\n", "");
	ck_assert(prim_has(&prim, P_RVI));
}
END_TEST

/* Whatever is refused, the answer can carry the request's identifier. */
START_TEST(identifier_is_read_first)
{
	must_not(RSC_BAD_REQUEST, "GET /a%2fb?rcn=x", "X-M2M-EC: x\r\nX-M2M-RI: 77\r\nX-M2M-RVI: 3\r\n", "");
	ck_assert(str_eqz(prim.rqi, "77"));
	ck_assert(str_eqz(prim.rvi_text, "3"));
	ck_assert_ptr_nonnull(strstr(prim.why.text, "ec"));
}
END_TEST

/* --- content ----------------------------------------------------------------------------------------------------- */

START_TEST(content_types)
{
	static const struct {
		const char *value;
		bool formed, supported;
		int ty;
	} rows[] = {
		{ "application/json", true, true, -1 },
		{ "application/json;ty=3", true, true, 3 },
		{ "application/vnd.onem2m-res+json; ty=3", true, true, 3 },
		{ "Application/VND.oneM2M-Res+JSON ; TY=4 ; charset=UTF-8", true, true, 4 },
		{ "application/vnd.onem2m-ntfy+json", true, true, -1 },
		{ "application/json;charset=\"utf-8\";ty=\"23\"", true, true, 23 },
		{ "application/json;", true, true, -1 },
		{ "application/json; charset=iso-8859-1", true, false, -1 },
		{ "application/vnd.onem2m-res+xml; ty=3", true, false, 3 },
		{ "application/xml", true, false, -1 },
		{ "text/plain", true, false, -1 },
		{ "json", false, false, -1 },
		{ "/json", false, false, -1 },
		{ "application/", false, false, -1 },
		{ "application json", false, false, -1 },
		{ "application/json;ty", false, false, -1 },
		{ "application/json;ty=", false, false, -1 },
		{ "application/json;ty=x", false, false, -1 },
		{ "application/json;ty=-1", false, false, -1 },
		{ "application/json;ty=3;ty=3", false, false, -1 },
		{ "application/json;ty=\"3", false, false, -1 },
		{ "application/json;=3", false, false, -1 },
		{ "application/json ty=3", false, false, -1 },
		{ "", false, false, -1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_content_type ct;
		bool formed = http_content_type(str_of(rows[i].value), &ct);

		ck_assert_msg(formed == rows[i].formed, "%s", rows[i].value);
		if (!formed)
			continue;
		ck_assert_msg((ct.codec != NULL) == rows[i].supported, "%s", rows[i].value);
		ck_assert_msg(ct.has_ty == (rows[i].ty >= 0), "%s", rows[i].value);
		if (ct.has_ty)
			ck_assert_uint_eq(ct.ty, (uint64_t)rows[i].ty);
	}
}
END_TEST

/* 6.4.2, RFC 9110 12.5.1; 1: plain type, 2: oneM2M type, 0: not acceptable. */
START_TEST(accept)
{
	static const struct {
		const char *value;
		int want;
	} rows[] = {
		{ "application/json", 1 },
		{ "application/vnd.onem2m-res+json", 2 },
		{ "APPLICATION/JSON", 1 },
		{ "*/*", 1 },
		{ "application/*", 1 },
		{ "application/xml", 0 },
		{ "application/cbor, application/vnd.onem2m-res+cbor", 0 },
		{ "application/xml, application/json;q=0.1", 1 },
		{ "application/xml, */*;q=0.001", 1 },
		{ "application/json;q=0", 0 },
		{ "application/json;q=0, */*", 2 },
		{ "application/json;q=0.5, application/vnd.onem2m-res+json;q=0.6", 2 },
		{ "application/json;q=0.6, application/vnd.onem2m-res+json;q=0.6", 1 },
		{ "application/*;q=0.2, application/json;q=0.1", 2 },
		{ "text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", 1 },
		{ "application/json; q=1.001", 0 },
		{ "application/json; q=abc", 0 },
		{ "application/json; charset=utf-8", 1 },
		{ ", ,application/json", 1 },
		{ "", 1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct http_accept a;

		http_accept_init(&a);
		http_accept_add(&a, str_of(rows[i].value));
		wish = (struct http_wish){ .close = false };
		bool ok = http_accept_choose(&a, &wish);
		ck_assert_msg(ok == (rows[i].want > 0), "%s", rows[i].value);
		if (ok)
			ck_assert_msg(wish.res == (rows[i].want == 2), "%s", rows[i].value);
	}
}
END_TEST

START_TEST(media_refusals)
{
	must_not(RSC_NOT_ACCEPTABLE, "GET /x", "Accept: application/xml\r\n", "");
	must("GET /x", "Accept: application/xml\r\nAccept: application/json\r\n", "");
	must_not(RSC_UNSUPPORTED_MEDIA_TYPE, "POST /x", "Content-Type: application/xml;ty=3\r\n", "<a/>");
	must_not(RSC_UNSUPPORTED_MEDIA_TYPE, "POST /x", "", CNT);
	must_not(RSC_BAD_REQUEST, "POST /x", "Content-Type: application/json;ty=three\r\n", CNT);
	must_not(RSC_BAD_REQUEST, "POST /x", JSON JSON, CNT);
	/* What says nothing without content does no harm. */
	must("GET /x", "Content-Type: application/xml\r\n", "");
	must("GET /x", "Content-Type: nonsense\r\n", "");
}
END_TEST

START_TEST(content_refusals)
{
	must_not(RSC_BAD_REQUEST, "POST /x", "Content-Type: application/json;ty=3\r\n", "{\"m2m:cnt\":");
	must_not(RSC_BAD_REQUEST, "POST /x", "Content-Type: application/json;ty=3\r\n", "{\"m2m:cnt\":{\"nosuch\":1}}");
	must_not(RSC_BAD_REQUEST, "GET /x", JSON, "{}");
	must_not(RSC_BAD_REQUEST, "DELETE /x", JSON, "{}");
	/* A resource without ty: the sentence says what is missing. */
	must_not(RSC_BAD_REQUEST, "POST /x", JSON, CNT);
	ck_assert_ptr_nonnull(strstr(prim.why.text, "ty"));
	/* What is left out is for the gate to miss. */
	must("POST /x", "Content-Type: application/json;ty=3\r\n", "");
	ck_assert(!prim_has(&prim, P_PC));
	must("PUT /x", "", "");
	/* ty where it does not belong is the gate's to refuse. */
	must("PUT /x", "Content-Type: application/json;ty=3\r\n", CNT);
	ck_assert(prim_has(&prim, P_TY));
}
END_TEST

/* --- answers ----------------------------------------------------------------------------------------------------- */

static const char *answer(const struct resp *r, size_t body)
{
	buf_reset(&text);
	http_map_answer(&text, r, &wish, body);
	buf_putc(&text, 0);
	ck_assert(!text.over);
	return text.p;
}

static bool holds(const char *field)
{
	return strstr(text.p, field) != NULL;
}

/* 6.3 and 6.4: status, no reason phrase, every parameter of a response. */
START_TEST(answer_fields)
{
	struct resp r = {
		.rsc = RSC_CREATED, .rqi = STR("77"), .rvi = STR("3"), .vsi = STR("v"), .fr = STR("/id-in"), .ot = STR("20261120T101539"),
		.rset = STR("20271120T101539"), .created = STR("/id-in/cnt1z"), .cnst = 1, .cnot = 12, .ec = 4,
	};
	const char *t;

	wish = (struct http_wish){ .codec = &codec_json };
	t = answer(&r, 42);
	ck_assert(strncmp(t, "HTTP/1.1 201 \r\n", 15) == 0);
	ck_assert(holds("\r\nX-M2M-RSC: 2001\r\n") && holds("\r\nX-M2M-RI: 77\r\n") && holds("\r\nX-M2M-RVI: 3\r\n"));
	ck_assert(holds("\r\nX-M2M-VSI: v\r\n") && holds("\r\nX-M2M-Origin: /id-in\r\n"));
	ck_assert(holds("\r\nX-M2M-OT: 20261120T101539\r\n") && holds("\r\nX-M2M-RST: 20271120T101539\r\n"));
	ck_assert(holds("\r\nX-M2M-CTS: 1\r\n") && holds("\r\nX-M2M-CTO: 12\r\n"));
	ck_assert(holds("\r\nX-M2M-EC: 4\r\n"));
	ck_assert(holds("\r\nContent-Location: /~/id-in/cnt1z\r\n"));
	ck_assert(holds("\r\nContent-Type: application/json\r\n") && holds("\r\nContent-Length: 42\r\n"));
	ck_assert(!holds("Connection") && !holds("Access-Control") && !holds("ETag"));
	ck_assert_str_eq(t + text.n - 1 - 4, "\r\n\r\n");
}
END_TEST

/* The answer to a Release 1 request has neither rvi nor vsi; without content there is no type. */
START_TEST(sparse_answer)
{
	struct resp r = { .rsc = RSC_DELETED, .rqi = STR("1") };

	wish = (struct http_wish){ .codec = &codec_json, .close = true };
	answer(&r, 0);
	ck_assert(!holds("X-M2M-RVI") && !holds("X-M2M-VSI") && !holds("Content-Type") && !holds("X-M2M-CTS") && !holds("X-M2M-EC"));
	ck_assert(holds("\r\nContent-Length: 0\r\n") && holds("\r\nConnection: close\r\n"));
}
END_TEST

/* What another binding carried must not break out of its line. */
START_TEST(no_splitting)
{
	struct resp r = { .rsc = RSC_OK, .rqi = STR("1\r\nEvil: 1"), .vsi = STR("a\nb") };

	wish = (struct http_wish){ .codec = &codec_json };
	answer(&r, 0);
	ck_assert(!holds("Evil") && !holds("VSI"));
}
END_TEST

/* Table 6.3.2-1: rows that are easily taken for others. */
START_TEST(statuses)
{
	static const struct {
		enum rsc rsc;
		const char *line;
	} rows[] = {
		{ RSC_OK, "HTTP/1.1 200 " }, { RSC_UPDATED, "HTTP/1.1 200 " }, { RSC_ACCEPTED, "HTTP/1.1 202 " },
		{ RSC_ORIGINATOR_NOT_AUTHENTICATED, "HTTP/1.1 403 " }, { RSC_RELEASE_VERSION_NOT_SUPPORTED, "HTTP/1.1 501 " },
		{ RSC_REQUEST_TIMEOUT, "HTTP/1.1 504 " }, { RSC_CONFLICT, "HTTP/1.1 409 " }, { RSC_NOT_ACCEPTABLE, "HTTP/1.1 406 " },
		{ RSC_UNSUPPORTED_MEDIA_TYPE, "HTTP/1.1 415 " }, { RSC_OPERATION_NOT_ALLOWED, "HTTP/1.1 405 " },
		{ RSC_INTERNAL_SERVER_ERROR, "HTTP/1.1 500 " },
	};

	wish = (struct http_wish){ .codec = &codec_json };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct resp r = { .rsc = rows[i].rsc };

		ck_assert_msg(strncmp(answer(&r, 0), rows[i].line, strlen(rows[i].line)) == 0, "%d", rows[i].rsc);
	}
}
END_TEST

START_TEST(browsers)
{
	struct resp r = { .rsc = RSC_OK };

	wish = (struct http_wish){ .codec = &codec_json, .origin = STR("https://a.example"), .res = true };
	answer(&r, 1);
	ck_assert(holds("\r\nAccess-Control-Allow-Origin: https://a.example\r\n") && holds("\r\nVary: Origin\r\n"));
	ck_assert(holds("\r\nAccess-Control-Expose-Headers: X-M2M-RSC, ") && holds("Content-Location\r\n"));
	ck_assert(holds("\r\nContent-Type: application/vnd.onem2m-res+json\r\n"));
	buf_reset(&text);
	http_map_preflight(&text, &wish);
	buf_putc(&text, 0);
	ck_assert(strncmp(text.p, "HTTP/1.1 204 \r\n", 15) == 0);
	ck_assert(holds("Access-Control-Allow-Methods: GET, POST, PUT, DELETE\r\n") && holds("X-M2M-Origin"));
	ck_assert(!holds("Content-Length"));
}
END_TEST

START_TEST(plain)
{
	wish = (struct http_wish){ .close = true };
	buf_reset(&text);
	http_map_plain(&text, 405, STR("no"), STR("GET"), &wish, false);
	buf_putc(&text, 0);
	ck_assert_str_eq(text.p, "HTTP/1.1 405 \r\nAllow: GET\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
	                         "Content-Length: 3\r\n\r\nno\n");
	buf_reset(&text);
	http_map_plain(&text, 405, STR("no"), STR_NONE, &wish, true);
	ck_assert(str_ends(buf_as_str(&text), STR("Content-Length: 3\r\n\r\n")));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("http_map");
	TCase *t = tcase_create("http_map");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, methods);
	tcase_add_test(t, paths);
	tcase_add_test(t, bad_paths);
	tcase_add_test(t, addresses_come_back);
	tcase_add_test(t, absolute_form_and_fragment);
	tcase_add_test(t, parameters_in_fields);
	tcase_add_test(t, authorization_schemes);
	tcase_add_test(t, no_originator);
	tcase_add_test(t, bad_fields);
	tcase_add_test(t, identifier_is_read_first);
	tcase_add_test(t, content_types);
	tcase_add_test(t, accept);
	tcase_add_test(t, media_refusals);
	tcase_add_test(t, content_refusals);
	tcase_add_test(t, answer_fields);
	tcase_add_test(t, sparse_answer);
	tcase_add_test(t, no_splitting);
	tcase_add_test(t, statuses);
	tcase_add_test(t, browsers);
	tcase_add_test(t, plain);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
