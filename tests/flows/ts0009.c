/* SPDX-License-Identifier: Apache-2.0 */
/* The mapping of TS-0009 clause 6, for a client. */
#include "tests/flows/ts0009.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/flows/text.h"

/* Percent-encodes all but unreserved characters (RFC 3986 2.3) and those of `also`. */
static void put_encoded(struct text *t, const char *s, const char *also)
{
	for (; *s; s++) {
		char hex[4];
		if (isalnum((unsigned char)*s) || strchr("-._~", *s) || strchr(also, *s)) {
			text_put(t, s, 1);
		} else {
			snprintf(hex, sizeof(hex), "%%%02X", (unsigned char)*s);
			text_put(t, hex, 3);
		}
	}
}

/* A JSON value as it stands in a query or a header field. */
static char *plain(const json_t *v)
{
	struct text t = { 0 };

	text_put_json(&t, v);
	return t.p;
}

/* --- request ------------------------------------------------------------------------------------------------------ */

/* 6.2.1 */
static const char *method(json_int_t op)
{
	static const char *const methods[] = { NULL, "POST", "GET", "PUT", "DELETE", "POST" };
	return op >= 1 && op <= 5 ? methods[op] : NULL;
}

/* 6.2.2.1; what follows '#' belongs to the query. */
static void put_path(struct text *t, const char *to)
{
	size_t n = strcspn(to, "#");
	char *path = strndup(to, n);
	if (strncmp(path, "//", 2) == 0) {
		text_putz(t, "/_");
		put_encoded(t, path + 1, "/");
	} else {
		text_putz(t, path[0] == '/' ? "/~" : "/");
		put_encoded(t, path, "/");
	}
	free(path);
}

struct query {
	struct text *t;
	bool any;
};

static void put_query(struct query *q, const char *name, const char *value)
{
	text_putz(q->t, q->any ? "&" : "?");
	q->any = true;
	put_encoded(q->t, name, "");
	text_putz(q->t, "=");
	put_encoded(q->t, value, "");
}

/* Lists are one field whose values are joined by '+' (6.2.2.2). */
static void put_query_json(struct query *q, const char *name, const json_t *v)
{
	if (!json_is_array(v)) {
		char *s = plain(v);
		put_query(q, name, s);
		free(s);
	} else {
		text_putz(q->t, q->any ? "&" : "?");
		q->any = true;
		put_encoded(q->t, name, "");
		text_putz(q->t, "=");
		for (size_t i = 0; i < json_array_size(v); i++) {
			char *s = plain(json_array_get(v, i));
			if (i)
				text_putz(q->t, "+");
			put_encoded(q->t, s, "");
			free(s);
		}
	}
}

/* Table 6.2.2.2-1, and the members of filter criteria; attribute conditions become name=value. */
static int put_filter(struct query *q, const json_t *fc, struct fail *f)
{
	const char *name;
	json_t *v;
	if (!json_is_object(fc))
		return fail_set(f, "filter criteria must be an object");
	json_object_foreach((json_t *)(uintptr_t)fc, name, v) {
		if (strcmp(name, "atr") != 0 && strcmp(name, "catr") != 0 && strcmp(name, "patr") != 0) {
			put_query_json(q, name, v);
			continue;
		}
		for (size_t i = 0; i < json_array_size(v); i++) {
			json_t *pair = json_array_get(v, i);
			char field[64];
			snprintf(field, sizeof(field), "%s%s", name[0] == 'c' ? "c." : name[0] == 'p' ? "p." : "",
			         json_string_value(json_object_get(pair, "nm")));
			put_query_json(q, field, json_object_get(pair, "val"));
		}
	}
	return 0;
}

static int put_query_part(struct text *t, const json_t *prim, struct fail *f)
{
	static const char *const simple[] = { "rp", "rcn", "da", "drt", "rids", "tids", "ltids", "tqi", "asi", "auri", "sqi" };
	struct query q = { t, false };
	const json_t *fc = json_object_get(prim, "fc"), *rt = json_object_get(prim, "rt");
	const char *attr = strchr(json_string_value(json_object_get(prim, "to")), '#');
	json_t *atrl = json_object_get(json_object_get(prim, "pc"), "m2m:atrl");
	for (size_t i = 0; i < sizeof(simple) / sizeof(simple[0]); i++)
		if (json_object_get(prim, simple[i]))
			put_query_json(&q, simple[i], json_object_get(prim, simple[i]));
	if (json_object_get(rt, "rtv"))
		put_query_json(&q, "rt", json_object_get(rt, "rtv"));
	if (fc && put_filter(&q, fc, f) < 0)
		return -1;
	if (attr)
		put_query(&q, "atrl", attr + 1);
	else if (atrl)
		put_query_json(&q, "atrl", atrl);
	return 0;
}

