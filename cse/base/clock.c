/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's clocks, or two numbers that a test moves. */
#include "cse/base/clock.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "cse/base/check.h"

struct clock {
	bool fake;
	_Atomic int64_t mono_ns;
	_Atomic int64_t wall_us;
};

enum { NS_PER_US = 1000, US_PER_S = 1000000, NS_PER_S = 1000000000 };

static struct clock *make(bool fake, int64_t wall_us)
{
	struct clock *c = malloc(sizeof(*c));

	REQUIRE(c != NULL);
	c->fake = fake;
	atomic_init(&c->mono_ns, NS_PER_S);
	atomic_init(&c->wall_us, wall_us);
	return c;
}

struct clock *clock_new(void)
{
	return make(false, 0);
}

struct clock *clock_new_fake(int64_t wall_us)
{
	return make(true, wall_us);
}

void clock_free(struct clock *c)
{
	free(c);
}

int64_t clock_mono_ns(const struct clock *c)
{
	struct timespec t;

	if (c->fake)
		return atomic_load_explicit(&c->mono_ns, memory_order_acquire);
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t clock_cpu_ns(void)
{
	struct timespec t;

	REQUIRE(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_wall_us(const struct clock *c)
{
	struct timespec t;

	if (c->fake)
		return atomic_load_explicit(&c->wall_us, memory_order_acquire);
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * US_PER_S + t.tv_nsec / NS_PER_US;
}

void clock_advance_us(struct clock *c, int64_t us)
{
	REQUIRE(c->fake && us >= 0);
	atomic_fetch_add_explicit(&c->wall_us, us, memory_order_release);
	atomic_fetch_add_explicit(&c->mono_ns, us * NS_PER_US, memory_order_release);
}

void clock_jump_us(struct clock *c, int64_t us)
{
	REQUIRE(c->fake);
	atomic_fetch_add_explicit(&c->wall_us, us, memory_order_release);
}

bool clock_is_fake(const struct clock *c)
{
	return c->fake;
}
