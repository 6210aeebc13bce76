/* SPDX-License-Identifier: Apache-2.0 */
/* Carries out the statements of a flow. */
#include "tests/flows/play.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/flows/ask.h"
#include "tests/flows/always.h"
#include "tests/flows/judge.h"
#include "tests/flows/sinks.h"

enum { MAX_ACTORS = 48, MAX_CONF = 16, MAX_TURNS = 200000 };

/* What answers are worth: said by every statement's function. */
enum { DONE = 0, FAILED = -1, BROKEN = -2 };

struct player {
	const struct script *sc;
	const struct way *way;   /* NULL: only read */
	struct world *world;     /* opened by the first statement that needs it */
	bool verbose;
	struct scope scope;
	struct actor actors[MAX_ACTORS];
	size_t n_actors;
	struct sinks sinks;
	char *conf[MAX_CONF];
	size_t n_conf;
	int64_t wall_us;
	unsigned rqi;
	json_t *asked;           /* the last request */
	struct actor *outstanding;
	json_t *aside[MAX_ACTORS]; /* launched by that actor, its answer is put off */
	struct answer last;
	bool closed;             /* the last request met a closed door */
	bool titled, sourced, ended_well;
	struct fail *f;
	struct play_result *out;
};

/* A wrong text of the flow. */
static int broken(struct player *p, const char *why)
{
	fail_set(p->f, "%s", why);
	return BROKEN;
}

static int text_of(struct player *p, const char *s, char **out)
{
	*out = relaxed_text(s, strlen(s), &p->scope, p->f);
	return *out ? DONE : BROKEN;
}

static void set_now(struct player *p)
{
	p->scope.now_us = p->world ? world_now(p->world) : p->wall_us;
}

/* --- actors ------------------------------------------------------------------------------------------------------- */

static struct actor *actor_by_name(struct player *p, const char *name)
{
	for (size_t i = 0; i < p->n_actors; i++)
		if (strcmp(p->actors[i].name, name) == 0)
			return &p->actors[i];
	fail_set(p->f, "no actor %s", name);
	return NULL;
}

static int open_world(struct player *p)
{
	if (!p->way || p->world)
		return DONE;
	struct way_setup s = { .conf = (const char *const *)p->conf, .n_conf = p->n_conf, .wall_us = p->wall_us,
		               .verbose = p->verbose };
	if (p->way->open(&s, &p->world, p->f) < 0)
		return BROKEN;
	set_now(p);
	/* The administrator is always there. */
	return p->way->enroll(p->world, &p->actors[0], p->f) < 0 ? BROKEN : DONE;
}

static int add_actor(struct player *p, const char *rest, enum actor_kind kind)
{
	if (p->n_actors == MAX_ACTORS)
		return broken(p, "too many actors");
	if (open_world(p) != DONE)
		return BROKEN;
	struct actor *a = &p->actors[p->n_actors];
	const char *q = rest;
	char *name = script_token(&q), *names = kind == ACTOR_STRANGER ? strdup("CStranger") : script_token(&q), *tok;
	if (!name || !names || strlen(name) >= sizeof(a->name)) {
		free(name);
		free(names);
		return broken(p, "an actor needs a name, and what its credential names");
	}
	*a = (struct actor){ .kind = kind, .names = names, .max_ae = kind == ACTOR_GATEWAY ? 1000 : 1 };
	snprintf(a->name, sizeof(a->name), "%s", name);
	free(name);
	p->n_actors++;
	size_t n = strcspn(names, ",");
	if (kind != ACTOR_GATEWAY && names[0] != 'N' && names[0] != 'R')
		a->from = strndup(names, n);
	while ((tok = script_token(&q)) != NULL) {
		actor_option(a, tok, p->f);
		free(tok);
	}
	if (p->f->text[0])
		return BROKEN;
	return p->way && p->way->enroll(p->world, a, p->f) < 0 ? BROKEN : DONE;
}

