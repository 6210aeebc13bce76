/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that this CSE sends: notifications, verifications, aggregated and forwarded ones.  Nothing here waits: a message
 * is handed over on a loop and done() comes back on the same loop.  Where it goes, whether it may (security-model 3.4), over
 * which connection and how often it is tried is decided here; what it says is the sender's.  TS-0004 7.5, TS-0001 9.6.5, 10.2.10.
 */
#ifndef CORE_OUT_H
#define CORE_OUT_H

#include "cse/model/prim.h"
#include "cse/model/url.h"
#include "db/store.h"
#include "security/security.h"

struct out;
struct out_lane; /* the part of one loop */
struct gate;

/* What became of a message. */
struct out_result {
	/* 0: the target answered.  E_DENIED: it is none that may be reached; E_ABSENT: no such target, or it has no point of
	 * access; E_CLOSED: not reached (refused, closed, no proof of its name, garbage); E_TIMEOUT; E_FULL: left its queue. */
	int err;
	enum rsc rsc;             /* err 0: of the answer */
	const struct content *pc; /* err 0: its content, or NULL; gone when done() returns */
};

#define OUT_MSG_MAGIC 0x6f75746du
struct out_msg;
typedef void out_done_fn(struct out_msg *m, const struct out_result *r);

/* A NOTIFY request primitive.  Embedded in its owner, who fills it and leaves it and all that it points to untouched until
 * done(), which comes exactly once, never before out_send returned, unless out_cancel was called. */
struct out_msg {
	uint32_t magic;
	/* the sender's */
	struct str target;        /* as in notificationURI: a resource identifier (any address form) or a URL */
	struct str creator;       /* originator (absolute) on whose behalf it is sent; empty: the CSE's own */
	const struct prim *forward; /* a request that is only passed on (TS-0004 7.3.3.9.1), already authorized; NULL: */
	const struct attr *root;  /* content: m2m:sgn, m2m:agn, m2m:rsp, ... */
	struct val pc;
	uint16_t ec;              /* eventCategory of the request, 0: none */
	bool once;                /* one attempt: somebody waits for the answer (verification, blocking update) */
	uint64_t order;           /* not 0: one in flight at a time among those of the same target and order, in order of sending */
	uint32_t feeder;          /* not 0: rid of the subscription, for out_is_pressed */
	size_t bytes;             /* what it holds, about, for the queue's bound; 0: taken as OUT_MSG_BYTES */
	int64_t deadline_ns;      /* monotonic; 0: as long as its queue keeps it */
	out_done_fn *done;
	void *arg;
	/* out.c's */
	struct out_lane *lane;
	void *state;
};
enum { OUT_MSG_BYTES = 1024 };

int out_new(struct gate *g, struct out **out, struct why *why);
void out_free(struct out *o);
/* On loop l's thread. */
void out_send(struct out *o, struct loop *l, struct out_msg *m);
/* done() will not come any more; what is on its way may still arrive.  On its loop. */
void out_cancel(struct out *o, struct out_msg *m);
/* A target of this subscription has its queue half full: who feeds it is to be read more slowly.  Any thread; may say yes
 * for another subscription's sake. */
bool out_is_pressed(const struct out *o, uint32_t feeder);
/* Attempts under way, and messages that wait.  Any thread. */
unsigned out_in_flight(const struct out *o);
unsigned out_waiting(const struct out *o);

/*
 * May this originator name that target in nu, su, nfu, poa ...?  Judged when the attribute is set; out_send judges again, as
 * points of access and credentials change.  RSC_NONE; BAD_REQUEST (no URI, a plaintext scheme of a direct URL) with a sentence.
 * *self: it is the originator itself (its AE-ID in any form), so that no verification is needed (TS-0004 7.4.8.2.1).
 */
enum rsc out_check_target(struct gate *g, struct tx *tx, const struct origin *o, struct str target, bool *self, struct why *w);

/* --- ways out ------------------------------------------------------------------------------------------------------ */

/* An AE with a <pollingChannel> has one point of access, polling_poa() (polling.h), and out_new adds its carrier:
 * out_add_carrier(o, &polling_carrier, g->polling).  An attempt over it lasts as long as the message may. */

/* One attempt over one point of access, made by out.c, carried out by a carrier on one loop. */
#define CARRY_MAGIC 0x63617279u
struct carry {
	uint32_t magic;
	/* given */
	struct str url;              /* the point of access: scheme://host[:port][/path] */
	struct url at;               /* the same, read; not of scheme "pch" */
	const struct prim *prim;     /* the whole request primitive (NOTIFY), content in pc.root/pc.v */
	struct str cred;             /* the credential that the peer must prove; empty: any name in `names` */
	struct strs names;           /* what its certificate must name (AE-ID stems, CSE-IDs, hosts) when cred is empty */
	uint16_t zone;               /* whose allowed prefixes hold for the address */
	int64_t deadline_ns;         /* of the attempt: then it is cancelled */
	/* called once on the loop, never before carrier.send returned, unless cancelled.  As struct out_result. */
	void (*done)(struct carry *c, const struct out_result *r);
	void *arg;
	/* the carrier's */
	void *state;
};

struct carrier_opts {
	struct conf *conf;
	struct clock *clock;
	struct log *log;
	struct stats *const *stats; /* per loop */
	struct security *security;
	struct tls *tls;
	struct loop *const *loops;
	unsigned n_loops;
	struct workers *workers;    /* name look-ups */
	const struct codec_limits *limits;
};
/* The client side of a binding; given to the gate by main.  No rule about resources in it. */
struct carrier_kind {
	const char *scheme; /* "https" */
	int (*open)(const struct carrier_opts *o, void **ctx, struct why *why);
	void (*send)(void *ctx, struct loop *l, struct carry *c);
	void (*cancel)(void *ctx, struct carry *c);
	/* Connections whose peer is no longer live are ended. */
	void (*close)(void *ctx);
};
/* Before service.  ctx stays the caller's, who closes it after out_free (gate_free). */
void out_add_carrier(struct out *o, const struct carrier_kind *kind, void *ctx);

#endif
