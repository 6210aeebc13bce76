/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same interface on the HTTPS listener: questions come on any loop, are carried out on loop 0 and answered where they came.
 * Who asks was proved by the channel; the table says what it needs.
 */
#include "admin/admin_priv.h"

#include <stdlib.h>

#include "bindings/aside.h"

#define ROOT "/-/admin"

struct remote {
	struct admin_call call;
	struct aside_ask *ask;
	unsigned status;
};

static void back(struct loop *l, struct loop_task *t)
{
	struct aside_ask *q = CONTAINER_OF(t, struct aside_ask, task);
	struct remote *r = q->user;
	(void)l;

	aside_answer(q, r->status, str_of(r->call.type), STR_NONE, buf_as_str(&r->call.reply));
	buf_fini_secret(&r->call.reply);
	arena_fini(&r->call.arena);
	free(r);
}

static void remote_end(struct admin_call *c, unsigned status, bool waited)
{
	struct remote *r = CONTAINER_OF(c, struct remote, call);
	(void)waited;

	c->admin->remote--;
	r->status = status;
	loop_post(r->ask->loop, &r->ask->task, back);
}

static void refuse(struct aside_ask *q, unsigned status, const char *sentence)
{
	char text[200];
	int n = snprintf(text, sizeof(text), "{\"error\":\"%s\"}", sentence);

	aside_answer(q, status, STR("application/json"), STR_NONE, str_make(text, (size_t)n));
}

/* On loop 0. */
static void begin(struct loop *l, struct loop_task *t)
{
	struct aside_ask *q = CONTAINER_OF(t, struct aside_ask, task);
	struct admin *a = q->user;
	struct remote *r = calloc(1, sizeof(*r));
	struct str path = q->path;
	(void)l;

	REQUIRE(r != NULL);
	atomic_fetch_sub(&a->posted, 1);
	a->remote++;
	q->user = r;
	r->ask = q;
	r->call.admin = a;
	r->call.end = remote_end;
	r->call.type = "application/json";
	r->call.peer = q->peer;
	r->call.query = q->query;
	r->call.body = q->body;
	buf_init_secret(&r->call.reply, ADMIN_REPLY_BYTES);
	arena_init(&r->call.arena, 4096);
	if (str_starts(path, STR(ROOT "/")))
		path = str_from(path, sizeof(ROOT) - 1);
	/* It was on its way from another loop. */
	if (!peer_is_live(a->cse->security, q->peer))
		admin_refuse(&r->call, 403, "the credential of this connection is not valid any more");
	else if (a->remote > ADMIN_REMOTE)
		admin_refuse(&r->call, 503, "%d calls are under way: ask again later", ADMIN_REMOTE);
	else
		admin_begin(&r->call, q->method == HTTP1_HEAD ? HTTP1_GET : q->method, path);
}

static void ask(void *arg, struct aside_ask *q)
{
	struct cse *cse = arg;

	if (cse->admin == NULL) {
		refuse(q, 503, "trothd is starting or ending");
	} else if (q->from_page || q->peer == NULL) {
		/* A browser with an administrator's certificate obeys any page that it shows. */
		refuse(q, 403, "pages of a browser and channels without a certificate are not answered here");
	} else if (q->body.n > ASK_BODY_BYTES) {
		refuse(q, 413, "a body has at most 65536 bytes");
	} else {
		q->user = cse->admin;
		atomic_fetch_add(&cse->admin->posted, 1);
		loop_post(cse->loops[0], &q->task, begin);
	}
}

static const char calls[] = ROOT "/v1/";
static const char *const paths[] = { calls, "/-/live", "/-/ready", "/metrics", NULL };

void admin_aside(struct cse *cse, struct aside *out)
{
	*out = (struct aside){ .paths = paths, .ask = ask, .arg = cse };
}
