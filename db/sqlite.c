/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite backing of the store. */
#include "db/disk.h"

#include "cse/base/err.h"

int disk_sqlite_open(const struct store_opts *o, struct disk **out, struct why *why)
{
	(void)o, (void)out;
	why_set(why, RSC_INTERNAL_SERVER_ERROR, "this build keeps the store in memory only; leave the state folder unset");
	return E_UNSUPPORTED;
}
