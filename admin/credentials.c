/* SPDX-License-Identifier: Apache-2.0 */
/* Issuing credentials and changing their state: one store transaction each, answered when it is durable. */
#include "admin/admin_priv.h"
#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "cse/base/log.h"
#include "cse/model/stamp.h"
#include "security/ca.h"

enum { CSR_BYTES = 8192, PEM_BYTES = 65536 };

json_t *admin_json(struct str s)
{
	return json_stringn(s.p ? s.p : "", s.n);
}

json_t *admin_json_stamp(int64_t us)
{
	char t[STAMP_MAX];
	return json_stringn(t, stamp_format(us, t));
}

/* --- the transaction --------------------------------------------------------------------------------------------------- */

static void put_noted(struct ledger_wait *w)
{
	struct admin_call *c = CONTAINER_OF(w, struct admin_call, noted);

	/* In effect and durable in the store; a ledger that cannot be written is loud by itself. */
	if (!c->commit.err || !w->err)
		admin_answer(c, c->status);
	else
		admin_refuse(c, 503, "%s, until trothd ends: it could not be stored (%s); ask again", c->what, err_text(c->commit.err));
}

/* Revocation and suspension act at once, with a full disk too: the ledger keeps room, and the next start goes by it. */
static bool takes_away(const struct admin_call *c)
{
	return c->code.id.n == 0 && (c->cred.state == CRED_REVOKED || c->cred.state == CRED_SUSPENDED);
}

static void drop_code(struct admin_call *c)
{
	if (c->code.id.n || c->replaces)
		enrol_code_drop(c->admin->cse->enrol, &(struct enrol_code){ .id = c->cred.id });
}

static void put_done(struct commit *commit, int err)
{
	struct admin_call *c = CONTAINER_OF(commit, struct admin_call, commit);
	struct cse *cse = c->admin->cse;

	commit->err = err;
	if (err && !takes_away(c)) {
		cred_undo(cse->security, &c->cred);
		drop_code(c);
		code_wipe(&c->code.code);
		admin_refuse(c, admin_status(err), "the credential could not be stored: %s", err_text(err));
		return;
	}
	cred_apply(cse->security, &c->cred);
	if (c->code.id.n)
		enrol_code_apply(cse->enrol, &c->code);
	if (c->replaces)
		enrol_code_ended(cse->enrol, c->cred.id);
	code_wipe(&c->code.code);
	audit(cse->security, c->event, c->peer, STR_NONE, "%s %s", c->what, c->cred.id.p);
	log_write(cse->log, LOG_ADMIN, "%s %s", c->what, c->cred.id.p);
	ledger_after(security_ledger(cse->security), &c->noted, c->admin->loop, put_noted);
}

static int put_code(struct admin_call *c, struct tx *tx)
{
	struct enrol *e = c->admin->cse->enrol;
	int r = 0;

	if (c->code.id.n)
		return enrol_code_put(e, tx, &c->code);
	if (c->replaces)
		r = enrol_code_end(e, tx, c->cred.id);
	c->replaces = r > 0;
	return r < 0 ? r : 0;
}

static int put(struct admin_call *c, struct tx *tx, struct why *why)
{
	struct cse *cse = c->admin->cse;
	int err = put_code(c, tx);

	if (err == 0) {
		err = cred_put(cse->security, tx, &c->cred, why);
		if (err)
			drop_code(c);
	}
	if (err)
		code_wipe(&c->code.code);
	return err;
}

void admin_put_credential(struct admin_call *c, struct tx *tx, enum sec_event event, const char *what, unsigned status)
{
	struct cse *cse = c->admin->cse;
	struct why why = { 0 };
	int err = put(c, tx, &why);

	if (err) {
		store_end(tx);
		buf_reset(&c->reply);
		admin_refuse(c, err == E_AGAIN ? 503 : admin_status(err), "%s", why.text[0] ? why.text : err_text(err));
		return;
	}
	c->event = event;
	c->what = what;
	c->status = status;
	c->commit = (struct commit){ .magic = COMMIT_MAGIC, .loop = c->admin->loop, .done = put_done };
	admin_wait(c);
	if (store_commit(tx, &c->commit))
		store_ready(cse->store, &c->commit);
	else
		put_done(&c->commit, 0);
}

/* --- POST /v1/credentials ---------------------------------------------------------------------------------------------- */

/* A name that there is already, with `replace`: the same credential gets a new key and becomes active. */
static bool take_over(struct admin_call *c, const struct ask_issue *q)
{
	struct cred_info have;

	for (size_t i = 0; i < q->names.n; i++) {
		if (!cred_of_name(c->admin->cse->security, &c->arena, q->names.v[i], &have))
			continue;
		if (!q->replace || (c->cred.id.n > 0 && !str_eq(c->cred.id, have.id))) {
			admin_refuse(c, 409, "name %zu of the list belongs to credential %.*s already%s", i + 1, STR_ARG(have.id),
			             q->replace ? "" : ": ask for a new key of it with replace");
			return false;
		}
		c->cred.id = str_of(arena_strz(&c->arena, have.id));
		c->replaces = true;
		c->cred.generation = have.generation + 1;
	}
	return true;
}