/* Names of header fields compare without case (RFC 9110 5.1): every second request writes them in lower case. */
static void put_field_name(struct text *t, const char *name, const json_t *prim)
{
	const char *rqi = json_string_value(json_object_get(prim, "rqi"));
	size_t at = t->n;
	text_putz(t, name);
	if (rqi && *rqi && rqi[strlen(rqi) - 1] % 2)
		for (; at < t->n; at++)
			t->p[at] = (char)tolower((unsigned char)t->p[at]);
	text_putz(t, ": ");
}

/* 6.4: parameters that are header fields. */
static int put_fields(struct text *t, const json_t *prim, struct fail *f)
{
	static const char *const fields[][2] = { { "fr", "X-M2M-Origin" }, { "rqi", "X-M2M-RI" },  { "gid", "X-M2M-GID" },
		                                 { "ot", "X-M2M-OT" },     { "rset", "X-M2M-RST" }, { "rqet", "X-M2M-RET" },
		                                 { "oet", "X-M2M-OET" },   { "ec", "X-M2M-EC" },    { "rvi", "X-M2M-RVI" },
		                                 { "vsi", "X-M2M-VSI" } };
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const json_t *v = json_object_get(prim, fields[i][0]);
		char *s = v ? plain(v) : NULL;
		if (s && strpbrk(s, "\r\n"))
			fail_set(f, "%s cannot be a header field", fields[i][0]);
		if (s) {
			put_field_name(t, fields[i][1], prim);
			text_putz(t, s);
			text_putz(t, "\r\n");
		}
		free(s);
	}
	const json_t *tokens = json_object_get(prim, "tkns");
	for (size_t i = 0; i < json_array_size(tokens); i++) {
		text_putz(t, i ? "+" : "Authorization: ");
		text_putz(t, json_string_value(json_array_get(tokens, i)));
	}
	if (json_array_size(tokens))
		text_putz(t, "\r\n");
	return f->text[0] ? -1 : 0;
}

/* 6.4.3, 6.4.5, 6.5 */
static void put_content(struct text *t, const json_t *prim)
{
	json_int_t op = json_integer_value(json_object_get(prim, "op"));
	json_t *pc = json_object_get(prim, "pc"), *ty = json_object_get(prim, "ty");
	bool has = pc && !json_object_get(pc, "m2m:atrl");
	char line[120] = "";
	char *body = has ? relaxed_wire(pc, prim) : NULL;
	if (ty && op == 1)
		snprintf(line, sizeof(line), "Content-Type: application/json;ty=%" JSON_INTEGER_FORMAT "\r\n", json_integer_value(ty));
	else if (has)
		snprintf(line, sizeof(line), "Content-Type: %s\r\n",
		         op == 5 ? "application/vnd.onem2m-ntfy+json" : "application/vnd.onem2m-res+json");
	text_putz(t, line);
	if (has || op == 1 || op == 3) {
		snprintf(line, sizeof(line), "Content-Length: %zu\r\n", body ? strlen(body) : 0);
		text_putz(t, line);
	}
	text_putz(t, "\r\n");
	if (body)
		text_putz(t, body);
	free(body);
}

char *ts0009_request(const json_t *prim, const char *host, size_t *n, struct fail *f)
{
	struct text t = { 0 };
	const char *m = method(json_integer_value(json_object_get(prim, "op")));
	if (!m)
		fail_set(f, "HTTP has no method for this operation");
	else if (!json_is_string(json_object_get(prim, "to")))
		fail_set(f, "HTTP needs a To");
	else {
		text_putz(&t, m);
		text_putz(&t, " ");
		put_path(&t, json_string_value(json_object_get(prim, "to")));
		put_query_part(&t, prim, f);
		text_putz(&t, " HTTP/1.1\r\nHost: ");
		text_putz(&t, host);
		text_putz(&t, "\r\nAccept: application/json\r\n");
		put_fields(&t, prim, f);
		put_content(&t, prim);
	}
	if (f->text[0]) {
		free(t.p);
		return NULL;
	}
	*n = t.n;
	return t.p;
}

