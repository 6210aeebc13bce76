/* SPDX-License-Identifier: Apache-2.0 */
/* What a message says as a request primitive: TS-0004 7.2.1.1, 7.5.1.2.2. */
#include "cse/core/out_priv.h"

#include "cse/base/clock.h"
#include "cse/model/stamp.h"

static struct str release_text(enum rvi rvi)
{
	switch (rvi) {
	case RVI_1:
		return STR_NONE;
	case RVI_2:
		return STR("2");
	case RVI_2A:
		return STR("2a");
	default:
		return STR("3");
	}
}

static void set(struct prim *p, struct str *field, enum param id, struct str v)
{
	if (v.n == 0)
		return;
	*field = v;
	p->has |= UINT32_C(1) << id;
}

/* Unique for this CSE, also across starts: a random number of this start, the loop and the message's number.  An attempt
 * that is made again carries it again, so that a target that was not heard can tell. */
static struct str rqi_of(const struct out_lane *lane, struct arena *a, uint64_t seq)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	uint64_t parts[3] = { lane->out->start, loop_index(lane->loop), seq };
	char *text = arena_alloc(a, 48), *p = text;

	for (int i = 0; i < 3; i++) {
		char reversed[16];
		int n = 0;

		do
			reversed[n++] = digits[parts[i] % 36];
		while (parts[i] /= 36);
		if (i)
			*p++ = '-';
		while (n)
			*p++ = reversed[--n];
	}
	return str_make(text, (size_t)(p - text));
}

/* The time left as an absolute time of the wall clock. */
static struct str expiration(struct out_lane *lane, struct arena *a, int64_t end_ns)
{
	int64_t us = clock_wall_us(loop_clock(lane->loop)) + (end_ns - loop_now_ns(lane->loop)) / 1000;
	char *text = arena_alloc(a, STAMP_MAX);

	return str_make(text, stamp_format(us, text));
}

void out_prim_make(struct out_lane *lane, struct out_flight *f, const struct out_msg *m, const struct out_route *r)
{
	struct prim *p = &f->prim;

	prim_init(p, &f->mem);
	if (m->forward) {
		*p = *m->forward;
		p->arena = &f->mem;
		p->why = (struct why){ RSC_NONE, "" };
		/* What was meant for us, or is not known at that release. */
		p->has &= ~(UINT32_C(1) << P_RVI | UINT32_C(1) << P_OET | (r->rvi == RVI_1 ? UINT32_C(1) << P_VSI : 0));
	} else {
		p->op = OP_NOTIFY;
		p->has |= UINT32_C(1) << P_OP | UINT32_C(1) << P_PC;
		set(p, &p->fr, P_FR, lane->out->cse);
		set(p, &p->rqi, P_RQI, rqi_of(lane, &f->mem, f->job->seq));
		if (m->ec) {
			p->ec = m->ec;
			p->has |= UINT32_C(1) << P_EC;
		}
		if (m->deadline_ns)
			set(p, &p->rqet, P_RQET, expiration(lane, &f->mem, m->deadline_ns));
		p->pc = (struct content){ .kind = PC_ROOT, .root = m->root, .v = m->pc };
	}
	set(p, &p->to, P_TO, r->to);
	/* What is passed on keeps its release, less what a Release 1 target does not know (TS-0004 7.3.2.6). */
	bool kept = m->forward && r->rvi != RVI_1;

	p->rvi = kept ? m->forward->rvi : r->rvi;
	p->rvi_text = STR_NONE;
	set(p, &p->rvi_text, P_RVI, kept ? m->forward->rvi_text : release_text(r->rvi));
}
