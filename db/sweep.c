/* SPDX-License-Identifier: Apache-2.0 */
/* The sweeper: rows and memory of what is gone already, in slices, in the order of ids. */
#include "db/sweep_priv.h"

#include "cse/base/err.h"
#include "cse/base/stat.h"
#include "db/cache_priv.h"
#include "db/disk.h"
#include "db/job_priv.h"
#include "db/writer_priv.h"

enum { NODES_A_SLICE = 64, SIDES_A_SLICE = 256 };

void sweep_init(struct store *s)
{
	s->sweep.lists_end = &s->sweep.lists;
	s->sweep.trees_end = &s->sweep.trees;
	s->sweep.late_end = &s->sweep.late;
}

/* There is somebody to be told, or nobody ever will be. */
static void take_late(struct sweep *w)
{
	atomic_store_explicit(&w->late_state, LATE_NONE, memory_order_relaxed);
	if (!w->late)
		return;
	*w->trees_end = w->late;
	w->trees_end = w->late_end;
	w->late = NULL;
	w->late_end = &w->late;
}

void sweep_drop_insts(struct store *s, struct tnode *n)
{
	struct insts *in = n->in;

	if (!in)
		return;
	while (in->sides)
		side_free(s, in->sides);
	heap_del(&s->stale, &in->mia);
	if (in->latest)
		body_unref(in->latest);
	insts_free(in);
	n->in = NULL;
}

static void list_free(struct sweep_list *l)
{
	if (l->b)
		block_free(l->b);
	if (l->in)
		insts_free(l->in);
	mem_put(l);
}

void sweep_fini(struct store *s)
{
	struct sweep *w = &s->sweep;

	w->words = 0;
	take_late(w);
	while (w->trees || w->lists || w->first || w->run) {
		while (sweep_memory(s))
			continue;
		while (w->lists) {
			struct sweep_list *l = w->lists;
			w->lists = l->next;
			while (l->in && l->in->sides)
				side_free(s, l->in->sides);
			list_free(l);
		}
		w->lists_end = &w->lists;
		while (w->first) {
			struct sweep_chunk *c = w->first;
			w->first = c->next;
			mem_put(c);
		}
		mem_put(w->run);
		w->run = NULL;
	}
	mem_put(w->rids);
	mem_put(w->kept);
	*w = (struct sweep){ .first = NULL };
}

/* --- filling ------------------------------------------------------------------------------------------------------ */

void sweep_id(void *store, uint64_t id)
{
	struct sweep *w = &((struct store *)store)->sweep;

	if (!w->last || w->last->n == SWEEP_CHUNK) {
		struct sweep_chunk *c = mem_get(sizeof(*c));
		c->next = NULL;
		c->n = c->pos = c->mark = 0;
		c->batch = w->batch;
		*(w->last ? &w->last->next : &w->first) = c;
		w->last = c;
	}
	w->last->ids[w->last->n++] = id;
	atomic_fetch_add_explicit(&w->n_waiting, 1, memory_order_relaxed);
}

static struct sweep_list *add_list(struct sweep *w, uint64_t rows)
{
	struct sweep_list *l = mem_zget(sizeof(*l));

	l->batch = w->batch;
	l->left = rows;
	atomic_fetch_add_explicit(&w->n_waiting, rows, memory_order_relaxed);
	*w->lists_end = l;
	w->lists_end = &l->next;
	return l;
}

void sweep_block(void *store, struct block *b)
{
	struct sweep *w = &((struct store *)store)->sweep;

	struct sweep_list *l = add_list(w, b->n);

	l->b = b;
}

void sweep_tree(struct store *s, struct tnode *n)
{
	n->left = NULL;
	/* What went before waits still: this one may be what it lay in. */
	if (atomic_load_explicit(&s->sweep.late_state, memory_order_acquire) != LATE_NONE) {
		*s->sweep.late_end = n;
		s->sweep.late_end = &n->left;
		return;
	}
	*s->sweep.trees_end = n;
	s->sweep.trees_end = &n->left;
	atomic_store_explicit(&s->sweep.telling, true, memory_order_relaxed);
}

void sweep_add_late(struct store *s, struct tnode *n)
{
	n->left = NULL;
	atomic_store_explicit(&s->sweep.late_state, LATE_WAITS, memory_order_relaxed);
	*s->sweep.late_end = n;
	s->sweep.late_end = &n->left;
	s->sweep.n_kept_roots++;
}

static void drop_kept(struct sweep *w, uint32_t rid)
{
	if (w->n_kept == w->cap_kept) {
		w->cap_kept = w->cap_kept ? w->cap_kept * 2 : 64;
		w->kept = mem_resize(w->kept, w->cap_kept, sizeof(*w->kept));
	}
	w->kept[w->n_kept++] = rid;
}

