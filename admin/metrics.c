/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics: what stat.def lists, in the text form of Prometheus (0.0.4).  No label is made of user data. */
#include <config.h>

#include "admin/admin_priv.h"

#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "security/rotate.h"

static const char *const operations[STAT_SERIES] = {
	[OP_NONE] = "none",     [OP_CREATE] = "create", [OP_RETRIEVE] = "retrieve",
	[OP_UPDATE] = "update", [OP_DELETE] = "delete", [OP_NOTIFY] = "notify",
};

static uint64_t sum(const struct cse *cse, size_t offset)
{
	uint64_t v = 0;

	for (unsigned i = 0; i <= cse->n_loops; i++)
		v += atomic_load_explicit((_Atomic uint64_t *)(void *)((char *)cse->stats[i] + offset), memory_order_relaxed);
	return v;
}

uint64_t admin_counter(const struct cse *cse, enum stat_id id)
{
	return sum(cse, offsetof(struct stats, v) + (size_t)id * sizeof(uint64_t));
}

static void put_head(struct buf *b, const char *name, const char *help, const char *type)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_counters(struct buf *b, const struct cse *cse)
{
	for (int i = 0; i < STAT_COUNT; i++) {
		enum stat_id id = (enum stat_id)i;
		put_head(b, stat_name(id), stat_help(id), "counter");
		buf_printf(b, "%s %" PRIu64 "\n", stat_name(id), admin_counter(cse, id));
	}
}

/* Only what has occurred: most codes never do. */
static void put_answers(struct buf *b, const struct cse *cse)
{
	put_head(b, "troth_answers_total", "answers by operation and response status code", "counter");
	for (unsigned op = 0; op < STAT_SERIES; op++) {
		for (unsigned code = 0; code < STAT_CODES; code++) {
			uint64_t n = sum(cse, offsetof(struct stats, answers) + (op * STAT_CODES + code) * sizeof(uint64_t));
			if (n > 0)
				buf_printf(b, "troth_answers_total{operation=\"%s\",code=\"%d\"} %" PRIu64 "\n", operations[op],
				           (int)rsc_at(code), n);
		}
	}
}

static void put_series(struct buf *b, const struct cse *cse, const struct stat_row *row, size_t at, const char *value)
{
	char label[64] = "", only[80] = "";
	uint64_t n = 0;
	double ns = (double)sum(cse, at + offsetof(struct stat_times, ns));

	if (row->label[0]) {
		snprintf(label, sizeof(label), "%s=\"%s\",", row->label, value);
		snprintf(only, sizeof(only), "{%s=\"%s\"}", row->label, value);
	}
	for (unsigned i = 0; i + 1 < STAT_STEPS; i++) {
		n += sum(cse, at + i * sizeof(uint64_t));
		buf_printf(b, "%s_bucket{%sle=\"%g\"} %" PRIu64 "\n", row->name, label, (double)stat_step_ns(i) / 1e9, n);
	}
	n += sum(cse, at + (STAT_STEPS - 1) * sizeof(uint64_t));
	buf_printf(b, "%s_bucket{%sle=\"+Inf\"} %" PRIu64 "\n", row->name, label, n);
	buf_printf(b, "%s_sum%s %.9f\n%s_count%s %" PRIu64 "\n", row->name, only, ns / 1e9, row->name, only, n);
}

static void put_times(struct buf *b, const struct cse *cse)
{
	for (int i = 0; i < TIMES_COUNT; i++) {
		const struct stat_row *row = stat_times_row((enum stat_times_id)i);
		unsigned n = row->label[0] ? STAT_SERIES : 1;
		put_head(b, row->name, row->help, "histogram");
		for (unsigned k = 0; k < n; k++)
			put_series(b, cse, row, offsetof(struct stats, times) + ((size_t)i * STAT_SERIES + k) * sizeof(struct stat_times),
			           operations[k]);
	}
}

