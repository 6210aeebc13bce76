/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's log: one line, or one message to journald, per event, written by one write(2). */
#include "cse/base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "cse/base/sd.h"

enum {
	DETAIL_MAX = 400,
	LINE_MAX_BYTES = 4096, /* a detail of control characters only grows sixfold */
	US_PER_S = 1000000,
};

struct log {
	int fd;
	bool journal; /* fd is journald's stream: it takes the level from a prefix */
	const char *native; /* fd is a socket of ours to journald at that path */
	enum log_form form;
	_Atomic int level;
	_Atomic uint64_t lost; /* lines dropped since the last one written */
	struct clock *clock;
};

struct event {
	const char *name, *text;
	enum log_level level;
};

static const struct event events[] = {
#define LOG(name, level, text) [name] = { #name, text, level },
#include "cse/base/log.def"
#undef LOG
};

static const struct {
	const char *name, *prefix; /* prefix: sd-daemon(3) */
} levels[] = {
	[LOG_ERROR] = { "error", "<3>" },
	[LOG_WARN] = { "warn", "<4>" },
	[LOG_INFO] = { "info", "<6>" },
	[LOG_DEBUG] = { "debug", "<7>" },
};

/* systemd.exec(5), $JOURNAL_STREAM: device and inode of the stream that goes to journald. */
static bool is_journal(int fd)
{
	const char *env = getenv("JOURNAL_STREAM");
	struct stat st;
	char mine[64];

	if (env == NULL || fstat(fd, &st) != 0)
		return false;
	snprintf(mine, sizeof(mine), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(mine, env) == 0;
}

struct log *log_new(int fd, enum log_level level)
{
	struct log *l = malloc(sizeof(*l));

	REQUIRE(l != NULL && fd >= 0);
	l->fd = fd;
	l->journal = is_journal(fd);
	l->native = NULL;
	l->form = LOG_FORM_JSON;
	l->clock = clock_new();
	atomic_init(&l->level, (int)level);
	atomic_init(&l->lost, 0);
	return l;
}

void log_free(struct log *l)
{
	if (l == NULL)
		return;
	if (l->native)
		close(l->fd);
	clock_free(l->clock);
	free(l);
}

void log_set_form(struct log *l, enum log_form form)
{
	l->form = form;
}

bool log_is_journal(const struct log *l)
{
	return l->journal;
}

int log_to_journal(struct log *l, const char *path)
{
	int fd = sd_dial(path);

	if (fd < 0)
		return E_SYS;
	if (l->native)
		close(l->fd);
	l->fd = fd;
	l->native = path;
	return 0;
}

void log_set_level(struct log *l, enum log_level level)
{
	atomic_store_explicit(&l->level, (int)level, memory_order_relaxed);
}

enum log_level log_level(const struct log *l)
{
	return (enum log_level)atomic_load_explicit(&l->level, memory_order_relaxed);
}

const char *log_level_name(enum log_level level)
{
	REQUIRE((size_t)level < ARRAY_LEN(levels));
	return levels[level].name;
}

struct line {
	char p[LINE_MAX_BYTES];
	size_t n;
};

static void put(struct line *line, struct str s)
{
	size_t room = sizeof(line->p) - line->n;
	struct str part = str_first(s, room);

	if (part.n)
		memcpy(line->p + line->n, part.p, part.n);
	line->n += part.n;
}

/* A byte of a detail as it stands in JSON; in plain text nothing but control characters changes. */
static void put_char(struct line *line, unsigned char c, bool json)
{
	char text[8];

	if (json && (c == '"' || c == '\\'))
		snprintf(text, sizeof(text), "\\%c", c);
	else if (c < 0x20 || c == 0x7f)
		snprintf(text, sizeof(text), json ? "\\u%04x" : "?", c);
	else
		snprintf(text, sizeof(text), "%c", c);
	put(line, str_of(text));
}

/* Whatever the detail holds, the line stays one line, and one JSON object. */
static void put_detail(struct line *line, struct str s, bool json)
{
	bool utf8 = str_is_utf8(s);

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		put_char(line, c < 0x80 || utf8 ? c : '?', json);
	}
}

static void put_time(struct line *line, struct log *l)
{
	int64_t us = clock_wall_us(l->clock);
	time_t s = (time_t)(us / US_PER_S);
	char text[80];
	struct tm tm;

	gmtime_r(&s, &tm);
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	         tm.tm_min, tm.tm_sec, (int)(us % US_PER_S));
	put(line, str_of(text));
}

