/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's configuration as a file, and its policy's patterns: the first line is a pattern, the second an address. */
#include "agent/conf.h"
#include "agent/door_priv.h"
#include "agent/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_conf(struct str text)
{
	struct conf *c = conf_defaults_of(&conf_agent);
	struct conf_why cwhy = { "" };

	if (conf_read_text(c, "x", text, &cwhy) == 0) {
		struct agent a = { .conf = c };
		struct policy *p;
		struct why why = { 0 };

		if (policy_open(&a, &p, &why) == 0) {
			struct policy_request r = { .op = OP_CREATE, .from = STR("CDev1"), .to = STR("cse-in/CDev1") };
			struct policy_notice n = { .sur = STR("cse-in/s"), .root = STR("m2m:cin") };

			(void)policy_leaves(p, &r, &why);
			(void)policy_takes(p, &n, &why);
			(void)policy_origin(p, STR("https://a"));
			policy_close(p);
		} else {
			REQUIRE(why.text[0]);
		}
	} else {
		REQUIRE(cwhy.text[0]);
	}
	conf_unref(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct addr_self self = { { "troth.example", 13 }, { "id-in", 5 }, { "cse-in", 6 } };
	struct str text = { (const char *)data, size }, rest = text, pattern, address;
	bool more;

	read_conf(text);
	pattern = str_cut(&rest, '\n', &more);
	address = str_cut(&rest, '\n', &more);
	(void)door_host_is_local(pattern);
	if (!policy_is_pattern(pattern))
		return 0;
	(void)policy_matches(pattern, address, &self);
	/* An address without a wildcard matches itself and nothing above it. */
	if (str_index(pattern, '*') == pattern.n)
		REQUIRE(policy_matches(pattern, pattern, &self));
	return 0;
}
