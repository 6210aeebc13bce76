/* SPDX-License-Identifier: Apache-2.0 */
/* A URL put together again of its parts is the one that was read; what is listed as a target is read the same way. */
#include "cse/base/buf.h"
#include "cse/model/url.h"
#include "security/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_make((const char *)data, size);
	struct url u, again;
	struct why w = { 0 };
	struct buf b;

	(void)target_is_listing(s);
	(void)target_is_prefix(s);
	if (url_parse(s, &u, &w)) {
		REQUIRE(w.rsc == RSC_BAD_REQUEST && w.text[0]);
		return 0;
	}
	REQUIRE(url_is(s) && s.n <= URL_MAX_BYTES && u.port > 0 && u.host.n > 0 && u.host.n <= 253);
	REQUIRE(u.path.n == 0 || u.path.p + u.path.n == s.p + s.n);
	for (size_t i = 0; i < u.host.n + u.path.n; i++) {
		unsigned char c = (unsigned char)(i < u.host.n ? u.host.p[i] : u.path.p[i - u.host.n]);

		REQUIRE(c > 0x20 && c < 0x7f && c != '#' && (i >= u.host.n || (c != '@' && c != '/' && c != '?')));
	}
	buf_init(&b, s.n + 64);
	buf_str(&b, url_scheme_name(u.scheme));
	buf_z(&b, u.ip6 ? "://[" : "://");
	buf_str(&b, u.host);
	buf_z(&b, u.ip6 ? "]:" : ":");
	buf_u64(&b, u.port);
	buf_str(&b, u.path);
	if (b.n <= URL_MAX_BYTES) {
		REQUIRE(!b.over && url_parse(buf_as_str(&b), &again, &w) == RSC_NONE);
		REQUIRE(url_same_authority(&u, &again) && str_eq(u.path, again.path));
	}
	buf_fini(&b);
	return 0;
}
