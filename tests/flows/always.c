/* SPDX-License-Identifier: Apache-2.0 */
/* Options of actors, names with values, codes, and what holds for every answer. */
#include "tests/flows/always.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int actor_option(struct actor *a, const char *tok, struct fail *f)
{
	const char *v = strchr(tok, '=');
	size_t n = v ? (size_t)(v++ - tok) : strlen(tok);
	if (n == 4 && memcmp(tok, "zone", 4) == 0 && v)
		a->zone = (unsigned)strtoul(v, NULL, 10);
	else if (n == 3 && memcmp(tok, "max", 3) == 0 && v)
		a->max_ae = (unsigned)strtoul(v, NULL, 10);
	else if (n == 6 && memcmp(tok, "random", 6) == 0 && !v)
		a->random_stems = true;
	else if (n == 7 && memcmp(tok, "country", 7) == 0 && v)
		a->has_location = snprintf(a->country, sizeof(a->country), "%s", v) > 0;
	else if (n == 8 && memcmp(tok, "location", 8) == 0 && v)
		a->has_location = sscanf(v, "%lf,%lf", &a->lat, &a->lon) == 2;
	else if (n == 7 && memcmp(tok, "address", 7) == 0 && v)
		snprintf(a->address, sizeof(a->address), "%s", v);
	else
		return fail_set(f, "no such option of an actor: %s", tok);
	return 0;
}

bool name_and_value(const char *rest, char name[64], const char **value)
{
	size_t n = strspn(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
	const char *v = rest + n + strspn(rest + n, " \t");
	if (n == 0 || n >= 64 || *v != '=')
		return false;
	memcpy(name, rest, n);
	name[n] = 0;
	v++;
	*value = v + strspn(v, " \t");
	return **value != 0;
}

bool code_is_allowed(const char *codes, size_t n, long rsc)
{
	for (const char *s = codes; s < codes + n;) {
		char *end;
		if (strtol(s, &end, 10) == rsc)
			return true;
		s = end + 1;
	}
	return false;
}

/* What holds for every answer: same request identifier (TS-0004 7.2.1.2), release version unless Release 1 (7.3.3.12),
 * no more than a sentence in an error (7.5.2 note 5). */
int always_judge(const json_t *asked, const struct answer *last, struct fail *f)
{
	json_t *rqi = json_object_get(asked, "rqi"), *rvi = json_object_get(asked, "rvi");
	json_t *pc = json_object_get(last->prim, "pc");
	bool one = !rvi || (json_is_string(rvi) && strcmp(json_string_value(rvi), "1") == 0);
	if (last->complaint[0])
		return fail_set(f, "%s", last->complaint);
	if (rqi && !json_equal(rqi, json_object_get(last->prim, "rqi")))
		return fail_set(f, "the answer does not carry the request's identifier");
	if (one != !json_object_get(last->prim, "rvi"))
		return fail_set(f, one ? "a Release 1 request is answered with rvi" : "the answer has no rvi");
	if (one && json_object_get(last->prim, "vsi"))
		return fail_set(f, "a Release 1 request is answered with vsi");
	if (json_integer_value(json_object_get(last->prim, "rsc")) >= 4000 && pc &&
	    !(json_object_size(pc) == 1 && json_is_string(json_object_get(pc, "m2m:dbg"))))
		return fail_set(f, "an error carries more than m2m:dbg");
	return 0;
}
