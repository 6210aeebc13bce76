/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: the latest fact of each kind for each key in memory, and on disk by a thread of its own, so that nobody who
 * notes something waits.  What was noted twice before the thread came is written once.  When half of the file is outdated
 * it is written anew.
 */
#include "security/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cse/base/check.h"
#include "cse/base/err.h"
#include "cse/base/rand.h"
#include "security/file.h"
#include "security/keystore.h"
#include "security/ledger_priv.h"
#include "security/secret.h"
#include "security/strmap.h"

enum { WORTH_REWRITING = 1 << 20, BUFFER = 64 << 10, HASH = 32 };

/* The latest fact of a kind for a key. */
struct entry {
	struct entry *prev, *next; /* of those that are to be written, in the order of their numbers */
	bool dirty;
	uint64_t seq, value;
	struct str name;    /* kind and key, behind the struct */
};

#define LEDGER_MAGIC 0x6c656467u
struct ledger {
	uint32_t magic;
	pthread_mutex_t lock; /* guards all down to `thread` */
	pthread_cond_t wake, idle;
	struct strmap map;
	struct entry *dirty, *dirty_last;
	size_t live;          /* bytes that the facts of the map take in a file */
	unsigned char head[HASH];
	uint64_t seq, written;
	struct ledger_wait *waits;
	int err;
	bool stop, again;
	bool running;
	pthread_t thread;
	/* The thread's own once it runs: */
	enum ledger_found found;
	char *dir;            /* NULL: in memory only */
	int fd;
	off_t size, room;     /* of the file; what is allocated */
	off_t anew;           /* smaller than that it is not written anew */
	bool suspect;         /* the disk may not hold what it took */
	struct buf raw, out;  /* records without tags; bytes that are to be written at `size` */
	uint64_t out_seq;
	struct buf wrapped;
	unsigned char *key, tag[LEDGER_TAG];
};

/* --- facts in memory ----------------------------------------------------------------------------------------------- */

static struct str name_of(char out[1 + LEDGER_KEY_MAX], enum ledger_kind kind, struct str key)
{
	REQUIRE(kind < LEDGER_KINDS && key.n <= LEDGER_KEY_MAX);
	out[0] = (char)kind;
	/* There is one of these, whatever its key says. */
	if (kind >= LEDGER_HEAD || key.n == 0)
		return str_make(out, 1);
	memcpy(out + 1, key.p, key.n);
	return str_make(out, 1 + key.n);
}

static struct entry *find(const struct ledger *l, enum ledger_kind kind, struct str key)
{
	char name[1 + LEDGER_KEY_MAX];

	return strmap_get(&l->map, name_of(name, kind, key));
}

static size_t weight(const struct entry *e)
{
	return 18 + e->name.n - 1 + LEDGER_TAG + (e->name.p[0] == LEDGER_HEAD ? HASH : 0);
}

static struct entry *put(struct ledger *l, enum ledger_kind kind, struct str key, uint64_t seq, uint64_t value)
{
	char text[1 + LEDGER_KEY_MAX];
	struct str name = name_of(text, kind, key);
	struct entry *e = strmap_get(&l->map, name);

	if (e == NULL) {
		e = calloc(1, sizeof(*e) + name.n);
		REQUIRE(e != NULL);
		memcpy((char *)e + sizeof(*e), name.p, name.n);
		e->name = str_make((char *)e + sizeof(*e), name.n);
		strmap_put(&l->map, e->name, e);
		l->live += weight(e);
	}
	e->seq = seq;
	e->value = value;
	if (kind == LEDGER_HEAD)
		memcpy(l->head, key.p, HASH);
	return e;
}

static void unmark(struct ledger *l, struct entry *e)
{
	*(e->prev ? &e->prev->next : &l->dirty) = e->next;
	*(e->next ? &e->next->prev : &l->dirty_last) = e->prev;
	e->dirty = false;
}

/* To be written, behind all others. */
static void mark(struct ledger *l, struct entry *e)
{
	if (e->dirty)
		unmark(l, e);
	e->prev = l->dirty_last;
	e->next = NULL;
	*(e->prev ? &e->prev->next : &l->dirty) = e;
	l->dirty_last = e;
	e->dirty = true;
}

