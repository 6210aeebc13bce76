/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials: what a description must be, one version of it in memory, and its way into the store (security-model 1.1). */
#include "security/security_priv.h"

#include <math.h>
#include <stdlib.h>

#include "security/record.h"

/* RFC 4648, in small letters: 5 bits a character. */
static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567";

struct str random_name(struct rnd *rnd, struct arena *a, char first)
{
	enum { CHARS = 16 }; /* 80 bits */
	char *p = arena_alloc(a, 1 + CHARS);
	unsigned char bytes[CHARS];
	size_t i;

	rnd_bytes(rnd, bytes, sizeof(bytes));
	p[0] = first;
	for (i = 0; i < CHARS; i++)
		p[i + 1] = base32[bytes[i] & 31];
	return str_make(p, 1 + CHARS);
}

const char *cred_state_name(enum cred_state s)
{
	static const char *const names[CRED_STATES] = {
		[CRED_ACTIVE] = "active",     [CRED_SUSPENDED] = "suspended", [CRED_REVOKED] = "revoked", [CRED_ADDED] = "added",
		[CRED_CODE_OUT] = "code-out", [CRED_ENROLLED] = "enrolled",   [CRED_LOCKED] = "locked",
	};

	REQUIRE(s < CRED_STATES);
	return names[s];
}

struct str cred_make_id(struct security *sec, struct arena *a)
{
	return random_name(sec->rnd, a, 'c');
}

/* --- one version --------------------------------------------------------------------------------------------------- */

static struct strs copy_names(struct arena *a, const struct strs *from)
{
	struct strs out = { arena_array(a, from->n, sizeof(*out.v)), from->n };
	size_t i;

	for (i = 0; i < from->n; i++)
		out.v[i] = arena_str(a, from->v[i]);
	return out;
}

static void copy_info(struct arena *a, const struct cred_info *from, struct cred_info *to)
{
	*to = *from;
	to->id = arena_str(a, from->id);
	to->names = copy_names(a, &from->names);
	to->fingerprint = arena_str(a, from->fingerprint);
	to->name = arena_str(a, from->name);
	to->country = arena_str(a, from->country);
}

static bool is_pattern(struct str name)
{
	return str_ends(name, STR("*"));
}

static bool is_stem(struct str name)
{
	return name.n && (name.p[0] == 'C' || name.p[0] == 'S');
}

static void add_name(struct cred *c, const struct addr_self *self, struct str name)
{
	struct entity_names *to = name.p[0] == '/' ? &c->cse : is_stem(name) ? &c->ae : &c->app;
	struct entity_name *e = &to->v[to->n++];
	struct who w;

	e->text = name;
	if (to != &c->app && !is_pattern(name) && who_parse(&c->mem, name, self, false, &w) == 0)
		e->abs = w.abs;
}

struct cred *cred_new(const struct addr_self *self, const struct cred_info *info)
{
	struct arena mem;
	struct cred *c;
	size_t i;

	arena_init(&mem, 512);
	c = ARENA_NEW(&mem, struct cred);
	c->magic = CRED_MAGIC;
	c->mem = mem;
	atomic_init(&c->refs, 1);
	atomic_init(&c->live, cred_state_speaks(info->state));
	atomic_init(&c->connections, 0);
	copy_info(&c->mem, info, &c->info);
	c->country = acp_country(c->info.country);
	c->ae.v = arena_array(&c->mem, info->names.n, sizeof(*c->ae.v));
	c->cse.v = arena_array(&c->mem, info->names.n, sizeof(*c->cse.v));
	c->app.v = arena_array(&c->mem, info->names.n, sizeof(*c->app.v));
	for (i = 0; i < c->info.names.n; i++)
		add_name(c, self, c->info.names.v[i]);
	return c;
}

struct cred *cred_ref(struct cred *c)
{
	CHECK(c, CRED);
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void cred_unref(struct cred *c)
{
	struct arena mem;

	if (c == NULL)
		return;
	CHECK(c, CRED);
	if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	c->magic = 0;
	mem = c->mem;
	arena_fini(&mem);
}

/* --- what a description must be ------------------------------------------------------------------------------------ */

static bool is_app_id(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f || s.p[i] == '*')
			return false;
	}
	/* TS-0001 table 7.2-1: registered (R, r) or not (N). */
	return s.n > 0 && (s.p[0] == 'R' || s.p[0] == 'r' || s.p[0] == 'N');
}