void sweep_res(struct store *s, uint32_t rid)
{
	struct sweep *w = &s->sweep;

	if (w->n_rids == w->cap_rids) {
		w->cap_rids = w->cap_rids ? w->cap_rids * 2 : 64;
		w->rids = mem_resize(w->rids, w->cap_rids, sizeof(*w->rids));
	}
	w->rids[w->n_rids++] = rid;
	atomic_fetch_add_explicit(&w->n_waiting, 1, memory_order_relaxed);
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

static void give_list(struct store *s, struct tnode *n)
{
	struct insts *in = n->in;
	struct sweep_list *l;

	if (!in)
		return;
	s->n_insts -= in->cni_p;
	s->tree_bytes -= in->bytes;
	node_count(n, 0, -(int64_t)in->cni_p, -(int64_t)in->cbs_p);
	if (in->latest)
		body_unref(in->latest);
	in->latest = NULL;
	/* The node goes before its instances do: from here on they expire with nobody looking. */
	heap_del(&s->stale, &in->mia);
	in->node = NULL;
	l = add_list(&s->sweep, in->cni_d + 1); /* one for itself: an empty list waits too */
	l->in = in;
	l->rid = n->pub.rid;
	n->in = NULL;
}

/* What is left of a subscription that goes, for whoever is to be told; outside of the lock. */
struct last {
	struct gone gone;
	char *text;
};

static struct str put_text(char **at, struct str s)
{
	struct str out = str_make(*at, s.n);

	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return out;
}

static struct str ri_text(char **at, const struct tnode *n)
{
	char name[IDENT_MAX];

	if (n->given)
		return put_text(at, str_make(n->given->ri, n->given->n));
	return put_text(at, str_make(name, ident_node(name, n->pub.type, n->pub.rid)));
}

static size_t path_len(const struct tnode *n)
{
	size_t len = n->rn_n;

	while (n->pub.parent) {
		n = tnode_of(n->pub.parent);
		len += n->rn_n + 1u;
	}
	return len;
}

/* Those above are there: what was removed earlier is swept earlier. */
static struct str path_text(char **at, size_t len, const struct tnode *n)
{
	struct str out = str_make(*at, len);
	char *p = *at += len;

	for (;; n = tnode_of(n->pub.parent)) {
		p -= n->rn_n;
		memcpy(p, n->rn, n->rn_n);
		if (!n->pub.parent)
			return out;
		*--p = '/';
	}
}

static void keep_last(struct last *l, const struct tnode *n, bool alone)
{
	const struct tnode *p = tnode_of(n->pub.parent);
	size_t given = (p->given ? p->given->n : 0u) +
	               (p->pub.parent && tnode_of(p->pub.parent)->given ? tnode_of(p->pub.parent)->given->n : 0u);
	size_t way = path_len(n);
	char *at = mem_get(3 * IDENT_MAX + given + p->rn_n + way);

	l->text = at;
	l->gone = (struct gone){ .rid = n->pub.rid, .res = res_ref(n->dur), .alone = alone };
	l->gone.path = path_text(&at, way, n);
	l->gone.ri = ri_text(&at, n);
	if (alone)
		return;
	l->gone.parent = p->pub.rid;
	l->gone.parent_res = res_ref(p->dur);
	l->gone.parent_ri = ri_text(&at, p);
	l->gone.parent_pi = p->pub.parent ? ri_text(&at, tnode_of(p->pub.parent)) : STR("");
	l->gone.parent_rn = put_text(&at, str_make(p->rn, p->rn_n));
	l->gone.counters = (struct counters){ p->in ? p->in->cni_d : 0, p->in ? p->in->cbs_d : 0, p->st_d, p->lt_d };
}

static void tell(struct store *s, struct last *last, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		s->gone(s->gone_arg, &last[i].gone);
		res_unref(last[i].gone.res);
		if (last[i].gone.parent_res)
			res_unref(last[i].gone.parent_res);
		mem_put(last[i].text);
	}
}

void store_on_gone(struct store *s, gone_fn *fn, void *arg)
{
	enum sweep_late late = LATE_WAITS;

	tree_lock(s);
	s->gone = fn;
	s->gone_arg = arg;
	tree_unlock(s);
	if (!fn || !atomic_compare_exchange_strong(&s->sweep.late_state, &late, LATE_HEARD))
		return;
	atomic_store_explicit(&s->sweep.telling, true, memory_order_relaxed);
	writer_call(s->writer);
}

void store_gone_taken(struct store *s)
{
	struct sweep *w = &s->sweep;

	REQUIRE(w->words > 0);
	if (--w->words == 0 && !w->trees)
		atomic_store_explicit(&w->telling, false, memory_order_release);
}

