/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications as messages: m2m:sgn, batches as m2m:agn, one message per target.  TS-0004 6.3.5.12, 6.3.5.13, 7.5.1.2.2. */
#include "cse/core/notify_priv.h"

#include <stdlib.h>

#include "cse/base/stat.h"

/* --- the content ----------------------------------------------------------------------------------------------------- */

/* m2m:notification of one item; the values are borrowed. */
struct frame {
	struct obj sgn, nev, rep, om;
	struct member m_sgn[4], m_nev[3], m_rep[1], m_om[2];
};

static void add(struct obj *o, const struct attr *at, struct val v)
{
	REQUIRE(at && o->n < o->cap);
	o->m[o->n++] = (struct member){ at, v };
}

static void frame_init(struct frame *f)
{
	f->sgn = (struct obj){ .cap = ARRAY_LEN(f->m_sgn), .m = f->m_sgn };
	f->nev = (struct obj){ .cap = ARRAY_LEN(f->m_nev), .m = f->m_nev };
	f->rep = (struct obj){ .cap = ARRAY_LEN(f->m_rep), .m = f->m_rep };
	f->om = (struct obj){ .cap = ARRAY_LEN(f->m_om), .m = f->m_om };
}

static void frame_event(struct frame *f, const struct fact *fact, const struct notify_attrs *at)
{
	if (fact->rep) {
		add(&f->rep, fact->rep->root, fact->rep->v);
		add(&f->nev, at->rep, val_obj(&f->rep));
	}
	if (fact->monitor) {
		add(&f->om, at->op, val_enum(fact->op));
		add(&f->om, at->or, val_str(K_ID, str_of(fact->originator)));
		add(&f->nev, at->om, val_obj(&f->om));
	}
	if (fact->net)
		add(&f->nev, at->net, val_enum(fact->net));
	add(&f->sgn, at->nev, val_obj(&f->nev));
}

static void frame_fill(struct frame *f, const struct nsub *s, const struct fact *fact)
{
	const struct notify_attrs *at = &s->lane->n->at;

	frame_init(f);
	frame_event(f, fact, at);
	add(&f->sgn, at->sur, val_str(K_URI, str_of(s->sur)));
	if (s->p.creator.n)
		add(&f->sgn, at->cr, val_str(K_ID, s->p.creator));
	if (s->p.forward.n)
		add(&f->sgn, at->nfu, val_str(K_URI, s->p.forward));
}

/* --- on its way ------------------------------------------------------------------------------------------------------ */

struct message {
	struct out_msg out;
	struct shot *shot;
	bool done;
};

/* Items that go together, to all targets. */
#define SHOT_MAGIC 0x73686f74u
struct shot {
	uint32_t magic;
	struct nsub *sub;
	struct shot *next, **prev;
	const struct res *res;      /* texts of the policy lie in it */
	struct item *items;
	struct frame *frames;
	struct val *list;           /* of a batch */
	struct obj agn;
	struct member m_agn[1];
	size_t n, left;             /* messages; those that are not done */
	bool delivered;             /* at least one target took it */
	struct message msg[];
};

static void shot_free(struct shot *sh, bool leave)
{
	struct nsub *s = sh->sub;

	for (struct item *it = sh->items, *next; it; it = next) {
		next = it->next;
		if (leave)
			it->stored = false;
		item_done(s, it);
	}
	*sh->prev = sh->next;
	if (sh->next)
		sh->next->prev = sh->prev;
	s->n_shots--;
	res_unref(sh->res);
	free(sh->frames);
	free(sh->list);
	sh->magic = 0;
	free(sh);
}

/* TS-0004 7.5.1.2.2, step 5: the counter falls by one with a notification that arrived, whatever the number of targets. */
static void count_down(struct nsub *s)
{
	if (!s->p.counted || s->left == 0)
		return;
	s->left--;
	s->taken++;
	if (s->left == 0)
		notify_own_end(s);
	else
		notify_own_touch(s);
}

