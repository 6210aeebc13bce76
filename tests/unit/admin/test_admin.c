/* SPDX-License-Identifier: Apache-2.0 */
/* The administrator's calls end to end over the real store, security room and authority: what is issued, refused, seen and listed. */
#include "admin/admin.h"

#include "tests/unit/admin/rig.h"

static void lock_and_release(struct rig *r, const char *id, unsigned char fp[32])
{
	struct peer *peer = NULL;
	char path[128];

	ck_assert_uint_eq(call(r, "GET", "/v1/locks", NULL), 200);
	json_t *locks = reply(r);
	ck_assert_uint_eq(json_array_size(locks), 0);
	json_decref(locks);
	lockout_strike_credential(r->cse.security, str_of(id), STRIKE_CLONE);
	ck_assert_uint_eq(call(r, "GET", "/v1/locks", NULL), 200);
	locks = reply(r);
	ck_assert_uint_eq(json_array_size(locks), 1);
	ck_assert_str_eq(member(json_array_get(locks, 0), "id"), id);
	ck_assert_str_eq(member(json_array_get(locks, 0), "strike"), "STRIKE_CLONE");
	ck_assert_ptr_null(json_object_get(json_array_get(locks, 0), "until"));
	ck_assert_int_eq(peer_of_certificate(r->cse.security, str_make((char *)fp, 32), NULL, &peer), E_DENIED);
	ck_assert_uint_eq(call(r, "GET", "/v1/credentials", NULL), 200);
	json_decref(locks);
	locks = reply(r);
	ck_assert_str_eq(member(json_array_get(locks, 0), "state"), "locked");
	json_decref(locks);
	snprintf(path, sizeof(path), "/v1/credentials/%s/release", id);
	ck_assert_uint_eq(call(r, "POST", path, NULL), 200);
	ck_assert_int_eq(peer_of_certificate(r->cse.security, str_make((char *)fp, 32), NULL, &peer), 0);
	peer_unref(peer);
	ck_assert_uint_eq(call(r, "POST", path, NULL), 409);
	ck_assert_uint_eq(call(r, "POST", "/v1/credentials/cnone/release", NULL), 404);
}

START_TEST(issues_and_lists)
{
	struct rig *r = malloc(sizeof(*r));
	EVP_PKEY *key = pki_key();
	char out[65536];
	struct peer *peer = NULL;
	unsigned char fp[32];
	struct buf pem;

	rig_init(r);
	ck_assert_msg(issue(r, key, "CDev1", ",\"life\":\"2h\"") == 201, "%s", r->body);
	json_t *j = reply(r);
	ck_assert_int_eq(member(j, "id")[0], 'c');
	buf_init(&pem, 65536);
	buf_z(&pem, member(j, "certificate"));
	pki_save(&r->p, "dev.pem", &pem);
	buf_reset(&pem);
	buf_z(&pem, member(j, "ca"));
	pki_save(&r->p, "ca.pem", &pem);
	ck_assert_msg(PKI_OPENSSL(&r->p.st, out, "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", "ca.pem", "dev.pem") == 0,
	              "%s", out);
	/* The channel that shows this key is known from now on. */
	buf_reset(&pem);
	buf_z(&pem, member(j, "certificate"));
	X509 *x = pki_first(&pem);
	ck_assert_int_eq(cert_fingerprint(x, fp), 0);
	ck_assert_int_eq(peer_of_certificate(r->cse.security, str_make((char *)fp, 32), NULL, &peer), 0);
	ck_assert(peer_is_live(r->cse.security, peer));
	X509_free(x);
	ck_assert_uint_eq(call(r, "GET", "/v1/credentials", NULL), 200);
	json_t *list = reply(r), *c = json_array_get(list, 0);
	ck_assert_uint_eq(json_array_size(list), 1);
	ck_assert_str_eq(member(c, "id"), member(j, "id"));
	ck_assert_str_eq(member(c, "kind"), "device");
	ck_assert_str_eq(member(c, "state"), "active");
	ck_assert_str_eq(member(c, "notAfter"), member(j, "notAfter"));
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(c, "names"), 0)), "CDev1");
	/* Suspended and revoked act on the peer that is there. */
	char path[128];
	snprintf(path, sizeof(path), "/v1/credentials/%s/suspend", member(j, "id"));
	ck_assert_uint_eq(call(r, "POST", path, NULL), 200);
	ck_assert(!peer_is_live(r->cse.security, peer));
	peer_unref(peer);
	ck_assert_int_eq(peer_of_certificate(r->cse.security, str_make((char *)fp, 32), NULL, &peer), E_DENIED);
	snprintf(path, sizeof(path), "/v1/credentials/%s/resume", member(j, "id"));
	ck_assert_uint_eq(call(r, "POST", path, NULL), 200);
	ck_assert_int_eq(peer_of_certificate(r->cse.security, str_make((char *)fp, 32), NULL, &peer), 0);
	peer_unref(peer);
	lock_and_release(r, member(j, "id"), fp);
	snprintf(path, sizeof(path), "/v1/credentials/%s/revoke", member(j, "id"));
	ck_assert_uint_eq(call(r, "POST", path, NULL), 200);
	ck_assert_int_eq(peer_of_certificate(r->cse.security, str_make((char *)fp, 32), NULL, &peer), E_DENIED);
	snprintf(path, sizeof(path), "/v1/credentials/%s/resume", member(j, "id"));
	ck_assert_uint_eq(call(r, "POST", path, NULL), 409);
	error_says(r, "revoked");
	json_decref(list);
	json_decref(j);
	buf_fini(&pem);
	EVP_PKEY_free(key);
	rig_fini(r);
	free(r);
}
END_TEST

