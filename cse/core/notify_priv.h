/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of notify share.  A fact becomes an item; items wait in their subscription until its policies let them go,
 * one by one or as batches; then they travel as a shot: one message per target.  Everything of a subscription happens on
 * its loop; what is read elsewhere is atomic or behind n->lock.
 */
#ifndef CORE_NOTIFY_PRIV_H
#define CORE_NOTIFY_PRIV_H

#include <pthread.h>

#include "cse/core/notify.h"
#include "cse/core/out.h"

/* A fact that waits, or is on its way. */
struct item {
	struct item *next;
	struct fact *fact;
	int64_t since_ns;       /* when it came */
	uint64_t batch;         /* those that go together have the same number; 0: goes alone */
	bool stored;            /* has a record */
	bool pending;           /* kept because a schedule did not let it pass */
	bool latest;            /* ... and as the newest one only: TS-0004 7.5.1.2.2, step 4 */
};
struct items {
	struct item *first, *last;
	size_t n, bytes;
};

/* One entry of nu: where it leads, and what it has had (TS-0001 notificationStatsInfo). */
struct ntarget {
	struct str listed;      /* as it stands in nu */
	struct str to;          /* without the serialization's suffix */
	uint64_t sent, answered, events;
};

/* What the attributes say; texts lie in the content. */
struct npolicy {
	bool batch, latest, stats, limited, counted;
	uint8_t pending;        /* enum */
	uint16_t ec;            /* notificationEventCat; 0: none */
	uint64_t num;           /* of a batch; 0: no bound */
	int64_t duration_ns;
	uint64_t max;           /* events in a window */
	int64_t window_ns;
	uint64_t priority;      /* notificationStoragePriority; 0: none given */
	int64_t age_ns;         /* maxAge; 0: none */
	struct str creator, forward, owner;
	struct ntarget *target; /* heap */
	size_t n_targets;
};
enum { PENDING_NONE, PENDING_LATEST, PENDING_ALL };
enum { EC_IMMEDIATE = 2, EC_LATEST = 4 }; /* TS-0004 6.3.3, m2m:stdEventCats */

struct shot;
struct notice;
struct nlane;

/* One subscriber on one loop: what all its subscriptions hold back is bounded together. */
struct holder {
	struct holder *next;
	struct nsub *subs;
	size_t n, bytes;
	struct rank *ranks;     /* notify_rank.c; NULL: never needed */
	size_t n_ranks, cap_ranks;
	size_t flying;          /* messages on their way, to all targets */
	bool full;              /* as many as may be: somebody waits for fewer */
	size_t name_n;
	char name[];
};

#define NSUB_MAGIC 0x6e737562u
struct nsub {
	uint32_t magic;
	uint32_t rid;
	struct nlane *lane;
	struct nsub *next;                 /* in its bucket */
	struct nsub *kin, **kin_prev;      /* of the same holder */
	struct holder *holder;
	size_t rank;                       /* its place in holder->ranks + 1; 0: in none */
	const struct res *res;             /* a reference */
	struct npolicy p;
	char *sur;                         /* subscriptionReference */
	bool silent;                       /* its creator or all its targets lost their credential */
	bool last;                         /* what it watched is deleted: nothing more will come */
	bool gone;                         /* deleted; what is on its way still arrives */

	struct items batch, held;
	uint64_t batch_events;             /* that the batch stands for (with latestNotify more than it holds) */
	uint64_t batches;                  /* numbers given */
	int64_t batch_end_ns;
	int64_t window_end_ns;
	uint64_t in_window;
	uint64_t last_no;
	struct loop_timer wake;

	struct shot *shots;
	unsigned n_shots;
	uint64_t left;                     /* expirationCounter */
	uint64_t taken;                    /* of it, not written yet */
	bool dirty, ending;                /* waits for own_flush; its DELETE is under way */
	struct nsub *dirty_next;
	bool stalled;
	struct nsub *stalled_next;
};

/* A record to be written or removed. */
struct rec_job {
	struct rec_job *next;
	char key[NOTIFY_KEY];
	bool counted;           /* among those that are stored, until it is removed */
	size_t n;               /* 0: removed */
	char value[];
};
struct rec_jobs {
	struct rec_job *first, *last;
};

enum { NLANE_HOLDERS = 1024 };
#define NLANE_MAGIC 0x6e6c616eu
struct nlane {
	uint32_t magic;
	struct notify *n;
	struct loop *loop;
	struct stats *stats;
	struct arena arena;     /* of one transaction */
	struct nsub **table;
	struct nsub *leaving;   /* deleted ones with something on its way, by `next` */
	size_t buckets, count;
	struct holder *holders[NLANE_HOLDERS];
	size_t sweep;           /* bucket that the look at credentials goes on with; SIZE_MAX: none is under way */
	struct loop_task look;
	/* notify_store.c */
	struct rec_jobs recs, writing;
	size_t n_recs;          /* in both */
	struct nsub *stalled;   /* wait until fewer delivered ones have records */
	struct commit rec_commit;
	struct loop_task rec_task;
	struct loop_timer rec_retry;
	bool rec_busy;
	/* notify_own.c */
	struct nsub *dirty;
	struct {
		struct nsub *sub;
		uint64_t taken;
	} written[64];          /* by the commit that is under way */
	unsigned n_written;
	struct commit own_commit;
	struct loop_task own_task;
	struct loop_timer own_retry;
	bool own_busy;
	struct notice *notices; /* last ones, on their way */
	size_t n_notices;
	int64_t said_ns;        /* when the log last told of dropped ones */
	uint64_t unsaid;
};

