/* SPDX-License-Identifier: Apache-2.0 */
/* Is this notification one that the device asked for?  And the request to the local client that it becomes. */
#include "agent/door.h"
#include "agent/identity.h"
#include "agent/notice_priv.h"
#include "agent/peek.h"

static const char *const sur_of[] = { "*", "sur", NULL }, *const rep_of[] = { "*", "nev", "rep", NULL }, *const vrq_of[] = { "*", "vrq", NULL },
	*const cr_of[] = { "*", "cr", NULL }, *const rqi_of[] = { "m2m:rsp", "rqi", NULL }, *const none[] = { NULL };

/* TS-0001 9.6.8, 10.2.10: the token was made for a subscription or an answer of a client here; or, at a point of access, the
 * subscription was made here, is being made by a name of this device, or the answer was asked for. */
static bool is_own(struct agent *a, enum book_kind kind, struct str body, struct str sur)
{
	struct str s, cr;

	if (kind != BOOK_POA)
		return true;
	if (peek_member(body, vrq_of, &s) && str_eqz(s, "true"))
		return peek_string(body, cr_of, &cr) && policy_is_own(a->policy, cr);
	if (sur.n > 0)
		return book_has_sub(a->book, sur, identity_cse(a->identity));
	return peek_string(body, rqi_of, &s) && door_asked(a->door, s);
}

static enum rsc judge(struct notice_conn *nc, struct str *url, struct why *why)
{
	struct agent *a = notice_of(nc)->agent;
	const char *base = notice_message(nc);
	struct str path = http1_str(base, nc->h.path), body = http1_body(&nc->h, base);
	struct policy_notice n = { .bytes = body.n };
	enum book_kind kind;
	enum rsc rsc;

	if (nc->h.has_query || path.n != 1 + BOOK_TOKEN || !book_url(a->book, str_from(path, 1), url, &kind) || kind == BOOK_AGENT)
		return why_set(why, RSC_NOT_FOUND, "no local client is known by this address");
	peek_string(body, sur_of, &n.sur);
	/* What is no single notification (m2m:agn, m2m:rsp) goes by its own name. */
	if (peek_root(body, none, &n.root) && str_eqz(n.root, "m2m:sgn")) {
		n.root = STR_NONE;
		peek_root(body, rep_of, &n.root);
	}
	n.own = is_own(a, kind, body, n.sur);
	rsc = policy_takes(a->policy, &n, why);
	if (rsc != RSC_NONE)
		return rsc;
	if (rewrite_place(door_rewrite(a->door), *url, &nc->place, why) != RSC_NONE) {
		why->rsc = RSC_ORIGINATOR_HAS_NO_PRIVILEGE;
		return why->rsc;
	}
	return RSC_NONE;
}

static bool is_passed(struct str name)
{
	return str_eq_nocase(str_first(name, 6), STR("x-m2m-")) || str_eq_nocase(name, STR("content-type")) || str_eq_nocase(name, STR("accept"));
}

enum rsc notice_ask(struct notice_conn *nc, struct why *why)
{
	const char *base = notice_message(nc);
	struct str url, body = http1_body(&nc->h, base);
	struct buf *out = &nc->ask;
	struct rewrite *w = door_rewrite(notice_of(nc)->agent->door);
	struct buf back;
	enum rsc rsc;

	nc->rqi = http1_field(&nc->h, base, STR("x-m2m-ri"), NULL);
	rsc = judge(nc, &url, why);
	if (rsc != RSC_NONE)
		return rsc;
	buf_reset(out);
	BUF_LIT(out, "POST ");
	buf_str(out, nc->place.path);
	BUF_LIT(out, " HTTP/1.1\r\nHost: ");
	buf_str(out, nc->place.ip6 ? STR("[::1]") : nc->place.host);
	buf_putc(out, ':');
	buf_u64(out, nc->place.port);
	BUF_LIT(out, "\r\n");
	for (unsigned i = 0; i < nc->h.n_fields; i++) {
		struct str name = http1_str(base, nc->h.fields[i].name);

		if (is_passed(name))
			http1_put_field(out, name, http1_str(base, nc->h.fields[i].value));
	}
	buf_init(&back, NOTICE_OUT);
	if (rewrite_back(w, body, &back))
		body = buf_as_str(&back);
	http1_put_length(out, body.n);
	BUF_LIT(out, "\r\n");
	buf_str(out, body);
	buf_fini(&back);
	return out->over ? why_set(why, RSC_INTERNAL_SERVER_ERROR, "the notification is too large for the agent") : RSC_NONE;
}
