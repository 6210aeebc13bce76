/* SPDX-License-Identifier: Apache-2.0 */
/* The policy's lists, read once from the configuration, and the questions asked of them. */
#include "agent/policy.h"

#include <stdlib.h>

#include "agent/book.h"
#include "agent/conf.h"
#include "agent/identity.h"
#include "cse/base/err.h"

/* At most POLICY_PATTERNS elements; `special` ("own") is told apart. */
struct list {
	struct str item[POLICY_PATTERNS];
	unsigned n;
	bool all, own;
};

#define POLICY_MAGIC 0x706f6c69u
struct policy {
	uint32_t magic;
	struct agent *agent;
	struct conf *conf; /* a reference: the lists are slices of it */
	struct list from, leave, take, types, origins;
	size_t max_bytes;
};

/* --- patterns ---------------------------------------------------------------------------------------------------------- */

bool policy_is_pattern(struct str s)
{
	size_t star = str_index(s, '*');

	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	if (s.n == 0 || s.n > POLICY_PATTERN_BYTES)
		return false;
	return star == s.n || s.n == 1 || (star == s.n - 1 && s.n > 2 && s.p[star - 1] == '/');
}

/* Without the provider's name when that is ours; `cse` and the rest.  A rest alone is of our CSE. */
static struct str split(struct str s, const struct addr_self *self, struct str *cse)
{
	bool more;

	*cse = self->cse;
	if (str_starts(s, STR("//"))) {
		struct str rest = str_from(s, 2);

		if (!str_eq(str_cut(&rest, '/', &more), self->sp)) {
			*cse = s;
			return STR_NONE;
		}
		s = str_from(s, 2 + self->sp.n);
	}
	if (s.n == 0 || s.p[0] != '/')
		return s;
	s = str_from(s, 1);
	*cse = str_cut(&s, '/', &more);
	return more ? s : STR_NONE;
}

/* The first element, with "-" read as the CSEBase's name. */
static struct str cut_element(struct str *s, const struct addr_self *self, bool *more)
{
	struct str e = str_cut(s, '/', more);

	return str_eq(e, STR("-")) ? self->base : e;
}

bool policy_matches(struct str pattern, struct str address, const struct addr_self *self)
{
	struct str p_cse, a_cse;
	bool below, p_more, a_more;

	if (str_eq(pattern, STR("*")))
		return true;
	below = str_ends(pattern, STR("/*"));
	if (below)
		pattern.n -= 2;
	pattern = split(pattern, self, &p_cse);
	address = split(address, self, &a_cse);
	if (!str_eq(p_cse, a_cse))
		return false;
	if (pattern.n == 0)
		return below || address.n == 0;
	if (address.n == 0 || !str_eq(cut_element(&pattern, self, &p_more), cut_element(&address, self, &a_more)))
		return false;
	while (p_more && a_more)
		if (!str_eq(str_cut(&pattern, '/', &p_more), str_cut(&address, '/', &a_more)))
			return false;
	return !p_more && (!a_more || below);
}

/* --- reading ----------------------------------------------------------------------------------------------------------- */

static int read_list(struct policy *p, unsigned id, struct list *out, bool patterns, struct why *why)
{
	const char *item;

	for (unsigned i = 0; (item = conf_item(p->conf, id, i)) != NULL; i++) {
		struct str s = str_of(item);

		if (i == POLICY_PATTERNS || (patterns && !policy_is_pattern(s))) {
			conf_refuse(p->conf, id, why->text, sizeof(why->text), "\"%.40s\": %s", item,
			            i == POLICY_PATTERNS ? "at most 64 elements" : "write an address, address/* or *");
			why->rsc = RSC_INTERNAL_SERVER_ERROR;
			return E_CONF;
		}
		out->all |= str_eq(s, STR("*"));
		out->own |= str_eq(s, STR("own"));
		out->item[out->n++] = s;
	}
	return 0;
}

int policy_open(struct agent *a, struct policy **out, struct why *why)
{
	struct policy *p = calloc(1, sizeof(*p));
	int r;

	REQUIRE(p != NULL);
	p->magic = POLICY_MAGIC;
	p->agent = a;
	p->conf = conf_ref(a->conf);
	p->max_bytes = (size_t)conf_num(p->conf, AGENT_TAKE_BYTES);
	r = read_list(p, AGENT_ORIGINATORS, &p->from, false, why);
	if (r == 0)
		r = read_list(p, AGENT_LEAVE, &p->leave, true, why);
	if (r == 0)
		r = read_list(p, AGENT_TAKE, &p->take, true, why);
	if (r == 0)
		r = read_list(p, AGENT_TAKE_TYPES, &p->types, false, why);
	if (r == 0)
		r = read_list(p, AGENT_ORIGINS, &p->origins, false, why);
	if (r != 0) {
		policy_close(p);
		return r;
	}
	*out = p;
	return 0;
}

