/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment from the inside: what is remembered of a device beside its credential. */
#ifndef SECURITY_ENROL_PRIV_H
#define SECURITY_ENROL_PRIV_H

#include <pthread.h>

#include "security/enrol.h"
#include "security/lifespan.h"
#include "security/strmap.h"

/* In the life of a certificate a device may renew as often as this: once is due, more is somebody's who fills tables. */
enum { ENROL_RENEWALS = 64 };
enum { ENROL_KEY = 32, ENROL_ANSWER_MAX = 16384, ENROL_LIST_MAX = 65536 /* all authorities that count */, ENROL_RECORD_MAX = 32768, ENROL_SECRET = 48 };

/* A device's record (REC_DEVICE, key: the credential's id). */
struct device_rec {
	char handle[CODE_HANDLE + 1];      /* of its code; empty: none */
	bool used;                         /* the code; it stays until it ends, so that its answer can be given again */
	unsigned char psk[CODE_PSK];
	int64_t code_ends, life_us;
	uint32_t next;                     /* generation that waits to be used; 0: none */
	unsigned char next_key[ENROL_KEY];
	int64_t next_from, next_to;        /* its certificate's life */
	unsigned char answer_key[ENROL_KEY]; /* whose certificate `answer` is */
	struct str answer;                 /* as it was sent; empty: none */
};
void device_rec_pack(const struct device_rec *r, struct buf *out);
/* r->answer points into `in`.  E_CORRUPT, E_NEWER. */
int device_rec_unpack(struct str in, struct device_rec *r);

struct device {
	struct str id;    /* behind the struct */
	/* As in its record, but for the PSK, which is masked (enrol.c), and the answer, which is malloced. */
	struct device_rec r;
	bool busy;        /* a request of it waits for the disk */
	struct lifespan life; /* of its present certificate, and what was told of it */
	int64_t renewals_ns;  /* monotonic: when all renewals so far would have been due, evenly spread */
};

#define ENROL_MAGIC 0x656e726fu
struct enrol {
	uint32_t magic;
	struct enrol_opts o;
	struct arena mem;         /* of o.self */
	unsigned char *secret;    /* a secret page: masks PSKs in memory, answers unknown handles */
	pthread_mutex_t first;    /* one first use at a time: between its commit and its effect another would find no key; before the store */
	pthread_mutex_t lock;     /* guards all below; the registry's lock may be taken under it, the store's not */
	struct strmap by_id, by_handle, by_next;
	size_t cursor;            /* of enrol_tick */
	int64_t grace_us, code_life_us, cert_life_us;
	unsigned waiting;         /* requests that wait for the disk */
};

/* Under the lock: the device of that id, made when it is new. */
struct device *device_of(struct enrol *e, struct str id);
/* Under the lock: the indexes follow what the record says now. */
void device_unindex(struct enrol *e, struct device *d);
void device_index(struct enrol *e, struct device *d);
/* Under the lock.  The answer is copied; empty: none. */
void device_set_answer(struct device *d, struct str answer);
/* Under the lock, then part of a TX_WRITE: the record in bytes. */
void device_pack(struct enrol *e, const struct device *d, struct buf *out);
void enrol_mask(struct enrol *e, const char handle[CODE_HANDLE + 1], unsigned char psk[CODE_PSK]);

/* Is it in a state in which a code may be used? */
bool enrol_may(struct enrol *e, struct str id);
/* What is written without anybody waiting for it; a failure is said in the log.  generation: a new one of the credential, which
 * the ledger hears of when it is durable; 0: none. */
void enrol_commit(struct enrol *e, struct tx *tx, struct str id, uint32_t generation);

/* enrol_clone.c: suspends the credential at once, durably soon. */
void enrol_clone(struct enrol *e, struct str id, const char *what);

#endif
