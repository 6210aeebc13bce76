/* SPDX-License-Identifier: Apache-2.0 */
/* Signs of life for the service manager: given while every loop turns. */
#ifndef CSE_WATCHDOG_H
#define CSE_WATCHDOG_H

#include "cse/cse.h"

struct watchdog;
/* NULL when no sign of life is wanted.  On loop 0, once the loops are there. */
struct watchdog *watchdog_new(struct cse *c);
/* The loops have stopped. */
void watchdog_free(struct watchdog *w);

#endif
