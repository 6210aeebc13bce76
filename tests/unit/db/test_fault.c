/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that fails at each of its operations in turn: what was acknowledged is kept, what failed left no trace. */
#include "db/store.h"

#include <sys/mman.h>
#include <sys/wait.h>

#include "db/writer_priv.h"
#include "tests/fault/vfs_shim.h"
#include "tests/unit/db/model.h"

enum { OPS = 60, GROUP = 3, SYNC_EXIT = 74 };

enum outcome { UNKNOWN, KEPT, REFUSED };

struct shared {
	int outcome[OPS];
	int issued;
	unsigned count, refused;
	bool readonly_seen, recovered;
};

struct play {
	struct fix f;
	struct model m;
};

/* A refused operation changed nothing but took its random numbers. */
static void take_back(struct model *m, const struct model *before)
{
	uint64_t rng = m->rng, serial = m->serial;
	int64_t now = m->now;

	*m = *before;
	m->rng = rng;
	m->serial = serial;
	m->now = now;
}

static void step_model(struct model *m, struct tx *tx)
{
	m_step(m, tx);
}

static void same(struct play *p, const char *when)
{
	char why[200];

	ck_assert_msg(m_same(&p->f, &p->m, why), "%s: %s", when, why);
}

/* A few operations, all judged before any of them can fail, then written at once.  How many were refused. */
static int group(struct play *p, struct shared *sh, int op)
{
	struct commit c[GROUP];
	struct arena a[GROUP];
	struct model before[GROUP];
	int waits[GROUP], refused = 0, n = GROUP;
	bool kept = false;

	for (int i = 0; i < n; i++) {
		arena_init(&a[i], 4096);
		before[i] = p->m;
		p->m.now += 1000;
		clock_advance_us(p->f.clock, 1000);
		sh->issued = op + i + 1;
		struct tx *tx = store_begin(p->f.s, &a[i], TX_WRITE);
		step_model(&p->m, tx);
		c[i] = (struct commit){ .done = fix_done };
		waits[i] = store_commit(tx, &c[i]);
	}
	for (int i = 0; i < n; i++)
		if (waits[i])
			store_ready(p->f.s, &c[i]);
	store_flush(p->f.s);
	for (int i = n - 1; i >= 0; i--) {
		bool bad = waits[i] && c[i].err;
		if (bad)
			take_back(&p->m, &before[i]);
		/* What comes behind something lost is lost with it. */
		ck_assert(!bad || !kept);
		kept |= waits[i] && !bad;
		refused += bad;
		sh->outcome[op + i] = bad ? REFUSED : KEPT;
		arena_fini(&a[i]);
	}
	return refused;
}

static void script(struct play *p, struct shared *sh, unsigned fail_at, enum shim_error e, bool lasting)
{
	shim_fail(fail_at, e, lasting);
	for (int op = 0; op < OPS; op += GROUP) {
		int refused = group(p, sh, op);
		sh->refused += (unsigned)refused;
		same(p, "behind a group");
		if (store_is_readonly(p->f.s)) {
			sh->readonly_seen = true;
			/* The disk heals; nobody else does anything about it. */
			shim_fail(0, e, false);
			while (store_is_readonly(p->f.s))
				sched_yield();
			sh->recovered = true;
		}
	}
	sh->count = shim_count();
	store_close(p->f.s);
	shim_fail(0, e, false);
	fix_open(&p->f);
	same(p, "opened again");
	struct why why = { 0 };
	ck_assert_msg(store_check(p->f.s, NULL, &why) == 0, "%s", why.text);
}

static void start(struct play *p)
{
	shim_install();
	fix_init(&p->f, true);
	m_init(&p->m, 4242);
	p->f.s->writer->journal.snap.min_garbage = 40;
	p->f.s->writer->journal.join_rows = 5;
	/* Something is there already. */
	for (int i = 0; i < 40; i++) {
		p->m.now += 1000;
		clock_advance_us(p->f.clock, 1000);
		fix_write(&p->f);
		step_model(&p->m, p->f.tx);
		ck_assert_int_ge(fix_commit(&p->f), 0);
	}
}

/* Where the child ended in the middle, its folder must hold all that was kept, and the last group or a part of it. */
static void after_exit(struct play *p, const struct shared *sh)
{
	char why[200];
	int op = 0;

	for (; op < OPS && sh->outcome[op] != UNKNOWN; op++) {
		struct model before = p->m;
		p->m.now += 1000;
		step_model(&p->m, NULL);
		if (sh->outcome[op] == REFUSED)
			take_back(&p->m, &before);
	}
	fix_open(&p->f);
	for (;;) {
		if (m_same(&p->f, &p->m, why))
			break;
		ck_assert_msg(op < sh->issued, "no state between operation %d and %d: %s", op, sh->issued, why);
		p->m.now += 1000;
		step_model(&p->m, NULL);
		op++;
	}
}

/* Runs the script in a process of its own; the number of operations on the disk. */
static unsigned run(unsigned fail_at, enum shim_error e, bool lasting, unsigned *exits)
{
	struct shared *sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct play *p = calloc(1, sizeof(*p));
	int status = 0;
	unsigned count;

	start(p);
	store_close(p->f.s);
	pid_t pid = fork();
	if (pid == 0) {
		fix_open(&p->f);
		p->f.s->writer->journal.snap.min_garbage = 40;
		p->f.s->writer->journal.join_rows = 5;
		m_learn_ids(&p->f, &p->m);
		script(p, sh, fail_at, e, lasting);
		store_close(p->f.s);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ck_assert_msg(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == SYNC_EXIT),
	              "operation %u, error %d: status %x", fail_at, e, (unsigned)status);
	if (WEXITSTATUS(status) == SYNC_EXIT) {
		++*exits;
		after_exit(p, sh);
	} else {
		ck_assert(!sh->readonly_seen || sh->recovered);
		fix_open(&p->f);
	}
	count = sh->count;
	fix_fini(&p->f);
	free(p);
	munmap(sh, sizeof(*sh));
	return count;
}

static void every(enum shim_error e, bool lasting, unsigned each)
{
	unsigned exits = 0, total = run(0, e, false, &exits);
	const char *step = getenv("TROTH_FAULT_STEP");

	ck_assert_uint_gt(total, 100);
	for (unsigned n = 1; n <= total; n += step ? (unsigned)strtoul(step, NULL, 10) : each)
		run(n, e, lasting, &exits);
	/* Syncs were among them. */
	ck_assert(step || exits > 0);
}

START_TEST(test_once)
{
	every(_i ? SHIM_EIO : SHIM_ENOSPC, false, 1);
}
END_TEST

START_TEST(test_lasting)
{
	every(_i ? SHIM_EIO : SHIM_ENOSPC, true, 3);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fault");
	TCase *t = tcase_create("every operation");

	tcase_set_timeout(t, 3600);
	tcase_add_loop_test(t, test_once, 0, 2);
	tcase_add_loop_test(t, test_lasting, 0, 2);
	suite_add_tcase(s, t);

	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