/* --- response ----------------------------------------------------------------------------------------------------- */

void ts0009_answer_fini(struct ts0009_answer *a)
{
	json_decref(a->fields);
	free(a->body);
	*a = (struct ts0009_answer){ 0 };
}

/* Table 6.3.2-1. */
static unsigned status_of(json_int_t rsc)
{
	static const struct {
		short first, status;
	} rows[] = { { 2000, 200 }, { 2002, 200 }, { 2004, 200 }, { 2001, 201 }, { 1000, 202 }, { 1001, 202 }, { 1002, 202 },
		     { 4000, 400 }, { 4102, 400 }, { 4110, 400 }, { 4120, 400 }, { 4122, 400 }, { 4123, 400 }, { 4143, 400 },
		     { 6010, 400 }, { 6022, 400 }, { 6023, 400 }, { 6024, 400 }, { 4101, 403 }, { 4103, 403 }, { 5105, 403 },
		     { 5203, 403 }, { 5205, 403 }, { 4106, 403 }, { 4107, 403 }, { 4108, 403 }, { 4109, 403 }, { 4111, 403 },
		     { 4112, 403 }, { 4113, 403 }, { 4114, 403 }, { 4115, 403 }, { 4116, 403 }, { 4117, 403 }, { 4126, 403 },
		     { 4127, 403 }, { 5208, 403 }, { 5214, 403 }, { 5215, 403 }, { 5218, 403 }, { 5222, 403 }, { 4004, 404 },
		     { 4118, 404 }, { 4119, 404 }, { 4121, 404 }, { 5103, 404 }, { 5107, 404 }, { 6003, 404 }, { 6005, 404 },
		     { 4005, 405 }, { 5207, 406 }, { 4104, 409 }, { 4105, 409 }, { 4124, 409 }, { 5106, 409 }, { 5219, 409 },
		     { 5220, 409 }, { 6028, 409 }, { 6029, 409 }, { 4015, 415 }, { 5000, 500 }, { 5204, 500 }, { 5209, 500 },
		     { 5210, 500 }, { 5211, 500 }, { 5212, 500 }, { 5216, 500 }, { 5217, 500 }, { 5221, 500 }, { 6020, 500 },
		     { 6021, 500 }, { 6025, 500 }, { 6026, 500 }, { 4001, 501 }, { 4125, 501 }, { 5001, 501 }, { 5206, 501 },
		     { 4008, 504 }, { 6030, 504 }, { 6031, 504 } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].first == rsc)
			return (unsigned)rows[i].status;
	return 0;
}

static const char *field(const struct ts0009_answer *a, const char *name)
{
	return json_string_value(json_array_get(json_object_get(a->fields, name), 0));
}

/* A field may come once only. */
static void take_field(const struct ts0009_answer *a, const char *name, const char *sn, bool number, json_t *prim, struct fail *f)
{
	const json_t *all = json_object_get(a->fields, name);
	const char *v = field(a, name);
	char *end;
	if (json_array_size(all) > 1)
		fail_set(f, "%s is there more than once", name);
	if (!v)
		return;
	long long n = number ? strtoll(v, &end, 10) : 0;
	if (number && (!*v || *end))
		fail_set(f, "%s is no number: %s", name, v);
	json_object_set_new(prim, sn, number ? json_integer(n) : json_string(v));
}

static void take_body(const struct ts0009_answer *a, json_t *prim, struct fail *f)
{
	const char *type = field(a, "content-type"), *length = field(a, "content-length");
	json_error_t e;
	if (length && strtoull(length, NULL, 10) != a->body_n)
		fail_set(f, "Content-Length is %s, the body has %zu bytes", length, a->body_n);
	if (!a->body_n)
		return;
	if (!type || (strncmp(type, "application/json", 16) != 0 && strncmp(type, "application/vnd.onem2m-res+json", 31) != 0))
		fail_set(f, "the content type of a JSON body is %s (TS-0009 6.4.3)", type ? type : "missing");
	json_t *pc = json_loadb(a->body, a->body_n, JSON_REJECT_DUPLICATES, &e);
	if (!json_is_object(pc))
		fail_set(f, "the body is no JSON object (%s)", e.text);
	else
		json_object_set(prim, "pc", pc);
	json_decref(pc);
}

