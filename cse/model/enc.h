/* SPDX-License-Identifier: Apache-2.0 */
/* eventNotificationCriteria (TS-0004 6.3.5.7, TS-0001 table 9.6.8-3) as a struct, and whether a resource meets them. */
#ifndef MODEL_ENC_H
#define MODEL_ENC_H

#include "cse/model/res.h"

/* notificationEventType, TS-0004 6.3.4.2.19; 0 stands for operationMonitor alone. */
enum net { NET_UPDATE = 1, NET_DELETE, NET_CREATE_CHILD, NET_DELETE_CHILD, NET_RETRIEVE_CHILDLESS, NET_TRIGGER, NET_BLOCKING,
	NET_MISSING };
/* notificationContentType, TS-0004 6.3.4.2.18. */
enum nct { NCT_ALL = 1, NCT_MODIFIED, NCT_ID, NCT_TRIGGER, NCT_TIME_SERIES };

enum enc_tag { ENC_CRB, ENC_CRA, ENC_MS, ENC_US, ENC_STS, ENC_STB, ENC_EXB, ENC_EXA, ENC_SZA, ENC_SZB, ENC_CONDITIONS };

struct enc {
	unsigned nets;                 /* bit per event type; NET_UPDATE when neither net nor om is given */
	size_t n_net;                  /* how many were given */
	uint32_t has;                  /* bit per enc_tag */
	int64_t at[ENC_CONDITIONS];    /* µs, or the number */
	bool any;                      /* filterOperation OR */
	const struct val *om, *atr, *chty; /* lists, or NULL */
	bool md, fo_other;             /* missingData; a filterOperation that is neither AND nor OR */
};
/* o NULL: the attribute is absent.  Values stay where they are. */
void enc_read(const struct obj *o, struct enc *e);
static inline bool enc_has_net(const struct enc *e, enum net net) { return e->nets >> net & 1; }

/* What conditions look at. */
struct enc_subject {
	int64_t ct, lt, et;            /* µs; et INT64_MAX: does not end */
	bool has_st, has_size;
	uint64_t st, size;
};
/* Different tags are combined by filterOperation; no condition: true. */
bool enc_meets(const struct enc *e, const struct enc_subject *s);
/* childResourceType: absent means every type. */
bool enc_wants_child(const struct enc *e, unsigned ty);
/* An entry of `om` fits the operation (an ACOP_ bit) of the originator: whose absolute form and stem are given (the stem
 * may be empty). */
bool enc_monitors(const struct enc *e, unsigned acop, struct str absolute, struct str stem);

#endif
