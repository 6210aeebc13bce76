/* SPDX-License-Identifier: Apache-2.0 */
/* What a supervisor or a load balancer asks: does it live, and may it be given work? */
#include "admin/admin_priv.h"
#include "security/rotate.h"

/* That this runs says it: loops turn, TLS and the admin room answer. */
void admin_live(struct admin_call *c)
{
	buf_z(&c->reply, "{\"live\":true}");
	admin_answer(c, 200);
}

static bool has_ended(struct cse *cse, enum rotation what)
{
	struct rotate_info info;

	if (!cse->rotate)
		return false;
	rotate_look(cse->rotate, what, &info);
	return info.stage == LIFE_ENDED;
}

/* Why it should be given no work; others than the administrator learn only that. */
void admin_ready(struct admin_call *c)
{
	struct cse *cse = c->admin->cse;
	const struct {
		bool holds;
		const char *text;
	} reasons[] = {
		{ store_is_readonly(cse->store), "the store cannot write" },
		{ clockguard_doubtful(cse->security), "the clock is doubtful" },
		{ audit_is_full(cse->security), "the event table is full" },
		{ has_ended(cse, ROTATE_SERVER), "the server's certificate has ended" },
		{ has_ended(cse, ROTATE_CA), "the issuing CA has ended" },
		{ has_ended(cse, ROTATE_DATA), "the data key has ended" },
	};
	bool ready = true;
	json_t *why = json_array();

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		if (!reasons[i].holds)
			continue;
		ready = false;
		json_array_append_new(why, json_string(reasons[i].text));
	}
	json_t *j = json_pack("{s:b}", "ready", (int)ready);
	if (!ready && admin_is_admin(c))
		json_object_set(j, "why", why);
	json_decref(why);
	admin_answer_json(c, ready ? 200 : 503, j);
}