void ledger_note(struct ledger *l, enum ledger_kind kind, struct str key, uint64_t value)
{
	struct entry *e;

	CHECK(l, LEDGER);
	REQUIRE(kind != LEDGER_HEAD || key.n == HASH);
	pthread_mutex_lock(&l->lock);
	e = put(l, kind, key, ++l->seq, value);
	if (l->dir == NULL) {
		l->written = l->seq;
	} else {
		mark(l, e);
		pthread_cond_signal(&l->wake);
	}
	pthread_mutex_unlock(&l->lock);
}

/* The lock is no part of what the caller sees as constant. */
static pthread_mutex_t *lock_of(const struct ledger *l)
{
	CHECK(l, LEDGER);
	return &((struct ledger *)(uintptr_t)l)->lock;
}

bool ledger_says(const struct ledger *l, enum ledger_kind kind, struct str key, uint64_t *value)
{
	pthread_mutex_lock(lock_of(l));
	const struct entry *e = find(l, kind, key);
	if (e)
		*value = e->value;
	pthread_mutex_unlock(lock_of(l));
	return e != NULL;
}

uint64_t ledger_when(const struct ledger *l, enum ledger_kind kind, struct str key)
{
	pthread_mutex_lock(lock_of(l));
	const struct entry *e = find(l, kind, key);
	uint64_t seq = e ? e->seq : 0;
	pthread_mutex_unlock(lock_of(l));
	return seq;
}

uint64_t ledger_head(const struct ledger *l, unsigned char hash[HASH])
{
	pthread_mutex_lock(lock_of(l));
	const struct entry *e = find(l, LEDGER_HEAD, STR_NONE);
	uint64_t n = e ? e->value : 0;
	memcpy(hash, l->head, HASH);
	pthread_mutex_unlock(lock_of(l));
	return n;
}

void ledger_each(const struct ledger *l, enum ledger_kind kind, void (*fn)(void *arg, struct str key, uint64_t value), void *arg)
{
	const struct entry *e;
	size_t at = 0;

	pthread_mutex_lock(lock_of(l));
	while ((e = strmap_next(&l->map, &at)) != NULL)
		if (e->name.p[0] == (char)kind)
			fn(arg, str_from(e->name, 1), e->value);
	pthread_mutex_unlock(lock_of(l));
}

enum ledger_hold ledger_pending(const struct ledger *l)
{
	uint64_t v;

	if (ledger_when(l, LEDGER_HELD, STR_NONE) <= ledger_when(l, LEDGER_ACCEPTED, STR_NONE))
		return HOLD_NONE;
	return ledger_says(l, LEDGER_HELD, STR_NONE, &v) && v < HOLD_COUNT && v ? (enum ledger_hold)v : HOLD_MISSING;
}

uint64_t ledger_epoch(const struct ledger *l)
{
	uint64_t epoch = 0;

	ledger_says(l, LEDGER_EPOCH, STR_NONE, &epoch);
	return epoch;
}

uint64_t ledger_seq(const struct ledger *l)
{
	pthread_mutex_lock(lock_of(l));
	uint64_t seq = l->written;
	pthread_mutex_unlock(lock_of(l));
	return seq;
}

enum ledger_found ledger_found(const struct ledger *l)
{
	CHECK(l, LEDGER);
	return l->found;
}

int ledger_error(const struct ledger *l)
{
	pthread_mutex_lock(lock_of(l));
	int err = l->err;
	pthread_mutex_unlock(lock_of(l));
	return err;
}

/* --- writing ------------------------------------------------------------------------------------------------------- */

static int disk_error(void)
{
	return errno == ENOSPC || errno == EDQUOT ? E_FULL : E_IO;
}

static void add_raw(struct ledger *l, const struct entry *e, struct buf *out)
{
	struct ledger_fact f = { (enum ledger_kind)e->name.p[0], e->seq, e->value, str_from(e->name, 1) };

	if (f.kind == LEDGER_HEAD)
		f.key = str_make((const char *)l->head, HASH);
	ledger_fact_lay(out, &f);
}

/* Under the lock: what is to be written, without tags; up to which number. */
static uint64_t collect(struct ledger *l)
{
	buf_reset(&l->raw);
	while (l->dirty) {
		add_raw(l, l->dirty, &l->raw);
		unmark(l, l->dirty);
	}
	return l->seq;
}

static int by_number(const void *a, const void *b)
{
	const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;

	return (x->seq > y->seq) - (x->seq < y->seq);
}

