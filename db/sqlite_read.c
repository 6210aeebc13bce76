/* SPDX-License-Identifier: Apache-2.0 */
/* Reading SQLite: whole tables at start, single bodies at any time on connections that cannot write. */
#include "db/sqlite_priv.h"

#include "cse/base/err.h"
#include "cse/base/log.h"
#include "db/cache_priv.h"
#include "db/mem_priv.h"
#include "db/row_priv.h"
#include "security/seal.h"

enum { PLAIN_MAX = 1 << 30 };

/* A connection of its own, so that a walk may run beside the writer. */
static int open_reader(struct sqlite *q, sqlite3 **out)
{
	sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(q->path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc != SQLITE_OK) {
		int err = db ? sqlite_error(q, db, rc) : E_IO;
		sqlite3_close(db);
		return err;
	}
	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_timeout(db, 5000);
	sqlite3_exec(db, "PRAGMA cache_size=-512", NULL, NULL, NULL);
	*out = db;
	return 0;
}

struct walk {
	struct sqlite *q;
	sqlite3 *db;
	sqlite3_stmt *st;
	struct buf plain;
	int err;
};

static void walk_begin(struct walk *w, struct disk *d, const char *sql, uint64_t from, uint64_t to)
{
	*w = (struct walk){ .q = sqlite_of(d) };
	buf_init(&w->plain, PLAIN_MAX);
	w->err = open_reader(w->q, &w->db);
	if (w->err)
		return;
	int rc = sqlite3_prepare_v2(w->db, sql, -1, &w->st, NULL);
	if (rc != SQLITE_OK) {
		w->err = sqlite_error(w->q, w->db, rc);
		return;
	}
	if (sqlite3_bind_parameter_count(w->st) > 0)
		sqlite3_bind_int64(w->st, 1, (int64_t)(from > INT64_MAX ? INT64_MAX : from));
	if (sqlite3_bind_parameter_count(w->st) > 1)
		sqlite3_bind_int64(w->st, 2, (int64_t)(to > INT64_MAX ? INT64_MAX : to));
}

/* The next row, unsealed from the column `col`, whose seal is bound to `table` and the number in column 0 (or `bound`
 * when that is not the row). */
static bool walk_next(struct walk *w, uint32_t table, int col, int bound)
{
	int rc;

	if (w->err)
		return false;
	rc = sqlite3_step(w->st);
	if (rc == SQLITE_DONE)
		return false;
	if (rc != SQLITE_ROW) {
		w->err = sqlite_error(w->q, w->db, rc);
		return false;
	}
	w->err = sqlite_unseal(w->q, table, (uint64_t)sqlite3_column_int64(w->st, bound), sqlite3_column_blob(w->st, col),
	                       sqlite3_column_bytes(w->st, col), &w->plain);
	return !w->err;
}

static int walk_end(struct walk *w)
{
	sqlite3_finalize(w->st);
	sqlite3_close(w->db);
	buf_fini(&w->plain);
	return w->err;
}

static uint64_t number(struct walk *w, int col)
{
	return (uint64_t)sqlite3_column_int64(w->st, col);
}

int sqlite_meta(struct disk *d, uint64_t out[META_COUNT])
{
	struct walk w;
	uint64_t v[META_COUNT] = { 0 };

	walk_begin(&w, d, "SELECT k, sealed FROM meta", 0, 0);
	while (walk_next(&w, SEAL_META, 1, 0)) {
		uint64_t k = number(&w, 0);
		if (k >= META_COUNT || w.plain.n != 8) {
			w.err = E_CORRUPT;
			break;
		}
		for (unsigned i = 0; i < 8; i++)
			v[k] |= (uint64_t)(unsigned char)w.plain.p[i] << 8 * i;
		if (v[k] > INT64_MAX / 2)
			w.err = E_CORRUPT;
	}
	if (walk_end(&w))
		return w.err;
	memcpy(out, v, sizeof(v));
	memcpy(w.q->meta, v, sizeof(v));
	return 0;
}

int sqlite_each_res(struct disk *d, int (*fn)(void *arg, const struct disk_res *r), void *arg)
{
	struct walk w;

	/* A parent's row id is smaller than its children's. */
	walk_begin(&w, d, "SELECT rid, pid, ty, seq, sealed FROM res ORDER BY rid", 0, 0);
	while (walk_next(&w, SEAL_RES, 4, 0)) {
		struct disk_res r = { .seq = number(&w, 3), .plain = buf_as_str(&w.plain) };
		if (number(&w, 0) > UINT32_MAX || number(&w, 1) > UINT32_MAX || number(&w, 2) > UINT16_MAX) {
			w.err = E_CORRUPT;
			break;
		}
		r.rid = (uint32_t)number(&w, 0);
		r.pid = (uint32_t)number(&w, 1);
		r.ty = (uint16_t)number(&w, 2);
		w.err = fn(arg, &r);
	}
	return walk_end(&w);
}

int sqlite_each_log(struct disk *d, enum disk_log l, uint64_t from, uint64_t to,
                    int (*fn)(void *arg, uint64_t seq, struct str plain), void *arg)
{
	struct walk w;

	if (from >= to)
		return 0;
	walk_begin(&w, d, l == DISK_SNAP ? "SELECT seq, sealed FROM snap WHERE seq >= ?1 AND seq < ?2 ORDER BY seq"
	                                 : "SELECT seq, sealed FROM batch WHERE seq >= ?1 AND seq < ?2 ORDER BY seq", from, to);
	while (walk_next(&w, l == DISK_SNAP ? SEAL_SNAP : SEAL_BATCH, 1, 0))
		w.err = fn(arg, number(&w, 0), buf_as_str(&w.plain));
	return walk_end(&w);
}

