/* SPDX-License-Identifier: Apache-2.0 */
/* Is a configuration good as a whole, beyond what each option's type says? */
#ifndef CSE_CSE_CHECK_H
#define CSE_CSE_CHECK_H

#include "cse/base/conf.h"

/* 0, or E_CONF and a sentence that names place, option and mend. */
int cse_check_conf(const struct conf *c, struct conf_why *why);

#endif
