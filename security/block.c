/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and asking address blocks. */
#include "security/block.h"

#include "cse/base/err.h"

/* Strict: at least one digit, no leading zero, at most max. */
static int read_decimal(struct str s, unsigned max, uint8_t *out)
{
	uint64_t v;

	if (s.n == 0 || s.n > 3 || (s.n > 1 && s.p[0] == '0') || str_u64(s, &v) != 0)
		return E_SYNTAX;
	if (v > max)
		return E_RANGE;
	*out = (uint8_t)v;
	return 0;
}

static int read_v4(struct str s, uint8_t out[4])
{
	uint8_t b[4];
	bool more = true;
	size_t i;

	for (i = 0; i < 4; i++) {
		int err;

		if (!more)
			return E_SYNTAX;
		err = read_decimal(str_cut(&s, '.', &more), 255, &b[i]);
		if (err)
			return err;
	}
	if (more)
		return E_SYNTAX;
	memcpy(out, b, 4);
	return 0;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int read_group(struct str s, uint8_t out[2])
{
	unsigned v = 0;
	size_t i;

	if (s.n == 0 || s.n > 4)
		return E_SYNTAX;
	for (i = 0; i < s.n; i++) {
		int d = hex(s.p[i]);

		if (d < 0)
			return E_SYNTAX;
		v = v << 4 | (unsigned)d;
	}
	out[0] = (uint8_t)(v >> 8);
	out[1] = (uint8_t)v;
	return 0;
}

/* Groups between colons, the last one perhaps dotted decimal; *n bytes of out (at most 16) are written. */
static int read_groups(struct str s, bool last, uint8_t out[16], size_t *n)
{
	bool more = true;

	*n = 0;
	while (more) {
		struct str g = str_cut(&s, ':', &more);
		bool dotted = !more && last && str_index(g, '.') < g.n;
		size_t need = dotted ? 4 : 2;
		int err;

		if (*n + need > 16)
			return E_SYNTAX;
		err = dotted ? read_v4(g, out + *n) : read_group(g, out + *n);
		if (err)
			return err;
		*n += need;
	}
	return 0;
}

static int read_v6(struct str s, uint8_t out[16])
{
	uint8_t head[16], tail[16];
	size_t at, n_head = 0, n_tail = 0;
	int err = 0;

	for (at = 0; at + 1 < s.n && !(s.p[at] == ':' && s.p[at + 1] == ':'); at++)
		;
	if (at + 1 >= s.n) { /* no "::" */
		err = read_groups(s, true, head, &n_head);
		if (err || n_head != 16)
			return err ? err : E_SYNTAX;
		memcpy(out, head, 16);
		return 0;
	}
	if (at)
		err = read_groups(str_first(s, at), false, head, &n_head);
	if (!err && at + 2 < s.n)
		err = read_groups(str_from(s, at + 2), true, tail, &n_tail);
	/* "::" stands for at least one group. */
	if (err || n_head + n_tail > 14)
		return err ? err : E_SYNTAX;
	memset(out, 0, 16);
	memcpy(out, head, n_head);
	memcpy(out + 16 - n_tail, tail, n_tail);
	return 0;
}

int block_parse(struct str s, unsigned family, struct block *out)
{
	struct block b = { .family = (uint8_t)family, .bits = family == 4 ? 32 : 128 };
	bool suffix;
	struct str address = str_cut(&s, '/', &suffix);
	size_t i;
	int err;

	err = family == 4 ? read_v4(address, b.b) : read_v6(address, b.b);
	if (!err && suffix)
		err = read_decimal(s, b.bits, &b.bits);
	if (err)
		return err;
	for (i = b.bits; i < 128; i++)
		b.b[i / 8] = (uint8_t)(b.b[i / 8] & ~(0x80u >> (i % 8)));
	*out = b;
	return 0;
}

struct ipaddr ipaddr_plain(const struct ipaddr *ip)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct ipaddr v4 = { .family = 4 };

	if (ip->family != 6 || memcmp(ip->b, mapped, sizeof(mapped)) != 0)
		return *ip;
	memcpy(v4.b, ip->b + 12, 4);
	return v4;
}

struct ipaddr ipaddr_site(const struct ipaddr *ip)
{
	struct ipaddr a = ipaddr_plain(ip);

	memset(a.b + (a.family == 4 ? 3 : 7), 0, a.family == 4 ? 1 : 9);
	return a;
}

bool block_holds(const struct block *b, const struct ipaddr *ip)
{
	struct ipaddr a = ipaddr_plain(ip);
	size_t whole = b->bits / 8, rest = b->bits % 8;

	if (a.family != b->family || memcmp(a.b, b->b, whole) != 0)
		return false;
	return rest == 0 || ((a.b[whole] ^ b->b[whole]) >> (8 - rest)) == 0;
}
