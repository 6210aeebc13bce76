/* SPDX-License-Identifier: Apache-2.0 */
/* A content query after it was read. */
#ifndef CORE_JPATH_PRIV_H
#define CORE_JPATH_PRIV_H

#include "cse/core/jpath.h"

enum pick { PICK_NAME, PICK_INDEX, PICK_ALL, PICK_SLICE, PICK_FILTER };
struct selector {
	struct selector *next;
	enum pick pick;
	struct str name;
	int64_t index, from, to, step;
	bool has_from, has_to;
	struct test *filter;
};
/* .name [..] ..name: what is chosen of each value that was chosen before. */
struct segment {
	struct segment *next;
	struct selector *first;
	bool deep;
};

enum operand_kind { OPERAND_PATH, OPERAND_TEXT, OPERAND_NUMBER, OPERAND_TRUE, OPERAND_FALSE, OPERAND_NULL };
struct operand {
	enum operand_kind kind;
	bool current, singular;  /* path: from @, not from $; it leads to at most one value */
	struct segment *path;
	struct str text;         /* of a string, or of a number as it was written */
};

enum compare { CMP_EQ, CMP_NE, CMP_LT, CMP_GT, CMP_LE, CMP_GE, CMP_MATCH };
enum test_kind { TEST_OR, TEST_AND, TEST_NOT, TEST_EXISTS, TEST_COMPARE };
struct test {
	enum test_kind kind;
	struct test *a, *b;
	struct operand left, right;
	enum compare cmp;
	bool any;                /* a keyword of J.2: some value of the left path, and not an absent one */
};

struct jpath {
	struct test *test;
};

#endif