/* 6.4.4: the address of a created resource, when the content holds one. */
static void judge_location(const struct ts0009_answer *a, const json_t *prim, const json_t *request, struct fail *f)
{
	const char *at = field(a, "content-location");
	json_t *pc = json_object_get(prim, "pc");
	const json_t *uri = json_object_get(pc, "m2m:uri");
	if (!uri)
		uri = json_object_get(json_object_get(pc, "m2m:rce"), "uri");
	bool created = json_integer_value(json_object_get(request, "op")) == 1 &&
	               json_integer_value(json_object_get(prim, "rsc")) == 2001;
	if (created && uri && !at)
		fail_set(f, "Content-Location is missing (TS-0009 6.4.4)");
	if (at && uri && !strstr(at, json_string_value(uri)))
		fail_set(f, "Content-Location %s is not the created resource", at);
}

json_t *ts0009_response(const struct ts0009_answer *a, const json_t *request, struct fail *f)
{
	static const struct {
		const char *name, *sn;
		bool number;
	} fields[] = { { "x-m2m-rsc", "rsc", true },   { "x-m2m-ri", "rqi", false },   { "x-m2m-rvi", "rvi", false },
		       { "x-m2m-vsi", "vsi", false },  { "x-m2m-origin", "fr", false }, { "x-m2m-ot", "ot", false },
		       { "x-m2m-rst", "rset", false }, { "x-m2m-ec", "ec", true },      { "x-m2m-cts", "cnst", true },
		       { "x-m2m-cto", "cnot", true },  { "x-m2m-ati", "ati", false } };
	json_t *prim = json_object();
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		take_field(a, fields[i].name, fields[i].sn, fields[i].number, prim, f);
	json_int_t rsc = json_integer_value(json_object_get(prim, "rsc"));
	if (!rsc) {
		fail_set(f, "HTTP status %u without X-M2M-RSC: %.300s", a->status, a->body ? a->body : "");
		json_decref(prim);
		return NULL;
	}
	if (status_of(rsc) && status_of(rsc) != a->status)
		fail_set(f, "response status code %d is HTTP status %u, came %u (TS-0009 table 6.3.2-1)", (int)rsc, status_of(rsc),
		         a->status);
	if (a->misspelt[0])
		fail_set(f, "the header field %s is not written as in TS-0009 6.4", a->misspelt);
	if (rsc < 3000 && field(a, "connection") && strcasecmp(field(a, "connection"), "close") == 0)
		fail_set(f, "the connection ends after a success");
	if (a->has_reason)
		fail_set(f, "the status line has a reason phrase (TS-0009 6.3.3)");
	take_body(a, prim, f);
	judge_location(a, prim, request, f);
	return prim;
}

/* --- the server's side -------------------------------------------------------------------------------------------- */

/* Cuts a line that ends with CRLF off *p. */
static bool cut_line(const char **p, const char *end, const char **line, size_t *n)
{
	const char *nl = memmem(*p, (size_t)(end - *p), "\r\n", 2);
	if (!nl)
		return false;
	*line = *p;
	*n = (size_t)(nl - *p);
	*p = nl + 2;
	return true;
}

/* 6.2.1, 6.2.2.1 the other way round; the query stays with the path. */
static void take_target(const char *line, size_t n, json_t *prim, struct fail *f)
{
	if (n < 16 || strncmp(line, "POST /", 6) != 0 || strncmp(line + n - 9, " HTTP/1.1", 9) != 0) {
		fail_set(f, "not the request line of a NOTIFY: %.*s", (int)(n < 100 ? n : 100), line);
		return;
	}
	const char *path = line + 6;
	size_t k = n - 15;
	if (memchr(path, ' ', k) || memchr(path, '#', k))
		fail_set(f, "not a request target: %.*s", (int)k, path);
	bool sp = k >= 2 && strncmp(path, "~/", 2) == 0, abs = k >= 2 && strncmp(path, "_/", 2) == 0;
	char *to = NULL;
	if (asprintf(&to, "%s%.*s", abs ? "/" : "", (int)(k - (sp || abs)), path + (sp || abs)) < 0)
		abort();
	json_object_set_new(prim, "to", json_string(to));
	free(to);
}