#define NOTIFY_MAGIC 0x6e6f7466u
struct notify {
	uint32_t magic;
	struct gate *gate;
	struct nlane *lanes;
	unsigned n_lanes;
	const struct attr *sgn, *agn;
	struct notify_attrs {
		const struct attr *nev, *sur, *cr, *nfu, *sud, *rep, *om, *net, *op, *or, *list, *exc, *nsi;
	} at;
	int64_t batch_ns;       /* duration of a batch that gives none */
	_Atomic uint64_t base;  /* numbers of this run begin here */
	_Atomic uint64_t subs, silent, held, stored, dropped;
	uint64_t key[2];
	size_t max_held, max_bytes;
	/* Subscriptions whose notifications are stored with the change that they tell of. */
	pthread_mutex_t lock;
	uint32_t *keeping;      /* open addressing, 0: free */
	size_t n_keeping, keeping_cap;
	_Atomic size_t any_keeping;
};

/* notify.c */
struct nsub *notify_find(struct nlane *l, uint32_t rid);
/* The last message of a deleted one has arrived. */
void notify_left(struct nsub *s);
void notify_forget(struct nsub *s);

/* notify_sub.c */
struct nsub *notify_sub_new(struct nlane *l, uint32_t rid, const struct res *r);
/* New content: policies and targets; what the targets have had goes on. */
void notify_sub_set(struct nsub *s, const struct res *r);
/* notificationStatsEnable begins anew when it is switched on. */
void notify_sub_statistics(struct nsub *s, const struct npolicy *before);
/* Reads in the tree who its targets are; its creator or all its targets may have no active credential. In a tx. */
bool notify_sub_is_silent(struct nsub *s, struct tx *tx);
/* What an identifier leads to, if it is of that type and here; NULL: it is not, or a URL. In a tx. */
const struct node *notify_sub_find(struct nlane *l, struct tx *tx, struct str id, unsigned ty);
/* Its address as subscriptionReference; in a tx, or by its structured path. */
void notify_sub_place(struct nsub *s, struct tx *tx);
void notify_sub_place_at(struct nsub *s, struct str path);
void notify_sub_free(struct nsub *s);
/* All that waits is dropped. */
void notify_sub_empty(struct nsub *s);
void notify_sub_silence(struct nsub *s, bool silent);

/* notify_item.c */
struct item *item_new(struct nsub *s, struct fact *f);
/* At the end of a list; item_add counts it as the subscriber's, too. */
void item_put(struct items *q, struct item *it);
void item_uncount(struct nsub *s, const struct item *it);
void item_add(struct nsub *s, struct items *q, struct item *it);
/* The first one off; NULL when there is none. */
struct item *item_take(struct nsub *s, struct items *q);
/* Off the list already; its record goes, too. */
void item_drop(struct nsub *s, struct item *it);
void item_done(struct nsub *s, struct item *it);
void items_drop(struct nsub *s, struct items *q);
/* The CSE ends: records stay. */
void items_leave(struct nsub *s, struct items *q);
struct holder *holder_get(struct nlane *l, struct str name);
void holder_put(struct nlane *l, struct holder *h);

/* notify_rank.c */
/* Makes room when the subscriber's share is used up: the oldest of the least important. */
void item_bound(struct notify *n, struct holder *h);
/* It holds something; it is let go; its priority has changed. */
void rank_add(struct nsub *s);
void rank_leave(struct nsub *s);
void rank_again(struct nsub *s);

/* notify_policy.c */
void notify_policy_take(struct nsub *s, struct item *it);
/* At a start: sent as soon as the loop runs and nothing holds it back. */
void notify_policy_restore(struct nsub *s, struct item *it);
/* Sends what may go now and says when to look again. */
void notify_policy_run(struct nsub *s);
void notify_policy_changed(struct nsub *s, const struct npolicy *before);
/* The batch that is being collected is complete. */
void notify_policy_flush(struct nsub *s);

/* notify_reach.c */
/* What schedules say at a moment (µs). */
struct reach {
	bool own;         /* that of the subscription lets pass */
	uint64_t targets; /* bits of those that can be reached; all of those beyond the 64th */
	int64_t at;       /* the first moment at which all let pass; INT64_MAX: never */
};
void notify_reach_look(struct nsub *s, int64_t now, struct reach *out);

/* notify_send.c */
/* The items, oldest first, as one message to each of those targets; takes them. */
void notify_send(struct nsub *s, struct item *first, size_t n, bool batch, uint16_t ec, uint64_t targets);
/* The last notice: the subscription is gone.  kept: it has a record. */
void notify_send_end(struct nsub *s, struct str to, bool kept);
/* What is on its way is forgotten; it may still arrive. */
void notify_send_cancel(struct nsub *s);
/* ... as the CSE ends: records stay. */
void notify_send_leave(struct nsub *s);
void notify_send_fini(struct nlane *l);

/* notify_store.c */
void notify_store_put(struct nsub *s, struct item *it);
void notify_store_remove(struct nsub *s, struct item *it);
/* Too many records of what was delivered are still to be removed: a crash would deliver all of them again.  The subscription
 * goes on when they are fewer. */
bool notify_store_stalls(struct nsub *s);
void notify_store_forget(struct nsub *s);
/* The last notice of a subscription has been taken, or given up: its record goes. */
void notify_store_end(struct nlane *l, uint32_t rid);
int notify_store_restore(struct notify *n, struct why *why);
void notify_store_fini(struct nlane *l);
void notify_keep_set(struct notify *n, uint32_t rid, bool on);

/* notify_own.c */
/* The counter or the statistics moved. */
void notify_own_touch(struct nsub *s);
void notify_own_forget(struct nsub *s);
void notify_own_fini(struct nlane *l);
/* The counter is at zero: a DELETE of the CSE's own. */
void notify_own_end(struct nsub *s);

#endif
