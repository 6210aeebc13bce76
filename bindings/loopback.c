/* SPDX-License-Identifier: Apache-2.0 */
/* The loopback binding: the gate as a device would meet it, without a network. */
#include "bindings/loopback.h"

#include <stdlib.h>

enum { ANSWER_MAX = 64 << 20 };

struct pending {
	struct loopback_answer *out;
	const struct codec *codec;
};

static void prepare(void *arg, const struct resp *r)
{
	struct pending *w = arg;

	buf_reset(&w->out->text);
	w->codec->encode_response(&w->out->text, r);
	w->out->rsc = r->rsc;
}

static void release(void *arg)
{
	struct pending *w = arg;

	w->out->done = true;
	free(w);
}

static const struct gate_reply reply = { prepare, release };

void loopback_send(struct gate *g, struct loop *l, const struct codec *codec, struct str request, struct peer *peer,
                   struct loopback_answer *out)
{
	struct request *r = gate_open(g, l);
	struct prim *p = request_prim(r);
	struct pending *w = malloc(sizeof(*w));
	enum rsc rsc;

	REQUIRE(w != NULL && !out->done && out->text.p == NULL);
	*w = (struct pending){ out, codec };
	buf_init(&out->text, ANSWER_MAX);
	/* Values point into the text, which must live as long as the request. */
	request = arena_str(request_arena(r), request);
	rsc = codec->decode_request(request_arena(r), request, gate_limits(g), p);
	p->raw = request;
	if (rsc == RSC_NONE) {
		gate_submit(r, peer, &reply, w);
		return;
	}
	prim_fail(p, rsc, "the request primitive could not be read");
	gate_refuse(r, &reply, w);
}
