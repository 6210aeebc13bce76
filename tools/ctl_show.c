/* SPDX-License-Identifier: Apache-2.0 */
/* trothctl credential, status, events, clock. */
#include <poll.h>
#include <stdio.h>

#include "tools/ctl.h"

/* --- credentials -------------------------------------------------------------------------------------------------------------- */

int ctl_credential_list(struct ctl *c, const struct ctl_args *a)
{
	static const struct ctl_column columns[] = { { "id", "id" }, { "kind", "kind" }, { "state", "state" }, { "zone", "zone" },
		{ "generation", "generation" }, { "notAfter", "until" }, { "names", "names" } };
	(void)a;
	return ctl_show_pages(c, "/v1/credentials", columns, ARRAY_LEN(columns));
}

int ctl_credential_change(struct ctl *c, const struct ctl_args *a)
{
	char path[128];

	snprintf(path, sizeof(path), "/v1/credentials/%s/%s", a->v[0], a->word);
	return ctl_order(c, "POST", path, NULL);
}

int ctl_lock_list(struct ctl *c, const struct ctl_args *a)
{
	static const struct ctl_column columns[] = { { "id", "credential" }, { "originator", "originator" }, { "strikes", "strikes" },
		{ "since", "since" }, { "until", "until" }, { "why", "why" } };
	(void)a;
	return ctl_show_table(c, "/v1/locks", columns, ARRAY_LEN(columns));
}

/* --- status -------------------------------------------------------------------------------------------------------------------- */

/* What never happened says nothing. */
static void drop_zeros(json_t *counters)
{
	const char *name;
	json_t *v;
	void *next;

	json_object_foreach_safe(counters, next, name, v)
		if (json_is_integer(v) && json_integer_value(v) == 0)
			json_object_del(counters, name);
}

int ctl_status(struct ctl *c, const struct ctl_args *a)
{
	json_t *j = NULL;

	(void)a;
	int code = ctl_ask(c, "GET", "/v1/status", NULL, &j);
	if (!j)
		return code;
	printf("%s, version %s, clock %s\n", ctl_text(j, "cse"), ctl_text(j, "version"), ctl_text(j, "clock"));
	if (*ctl_text(j, "held"))
		printf("all devices are suspended until trothctl restore --accept-rollback: %s\n", ctl_text(j, "held"));
	json_object_del(j, "held");
	json_object_del(j, "cse");
	json_object_del(j, "version");
	json_object_del(j, "clock");
	drop_zeros(json_object_get(j, "counters"));
	ctl_members(j);
	json_decref(j);
	return code;
}

/* --- events -------------------------------------------------------------------------------------------------------------------- */

static void show_event(const json_t *j)
{
	static const char *const rest[] = { "credential", "originator", "name", "source", "detail" };
	json_int_t n = json_integer_value(json_object_get(j, "n"));
	struct buf b;

	buf_init(&b, 65536);
	ctl_put_plain(&b, ctl_text(j, "time"));
	buf_printf(&b, "  %-22s %s", ctl_text(j, "event"), ctl_text(j, "text"));
	if (n > 1)
		buf_printf(&b, " (%lld times)", (long long)n);
	for (size_t i = 0; i < ARRAY_LEN(rest); i++) {
		if (!*ctl_text(j, rest[i]))
			continue;
		buf_printf(&b, " %s=", rest[i]);
		ctl_put_plain(&b, ctl_text(j, rest[i]));
	}
	printf("%.*s\n", STR_ARG(buf_as_str(&b)));
	buf_fini(&b);
}

/* Shows the lines of an answer; *next becomes the number behind the last one; how many there were. */
static unsigned show_lines(struct ctl *c, uint64_t *next)
{
	struct str rest = c->reply;
	unsigned n = 0;
	bool more = rest.n > 0;

	while (more) {
		struct str line = str_cut(&rest, '\n', &more);
		if (line.n == 0)
			continue;
		json_t *j = json_loadb(line.p, line.n, 0, NULL);
		if (c->json)
			ctl_print_json(line);
		else if (j)
			show_event(j);
		const json_t *seq = json_object_get(j, "seq");
		if (json_is_integer(seq) && json_integer_value(seq) >= 0)
			*next = (uint64_t)json_integer_value(seq) + 1;
		json_decref(j);
		n++;
	}
	fflush(stdout);
	return n;
}

int ctl_events(struct ctl *c, const struct ctl_args *a)
{
	const char *from = ctl_option(a, "from");
	bool follow = ctl_option(a, "follow"), reveal = ctl_option(a, "reveal");
	uint64_t next = 0;
	char path[128];

	if (from)
		(void)str_u64(str_of(from), &next);
	for (;;) {
		snprintf(path, sizeof(path), "/v1/events?from=%llu&reveal=%d", (unsigned long long)next, reveal);
		int code = ctl_call(c, "GET", path, NULL);
		if (code)
			return code;
		if (show_lines(c, &next) > 0)
			continue;
		if (!follow || ferror(stdout))
			return CTL_OK;
		(void)poll(NULL, 0, 1000);
	}
}

int ctl_events_verify(struct ctl *c, const struct ctl_args *a)
{
	json_t *j = NULL;

	(void)a;
	c->doing = "reading the events";
	int code = ctl_ask(c, "POST", "/v1/events/verify", NULL, &j);
	if (j)
		printf("%lld events, their chain is %s\n", (long long)json_integer_value(json_object_get(j, "events")),
		       ctl_text(j, "chain"));
	json_decref(j);
	return code;
}

int ctl_clock_accept(struct ctl *c, const struct ctl_args *a)
{
	(void)a;
	return ctl_order(c, "POST", "/v1/clock/accept", NULL);
}