/* Each of two who replace a key in the same moment knows afterwards whether his is the one. */
START_TEST(two_replace_at_once)
{
	struct rig *r = malloc(sizeof(*r));
	EVP_PKEY *key[3] = { pki_key(), pki_key(), pki_key() };
	unsigned char fp[32];
	struct peer *peer;
	int fd[2];

	rig_init(r);
	ck_assert_uint_eq(issue(r, key[0], "CDev1", ""), 201);
	fd[0] = r->fd;
	fd[1] = dial(r);
	loop_turn(r->cse.loops[0], 0);
	/* Both wait to be read before the first has been carried out. */
	for (int i = 0; i < 2; i++) {
		char *body = issue_body(key[1 + i], "CDev1", ",\"replace\":true");
		r->fd = fd[i];
		say(r, "POST", "/v1/credentials", body);
		free(body);
	}
	unsigned status[2];
	for (int i = 0; i < 2; i++) {
		r->fd = fd[i];
		ck_assert(answer(r));
		status[i] = r->status;
		if (status[i] == 409)
			error_says(r, "at this moment");
	}
	ck_assert_msg((status[0] == 201 && status[1] == 409) || (status[0] == 409 && status[1] == 201), "%u %u", status[0], status[1]);
	for (int i = 0; i < 3; i++) {
		unsigned char *spki = NULL;
		int n = i2d_PUBKEY(key[i], &spki);
		bool lives = i > 0 && status[i - 1] == 201;
		EVP_Digest(spki, (size_t)n, fp, NULL, EVP_sha256(), NULL);
		OPENSSL_free(spki);
		ck_assert_int_eq(peer_of_certificate(r->cse.security, str_make((char *)fp, 32), NULL, &peer), lives ? 0 : E_DENIED);
		if (lives)
			peer_unref(peer);
		EVP_PKEY_free(key[i]);
	}
	/* Asked again, it is a generation of its own. */
	EVP_PKEY *again = pki_key();
	ck_assert_uint_eq(issue(r, again, "CDev1", ",\"replace\":true"), 201);
	ck_assert_uint_eq(call(r, "GET", "/v1/credentials", NULL), 200);
	json_t *j = reply(r);
	ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(j, 0), "generation")), 3);
	json_decref(j);
	EVP_PKEY_free(again);
	close(fd[0] == r->fd ? fd[1] : fd[0]);
	rig_fini(r);
	free(r);
}
END_TEST