/* Certificates are made outside of transactions: is the credential still what it was, also by what is on its way? */
static bool take_latest(struct admin_call *c, struct tx *tx)
{
	struct cred_info now;

	if (!cred_latest(c->admin->cse->security, tx, c->cred.id, &now) || now.generation + 1 != c->cred.generation)
		return false;
	c->cred.name = now.name;
	c->cred.single_session = now.single_session;
	return true;
}

static void put_issued(struct admin_call *c)
{
	struct tx *tx = store_begin(c->admin->cse->store, &c->arena, TX_WRITE);

	if (!c->replaces || take_latest(c, tx)) {
		admin_put_credential(c, tx, EV_CREDENTIAL_ISSUED, "issued", 201);
		return;
	}
	store_end(tx);
	admin_refuse(c, 409, "credential %.*s got another key at this moment: look whose that is, and ask again if this one shall replace it",
	             STR_ARG(c->cred.id));
}

static int sign(struct admin_call *c, const struct ask_issue *q, struct buf *pem, struct why *why)
{
	struct cse *cse = c->admin->cse;
	unsigned char *fingerprint = arena_alloc(&c->arena, 32);
	struct buf der;
	int64_t longest = conf_row(CONF_SEC_CERT_LIFE)->max * 1000;
	int64_t life = q->life_us ? q->life_us : conf_num(cse->conf, CONF_SEC_CERT_LIFE) * 1000;

	buf_init(&der, CSR_BYTES);
	int err = ca_request_of_pem(q->csr, &der, why);
	if (err == 0 && life > longest) {
		why_set(why, RSC_BAD_REQUEST, "life must be at most %d days", (int)(longest / 86400000000));
		err = E_RANGE;
	}
	struct ca_ask ask = { .csr_der = buf_as_str(&der), .kind = q->kind, .names = q->names, .life_us = life,
		.id = c->cred.id, .generation = c->cred.generation };
	if (err == 0)
		err = ca_issue(cse->ca, &ask, pem, fingerprint, &c->cred.not_after, why);
	c->cred.fingerprint = str_make((const char *)fingerprint, 32);
	c->cred.base_generation = c->cred.generation;
	c->cred.not_before = clock_wall_us(cse->clock);
	buf_fini(&der);
	return err;
}

static void fill_reply(struct admin_call *c, struct buf *pem)
{
	struct buf ca;
	buf_init(&ca, PEM_BYTES);
	ca_chain(c->admin->cse->ca, &ca);
	json_t *j = json_pack("{s:o, s:o, s:o, s:o}", "id", admin_json(c->cred.id), "certificate", admin_json(buf_as_str(pem)), "ca",
	                      admin_json(buf_as_str(&ca)), "notAfter", admin_json_stamp(c->cred.not_after));
	REQUIRE(j);
	char *text = json_dumps(j, JSON_COMPACT);
	REQUIRE(text);
	buf_z(&c->reply, text);
	free(text);
	json_decref(j);
	buf_fini(&ca);
}

void admin_issue(struct admin_call *c)
{
	struct cse *cse = c->admin->cse;
	struct ask_issue q;
	struct why why = { 0 };
	struct buf pem;

	if (ask_read_issue(&c->arena, c->body, &q, &why)) {
		admin_refuse(c, 400, "%s", why.text);
		return;
	}
	c->cred = (struct cred_info){
		.kind = q.kind,
		.state = CRED_ACTIVE,
		.names = q.names,
		.zone = q.zone,
		.max_ae = q.max_ae,
		.random_stems = q.random_stems,
		.generation = 1,
		.has_location = q.has_location,
		.lat = q.lat,
		.lon = q.lon,
		.country = q.country,
	};
	if (!take_over(c, &q))
		return;
	if (c->cred.id.n == 0)
		c->cred.id = str_of(arena_strz(&c->arena, cred_make_id(cse->security, &c->arena)));
	buf_init(&pem, PEM_BYTES);
	int err = sign(c, &q, &pem, &why);
	if (err) {
		admin_refuse(c, admin_status(err), "%s", why.text[0] ? why.text : err_text(err));
	} else {
		fill_reply(c, &pem);
		put_issued(c);
	}
	buf_fini(&pem);
}

/* --- the others --------------------------------------------------------------------------------------------------------- */

const char *admin_state_name(const struct cse *cse, const struct cred_info *info)
{
	bool expired = cred_state_speaks(info->state) && info->not_after <= clock_wall_us(cse->clock);

	return expired ? "expired" : cred_state_name(info->state);
}