static int do_speak(struct player *p, const char *rest)
{
	const char *q = rest;
	char *name = script_token(&q), *from = script_token(&q), *text = NULL;
	struct actor *a = name ? actor_by_name(p, name) : NULL;
	int rc = a && from ? text_of(p, from, &text) : broken(p, "speak ACTOR FROM");
	if (rc == DONE) {
		free(a->from);
		a->from = text;
	}
	free(name);
	free(from);
	return rc;
}

static int do_state(struct player *p, const char *rest, enum actor_state state)
{
	struct actor *a = actor_by_name(p, rest);
	if (!a)
		return BROKEN;
	return p->way && world_set_state(p->world, a, state, p->f) < 0 ? BROKEN : DONE;
}

static int do_conduit(struct player *p, const char *rest)
{
	unsigned from, to;
	char word[8];
	if (sscanf(rest, "%u %u %7s", &from, &to, word) != 3 || (strcmp(word, "open") != 0 && strcmp(word, "closed") != 0))
		return broken(p, "conduit FROM TO open|closed");
	return p->way && world_set_conduit(p->world, from, to, word[0] == 'o', p->f) < 0 ? BROKEN : DONE;
}

/* --- requests and answers ----------------------------------------------------------------------------------------- */

static void show(struct player *p, const char *what, const json_t *v)
{
	if (!p->verbose || !p->way)
		return;
	char *d = v ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	printf("    %s %s\n", what, d ? d : "(closed door)");
	free(d);
}

static int take(struct player *p)
{
	struct actor *a = p->outstanding;
	if (!a)
		return DONE;
	p->outstanding = NULL;
	json_decref(p->last.prim);
	p->last = (struct answer){ 0 };
	if (p->way->take(p->world, a, &p->last, p->f) < 0)
		return FAILED;
	set_now(p);
	p->closed = !p->last.prim;
	show(p, "<-", p->last.prim);
	return p->closed ? DONE : always_judge(p->asked, &p->last, p->f);
}

static int post(struct player *p, const char *rest)
{
	struct ask ask;
	if (open_world(p) != DONE || ask_read(rest, &p->scope, &ask, p->f) < 0)
		return BROKEN;
	struct actor *a = actor_by_name(p, ask.actor);
	if (!a || p->outstanding) {
		ask_fini(&ask);
		return broken(p, "an answer is outstanding: expect it first");
	}
	const char *from = ask.has_from ? ask.from : a->from;
	if (from && !json_object_get(ask.prim, "fr"))
		json_object_set_new(ask.prim, "fr", json_string(from));
	if (!ask.no_rqi && !json_object_get(ask.prim, "rqi"))
		json_object_set_new(ask.prim, "rqi", json_sprintf("flow-%u", ++p->rqi));
	json_decref(p->asked);
	p->asked = json_incref(ask.prim);
	ask_fini(&ask);
	show(p, "->", p->asked);
	if (!p->way)
		return DONE;
	if (p->way->post(p->world, a, p->asked, p->f) < 0)
		return FAILED;
	p->outstanding = a;
	return DONE;
}

static int do_send(struct player *p, const char *rest)
{
	int rc = post(p, rest);
	return rc == DONE && p->way ? take(p) : rc;
}

/* The CSE has it before anything else happens, time passing for instance. */
static int do_launch(struct player *p, const char *rest)
{
	int rc = post(p, rest);
	if (rc == DONE && p->way)
		p->way->arrived(p->world, p->outstanding);
	return rc;
}

static int do_pending(struct player *p, const char *rest)
{
	if (*rest)
		return broken(p, "pending stands alone");
	if (p->way && !p->outstanding)
		return broken(p, "nothing was launched");
	if (p->way && p->way->arrived(p->world, p->outstanding))
		return fail_set(p->f, "the answer came too early");
	return DONE;
}

