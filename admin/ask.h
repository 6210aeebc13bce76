/* SPDX-License-Identifier: Apache-2.0 */
/* What the administrator's requests say: JSON bodies, durations and queries, read with bounds and answered with a sentence. */
#ifndef ADMIN_ASK_H
#define ADMIN_ASK_H

#include "cse/base/log.h"
#include "cse/cse.h"
#include "cse/model/prim.h"
#include "security/security.h"

enum { ASK_BODY_BYTES = 65536, ASK_NAMES = 64, ASK_NAME_BYTES = 200, ASK_DAYS = 36500, ASK_TEXT_BYTES = 4096, ASK_VALUE_BYTES = 64 };

/* Body of POST /v1/credentials. */
struct ask_issue {
	struct str csr;   /* PEM */
	enum cred_kind kind;
	struct strs names;
	uint16_t zone;
	int64_t life_us;  /* 0: not given */
	uint32_t max_ae;
	bool random_stems, replace;
	bool has_location;
	double lat, lon;
	struct str country;
	/* Of a device: */
	struct str name;
	bool single_session;
	int64_t code_life_us; /* 0: not given */
};
/* Everything in the arena.  RSC_NONE or BAD_REQUEST with a sentence that names the member. */
enum rsc ask_read_issue(struct arena *a, struct str body, struct ask_issue *out, struct why *why);

/* Body of POST /v1/devices: a name, and what else the credential shall be.  Of POST /v1/devices/<..>/code: codeLife and life, or
 * nothing. */
enum rsc ask_read_device(struct arena *a, struct str body, struct ask_issue *out, struct why *why);
enum rsc ask_read_code(struct arena *a, struct str body, struct ask_issue *out, struct why *why);

/* Body of POST /v1/acp/why. */
enum rsc ask_read_why(struct arena *a, struct str body, struct authz_question *out, struct why *why);

/* Body of POST /v1/limits: {"json_depth": 40, "https.max_body": "2M", "https.max_head": null}; names without a section are
 * of the section limits, null takes back what was set. */
enum rsc ask_read_limits(struct arena *a, struct str body, struct cse_option out[CONF_COUNT], size_t *n, struct why *why);
/* A number that a reload may change. */
bool ask_is_limit(enum conf_id id);
/* Body of POST /v1/log/level: {"level": "debug"}. */
enum rsc ask_read_level(struct str body, enum log_level *out, struct why *why);
/* Body of POST /v1/ca/rotate: empty, or {"atOnce": true or false}. */
enum rsc ask_read_rotate(struct str body, bool *at_once, struct why *why);

/* "90s", "15m", "24h", "30d": a number of 1 to 9 digits and one unit, at most 36,500 days. */
int ask_duration(struct str s, int64_t *us);
/* A number of a query ("from=7&reveal=1"): absent: fallback; E_SYNTAX when it is no number. */
int ask_query(struct str query, const char *name, uint64_t fallback, uint64_t *out);
/* A text of a query, percent-decoded, in the arena: at most 4096 bytes of UTF-8 without control characters.  E_ABSENT, E_SYNTAX. */
int ask_query_text(struct arena *a, struct str query, const char *name, struct str *out);
bool ask_kind(struct str s, enum cred_kind *out);

#endif
