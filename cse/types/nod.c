/* SPDX-License-Identifier: Apache-2.0 */
/* node, TS-0004 7.4.18: says where AEs live; its schedules say when they can be reached (core/notify_reach.c). */
#include "cse/types/behaviour.h"

const struct behaviour behaviour_nod = {
	.refuses = 0,
};
