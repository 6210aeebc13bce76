/* SPDX-License-Identifier: Apache-2.0 */
/* troth-bench: a load generator with client certificates.  One thread, one epoll, one request under way per connection. */
#ifndef TOOLS_BENCH_H
#define TOOLS_BENCH_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum bench_op { BENCH_NULL, BENCH_CREATE, BENCH_RETRIEVE, BENCH_LATEST, BENCH_OLDEST, BENCH_CONTAINER, BENCH_DELETE,
	BENCH_IDLE, BENCH_SINK, BENCH_OPS };

/* Histogram of latencies: 32 steps per power of two of nanoseconds, so 3 % resolution. */
enum { HIST_STEPS = 32, HIST_BUCKETS = 40 * HIST_STEPS };
struct hist {
	uint64_t n[HIST_BUCKETS];
	uint64_t count;
};
void hist_add(struct hist *h, int64_t ns);
/* p in 0..1; milliseconds. */
double hist_ms(const struct hist *h, double p);

struct bench_opts {
	const char *host, *port, *ca, *cert, *key;
	const char *originator, *base; /* "cse-in/CBench" */
	enum bench_op op, second;      /* second: on `share` of the connections */
	double share;
	unsigned connections;
	unsigned containers, first;    /* numbers first .. first + containers - 1 */
	unsigned size;                 /* bytes of content */
	uint64_t count;                /* stop after so many answers; 0: no bound */
	double seconds;
	double warm;                   /* seconds not counted at the start */
	unsigned mni;                  /* of containers that are made; 0: none */
	const char *more;              /* members of every resource that is made; NULL: none */
	int pid;                       /* process whose CPU time is read; 0: none */
	FILE *journal;                 /* one line per acknowledged create: container and serial number */
	bool journal_stop;             /* a lost server is the end, not an error */
	uint64_t serial;               /* first serial number */
};

struct bench_result {
	struct hist first, second;
	uint64_t done_first, done_second, refused, lost;
	double seconds, cpu_us; /* per answer; -1 unknown */
	unsigned connected;
	double connect_seconds;
};
/* Runs it; 0, or -1 with a sentence on stderr. */
int bench_run(const struct bench_opts *o, struct bench_result *out);

/* Takes notifications until standard input ends; 0, or -1. */
int bench_sink(const struct bench_opts *o);

/* One request's text, with the parts that change from one to the next at fixed places. */
struct bench_text {
	char *text;
	size_t n;
	size_t at_rqi, at_cnt, at_con; /* 0: no such part */
};
/* Numbers have ten digits. */
int bench_text_make(struct bench_text *t, const struct bench_opts *o, enum bench_op op);
void bench_text_fill(struct bench_text *t, uint64_t rqi, unsigned cnt);
void bench_text_free(struct bench_text *t);

#endif
