/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and response status codes of internal errors, from err.def. */
#include "cse/base/err.h"

const char *err_text(int err)
{
	switch (err) {
	case E_OK:
		return "no error";
#define ERR(name, value, rsc, text) \
	case name: \
		return text;
#include "cse/base/err.def"
#undef ERR
	default:
		return "unknown error";
	}
}

int err_rsc(int err)
{
	switch (err) {
#define ERR(name, value, rsc, text) \
	case name: \
		return rsc;
#include "cse/base/err.def"
#undef ERR
	default:
		return 5000;
	}
}