/* aside: others have their turn while the launched request goes on; back ACTOR: its answer is the next one. */
static int do_aside(struct player *p, const char *rest)
{
	struct actor *a = *rest ? actor_by_name(p, rest) : p->outstanding;
	if (!p->way)
		return DONE;
	if (!a || (*rest ? p->outstanding != NULL || !p->aside[a - p->actors] : p->aside[a - p->actors] != NULL))
		return broken(p, "launch, aside, and later back ACTOR when no other answer is outstanding");
	json_t **kept = &p->aside[a - p->actors], *asked = p->asked;
	p->asked = *kept;
	*kept = *rest ? NULL : asked;
	if (*rest)
		json_decref(asked);
	p->outstanding = *rest ? a : NULL;
	return DONE;
}

static int conditions(struct player *p, const char *text)
{
	const char *q = text;
	char *part;
	int rc = DONE;
	while (rc == DONE && (part = script_part(&q)) != NULL) {
		p->out->expectations++;
		if (p->way)
			rc = judge_condition(p->last.prim, part, &p->scope, p->f);
		else
			rc = judge_form(part, &p->scope, p->f) < 0 ? BROKEN : DONE;
		free(part);
	}
	return rc;
}

static int do_expect(struct player *p, const char *rest)
{
	size_t n = strspn(rest, "0123456789/");
	if (n < 4 || (rest[n] && !isspace((unsigned char)rest[n])))
		return broken(p, "expect CODE [condition, ...]");
	p->out->expectations++;
	p->ended_well = true;
	if (!p->way)
		return conditions(p, rest + n);
	int rc = take(p);
	if (rc != DONE)
		return rc;
	if (p->closed)
		return fail_set(p->f, "expected %.*s, the connection was refused", (int)n, rest);
	long rsc = (long)json_integer_value(json_object_get(p->last.prim, "rsc"));
	if (!code_is_allowed(rest, n, rsc)) {
		char *d = json_dumps(json_object_get(p->last.prim, "pc"), JSON_COMPACT);
		fail_set(p->f, "expected %.*s, came %ld %.900s", (int)n, rest, rsc, d ? d : "");
		free(d);
		return FAILED;
	}
	return conditions(p, rest + n);
}

static int do_refused(struct player *p, const char *rest)
{
	if (*rest)
		return broken(p, "refused stands alone");
	p->out->expectations++;
	p->ended_well = true;
	if (!p->way)
		return DONE;
	int rc = take(p);
	long rsc = (long)json_integer_value(json_object_get(p->last.prim, "rsc"));
	if (rc == DONE && !p->closed && rsc != 4106 && rsc != 4107)
		return fail_set(p->f, "expected a closed door, 4106 or 4107, came %ld", rsc);
	return rc;
}

/* --- notifications ------------------------------------------------------------------------------------------------ */

static int do_sink(struct player *p, const char *rest)
{
	struct sink_words words;
	struct sink *s;
	if (open_world(p) != DONE || sinks_read(rest, &words, p->f) < 0)
		return BROKEN;
	/* Without `of` it is an actor of its own. */
	if (!words.owner[0]) {
		char device[80];
		snprintf(device, sizeof(device), "%s C%s", words.name, words.name);
		if (add_actor(p, device, ACTOR_DEVICE) != DONE)
			return BROKEN;
	}
	struct actor *owner = actor_by_name(p, words.owner[0] ? words.owner : words.name);
	if (!owner || !(s = sinks_add(&p->sinks, &words, owner, p->f)))
		return BROKEN;
	if (p->way && p->way->sink_open(p->world, s, p->f) < 0)
		return BROKEN;
	char var[48];
	snprintf(var, sizeof(var), "%s_url", s->name);
	json_object_set_new(p->scope.vars, var, json_string(s->url));
	return DONE;
}

static int do_answers(struct player *p, const char *rest)
{
	char *words;
	if (text_of(p, rest, &words) != DONE)
		return BROKEN;
	struct sink *s = sinks_change(&p->sinks, words, p->f);
	free(words);
	if (!s)
		return BROKEN;
	return p->way && p->way->sink_set(p->world, s, p->f) < 0 ? BROKEN : DONE;
}

