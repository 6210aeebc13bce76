/* SPDX-License-Identifier: Apache-2.0 */
/* What renews itself: when each is due, what failed; and the administrator's wish to renew one now. */
#include "admin/admin_priv.h"
#include "cse/base/err.h"
#include "cse/base/log.h"
#include "cse/model/stamp.h"
#include "security/rotate.h"

static void add_stamp(json_t *j, const char *key, int64_t us)
{
	char t[STAMP_MAX];
	if (us > 0)
		json_object_set_new(j, key, json_stringn(t, stamp_format(us, t)));
}

void admin_rotations(struct admin_call *c)
{
	json_t *list = json_array();

	for (int i = 0; i < ROTATIONS; i++) {
		struct rotate_info info;
		rotate_look(c->admin->cse->rotate, (enum rotation)i, &info);
		json_t *j = json_pack("{s:s, s:I, s:I, s:s}", "name", info.name, "renewed", (json_int_t)info.done, "failed",
		                      (json_int_t)info.failed, "stage", lifespan_text(info.stage));
		add_stamp(j, "from", info.from_us);
		add_stamp(j, "due", info.due_us);
		add_stamp(j, "until", info.until_us);
		if (*info.error)
			json_object_set_new(j, "error", json_string(info.error));
		json_array_append_new(list, j);
	}
	admin_answer_json(c, 200, list);
}

static void rotated(void *arg, int err, const char *text)
{
	struct admin_call *c = arg;

	if (err)
		admin_refuse(c, err == E_ABSENT || err == E_LIMIT ? 409 : admin_status(err), "%s", text);
	else
		admin_answer(c, 200);
}

static void rotate(struct admin_call *c, enum rotation what, bool at_once)
{
	struct rotate_info info;

	rotate_look(c->admin->cse->rotate, what, &info);
	buf_printf(&c->reply, "{\"renewed\":\"%s\"}", info.name);
	if (rotate_now(c->admin->cse->rotate, what, at_once, rotated, c)) {
		buf_reset(&c->reply);
		admin_refuse(c, 409, "another renewal is under way: ask again in a moment");
		return;
	}
	admin_wait(c);
	log_write(c->admin->cse->log, LOG_ADMIN, "renewal of %s", info.name);
}

void admin_rotate_ca(struct admin_call *c)
{
	struct why why = { 0 };
	bool at_once;

	if (ask_read_rotate(c->body, &at_once, &why))
		admin_refuse(c, 400, "%s", why.text);
	else
		rotate(c, ROTATE_CA, at_once);
}

void admin_rotate_server(struct admin_call *c)
{
	rotate(c, ROTATE_SERVER, false);
}

void admin_rotate_data(struct admin_call *c)
{
	rotate(c, ROTATE_DATA, false);
}