static struct tnode *leaf_below(struct tnode *n)
{
	while (n->kids)
		n = n->kids;
	return n;
}

bool sweep_memory(struct store *s)
{
	struct sweep *w = &s->sweep;
	struct tnode *gone[NODES_A_SLICE];
	struct last last[NODES_A_SLICE];
	unsigned n = 0, n_last = 0;

	if (atomic_load_explicit(&w->late_state, memory_order_acquire) == LATE_HEARD)
		take_late(w);
	if (!w->trees || w->words)
		return false;
	tree_lock(s);
	while (w->trees && n < NODES_A_SLICE) {
		struct tnode *t = w->trees, *leaf = leaf_below(t);
		if (is_sub(leaf) && leaf->dur && s->gone)
			keep_last(&last[n_last++], leaf, leaf == t);
		if (leaf == t) {
			w->trees = t->left;
			if (!w->trees)
				w->trees_end = &w->trees;
			t->left = NULL;
			if (t->flags & N_KEPT)
				drop_kept(w, t->pub.rid);
		} else {
			node_unlink(s, leaf);
			sweep_res(s, leaf->pub.rid);
		}
		give_list(s, leaf);
		node_forget(s, leaf);
		gone[n++] = leaf;
	}
	tree_unlock(s);
	tell(s, last, n_last);
	while (n)
		node_release(gone[--n]);
	if (!w->trees && !w->words)
		atomic_store_explicit(&w->telling, false, memory_order_release);
	return true;
}

/* Side entries of instances that go. */
static void drop_sides(struct store *s, const uint64_t *ids, unsigned n)
{
	tree_lock(s);
	for (unsigned i = 0; i < n && s->side_id.n; i++) {
		struct side *sd = side_by_id(s, NULL, ids[i]);
		if (sd)
			side_free(s, sd);
	}
	tree_unlock(s);
}