static int do_notified(struct player *p, const char *rest)
{
	const char *q = rest;
	struct sink *s = sinks_find(&p->sinks, &q, p->f);
	if (!s)
		return BROKEN;
	p->out->expectations++;
	p->ended_well = true;
	if (!p->way)
		return conditions(p, q);
	json_t *n = p->way->sink_next(p->world, s, true, p->f);
	set_now(p);
	show(p, "!!", n);
	if (p->f->text[0] || !n) {
		json_decref(n);
		return fail_set(p->f, "%s has got no notification", s->name);
	}
	json_decref(p->last.prim);
	p->last = (struct answer){ .prim = n };
	p->closed = false;
	return sinks_judge(n, p->f) < 0 ? FAILED : conditions(p, q);
}

static int do_silent(struct player *p, const char *rest)
{
	const char *q = rest;
	struct sink *s = sinks_find(&p->sinks, &q, p->f);
	if (!s || *q)
		return broken(p, "silent NAME");
	p->out->expectations++;
	json_t *n = p->way ? p->way->sink_next(p->world, s, false, p->f) : NULL;
	if (n) {
		char *d = json_dumps(n, JSON_COMPACT);
		fail_set(p->f, "%s has got a notification: %.1200s", s->name, d ? d : "");
		free(d);
		json_decref(n);
	}
	return p->f->text[0] ? FAILED : DONE;
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static int do_save(struct player *p, const char *rest)
{
	char name[64], *path = NULL;
	const char *v;
	bool bad = false;
	if (!name_and_value(rest, name, &v))
		return broken(p, "save NAME = PATH");
	if (text_of(p, v, &path) != DONE)
		return BROKEN;
	/* When a flow is only read, a time fits wherever a value may stand. */
	json_t *found = p->way ? judge_find(p->last.prim, path, &bad) : NULL;
	if (p->way && !found)
		fail_set(p->f, "the answer has no %s", path);
	else
		json_object_set_new(p->scope.vars, name, found ? json_deep_copy(found) : json_string("20260101T000000"));
	free(path);
	return p->f->text[0] ? FAILED : DONE;
}

static int do_let(struct player *p, const char *rest)
{
	char name[64];
	const char *v;
	if (!name_and_value(rest, name, &v))
		return broken(p, "let NAME = VALUE");
	json_t *j = relaxed_value(v, &p->scope, p->f);
	if (!j)
		return BROKEN;
	json_object_set_new(p->scope.vars, name, j);
	return DONE;
}

static int do_check(struct player *p, const char *rest)
{
	p->out->expectations++;
	if (p->way)
		return judge_values(rest, &p->scope, p->f);
	struct fail ignored = { 0 };
	/* Read only: values are placeholders, so a comparison that fails is no mistake of the text. */
	judge_values(rest, &p->scope, &ignored);
	return strncmp(ignored.text, "expected ", 9) == 0 || !ignored.text[0] ? DONE : broken(p, ignored.text);
}

static int do_events(struct player *p, const char *rest)
{
	char name[48], text[96];
	size_t n = strcspn(rest, " \t");
	if (n == 0 || n >= sizeof(name) || strncmp(rest, "EV_", 3) != 0)
		return broken(p, "events EV_NAME OP NUMBER");
	memcpy(name, rest, n);
	name[n] = 0;
	long count = p->way ? world_events(p->world, name, p->f) : 0;
	if (count < 0)
		return BROKEN;
	snprintf(text, sizeof(text), "%ld %s", count, rest + n);
	p->out->expectations++;
	if (do_check(p, text) == DONE)
		return DONE;
	struct fail first = *p->f;
	p->f->text[0] = 0;
	return fail_set(p->f, "%s: %.1500s", name, first.text);
}

/* --- time and the world ------------------------------------------------------------------------------------------- */

static int do_advance(struct player *p, const char *rest)
{
	int64_t us;
	char *t;
	if (text_of(p, rest, &t) != DONE)
		return BROKEN;
	int bad = relaxed_duration(t, strlen(t), &us);
	free(t);
	if (bad < 0 || us < 0)
		return broken(p, "advance DURATION, as in 10s");
	if (open_world(p) != DONE)
		return BROKEN;
	if (p->way)
		world_advance(p->world, us);
	else
		p->wall_us += us;
	set_now(p);
	return DONE;
}

static int do_clock(struct player *p, const char *rest)
{
	int64_t us;
	if (relaxed_stamp_parse(rest, &us) == 0) {
		if (p->world)
			return broken(p, "the clock is set before anything else happens");
		p->wall_us = us;
		set_now(p);
		return DONE;
	}
	if (open_world(p) != DONE)
		return BROKEN;
	if (strcmp(rest, "accept") == 0) {
		if (p->way)
			world_accept_clock(p->world);
		return DONE;
	}
	if (strncmp(rest, "jump ", 5) != 0 || relaxed_duration(rest + 5, strlen(rest + 5), &us) < 0)
		return broken(p, "clock STAMP, clock jump -1d, or clock accept");
	if (p->way)
		world_jump(p->world, us);
	set_now(p);
	return DONE;
}

static int do_config(struct player *p, const char *rest)
{
	if (p->world)
		return broken(p, "options are set before anything else happens");
	if (p->n_conf == MAX_CONF || !strchr(rest, '='))
		return broken(p, "config section.name=value");
	p->conf[p->n_conf++] = strdup(rest);
	return DONE;
}

static int do_restart(struct player *p, const char *rest)
{
	if (*rest)
		return broken(p, "restart stands alone");
	if (!p->way)
		return DONE;
	if (open_world(p) != DONE || p->way->restart(p->world, p->f) < 0)
		return BROKEN;
	set_now(p);
	return DONE;
}

/* --- blocks ------------------------------------------------------------------------------------------------------- */

struct block {
	char name[64];    /* variable, may be empty */
	json_t *words;    /* each: what is left */
	json_int_t count; /* repeat: all turns */
};

static int begin_block(struct player *p, const struct stmt *st, struct block *b)
{
	const char *q = st->rest;
	char *first = script_token(&q), *as = script_token(&q), *name = st->verb == V_EACH ? NULL : script_token(&q), *tok;
	*b = (struct block){ 0 };
	if (st->verb == V_EACH && first && as && strcmp(as, "in") == 0) {
		snprintf(b->name, sizeof(b->name), "%s", first);
		b->words = json_array();
		while ((tok = script_token(&q)) != NULL) {
			const char *v = tok;
			json_t *j = relaxed_parse(&v, &p->scope, p->f);
			json_array_append_new(b->words, j ? j : json_null());
			free(tok);
		}
	} else if (st->verb == V_REPEAT && first && (!as || (strcmp(as, "as") == 0 && name))) {
		json_t *n = relaxed_value(first, &p->scope, p->f);
		b->count = json_integer_value(n);
		json_decref(n);
		snprintf(b->name, sizeof(b->name), "%s", name ? name : "");
	}
	free(first);
	free(as);
	free(name);
	if (b->words ? json_array_size(b->words) == 0 : b->count <= 0 || b->count > MAX_TURNS)
		return broken(p, "repeat N [as NAME], or each NAME in WORDS");
	return p->f->text[0] ? BROKEN : DONE;
}

static int run(struct player *p, size_t from, size_t to);

static int do_block(struct player *p, size_t at)
{
	const struct stmt *st = &p->sc->s[at];
	struct block b;
	int rc = begin_block(p, st, &b);
	json_int_t turns = b.words ? (json_int_t)json_array_size(b.words) : b.count;
	/* Read only: one turn shows all mistakes. */
	for (json_int_t i = 0; rc == DONE && i < (p->way ? turns : 1); i++) {
		json_t *v = b.words ? json_incref(json_array_get(b.words, (size_t)i)) : json_integer(i + 1);
		if (b.name[0])
			json_object_set(p->scope.vars, b.name, v);
		json_decref(v);
		rc = run(p, at + 1, st->partner);
		if (rc != DONE && b.words && p->way) {
			char *d = json_dumps(json_array_get(b.words, (size_t)i), JSON_ENCODE_ANY | JSON_COMPACT);
			size_t n = strlen(p->f->text);
			snprintf(p->f->text + n, sizeof(p->f->text) - n, " [%s = %s]", b.name, d);
			free(d);
		}
	}
	json_decref(b.words);
	return rc;
}

/* --- statements --------------------------------------------------------------------------------------------------- */

/* ae ACTOR NAME [{more}]: registers and expects that it succeeds. */
static int do_ae(struct player *p, const char *rest)
{
	const char *q = rest;
	char *actor = script_token(&q), *name = script_token(&q), *words = NULL;
	json_t *more = NULL;
	q += strspn(q, " \t");
	if (!actor || !name) {
		free(actor);
		return broken(p, "ae ACTOR NAME [{more attributes}]");
	}
	if (*q)
		more = relaxed_value(q, &p->scope, p->f);
	json_t *ae = json_pack("{s:s, s:s, s:b, s:[s]}", "rn", name, "api", "Nflow.test", "rr", 0, "srv", "3");
	json_object_update(ae, more);
	char *d = json_dumps(ae, JSON_COMPACT);
	int rc = BROKEN;
	if (!p->f->text[0] && asprintf(&words, "%s CREATE cse-in ae%s", actor, d) > 0)
		rc = do_send(p, words);
	if (rc == DONE)
		rc = do_expect(p, "2001");
	free(words);
	free(d);
	json_decref(ae);
	json_decref(more);
	free(actor);
	free(name);
	return rc;
}

static int do_words(struct player *p, const struct stmt *st)
{
	if (!*st->rest)
		return broken(p, "words are missing");
	if (st->verb == V_TITLE) {
		p->titled = true;
		snprintf(p->out->title, sizeof(p->out->title), "%s", st->rest);
	}
	p->sourced = p->sourced || st->verb == V_CLAUSE;
	if (st->verb == V_NOTE && p->verbose)
		printf("    %s\n", st->rest);
	return DONE;
}

static int step(struct player *p, size_t at)
{
	const struct stmt *st = &p->sc->s[at];
	switch (st->verb) {
	case V_TITLE: case V_CLAUSE: case V_COVERS: case V_NOTE: return do_words(p, st);
	case V_SKIP: return DONE;
	case V_CONFIG: return do_config(p, st->rest);
	case V_DEVICE: return add_actor(p, st->rest, ACTOR_DEVICE);
	case V_GATEWAY: return add_actor(p, st->rest, ACTOR_GATEWAY);
	case V_CSE: return add_actor(p, st->rest, ACTOR_CSE);
	case V_STRANGER: return add_actor(p, st->rest, ACTOR_STRANGER);
	case V_SPEAK: return do_speak(p, st->rest);
	case V_AE: return do_ae(p, st->rest);
	case V_SEND: return do_send(p, st->rest);
	case V_LAUNCH: return do_launch(p, st->rest);
	case V_ASIDE: case V_BACK: return do_aside(p, st->rest);
	case V_PENDING: return do_pending(p, st->rest);
	case V_EXPECT: return do_expect(p, st->rest);
	case V_REFUSED: return do_refused(p, st->rest);
	case V_AND: return conditions(p, st->rest);
	case V_SAVE: return do_save(p, st->rest);
	case V_LET: return do_let(p, st->rest);
	case V_CHECK: return do_check(p, st->rest);
	case V_ADVANCE: return do_advance(p, st->rest);
	case V_CLOCK: return do_clock(p, st->rest);
	case V_RESTART: return do_restart(p, st->rest);
	case V_SUSPEND: return do_state(p, st->rest, ACTOR_SUSPENDED);
	case V_RESUME: return do_state(p, st->rest, ACTOR_ACTIVE);
	case V_REVOKE: return do_state(p, st->rest, ACTOR_REVOKED);
	case V_RELEASE: return do_state(p, st->rest, ACTOR_RELEASED);
	case V_CONDUIT: return do_conduit(p, st->rest);
	case V_EVENTS: return do_events(p, st->rest);
	case V_SINK: return do_sink(p, st->rest);
	case V_ANSWERS: return do_answers(p, st->rest);
	case V_NOTIFIED: return do_notified(p, st->rest);
	case V_SILENT: return do_silent(p, st->rest);
	case V_REPEAT: case V_EACH: return do_block(p, at);
	case V_END: case V_COUNT: break;
	}
	return broken(p, "a statement is missing");
}

/* Statements from .. to-1; the first that fails names its line. */
static int run(struct player *p, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		const struct stmt *st = &p->sc->s[i];
		bool block = st->verb == V_REPEAT || st->verb == V_EACH;
		int rc = step(p, i);
		if (rc != DONE) {
			if (!block || !strchr(p->f->text, ':') || strncmp(p->f->text, p->sc->path, strlen(p->sc->path)) != 0) {
				struct fail plain = *p->f;
				p->f->text[0] = 0;
				fail_set(p->f, "%s:%d: %s: %.1700s", p->sc->path, st->line, verb_word(st->verb),
				         plain.text[0] ? plain.text : "failed");
			}
			return rc;
		}
		if (block)
			i = st->partner;
	}
	return DONE;
}