static void arrived(struct shot *sh, const struct out_msg *m)
{
	struct nsub *s = sh->sub;

	for (size_t i = 0; s->p.stats && i < s->p.n_targets; i++) {
		if (!str_eq(s->p.target[i].to, m->target))
			continue;
		s->p.target[i].answered++;
		notify_own_touch(s);
	}
}

/* Half of what one subscriber may have on its way has been done with: its subscriptions go on. */
static void landed(struct nsub *s)
{
	struct holder *h = s->holder;

	h->flying--;
	if (!h->full || h->flying > s->lane->n->max_held / 2)
		return;
	h->full = false;
	for (struct nsub *kin = h->subs; kin; kin = kin->kin)
		if (kin != s)
			notify_policy_run(kin);
}

static void done(struct out_msg *out, const struct out_result *r)
{
	struct message *m = CONTAINER_OF(out, struct message, out);
	struct shot *sh = m->shot;
	struct nsub *s = sh->sub;

	CHECK(sh, SHOT);
	m->done = true;
	landed(s);
	if (r->err == 0)
		arrived(sh, out);
	if (r->err == 0 && rsc_is_ok(r->rsc)) {
		sh->delivered = true;
		stat_add(s->lane->stats, STAT_NTF_TAKEN, 1);
	}
	if (--sh->left)
		return;
	if (sh->delivered)
		count_down(s);
	shot_free(sh, false);
	if (!s->gone)
		notify_policy_run(s);
	else if (!s->shots)
		notify_left(s);
}

static struct shot *shot_new(struct nsub *s, struct item *first, size_t n, bool batch)
{
	struct shot *sh = calloc(1, sizeof(*sh) + s->p.n_targets * sizeof(sh->msg[0]));
	size_t i = 0;

	REQUIRE(sh);
	sh->magic = SHOT_MAGIC;
	sh->sub = s;
	sh->res = res_ref(s->res);
	sh->items = first;
	sh->n = sh->left = s->p.n_targets;
	sh->frames = calloc(n, sizeof(*sh->frames));
	sh->list = batch ? calloc(n, sizeof(*sh->list)) : NULL;
	REQUIRE(sh->frames && (sh->list || !batch));
	for (struct item *it = first; it; it = it->next, i++) {
		frame_fill(&sh->frames[i], s, it->fact);
		if (batch)
			sh->list[i] = val_obj(&sh->frames[i].sgn);
	}
	sh->agn = (struct obj){ .cap = 1, .m = sh->m_agn };
	if (batch)
		add(&sh->agn, s->lane->n->at.list, (struct val){ .kind = K_LIST, .list = { sh->list, n } });
	sh->next = s->shots;
	sh->prev = &s->shots;
	if (sh->next)
		sh->next->prev = &sh->next;
	s->shots = sh;
	s->n_shots++;
	return sh;
}

static bool is_wanted(uint64_t targets, size_t i)
{
	return i >= 64 || (targets >> i & 1);
}

/* Those that cannot be reached now have nothing to wait for: notify_policy.c keeps the whole when they must be waited for. */
static void leave_out(struct shot *sh, uint64_t targets)
{
	for (size_t i = 0; i < sh->n; i++)
		if (!is_wanted(targets, i)) {
			sh->msg[i].done = true;
			sh->left--;
		}
}