START_TEST(a_name_is_given_once)
{
	struct rig *r = malloc(sizeof(*r));
	EVP_PKEY *a = pki_key(), *b = pki_key();
	char id[64];
	unsigned char fp[32];
	struct peer *peer;

	rig_init(r);
	ck_assert_uint_eq(issue(r, a, "CDev1", ""), 201);
	json_t *j = reply(r);
	snprintf(id, sizeof(id), "%s", member(j, "id"));
	json_decref(j);
	ck_assert_uint_eq(issue(r, b, "CDev1", ""), 409);
	error_says(r, "replace");
	ck_assert_uint_eq(issue(r, b, "CDev1", ",\"replace\":true"), 201);
	j = reply(r);
	ck_assert_str_eq(member(j, "id"), id);
	json_decref(j);
	ck_assert_uint_eq(call(r, "GET", "/v1/credentials", NULL), 200);
	j = reply(r);
	ck_assert_uint_eq(json_array_size(j), 1);
	ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(j, 0), "generation")), 2);
	json_decref(j);
	unsigned char *spki = NULL;
	int n = i2d_PUBKEY(a, &spki);
	EVP_Digest(spki, (size_t)n, fp, NULL, EVP_sha256(), NULL);
	OPENSSL_free(spki);
	ck_assert_int_eq(peer_of_certificate(r->cse.security, str_make((char *)fp, 32), NULL, &peer), E_DENIED);
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
	rig_fini(r);
	free(r);
}
END_TEST

START_TEST(what_is_refused)
{
	struct rig *r = malloc(sizeof(*r));
	EVP_PKEY *key = pki_key();

	rig_init(r);
	ck_assert_uint_eq(call(r, "GET", "/v1/nothing", NULL), 404);
	ck_assert_uint_eq(call(r, "DELETE", "/v1/status", NULL), 405);
	ck_assert_uint_eq(call(r, "POST", "/v1/credentials", "{}"), 400);
	error_says(r, "csr is missing");
	ck_assert_uint_eq(call(r, "POST", "/v1/credentials", "{\"csr\":\"x\",\"names\":[\"C1\"]}"), 400);
	error_says(r, "PKCS#10");
	ck_assert_uint_eq(issue(r, key, "CDev1", ",\"life\":\"2000d\""), 400);
	error_says(r, "life must be at most 400 days");
	ck_assert_uint_eq(issue(r, key, "CDev1", ",\"life\":\"10s\""), 400);
	ck_assert_uint_eq(issue(r, key, "C*", ""), 400);
	ck_assert_uint_eq(issue(r, key, "/id-in", ",\"kind\":\"cse\""), 400);
	ck_assert_uint_eq(issue(r, key, "CDev1", ",\"zone\":99"), 404);
	error_says(r, "zone");
	ck_assert_uint_eq(call(r, "POST", "/v1/credentials/cnone/revoke", NULL), 404);
	ck_assert_uint_eq(call(r, "GET", "/v1/events?from=x", NULL), 400);
	/* Nothing of all that left a credential. */
	ck_assert_uint_eq(call(r, "GET", "/v1/credentials", NULL), 200);
	ck_assert_str_eq(r->body, "[]");
	EVP_PKEY_free(key);
	rig_fini(r);
	free(r);
}
END_TEST

