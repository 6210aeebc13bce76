/* SPDX-License-Identifier: Apache-2.0 */
/* A request on its way through the steps of steps.c.  For cse/core only; hooks see struct change (hook.h). */
#ifndef CORE_REQUEST_H
#define CORE_REQUEST_H

#include "cse/core/gate.h"
#include "cse/core/hook.h"

enum step_result { STEP_NEXT, STEP_ANSWER, STEP_WAIT, STEP_DONE /* resp is complete */, STEP_AGAIN /* at once back to resolve, in another hold of the lock */ };
/* Why a request is parked. */
enum wait { WAIT_NONE, WAIT_TIME, WAIT_TURN, WAIT_FETCH, WAIT_COMMIT, WAIT_PARKED, WAIT_SLOW };

struct walk;
struct fan;
struct matcher;
struct typeinfo;

/* What `to` led to. */
struct target {
	const struct node *node;     /* the resource; container of an instance, la, ol */
	enum virtual_child virt;
	bool is_inst;
	struct inst inst;
	const struct str *rest;      /* V_FOPT: resource names behind fopt, of the request's address */
	size_t n_rest;
};

struct event;
struct life;
struct block;
struct waiter;
/* What happened, noted in one transaction (event.h); begins as zero bytes, lives in the arena of whoever notes. */
struct events {
	struct event *first, *last, *access;
	struct life *lives;
	bool childless;
};
static inline bool events_any(const struct events *es) { return es->first || es->lives; }

struct kept;
/* In the table of requests that are pending (replay.h). */
struct pend {
	struct pend *next;
	uint64_t key, digest; /* who and which; what */
	bool in, kept;
};

#define REQUEST_MAGIC 0x72657175u
struct request {
	uint32_t magic;
	struct request *next;        /* free list */
	struct request *all_next, **all_prev; /* every request of the lane */
	struct gate *gate;
	struct loop *loop;
	struct arena arena;

	/* Filled as a whole before they are read: not cleared between two requests. */
	struct prim prim;            /* gate_open */
	struct change change;        /* change_init */
	struct append append;        /* proc.c, for an instance */
	struct commit commit;        /* steps.c */

	/* Cleared between two requests, from here to the end. */
	struct peer *peer;
	const struct gate_reply *reply; /* NULL: nobody waits for an answer any more */
	void *arg;
	unsigned step;               /* row of steps.c */
	enum wait wait;
	unsigned rcn;                /* given or default */
	bool in_use, oet_done, changed, durable_later;

	struct addr to;
	struct origin origin;
	int64_t begin_ns, deadline_ns; /* monotonic */
	int64_t oet_ns;              /* 0: none */
	uint32_t feeds;              /* a subscription that hears of it; 0: none */
	int64_t slow_ns;             /* WAIT_SLOW: no longer than until then */
	struct pend pend;
	struct kept *kept;           /* replay.c: the answer, of a request whose channel is gone */
	struct fan *fan;             /* requests to members of a group that it has led to (fanout.c) */
	struct fan *up;              /* it is one of those */
	int64_t bound_ns;            /* then its deadline; else 0 */
	bool gid_noted;
	struct loop_timer timer;
	struct loop_task turn;
	void (*leave)(struct request *); /* WAIT_PARKED */
	void *parker;                /* whoever parked it keeps here what it needs */

	/* Between resolve and commit; NULL outside. */
	struct tx *tx;
	struct target target;
	const struct typeinfo *ti;   /* of the target (of the instance when it is one) */
	const struct grant *grant;
	bool may_read;               /* the answer may show more than what the originator sent */
	bool meta;                   /* the answer shows type, size and times only */
	int64_t et;                  /* CREATE, UPDATE that gives one: checked and clipped */
	struct val acpi, macp;       /* checked entries as resourceIDs; K_NULL: not given */
	struct members_check *members; /* memberIDs being checked (members.c) */
	uint32_t et_after;           /* children whose et has been compared: rid up to this one */
	struct fetch fetch;
	uint64_t fetched;            /* instance whose body `fetch` holds; 0: none */
	uint64_t missing;            /* instance whose body was not on the disk once */

	/* What the answer shows. */
	const struct typeinfo *shown_ti;
	const struct res *shown;     /* NULL: nothing */
	struct res *shown_ref;       /* counted, when `shown` is the store's */
	const struct res *before;    /* UPDATE with rcn 9: content before, counted */
	struct body *body;           /* counted: of the instance that is shown, unpacked after the tx */
	bool shown_inst;
	struct inst inst;
	int64_t inst_et;             /* that the container gives */
	struct counters counters, counters_before;
	struct str ri, pi, rn, path;
	struct events events;        /* for subscriptions */
	struct block *block;         /* UPDATE that a subscription blocks */
	struct waiter *waiter;       /* waits for another request's block */
	struct walk *walk;           /* children being collected (rcn 4, 5, 6, 8, discovery) */
	struct matcher *matcher;     /* filter criteria, while resources are asked for them */
	bool moved;                  /* applyRelativePath has led to another target */
	struct resp resp;
};

/* Parks the request until its loop's next turn; it resumes at resolve. */
enum step_result request_next_turn(struct request *r);
/*
 * Parks the request until somebody calls request_unpark: an answer from elsewhere is awaited (verification, blocking update,
 * fan-out, long polling).  The tx is ended.  If the request expires (its own deadline, or at_ns when that is earlier and not
 * 0) or nobody waits for the answer any more, leave(r) is called: the parker forgets r, must not unpark it, and may
 * set prim.why, which is then answered instead of REQUEST_TIMEOUT.
 */
enum step_result request_park(struct request *r, int64_t at_ns, void (*leave)(struct request *r));
enum unpark { UNPARK_RESOLVE /* judge all again */, UNPARK_RESULT /* r->resp and what it shows are complete */,
	UNPARK_COMMIT /* the same, and r->tx holds changes that the answer waits for */, UNPARK_REFUSE /* prim.why */ };
/* On the request's loop; not within request_park's caller. */
void request_unpark(struct request *r, enum unpark how);
/* Fetches an instance's body; the request resumes at resolve and finds it in r->fetch.body. The tx is over. */
enum step_result request_fetch(struct request *r, uint64_t id);
/* Body of an instance with a reference: from what was fetched, or from the store; E_MISS: request_fetch it. */
int request_body(struct request *r, const struct node *cnt, uint64_t id, struct body **out);
static inline void request_drop_body(struct body **b)
{
	if (*b)
		body_unref(*b);
	*b = NULL;
}
/* Ends the tx without a change. */
void request_end(struct request *r);
static inline enum step_result request_fail(enum rsc rsc) { return rsc == RSC_NONE ? STEP_NEXT : STEP_ANSWER; }

#endif
