/* SPDX-License-Identifier: Apache-2.0 */
/* Address blocks against inet_pton: '4' or '6' and the text. */
#include <arpa/inet.h>

#include "security/block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool library_reads(struct str s, unsigned family, unsigned char out[16])
{
	char text[64];

	if (s.n >= sizeof(text) || memchr(s.p, '\0', s.n))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(family == 4 ? AF_INET : AF_INET6, text, out) == 1;
}

/* A prefix as it must be written. */
static bool bits_read(struct str s, unsigned max, unsigned *bits)
{
	uint64_t v;

	if (s.n == 0 || s.n > 3 || (s.n > 1 && s.p[0] == '0') || str_u64(s, &v) != 0 || v > max)
		return false;
	*bits = (unsigned)v;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_make((const char *)data + 1, size ? size - 1 : 0), address;
	unsigned family, bits, i;
	unsigned char want[16] = { 0 };
	struct ipaddr ip = { 0 };
	struct block b;
	bool ok, suffix;

	if (size == 0)
		return 0;
	family = data[0] == '4' ? 4 : 6;
	ok = block_parse(rest, family, &b) == 0;
	address = str_cut(&rest, '/', &suffix);
	bits = family == 4 ? 32 : 128;
	REQUIRE(ok == (library_reads(address, family, want) && (!suffix || bits_read(rest, bits, &bits))));
	if (!ok)
		return 0;
	REQUIRE(b.family == family && b.bits == bits);
	for (i = 0; i < 128; i++)
		REQUIRE(((b.b[i / 8] ^ (i < bits ? want[i / 8] : 0)) & (0x80u >> i % 8)) == 0);
	ip.family = (uint8_t)family;
	memcpy(ip.b, want, 16);
	/* An IPv4 address in IPv6 clothes is in no block of IPv6. */
	REQUIRE(block_holds(&b, &ip) == (ipaddr_plain(&ip).family == family));
	return 0;
}
