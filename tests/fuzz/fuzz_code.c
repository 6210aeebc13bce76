/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment codes and offers: what is taken reads back the same, what is refused leaves the caller's values alone. */
#include "security/code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct code_offer o = { .host = "h", .port = 1, .cse_id = "/c" }, before = o, again = { .port = 2 };
	struct why why = { 0 }, ignored = { 0 };
	char url[CODE_URL];
	struct str s = str_make((const char *)data, size);

	if (code_offer_parse(s, &o, &why) != 0) {
		REQUIRE(why.rsc == RSC_BAD_REQUEST && memcmp(&o, &before, sizeof(o)) == 0);
		return 0;
	}
	REQUIRE((o.code.secret[CODE_SECRET - 1] & 0x3f) == 0 && o.port > 0 && o.port <= 65535);
	REQUIRE(code_offer_format(&o, url) == 0);
	REQUIRE(code_offer_parse(str_of(url), &again, &ignored) == 0);
	REQUIRE(again.port == o.port && memcmp(&again.code, &o.code, sizeof(o.code)) == 0);
	REQUIRE(strcmp(again.host, o.host) == 0 && strcmp(again.cse_id, o.cse_id) == 0);
	return 0;
}
