/* SPDX-License-Identifier: Apache-2.0 */
/* The security event log's way to the disk: queued by any thread, written with the next batch, in order. */
#include "db/writer_priv.h"

#include "cse/base/err.h"

enum { EVENTS_QUEUED = 4 << 20 };

int store_event_append(struct store *s, struct str row)
{
	struct writer *w = s->writer;
	struct event *e = mem_get(sizeof(*e) + row.n);
	int err = E_FULL;

	e->next = NULL;
	e->n = (uint32_t)row.n;
	memcpy(e->text, row.p, row.n);
	pthread_mutex_lock(&w->lock);
	if (w->ev_bytes + row.n <= EVENTS_QUEUED && (!w->ev_max || w->ev_stored + w->ev_bytes + row.n <= w->ev_max)) {
		*(w->ev_first ? &w->ev_last->next : &w->ev_first) = e;
		w->ev_last = e;
		w->ev_bytes += row.n;
		e->seq = ++w->ev_in;
		e = NULL;
		err = 0;
	}
	pthread_mutex_unlock(&w->lock);
	mem_put(e);
	if (!err)
		writer_call(w);
	return err;
}

static void waited(struct loop *l, struct loop_task *t)
{
	struct event_wait *w = CONTAINER_OF(t, struct event_wait, task);

	(void)l;
	w->done(w);
}

void store_event_after(struct store *s, struct event_wait *ev, struct loop *loop, void (*done)(struct event_wait *w))
{
	struct writer *w = s->writer;
	bool now;

	*ev = (struct event_wait){ .loop = loop, .done = done };
	pthread_mutex_lock(&w->lock);
	ev->seq = w->ev_in;
	now = w->ev_out >= ev->seq;
	if (!now) {
		ev->next = w->ev_waits;
		w->ev_waits = ev;
	}
	pthread_mutex_unlock(&w->lock);
	if (now)
		loop_post(loop, &ev->task, waited);
}

/* Under the lock: those whose events are written, or all after an error.  Returned as a list. */
static struct event_wait *take_waits(struct writer *w, bool written)
{
	struct event_wait *out = NULL, **at = &w->ev_waits;

	while (*at) {
		struct event_wait *ev = *at;

		if (written && ev->seq > w->ev_out) {
			at = &ev->next;
			continue;
		}
		*at = ev->next;
		ev->err = written ? 0 : E_IO;
		ev->next = out;
		out = ev;
	}
	return out;
}

static void tell_waits(struct event_wait *ev)
{
	for (struct event_wait *next; ev; ev = next) {
		next = ev->next;
		loop_post(ev->loop, &ev->task, waited);
	}
}

void store_event_bound(struct store *s, uint64_t bytes)
{
	struct writer *w = s->writer;

	pthread_mutex_lock(&w->lock);
	w->ev_max = bytes;
	pthread_mutex_unlock(&w->lock);
}

uint64_t store_event_bytes(const struct store *s)
{
	struct writer *w = s->writer;

	pthread_mutex_lock(&w->lock);
	uint64_t n = w->ev_stored + w->ev_bytes;
	pthread_mutex_unlock(&w->lock);
	return n;
}

uint64_t store_event_next(const struct store *s)
{
	struct writer *w = s->writer;

	pthread_mutex_lock(&w->lock);
	uint64_t n = w->ev_in + 1;
	pthread_mutex_unlock(&w->lock);
	return n;
}

uint64_t store_event_durable(const struct store *s)
{
	struct writer *w = s->writer;

	pthread_mutex_lock(&w->lock);
	uint64_t n = w->ev_out;
	pthread_mutex_unlock(&w->lock);
	return n;
}

bool event_take(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->ev_writing = w->ev_first;
	w->ev_first = NULL;
	pthread_mutex_unlock(&w->lock);
	return w->ev_writing != NULL;
}

int event_write(struct writer *w)
{
	for (struct event *e = w->ev_writing; e; e = e->next) {
		int err = w->disk->ops->put_event(w->disk, e->seq, str_make(e->text, e->n));
		if (err)
			return err;
	}
	return 0;
}

/* Written: they go.  Not written: they wait again, before those that came meanwhile. */
void event_done(struct writer *w, bool written)
{
	struct event *e = w->ev_writing, *last = e;
	struct event_wait *waits;

	if (!e)
		return;
	w->ev_writing = NULL;
	pthread_mutex_lock(&w->lock);
	for (;; last = last->next) {
		if (written) {
			w->ev_bytes -= last->n;
			w->ev_stored += last->n;
			w->ev_out = last->seq;
		}
		if (!last->next)
			break;
	}
	if (!written) {
		last->next = w->ev_first;
		if (!w->ev_first)
			w->ev_last = last;
		w->ev_first = e;
		e = NULL;
	}
	waits = take_waits(w, written);
	pthread_mutex_unlock(&w->lock);
	tell_waits(waits);
	while (e) {
		struct event *next = e->next;
		mem_put(e);
		e = next;
	}
}

int store_event_each(struct store *s, uint64_t from, int (*fn)(void *arg, uint64_t seq, struct str row), void *arg)
{
	return s->disk->ops->each_event(s->disk, from, fn, arg);
}

void event_fini(struct writer *w)
{
	while (w->ev_first) {
		struct event *e = w->ev_first;
		w->ev_first = e->next;
		mem_put(e);
	}
}
