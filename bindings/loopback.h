/* SPDX-License-Identifier: Apache-2.0 */
/* The tests' way in: a primitive as JSON text, no network.  The loop must be run by the caller. */
#ifndef BINDINGS_LOOPBACK_H
#define BINDINGS_LOOPBACK_H

#include "cse/codec/codec.h"
#include "cse/core/gate.h"

struct loopback_answer {
	struct buf text;   /* the response primitive by the codec */
	enum rsc rsc;
	bool done;
};
/* Submits one serialized request primitive as that peer; *out->done is set when the answer was released.  `out` must be
 * cleared, live until then, and be freed by buf_fini(&out->text). */
void loopback_send(struct gate *g, struct loop *l, const struct codec *codec, struct str request, struct peer *peer,
                   struct loopback_answer *out);

#endif