static bool skipped(struct player *p)
{
	for (size_t i = 0; p->way && i < p->sc->n; i++) {
		const struct stmt *st = &p->sc->s[i];
		size_t n = strcspn(st->rest, " \t");
		bool here = st->verb == V_SKIP && strlen(p->way->name) == n && strncmp(st->rest, p->way->name, n) == 0;
		if (here || (st->verb == V_RESTART && !p->way->durable)) {
			snprintf(p->f->text, sizeof(p->f->text), "%s:%d: %s", p->sc->path, st->line,
			         here ? st->rest + n : "nothing survives a restart here");
			return true;
		}
	}
	return false;
}

static void clear(struct player *p)
{
	for (size_t i = 0; i < p->sinks.n; i++)
		if (p->sinks.v[i].line)
			p->way->sink_close(p->world, &p->sinks.v[i]);
	for (size_t i = 0; i < p->n_actors; i++) {
		if (p->world)
			p->way->leave(p->world, &p->actors[i]);
		free(p->actors[i].names);
		free(p->actors[i].from);
	}
	if (p->world)
		p->way->close(p->world);
	for (size_t i = 0; i < p->n_conf; i++)
		free(p->conf[i]);
	json_decref(p->scope.vars);
	for (size_t i = 0; i < p->n_actors; i++)
		json_decref(p->aside[i]);
	json_decref(p->asked);
	json_decref(p->last.prim);
}

void play(const struct script *sc, const struct way *way, bool verbose, struct play_result *out)
{
	*out = (struct play_result){ 0 };
	/* 2026-11-20T10:00:00Z, a Friday. */
	struct player p = { .sc = sc, .way = way, .verbose = verbose, .wall_us = INT64_C(1795168800000000), .f = &out->why,
		            .out = out, .n_actors = 1 };
	p.actors[0] = (struct actor){ .name = "admin", .kind = ACTOR_ADMIN, .names = strdup("CAdmin"), .from = strdup("CAdmin"),
		                      .max_ae = 1 };
	p.scope.vars = json_object();
	set_now(&p);
	int rc = DONE;
	if (skipped(&p)) {
		out->outcome = PLAY_SKIPPED;
	} else {
		rc = run(&p, 0, sc->n);
		if (rc == DONE && !(p.titled && p.sourced && p.ended_well)) {
			fail_set(p.f, "%s:1: a flow needs title, clause and at least one expect", sc->path);
			rc = BROKEN;
		}
		out->outcome = rc == DONE ? PLAY_HELD : rc == FAILED ? PLAY_FAILED : PLAY_ERROR;
	}
	clear(&p);
}
