/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes that changed since the start, by the second of their last durable change: a list whose newer end takes what changes.  A node that
 * changes again within its second stays where it is, so that a container under load moves once a second.
 */
#include "db/tree_priv.h"

enum { SECOND = 1000000, RESTARTS = 8 };

static void unlist(struct store *s, struct tnode *n)
{
	struct index *x = &s->index;

	if (!(n->flags & N_LISTED))
		return;
	*(n->newer ? &n->newer->older : &x->newest) = n->older;
	if (n->older)
		n->older->newer = n->newer;
	n->newer = n->older = NULL;
	n->flags &= (uint16_t)~N_LISTED;
}

void index_time_gone(struct store *s, struct tnode *n)
{
	unlist(s, n);
}

void index_time_changed(struct store *s, struct tnode *n, int64_t before)
{
	struct index *x = &s->index;

	if (n->flags & N_LISTED && before / SECOND == n->lt_d / SECOND)
		return;
	unlist(s, n);
	n->flags |= N_LISTED;
	n->older = x->newest;
	if (n->older)
		n->older->newer = n;
	x->newest = n;
}

bool store_recent_covers(struct tx *tx, int64_t since)
{
	return since / SECOND > tx->s->index.recent_from / SECOND;
}

size_t store_recent(struct tx *tx, struct store_recent *at, int64_t since, uint32_t *rid, size_t max)
{
	struct tnode *n = tx->s->index.newest, *last = at->rid ? node_by_rid(tx->s, at->rid) : NULL;
	size_t k = 0;

	/* Where the last call ended, unless that one has moved or gone: then from the newest again. */
	if (last && last->flags & N_LISTED && last->lt_d / SECOND == at->second)
		n = last->older;
	else if (at->rid)
		at->lost = ++at->restarts > RESTARTS;
	for (; n && k < max && !at->lost && n->lt_d / SECOND >= since / SECOND; n = n->older) {
		rid[k++] = n->pub.rid;
		at->rid = n->pub.rid;
		at->second = n->lt_d / SECOND;
	}
	return k;
}
