/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of all resource types (TS-0004 6.3.4.2.1): TY_CNT, announced variants TY_CNTA. */
#ifndef MODEL_TY_H
#define MODEL_TY_H

enum ty {
	TY_NONE = 0,
#define TY(name, number, root, long_name) TY_##name = (number),
#include "cse/model/ty.def"
#undef TY
};

#endif
