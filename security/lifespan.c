/* SPDX-License-Identifier: Apache-2.0 */
/* Shares of a life, and which of them were told. */
#include "security/lifespan.h"

#include "cse/base/check.h"

static const struct {
	unsigned percent;
	const char *text;
} stages[] = {
	[LIFE_YOUNG] = { 0, "less than half of its life" },
	[LIFE_HALF] = { 50, "50 % of its life" },
	[LIFE_LATE] = { 75, "75 % of its life" },
	[LIFE_LAST] = { 90, "90 % of its life" },
	[LIFE_ENDED] = { 100, "its end" },
};

int64_t lifespan_share_us(int64_t from_us, int64_t until_us, unsigned percent)
{
	REQUIRE(percent <= 100);
	if (until_us <= from_us)
		return until_us;
	/* Divided first: a life of centuries times a hundred would not fit. */
	return until_us - (until_us - from_us) / 100 * (int64_t)(100 - percent);
}

enum lifespan_stage lifespan_stage(int64_t from_us, int64_t until_us, int64_t now_us)
{
	enum lifespan_stage s = LIFE_YOUNG;

	for (unsigned i = LIFE_HALF; i <= LIFE_ENDED; i++)
		if (now_us >= lifespan_share_us(from_us, until_us, stages[i].percent))
			s = (enum lifespan_stage)i;
	return s;
}

bool lifespan_tell(struct lifespan *l, int64_t now_us, enum lifespan_stage *stage)
{
	enum lifespan_stage s = lifespan_stage(l->from_us, l->until_us, now_us);

	if (s <= l->told)
		return false;
	l->told = s;
	*stage = s;
	return true;
}

const char *lifespan_text(enum lifespan_stage stage)
{
	REQUIRE(stage <= LIFE_ENDED);
	return stages[stage].text;
}
