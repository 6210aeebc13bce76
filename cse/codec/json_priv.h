/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON writer, for the codec's table. */
#ifndef CODEC_JSON_PRIV_H
#define CODEC_JSON_PRIV_H

#include "cse/codec/codec.h"

void json_write_content(struct buf *out, const struct attr *root, const struct val *v);
void json_write_response(struct buf *out, const struct resp *r);
void json_write_request(struct buf *out, const struct prim *p);

#endif
