/* SPDX-License-Identifier: Apache-2.0 */
/* Which row a record has.  Keys are sealed, so the index is in memory; the writer's thread alone uses it. */
#include "db/sqlite_priv.h"

#include "cse/base/err.h"
#include "db/mem_priv.h"
#include "db/row_priv.h"

static uint64_t hash_of(const struct sqlite *q, enum rec_table t, struct str key)
{
	return str_hash(key, q->hkey) ^ htab_mix((uint64_t)t + 1);
}

static struct rec_row *find(struct sqlite *q, enum rec_table t, struct str key)
{
	for (struct hlink *l = htab_find(&q->recs, hash_of(q, t, key)); l; l = htab_next(l)) {
		struct rec_row *r = CONTAINER_OF(l, struct rec_row, link);
		if (r->table == t && str_eq(str_make(r->key, r->n), key))
			return r;
	}
	return NULL;
}

static struct rec_row *add(struct sqlite *q, enum rec_table t, struct str key, int64_t id)
{
	struct rec_row *r = mem_zget(sizeof(*r) + key.n);

	r->id = id;
	r->table = (uint8_t)t;
	r->n = (uint16_t)key.n;
	memcpy(r->key, key.p, key.n);
	htab_add(&q->recs, &r->link, hash_of(q, t, key));
	return r;
}

static void forget(struct sqlite *q, struct rec_row *r)
{
	htab_del(&q->recs, &r->link);
	mem_put(r);
}

int rec_load(struct sqlite *q)
{
	struct buf plain;
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(q->db, "SELECT id, kind, sealed FROM rec", -1, &st, NULL), err = 0;

	buf_init_secret(&plain, REC_VALUE_MAX + 1024);
	while (!err && rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(st, 0), kind = sqlite3_column_int64(st, 1);
		struct str key, value;
		rc = SQLITE_OK;
		if (kind < 0 || kind >= REC_TABLES ||
		    sqlite_unseal(q, SEAL_REC, (uint64_t)kind, sqlite3_column_blob(st, 2), sqlite3_column_bytes(st, 2), &plain) ||
		    row_read_rec(buf_as_str(&plain), &key, &value) || find(q, (enum rec_table)kind, key)) {
			err = E_CORRUPT;
			break;
		}
		add(q, (enum rec_table)kind, key, id)->in = true;
		if (id >= q->next_rec)
			q->next_rec = id + 1;
	}
	if (!err && rc != SQLITE_DONE)
		err = sqlite_error(q, q->db, rc);
	sqlite3_finalize(st);
	buf_fini_secret(&plain);
	if (!q->next_rec)
		q->next_rec = 1;
	return err;
}

void rec_fini(struct sqlite *q)
{
	for (uint64_t i = 0; i < htab_buckets(&q->recs); i++)
		for (struct hlink *l = htab_bucket(&q->recs, i), *next; l; l = next) {
			next = l->next;
			mem_put(CONTAINER_OF(l, struct rec_row, link));
		}
	htab_fini(&q->recs);
}

int rec_put(struct disk *d, enum rec_table t, struct str key, struct str value, struct str sealed)
{
	struct sqlite *q = sqlite_of(d);
	struct rec_row *r = find(q, t, key);
	sqlite3_stmt *st = q->st[sealed.n ? SQL_PUT_REC : SQL_DEL_REC];
	int rc;

	(void)value;
	if (!r) {
		if (!sealed.n)
			return 0;
		r = add(q, t, key, q->next_rec++);
	}
	if (!r->touched) {
		r->touched = true;
		r->was_in = r->in;
		r->next = q->changed;
		q->changed = r;
	}
	r->in = sealed.n > 0;
	sqlite3_bind_int64(st, 1, r->id);
	if (sealed.n) {
		sqlite3_bind_int64(st, 2, t);
		sqlite3_bind_blob64(st, 3, sealed.p, sealed.n, SQLITE_STATIC);
	}
	rc = sqlite3_step(st);
	int err = rc == SQLITE_DONE ? 0 : sqlite_error(q, q->db, rc);
	sqlite3_reset(st);
	return err;
}

static void settle(struct sqlite *q, bool committed)
{
	while (q->changed) {
		struct rec_row *r = q->changed;
		q->changed = r->next;
		r->touched = false;
		if (!committed)
			r->in = r->was_in;
		if (!r->in)
			forget(q, r);
	}
}

void rec_committed(struct sqlite *q)
{
	settle(q, true);
}

void rec_rolled_back(struct sqlite *q)
{
	settle(q, false);
}