START_TEST(what_is_seen)
{
	struct rig *r = malloc(sizeof(*r));
	EVP_PKEY *key = pki_key();

	rig_init(r);
	ck_assert_uint_eq(issue(r, key, "CDev1", ""), 201);
	ck_assert_uint_eq(call(r, "GET", "/v1/status", NULL), 200);
	json_t *j = reply(r);
	ck_assert_str_eq(member(j, "cse"), "//troth.example/id-in/cse-in");
	ck_assert_str_eq(member(j, "clock"), "trusted");
	ck_assert(json_is_integer(json_object_get(json_object_get(j, "store"), "nodes")));
	ck_assert(json_object_size(json_object_get(j, "counters")) > 10);
	static const char *const held[] = { "subscriptions", "silent", "held", "stored", "dropped" };
	for (size_t i = 0; i < ARRAY_LEN(held); i++)
		ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(j, "notifications"), held[i])), 0);
	json_decref(j);
	ck_assert_uint_eq(call(r, "GET", "/v1/ca", NULL), 200);
	j = reply(r);
	ck_assert_ptr_nonnull(strstr(member(j, "ca"), "BEGIN CERTIFICATE"));
	ck_assert_ptr_null(strstr(r->body, "PRIVATE"));
	json_decref(j);
	/* Events: all of them, one JSON object a line, ascending; from a number on. */
	ck_assert_uint_eq(call(r, "GET", "/v1/events", NULL), 200);
	json_int_t last = -1;
	unsigned issued = 0, lines = 0;
	for (char *line = r->body, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = 0;
		j = json_loads(line, 0, NULL);
		ck_assert_msg(j != NULL, "%s", line);
		json_int_t seq = json_integer_value(json_object_get(j, "seq"));
		ck_assert_int_gt(seq, last);
		last = seq;
		lines++;
		issued += strcmp(member(j, "event"), "EV_CREDENTIAL_ISSUED") == 0;
		json_decref(j);
	}
	ck_assert_uint_eq(issued, 1);
	ck_assert_uint_ge(lines, 2);
	char path[64];
	snprintf(path, sizeof(path), "/v1/events?from=%lld&reveal=1", (long long)last + 1);
	ck_assert_uint_eq(call(r, "GET", path, NULL), 200);
	ck_assert_str_eq(r->body, "");
	/* Last: its event comes with a tick of the clock. */
	ck_assert_uint_eq(call(r, "POST", "/v1/clock/accept", NULL), 200);
	EVP_PKEY_free(key);
	rig_fini(r);
	free(r);
}
END_TEST

START_TEST(zones_and_conduits)
{
	struct rig *r = malloc(sizeof(*r));

	rig_init(r);
	ck_assert_uint_eq(call(r, "GET", "/v1/zones", NULL), 200);
	ck_assert_str_eq(r->body, "[{\"zone\":1,\"reaches\":[]}]");
	ck_assert_uint_eq(call(r, "POST", "/v1/zones/7", NULL), 200);
	ck_assert_uint_eq(call(r, "POST", "/v1/zones/300", NULL), 200);
	static const char *const bad[] = { "0-1", "1-1", "1", "1-", "-1", "1-65536", "a-b", "1-7-9" };
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char path[64];
		snprintf(path, sizeof(path), "/v1/conduits/%s/open", bad[i]);
		ck_assert_msg(call(r, "POST", path, NULL) == 400, "%s %s", bad[i], r->body);
	}
	ck_assert_uint_eq(call(r, "POST", "/v1/conduits/1-9/open", NULL), 404);
	error_says(r, "no zone 9");
	ck_assert_uint_eq(call(r, "POST", "/v1/conduits/7-300/open", NULL), 200);
	ck_assert_uint_eq(call(r, "POST", "/v1/conduits/1-7/open", NULL), 200);
	ck_assert_uint_eq(call(r, "POST", "/v1/conduits/1-300/open", NULL), 200);
	ck_assert_uint_eq(call(r, "GET", "/v1/zones", NULL), 200);
	ck_assert_str_eq(r->body, "[{\"zone\":1,\"reaches\":[7,300]},{\"zone\":7,\"reaches\":[300]},{\"zone\":300,\"reaches\":[]}]");
	ck_assert_uint_eq(call(r, "POST", "/v1/conduits/1-7/close", NULL), 200);
	ck_assert_str_eq(r->body, "{\"from\":1,\"to\":7,\"state\":\"closed\"}");
	ck_assert_uint_eq(call(r, "GET", "/v1/zones", NULL), 200);
	ck_assert_str_eq(r->body, "[{\"zone\":1,\"reaches\":[300]},{\"zone\":7,\"reaches\":[300]},{\"zone\":300,\"reaches\":[]}]");
	ck_assert_uint_eq(call(r, "GET", "/v1/events?from=0", NULL), 200);
	ck_assert_ptr_nonnull(strstr(r->body, "conduit 7 300 open"));
	rig_fini(r);
	free(r);
}
END_TEST

