/* SPDX-License-Identifier: Apache-2.0 */
/* The writer's thread: takes what is ready from the queue, one transaction, publishes, answers; sweeps when idle. */
#ifndef DB_WRITER_PRIV_H
#define DB_WRITER_PRIV_H

#include "db/gather_priv.h"
#include "db/journal_priv.h"

enum { SCRATCH_MAX = 1 << 30 };

struct event {
	struct event *next;
	uint64_t seq;
	uint32_t n;
	char text[];
};

/* Completions on their way to one loop. */
struct chain {
	struct loop *loop;
	struct loop_task *first, *last;
};

struct writer {
	struct store *s;
	struct disk *disk;
	pthread_t thread;
	bool running;
	struct journal journal;

	struct job *first, *last; /* taken from the queue, not written */
	struct job *used, *used_last; /* to be given back to the pool */
	unsigned n_used;
	struct gather gather;
	struct body **freed;
	unsigned cap_freed;
	struct chain *chains;     /* per loop */
	unsigned probe_ms;        /* of quiet until the next probe write */
	unsigned ro_turns;        /* while read-only, since the last probe write */
	uint64_t ev_max;          /* bound of the event table; 0: none */
	bool lean;                /* the ballast may be missing */
	unsigned lean_turns;      /* since it was asked for last */

	_Atomic uint32_t calls;   /* grows with each reason to turn; the futex that it sleeps on */
	_Atomic uint64_t sleep;   /* number of the sleep that somebody must end; 0: none, or somebody is about to */
	uint64_t sleeps;          /* the writer's: so many so far */
	atomic_bool stop;

	pthread_mutex_t lock;     /* a leaf: nothing is taken under it */
	pthread_cond_t done;
	uint64_t finished;        /* newest sequence that was answered */
	struct event *ev_first, *ev_last, *ev_writing;
	struct event_wait *ev_waits;
	size_t ev_bytes;          /* waiting */
	uint64_t ev_in, ev_out;   /* newest queued, newest written */
	uint64_t ev_stored;       /* bytes in the table */
};

struct writer *writer_new(struct store *s);
void writer_start(struct writer *w);
/* Writes what is queued and ends the thread. */
void writer_stop(struct writer *w);
void writer_free(struct writer *w);
/* Any thread: the job is packed. */
void writer_ready(struct writer *w, struct job *j);
/* Any thread: there is something to do. */
void writer_call(struct writer *w);
/* Any thread: waits until all that is queued now is answered. */
void writer_flush(struct writer *w);

/* --- commit.c: one transaction ------------------------------------------------------------------------------------- */

/* Jobs from the front up to `end`, events, and a share of sweeping and of a snapshot, a larger one when nothing else is
 * to do.  After an error nothing of it happened. */
int commit_write(struct writer *w, const struct job *end, bool idle);

/* --- event.c -------------------------------------------------------------------------------------------------------- */

bool event_take(struct writer *w);
int event_write(struct writer *w);
void event_done(struct writer *w, bool written);
void event_fini(struct writer *w);

#endif
