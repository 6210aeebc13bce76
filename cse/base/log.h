/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operator's log: events of log.def, as JSON lines (or lines of text) on stderr, with the prefix that gives a line its
 * priority when that is journald's stream; or as fields to journald itself.  No event has a field for payload, names of resources or labels; originators appear as a
 * keyed pseudonym made by the security room.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "cse/base/check.h"
#include "cse/base/str.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

enum log_event {
#define LOG(name, level, text) name,
#include "cse/base/log.def"
#undef LOG
	LOG_EVENT_COUNT
};

struct log;
/* fd: where lines go (borrowed).  At most `level` is written. */
struct log *log_new(int fd, enum log_level level);
void log_free(struct log *l);
/* One line per event: an object, or time, level, event, text and detail for people.  Before there are other threads. */
enum log_form { LOG_FORM_JSON, LOG_FORM_TEXT };
void log_set_form(struct log *l, enum log_form form);
/* Is fd journald's stream? */
bool log_is_journal(const struct log *l);
#define LOG_JOURNAL "/run/systemd/journal/socket"
/* From now on to journald by its own protocol: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, TROTH_EVENT, TROTH_DETAIL.  E_SYS: it cannot
 * be reached, all stays as it was.  Before there are other threads.  path: LOG_JOURNAL, or a test's; stays. */
int log_to_journal(struct log *l, const char *path);
void log_set_level(struct log *l, enum log_level level);
enum log_level log_level(const struct log *l);
/* "error", "warn", "info" or "debug". */
const char *log_level_name(enum log_level level);

/* One line: time, level, event name, its text, and a detail sentence (at most 400 bytes) that must not hold
 * anything a client sent; "" for none.  Thread-safe, never waits for the reader: what does not fit into the pipe is counted
 * and told by the next line.  l may be NULL: silent. */
void log_write(struct log *l, enum log_event ev, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
