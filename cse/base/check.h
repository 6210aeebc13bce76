/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements of fact.  They stay in release builds: a process whose invariants fail must end, not go on.
 * Nothing that comes from outside (network, file, environment) is ever asserted; it is validated and answered.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

/* Writes the place and the expression (no data) to stderr and aborts. */
_Noreturn void check_failed(const char *what, const char *expr, const char *file, int line);

/* Contract at the head of a function. */
#define REQUIRE(c) ((c) ? (void)0 : check_failed("REQUIRE", #c, __FILE__, __LINE__))
/* What a function promises at its end. */
#define ENSURE(c) ((c) ? (void)0 : check_failed("ENSURE", #c, __FILE__, __LINE__))
#define UNREACHABLE() check_failed("UNREACHABLE", "reached", __FILE__, __LINE__)

/* A long-lived struct begins with `uint32_t magic`; X_MAGIC is a constant of its own in each header. */
#define CHECK(p, NAME) REQUIRE((p) != NULL && (p)->magic == NAME##_MAGIC)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
/* The struct that holds member m at address p. */
#define CONTAINER_OF(p, type, m) ((type *)(void *)((char *)(p)-offsetof(type, m)))

#if defined(__GNUC__)
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define WARN_UNUSED __attribute__((warn_unused_result))
#else
#define PRINTF_LIKE(f, a)
#define WARN_UNUSED
#endif

#endif
