/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Primitives as HTTP messages and back, read from TS-0009 alone: an outside opinion on the HTTP binding.  No code is shared
 * with bindings/.
 */
#ifndef FLOWS_TS0009_H
#define FLOWS_TS0009_H

#include "tests/flows/relaxed.h"

/* A request primitive as the text of an HTTP request.  Caller frees; NULL and a sentence when HTTP has no place for it. */
char *ts0009_request(const json_t *prim, const char *host, size_t *n, struct fail *f);

/* A response as it came: status, header fields as an object of lists by lower-case name, content. */
struct ts0009_answer {
	unsigned status;
	bool has_reason;
	char misspelt[40];  /* an X-M2M field whose letters differ from the specification's */
	json_t *fields;
	char *body;
	size_t body_n;
};
void ts0009_answer_fini(struct ts0009_answer *a);
/* The response primitive (a new reference), or NULL.  What the response violates is said in f, also when there is a
 * primitive. */
json_t *ts0009_response(const struct ts0009_answer *a, const json_t *request, struct fail *f);

/* The server's side: a NOTIFY that came as an HTTP request, as a request primitive (new reference); NULL and a sentence when
 * it violates the mapping. head: up to and with the empty line. */
json_t *ts0009_asked(const char *head, size_t n, const char *body, size_t body_n, struct fail *f);
/* Its answer without content.  Caller frees. */
char *ts0009_answer(long rsc, const json_t *request, size_t *n);

#endif