/* Second number of /proc/self/statm: resident pages (proc(5)); 0 where there is no /proc. */
static double resident(void)
{
	char text[128];
	struct str rest, word;
	uint64_t pages;
	bool more;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	rest = str_make(text, (size_t)n);
	str_cut(&rest, ' ', &more);
	word = str_cut(&rest, ' ', &more);
	return str_u64(word, &pages) == 0 ? (double)pages * (double)sysconf(_SC_PAGESIZE) : 0;
}

static void read_gauges(const struct admin *a, double v[GAUGE_COUNT])
{
	struct cse *cse = a->cse;
	struct store_usage u;
	struct notify_usage n;
	uint64_t accepted = admin_counter(cse, STAT_CONN_ACCEPTED), closed = admin_counter(cse, STAT_CONN_CLOSED);

	store_usage(cse->store, &u);
	gate_notify_usage(cse->gate, &n);
	v[GAUGE_START] = (double)a->start_us / 1e6;
	v[GAUGE_RESIDENT] = resident();
	v[GAUGE_LOOPS] = cse->n_loops;
	/* Two sums that are not of one moment. */
	v[GAUGE_CONNS] = accepted > closed ? (double)(accepted - closed) : 0;
	v[GAUGE_CALLS] = a->waiting + a->remote;
	v[GAUGE_NODES] = (double)u.nodes;
	v[GAUGE_INSTANCES] = (double)u.instances;
	v[GAUGE_TREE] = (double)u.tree_bytes;
	v[GAUGE_CACHE] = (double)u.cache_bytes;
	v[GAUGE_QUEUE] = (double)u.queue;
	v[GAUGE_QUEUE_B] = (double)u.queue_bytes;
	v[GAUGE_UNSWEPT] = (double)u.unswept;
	v[GAUGE_READONLY] = store_is_readonly(cse->store);
	v[GAUGE_CLOCK] = clockguard_doubtful(cse->security);
	v[GAUGE_EVENTS_FULL] = audit_is_full(cse->security);
	v[GAUGE_SUBS] = (double)n.subscriptions;
	v[GAUGE_SUBS_SILENT] = (double)n.silent;
	v[GAUGE_NTF_HELD] = (double)n.held;
	v[GAUGE_NTF_STORED] = (double)n.stored;
	v[GAUGE_NTF_WAITING] = (double)n.waiting;
	v[GAUGE_NTF_SENDING] = (double)n.sending;
}

/* Those that have a series for each of something: true. */
static bool put_series_of(struct buf *b, struct cse *cse, enum stat_gauge_id id, const char *name)
{
	switch (id) {
	case GAUGE_CREDS:
		for (int s = 0; s < CRED_STATES; s++)
			buf_printf(b, "%s{state=\"%s\"} %u\n", name, cred_state_name((enum cred_state)s), cred_count(cse->security, (enum cred_state)s));
		return true;
	case GAUGE_LIFE_DUE:
	case GAUGE_LIFE_END:
		for (int k = 0; cse->rotate && k < ROTATIONS; k++) {
			struct rotate_info info;
			rotate_look(cse->rotate, (enum rotation)k, &info);
			int64_t us = id == GAUGE_LIFE_DUE ? info.due_us : info.until_us;
			if (us > 0)
				buf_printf(b, "%s{of=\"%s\"} %" PRId64 "\n", name, info.name, us / 1000000);
		}
		return true;
	default:
		return false;
	}
}

void admin_metrics(struct admin_call *c)
{
	struct buf *b = &c->reply;
	double v[GAUGE_COUNT] = { 0 };

	read_gauges(c->admin, v);
	put_head(b, "troth_build_info", "version of trothd", "gauge");
	buf_printf(b, "troth_build_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
	for (int i = 0; i < GAUGE_COUNT; i++) {
		const struct stat_row *row = stat_gauge_row((enum stat_gauge_id)i);
		put_head(b, row->name, row->help, "gauge");
		if (!put_series_of(b, c->admin->cse, (enum stat_gauge_id)i, row->name))
			buf_printf(b, "%s %.15g\n", row->name, v[i]);
	}
	put_counters(b, c->admin->cse);
	put_answers(b, c->admin->cse);
	put_times(b, c->admin->cse);
	c->type = "text/plain; version=0.0.4; charset=utf-8";
	admin_answer(c, 200);
}
