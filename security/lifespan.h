/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far something that must be renewed has lived: certificates of both ends, keys.  Renewal begins at half of a life; one that
 * fails is said loudly at 50, 75 and 90 %, and at the end service is refused, never quietly given (security-model 2.2).
 */
#ifndef SECURITY_LIFESPAN_H
#define SECURITY_LIFESPAN_H

#include <stdbool.h>
#include <stdint.h>

enum lifespan_stage {
	LIFE_YOUNG,
	LIFE_HALF,   /* 50 %: it is to be renewed */
	LIFE_LATE,   /* 75 % */
	LIFE_LAST,   /* 90 % */
	LIFE_ENDED
};

struct lifespan {
	int64_t from_us, until_us;
	enum lifespan_stage told; /* the latest stage that was told */
};

enum lifespan_stage lifespan_stage(int64_t from_us, int64_t until_us, int64_t now_us);
/* When that share of the life (0 to 100) is over. */
int64_t lifespan_share_us(int64_t from_us, int64_t until_us, unsigned percent);
/* A stage of LIFE_HALF or later that has not been told yet, once each: true and *stage. */
bool lifespan_tell(struct lifespan *l, int64_t now_us, enum lifespan_stage *stage);
/* "50 % of its life", "its end": for sentences. */
const char *lifespan_text(enum lifespan_stage stage);

#endif
