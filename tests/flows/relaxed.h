/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of the flow language: JSON that may leave out the quotes ({rn: box, mni: 3}), with variables ($name) and times
 * (@+10s).  Everything that is JSON is also relaxed JSON and means the same.
 */
#ifndef FLOWS_RELAXED_H
#define FLOWS_RELAXED_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* What went wrong, one sentence. */
struct fail {
	char text[2000];
};
/* Sets the sentence unless there is one already; always returns -1. */
int fail_set(struct fail *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What `$name` and `@now` mean while a flow is played. */
struct scope {
	json_t *vars;  /* object: name -> value */
	int64_t now_us;
};
/* Borrowed; NULL and a sentence when there is no such variable. */
json_t *scope_get(const struct scope *sc, const char *name, size_t n, struct fail *f);

/* A request's JSON as text, for the wire.  Caller frees.  Every second request (by its identifier) writes what is not ASCII
 * as escapes, so that both are read. */
char *relaxed_wire(const json_t *v, const json_t *request);

/* One value at *p; *p moves behind it.  A new reference, or NULL. */
json_t *relaxed_parse(const char **p, const struct scope *sc, struct fail *f);
/* A whole text must be one value. */
json_t *relaxed_value(const char *text, const struct scope *sc, struct fail *f);
/* Plain text with $name, ${name} ($$ is a dollar) and, when it begins with '@', a time.  Caller frees. */
char *relaxed_text(const char *text, size_t n, const struct scope *sc, struct fail *f);

/* "10s", "-3d", "+5m", "2h", "40ms" to µs; 0, or -1. */
int relaxed_duration(const char *s, size_t n, int64_t *us);
/* m2m:timestamp (TS-0004 6.3.3) of µs since 1970, with a fraction when there is one; own code, so that the CSE's is tested. */
void relaxed_stamp(int64_t us, char out[24]);
/* 0 and *us, or -1. */
int relaxed_stamp_parse(const char *s, int64_t *us);

#endif
