/* SPDX-License-Identifier: Apache-2.0 */
/* EST's paths: what was asked by which session, and the answer's head. */
#include "bindings/est.h"

#include <stdlib.h>

#include "security/tls.h"
#include "security/tls_device.h"
#include "security/tls_ticket.h"

static const char *const paths[] = { "/.well-known/est/", NULL };
static const char text[] = "text/plain; charset=utf-8";

static const struct {
	const char *name;
	enum est_op op;
	enum http1_method method;
} ops[] = {
	{ "cacerts", EST_CACERTS, HTTP1_GET },
	{ "csrattrs", EST_CSRATTRS, HTTP1_GET },
	{ "simpleenroll", EST_ENROL, HTTP1_POST },
	{ "simplereenroll", EST_REENROLL, HTTP1_POST },
};

static void refuse(struct aside_ask *q, unsigned status, const char *sentence, const char *fields)
{
	aside_answer(q, status, str_of(text), str_of(fields), str_of(sentence));
}

static void answered(void *arg, unsigned status, const char *content_type, struct str body)
{
	const char *fields = status == 200 ? "Content-Transfer-Encoding: base64\r\n" : status == 503 ? "Retry-After: 1\r\n" : "";

	aside_answer(arg, status, str_of(content_type), str_of(fields), body);
}

/* "application/pkcs10", perhaps with parameters. */
static bool is_pkcs10(struct str type)
{
	bool more;

	return str_eq_nocase(str_trim(str_cut(&type, ';', &more)), STR("application/pkcs10"));
}

/* Who asks is told by the session, not by the message. */
static bool ask_of_session(const struct aside_ask *q, struct est_ask *ask, char handle[CODE_HANDLE + 1], unsigned char fp[32])
{
	const X509 *x = SSL_get0_peer_certificate(q->ssl);
	int64_t end_us;

	if (tls_code(q->ssl, handle))
		ask->handle = str_make(handle, CODE_HANDLE);
	else if (x ? cert_fingerprint(x, fp) == 0 : tls_ticket_of(q->ssl, fp, &end_us))
		ask->fingerprint = str_make((const char *)fp, 32);
	else
		return false;
	/* Without one, no request is bound and none is granted: TLS 1.2. */
	if (SSL_version(q->ssl) < TLS1_3_VERSION || tls_binding(q->ssl, ask->exporter) != 0)
		ask->exporter[0] = 0;
	return true;
}

static void on_ask(void *arg, struct aside_ask *q)
{
	struct str name = str_from(q->path, strlen(paths[0]));
	struct est_ask ask = { .from = q->from, .body = q->body, .loop = q->loop, .done = answered, .arg = q };
	char handle[CODE_HANDLE + 1];
	unsigned char fp[32];
	size_t i = 0;

	while (i < ARRAY_LEN(ops) && !str_eqz(name, ops[i].name))
		i++;
	if (i == ARRAY_LEN(ops)) {
		refuse(q, 404, "of EST there are cacerts, csrattrs, simpleenroll and simplereenroll", "");
	} else if (q->method != ops[i].method) {
		refuse(q, 405, "cacerts and csrattrs are asked by GET, simpleenroll and simplereenroll by POST",
		       ops[i].method == HTTP1_GET ? "Allow: GET\r\n" : "Allow: POST\r\n");
	} else if (q->from_page) {
		refuse(q, 403, "no page of a browser enrols a device", "");
	} else if (ops[i].method == HTTP1_POST && !is_pkcs10(q->content_type)) {
		refuse(q, 415, "the request's media type is application/pkcs10", "");
	} else if (!ask_of_session(q, &ask, handle, fp)) {
		refuse(q, 403, "this session proves neither a code nor a certificate", "");
	} else {
		ask.op = ops[i].op;
		enrol_est(arg, &ask);
	}
}

void est_aside(struct enrol *e, struct aside *out)
{
	*out = (struct aside){ .limited = true, .paths = paths, .ask = on_ask, .arg = e };
}
