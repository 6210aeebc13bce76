/* SPDX-License-Identifier: Apache-2.0 */
/* Devices: added with a code, shown, given another code; the rest is their credential's (security-model 2). */
#include "admin/admin_priv.h"
#include "bindings/https.h"
#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "cse/model/stamp.h"

enum { HOST = 256 };

/* --- the code ----------------------------------------------------------------------------------------------------------- */

/* enrol.address "host:port" or "host"; else the first of https.names and the listener's port. */
static void address_of(const struct cse *cse, struct code_offer *o)
{
	struct str s = str_of(conf_str(cse->conf, CONF_ENR_ADDRESS)), host;
	size_t colon = s.n;
	uint64_t port;

	o->port = https_port(cse->https);
	if (s.n == 0)
		s = str_of(conf_item(cse->conf, CONF_HTTP_NAMES, 0));
	host = s;
	while (colon > 0 && s.p[colon - 1] != ':')
		colon--;
	/* Of an IPv6 address only what stands behind its bracket is a port. */
	if (colon > 1 && (s.p[colon - 2] == ']' || str_index(s, ':') == colon - 1) && str_u64(str_from(s, colon), &port) == 0 &&
	    port > 0 && port <= 65535) {
		o->port = (unsigned)port;
		host = str_first(s, colon - 1);
	}
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = str_make(host.p + 1, host.n - 2);
	host = str_first(host, HOST - 1);
	memcpy(o->host, host.p, host.n);
	o->host[host.n] = 0;
}

/* The answer of add and code: the only time that the code is shown. */
static void tell_code(struct admin_call *c)
{
	struct cse *cse = c->admin->cse;
	struct code_offer offer = { .code = c->code.code };
	char text[CODE_TEXT + 1], url[CODE_URL], stamp[STAMP_MAX + 1];

	address_of(cse, &offer);
	snprintf(offer.cse_id, sizeof(offer.cse_id), "/%.*s", STR_ARG(cse->self.cse));
	code_format(&offer.code, text);
	if (code_offer_format(&offer, url) != 0)
		url[0] = 0;
	stamp[stamp_format(c->code.ends, stamp)] = 0;
	/* No copy of it stays in freed memory: written in one piece, of texts that need no quoting. */
	REQUIRE(buf_room(&c->reply, 2048));
	buf_printf(&c->reply, "{\"id\":\"%.*s\",\"name\":\"%.*s\",\"state\":\"%s\",\"code\":\"%s\",\"url\":\"%s\",\"codeEnds\":\"%s\"}",
	           STR_ARG(c->cred.id), STR_ARG(c->cred.name), cred_state_name(c->cred.state), text, url, stamp);
	code_wipe(&offer.code);
	explicit_bzero(text, sizeof(text));
	explicit_bzero(url, sizeof(url));
}

static void make_code(struct admin_call *c, const struct ask_issue *q)
{
	enrol_code_make(c->admin->cse->enrol, c->cred.id, q->code_life_us, q->life_us, &c->code);
	tell_code(c);
}

/* --- add ---------------------------------------------------------------------------------------------------------------- */

void admin_device_add(struct admin_call *c)
{
	struct cse *cse = c->admin->cse;
	struct ask_issue q;
	struct why why = { 0 };

	if (ask_read_device(&c->arena, c->body, &q, &why)) {
		admin_refuse(c, 400, "%s", why.text);
		return;
	}
	if (q.kind == CRED_ADMIN) {
		admin_refuse(c, 400, "kind must be device, gateway or cse: administrators get their certificate by trothctl ca issue");
		return;
	}
	c->cred = (struct cred_info){
		.id = str_of(arena_strz(&c->arena, cred_make_id(cse->security, &c->arena))),
		.kind = q.kind,
		.state = CRED_CODE_OUT,
		.names = q.names,
		.name = q.name,
		.single_session = q.single_session,
		.zone = q.zone,
		.max_ae = q.max_ae,
		.random_stems = q.random_stems || q.names.n == 0,
		.has_location = q.has_location,
		.lat = q.lat,
		.lon = q.lon,
		.country = q.country,
	};
	make_code(c, &q);
	admin_put_credential(c, store_begin(cse->store, &c->arena, TX_WRITE), EV_CREDENTIAL_STATE, "added", 201);
}

void admin_device_code(struct admin_call *c)
{
	struct cse *cse = c->admin->cse;
	struct cred_info found;
	struct ask_issue q;
	struct why why = { 0 };

	if (ask_read_code(&c->arena, c->body, &q, &why)) {
		admin_refuse(c, 400, "%s", why.text);
		return;
	}
	if (!cred_named(cse->security, &c->arena, c->id, &found)) {
		admin_refuse(c, 404, "there is no such device");
		return;
	}
	struct tx *tx = store_begin(cse->store, &c->arena, TX_WRITE);
	if (!cred_latest(cse->security, tx, found.id, &c->cred) || c->cred.state == CRED_REVOKED || c->cred.kind == CRED_ADMIN) {
		store_end(tx);
		admin_refuse(c, 409, c->cred.kind == CRED_ADMIN ? "administrators get their certificate by trothctl ca issue"
		                                                : "a revoked device stays so: add another");
		return;
	}
	c->cred.id = str_of(arena_strz(&c->arena, c->cred.id));
	enrol_code_state(&c->cred, clock_wall_us(cse->clock));
	make_code(c, &q);
	admin_put_credential(c, tx, EV_CREDENTIAL_STATE, "code for", 200);
}

/* --- show --------------------------------------------------------------------------------------------------------------- */

/* The credential, and what only devices have. */
static json_t *show(struct cse *cse, const struct cred_info *info)
{
	int64_t ends = enrol_code_ends(cse->enrol, info->id);
	json_t *j = admin_json_credential(cse, info);

	json_object_set_new(j, "singleSession", json_boolean(info->single_session));
	json_object_set_new(j, "renewing", json_boolean(enrol_is_renewing(cse->enrol, info->id)));
	if (info->not_before)
		json_object_set_new(j, "notBefore", admin_json_stamp(info->not_before));
	if (ends)
		json_object_set_new(j, "codeEnds", admin_json_stamp(ends));
	return j;
}

static json_t *show_device(struct cse *cse, const struct cred_info *info)
{
	return info->name.n ? show(cse, info) : NULL;
}

void admin_devices(struct admin_call *c)
{
	admin_list_page(c, show_device);
}

/* Its credential; 404 is answered. */
static bool find_device(struct admin_call *c)
{
	if (!cred_named(c->admin->cse->security, &c->arena, c->id, &c->cred)) {
		admin_refuse(c, 404, "there is no such device");
		return false;
	}
	c->id = c->cred.id;
	return true;
}

void admin_device(struct admin_call *c)
{
	if (find_device(c))
		admin_answer_json(c, 200, show(c->admin->cse, &c->cred));
}

void admin_device_suspend(struct admin_call *c)
{
	if (find_device(c))
		admin_suspend(c);
}

void admin_device_resume(struct admin_call *c)
{
	if (find_device(c))
		admin_resume(c);
}

void admin_device_revoke(struct admin_call *c)
{
	if (find_device(c))
		admin_revoke(c);
}

void admin_device_release(struct admin_call *c)
{
	if (find_device(c))
		admin_release(c);
}
