/* SPDX-License-Identifier: Apache-2.0 */
/* Words of sink, answers, notified and silent. */
#include "tests/flows/sinks.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/flows/script.h"

static int read_how(const char *how, enum sink_mood *mood, long *rsc, struct fail *f)
{
	static const struct {
		const char *word;
		enum sink_mood mood;
	} moods[] = { { "hang", SINK_HANGS }, { "close", SINK_CLOSES }, { "garbage", SINK_GARBAGE }, { "refuse", SINK_REFUSES } };
	char *end;
	for (size_t i = 0; how && i < sizeof(moods) / sizeof(moods[0]); i++) {
		if (strcmp(moods[i].word, how) == 0) {
			*mood = moods[i].mood;
			return 0;
		}
	}
	long code = how ? strtol(how, &end, 10) : 0;
	if (code < 1000 || code > 9999 || *end)
		return fail_set(f, "a target answers with a CODE, or: hang, close, garbage, refuse");
	*mood = SINK_ANSWERS;
	*rsc = code;
	return 0;
}

static int read_name(const char **p, char out[32], struct fail *f)
{
	char *tok = script_token(p);
	size_t n = tok ? strlen(tok) : 0;
	bool ok = n > 0 && n < 32 && isalpha((unsigned char)tok[0]);
	for (size_t i = 0; ok && i < n; i++)
		ok = isalnum((unsigned char)tok[i]) || tok[i] == '_';
	if (ok)
		memcpy(out, tok, n + 1);
	free(tok);
	return ok ? 0 : fail_set(f, "a name of letters and digits is missing");
}

int sinks_read(const char *words, struct sink_words *out, struct fail *f)
{
	struct sink_words w = { .mood = SINK_ANSWERS, .rsc = 2000 };
	const char *p = words;
	if (read_name(&p, w.name, f) < 0)
		return -1;
	for (char *tok; (tok = script_token(&p)) != NULL;) {
		bool of = strcmp(tok, "of") == 0, answers = strcmp(tok, "answers") == 0;
		free(tok);
		if (of && read_name(&p, w.owner, f) < 0)
			return -1;
		if (answers) {
			char *how = script_token(&p);
			int rc = read_how(how, &w.mood, &w.rsc, f);
			free(how);
			if (rc < 0)
				return -1;
		}
		if (!of && !answers)
			return fail_set(f, "sink NAME [of ACTOR] [answers CODE|hang|close|garbage|refuse]");
	}
	*out = w;
	return 0;
}

static struct sink *by_name(struct sinks *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->v[i].name, name) == 0)
			return &all->v[i];
	return NULL;
}

struct sink *sinks_add(struct sinks *all, const struct sink_words *words, struct actor *owner, struct fail *f)
{
	if (all->n == MAX_SINKS || by_name(all, words->name)) {
		fail_set(f, "too many targets, or there is one of this name");
		return NULL;
	}
	struct sink *s = &all->v[all->n++];
	*s = (struct sink){ .owner = owner, .mood = words->mood, .rsc = words->rsc };
	snprintf(s->name, sizeof(s->name), "%s", words->name);
	snprintf(s->url, sizeof(s->url), "https://127.0.0.1:%u/%s", 40000 + (unsigned)all->n, words->name);
	return s;
}

struct sink *sinks_find(struct sinks *all, const char **words, struct fail *f)
{
	char name[32];
	if (read_name(words, name, f) < 0)
		return NULL;
	struct sink *s = by_name(all, name);
	if (!s)
		fail_set(f, "no target %s: say sink %s first", name, name);
	while (isspace((unsigned char)**words))
		(*words)++;
	return s;
}

struct sink *sinks_change(struct sinks *all, const char *words, struct fail *f)
{
	struct sink *s = sinks_find(all, &words, f);
	return s && read_how(words, &s->mood, &s->rsc, f) == 0 ? s : NULL;
}

/* TS-0004 7.5.1.1, 7.2.1.1: operation, To, From and the request's identifier are mandatory, the content is one object. */
int sinks_judge(const json_t *prim, struct fail *f)
{
	static const char *const texts[] = { "to", "fr", "rqi" };
	if (json_integer_value(json_object_get(prim, "op")) != 5)
		return fail_set(f, "what came is no NOTIFY");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!json_is_string(json_object_get(prim, texts[i])))
			return fail_set(f, "the notification has no %s", texts[i]);
	if (json_object_size(json_object_get(prim, "pc")) != 1)
		return fail_set(f, "the notification has no content of one element");
	return 0;
}
