/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A serialization: bytes to typed values and back, by one walk over the descriptors (walk.c).  TS-0004 clause 8.
 * Decoding is strict (UTF-8, unique names, one root, types of the descriptors) and bounded in size, depth and count.
 */
#ifndef CODEC_CODEC_H
#define CODEC_CODEC_H

#include "cse/base/buf.h"
#include "cse/model/prim.h"

struct codec {
	const char *name;   /* "json": also the last level of MQTT topics */
	const char *media;  /* "application/json" */
	const char *suffix; /* of application/vnd.onem2m-res+json */

	/* Primitive content: an object with exactly one root element, of any resource type or root of the tables.
	 * Absent or misplaced attributes are not judged here; unknown names, wrong kinds and values are:
	 * RSC_NONE, or BAD_REQUEST with the attribute named in w.  Null is K_NULL.  Values may point into `in`. */
	enum rsc (*decode_content)(struct arena *a, struct str in, const struct codec_limits *lim, struct content *out,
	                           struct why *w);
	/* A whole request primitive without its root (op, to, fr, ... pc), for MQTT, WebSocket and polling.  After a failure
	 * the parameters that could be read are there, so that the answer can carry rqi and rvi; out->why tells. */
	enum rsc (*decode_request)(struct arena *a, struct str in, const struct codec_limits *lim, struct prim *out);
	/* {"root": value} */
	void (*encode_content)(struct buf *out, const struct attr *root, const struct val *v);
	/* The whole response primitive without its root. */
	void (*encode_response)(struct buf *out, const struct resp *r);
	/* The whole request primitive without its root (notifications by MQTT, WebSocket). */
	void (*encode_request)(struct buf *out, const struct prim *p);
};

extern const struct codec codec_json;
/* What conf.def has as defaults: for tests and tools. */
extern const struct codec_limits codec_limits_default;
/* By media type without parameters ("application/json", "application/vnd.onem2m-res+json"); NULL if none. */
const struct codec *codec_by_media(struct str media);

#endif
