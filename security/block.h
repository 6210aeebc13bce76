/* SPDX-License-Identifier: Apache-2.0 */
/* Address blocks: m2m:ipv4 and m2m:ipv6 with an optional CIDR suffix (TS-0004 6.3.5.27). */
#ifndef SECURITY_BLOCK_H
#define SECURITY_BLOCK_H

#include "security/security.h"

struct block {
	uint8_t family; /* 4 or 6 */
	uint8_t bits;   /* of the prefix */
	uint8_t b[16];
};

/* family 4: dotted decimal (no leading zeros); 6: RFC 4291 text.  Bits behind the prefix are cleared.
 * 0, E_SYNTAX or E_RANGE. */
int block_parse(struct str s, unsigned family, struct block *out);
/* A mapped IPv4 address (::ffff:a.b.c.d) is looked at as IPv4.  An absent address (family 0) is in no block. */
bool block_holds(const struct block *b, const struct ipaddr *ip);
/* IPv4 in IPv6 clothes becomes IPv4. */
struct ipaddr ipaddr_plain(const struct ipaddr *ip);
/* The same without its host: a household or a site, /24 and /56. */
struct ipaddr ipaddr_site(const struct ipaddr *ip);

#endif