json_t *admin_json_credential(const struct cse *cse, const struct cred_info *info)
{
	json_t *names = json_array();

	for (size_t i = 0; i < info->names.n; i++)
		json_array_append_new(names, admin_json(info->names.v[i]));
	json_t *j = json_pack("{s:o, s:s, s:s, s:o, s:i, s:i, s:b, s:i}", "id", admin_json(info->id), "kind",
	                      admin_kind_name(info->kind), "state", admin_state_name(cse, info), "names", names, "zone",
	                      (int)info->zone, "maxAe", (int)info->max_ae, "randomStems", (int)info->random_stems, "generation",
	                      (int)info->generation);
	REQUIRE(j);
	if (info->name.n)
		json_object_set_new(j, "name", admin_json(info->name));
	if (info->fingerprint.n)
		json_object_set_new(j, "notAfter", admin_json_stamp(info->not_after));
	if (info->has_location)
		json_object_set_new(j, "location", json_pack("{s:f, s:f}", "lat", info->lat, "lon", info->lon));
	if (info->country.n)
		json_object_set_new(j, "country", admin_json(info->country));
	return j;
}

/* --- lists --------------------------------------------------------------------------------------------------------------- */

struct listing {
	const struct admin_call *c;
	admin_show_fn *show;
	json_t *list;
	uint64_t left;
	size_t bytes;
};

/* Names are what makes them long. */
static bool add_credential(void *arg, const struct cred_info *info)
{
	struct listing *l = arg;
	json_t *j = l->show(l->c->admin->cse, info);

	if (!j)
		return true;
	json_array_append_new(l->list, j);
	l->bytes += 512;
	for (size_t i = 0; i < info->names.n; i++)
		l->bytes += 3 * info->names.v[i].n + 3;
	return --l->left > 0 && l->bytes < ADMIN_REPLY_BYTES / 4;
}

void admin_list_page(struct admin_call *c, admin_show_fn *show)
{
	struct listing l = { .c = c, .show = show, .list = json_array() };
	struct str after = STR_NONE;
	int err = ask_query(c->query, "limit", ADMIN_PAGE, &l.left), named = ask_query_text(&c->arena, c->query, "after", &after);

	REQUIRE(l.list);
	if (err || l.left == 0 || l.left > ADMIN_PAGE || (named && named != E_ABSENT)) {
		json_decref(l.list);
		admin_refuse(c, 400, "limit must be a number from 1 to %d, after the id of a credential", ADMIN_PAGE);
		return;
	}
	err = cred_page(c->admin->cse->security, after, add_credential, &l);
	if (err) {
		json_decref(l.list);
		admin_refuse(c, 404, "after: there is no credential of that id");
		return;
	}
	admin_answer_json(c, 200, l.list);
}

static json_t *show_credential(struct cse *cse, const struct cred_info *info)
{
	return admin_json_credential(cse, info);
}

void admin_list(struct admin_call *c)
{
	admin_list_page(c, show_credential);
}

/* What a resumed credential is: active with a key; else its code goes on, or it waits for one. */
static enum cred_state resumed(struct admin_call *c)
{
	struct cse *cse = c->admin->cse;

	if (c->cred.state != CRED_SUSPENDED)
		return c->cred.state == CRED_LOCKED ? CRED_ACTIVE : c->cred.state;
	if (c->cred.fingerprint.n)
		return CRED_ACTIVE;
	return enrol_code_ends(cse->enrol, c->cred.id) > clock_wall_us(cse->clock) ? CRED_CODE_OUT : CRED_ADDED;
}

static void change_state(struct admin_call *c, enum cred_state to, const char *what)
{
	struct cse *cse = c->admin->cse;
	struct tx *tx = store_begin(cse->store, &c->arena, TX_WRITE);

	if (!cred_latest(cse->security, tx, c->id, &c->cred)) {
		store_end(tx);
		admin_refuse(c, 404, "there is no such credential");
		return;
	}
	if (c->cred.state == CRED_REVOKED && to != CRED_REVOKED) {
		store_end(tx);
		admin_refuse(c, 409, "a revoked credential stays so: issue its names a new key with replace");
		return;
	}
	c->cred.state = to == CRED_ACTIVE ? resumed(c) : to;
	c->cred.id = str_of(arena_strz(&c->arena, c->cred.id));
	buf_printf(&c->reply, "{\"id\":\"%.*s\",\"state\":\"%s\"}", STR_ARG(c->cred.id), cred_state_name(c->cred.state));
	admin_put_credential(c, tx, EV_CREDENTIAL_STATE, what, 200);
}

void admin_suspend(struct admin_call *c)
{
	change_state(c, CRED_SUSPENDED, "suspended");
}

void admin_resume(struct admin_call *c)
{
	change_state(c, CRED_ACTIVE, "resumed");
}

void admin_revoke(struct admin_call *c)
{
	change_state(c, CRED_REVOKED, "revoked");
}