static const char *why_of(struct rig *r, const char *body)
{
	static _Thread_local char text[2000]; /* of the test */
	json_t *j;

	ck_assert_msg(call(r, "POST", "/v1/acp/why", body) == 200, "%s", r->body);
	j = reply(r);
	snprintf(text, sizeof(text), "%s", member(j, "why"));
	json_decref(j);
	return text;
}

START_TEST(why_it_is_so)
{
	struct rig *r = malloc(sizeof(*r));
	EVP_PKEY *key = pki_key();

	rig_init(r);
	ck_assert_uint_eq(issue(r, key, "CDev1", ""), 201);
	static const char *const bad[][2] = {
		{ "", "JSON" }, { "{}", "originator" }, { "[]", "originator" },
		{ "{\"originator\":\"CDev1\",\"to\":\"cse-in\",\"operation\":\"read\"}", "operation must be" },
		{ "{\"originator\":\"CDev1\",\"to\":\"cse-in\",\"operation\":\"create\"}", "type" },
		{ "{\"originator\":\"CDev1\",\"to\":\"cse-in\",\"operation\":\"create\",\"type\":\"nix\"}", "resource type" },
		{ "{\"originator\":\"all\",\"to\":\"cse-in\",\"operation\":\"retrieve\"}", "AE-ID" },
		{ "{\"originator\":\"CDev1\",\"to\":\"/mn1/x\",\"operation\":\"retrieve\"}", "address" },
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ck_assert_msg(call(r, "POST", "/v1/acp/why", bad[i][0]) == 400, "%zu: %s", i, r->body);
		error_says(r, bad[i][1]);
	}
	ck_assert_uint_eq(call(r, "POST", "/v1/acp/why",
	                       "{\"originator\":\"CDev1\",\"to\":\"cse-in/x\",\"operation\":\"retrieve\"}"), 404);
	ck_assert_uint_eq(call(r, "POST", "/v1/acp/why",
	                       "{\"originator\":\"CNone\",\"to\":\"cse-in\",\"operation\":\"retrieve\"}"), 404);
	error_says(r, "no credential");
	/* This rig's CSEBase has no policy: nobody but its creator. */
	const char *text = why_of(r, "{\"originator\":\"CDev1\",\"to\":\"cse-in\",\"operation\":\"create\",\"type\":\"cnt\"}");
	ck_assert_ptr_nonnull(strstr(text, "not the creator"));
	ck_assert_str_eq(text + strlen(text) - 6, "denied");
	EVP_PKEY_free(key);
	rig_fini(r);
	free(r);
}
END_TEST

START_TEST(events_are_verified)
{
	struct rig *r = malloc(sizeof(*r));

	rig_init(r);
	ck_assert_uint_eq(call(r, "POST", "/v1/zones/7", NULL), 200);
	ck_assert_uint_eq(call(r, "POST", "/v1/events/verify", NULL), 200);
	json_t *j = reply(r);
	ck_assert_int_ge(json_integer_value(json_object_get(j, "events")), 2);
	ck_assert_str_eq(member(j, "chain"), "whole");
	json_decref(j);
	/* A row that nobody chained. */
	ck_assert_int_eq(store_event_append(r->cse.store, STR("forged")), 0);
	ck_assert_uint_eq(call(r, "POST", "/v1/events/verify", NULL), 500);
	error_says(r, "does not follow");
	rig_fini(r);
	free(r);
}
END_TEST

/* --- pages ---------------------------------------------------------------------------------------------------------------- */

enum { MANY = 12000, DEVICES = MANY / 3 };

static void stored(struct commit *c, int err)
{
	(void)c;
	ck_assert_int_eq(err, 0);
}