/* A single number, or 0. */
static uint64_t ask(struct disk *d, const char *sql, uint64_t *second)
{
	struct walk w;
	uint64_t v = 0;

	walk_begin(&w, d, sql, 0, 0);
	if (!w.err && sqlite3_step(w.st) == SQLITE_ROW) {
		v = number(&w, 0);
		if (second)
			*second = number(&w, 1);
	}
	walk_end(&w);
	return v;
}

uint64_t sqlite_log_last(struct disk *d)
{
	return ask(d, "SELECT max(seq) FROM batch", NULL);
}

uint64_t sqlite_event_bytes(struct disk *d, uint64_t *last)
{
	*last = 0;
	return ask(d, "SELECT sum(length(sealed)), max(seq) FROM event", last);
}

int sqlite_each_event(struct disk *d, uint64_t from, int (*fn)(void *arg, uint64_t seq, struct str row), void *arg)
{
	struct walk w;

	walk_begin(&w, d, "SELECT seq, sealed FROM event WHERE seq >= ?1 ORDER BY seq", from, 0);
	while (walk_next(&w, SEAL_EVENT, 1, 0))
		w.err = fn(arg, number(&w, 0), buf_as_str(&w.plain));
	return walk_end(&w);
}

/* --- records, in the order of keys that are sealed ---------------------------------------------------------------- */

struct rec_copy {
	struct str key, value;
	char *text;
};

static int by_key(const void *a, const void *b)
{
	return str_cmp(((const struct rec_copy *)a)->key, ((const struct rec_copy *)b)->key);
}

int sqlite_each_rec(struct disk *d, enum rec_table t, int (*fn)(void *arg, struct str key, struct str value), void *arg)
{
	struct rec_copy *all = NULL;
	size_t n = 0, cap = 0;
	struct walk w;

	walk_begin(&w, d, "SELECT id, kind, sealed FROM rec WHERE kind = ?1", (uint64_t)t, 0);
	while (walk_next(&w, SEAL_REC, 2, 1)) {
		struct rec_copy c;
		w.err = row_read_rec(buf_as_str(&w.plain), &c.key, &c.value);
		if (w.err)
			break;
		c.text = mem_get(c.key.n + c.value.n);
		memcpy(c.text, c.key.p, c.key.n);
		memcpy(c.text + c.key.n, c.value.p, c.value.n);
		c.key.p = c.text;
		c.value.p = c.text + c.key.n;
		if (n == cap) {
			cap = cap ? cap * 2 : 64;
			all = mem_resize(all, cap, sizeof(*all));
		}
		all[n++] = c;
	}
	int err = walk_end(&w);
	if (n)
		qsort(all, n, sizeof(*all), by_key);
	for (size_t i = 0; i < n; i++) {
		if (!err)
			err = fn(arg, all[i].key, all[i].value);
		explicit_bzero(all[i].text, all[i].key.n + all[i].value.n);
		mem_put(all[i].text);
	}
	mem_put(all);
	return err;
}

/* --- single bodies ------------------------------------------------------------------------------------------------ */

static struct reader *take_reader(struct sqlite *q)
{
	struct reader *r = NULL;

	pthread_mutex_lock(&q->lock);
	while (!r) {
		for (unsigned i = 0; i < READERS && !r; i++)
			if (!q->reader[i].busy)
				r = &q->reader[i];
		if (!r)
			pthread_cond_wait(&q->idle, &q->lock);
	}
	r->busy = true;
	pthread_mutex_unlock(&q->lock);
	return r;
}

static void give_reader(struct sqlite *q, struct reader *r)
{
	pthread_mutex_lock(&q->lock);
	r->busy = false;
	pthread_cond_signal(&q->idle);
	pthread_mutex_unlock(&q->lock);
}

static int prepare_reader(struct sqlite *q, struct reader *r)
{
	int err, rc;

	if (r->body)
		return 0;
	if (!r->db && (err = open_reader(q, &r->db)))
		return err;
	rc = sqlite3_prepare_v3(r->db, "SELECT sealed FROM body WHERE id = ?1", -1, SQLITE_PREPARE_PERSISTENT, &r->body, NULL);
	return rc == SQLITE_OK ? 0 : sqlite_error(q, r->db, rc);
}

static int read_one(struct sqlite *q, struct reader *r, uint64_t id, struct body **out)
{
	struct body *b;
	int rc, n;

	sqlite3_bind_int64(r->body, 1, (int64_t)id);
	rc = sqlite3_step(r->body);
	if (rc == SQLITE_DONE)
		return E_ABSENT;
	if (rc != SQLITE_ROW)
		return sqlite_error(q, r->db, rc);
	n = sqlite3_column_bytes(r->body, 0);
	if (n < SEAL_OVERHEAD)
		return E_CORRUPT;
	b = body_alloc(id, (size_t)n - SEAL_OVERHEAD);
	if (seal_unseal(q->seal, SEAL_BODY, id, sqlite3_column_blob(r->body, 0), (size_t)n, b->bytes)) {
		body_unref(b);
		log_write(q->log, LOG_STORE_CORRUPT, "table body does not verify");
		return E_CORRUPT;
	}
	*out = b;
	return 0;
}

int sqlite_read_body(struct disk *d, uint64_t id, struct body **out)
{
	struct sqlite *q = sqlite_of(d);
	struct reader *r = take_reader(q);
	int err = prepare_reader(q, r);

	if (!err)
		err = read_one(q, r, id, out);
	/* A statement that is not reset would hold back the checkpoint. */
	sqlite3_reset(r->body);
	give_reader(q, r);
	return err;
}

void sqlite_close_readers(struct sqlite *q)
{
	for (unsigned i = 0; i < READERS; i++) {
		sqlite3_finalize(q->reader[i].body);
		sqlite3_close(q->reader[i].db);
	}
}
