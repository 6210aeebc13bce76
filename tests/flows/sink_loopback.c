/* SPDX-License-Identifier: Apache-2.0 */
/* The carrier of the loopback ways: what reaches a target is kept there, what it answers comes back in the same turn. */
#include "tests/flows/sink_loopback.h"

#include <stdlib.h>
#include <string.h>

#include "cse/base/err.h"
#include "cse/codec/codec.h"

enum { PRIMITIVE_MAX = 64 << 20, WANTED_TURNS = 300 };

/* What a sink holds. */
struct catch {
	json_t *queue;
};

/* An attempt that has not been answered yet. */
struct carried {
	struct loop_task task; /* first */
	struct loop *loop;
	struct carry *c;
	int err;
	enum rsc rsc;
	bool hangs;
};

static struct sink *sink_of_url(struct world *w, struct str url)
{
	for (size_t i = 0; i < w->n_sinks; i++) {
		struct str u = str_of(w->sinks[i]->url);
		if (str_starts(url, u) && (url.n == u.n || url.p[u.n] == '/' || url.p[u.n] == '?'))
			return w->sinks[i];
	}
	return NULL;
}

/* As a handshake would show: the credential is alive, and the one (or has a name of those) that is expected. */
static bool proves(struct world *w, const struct sink *s, const struct carry *c)
{
	struct ipaddr from = { .family = 4, .b = { 127, 0, 0, 1 } };
	struct arena mem;
	struct peer *p = NULL;
	if (peer_of_credential(w->security, str_of(s->owner->credential), &from, &p) != 0)
		return false;
	peer_unref(p);
	if (c->cred.n)
		return str_eq(c->cred, str_of(s->owner->credential));
	bool named = false;
	arena_init(&mem, 512);
	struct strs has = world_names(&mem, s->owner);
	for (size_t i = 0; i < has.n; i++)
		for (size_t k = 0; k < c->names.n; k++)
			named = named || str_eq(has.v[i], c->names.v[k]);
	arena_fini(&mem);
	return named;
}

static void keep(struct sink *s, const struct prim *prim)
{
	struct catch *l = s->line;
	struct buf text;
	buf_init(&text, PRIMITIVE_MAX);
	codec_json.encode_request(&text, prim);
	json_t *j = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	json_array_append_new(l->queue, j ? j : json_string("no JSON"));
	buf_fini(&text);
}

static void answered(struct loop *l, struct loop_task *t)
{
	struct carried *k = CONTAINER_OF(t, struct carried, task);
	struct out_result r = { .err = k->err, .rsc = k->rsc };
	struct carry *c = k->c;
	(void)l;
	free(k);
	c->state = NULL;
	c->done(c, &r);
}

static void carrier_send(void *ctx, struct loop *l, struct carry *c)
{
	struct world *w = ctx;
	struct sink *s = sink_of_url(w, c->url);
	struct carried *k = calloc(1, sizeof(*k));
	REQUIRE(k != NULL);
	*k = (struct carried){ .loop = l, .c = c, .err = E_CLOSED };
	c->state = k;
	if (s && s->mood != SINK_REFUSES && proves(w, s, c)) {
		keep(s, c->prim);
		k->hangs = s->mood == SINK_HANGS;
		k->err = s->mood == SINK_ANSWERS ? 0 : E_CLOSED;
		k->rsc = (enum rsc)s->rsc;
	}
	if (!k->hangs)
		loop_defer(l, &k->task, answered);
}

static void carrier_cancel(void *ctx, struct carry *c)
{
	struct carried *k = c->state;
	(void)ctx;
	if (!k)
		return;
	if (!k->hangs)
		loop_defer_cancel(k->loop, &k->task);
	c->state = NULL;
	free(k);
}

static int carrier_open(const struct carrier_opts *o, void **ctx, struct why *why)
{
	(void)o;
	(void)ctx;
	(void)why;
	return E_UNSUPPORTED;
}

static void carrier_close(void *ctx)
{
	(void)ctx;
}

const struct carrier_kind carrier_sinks = { "https", carrier_open, carrier_send, carrier_cancel, carrier_close };

/* --- the way's ---------------------------------------------------------------------------------------------------- */

int sink_loopback_open(struct world *w, struct sink *s, struct fail *f)
{
	struct catch *l = calloc(1, sizeof(*l));
	REQUIRE(l != NULL);
	if (w->n_sinks == WORLD_SINKS) {
		free(l);
		return fail_set(f, "too many targets");
	}
	l->queue = json_array();
	s->line = l;
	w->sinks[w->n_sinks++] = s;
	return 0;
}

void sink_loopback_close(struct world *w, struct sink *s)
{
	struct catch *l = s->line;
	for (size_t i = 0; i < w->n_sinks; i++)
		if (w->sinks[i] == s)
			w->sinks[i] = w->sinks[--w->n_sinks];
	json_decref(l->queue);
	free(l);
	s->line = NULL;
}

int sink_loopback_set(struct world *w, struct sink *s, struct fail *f)
{
	(void)w;
	(void)s;
	(void)f;
	return 0;
}

json_t *sink_loopback_next(struct world *w, struct sink *s, bool wanted, struct fail *f)
{
	struct catch *l = s->line;
	(void)f;
	world_settle(w);
	/* A worker may still be at it. */
	for (int i = 0; wanted && !json_array_size(l->queue) && i < WANTED_TURNS; i++) {
		loop_turn(w->loop, 1);
		world_settle(w);
	}
	json_t *first = json_incref(json_array_get(l->queue, 0));
	json_array_remove(l->queue, 0);
	return first;
}