static void take_parameter(const char *name, const char *value, json_t *prim, struct fail *f)
{
	static const struct {
		const char *name, *sn;
		bool number;
	} rows[] = { { "X-M2M-Origin", "fr", false }, { "X-M2M-RI", "rqi", false },   { "X-M2M-GID", "gid", false },
		     { "X-M2M-OT", "ot", false },     { "X-M2M-RST", "rset", false }, { "X-M2M-RET", "rqet", false },
		     { "X-M2M-OET", "oet", false },   { "X-M2M-EC", "ec", true },     { "X-M2M-RVI", "rvi", false },
		     { "X-M2M-VSI", "vsi", false } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcasecmp(rows[i].name, name) != 0)
			continue;
		if (strcmp(rows[i].name, name) != 0)
			fail_set(f, "the header field %s is not written as in TS-0009 6.4", name);
		if (json_object_get(prim, rows[i].sn))
			fail_set(f, "%s is there more than once", name);
		json_object_set_new(prim, rows[i].sn, rows[i].number ? json_integer(strtoll(value, NULL, 10)) : json_string(value));
	}
}

json_t *ts0009_asked(const char *head, size_t n, const char *body, size_t body_n, struct fail *f)
{
	const char *p = head, *end = head + n, *line;
	unsigned hosts = 0, types = 0, lengths = 0;
	size_t k;
	json_t *prim = json_pack("{s:i}", "op", 5);
	if (cut_line(&p, end, &line, &k))
		take_target(line, k, prim, f);
	while (!f->text[0] && cut_line(&p, end, &line, &k) && k > 0) {
		const char *colon = memchr(line, ':', k);
		char name[64] = "", value[2048] = "";
		size_t from = colon ? (size_t)(colon - line) + 1 : k;
		while (from < k && (line[from] == ' ' || line[from] == '\t'))
			from++;
		if (!colon || colon - line >= 64 || k - from >= sizeof(value)) {
			fail_set(f, "not a header field: %.*s", (int)(k < 100 ? k : 100), line);
			break;
		}
		memcpy(name, line, (size_t)(colon - line));
		memcpy(value, line + from, k - from);
		hosts += strcasecmp(name, "Host") == 0;
		lengths += strcasecmp(name, "Content-Length") == 0 && strtoull(value, NULL, 10) == body_n;
		types += strcasecmp(name, "Content-Type") == 0 && (strcmp(value, "application/json") == 0 ||
		                                                   strcmp(value, "application/vnd.onem2m-ntfy+json") == 0);
		take_parameter(name, value, prim, f);
	}
	if (!f->text[0] && (hosts != 1 || types != 1 || lengths != 1))
		fail_set(f, "a NOTIFY has one Host, one Content-Type of JSON without ty, and its Content-Length (TS-0009 6.4)");
	json_error_t e;
	json_t *pc = json_loadb(body, body_n, JSON_REJECT_DUPLICATES, &e);
	if (!json_is_object(pc))
		fail_set(f, "the body of the NOTIFY is no JSON object (%s)", e.text);
	else
		json_object_set(prim, "pc", pc);
	json_decref(pc);
	if (f->text[0]) {
		json_decref(prim);
		return NULL;
	}
	return prim;
}

char *ts0009_answer(long rsc, const json_t *request, size_t *n)
{
	const char *rqi = json_string_value(json_object_get(request, "rqi")), *rvi = json_string_value(json_object_get(request, "rvi"));
	char *text;
	int k = asprintf(&text, "HTTP/1.1 %u \r\nX-M2M-RSC: %ld\r\nX-M2M-RI: %s\r\n%s%s%sContent-Length: 0\r\n\r\n", status_of(rsc), rsc,
	                 rqi ? rqi : "", rvi ? "X-M2M-RVI: " : "", rvi ? rvi : "", rvi ? "\r\n" : "");
	if (k < 0)
		abort();
	*n = (size_t)k;
	return text;
}
