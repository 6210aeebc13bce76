/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's answers about sockets: a user is told only when state, ports and addresses are those that were asked for. */
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "agent/sockdiag.h"
#include "cse/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (unsigned i = 0; i < 3; i++) {
		struct sockdiag_ask ask = { .family = i == 1 ? AF_INET6 : AF_INET, .state = i == 2 ? TCP_LISTEN : TCP_ESTABLISHED, .seq = 1 };
		uid_t uid = 0xabcdef;
		int r;

		ask.id.idiag_sport = htons(40000);
		ask.id.idiag_dport = htons(8080);
		ask.id.idiag_src[i == 1 ? 3 : 0] = ask.id.idiag_dst[i == 1 ? 3 : 0] = htonl(i == 1 ? 1 : INADDR_LOOPBACK);
		r = sockdiag_parse(data, size, &ask, &uid);
		if (r != 0) {
			REQUIRE(uid == 0xabcdef);
		} else {
			struct inet_diag_msg m;

			memcpy(&m, data + sizeof(struct nlmsghdr), sizeof(m));
			REQUIRE(size >= sizeof(struct nlmsghdr) + sizeof(m) && m.idiag_state == ask.state && m.id.idiag_sport == ask.id.idiag_sport);
			REQUIRE(i == 2 || memcmp(m.id.idiag_src, ask.id.idiag_src, i == 1 ? 16 : 4) == 0);
			REQUIRE(uid == m.idiag_uid);
		}
	}
	return 0;
}
