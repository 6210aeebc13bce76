/* SPDX-License-Identifier: Apache-2.0 */
/* A target that is a resource of ours: the request goes through our own gate, as anybody's would. */
#include "cse/core/out_priv.h"

#include <stdlib.h>

#include "cse/base/err.h"

struct own {
	struct request *r;
	struct carry *c;
	struct arena mem;  /* of the answer's content */
	struct out_result result;
	struct content pc;
	bool sent, over;   /* send has returned; the answer is complete */
	struct loop *loop;
	struct loop_task task;
};

static void prepare(void *arg, const struct resp *r)
{
	struct own *w = arg;

	w->result = (struct out_result){ .rsc = r->rsc };
	if (!r->has_pc)
		return;
	w->pc = (struct content){ .kind = PC_ROOT, .root = r->root, .v = val_copy(&w->mem, &r->pc) };
	w->result.pc = &w->pc;
}

static void finish(struct own *w)
{
	struct carry *c = w->c;

	c->state = NULL;
	c->done(c, &w->result);
	arena_fini(&w->mem);
	free(w);
}

static void tell(struct loop *l, struct loop_task *t)
{
	(void)l;
	finish(CONTAINER_OF(t, struct own, task));
}

static void release(void *arg)
{
	struct own *w = arg;

	w->r = NULL;
	w->over = true;
	if (w->sent)
		finish(w);
	else
		loop_defer(w->loop, &w->task, tell);
}

static const struct gate_reply reply = { prepare, release };

static void self_send(void *ctx, struct loop *l, struct carry *c)
{
	struct gate *g = ctx;
	struct own *w = calloc(1, sizeof(*w));
	struct prim *p;
	const struct prim *from = c->prim;

	REQUIRE(w != NULL);
	w->c = c;
	w->loop = l;
	w->r = gate_open(g, l);
	arena_init(&w->mem, 512);
	c->state = w;
	p = request_prim(w->r);
	/* What the message points to stays until done(); its content is judged like one that was decoded. */
	struct arena *a = p->arena;
	*p = *from;
	p->arena = a;
	p->pc.v = val_copy(a, &from->pc.v);
	gate_submit(w->r, g->self_peer, &reply, w);
	w->sent = true;
}

static void self_cancel(void *ctx, struct carry *c)
{
	struct own *w = c->state;

	(void)ctx;
	if (!w)
		return;
	if (w->r)
		gate_abandon(w->r);
	if (w->over)
		loop_defer_cancel(w->loop, &w->task);
	c->state = NULL;
	arena_fini(&w->mem);
	free(w);
}

static int self_open(const struct carrier_opts *o, void **ctx, struct why *why)
{
	(void)o;
	(void)ctx;
	(void)why;
	return 0;
}

static void self_close(void *ctx)
{
	(void)ctx;
}

const struct carrier_kind out_self_carrier = { "self", self_open, self_send, self_cancel, self_close };