/* Credentials without a key, each third a device; ids[i] as they were made. */
static void put_many(struct rig *r, char (*ids)[64])
{
	struct cse *c = &r->cse;
	struct cred_info info[200];

	for (int i = 0; i < MANY; i += 200) {
		struct commit commit = { .magic = COMMIT_MAGIC, .done = stored };
		struct why why = { 0 };

		arena_reset(&r->a);
		struct tx *tx = store_begin(c->store, &r->a, TX_WRITE);
		for (int k = 0; k < 200; k++) {
			struct str name = arena_printf(&r->a, "CMany%d", i + k);
			struct str *names = arena_alloc(&r->a, sizeof(*names));

			*names = name;
			info[k] = (struct cred_info){ .id = cred_make_id(c->security, &r->a), .kind = CRED_DEVICE, .state = CRED_ADDED,
				.names = { names, 1 }, .zone = 1, .max_ae = 1 };
			if ((i + k) % 3 == 0)
				info[k].name = name;
			check_ok(cred_put(c->security, tx, &info[k], &why), &why);
			snprintf(ids[i + k], 64, "%.*s", STR_ARG(info[k].id));
		}
		ck_assert_int_eq(store_commit(tx, &commit), 1);
		store_ready(c->store, &commit);
		store_flush(c->store);
		for (int k = 0; k < 200; k++)
			cred_apply(c->security, &info[k]);
	}
}

/* All pages of that length: every third, or all, each once and in order. */
static void read_pages(struct rig *r, const char *path, unsigned limit, char (*ids)[64], int step)
{
	char url[256];
	int at = 0;

	snprintf(url, sizeof(url), "%s?limit=%u", path, limit);
	for (;;) {
		ck_assert_uint_eq(call(r, "GET", url, NULL), 200);
		json_t *list = reply(r);
		size_t n = json_array_size(list);
		ck_assert_uint_le(n, limit);
		for (size_t i = 0; i < n; i++, at += step) {
			ck_assert_int_lt(at, MANY);
			ck_assert_str_eq(member(json_array_get(list, i), "id"), ids[at]);
		}
		if (n)
			snprintf(url, sizeof(url), "%s?limit=%u&after=%s", path, limit, member(json_array_get(list, n - 1), "id"));
		json_decref(list);
		if (!n)
			break;
	}
	ck_assert_int_ge(at, MANY);
}

START_TEST(lists_come_in_pages)
{
	struct rig *r = malloc(sizeof(*r));
	char(*ids)[64] = calloc(MANY, sizeof(*ids));
	static const char *const bad[] = { "limit=0", "limit=1001", "limit=x", "limit=-1", "after=", "after=%zz" };
	char path[128];

	rig_init(r);
	put_many(r, ids);
	ck_assert_uint_eq(call(r, "GET", "/v1/credentials", NULL), 200);
	json_t *list = reply(r);
	ck_assert_uint_eq(json_array_size(list), 1000);
	json_decref(list);
	read_pages(r, "/v1/credentials", 1000, ids, 1);
	read_pages(r, "/v1/credentials", 777, ids, 1);
	read_pages(r, "/v1/devices", 256, ids, 3);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(path, sizeof(path), "/v1/credentials?%s", bad[i]);
		ck_assert_uint_eq(call(r, "GET", path, NULL), 400);
		error_says(r, "limit must be");
	}
	ck_assert_uint_eq(call(r, "GET", "/v1/devices?after=cnone", NULL), 404);
	free(ids);
	rig_fini(r);
	free(r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("admin");
	TCase *tc = tcase_create("admin");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, lists_come_in_pages);
	tcase_add_test(tc, issues_and_lists);
	tcase_add_test(tc, a_name_is_given_once);
	tcase_add_test(tc, two_replace_at_once);
	tcase_add_test(tc, what_is_refused);
	tcase_add_test(tc, what_is_seen);
	tcase_add_test(tc, zones_and_conduits);
	tcase_add_test(tc, why_it_is_so);
	tcase_add_test(tc, events_are_verified);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
