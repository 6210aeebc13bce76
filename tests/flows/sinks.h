/* SPDX-License-Identifier: Apache-2.0 */
/* The notification targets of a flow: their words and their list. */
#ifndef FLOWS_SINKS_H
#define FLOWS_SINKS_H

#include <stddef.h>

#include "tests/flows/way.h"

enum { MAX_SINKS = 32 };
struct sinks {
	struct sink v[MAX_SINKS];
	size_t n;
};

/* "NAME [of ACTOR] [answers HOW]". */
struct sink_words {
	char name[32], owner[32]; /* owner empty: a credential of its own */
	enum sink_mood mood;
	long rsc;
};
/* 0, or -1 and a sentence. */
int sinks_read(const char *words, struct sink_words *out, struct fail *f);
/* A new one, not open yet; its url is one of a flow that is only read.  NULL: too many, or the name is taken. */
struct sink *sinks_add(struct sinks *all, const struct sink_words *words, struct actor *owner, struct fail *f);
/* By the name at *words, which moves behind it; NULL and a sentence. */
struct sink *sinks_find(struct sinks *all, const char **words, struct fail *f);
/* "NAME HOW": another mood; NULL and a sentence. */
struct sink *sinks_change(struct sinks *all, const char *words, struct fail *f);
/* What holds for every notification: a NOTIFY with identifier, From and content.  0, or -1. */
int sinks_judge(const json_t *prim, struct fail *f);

#endif