static void put_number(struct line *line, const char *before, uint64_t n)
{
	char text[60];

	snprintf(text, sizeof(text), "%s%ju", before, (uintmax_t)n);
	put(line, str_of(text));
}

static void put_text(struct line *line, const char *a, const char *b)
{
	put(line, str_of(a));
	put(line, str_of(b));
}

static void make_json(struct line *line, struct log *l, const struct event *e, struct str detail, uint64_t lost)
{
	put(line, STR("{\"time\":\""));
	put_time(line, l);
	put_text(line, "\",\"level\":\"", levels[e->level].name);
	put_text(line, "\",\"event\":\"", e->name + sizeof("LOG_") - 1);
	put_text(line, "\",\"text\":\"", e->text);
	put(line, STR("\""));
	if (detail.n > 0) {
		put(line, STR(",\"detail\":\""));
		put_detail(line, detail, true);
		put(line, STR("\""));
	}
	if (lost)
		put_number(line, ",\"lost\":", lost);
	put(line, STR("}\n"));
}

static void make_text(struct line *line, struct log *l, const struct event *e, struct str detail, uint64_t lost)
{
	put_time(line, l);
	put_text(line, " ", levels[e->level].name);
	put_text(line, " ", e->name + sizeof("LOG_") - 1);
	put_text(line, " ", e->text);
	if (detail.n > 0) {
		put(line, STR(": "));
		put_detail(line, detail, false);
	}
	if (lost)
		put_number(line, "; lines lost before: ", lost);
	put(line, STR("\n"));
}

/* https://systemd.io/JOURNAL_NATIVE_PROTOCOL: one field on a line; no value here has a line's end in it. */
static void make_fields(struct line *line, const struct event *e, struct str detail, uint64_t lost)
{
	put_text(line, "MESSAGE=", e->text);
	if (detail.n > 0) {
		put(line, STR(": "));
		put_detail(line, detail, false);
	}
	put(line, STR("\nPRIORITY="));
	put(line, str_make(levels[e->level].prefix + 1, 1));
	put_text(line, "\nSYSLOG_IDENTIFIER=", program_invocation_short_name);
	put_text(line, "\nTROTH_EVENT=", e->name + sizeof("LOG_") - 1);
	if (detail.n > 0) {
		put(line, STR("\nTROTH_DETAIL="));
		put_detail(line, detail, false);
	}
	if (lost)
		put_number(line, "\nTROTH_LOST=", lost);
	put(line, STR("\n"));
}

/* A reader that stands still must not stop a loop: a pipe without room loses the line, and the next one says so. */
static void send_line(struct log *l, const struct line *line, uint64_t told)
{
	struct pollfd p = { .fd = l->fd, .events = POLLOUT };
	ssize_t n;

	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT)) {
		atomic_fetch_add_explicit(&l->lost, told + 1, memory_order_relaxed);
		return;
	}
	do {
		n = write(l->fd, line->p, line->n);
	} while (n < 0 && errno == EINTR);
	/* journald was started anew. */
	if (n < 0 && l->native && (errno == ECONNREFUSED || errno == ENOTCONN) && sd_redial(l->fd, l->native))
		n = write(l->fd, line->p, line->n);
	if (n < 0)
		atomic_fetch_add_explicit(&l->lost, told + 1, memory_order_relaxed);
}

void log_write(struct log *l, enum log_event ev, const char *fmt, ...)
{
	char detail[DETAIL_MAX + 1];
	struct line line = { .n = 0 };
	uint64_t lost;
	va_list ap;
	int n;

	REQUIRE((unsigned)ev < LOG_EVENT_COUNT);
	if (l == NULL || (int)events[ev].level > atomic_load_explicit(&l->level, memory_order_relaxed))
		return;
	va_start(ap, fmt);
	n = vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	REQUIRE(n >= 0);
	lost = atomic_exchange_explicit(&l->lost, 0, memory_order_relaxed);
	struct str what = str_make(detail, n < DETAIL_MAX ? (size_t)n : DETAIL_MAX);
	if (l->native) {
		make_fields(&line, &events[ev], what, lost);
	} else {
		if (l->journal)
			put(&line, str_of(levels[events[ev].level].prefix));
		(l->form == LOG_FORM_JSON ? make_json : make_text)(&line, l, &events[ev], what, lost);
	}
	send_line(l, &line, lost);
}
