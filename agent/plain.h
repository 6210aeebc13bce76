/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection in clear text, between this agent and a process of its own user on this machine: the only ones of the product.  Whose
 * the other end is, the caller has found out before it reads or sends.
 */
#ifndef AGENT_PLAIN_H
#define AGENT_PLAIN_H

#include <sys/socket.h>

#include "cse/base/buf.h"
#include "cse/base/loop.h"

struct plain;
struct plain_user {
	/* A connection that we made is there; nothing has been sent yet. */
	void (*connected)(struct plain *p);
	/* Bytes have been added to p->in, or p->eof is set. */
	void (*ready)(struct plain *p);
	/* What plain_send could not send at once has left. */
	void (*sent)(struct plain *p);
	void (*timeout)(struct plain *p);
	/* It is closed; the last call, at the end of a turn: the memory may be freed. */
	void (*gone)(struct plain *p);
};

#define PLAIN_MAGIC 0x706c6169u
struct plain {
	uint32_t magic;
	struct loop *loop;
	const struct plain_user *user;
	struct loop_io io;
	struct loop_timer timer;
	struct loop_task end;
	struct buf in;           /* its bound is the most that is read before the user takes it away */
	const char *out;         /* on its way */
	size_t out_n;
	bool connecting, eof, paused, closed;
	bool lingering;          /* says nothing more, throws away what comes until the peer has read the last answer */
	size_t drained;
};

/* A connected, non-blocking socket; taken.  false: the loop has no room (the socket is closed, gone is not called). */
bool plain_open(struct plain *p, struct loop *l, int fd, const struct plain_user *user, size_t in_max);
/* To that address; false: refused at once, gone is not called. */
bool plain_connect(struct plain *p, struct loop *l, const struct sockaddr *to, socklen_t n, const struct plain_user *user, size_t in_max);
int plain_fd(const struct plain *p);
/* The bytes must stay where they are until `sent`; true: all have left already (no `sent`), or it is closed now. */
bool plain_send(struct plain *p, const char *bytes, size_t n);
void plain_pause(struct plain *p);
void plain_resume(struct plain *p);
void plain_deadline(struct plain *p, int64_t at_ns);
/* Closes once the peer has read what was sent, or after a second. */
void plain_finish(struct plain *p);
/* Harmless when closed. */
void plain_close(struct plain *p);

#endif
