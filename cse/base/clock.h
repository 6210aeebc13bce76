/* SPDX-License-Identifier: Apache-2.0 */
/* The only source of time.  A test owns its clock and moves it by hand. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct clock;

/* The machine's clocks. */
struct clock *clock_new(void);
/* A clock that stands still: wall time in µs since 1970-01-01T00:00Z, monotonic time starts at 1 s. */
struct clock *clock_new_fake(int64_t wall_us);
void clock_free(struct clock *c);

/* Monotonic nanoseconds: for timers and deadlines. */
int64_t clock_mono_ns(const struct clock *c);
/* Processor nanoseconds of the calling thread: for measuring, on any clock. */
int64_t clock_cpu_ns(void);
/* Wall-clock microseconds since 1970 (UTC): for ct, lt, et and certificates only. */
int64_t clock_wall_us(const struct clock *c);

/* Fake clocks only.  Both times go forward; thread-safe. */
void clock_advance_us(struct clock *c, int64_t us);
/* The wall clock jumps, monotonic time does not. */
void clock_jump_us(struct clock *c, int64_t us);
bool clock_is_fake(const struct clock *c);

#endif
