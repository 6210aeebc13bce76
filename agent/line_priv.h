/* SPDX-License-Identifier: Apache-2.0 */
/* Between line.c (what waits, when to connect), line_addr.c (names to addresses) and line_conn.c (messages). */
#ifndef AGENT_LINE_PRIV_H
#define AGENT_LINE_PRIV_H

#include <netinet/in.h>

#include "agent/line.h"
#include "bindings/conn.h"

enum { LINE_ADDRESSES = 8, LINE_HEAD = 16384, LINE_KEEP = 16384, LINE_OUT = 80 << 20, LINE_FIELDS = 64 };

/* A carriage on its way. */
struct errand {
	struct conn_link link;     /* of line->waiting or line->over, when it is in one */
	struct line *line;
	struct carriage *carriage;
	struct line_conn *conn;
	struct loop_timer timer;
	int64_t since_ns;          /* when it began to wait */
	int64_t until_ns;          /* its deadline */
	const char *text;          /* err's sentence, once it is over */
	int err;
	bool again;                /* was sent twice already */
	bool poll;                 /* it is one of line->n_polls */
};

struct line_conn {
	struct conn conn; /* first */
	struct line *line;
	struct errand *errand;
	struct conn_link idle;     /* of line->idle while it waits for an errand */
	struct buf in, out;
	struct http1 h;
	struct http1_field *fields;
	unsigned interim;
	bool open, used, heard;
	bool orphan;               /* its client has gone */
	bool poll;                 /* it carries one of line->n_polls */
	bool retired, ours /* we end it */;
	bool late;                 /* retired, and no longer waited for */
	const char *stranger;      /* why it is not whom we want */
};

struct line_address {
	struct sockaddr_storage at;
	socklen_t n;
};

struct lookup {
	struct work work; /* first */
	struct line *line; /* NULL: nobody waits for it any more */
	unsigned port, n;
	struct line_address found[LINE_ADDRESSES];
	char host[254];
};

#define LINE_MAGIC 0x6c696e31u
struct line {
	uint32_t magic;
	struct line_opts o;
	char host[254];
	BIO_METHOD *bio;
	struct conn_lane lane;
	struct conn_times times;
	_Atomic unsigned total;
	struct http1_limits limits;
	struct conn_link waiting, over, idle; /* errands, errands, connections */
	unsigned n_waiting, n_conns, n_dialing, n_busy, n_retired, n_late, n_polls;
	struct loop_task end_over, pump;
	struct lookup *lookup;
	struct line_address addr[LINE_ADDRESSES];
	unsigned n_addr, at_addr, tried; /* tried: addresses that failed in a row */
	int64_t pause_until_ns, pause_ns;
	struct loop_timer drain, probe, patience;
	bool warm, lost, closing;
	bool probing;              /* a new certificate is shown on one connection first */
	uint64_t answered;
	char fault[200];
	bool met;                  /* it is one of somebody's who was met */
};

extern const struct conn_user line_user;

/* line.c */
/* Opens, hands out, as things are now. */
void line_pump(struct line *l);
/* At the end of this turn. */
void line_pump_soon(struct line *l);
/* The errand fails; its carriage hears of it at the end of the turn.  text is constant or lives in the line. */
void line_fail(struct errand *x, int err, const char *text);
/* Puts it to the front again. */
void line_wait(struct errand *x, bool first);
void line_errand_free(struct errand *x);
/* A connection is open: others may follow soon, whether it has been answered or not. */
void line_opened(struct line *l);
/* An answer has come; an attempt to connect failed (once for each). */
void line_heard(struct line *l, bool retired);
void line_unreached(struct line *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The same, where nobody was met. */
void line_nobody(struct line *l);
/* line_addr.c: fills l->addr at once, or later and pumps; false: it takes time. */
bool line_resolve(struct line *l);
/* line_conn.c */
bool line_dial(struct line *l, const struct line_address *to);
void line_carry(struct line_conn *lc, struct errand *x);
/* The end of a connection that carries something: after its errand's own, which is told to the client; of one whose client has gone, soon. */
void line_conn_deadline(struct line_conn *lc);

#endif