/* Likewise everything; it stays marked until it is written. */
static uint64_t collect_all(struct ledger *l)
{
	struct entry **all = malloc((l->map.n + 1) * sizeof(struct entry *));
	size_t n = 0, at = 0;

	REQUIRE(all != NULL);
	while ((all[n] = strmap_next(&l->map, &at)) != NULL)
		n++;
	qsort(all, n, sizeof(struct entry *), by_number);
	buf_reset(&l->raw);
	for (size_t i = 0; i < n; i++)
		add_raw(l, all[i], &l->raw);
	free(all);
	return l->seq;
}

static void tag_raw(const struct ledger *l, struct buf *out, unsigned char tag[LEDGER_TAG])
{
	struct str rest = buf_as_str(&l->raw);

	while (rest.n)
		rest = str_from(rest, ledger_fact_tag(out, rest, l->key, tag));
}

/* Room for what must be noted when the disk is full. */
static void keep_room(struct ledger *l)
{
	if (l->room - l->size >= LEDGER_ROOM / 2)
		return;
	if (fallocate(l->fd, FALLOC_FL_KEEP_SIZE, l->size, LEDGER_ROOM) == 0)
		l->room = l->size + LEDGER_ROOM;
}

static int write_at(int fd, struct str bytes, off_t at)
{
	while (bytes.n) {
		ssize_t k = pwrite(fd, bytes.p, bytes.n, at);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return disk_error();
		bytes = str_from(bytes, (size_t)k);
		at += k;
	}
	return fdatasync(fd) == 0 ? 0 : disk_error();
}

static bool paths_of(const struct ledger *l, char path[PATH_MAX], char temp[PATH_MAX])
{
	int n = snprintf(path, PATH_MAX, "%s/ledger", l->dir), k = snprintf(temp, PATH_MAX, "%s/ledger.new", l->dir);

	return n > 0 && n < PATH_MAX && k > 0 && k < PATH_MAX;
}

/* A new file with what the map holds, in `out` first. */
static int make_file(struct ledger *l, const char *temp, struct buf *out, unsigned char tag[LEDGER_TAG], int *fd)
{
	uint64_t place;

	if (unlink(temp) != 0 && errno != ENOENT)
		return disk_error();
	*fd = open(temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0)
		return disk_error();
	if (ledger_place(*fd, &place))
		return E_IO;
	ledger_head_pack(out, place, buf_as_str(&l->wrapped), l->key, tag);
	tag_raw(l, out, tag);
	return out->over || l->raw.over ? E_LIMIT : write_at(*fd, buf_as_str(out), 0);
}

/* The file anew, with what the map holds alone. */
static int rewrite(struct ledger *l)
{
	char path[PATH_MAX], temp[PATH_MAX];
	unsigned char tag[LEDGER_TAG];
	struct buf out;
	int fd = -1, err;

	if (!paths_of(l, path, temp))
		return E_LIMIT;
	pthread_mutex_lock(&l->lock);
	uint64_t seq = collect_all(l);
	pthread_mutex_unlock(&l->lock);
	buf_init(&out, LEDGER_BYTES_MAX);
	err = make_file(l, temp, &out, tag, &fd);
	if (!err && rename(temp, path) != 0)
		err = disk_error();
	if (!err && file_sync_dir(l->dir) != 0)
		err = disk_error();
	if (err) {
		if (fd >= 0)
			close(fd);
		unlink(temp);
	} else {
		if (l->fd >= 0)
			close(l->fd);
		l->fd = fd;
		l->size = l->room = (off_t)out.n;
		l->out_seq = seq;
		l->suspect = false;
		memcpy(l->tag, tag, LEDGER_TAG);
		buf_reset(&l->out);
		keep_room(l);
		pthread_mutex_lock(&l->lock);
		while (l->dirty && l->dirty->seq <= seq)
			unmark(l, l->dirty);
		pthread_mutex_unlock(&l->lock);
	}
	l->anew = l->size + WORTH_REWRITING;
	buf_fini(&out);
	buf_reset(&l->raw);
	buf_shrink(&l->raw, BUFFER);
	return err;
}

