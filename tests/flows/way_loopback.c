/* SPDX-License-Identifier: Apache-2.0 */
/* The ways without a network: primitives as JSON text through the loopback binding. */
#include <stdlib.h>
#include <string.h>

#include "bindings/loopback.h"
#include "cse/base/err.h"
#include "tests/flows/sink_loopback.h"

enum { MAX_TURNS = 5000 };

/* What an actor holds. */
struct line {
	struct peer *peer;      /* NULL: the door is closed */
	struct loopback_answer answer;
	bool asked, closed;
};

static int memory_open(const struct way_setup *s, struct world **out, struct fail *f)
{
	return world_open(s, false, false, out, f);
}

static int sqlite_open(const struct way_setup *s, struct world **out, struct fail *f)
{
	return world_open(s, true, false, out, f);
}

static void connect_peer(struct world *w, struct actor *a, struct line *l)
{
	struct ipaddr from = world_address(a);
	struct peer *p = NULL;
	const char *id = a->kind == ACTOR_STRANGER ? "cnobody" : a->credential;
	if (peer_of_credential(w->security, str_of(id), &from, &p) == 0)
		l->peer = p;
}

static int loopback_enroll(struct world *w, struct actor *a, struct fail *f)
{
	unsigned char fingerprint[32];
	struct line *l = calloc(1, sizeof(*l));
	REQUIRE(l != NULL && w->n_actors < WORLD_ACTORS);
	a->line = l;
	w->actors[w->n_actors++] = a;
	rnd_bytes(w->rnd, fingerprint, sizeof(fingerprint));
	return a->kind == ACTOR_STRANGER ? 0 : world_issue(w, a, str_make((char *)fingerprint, sizeof(fingerprint)), f);
}

static void loopback_leave(struct world *w, struct actor *a)
{
	struct line *l = a->line;
	(void)w;
	if (!l)
		return;
	if (l->peer)
		peer_unref(l->peer);
	buf_fini(&l->answer.text);
	free(l);
	a->line = NULL;
}

static int loopback_post(struct world *w, struct actor *a, const json_t *request, struct fail *f)
{
	struct line *l = a->line;
	(void)f;
	/* As a connection does: one that is not live any more is closed, and made again. */
	if (l->peer && !peer_is_live(w->security, l->peer)) {
		peer_unref(l->peer);
		l->peer = NULL;
	}
	if (!l->peer)
		connect_peer(w, a, l);
	l->closed = !l->peer;
	if (l->closed)
		return 0;
	char *text = relaxed_wire(request, request);
	buf_fini(&l->answer.text);
	l->answer = (struct loopback_answer){ 0 };
	l->asked = true;
	loopback_send(w->gate, w->loop, &codec_json, str_of(text), l->peer, &l->answer);
	free(text);
	return 0;
}

static bool loopback_arrived(struct world *w, struct actor *a)
{
	struct line *l = a->line;
	world_settle(w);
	return l->closed || l->answer.done;
}

static int loopback_take(struct world *w, struct actor *a, struct answer *out, struct fail *f)
{
	struct line *l = a->line;
	json_error_t e;
	for (int i = 0; !l->closed && !l->answer.done && i < MAX_TURNS; i++)
		loop_turn(w->loop, 1);
	if (l->closed)
		return 0;
	if (!l->answer.done)
		return fail_set(f, "no answer came");
	out->prim = json_loadb(l->answer.text.p, l->answer.text.n, JSON_REJECT_DUPLICATES, &e);
	if (!out->prim)
		return fail_set(f, "the answer is no JSON (%s): %.*s", e.text, (int)(l->answer.text.n < 500 ? l->answer.text.n : 500),
		                l->answer.text.p);
	return 0;
}

static int loopback_restart(struct world *w, struct fail *f)
{
	for (size_t i = 0; i < w->n_actors; i++) {
		struct line *l = w->actors[i]->line;
		if (l->peer)
			peer_unref(l->peer);
		l->peer = NULL;
	}
	return world_reopen(w, f);
}

const struct way way_memory = { "memory", false, memory_open, world_close, loopback_enroll, loopback_leave, loopback_post,
	                        loopback_arrived, loopback_take, loopback_restart, sink_loopback_open, sink_loopback_close,
	                        sink_loopback_set, sink_loopback_next };
const struct way way_sqlite = { "sqlite", true, sqlite_open, world_close, loopback_enroll, loopback_leave, loopback_post,
	                        loopback_arrived, loopback_take, loopback_restart, sink_loopback_open, sink_loopback_close,
	                        sink_loopback_set, sink_loopback_next };
