/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened to a resource, for one subscription: made where it happens (event.c), kept until its commit is durable,
 * handed to the subscription's loop in the order of commits (engine.md 4.4), turned into notifications there (notify.c).
 */
#ifndef CORE_FACT_H
#define CORE_FACT_H

#include "cse/core/gate_priv.h"
#include "cse/model/enc.h"

/* A representation that several facts share: one heap block, counted, immutable, thread-safe. */
struct rep {
	_Atomic uint32_t refs;
	const struct attr *root;  /* m2m:cnt, m2m:uri, ... */
	struct val v;
	size_t bytes;
};
/* Deep copy with one reference. */
struct rep *rep_keep(const struct attr *root, const struct val *v);
struct rep *rep_ref(struct rep *r);
void rep_unref(struct rep *r); /* NULL: nothing */

#define FACT_MAGIC 0x66616374u
struct fact {
	struct emit emit;         /* first: the way to the subscription's loop */
	uint32_t magic;
	struct gate *gate;
	uint32_t sub;             /* rid of the subscription */
	uint32_t reads;           /* rid of what its creator must still be allowed to read; 0: it is gone; event.c's */
	enum net net;             /* 0: operation monitoring only */
	enum op op;               /* what was done; for operationMonitor (om) */
	bool monitor;             /* the notification tells op and originator */
	bool withheld;            /* its creator may not read that any more: it goes no further, nor does what is stored of it */
	bool gone;                /* the subscription is deleted by this very change: what follows is its last word */
	const struct res *last_sub, *last; /* gone: the subscription and what it watched, as they were; a reference each, or NULL */
	char *path;               /* gone: of the subscription; heap */
	struct rep *rep;          /* a reference; NULL with `monitor` of a refused attempt */
	int64_t when;             /* µs, of the change */
	uint64_t size;            /* bytes that it holds, for bounds of queues */
	char *originator;         /* monitor: absolute, heap; else NULL */
	/* notify_keep's; zero at first. */
	uint64_t no;              /* order among those of its subscription, through restarts */
	bool kept;                /* stored with the commit itself */
};
void fact_free(struct fact *f);

#endif
