/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent keeps of its local clients, durably, in the state folder: the tokens that stand for their plaintext URLs, the
 * subscriptions that were made through it, the names that the CSE gave them.  One file of lines, appended and synced; a torn last
 * line is no line.  Bounded: who was used longest ago makes room.
 */
#ifndef AGENT_BOOK_H
#define AGENT_BOOK_H

#include "agent/agent.h"

enum {
	BOOK_URLS = 4096, BOOK_SUBS = 16384, BOOK_NAMES = 256,
	BOOK_TOKEN = 26,         /* characters: 128 random bits in base32 */
	BOOK_LINE = 4096,
};

/* What a token may be used for: the points of access take notifications of own subscriptions only. */
enum book_kind {
	BOOK_POA, BOOK_SUB /* nu, su, nfu */, BOOK_RTU,
	BOOK_AGENT, /* no client's: a point of access that the agent gives an AE that has none */
	BOOK_KINDS
};

/* dir: the state folder; NULL: nothing on disk (tests).  A file that is none of ours: E_CORRUPT with a sentence. */
int book_open(struct agent *a, const char *dir, struct book **out, struct why *why);
void book_close(struct book *b);

/* The token of that URL and kind: the one it has, or a new one, durable when this returns.  E_IO, E_FULL.  *token is borrowed and
 * lives until the next call. */
int book_token(struct book *b, enum book_kind kind, struct str url, struct str *token);
/* The same without making one: false when it has none. */
bool book_find(struct book *b, enum book_kind kind, struct str url, struct str *token);
/* The URL behind a token; false: none of ours. */
bool book_url(struct book *b, struct str token, struct str *url, enum book_kind *kind);

/* A subscription of our own, by its address in any form ("/id-in/sub1", "cse-in/CDev1/s"). */
int book_add_sub(struct book *b, struct str address, const struct addr_self *self);
int book_remove_sub(struct book *b, struct str address, const struct addr_self *self);
bool book_has_sub(struct book *b, struct str address, const struct addr_self *self);

/* A name that the CSE gave a client of ours at its registration (an AE-ID stem). */
int book_add_name(struct book *b, struct str stem);
bool book_has_name(const struct book *b, struct str stem);

/* --- for tests and fuzz targets ---------------------------------------------------------------------------------------- */

/* The lines of a file; 0, or E_CORRUPT. */
int book_read(struct book *b, struct str text);

#endif
