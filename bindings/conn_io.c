/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a connection.  OpenSSL reads and writes memory of the lane by a BIO of ours: one recv for all records
 * that have come, and no second one to learn that there are no more; one send for all records of an answer.
 */
#include "bindings/conn_priv.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
	SLICE = 4 * CONN_RECORD,   /* plaintext that is encrypted before the kernel is asked */
	KEEP_WIRE = 2 * SLICE,
	LEAST_PROGRESS = 16384,    /* bytes that move a send deadline */
};

/* --- the BIO ----------------------------------------------------------------------------------------------------- */

static int bio_read(BIO *b, char *p, size_t n, size_t *got)
{
	struct conn *c = BIO_get_data(b);
	struct conn_lane *lane = c->lane;
	size_t have = lane->feeding == c ? lane->fed - lane->feed : 0;

	BIO_clear_retry_flags(b);
	if (have == 0) {
		*got = 0;
		if (!c->eof)
			BIO_set_retry_read(b);
		return c->eof ? 0 : -1;
	}
	if (n > have)
		n = have;
	memcpy(p, lane->cipher + lane->feed, n);
	lane->feed += n;
	*got = n;
	return 1;
}

static int bio_write(BIO *b, const char *p, size_t n, size_t *done)
{
	struct conn *c = BIO_get_data(b);

	BIO_clear_retry_flags(b);
	buf_put(&c->lane->wire, p, n);
	if (c->lane->wire.over)
		return 0;
	*done = n;
	return 1;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	(void)b;
	(void)num;
	(void)ptr;
	return cmd == BIO_CTRL_FLUSH;
}

BIO_METHOD *conn_bio_new(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "lane");

	if (m == NULL)
		return NULL;
	BIO_meth_set_read_ex(m, bio_read);
	BIO_meth_set_write_ex(m, bio_write);
	BIO_meth_set_ctrl(m, bio_ctrl);
	return m;
}

bool conn_bio_attach(struct conn *c)
{
	BIO *b = BIO_new(c->lane->bio);

	if (b == NULL)
		return false;
	BIO_set_data(b, c);
	BIO_set_init(b, 1);
	SSL_set_bio(c->ssl, b, b);
	SSL_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS);
	/* Writing to memory never blocks: all records of a slice in one go. */
	SSL_clear_mode(c->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
	return true;
}

/* --- in ---------------------------------------------------------------------------------------------------------- */

bool conn_receive(struct conn *c)
{
	struct conn_lane *lane = c->lane;
	ssize_t n = recv(c->fd, lane->cipher, CONN_CIPHER, 0);

	REQUIRE(lane->feeding == NULL);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			conn_close(c);
		return false;
	}
	if (n == 0)
		c->eof = true;
	else
		c->heard = true;
	lane->feeding = c;
	lane->feed = 0;
	lane->fed = (size_t)n;
	return true;
}

bool conn_has_bytes(const struct conn *c)
{
	return c->lane->feed < c->lane->fed || c->eof || SSL_has_pending(c->ssl);
}

bool conn_decrypt(struct conn *c)
{
	struct conn_lane *lane = c->lane;
	struct buf *in = NULL;

	ERR_clear_error();
	for (;;) {
		size_t n;
		int r, e;

		r = SSL_read_ex(c->ssl, lane->plain, CONN_RECORD, &n);
		if (r == 1) {
			if (in == NULL)
				in = lane->user->input(c);
			buf_put(in, lane->plain, n);
			/* The user keeps its limits; a full buffer is a mistake of ours that must not grow. */
			if (in->over) {
				conn_close(c);
				return false;
			}
			/* A record that leaves nothing behind needs no second look. */
			if (lane->feed == lane->fed && !SSL_has_pending(c->ssl))
				break;
			continue;
		}
		e = SSL_get_error(c->ssl, r);
		if (e == SSL_ERROR_WANT_READ && !c->eof)
			break;
		if (e == SSL_ERROR_ZERO_RETURN) {
			c->eof = true;
			lane->feed = lane->fed;
			break;
		}
		/* Also an end without goodbye: what has come may be cut short. */
		ERR_clear_error();
		conn_flush(c);
		conn_close(c);
		return false;
	}
	/* Answers of the protocol itself, such as a key update. */
	if (lane->wire.n > 0)
		conn_flush(c);
	return c->state == CONN_OPEN;
}

/* --- out --------------------------------------------------------------------------------------------------------- */

/* Bytes that the kernel took, 0 when it takes none now; closes on failure. */
static size_t give(struct conn *c, const char *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t k = send(c->fd, p + done, n - done, MSG_NOSIGNAL);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0 && errno == EAGAIN)
			break;
		if (k < 0) {
			conn_close(c);
			return 0;
		}
		done += (size_t)k;
	}
	return done;
}

void conn_flush(struct conn *c)
{
	struct buf *wire = &c->lane->wire;
	size_t done;

	if (c->pending.n > 0) {
		buf_str(&c->pending, buf_as_str(wire));
		done = give(c, c->pending.p, c->pending.n);
		if (c->state != CONN_DEAD)
			buf_drop(&c->pending, done);
	} else {
		done = give(c, wire->p, wire->n);
		if (c->state != CONN_DEAD && done < wire->n)
			buf_put(&c->pending, wire->p + done, wire->n - done);
	}
	buf_reset(wire);
	buf_shrink(wire, KEEP_WIRE);
	if (c->state == CONN_DEAD)
		return;
	c->moved += done;
	if (c->pending.n > 0) {
		if (c->state == CONN_OPEN && c->moved >= LEAST_PROGRESS) {
			c->moved = 0;
			conn_send_deadline(c);
		}
	} else if (c->pending.cap > 0) {
		buf_fini(&c->pending);
	}
	if (c->io.on && (c->pending.n > 0) != ((c->io.events & LOOP_WRITE) != 0))
		conn_update(c);
}

/* True when all of the plaintext has left. */
static bool encrypt(struct conn *c)
{
	while (c->out_n > 0 && c->pending.n == 0) {
		size_t n = c->out_n < SLICE ? c->out_n : SLICE, done;

		if (SSL_write_ex(c->ssl, c->out, n, &done) != 1) {
			ERR_clear_error();
			conn_close(c);
			return false;
		}
		c->out += done;
		c->out_n -= done;
		conn_flush(c);
		if (c->state == CONN_DEAD)
			return false;
	}
	return !conn_is_sending(c);
}

bool conn_send(struct conn *c, const char *p, size_t n)
{
	REQUIRE(c->out_n == 0 && c->state == CONN_OPEN);
	c->out = p;
	c->out_n = n;
	/* Something of the protocol itself may still be on its way. */
	if (c->pending.n == 0 && encrypt(c))
		return true;
	if (c->state == CONN_OPEN) {
		c->sending = true;
		c->moved = 0;
		conn_send_deadline(c);
	}
	return false;
}

void conn_push(struct conn *c)
{
	if (!encrypt(c) || !c->sending)
		return;
	c->sending = false;
	c->lane->user->sent(c);
}
