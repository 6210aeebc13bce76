/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for outgoing requests, read from the configuration; a reload makes a new set. */
#include "security/target.h"

#include <stdlib.h>

#include "security/block.h"
#include "security/security_priv.h"

struct listing {
	struct str scheme, host, identity; /* slices of the configuration */
	uint16_t port;
};
struct prefix {
	struct block block;
	uint16_t zone; /* 0: every zone */
};
struct target_rules {
	struct target_rules *older; /* may still be read; freed with the room */
	struct conf *conf;          /* counted */
	struct listing *listings;
	struct prefix *prefixes;
	size_t n_listings, n_prefixes;
};

/* --- forms --------------------------------------------------------------------------------------------------------- */

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || memchr("-._~:/", c, 6) != NULL;
}

/* "https://host:port identity"; the port may be missing, an IPv6 address stands in brackets. */
static bool read_listing(struct str s, struct listing *out)
{
	struct listing l = { .port = 443 };
	uint64_t port;
	bool more;

	if (!str_starts(s, STR("https://")))
		return false;
	l.scheme = str_first(s, 5);
	struct str rest = str_from(s, 8), authority = str_cut(&rest, ' ', &more);
	bool ip6 = authority.n > 0 && authority.p[0] == '[';
	size_t end = str_index(authority, ip6 ? ']' : ':');
	if (ip6 && end == authority.n)
		return false;
	l.identity = str_trim(rest);
	l.host = str_make(authority.p + ip6, end - ip6);
	authority = str_from(authority, end + ip6);
	if (authority.n > 1 && authority.p[0] == ':' && str_u64(str_from(authority, 1), &port) == 0 && port > 0 && port <= 65535)
		l.port = (uint16_t)port;
	else if (authority.n)
		return false;
	for (size_t i = 0; i < l.host.n; i++)
		if (!is_name_char(l.host.p[i]) || l.host.p[i] == '/')
			return false;
	for (size_t i = 0; i < l.identity.n; i++)
		if (!is_name_char(l.identity.p[i]))
			return false;
	if (l.host.n == 0 || l.identity.n == 0)
		return false;
	*out = l;
	return true;
}

static bool read_prefix(struct str s, struct prefix *out)
{
	struct prefix p = { .zone = 0 };
	uint64_t zone;
	bool more;
	struct str rest = s, block = str_cut(&rest, ' ', &more);

	if (block_parse(block, str_index(block, ':') < block.n ? 6 : 4, &p.block) != 0)
		return false;
	rest = str_trim(rest);
	if (more) {
		if (!str_starts(rest, STR("zone=")) || str_u64(str_from(rest, 5), &zone) != 0 || zone == 0 || zone > 65535)
			return false;
		p.zone = (uint16_t)zone;
	}
	*out = p;
	return true;
}

bool target_is_listing(struct str s)
{
	struct listing l;

	return read_listing(s, &l);
}

bool target_is_prefix(struct str s)
{
	struct prefix p;

	return read_prefix(s, &p);
}

/* --- rules --------------------------------------------------------------------------------------------------------- */

void target_reload(struct security *sec, struct conf *c)
{
	struct target_rules *r = calloc(1, sizeof(*r));
	const char *item;
	unsigned n, m;

	for (n = 0; conf_item(c, CONF_NOTIFY_TARGETS, n); n++)
		;
	for (m = 0; conf_item(c, CONF_NOTIFY_PREFIXES, m); m++)
		;
	REQUIRE(r != NULL);
	r->listings = calloc(n + 1, sizeof(*r->listings));
	r->prefixes = calloc(m + 1, sizeof(*r->prefixes));
	REQUIRE(r->listings != NULL && r->prefixes != NULL);
	r->conf = conf_ref(c);
	/* What is not good was refused with the configuration (cse_check.c). */
	for (unsigned i = 0; (item = conf_item(c, CONF_NOTIFY_TARGETS, i)); i++)
		r->n_listings += read_listing(str_of(item), &r->listings[r->n_listings]);
	for (unsigned i = 0; (item = conf_item(c, CONF_NOTIFY_PREFIXES, i)); i++)
		r->n_prefixes += read_prefix(str_of(item), &r->prefixes[r->n_prefixes]);
	r->older = atomic_load(&sec->targets);
	while (!atomic_compare_exchange_weak(&sec->targets, &r->older, r))
		;
	security_changed(sec);
}

void target_fini(struct security *sec)
{
	for (struct target_rules *r = atomic_load(&sec->targets), *older; r; r = older) {
		older = r->older;
		conf_unref(r->conf);
		free(r->listings);
		free(r->prefixes);
		free(r);
	}
}

bool target_listed(struct security *sec, struct arena *a, struct str scheme, struct str host, uint16_t port, struct str *identity)
{
	const struct target_rules *r = atomic_load_explicit(&sec->targets, memory_order_acquire);

	CHECK(sec, SECURITY);
	for (size_t i = 0; i < r->n_listings; i++) {
		const struct listing *l = &r->listings[i];

		if (l->port == port && str_eq_nocase(l->host, host) && str_eq_nocase(l->scheme, scheme)) {
			*identity = arena_str(a, l->identity);
			return true;
		}
	}
	return false;
}

/* --- addresses ----------------------------------------------------------------------------------------------------- */

static const struct block loopbacks[] = { { 4, 8, { 127 } }, { 6, 128, { [15] = 1 } } },
                          link_locals[] = { { 4, 16, { 169, 254 } }, { 6, 10, { 0xfe, 0x80 } } },
                          nobodies[] = { { 4, 8, { 0 } }, { 4, 4, { 224 } }, { 4, 32, { 255, 255, 255, 255 } }, { 6, 128, { 0 } },
                                         { 6, 8, { 0xff } } };

static bool in_any(const struct block *b, size_t n, const struct ipaddr *ip)
{
	for (size_t i = 0; i < n; i++)
		if (block_holds(&b[i], ip))
			return true;
	return false;
}

bool target_address_allowed(struct security *sec, uint16_t zone, const struct ipaddr *ip, bool own)
{
	const struct target_rules *r = atomic_load_explicit(&sec->targets, memory_order_acquire);
	bool bound = false;

	CHECK(sec, SECURITY);
	if (ip->family == 0 || in_any(nobodies, ARRAY_LEN(nobodies), ip))
		return false;
	for (size_t i = 0; i < r->n_prefixes; i++) {
		const struct prefix *p = &r->prefixes[i];

		bound = bound || p->zone == zone;
		if ((p->zone == 0 || p->zone == zone) && block_holds(&p->block, ip))
			return true;
	}
	return !bound && !own && !in_any(loopbacks, ARRAY_LEN(loopbacks), ip) &&
	       !in_any(link_locals, ARRAY_LEN(link_locals), ip);
}

/* --- credentials --------------------------------------------------------------------------------------------------- */

uint64_t security_epoch(const struct security *sec)
{
	return atomic_load_explicit(&sec->epoch, memory_order_acquire);
}

struct strs cred_stems(struct security *sec, struct arena *a, struct str cred_id, size_t max)
{
	struct cred *c = registry_get(sec, cred_id);
	struct strs out = { NULL, 0 };

	if (c == NULL)
		return out;
	out = registry_stems(sec, c, a);
	cred_unref(c);
	if (out.n > max)
		out.n = max;
	return out;
}
