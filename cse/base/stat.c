/* SPDX-License-Identifier: Apache-2.0 */
/* Names and help texts of the counters, from stat.def. */
#include "cse/base/stat.h"

#include "cse/base/check.h"

const char *stat_name(enum stat_id id)
{
	switch (id) {
#define STAT(id_, metric, text) \
	case id_: \
		return "troth_" #metric "_total";
#include "cse/base/stat.def"
#undef STAT
	case STAT_COUNT:
		break;
	}
	UNREACHABLE();
}

const char *stat_help(enum stat_id id)
{
	switch (id) {
#define STAT(id_, metric, text) \
	case id_: \
		return text;
#include "cse/base/stat.def"
#undef STAT
	case STAT_COUNT:
		break;
	}
	UNREACHABLE();
}