static void drop_all_sides(struct store *s, struct insts *in)
{
	while (in->sides) {
		tree_lock(s);
		for (unsigned i = 0; i < SIDES_A_SLICE && in->sides; i++)
			side_free(s, in->sides);
		tree_unlock(s);
	}
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void sort_run(struct sweep_chunk *c)
{
	for (uint32_t i = 1; i < c->n; i++) {
		if (c->ids[i - 1] > c->ids[i]) {
			qsort(c->ids, c->n, sizeof(*c->ids), by_id);
			return;
		}
	}
}

/* Sorted runs are long, so that their rows lie together; the last one is taken short when nothing else is to do. */
static struct sweep_chunk *run_of(struct store *s, bool all)
{
	struct sweep *w = &s->sweep;
	struct sweep_chunk *c = w->first;

	if (w->run || !c || (c->n < SWEEP_CHUNK && !all))
		return w->run;
	w->first = c->next;
	if (!w->first)
		w->last = NULL;
	sort_run(c);
	for (uint32_t i = 0; i < c->n; i += SIDES_A_SLICE)
		drop_sides(s, c->ids + i, c->n - i < SIDES_A_SLICE ? c->n - i : SIDES_A_SLICE);
	return w->run = c;
}

/* Rows that follow one another go in one statement. */
static int delete_rows(struct store *s, struct disk *d, const uint64_t *ids, unsigned n)
{
	for (unsigned i = 0, k; i < n; i = k) {
		for (k = i + 1; k < n && ids[k] == ids[k - 1] + 1; k++)
			continue;
		int err = d->ops->del_bodies(d, ids[i], ids[k - 1]);
		if (err)
			return err;
	}
	for (unsigned i = 0; i < n; i++)
		cache_drop(s->cache, ids[i]);
	return 0;
}

static int sweep_run(struct store *s, struct disk *d, struct sweep_chunk *c, unsigned max)
{
	unsigned n = c->n - c->pos < max ? c->n - c->pos : max;
	int err = delete_rows(s, d, c->ids + c->pos, n);

	c->pos += n;
	return err ? err : (int)n;
}

static const struct block *list_block(const struct sweep_list *l)
{
	if (l->b)
		return l->d ? NULL : l->b;
	return l->d < l->in->dn ? l->in->dir[l->in->d0 + l->d].b : NULL;
}

static int sweep_list(struct store *s, struct disk *d, struct sweep_list *l, unsigned max)
{
	const struct block *b;
	unsigned n = 0;

	if (l->in && !l->d && !l->e)
		drop_all_sides(s, l->in);
	while (n < max && (b = list_block(l))) {
		uint64_t ids[BLOCK_MAX];
		unsigned k = 0;
		while (l->e < b->n && n + k < max)
			ids[k++] = block_id(b, l->e++);
		if (l->b)
			drop_sides(s, ids, k);
		int err = delete_rows(s, d, ids, k);
		if (err)
			return err;
		n += k;
		l->taken += k;
		if (l->e == b->n) {
			l->d++;
			l->e = 0;
		}
	}
	return (int)n;
}

/* Records of removed resources: those of the first first, and before any row of what lay above them. */
static int sweep_kept(struct sweep *w, struct disk *d)
{
	for (; w->at_kept < w->n_kept; w->at_kept++) {
		char key[JOB_GONE_KEY];
		int err;

		job_gone_key(key, w->kept[w->at_kept]);
		if ((err = d->ops->put_rec(d, REC_GONE, str_make(key, sizeof(key)), STR_NONE, STR_NONE)))
			return err;
	}
	return 0;
}

int sweep_rows(struct store *s, struct disk *d, unsigned max, bool all, uint32_t *swept_rid)
{
	struct sweep *w = &s->sweep;
	struct sweep_chunk *run = run_of(s, all);
	int n = 0, k;

	w->mark_rids = w->n_rids;
	w->mark_kept = w->at_kept;
	*swept_rid = 0;
	if (run) {
		if ((n = sweep_run(s, d, run, max)) < 0)
			return n;
	}
	/* What is still to be told needs its rows until its last word is on disk. */
	if (w->words)
		return n;
	if (max && (k = sweep_kept(w, d)) < 0)
		return k;
	if (w->lists && (unsigned)n < max) {
		if ((k = sweep_list(s, d, w->lists, max - (unsigned)n)) < 0)
			return k;
		n += k;
		w->lists->over = !list_block(w->lists);
		if (w->lists->over)
			*swept_rid = w->lists->rid;
	}
	while (w->n_rids && (unsigned)n < max) {
		int err = d->ops->del_res(d, w->rids[w->n_rids - 1]);
		if (err)
			return err;
		w->n_rids--;
		n++;
	}
	stat_add(s->o.stats, STAT_SWEPT, (uint64_t)n);
	return n;
}

static void waited(struct sweep *w, uint64_t n)
{
	atomic_fetch_sub_explicit(&w->n_waiting, n, memory_order_relaxed);
}

/* A list also holds entries that were not counted: they bear marks, or lie below the head. */
static void list_waited(struct sweep *w, struct sweep_list *l)
{
	uint64_t n = l->over || l->taken > l->left ? l->left : l->taken;

	waited(w, n);
	l->left -= n;
	l->taken = 0;
}

static void settle_kept(struct store *s)
{
	struct sweep *w = &s->sweep;

	if (w->at_kept == w->mark_kept)
		return;
	tree_lock(s);
	s->sweep.n_kept_roots -= w->at_kept - w->mark_kept;
	tree_unlock(s);
	w->mark_kept = w->at_kept;
	if (w->at_kept == w->n_kept)
		w->n_kept = w->at_kept = w->mark_kept = 0;
}

void sweep_committed(struct store *s)
{
	struct sweep *w = &s->sweep;

	if (w->run) {
		waited(w, w->run->pos - w->run->mark);
		w->run->mark = w->run->pos;
		if (w->run->pos == w->run->n) {
			mem_put(w->run);
			w->run = NULL;
		}
	}
	if (w->lists) {
		struct sweep_list *l = w->lists;
		l->mark_d = l->d;
		l->mark_e = l->e;
		list_waited(w, l);
		if (l->over) {
			w->lists = l->next;
			if (!w->lists)
				w->lists_end = &w->lists;
			list_free(l);
		}
	}
	settle_kept(s);
	waited(w, w->mark_rids > w->n_rids ? w->mark_rids - w->n_rids : 0);
	w->mark_rids = w->n_rids;
}

void sweep_rolled_back(struct store *s)
{
	struct sweep *w = &s->sweep;

	if (w->run)
		w->run->pos = w->run->mark;
	if (w->lists) {
		w->lists->d = w->lists->mark_d;
		w->lists->e = w->lists->mark_e;
		w->lists->over = false;
		w->lists->taken = 0;
	}
	if (w->n_rids < w->mark_rids)
		w->n_rids = w->mark_rids;
	w->at_kept = w->mark_kept;
}

uint64_t sweep_mark(const struct store *s, uint64_t now)
{
	const struct sweep *w = &s->sweep;
	uint64_t mark = now + 1;

	if (w->run && w->run->batch < mark)
		mark = w->run->batch;
	if (w->first && w->first->batch < mark)
		mark = w->first->batch;
	if (w->lists && w->lists->batch < mark)
		mark = w->lists->batch;
	return mark ? mark - 1 : 0;
}

bool sweep_is_idle(const struct store *s)
{
	const struct sweep *w = &s->sweep;

	return !w->trees && !w->lists && !w->first && !w->run && !w->n_rids && !w->n_kept &&
	       atomic_load_explicit(&w->late_state, memory_order_acquire) != LATE_HEARD;
}
