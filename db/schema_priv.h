/* SPDX-License-Identifier: Apache-2.0 */
/* The scripts of schema/NNN.sql as the build puts them into the program: number i makes version i + 1. */
#ifndef DB_SCHEMA_PRIV_H
#define DB_SCHEMA_PRIV_H

extern const char *const schema_scripts[];
extern const int schema_newest;

#endif