/* One attempt to bring everything to the disk. */
static int attempt(struct ledger *l)
{
	pthread_mutex_lock(&l->lock);
	bool worth = (uint64_t)l->size > 2 * (uint64_t)l->live && l->size > l->anew;
	pthread_mutex_unlock(&l->lock);
	if (worth || l->suspect) {
		int err = rewrite(l);
		if (!err || l->suspect)
			return err;
	}
	pthread_mutex_lock(&l->lock);
	uint64_t seq = collect(l);
	pthread_mutex_unlock(&l->lock);
	/* What an attempt before could not write is still in front. */
	tag_raw(l, &l->out, l->tag);
	l->out_seq = seq;
	int err = l->out.over || l->raw.over ? E_LIMIT : write_at(l->fd, buf_as_str(&l->out), l->size);
	/* After a failed sync nobody knows what the kernel still has. */
	l->suspect = err == E_IO || err == E_LIMIT;
	if (err)
		return err;
	l->size += (off_t)l->out.n;
	buf_reset(&l->out);
	buf_shrink(&l->out, BUFFER);
	buf_reset(&l->raw);
	buf_shrink(&l->raw, BUFFER);
	keep_room(l);
	return 0;
}

/* Under the lock. */
static void tell(struct ledger *l)
{
	struct ledger_wait **at = &l->waits;

	while (*at) {
		struct ledger_wait *w = *at;
		if (w->seq > l->written && !l->err) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		w->err = w->seq > l->written ? l->err : 0;
		loop_post(w->loop, &w->task, w->task.fn);
	}
	pthread_cond_broadcast(&l->idle);
}

static void *run(void *arg)
{
	struct ledger *l = arg;

	pthread_mutex_lock(&l->lock);
	for (;;) {
		while (!l->stop && (l->seq == l->written || (l->err && !l->again)))
			pthread_cond_wait(&l->wake, &l->lock);
		if (l->seq == l->written)
			break;
		l->again = false;
		pthread_mutex_unlock(&l->lock);
		int err = attempt(l);
		pthread_mutex_lock(&l->lock);
		l->err = err;
		if (!err)
			l->written = l->out_seq;
		tell(l);
		if (l->stop && err)
			break;
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

void ledger_tick(struct ledger *l)
{
	CHECK(l, LEDGER);
	pthread_mutex_lock(&l->lock);
	if (l->err) {
		l->again = true;
		pthread_cond_signal(&l->wake);
	}
	pthread_mutex_unlock(&l->lock);
}

int ledger_sync(struct ledger *l)
{
	CHECK(l, LEDGER);
	pthread_mutex_lock(&l->lock);
	uint64_t seq = l->seq;
	if (l->err) {
		l->err = 0;
		l->again = true;
		pthread_cond_signal(&l->wake);
	}
	while (l->written < seq && !l->err)
		pthread_cond_wait(&l->idle, &l->lock);
	int err = l->written < seq ? l->err : 0;
	pthread_mutex_unlock(&l->lock);
	return err;
}

static void waited(struct loop *loop, struct loop_task *t)
{
	struct ledger_wait *w = CONTAINER_OF(t, struct ledger_wait, task);

	(void)loop;
	w->done(w);
}

void ledger_after(struct ledger *l, struct ledger_wait *w, struct loop *loop, void (*done)(struct ledger_wait *w))
{
	CHECK(l, LEDGER);
	*w = (struct ledger_wait){ .task.fn = waited, .loop = loop, .done = done };
	pthread_mutex_lock(&l->lock);
	w->seq = l->seq;
	w->next = l->waits;
	l->waits = w;
	if (l->written >= w->seq || l->err)
		tell(l);
	pthread_mutex_unlock(&l->lock);
}

/* --- opening ------------------------------------------------------------------------------------------------------- */

static int make_key(struct ledger *l, struct keystore *ks, struct rnd *rnd, struct why *why)
{
	rnd_bytes(rnd, l->key, LEDGER_SECRET);
	if (keystore_wrap(ks, l->key, &l->wrapped)) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the ledger's key cannot be made");
		return E_CRYPTO;
	}
	return 0;
}

/* Records up to the first that does not verify; how many bytes are good. */
static size_t read_facts(struct ledger *l, struct str image, size_t at)
{
	struct ledger_fact f;
	size_t n;

	while ((n = ledger_fact_read(str_from(image, at), l->key, l->tag, &f)) > 0) {
		if (f.seq <= l->seq || (f.kind == LEDGER_HEAD && f.key.n != HASH))
			break;
		at += n;
		put(l, f.kind, f.key, f.seq, f.value);
		l->seq = f.seq;
	}
	return at;
}

static int read_file(struct ledger *l, struct keystore *ks, struct str image, struct why *why)
{
	struct str wrapped;
	uint64_t place, here;
	size_t at;
	int err = ledger_head_read(image, &wrapped, &place, &at, why);

	if (err)
		return err;
	if (keystore_unwrap(ks, wrapped, l->key) != 0 || !ledger_head_check(image, at, l->key, l->tag)) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the file ledger does not verify with this key-encryption key: put the right "
		                                        "kek back, or remove the file (then every device is suspended until "
		                                        "trothctl restore --accept-rollback)");
		return E_CORRUPT;
	}
	buf_str(&l->wrapped, wrapped);
	err = ledger_place(l->fd, &here);
	if (err)
		return err;
	l->found = here == place ? LEDGER_SAME : LEDGER_COPIED;
	l->size = l->room = (off_t)read_facts(l, image, at);
	/* A copy gets a place of its own, and says for good what it was; a torn end goes away. */
	l->suspect = l->found == LEDGER_COPIED;
	if (l->suspect)
		put(l, LEDGER_HELD, STR_NONE, ++l->seq, HOLD_COPIED);
	if (!l->suspect && l->size < (off_t)image.n && (ftruncate(l->fd, l->size) != 0 || fsync(l->fd) != 0))
		return E_IO;
	return 0;
}

