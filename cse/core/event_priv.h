/* SPDX-License-Identifier: Apache-2.0 */
/* What event.c (facts) and life.c (subscriptions that come, change and go) share. */
#ifndef CORE_EVENT_PRIV_H
#define CORE_EVENT_PRIV_H

#include "cse/core/event.h"
#include "cse/core/fact.h"
#include "cse/core/notify.h"
#include "cse/core/view.h"

/* What is told of, and what it is shown by.  res and body are counted. */
struct event_of {
	const struct typeinfo *ti;
	const struct res *res;     /* NULL: an instance whose content is `body` */
	bool is_inst;
	struct inst inst;
	int64_t end;               /* of an instance, by its container's rules */
	struct counters counters;
	struct view_names names;
	struct body *body;
};

struct event {
	struct event *next;
	struct subs *subs;
	struct event_of of;
	enum net net;              /* 0: an operation reached the resource */
	enum op op;
	unsigned acop;
	struct str from, stem;     /* of that operation */
	const struct res *before;  /* UPDATE */
	struct counters counters_before;
	const struct obj *asked;
	uint32_t except;           /* a subscription that came with it */
	uint32_t reads;            /* see struct fact */
	bool *readers;             /* per subscription; NULL: all */
	int64_t now;
	/* made once */
	struct obj *all, *modified;
	struct rep *reps[3];       /* all, modified, resourceID */
};

/* Does the subscription want to know? */
bool event_wants(const struct gate *g, struct arena *a, struct event *ev, const struct res *sub);
/* The fact for it; bare: without a representation.  NULL: what is to be shown cannot be read. */
struct fact *event_fact(struct gate *g, struct arena *a, struct event *ev, uint32_t sub, const struct res *res, bool bare);

/* What needs no commit to be told: now, to its subscription's loop. */
void event_post(struct gate *g, struct fact *f);

/* --- life.c --------------------------------------------------------------------------------------------------------- */

enum life_kind { LIFE_MADE, LIFE_CHANGED, LIFE_ENDED, LIFE_SCHEDULED };
struct life {
	struct emit emit;          /* first */
	struct life *next;
	struct gate *gate;
	enum life_kind kind;
	uint32_t sub;
	const struct res *res, *before; /* counted */
	struct str ri, path;       /* ENDED: behind the struct */
	bool kept, quiet;          /* ENDED: as struct notify_end */
};
void life_note(struct events *es, struct gate *g, enum life_kind kind, uint32_t sub, const struct res *res,
               const struct res *before);
/* The child is the schedule of a subscription. */
bool life_is_scheduled(const struct node *parent, const struct node *child);
/* With the commit, in the order of notes. */
void life_tell(struct events *es, struct commit *c);
void life_free(struct life *l);
/* At a start: the last word of a subscription, from its record (notify_record.h).  Takes the fact. */
struct notify_last;
void life_restore(struct gate *g, uint32_t sub, const struct notify_last *w);

/* The same later, by numbers, on a loop. */
bool event_reads_still(struct gate *g, uint32_t sub, uint32_t rid);
/* The same for what is gone with its subscription, by the policies that it had; those that went with it reject nobody. */
bool event_read_last(struct gate *g, const struct res *sub, const struct res *last);

#endif
