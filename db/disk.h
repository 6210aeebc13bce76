/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a backing does for the store: tables of sealed rows that are read at start and written by the writer's thread, in
 * transactions.  sqlite.c is the real one, memory.c keeps nothing beyond the process.
 */
#ifndef DB_DISK_H
#define DB_DISK_H

#include "cse/base/str.h"
#include "cse/model/rsc.h"
#include "db/store.h"

/* Numbers kept beside the tables. */
enum disk_meta {
	META_IDS,        /* instance ids below are reserved */
	META_RIDS,       /* row ids of resources below are reserved */
	META_BATCH_FROM, /* older rows of the batch log are void */
	META_SNAP_FROM,  /* rows of the snapshot that count: from .. to - 1 */
	META_SNAP_TO,
	META_COUNT
};

struct disk_res {
	uint32_t rid, pid;
	uint16_t ty;
	uint64_t seq;
	struct str plain;
};

enum disk_log { DISK_SNAP, DISK_BATCH };

struct disk;
struct disk_ops {
	/* --- at start, before the writer runs; fn's error ends a walk and is returned; what is damaged is E_CORRUPT - */
	int (*meta)(struct disk *d, uint64_t out[META_COUNT]);
	int (*each_res)(struct disk *d, int (*fn)(void *arg, const struct disk_res *r), void *arg);
	/* Rows of the log from .. to (exclusive), ascending. */
	int (*each_log)(struct disk *d, enum disk_log l, uint64_t from, uint64_t to,
	                int (*fn)(void *arg, uint64_t seq, struct str plain), void *arg);
	/* Number of the newest row of the batch log, 0: none. */
	uint64_t (*log_last)(struct disk *d);
	int (*each_rec)(struct disk *d, enum rec_table t, int (*fn)(void *arg, struct str key, struct str value), void *arg);
	int (*each_event)(struct disk *d, uint64_t from, int (*fn)(void *arg, uint64_t seq, struct str row), void *arg);
	/* Bytes of the event table, and the number of its newest row (0: none). */
	uint64_t (*event_bytes)(struct disk *d, uint64_t *last);

	/* --- the writer's thread; E_FULL, E_IO.  After an error only rollback is allowed.  `sealed` as job_seal made it - */
	int (*begin)(struct disk *d);
	int (*put_res)(struct disk *d, const struct disk_res *r, struct str sealed);
	int (*del_res)(struct disk *d, uint32_t rid);
	int (*put_body)(struct disk *d, uint64_t id, struct str sealed);
	/* All rows from .. to (inclusive). */
	int (*del_bodies)(struct disk *d, uint64_t from, uint64_t to);
	/* Empty sealed: removed. */
	int (*put_rec)(struct disk *d, enum rec_table t, struct str key, struct str value, struct str sealed);
	int (*put_event)(struct disk *d, uint64_t seq, struct str row);
	int (*put_log)(struct disk *d, enum disk_log l, uint64_t seq, struct str plain);
	/* At most `max` rows of from .. to (exclusive); how many, or an error. */
	int (*del_log)(struct disk *d, enum disk_log l, uint64_t from, uint64_t to, unsigned max);
	int (*put_meta)(struct disk *d, enum disk_meta m, uint64_t v);
	/* 0: durable.  A failed sync ends the process: nobody knows what the kernel still has. */
	int (*commit)(struct disk *d);
	void (*rollback)(struct disk *d);
	/* The disk was full: what was kept for that is given free. */
	void (*relieve)(struct disk *d);
	/* Is what relieve gave free there again?  Makes it where there is room; false: ask again later. */
	bool (*restock)(struct disk *d);
	/* May the store write again?  0, or E_FULL, E_IO. */
	int (*probe)(struct disk *d);

	/* --- any thread --- */
	/* A new body: 0, E_ABSENT, E_CORRUPT, E_IO. */
	int (*read_body)(struct disk *d, uint64_t id, struct body **out);
	int (*backup)(struct disk *d, const char *file, struct why *why);
	void (*close)(struct disk *d);
};

struct disk {
	const struct disk_ops *ops;
};

struct disk *disk_memory_new(void);
int disk_sqlite_open(const struct store_opts *o, struct disk **out, struct why *why);

#endif
