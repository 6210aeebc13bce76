/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The batch log: what commits did to counters and lists of instances, as facts.  Every fact is absolute (an id, a state
 * tag, a head), so that reading one twice does no harm.  A row holds one or more parts; a part is what one commit wrote.
 */
#ifndef DB_BATCH_PRIV_H
#define DB_BATCH_PRIV_H

#include "cse/base/buf.h"

enum fact_kind {
	FACT_APPEND, /* instance: id, size; the container's st and lt */
	FACT_TOUCH,  /* st and lt of a node */
	FACT_KILL,   /* one instance went: id; st and lt */
	FACT_SWEPT   /* all rows of a removed container are gone */
};

struct fact {
	enum fact_kind kind;
	uint32_t rid;
	uint64_t id, size, st;
	int64_t ms;          /* lt; of an instance also its ct */
	bool has_head, has_side;
	uint64_t head;       /* instances below are gone */
	/* side entry */
	struct str rn, labels; /* labels: each as two bytes of length (least first) and its text */
	uint16_t n_labels;
	int64_t own_et;
};

/* Writing one part.  Begin, facts, end; `b` then holds the part at its end. */
struct batch_writer {
	struct buf *b;
	size_t start;
	int64_t seen_us;
	uint64_t id;
	uint32_t rid;
	int64_t ms;
	uint64_t n; /* facts so far */
};
/* seen_us: wall clock of the commit; swept: rows of all instances that went in batches up to this one are gone. */
void batch_begin(struct batch_writer *w, struct buf *b, uint64_t seq, int64_t seen_us, uint64_t swept);
void batch_fact(struct batch_writer *w, const struct fact *f);
void batch_end(struct batch_writer *w);

/* Reading a row. */
struct batch_part {
	uint64_t seq, swept;
	int64_t seen_us;
};
struct batch_reader {
	void (*part)(void *arg, const struct batch_part *p);
	int (*fact)(void *arg, const struct batch_part *p, const struct fact *f);
	void *arg;
};
/* E_CORRUPT, E_NEWER, or the first error of r->fact.  Facts before an error were given to r->fact. */
int batch_read(struct str row, const struct batch_reader *r);

#endif
