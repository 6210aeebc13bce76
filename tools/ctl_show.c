/* SPDX-License-Identifier: Apache-2.0 */
/* trothctl credential, status, events, clock. */
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/ctl.h"

static const char *text_of(const json_t *j, const char *member)
{
	const char *z = json_string_value(json_object_get(j, member));
	return z ? z : "";
}

static int no_arguments(int argc, char **argv)
{
	return argc > 1 ? ctl_fail(CTL_USAGE, "%s takes no %s", argv[0], argv[1]) : CTL_OK;
}

/* --- credentials -------------------------------------------------------------------------------------------------------------- */

static void show_credential(const json_t *j)
{
	const json_t *names = json_object_get(j, "names"), *v;
	size_t i;

	printf("%-18s %-8s %-9s zone %-5lld until %s ", text_of(j, "id"), text_of(j, "kind"), text_of(j, "state"),
	       (long long)json_integer_value(json_object_get(j, "zone")), text_of(j, "notAfter"));
	json_array_foreach(names, i, v)
		printf(" %s", json_string_value(v));
	putchar('\n');
}

int ctl_credential_list(struct ctl *c, int argc, char **argv)
{
	json_t *list = NULL, *v;
	size_t i;

	int code = no_arguments(argc, argv);
	if (code == CTL_OK)
		code = ctl_call_json(c, "GET", "/v1/credentials", NULL, &list);
	if (code)
		return code;
	if (c->json)
		printf("%.*s\n", STR_ARG(c->reply));
	else
		json_array_foreach(list, i, v)
			show_credential(v);
	json_decref(list);
	return CTL_OK;
}

/* Ids are made by trothd: letters and digits.  Anything else is no id and must not become part of a path. */
static bool is_id(const char *z)
{
	size_t n = strlen(z);
	return n > 0 && n <= 64 && strspn(z, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") == n;
}

int ctl_credential_change(struct ctl *c, int argc, char **argv)
{
	char path[128];

	if (argc != 2 || !is_id(argv[1]))
		return ctl_fail(CTL_USAGE, "credential %s takes one credential id (trothctl credential list)", argv[0]);
	snprintf(path, sizeof(path), "/v1/credentials/%s/%s", argv[1], argv[0]);
	int code = ctl_call(c, "POST", path, NULL);
	if (code == CTL_OK && c->json)
		printf("%.*s\n", STR_ARG(c->reply));
	return code;
}

/* --- status -------------------------------------------------------------------------------------------------------------------- */

static void show_members(const json_t *j, const char *title)
{
	void *at;

	printf("%s\n", title);
	for (at = json_object_iter((json_t *)(uintptr_t)j); at; at = json_object_iter_next((json_t *)(uintptr_t)j, at)) {
		const json_t *v = json_object_iter_value(at);
		if (json_is_integer(v))
			printf("  %-40s %lld\n", json_object_iter_key(at), (long long)json_integer_value(v));
		else
			printf("  %-40s %s\n", json_object_iter_key(at), json_is_true(v) ? "yes" : "no");
	}
}

int ctl_status(struct ctl *c, int argc, char **argv)
{
	json_t *j = NULL;

	int code = no_arguments(argc, argv);
	if (code == CTL_OK)
		code = ctl_call_json(c, "GET", "/v1/status", NULL, &j);
	if (code)
		return code;
	if (c->json) {
		printf("%.*s\n", STR_ARG(c->reply));
	} else {
		printf("%s, version %s, clock %s\n", text_of(j, "cse"), text_of(j, "version"), text_of(j, "clock"));
		show_members(json_object_get(j, "store"), "store");
		show_members(json_object_get(j, "notifications"), "notifications");
		show_members(json_object_get(j, "counters"), "counters");
	}
	json_decref(j);
	return CTL_OK;
}

/* --- events -------------------------------------------------------------------------------------------------------------------- */

static void show_event(const json_t *j)
{
	static const char *const rest[] = { "credential", "originator", "name", "source", "detail" };

	printf("%s %-22s %s", text_of(j, "time"), text_of(j, "event"), text_of(j, "text"));
	json_int_t n = json_integer_value(json_object_get(j, "n"));
	if (n > 1)
		printf(" (%lld times)", (long long)n);
	for (size_t i = 0; i < ARRAY_LEN(rest); i++)
		if (*text_of(j, rest[i]))
			printf(" %s=%s", rest[i], text_of(j, rest[i]));
	putchar('\n');
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
			printf("%.*s\n", STR_ARG(line));
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

int ctl_events(struct ctl *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'n' },
		{ "follow", no_argument, NULL, 'f' },
		{ "reveal", no_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t next = 0;
	bool follow = false, reveal = false;
	char path[128];
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == 'n' && str_u64(str_of(optarg), &next) != 0)
			return ctl_fail(CTL_USAGE, "--from takes the number of an event");
		if (o == '?')
			return CTL_USAGE;
		follow |= o == 'f';
		reveal |= o == 'r';
	}
	if (optind < argc)
		return ctl_fail(CTL_USAGE, "what is %s? trothctl --help", argv[optind]);
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

int ctl_events_verify(struct ctl *c, int argc, char **argv)
{
	json_t *j = NULL;

	int code = no_arguments(argc, argv);
	if (code == CTL_OK)
		code = ctl_call_json(c, "POST", "/v1/events/verify", NULL, &j);
	if (code)
		return code;
	if (c->json)
		printf("%.*s\n", STR_ARG(c->reply));
	else
		printf("%lld events, their chain is %s\n", (long long)json_integer_value(json_object_get(j, "events")),
		       text_of(j, "chain"));
	json_decref(j);
	return CTL_OK;
}

int ctl_clock_accept(struct ctl *c, int argc, char **argv)
{
	int code = no_arguments(argc, argv);
	if (code == CTL_OK)
		code = ctl_call(c, "POST", "/v1/clock/accept", NULL);
	if (code == CTL_OK && c->json)
		printf("%.*s\n", STR_ARG(c->reply));
	return code;
}