static int load(struct ledger *l, struct keystore *ks, struct rnd *rnd, struct why *why)
{
	struct buf image;
	int err;

	if (!file_exists(l->dir, "ledger")) {
		l->found = LEDGER_NEW;
		err = make_key(l, ks, rnd, why);
		return err ? err : rewrite(l);
	}
	buf_init(&image, LEDGER_BYTES_MAX);
	err = file_open_at(l->dir, "ledger", O_RDWR, &l->fd, why);
	if (!err)
		err = file_read(l->fd, "ledger", &image, why);
	if (!err)
		err = read_file(l, ks, buf_as_str(&image), why);
	if (!err && l->suspect)
		err = rewrite(l);
	if (!err)
		l->written = l->seq;
	buf_fini(&image);
	return err;
}

static void start(struct ledger *l)
{
	sigset_t all, before;

	keep_room(l);
	l->anew = l->size + WORTH_REWRITING;
	/* Signals are for the loops. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	l->running = pthread_create(&l->thread, NULL, run, l) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	REQUIRE(l->running);
}

int ledger_open(const char *dir, struct keystore *ks, struct rnd *rnd, struct ledger **out, struct why *why)
{
	struct ledger *l = calloc(1, sizeof(*l));
	uint64_t seed[2] = { rnd_u64(rnd), rnd_u64(rnd) };
	int err = 0;

	REQUIRE(l != NULL);
	l->magic = LEDGER_MAGIC;
	l->found = LEDGER_VOLATILE;
	l->fd = -1;
	REQUIRE(pthread_mutex_init(&l->lock, NULL) == 0);
	REQUIRE(pthread_cond_init(&l->wake, NULL) == 0);
	REQUIRE(pthread_cond_init(&l->idle, NULL) == 0);
	strmap_init(&l->map, seed);
	buf_init(&l->raw, LEDGER_BYTES_MAX);
	buf_init(&l->out, LEDGER_BYTES_MAX);
	buf_init(&l->wrapped, LEDGER_WRAPPED_MAX);
	if (dir) {
		l->dir = strdup(dir);
		l->key = secret_new(LEDGER_SECRET);
		REQUIRE(l->dir && l->key);
		err = load(l, ks, rnd, why);
		if (err && why->text[0] == 0)
			why_set(why, RSC_INTERNAL_SERVER_ERROR, "the file ledger cannot be written: %s", err_text(err));
	}
	if (err) {
		ledger_close(l);
		return err;
	}
	if (dir)
		start(l);
	*out = l;
	return 0;
}

void ledger_close(struct ledger *l)
{
	struct entry *e;
	size_t at = 0;

	if (l == NULL)
		return;
	CHECK(l, LEDGER);
	if (l->running) {
		pthread_mutex_lock(&l->lock);
		l->stop = true;
		pthread_cond_signal(&l->wake);
		pthread_mutex_unlock(&l->lock);
		pthread_join(l->thread, NULL);
	}
	REQUIRE(l->waits == NULL);
	if (l->fd >= 0)
		close(l->fd);
	while ((e = strmap_next(&l->map, &at)) != NULL)
		free(e);
	strmap_fini(&l->map);
	buf_fini(&l->raw);
	buf_fini(&l->out);
	buf_fini(&l->wrapped);
	secret_free(l->key);
	free(l->dir);
	pthread_cond_destroy(&l->wake);
	pthread_cond_destroy(&l->idle);
	pthread_mutex_destroy(&l->lock);
	l->magic = 0;
	free(l);
}
