/* SPDX-License-Identifier: Apache-2.0 */
/* Random operations on the store and on plain arrays: always the same, also after a restart or a kill. */
#include "db/store.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "db/writer_priv.h"
#include "tests/unit/db/model.h"

enum { DEPTH = 24 };

struct slot {
	struct commit c; /* first */
	struct arena a;
	_Atomic int done; /* 0: free, 1: on its way */
	uint64_t op;
	_Atomic uint64_t *acked;
};

static void acked(struct commit *c, int err)
{
	struct slot *s = (struct slot *)(void *)c;

	/* In order: the writer answers in order. */
	if (!err && s->acked)
		atomic_store(s->acked, s->op);
	ck_assert_int_eq(err, 0);
	atomic_store(&s->done, 0);
}

struct play {
	struct fix f;
	struct model *m;
	struct slot slot[DEPTH];
	struct slot *held; /* committed, not ready yet */
	uint64_t op;
	_Atomic uint64_t *issued, *acked;
};

static void play_init(struct play *p, bool disk, uint64_t seed)
{
	memset(p, 0, sizeof(*p));
	p->m = malloc(sizeof(*p->m));
	m_init(p->m, seed);
	fix_init(&p->f, disk);
	for (unsigned i = 0; i < DEPTH; i++)
		arena_init(&p->slot[i].a, 4096);
}

static void play_fini(struct play *p)
{
	for (unsigned i = 0; i < DEPTH; i++)
		arena_fini(&p->slot[i].a);
	free(p->m);
	fix_fini(&p->f);
}

static void settle(struct play *p)
{
	if (p->held)
		store_ready(p->f.s, &p->held->c);
	p->held = NULL;
	store_flush(p->f.s);
}

static struct slot *free_slot(struct play *p)
{
	for (unsigned i = 0; i < DEPTH; i++)
		if (!atomic_load(&p->slot[i].done))
			return &p->slot[i];
	settle(p);
	return &p->slot[0];
}

/* One operation, not waited for unless it must be. */
static void step(struct play *p)
{
	struct slot *s = free_slot(p);
	struct model *m = p->m;
	bool wait;

	m->now += 1000 * (int64_t)m_rnd(m, 3);
	clock_advance_us(p->f.clock, m->now - clock_wall_us(p->f.clock));
	s->op = ++p->op;
	s->acked = p->acked;
	if (p->issued)
		atomic_store(p->issued, p->op);
	arena_reset(&s->a);
	struct tx *tx = store_begin(p->f.s, &s->a, TX_WRITE);
	wait = m_step(m, tx);
	s->c = (struct commit){ .done = acked };
	atomic_store(&s->done, 1);
	if (store_commit(tx, &s->c)) {
		/* Every now and then one is late, and holds back those behind. */
		if (p->held)
			store_ready(p->f.s, &p->held->c);
		p->held = NULL;
		if (p->op % 3 == 0)
			p->held = s;
		else
			store_ready(p->f.s, &s->c);
	} else {
		settle(p);
		atomic_store(&s->done, 0);
		if (p->acked)
			atomic_store(p->acked, p->op);
	}
	if (wait)
		settle(p);
}

static void check_same(struct play *p)
{
	char why[200];

	settle(p);
	ck_assert_msg(m_same(&p->f, p->m, why), "after %u operations: %s", (unsigned)p->op, why);
}

static void run(bool disk, uint64_t seed, unsigned ops, unsigned reopen_every)
{
	struct play p;

	play_init(&p, disk, seed);
	p.f.s->writer->journal.snap.min_garbage = 300;
	for (unsigned i = 1; i <= ops; i++) {
		step(&p);
		if (i % 97 == 0)
			check_same(&p);
		if (reopen_every && i % reopen_every == 0) {
			settle(&p);
			fix_reopen(&p.f);
			p.f.s->writer->journal.snap.min_garbage = 300;
			check_same(&p);
		}
	}
	check_same(&p);
	struct why why = { 0 };
	ck_assert_msg(store_check(p.f.s, NULL, &why) == 0, "%s", why.text);
	play_fini(&p);
}

START_TEST(test_memory)
{
	run(false, (uint64_t)_i + 1, 4000, 0);
}
END_TEST

START_TEST(test_reopened)
{
	run(true, (uint64_t)_i + 100, 3000, 331);
}
END_TEST

/* --- kills -------------------------------------------------------------------------------------------------------- */

struct shared {
	_Atomic uint64_t issued, acked, sum;
};

/* The child plays on from p's state until it is killed. */
static void child(struct play *p, struct shared *sh)
{
	fix_open(&p->f);
	p->f.s->writer->journal.snap.min_garbage = 200;
	p->f.s->writer->journal.join_rows = 20;
	m_learn_ids(&p->f, p->m);
	p->issued = &sh->issued;
	p->acked = &sh->acked;
	for (;;)
		step(p);
}

/* What the store holds must be the model after some number of operations, of which none that was acknowledged is missing. */
static void recover(struct play *p, const struct shared *sh)
{
	char why[200] = "";
	uint64_t from = atomic_load(&sh->acked), to = atomic_load(&sh->issued);

	while (p->op < from) {
		p->m->now += 1000 * (int64_t)m_rnd(p->m, 3);
		m_step(p->m, NULL);
		p->op++;
	}
	for (;;) {
		if (m_same(&p->f, p->m, why))
			break;
		ck_assert_msg(p->op < to, "no state between operation %u and %u: %s", (unsigned)from, (unsigned)to, why);
		p->m->now += 1000 * (int64_t)m_rnd(p->m, 3);
		m_step(p->m, NULL);
		p->op++;
	}
	/* A commit knew the clock of an operation behind it. */
	if (store_last_seen(p->f.s) > p->m->now)
		p->m->now = store_last_seen(p->f.s);
}

START_TEST(test_killed)
{
	const char *kills = getenv("TROTH_KILLS");
	unsigned n = kills ? (unsigned)strtoul(kills, NULL, 10) : 25;
	struct shared *sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct play p;

	play_init(&p, true, 77);
	store_close(p.f.s);
	for (unsigned i = 0; i < n; i++) {
		uint64_t want = p.op + (uint64_t)(rnd_u64(p.f.rnd) % 400);
		atomic_store(&sh->issued, p.op);
		atomic_store(&sh->acked, p.op);
		pid_t pid = fork();
		if (pid == 0)
			child(&p, sh);
		/* Killed at a random moment behind a random operation. */
		while (atomic_load(&sh->acked) < want && waitpid(pid, NULL, WNOHANG) == 0)
			sched_yield();
		for (uint64_t spin = rnd_u64(p.f.rnd) % 200000; spin; spin--)
			atomic_fetch_add(&sh->sum, spin);
		kill(pid, SIGKILL);
		int status = 0;
		waitpid(pid, &status, 0);
		ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the child ended by itself: %d", status);
		fix_open(&p.f);
		recover(&p, sh);
		store_close(p.f.s);
	}
	fix_open(&p.f);
	struct why why = { 0 };
	ck_assert_msg(store_check(p.f.s, NULL, &why) == 0, "%s", why.text);
	play_fini(&p);
	munmap(sh, sizeof(*sh));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model");
	TCase *t = tcase_create("model");

	tcase_set_timeout(t, 3600);
	tcase_add_loop_test(t, test_memory, 0, 8);
	tcase_add_loop_test(t, test_reopened, 0, 4);
	tcase_add_test(t, test_killed);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
