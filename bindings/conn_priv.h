/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the connection: its life (conn.c) and its bytes (conn_io.c). */
#ifndef BINDINGS_CONN_PRIV_H
#define BINDINGS_CONN_PRIV_H

#include "bindings/conn.h"

enum { CONN_WIRE_MAX = 1 << 20 };

/* Connects the SSL with the lane's buffers; false when memory is short. */
bool conn_bio_attach(struct conn *c);
/* Ciphertext from the kernel; false: nothing has come or it is closed now.  True also at the end of the peer's side. */
bool conn_receive(struct conn *c);
/* Is there something to decrypt, or the end of the peer's side to be told? */
bool conn_has_bytes(const struct conn *c);
/* Decrypts all that has been received into the user's input; false when it is closed now. */
bool conn_decrypt(struct conn *c);
/* Gives the kernel what it takes of the ciphertext that is ready. */
void conn_flush(struct conn *c);
/* Encrypts and sends on; tells the user at the end. */
void conn_push(struct conn *c);
void conn_send_deadline(struct conn *c);
/* It is open, and its peer is looked after from now on; or no more (harmless when it never was). */
void conn_life_begin(struct conn *c);
void conn_life_end(struct conn *c);
/* Asks the loop for the events that are wanted now. */
void conn_update(struct conn *c);
/* The handshake failed; the reason is for the log. */
void conn_refuse(struct conn *c, const char *reason);

#endif
