/* SPDX-License-Identifier: Apache-2.0 */
/* Response status codes (TS-0004 6.6.3) with their HTTP (TS-0009 6.3.2) and CoAP (TS-0008 6.2.4) counterparts. */
#ifndef MODEL_RSC_H
#define MODEL_RSC_H

#include "cse/base/check.h"

enum rsc {
	RSC_NONE = 0, /* not an answer: "go on" */
#define RSC(num, name, http, coap, text) RSC_##name = (num),
#include "cse/model/rsc.def"
#undef RSC
};

enum {
	RSC_PLACES = 0
#define RSC(num, name, http, coap, text) + 1
#include "cse/model/rsc.def"
#undef RSC
};

/* HTTP status; 500 for a number that is not in the table. */
unsigned rsc_http(enum rsc rsc);
/* CoAP code as class * 100 + detail, 0 = none. */
unsigned rsc_coap(enum rsc rsc);
const char *rsc_text(enum rsc rsc);
/* A code's place in the table, from 0, for counting; of one that is not in it, the place behind the last. */
unsigned rsc_place(enum rsc rsc);
/* The code at a place; RSC_NONE behind the last. */
enum rsc rsc_at(unsigned place);
static inline int rsc_is_ok(enum rsc rsc) { return rsc >= 1000 && rsc < 3000; }

/* Why a request failed: the code and one sentence for m2m:dbg that names the attribute, parameter or rule and the
 * mend.  It goes to the originator only, never to a log. */
struct why {
	enum rsc rsc;
	char text[200];
};
/* Sets it (the first reason stays) and returns rsc, so that a check can `return why_set(...)`. */
enum rsc why_set(struct why *w, enum rsc rsc, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
