/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent consists of: made in order, closed the other way round. */
#include "agent/agent.h"

#include <stdlib.h>
#include <unistd.h>

#include "agent/book.h"
#include "agent/conf.h"
#include "agent/control.h"
#include "agent/door.h"
#include "agent/identity.h"
#include "agent/notice.h"
#include "agent/policy.h"
#include "agent/upstream.h"
#include "bindings/listen.h"
#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"

static int open_identity(struct agent *a, struct why *why)
{
	return identity_open(a, &a->identity, why);
}

static void close_identity(struct agent *a)
{
	identity_close(a->identity);
}

static int open_upstream(struct agent *a, struct why *why)
{
	return upstream_open(a, &a->upstream, why);
}

static void close_upstream(struct agent *a)
{
	upstream_close(a->upstream);
}

static int open_control(struct agent *a, struct why *why)
{
	return control_open(a, &a->control, why);
}

static void close_control(struct agent *a)
{
	control_close(a->control);
}

static int open_policy(struct agent *a, struct why *why)
{
	return policy_open(a, &a->policy, why);
}

static void close_policy(struct agent *a)
{
	policy_close(a->policy);
}

static int open_book(struct agent *a, struct why *why)
{
	return book_open(a, conf_str(a->conf, AGENT_STATE), &a->book, why);
}

static void close_book(struct agent *a)
{
	book_close(a->book);
}

static int open_notice(struct agent *a, struct why *why)
{
	return notice_open(a, &a->notice, why);
}

static void close_notice(struct agent *a)
{
	notice_close(a->notice);
}

static int open_door(struct agent *a, struct why *why)
{
	return door_open(a, &a->door, why);
}

static void close_door(struct agent *a)
{
	door_close(a->door);
}

/* A part is one row; close is called for every part, opened or not. */
static const struct {
	int (*open)(struct agent *a, struct why *why);
	void (*close)(struct agent *a);
} parts[] = {
	{ open_identity, close_identity },
	{ open_upstream, close_upstream },
	{ open_policy, close_policy },
	{ open_book, close_book },
	{ open_notice, close_notice },
	{ open_door, close_door },
	{ open_control, close_control },
};

static enum log_level level_of(const struct conf *c)
{
	static const char *const names[] = { [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(conf_str(c, AGENT_LOG_LEVEL), names[i]) == 0)
			return (enum log_level)i;
	UNREACHABLE();
}

int agent_new(struct conf *conf, struct agent **out, struct why *why)
{
	struct agent *a = calloc(1, sizeof(*a));

	REQUIRE(a != NULL);
	a->conf = conf;
	a->first_conf = conf_ref(conf);
	a->clock = clock_new();
	a->rnd = rnd_new();
	a->log = log_new(STDERR_FILENO, level_of(conf));
	a->loop = loop_new(a->clock, 0, a);
	a->workers = workers_new(1);
	if (!a->loop || !a->workers) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the kernel gives no event loop or thread: raise the limits of this process");
		agent_free(a);
		return E_SYS;
	}
	*out = a;
	return 0;
}

static int check_notify(const struct conf *c, struct why *why)
{
	const char *text;

	for (unsigned i = 0; (text = conf_item(c, AGENT_NOTIFY, i)) != NULL; i++) {
		if (listen_is_address(text))
			continue;
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "agent.notify_listen: \"%.60s\" is no address and port; write 192.0.2.7:8444 or [2001:db8::7]:8444",
		        text);
		return E_CONF;
	}
	return 0;
}

/* Of a->conf; the policy that it makes. */
static int check(struct agent *a, struct policy **out, struct why *why)
{
	int err = identity_check(a->conf, why);

	if (err == 0)
		err = door_check(a->conf, why);
	if (err == 0)
		err = check_notify(a->conf, why);
	if (err == 0)
		err = policy_open(a, out, why);
	return err;
}

int agent_check(struct agent *a, struct why *why)
{
	struct policy *p = NULL;
	int err = check(a, &p, why);

	policy_close(p);
	return err;
}

int agent_open(struct agent *a, struct why *why)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < ARRAY_LEN(parts); i++)
		err = parts[i].open(a, why);
	return err;
}

static int may_change(const struct agent *a, const struct conf *fresh, struct why *why)
{
	for (unsigned id = 0; id < AGENT_OPTIONS; id++) {
		const struct conf_row *row = &conf_agent.rows[id];

		if (row->reload || conf_same(a->conf, fresh, id))
			continue;
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "%.80s: %s.%s cannot change while troth-agent runs; restart it",
		        conf_origin(fresh, id), row->section, row->name);
		return E_CONF;
	}
	return 0;
}

int agent_reload(struct agent *a, struct conf *fresh, struct why *why)
{
	struct conf *before = a->conf;
	struct policy *p = NULL;
	int err = may_change(a, fresh, why);

	if (err)
		return err;
	a->conf = fresh;
	err = check(a, &p, why);
	if (err) {
		a->conf = before;
		return err;
	}
	conf_ref(fresh);
	policy_close(a->policy);
	a->policy = p;
	upstream_reload(a->upstream);
	door_reload(a->door);
	log_set_level(a->log, level_of(fresh));
	conf_unref(before);
	return 0;
}

void agent_run(struct agent *a)
{
	loop_run(a->loop);
}

void agent_free(struct agent *a)
{
	if (!a)
		return;
	for (size_t i = ARRAY_LEN(parts); i-- > 0;)
		parts[i].close(a);
	workers_free(a->workers);
	if (a->loop)
		loop_settle(a->loop);
	loop_free(a->loop);
	log_free(a->log);
	rnd_free(a->rnd);
	clock_free(a->clock);
	conf_unref(a->conf);
	conf_unref(a->first_conf);
	free(a);
}
