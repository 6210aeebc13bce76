/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection on a loop: socket and TLS, free of what is spoken on it.  Everything here belongs to the connection's
 * loop and runs on its thread.  Ciphertext is read into a buffer of the lane and decrypted at once; a connection holds
 * memory of its own only while a message is on its way.
 */
#ifndef BINDINGS_CONN_H
#define BINDINGS_CONN_H

#include <openssl/ssl.h>
#include <sys/socket.h>

#include "cse/base/buf.h"
#include "cse/base/loop.h"
#include "cse/base/stat.h"
#include "security/security.h"

struct conn;
struct log;
struct tls;

enum conn_state { CONN_NEW, CONN_HANDSHAKE, CONN_OPEN, CONN_LINGER, CONN_DEAD };

/* What speaks on the connections of a lane. */
struct conn_user {
	size_t size;                     /* of its struct, whose first member is struct conn; begins as zero bytes */
	/* May be read now?  If not, the user has called conn_pause, and will call conn_resume. */
	bool (*wants)(struct conn *c);
	/* A connection that another made, on a lane without `tls` (the agent's): a server-side SSL, or NULL when memory is short. */
	SSL *(*accept)(struct conn *c);
	/* A connection that we made, or one on a lane without `tls`: is the peer whom we want?  May set c->peer.  NULL: all are made by others. */
	bool (*prove)(struct conn *c);
	/* Where decrypted bytes go; asked for only when there are some. */
	struct buf *(*input)(struct conn *c);
	/* Bytes have been added to it, or the peer has ended its side (c->eof). */
	void (*ready)(struct conn *c);
	/* What conn_send could not send at once has left. */
	void (*sent)(struct conn *c);
	/* The deadline has passed. */
	void (*timeout)(struct conn *c);
	/* The channel is gone: let go of everything.  Called once, also when the handshake never ended. */
	void (*gone)(struct conn *c);
};

struct conn_times {
	int64_t handshake_ns, send_ns;
};

/* A doubly linked list that runs through its members. */
struct conn_link {
	struct conn_link *prev, *next;
};
void conn_list_init(struct conn_link *l);
/* At the end. */
void conn_list_add(struct conn_link *l, struct conn_link *x);
/* Harmless when it is in none. */
void conn_list_del(struct conn_link *x);

enum { CONN_CIPHER = 32768, CONN_RECORD = 16384 };

/* Close together, as they are looked at one after another. */
struct conn_life {
	const _Atomic uint32_t *live;     /* of its peer */
	struct conn *conn;
};

/* What the connections of one loop share. */
struct conn_lane {
	struct loop *loop;
	struct stats *stats;
	struct log *log;
	struct security *security;
	struct tls *tls;                  /* NULL: the user accepts and proves; `prove` may set ends_ns */
	const struct conn_user *user;
	const struct conn_times *times;   /* replaced by a reload */
	BIO_METHOD *bio;
	struct conn_link all, handshakes; /* oldest first */
	unsigned n_handshakes, max_handshakes;
	unsigned max_of_one;              /* connections of one credential, in all lanes */
	_Atomic unsigned n;               /* read by other lanes to balance */
	_Atomic unsigned *total;          /* of all lanes */
	struct conn *feeding;             /* whose ciphertext lies in cipher[feed .. fed) */
	size_t feed, fed;
	char *cipher, *plain;             /* what has been received, and one record of it decrypted */
	struct buf wire;                  /* ciphertext on its way to the kernel */
	struct loop_timer watch;          /* looks after peers that are no longer live */
	struct conn_link *cursor;         /* where it goes on */
	struct conn_life *lives;          /* of those that are open, in no order (conn_sweep.c) */
	unsigned n_lives, max_lives;
	unsigned unswept;                 /* those before it are still to be looked at */
	bool left;                        /* some were cut off only */
	struct loop_task sweep;
	_Atomic int sweeping;
	struct loop_task turn;            /* waits until handshakes_left is no longer of this turn */
	unsigned handshakes_left;
	int64_t told_ns;                  /* when a refused handshake was logged last */
	unsigned untold;
};

#define CONN_MAGIC 0x636f6e6eu
struct conn {
	uint32_t magic;
	enum conn_state state;
	struct conn_lane *lane;
	struct loop_io io;
	struct loop_timer timer;
	struct loop_task task;            /* being handed to another loop, being freed */
	struct conn_link all, handshake;
	SSL *ssl;
	struct peer *peer;                /* once CONN_OPEN; a reference */
	struct ipaddr from;
	int64_t ends_ns;                  /* when the certificate of the peer ends, and the connection with it */
	int fd;                           /* until it is registered */
	bool client;                      /* made by us */
	bool heard;                       /* a byte has come */
	bool eof;                         /* the peer sends no more */
	bool paused;                      /* not read at present */
	bool sending;                     /* the user waits for `sent` */
	bool left;                        /* the user knows that it is gone */
	bool cut;                         /* its peer has ended: nothing is received any more */
	struct buf pending;               /* ciphertext that the kernel has not taken */
	const char *out;                  /* plaintext that is not encrypted yet */
	size_t out_n;
	size_t moved;                     /* bytes sent since the send deadline was set */
	size_t drained;                   /* CONN_LINGER: bytes thrown away */
	unsigned life;                    /* its place in lives + 1; 0: none */
};

/* loop, stats, log, security, tls, user, times, max_handshakes, max_of_one and total are set by the caller. */
void conn_lane_init(struct conn_lane *lane, BIO_METHOD *bio);
/* Closes what is left. */
void conn_lane_fini(struct conn_lane *lane);
/* Peers have ended: their connections are closed now, some hundred a turn.  From any thread, until conn_lane_fini. */
void conn_lane_sweep(struct conn_lane *lane);
/* The methods of the BIO that all lanes use; NULL when memory is short. */
BIO_METHOD *conn_bio_new(void);

/* Takes an accepted, non-blocking socket for that lane, which may be another loop's; counts it. */
void conn_take(struct conn_lane *lane, int fd, const struct ipaddr *from);

/* A connection of ours to that address, whose handshake goes on as the user's prove says; ssl is taken.  NULL: refused at
 * once (ssl is freed).  Otherwise `ready` is called with nothing to read once it is open, or `gone`.  On the lane's loop. */
struct conn *conn_dial(struct conn_lane *lane, const struct sockaddr *to, socklen_t n, SSL *ssl);

/* Sends n bytes, which must stay where they are until `sent`; true: all have left already (no `sent` will come); false: look
 * at the state, it may be closed now.  Nothing may be under way. */
bool conn_send(struct conn *c, const char *p, size_t n);
/* Is something still to be sent? */
static inline bool conn_is_sending(const struct conn *c) { return c->out_n > 0 || c->pending.n > 0; }
/* No more bytes are wanted for now: the input stays as it is. */
void conn_pause(struct conn *c);
void conn_resume(struct conn *c);
/* `timeout` is called at or after that time; it replaces the deadline before. */
void conn_deadline(struct conn *c, int64_t at_ns);
/* Says goodbye, throws away what the peer still sends for a short while, so that it can read the last answer, and
 * closes. */
void conn_finish(struct conn *c);
/* Closes at once; the struct lives until the end of the turn.  Harmless when it is closed already. */
void conn_close(struct conn *c);

#endif