void notify_send(struct nsub *s, struct item *first, size_t n, bool batch, uint16_t ec, uint64_t targets)
{
	struct notify *no = s->lane->n;
	struct shot *sh = shot_new(s, first, n, batch);
	bool ordered = s->p.batch || s->p.pending != PENDING_NONE;
	size_t bytes = OUT_MSG_BYTES / 2;

	for (const struct item *it = first; it; it = it->next)
		bytes += it->fact->size;
	leave_out(sh, targets);
	if (sh->left == 0) {
		shot_free(sh, false);
		return;
	}
	for (size_t i = 0; i < sh->n; i++) {
		struct message *m = &sh->msg[i];

		if (m->done)
			continue;
		m->shot = sh;
		m->out = (struct out_msg){ .magic = OUT_MSG_MAGIC, .target = s->p.target[i].to, .creator = s->p.owner,
			.root = batch ? no->agn : no->sgn, .pc = val_obj(batch ? &sh->agn : &sh->frames[0].sgn), .ec = ec,
			.order = ordered ? s->rid : 0, .feeder = s->rid, .bytes = bytes, .done = done };
		if (s->p.stats)
			s->p.target[i].sent++;
		s->holder->flying++;
		stat_add(s->lane->stats, STAT_NTF_MADE, 1);
		out_send(no->gate->out, s->lane->loop, &m->out);
	}
	if (s->p.stats)
		notify_own_touch(s);
}

static void cancel(struct nsub *s, bool leave)
{
	for (struct shot *sh; (sh = s->shots);) {
		for (size_t i = 0; i < sh->n; i++)
			if (!sh->msg[i].done) {
				out_cancel(s->lane->n->gate->out, &sh->msg[i].out);
				s->holder->flying--;
			}
		shot_free(sh, leave);
	}
}

void notify_send_cancel(struct nsub *s)
{
	cancel(s, false);
}

void notify_send_leave(struct nsub *s)
{
	cancel(s, true);
}

/* --- the last notice ------------------------------------------------------------------------------------------------- */

/* Nobody is left whose they were: they are tried for so long, and as many at a time as one subscriber may have. */
#define NOTICE_NS (INT64_C(3600) * 1000000000)

struct notice {
	struct out_msg out;
	struct nlane *lane;
	struct notice *next, **prev;
	const struct res *res;
	uint32_t sub;
	bool kept;
	struct obj sgn;
	struct member m[3];
	char sur[];
};

static void notice_free(struct notice *e)
{
	*e->prev = e->next;
	if (e->next)
		e->next->prev = e->prev;
	e->lane->n_notices--;
	res_unref(e->res);
	free(e);
}

static void noticed(struct out_msg *m, const struct out_result *r)
{
	struct notice *e = CONTAINER_OF(m, struct notice, out);

	(void)r;
	if (e->kept)
		notify_store_end(e->lane, e->sub);
	notice_free(e);
}

void notify_send_end(struct nsub *s, struct str to, bool kept)
{
	struct nlane *l = s->lane;
	struct notify *n = l->n;
	struct str sur = str_of(s->sur);
	struct notice *e;

	if (l->n_notices >= n->max_held) {
		atomic_fetch_add_explicit(&n->dropped, 1, memory_order_relaxed);
		if (kept)
			notify_store_end(l, s->rid);
		return;
	}
	e = calloc(1, sizeof(*e) + sur.n);
	REQUIRE(e);
	e->lane = l;
	l->n_notices++;
	e->res = res_ref(s->res);
	e->sub = s->rid;
	e->kept = kept;
	memcpy(e->sur, sur.p, sur.n);
	e->sgn = (struct obj){ .cap = ARRAY_LEN(e->m), .m = e->m };
	add(&e->sgn, n->at.sud, val_bool(true));
	add(&e->sgn, n->at.sur, val_str(K_URI, str_make(e->sur, sur.n)));
	if (s->p.creator.n)
		add(&e->sgn, n->at.cr, val_str(K_ID, s->p.creator));
	e->out = (struct out_msg){ .magic = OUT_MSG_MAGIC, .target = to, .creator = s->p.owner, .root = n->sgn,
		.pc = val_obj(&e->sgn), .done = noticed, .deadline_ns = loop_now_ns(l->loop) + NOTICE_NS };
	e->next = l->notices;
	e->prev = &l->notices;
	if (e->next)
		e->next->prev = &e->next;
	l->notices = e;
	out_send(n->gate->out, l->loop, &e->out);
}

void notify_send_fini(struct nlane *l)
{
	while (l->notices) {
		out_cancel(l->n->gate->out, &l->notices->out);
		notice_free(l->notices);
	}
}
