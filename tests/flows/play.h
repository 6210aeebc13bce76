/* SPDX-License-Identifier: Apache-2.0 */
/* Plays a flow through a way, or only reads it through (way == NULL). */
#ifndef FLOWS_PLAY_H
#define FLOWS_PLAY_H

#include "tests/flows/script.h"
#include "tests/flows/way.h"

enum outcome { PLAY_HELD, PLAY_FAILED, PLAY_ERROR, PLAY_SKIPPED };

struct play_result {
	enum outcome outcome;
	struct fail why;      /* "file:line: ...", or why it was skipped */
	char title[200];
	unsigned expectations;
};
/* FAILED: an expectation did not hold.  ERROR: the flow could not be played (its text, or the world). */
void play(const struct script *sc, const struct way *way, bool verbose, struct play_result *out);

#endif
