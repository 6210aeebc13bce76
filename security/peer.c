/* SPDX-License-Identifier: Apache-2.0 */
/* What a channel proved about its peer: a counted list of proofs (security-model 1.2, 3.1). */
#include "security/security_priv.h"

#include <stdlib.h>

struct peer *peer_new(const struct ipaddr *from)
{
	struct peer *p = calloc(1, sizeof(*p));

	REQUIRE(p != NULL);
	p->magic = PEER_MAGIC;
	atomic_init(&p->refs, 1);
	if (from)
		p->from = ipaddr_plain(from);
	return p;
}

void peer_prove(struct peer *p, enum proof_kind kind, struct cred *c)
{
	CHECK(p, PEER);
	REQUIRE(p->n < PEER_MAX_PROOFS);
	p->proof[p->n++] = (struct proof){ kind, cred_ref(c) };
}

struct peer *peer_ref(struct peer *p)
{
	CHECK(p, PEER);
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

static void leave(struct peer *p)
{
	struct holder *h = p->proof[0].cred->holder;

	pthread_mutex_lock(&h->session_lock);
	h->sessions--;
	pthread_mutex_unlock(&h->session_lock);
}

void peer_unref(struct peer *p)
{
	unsigned i;

	if (p == NULL)
		return;
	CHECK(p, PEER);
	if (atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (p->crowd)
		crowd_leave(p->crowd, &p->place);
	if (p->joined)
		leave(p);
	if (p->counted)
		atomic_fetch_sub_explicit(&p->proof[0].cred->connections, 1, memory_order_relaxed);
	for (i = 0; i < p->n; i++)
		cred_unref(p->proof[i].cred);
	p->magic = 0;
	free(p);
}

struct peer *peer_limited(struct security *sec, const struct ipaddr *from, struct str by)
{
	struct peer *p = peer_new(from);

	CHECK(sec, SECURITY);
	p->limited = true;
	p->place = crowd_place(&sec->crowd, &p->from, by);
	return p;
}

bool peer_is_limited(const struct peer *p)
{
	return p->limited;
}

struct peer *peer_self(struct security *sec)
{
	CHECK(sec, SECURITY);
	return peer_ref(sec->self_peer);
}

struct peer *peer_administrator(struct security *sec)
{
	CHECK(sec, SECURITY);
	return peer_ref(sec->admin_peer);
}

struct str security_administrator(const struct security *sec)
{
	CHECK(sec, SECURITY);
	return sec->administrator;
}

/* Takes the reference of c (may be NULL). */
static int admit(struct security *sec, struct cred *c, const struct ipaddr *from, struct peer **out)
{
	struct peer *p;

	if (c == NULL) {
		audit_stranger(sec, EV_UNKNOWN_CREDENTIAL, from);
		return E_DENIED;
	}
	if (!cred_state_speaks(c->info.state) || c->info.not_after <= clockguard_least_us(sec) || lockout_holds(sec, c)) {
		audit(sec, EV_DEAD_CREDENTIAL, NULL, STR_NONE, "%.*s", STR_ARG(c->info.id));
		cred_unref(c);
		return E_DENIED;
	}
	p = peer_new(from);
	peer_prove(p, c->info.kind == CRED_GATEWAY ? PROOF_GATEWAY : PROOF_CHANNEL, c);
	cred_unref(c);
	*out = p;
	return 0;
}

bool cred_stamp_of_key(struct security *sec, struct str fingerprint, struct cred_stamp *out)
{
	CHECK(sec, SECURITY);
	struct cred *c = registry_by_key(sec, fingerprint);
	bool ok = c && cred_state_speaks(c->info.state) && c->info.not_after > clock_wall_us(sec->clock);

	if (ok) {
		memset(out, 0, sizeof(*out));
		REQUIRE(c->info.id.n <= sizeof(out->id));
		memcpy(out->id, c->info.id.p, c->info.id.n);
		out->generation = c->info.generation;
		out->not_after = c->info.not_after;
	}
	cred_unref(c);
	return ok;
}

int peer_of_certificate(struct security *sec, struct str fingerprint, const struct ipaddr *from, struct peer **out)
{
	CHECK(sec, SECURITY);
	return admit(sec, registry_by_key(sec, fingerprint), from, out);
}

int peer_of_credential(struct security *sec, struct str cred_id, const struct ipaddr *from, struct peer **out)
{
	CHECK(sec, SECURITY);
	return admit(sec, registry_get(sec, cred_id), from, out);
}

bool peer_is_live(struct security *sec, const struct peer *p)
{
	(void)sec;
	return p->n == 0 ? p->self || p->administers || p->limited : atomic_load_explicit(&p->proof[0].cred->live, memory_order_acquire) != 0;
}

static bool is_same(const struct ipaddr *a, const struct ipaddr *b)
{
	return a->family == b->family && memcmp(a->b, b->b, a->family == 4 ? 4 : sizeof(a->b)) == 0;
}

/* A single-session credential is at one place at a time (security-model 2.3). */
static bool join(struct security *sec, struct peer *p)
{
	struct cred *c = p->proof[0].cred;
	struct holder *h = c->holder;

	if (!c->info.single_session)
		return true;
	pthread_mutex_lock(&h->session_lock);
	p->joined = h->sessions == 0 || is_same(&h->session_from, &p->from);
	if (p->joined) {
		h->sessions++;
		h->session_from = p->from;
	}
	pthread_mutex_unlock(&h->session_lock);
	if (!p->joined && sec->cloned)
		sec->cloned(sec->cloned_arg, c->info.id, "sessions from two addresses:");
	return p->joined;
}

/* All those who may enrol only have the room of one: a code or an ended certificate opens no more than a good one. */
static bool count_limited(struct security *sec, struct peer *p, unsigned max)
{
	const char *who;

	REQUIRE(p->crowd == NULL);
	who = crowd_enter(&sec->crowd, &p->place, max);
	if (who)
		audit(sec, EV_TOO_MANY_CONNECTIONS, p, STR_NONE, "that may enrol only, %s", who);
	else
		p->crowd = &sec->crowd;
	return !who;
}

bool peer_count(struct security *sec, struct peer *p, unsigned max)
{
	CHECK(p, PEER);
	if (p->limited)
		return count_limited(sec, p, max);
	REQUIRE(p->n > 0 && !p->counted);
	if (atomic_fetch_add_explicit(&p->proof[0].cred->connections, 1, memory_order_relaxed) >= max) {
		atomic_fetch_sub_explicit(&p->proof[0].cred->connections, 1, memory_order_relaxed);
		audit(sec, EV_TOO_MANY_CONNECTIONS, p, STR_NONE, "%u", max);
		return false;
	}
	p->counted = true;
	return join(sec, p);
}

uint16_t peer_zone(const struct peer *p)
{
	return p->n ? p->proof[0].cred->info.zone : ZONE_COMMON;
}

const _Atomic uint32_t *peer_liveness(const struct peer *p)
{
	return p->n > 0 ? &p->proof[0].cred->live : NULL;
}

uint64_t peer_credential_key(const struct peer *p)
{
	return p->n ? (uintptr_t)p->proof[0].cred->holder : 0;
}

bool peer_is_credential(const struct peer *p, struct str cred_id)
{
	return p->n > 0 && cred_id.n > 0 && str_eq(p->proof[0].cred->info.id, cred_id);
}

bool peer_is_kind(const struct peer *p, enum cred_kind kind)
{
	return p->n > 0 && p->proof[0].cred->info.kind == kind;
}

bool peer_has_name(const struct peer *p, struct str name)
{
	if (p->n == 0)
		return false;
	const struct cred_info *c = &p->proof[0].cred->info;
	for (size_t i = 0; i < c->names.n; i++)
		if (str_eq(c->names.v[i], name))
			return true;
	return str_eq(c->id, name);
}
