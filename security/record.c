/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing the security room's records. */
#include "security/record.h"

#include "cse/base/err.h"
#include "security/pack.h"

enum { FORMAT = 1, CRED_FORMAT = 2, FLAG_RANDOM_STEMS = 1, FLAG_LOCATION = 2, FLAG_SINGLE_SESSION = 4 };

static uint64_t bits_of(double d)
{
	uint64_t u;

	memcpy(&u, &d, sizeof(u));
	return u;
}

void record_pack_cred(const struct cred_info *c, struct buf *out)
{
	size_t i;

	pack_uint(out, CRED_FORMAT, 1);
	pack_uint(out, (uint64_t)c->kind, 1);
	pack_uint(out, (uint64_t)c->state, 1);
	pack_uint(out, (c->random_stems ? FLAG_RANDOM_STEMS : 0) | (c->has_location ? FLAG_LOCATION : 0) |
	                   (c->single_session ? FLAG_SINGLE_SESSION : 0), 1);
	pack_uint(out, c->zone, 2);
	pack_uint(out, c->max_ae, 4);
	pack_uint(out, c->generation, 4);
	pack_uint(out, (uint64_t)c->not_after, 8);
	if (c->has_location) {
		pack_uint(out, bits_of(c->lat), 8);
		pack_uint(out, bits_of(c->lon), 8);
	}
	pack_text(out, c->country);
	pack_text(out, c->fingerprint);
	pack_uint(out, c->names.n, 2);
	for (i = 0; i < c->names.n; i++)
		pack_text(out, c->names.v[i]);
	pack_text(out, c->name);
	pack_uint(out, c->base_generation, 4);
	pack_uint(out, (uint64_t)c->not_before, 8);
}

static double get_double(struct unpack *r)
{
	uint64_t u = unpack_uint(r, 8);
	double d;

	memcpy(&d, &u, sizeof(d));
	return d;
}

static void get_names(struct unpack *r, struct arena *a, struct strs *out)
{
	size_t n = unpack_uint(r, 2), i;

	if (n > CRED_MAX_NAMES) {
		r->bad = true;
		return;
	}
	out->v = arena_array(a, n, sizeof(*out->v));
	out->n = n;
	for (i = 0; i < n; i++)
		out->v[i] = unpack_text(r, CRED_MAX_NAME);
}

int record_unpack_cred(struct arena *a, struct str id, struct str in, struct cred_info *out)
{
	struct unpack r = { .in = in };
	struct cred_info c = { .id = id };
	unsigned format = (unsigned)unpack_uint(&r, 1), kind = (unsigned)unpack_uint(&r, 1), state = (unsigned)unpack_uint(&r, 1);
	unsigned flags = (unsigned)unpack_uint(&r, 1);

	if (in.n && format > CRED_FORMAT)
		return E_NEWER;
	c.zone = (uint16_t)unpack_uint(&r, 2);
	c.max_ae = (uint32_t)unpack_uint(&r, 4);
	c.generation = (uint32_t)unpack_uint(&r, 4);
	c.not_after = (int64_t)unpack_uint(&r, 8);
	if (flags & FLAG_LOCATION) {
		c.has_location = true;
		c.lat = get_double(&r);
		c.lon = get_double(&r);
	}
	c.country = unpack_text(&r, 2);
	c.fingerprint = unpack_text(&r, CRED_FINGERPRINT);
	get_names(&r, a, &c.names);
	if (format >= 2) {
		c.name = unpack_text(&r, CRED_NAME_MAX);
		c.base_generation = (uint32_t)unpack_uint(&r, 4);
		c.not_before = (int64_t)unpack_uint(&r, 8);
	} else {
		/* Of the first format: every key came from an administrator. */
		c.base_generation = c.generation;
	}
	if (r.bad || r.in.n || format == 0 || in.n > RECORD_MAX || kind > CRED_CSE || state >= CRED_STATES ||
	    (flags & ~(unsigned)(FLAG_RANDOM_STEMS | FLAG_LOCATION | FLAG_SINGLE_SESSION)) ||
	    (c.fingerprint.n && c.fingerprint.n != CRED_FINGERPRINT) || c.country.n == 1 || id.n == 0 || id.n > CRED_MAX_ID)
		return E_CORRUPT;
	c.kind = (enum cred_kind)kind;
	c.state = (enum cred_state)state;
	c.random_stems = flags & FLAG_RANDOM_STEMS;
	c.single_session = flags & FLAG_SINGLE_SESSION;
	*out = c;
	return 0;
}

void record_pack_stem(struct str cred_id, struct buf *out)
{
	pack_uint(out, FORMAT, 1);
	pack_text(out, cred_id);
}

int record_unpack_stem(struct str in, struct str *cred_id)
{
	struct unpack r = { .in = in };
	unsigned format = (unsigned)unpack_uint(&r, 1);
	struct str id = unpack_text(&r, CRED_MAX_ID);

	if (in.n && format > FORMAT)
		return E_NEWER;
	if (r.bad || r.in.n || format != FORMAT || id.n == 0)
		return E_CORRUPT;
	*cred_id = id;
	return 0;
}

void record_zone_key(uint16_t zone, struct buf *out)
{
	BUF_LIT(out, "zone ");
	buf_u64(out, zone);
}

void record_conduit_key(uint16_t from, uint16_t to, struct buf *out)
{
	BUF_LIT(out, "conduit ");
	buf_u64(out, from);
	buf_putc(out, ' ');
	buf_u64(out, to);
}

void record_pack_zone(struct buf *out)
{
	pack_uint(out, FORMAT, 1);
}

static int read_zone_number(struct str s, uint16_t *out)
{
	uint64_t v;

	if (str_u64(s, &v) != 0 || v == 0 || v > UINT16_MAX || (s.n > 1 && s.p[0] == '0'))
		return E_CORRUPT;
	*out = (uint16_t)v;
	return 0;
}

int record_read_zone(struct str key, struct str value, bool *conduit, uint16_t *from, uint16_t *to)
{
	bool more;
	struct str word = str_cut(&key, ' ', &more), second;

	if (value.n && (unsigned char)value.p[0] > FORMAT)
		return E_NEWER;
	if (value.n != 1 || value.p[0] != FORMAT || !more)
		return E_CORRUPT;
	*to = 0;
	*conduit = str_eqz(word, "conduit");
	if (!*conduit)
		return str_eqz(word, "zone") ? read_zone_number(key, from) : E_CORRUPT;
	second = key;
	key = str_cut(&second, ' ', &more);
	return more && read_zone_number(key, from) == 0 ? read_zone_number(second, to) : E_CORRUPT;
}