void policy_close(struct policy *p)
{
	if (p == NULL)
		return;
	CHECK(p, POLICY);
	conf_unref(p->conf);
	p->magic = 0;
	free(p);
}

/* --- questions --------------------------------------------------------------------------------------------------------- */

static bool has(const struct list *l, struct str s)
{
	for (unsigned i = 0; i < l->n; i++) {
		struct str item = l->item[i];

		if (str_eq(item, s) || (str_ends(item, STR("*")) && str_starts(s, str_first(item, item.n - 1))))
			return true;
	}
	return false;
}

/* As credentials list it: the stem of an AE of this CSE, an S-stem without its slash, else "/cse". */
static struct str bare(struct str from, const struct addr_self *self)
{
	struct str cse, rest;

	if (from.n == 0 || from.p[0] != '/')
		return from;
	rest = split(from, self, &cse);
	if (rest.n > 0)
		return str_eq(cse, self->cse) ? rest : from;
	if (cse.n > 0 && cse.p[0] == 'S')
		return cse;
	return cse.n > 0 && cse.p > from.p && cse.p[-1] == '/' ? str_make(cse.p - 1, cse.n + 1) : from;
}

static bool is_own_name(const struct policy *p, struct str name)
{
	const struct strs *own = p->agent->identity ? identity_names(p->agent->identity) : NULL;

	if (own == NULL)
		return true;
	for (size_t i = 0; i < own->n; i++) {
		struct str o = own->v[i];

		if (str_eq(o, name) || (str_ends(o, STR("*")) && str_starts(name, str_first(o, o.n - 1))))
			return true;
	}
	return p->agent->book && book_has_name(p->agent->book, name);
}

bool policy_is_own(const struct policy *p, struct str name)
{
	CHECK(p, POLICY);
	return name.n > 0 && p->agent->identity && is_own_name(p, bare(name, identity_cse(p->agent->identity)));
}

static enum rsc check_from(const struct policy *p, const struct policy_request *r, struct why *why)
{
	struct str name;

	if (p->from.all || r->from.n == 0)
		return RSC_NONE;
	/* TS-0001 10.2.2.2: the CSE chooses. */
	if (r->op == OP_CREATE && r->ty == TY_AE && (str_eqz(r->from, "C") || str_eqz(r->from, "S")))
		return RSC_NONE;
	/* A certificate without names is one of App-IDs: the CSE alone knows who may register with it. */
	if (r->op == OP_CREATE && r->ty == TY_AE && p->from.own && p->agent->identity && identity_names(p->agent->identity)->n == 0)
		return RSC_NONE;
	name = p->agent->identity ? bare(r->from, identity_cse(p->agent->identity)) : r->from;
	if (has(&p->from, r->from) || (p->from.own && is_own_name(p, name)))
		return RSC_NONE;
	return why_set(why, RSC_ORIGINATOR_NOT_AUTHENTICATED,
	               "X-M2M-Origin names nobody whom this device's certificate speaks for; the request was not sent (policy.originators)");
}

enum rsc policy_leaves(const struct policy *p, const struct policy_request *r, struct why *why)
{
	static const struct addr_self nobody = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };
	enum rsc rsc = check_from(p, r, why);

	CHECK(p, POLICY);
	if (rsc != RSC_NONE)
		return rsc;
	if (p->leave.all || r->op == OP_RETRIEVE || r->op == OP_DELETE)
		return RSC_NONE;
	for (unsigned i = 0; i < p->leave.n; i++)
		if (policy_matches(p->leave.item[i], r->to, p->agent->identity ? identity_cse(p->agent->identity) : &nobody))
			return RSC_NONE;
	return why_set(why, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "this device's policy does not let content leave for that address (policy.leave)");
}

enum rsc policy_takes(const struct policy *p, const struct policy_notice *n, struct why *why)
{
	static const struct addr_self nobody = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };
	bool taken = p->take.all || (p->take.own && n->own);

	CHECK(p, POLICY);
	if (n->bytes > p->max_bytes)
		return why_set(why, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "the notification is larger than this device takes (policy.take_bytes)");
	for (unsigned i = 0; !taken && n->sur.n > 0 && i < p->take.n; i++)
		taken = !str_eqz(p->take.item[i], "own") &&
		        policy_matches(p->take.item[i], n->sur, p->agent->identity ? identity_cse(p->agent->identity) : &nobody);
	if (!taken)
		return why_set(why, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "no local subscription asked for this notification (policy.take)");
	if (p->types.all || n->root.n == 0 || has(&p->types, n->root))
		return RSC_NONE;
	return why_set(why, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "this device does not take notifications of that type (policy.take_types)");
}

bool policy_origin(const struct policy *p, struct str origin)
{
	CHECK(p, POLICY);
	for (unsigned i = 0; i < p->origins.n; i++)
		if (str_eq(p->origins.item[i], origin))
			return true;
	return false;
}
