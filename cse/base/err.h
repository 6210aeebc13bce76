/* SPDX-License-Identifier: Apache-2.0 */
/* The one vocabulary of internal failure: 0, or one of these negative numbers. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err {
	E_OK = 0,
#define ERR(name, value, rsc, text) name = (value),
#include "cse/base/err.def"
#undef ERR
};

/* A short English text, never NULL. */
const char *err_text(int err);
/* The response status code (a number of cse/model/rsc.def) for an unexplained internal error. */
int err_rsc(int err);

#endif