static int bad(struct why *why, int err, const char *text)
{
	why_set(why, RSC_BAD_REQUEST, "%s", text);
	return err;
}

static bool is_entity(struct security *sec, struct str name, bool stem)
{
	struct arena a;
	struct who w;
	bool yes;

	arena_init(&a, 512);
	yes = who_parse(&a, name, &sec->self, stem, &w) == 0 && w.kind == WHO_ENTITY && (w.star || (w.stem.n > 0) == stem);
	arena_fini(&a);
	return yes;
}

static int check_cse_name(struct security *sec, const struct cred_info *c, struct str name, struct why *why)
{
	if (c->kind != CRED_CSE && c->kind != CRED_GATEWAY)
		return bad(why, E_DENIED, "names: a CSE-ID belongs to a credential of kind cse or gateway");
	if (!is_entity(sec, name, false) || !who_is_name(str_from(name, 1)))
		return bad(why, E_SYNTAX, "names: a CSE-ID is a slash and unreserved characters, the first no S, without *");
	if (str_eq(str_from(name, 1), sec->self.cse))
		return bad(why, E_DENIED, "names: this is the CSE-ID of this CSE");
	return 0;
}

static int check_stem(struct security *sec, const struct cred_info *c, struct str name, struct str whole, struct why *why)
{
	if (name.n > CRED_MAX_STEM)
		return bad(why, E_LIMIT, "names: an AE-ID stem has at most 128 characters");
	if (!is_entity(sec, name, true) || !who_is_name(whole))
		return bad(why, E_SYNTAX, "names: an AE-ID stem is C or S and unreserved characters (RFC 3986 2.3)");
	if (c->kind == CRED_CSE)
		return bad(why, E_DENIED, "names: a CSE's credential lists CSE-IDs, not AE-IDs");
	if (str_eq(name, sec->administrator) && c->kind != CRED_ADMIN)
		return bad(why, E_DENIED, "names: the administrator's name needs a credential of kind admin");
	return 0;
}

static int check_name(struct security *sec, const struct cred_info *c, struct str name, struct why *why)
{
	struct str whole = name;

	if (name.n == 0 || name.n > CRED_MAX_NAME)
		return bad(why, E_LIMIT, "names: a name has 1 to 200 characters");
	if (name.p[0] == '/')
		return check_cse_name(sec, c, name, why);
	if (is_pattern(name)) {
		if (c->kind != CRED_GATEWAY)
			return bad(why, E_DENIED, "names: only a gateway's name may end with *");
		whole = str_first(name, name.n - 1);
	}
	if (is_stem(name))
		return check_stem(sec, c, name, whole, why);
	if (!is_app_id(whole))
		return bad(why, E_SYNTAX, "names: neither an AE-ID stem (C, S), a CSE-ID (/) nor an App-ID (R, N)");
	return 0;
}

static int check_place(const struct cred_info *c, struct why *why)
{
	if (c->country.n && acp_country(c->country) == 0)
		return bad(why, E_SYNTAX, "country: two capital letters of ISO 3166-1");
	if (c->has_location && !(isfinite(c->lat) && isfinite(c->lon) && fabs(c->lat) <= 90 && fabs(c->lon) <= 180))
		return bad(why, E_RANGE, "location: latitude within 90, longitude within 180 degrees");
	return 0;
}

int cred_check(struct security *sec, const struct cred_info *c, struct why *why)
{
	size_t i;
	int err;

	if (!who_is_name(c->id) || c->id.n > CRED_MAX_ID)
		return bad(why, E_SYNTAX, "id: 1 to 64 unreserved characters");
	if (c->kind > CRED_CSE || c->state >= CRED_STATES)
		return bad(why, E_RANGE, "kind or state is not known");
	if (c->fingerprint.n != CRED_FINGERPRINT && (c->fingerprint.n || cred_state_speaks(c->state)))
		return bad(why, E_SYNTAX, "fingerprint: SHA-256 of the public key, 32 bytes");
	if (c->name.n > CRED_NAME_MAX || (c->name.n && !who_is_name(c->name)))
		return bad(why, E_SYNTAX, "name: 1 to 64 letters, digits and - . _ ~");
	if (c->names.n > CRED_MAX_NAMES)
		return bad(why, E_LIMIT, "names: at most 256");
	if (!zone_known(sec, c->zone))
		return bad(why, E_ABSENT, "zone: there is no such zone; make it first");
	for (i = 0; i < c->names.n; i++) {
		err = check_name(sec, c, c->names.v[i], why);
		if (err)
			return err;
	}
	return check_place(c, why);
}

