/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the configuration for a start or a reload: file, environment, command line, what the administrator set since. */
#ifndef CSE_RELOAD_H
#define CSE_RELOAD_H

#include "cse/base/log.h"
#include "cse/cse.h"

/* The set as it would be now, checked as a whole. */
int reload_read(const struct cse *c, struct conf **out, struct why *why);
enum { RELOAD_NAMES = 64 };
/* https.names, in v. */
struct strs reload_names(const struct conf *conf, struct str v[RELOAD_NAMES]);
/* Of log.level. */
enum log_level reload_log_level(const char *name);

#endif
