/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access control rules: compiled once from a resource's pv and pvs, then asked without reading text again.
 * What is unknown or cannot be evaluated never matches.  TS-0003 7.1, TS-0004 7.3.3.15.
 */
#ifndef SECURITY_ACP_H
#define SECURITY_ACP_H

#include "cse/base/clock.h"
#include "security/block.h"
#include "security/who.h"
#include "cse/model/window.h"

enum {
	ACP_MAX_RULES = 256,       /* in pv and pvs together, as the other bounds */
	ACP_MAX_ORIGINATORS = 4096,
	ACP_MAX_PATTERNS = 128,    /* originators with a wildcard */
	ACP_MAX_GROUPS = 32,       /* originators that are groups */
	ACP_MAX_CONDITIONS = 2048, /* contexts, windows, blocks, countries, object details and their child types */
};

enum acp_region { REGION_NONE, REGION_CIRCLE, REGION_COUNTRIES };

/* One accessControlContext: all that is set must hold. */
struct acp_context {
	bool never;
	struct window *windows;
	struct block *blocks;
	enum acp_region region;
	double lat, lon, radius; /* degrees, metres */
	uint16_t *countries;     /* two letters */
	uint32_t n_windows, n_blocks, n_countries;
};

/* One accessControlObjectDetails. */
struct acp_detail {
	bool never, has_ty, has_mgd;
	uint32_t n_children;
	uint64_t ty, mgd;
	struct str cnd;
	uint64_t *children;
};

struct acp_rule {
	uint8_t ops;        /* ACOP_ bits */
	bool authenticated; /* acaf */
	bool all;
	const char *never;  /* why the rule never matches; NULL: it may */
	const char *partly; /* something in it never matches: an event, but not the rule's end */
	uint32_t n_exact, n_patterns, n_domains, n_groups, n_contexts, n_details;
	uint32_t *hashes;   /* of exact */
	uint32_t *prefixes; /* of patterns: bytes before the first star */
	struct str *exact, *patterns, *domains, *groups;
	struct acp_context *contexts;
	struct acp_detail *details;
};

struct acp_rules {
	struct acp_rule *v;
	size_t n;
};

/* Compiled content of one version of one ACP.  Counted, immutable, thread-safe. */
#define ACP_MAGIC 0x61637052u
struct acp {
	uint32_t magic;
	_Atomic uint32_t refs;
	struct arena mem; /* holds this struct and all it points to */
	const char *never; /* the whole of pv is not evaluable */
	struct acp_rules pv, pvs;
};

/* From the content of an ACP (pv, pvs); one reference.  six: windows of six fields are read. */
struct acp *acp_new(const struct obj *o, const struct addr_self *self, bool six);
void acp_unref(struct acp *p);
/* First text that says what is not evaluable in it, or NULL; pvs when *self is set, rule is its number. */
const char *acp_complaint(const struct acp *p, bool *self, size_t *rule);

enum acp_member { ACP_MEMBER_NO, ACP_MEMBER_YES, ACP_MEMBER_UNREADABLE };

/* What a request is, as far as rules ask. */
#define ACP_NO_TIME INT64_MIN
struct acp_facts {
	unsigned acop;
	struct str from;         /* absolute; empty: matches only "all" */
	uint32_t from_hash;      /* acp_hash(from) */
	/* Is the originator in that group?  only_read: whether it can be read is all that is asked.  NULL: no group can. */
	enum acp_member (*in_group)(void *arg, struct str group, bool only_read);
	void *arg;
	bool authenticated;
	const struct ipaddr *ip;
	bool has_location;       /* provisioned in the credential */
	double lat, lon;
	uint16_t country;        /* 0: unknown */
	bool clock_doubtful;
	const struct clock *clock;
	int64_t now_us;          /* ACP_NO_TIME: read from the clock when first asked for */
	unsigned target_ty, create_ty;
	struct str cnd;          /* CREATE: specialization in the content */
	bool has_mgd;
	uint64_t mgd;
};
uint32_t acp_hash(struct str s);
uint16_t acp_country(struct str s); /* 0: not two capital letters */

enum acp_reason { ACP_YES, ACP_NEVER, ACP_ORIGINATOR, ACP_OPERATION, ACP_AUTHENTICATION, ACP_CONTEXT, ACP_DETAIL };
/* First condition of the rule that fails, in the order of the enumeration but operation first. */
enum acp_reason acp_ask_rule(const struct acp_rule *r, struct acp_facts *f);
/* Does any rule permit?  *rule: which one, when not NULL. */
bool acp_ask(const struct acp_rules *rules, struct acp_facts *f, size_t *rule);

#endif