/* --- looking ------------------------------------------------------------------------------------------------------- */

bool cred_find(struct security *sec, struct arena *a, struct str id, struct cred_info *out)
{
	struct cred *c = registry_get(sec, id);

	if (c == NULL)
		return false;
	copy_info(a, &c->info, out);
	cred_unref(c);
	return true;
}

bool cred_named(struct security *sec, struct arena *a, struct str id_or_name, struct cred_info *out)
{
	struct cred *c = registry_of_label(sec, id_or_name);

	if (c == NULL)
		c = registry_get(sec, id_or_name);
	if (c == NULL)
		return false;
	copy_info(a, &c->info, out);
	cred_unref(c);
	return true;
}

bool cred_of_name(struct security *sec, struct arena *a, struct str name, struct cred_info *out)
{
	struct cred *c = registry_of_name(sec, name);

	if (c == NULL)
		return false;
	copy_info(a, &c->info, out);
	cred_unref(c);
	return true;
}

void cred_each(struct security *sec, struct arena *a, void (*fn)(void *arg, const struct cred_info *c), void *arg)
{
	size_t n, i;
	struct cred **all = registry_all(sec, a, &n);

	for (i = 0; i < n; i++) {
		struct cred_info info;

		copy_info(a, &all[i]->info, &info);
		cred_unref(all[i]);
		fn(arg, &info);
	}
}

int cred_page(struct security *sec, struct str after, bool (*fn)(void *arg, const struct cred_info *c), void *arg)
{
	char text[CRED_MAX_ID];
	struct str at = str_make(text, after.n);
	bool known = after.n <= sizeof(text), more = known;
	struct arena a;

	if (known && after.n)
		memcpy(text, after.p, after.n);
	arena_init(&a, 4096);
	while (more) {
		struct cred **v;
		size_t n;

		arena_reset(&a);
		known = registry_page(sec, &a, at, CRED_PAGE, &v, &n);
		more = n == CRED_PAGE;
		for (size_t i = 0; i < n; i++) {
			const struct cred_info *info = &v[i]->info;

			at.n = info->id.n;
			memcpy(text, info->id.p, at.n);
			if (!fn(arg, info)) {
				more = false;
				while (i < n)
					cred_unref(v[i++]);
				break;
			}
			cred_unref(v[i]);
		}
	}
	arena_fini(&a);
	return known ? 0 : E_ABSENT;
}

/* --- changing ------------------------------------------------------------------------------------------------------ */

bool cred_latest(struct security *sec, struct tx *tx, struct str id, struct cred_info *out)
{
	struct cred *c = registry_latest(sec, id);

	REQUIRE(tx_mode(tx) == TX_WRITE);
	if (c == NULL)
		return false;
	copy_info(tx_arena(tx), &c->info, out);
	cred_unref(c);
	return true;
}

int cred_put(struct security *sec, struct tx *tx, struct cred_info *c, struct why *why)
{
	struct cred_info stored = *c;
	struct buf value;
	struct strs moved;
	size_t i;
	int err;

	CHECK(sec, SECURITY);
	REQUIRE(tx_mode(tx) == TX_WRITE);
	/* A lock has a record of its own. */
	if (c->state == CRED_LOCKED)
		stored.state = registry_stored_state(sec, c->id);
	err = cred_check(sec, c, why);
	if (!err)
		err = registry_claim(sec, tx_arena(tx), c, &moved, why);
	if (err)
		return err;
	registry_release(sec, tx, c);
	buf_init(&value, RECORD_MAX);
	record_pack_cred(&stored, &value);
	REQUIRE(!value.over);
	store_rec_put(tx, REC_CREDENTIAL, c->id, buf_as_str(&value));
	/* A stem that came through a gateway becomes the device's own. */
	buf_reset(&value);
	record_pack_stem(c->id, &value);
	for (i = 0; i < moved.n; i++)
		store_rec_put(tx, REC_STEM, moved.v[i], buf_as_str(&value));
	buf_fini(&value);
	return 0;
}
