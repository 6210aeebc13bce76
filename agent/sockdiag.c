/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the kernel for one socket by its exact addresses and ports. */
#include "agent/sockdiag.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "cse/base/err.h"

enum { ANSWER_BYTES = 4096 };

int sockdiag_open(struct sockdiag *d, struct why *why)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	*d = (struct sockdiag){ .fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG) };
	if (d->fd >= 0 && connect(d->fd, (struct sockaddr *)&kernel, sizeof(kernel)) == 0)
		return 0;
	why_set(why, RSC_INTERNAL_SERVER_ERROR,
	        "the kernel does not tell whose sockets are (sock_diag: %s): the loopback port cannot be kept to this user", strerror(errno));
	sockdiag_close(d);
	return E_SYS;
}

void sockdiag_close(struct sockdiag *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

int sockdiag_parse(const void *p, size_t n, const struct sockdiag_ask *ask, uid_t *uid)
{
	struct nlmsghdr head;
	struct inet_diag_msg m;

	if (n < sizeof(head))
		return E_DENIED;
	memcpy(&head, p, sizeof(head));
	if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > n || head.nlmsg_seq != ask->seq)
		return E_DENIED;
	if (head.nlmsg_type == NLMSG_ERROR) {
		int error = 0;

		if (head.nlmsg_len >= sizeof(head) + sizeof(error))
			memcpy(&error, (const char *)p + sizeof(head), sizeof(error));
		return error == -ENOENT ? E_ABSENT : E_DENIED;
	}
	if (head.nlmsg_type != SOCK_DIAG_BY_FAMILY || head.nlmsg_len < sizeof(head) + sizeof(m))
		return E_DENIED;
	memcpy(&m, (const char *)p + sizeof(head), sizeof(m));
	/* The look-up falls back to a listener of that port, which may be anybody's. */
	if (m.idiag_state != ask->state || m.id.idiag_sport != ask->id.idiag_sport)
		return E_DENIED;
	if (ask->state == TCP_ESTABLISHED &&
	    (m.idiag_family != ask->family || m.id.idiag_dport != ask->id.idiag_dport ||
	     memcmp(m.id.idiag_src, ask->id.idiag_src, ask->family == AF_INET ? 4 : 16) != 0 ||
	     memcmp(m.id.idiag_dst, ask->id.idiag_dst, ask->family == AF_INET ? 4 : 16) != 0))
		return E_DENIED;
	*uid = m.idiag_uid;
	return 0;
}

static int put_end(const struct sockaddr *at, __be16 *port, __be32 ip[4])
{
	if (at->sa_family == AF_INET) {
		const struct sockaddr_in *a = (const void *)at;

		*port = a->sin_port;
		ip[0] = a->sin_addr.s_addr;
		return 0;
	}
	if (at->sa_family == AF_INET6) {
		const struct sockaddr_in6 *a = (const void *)at;

		*port = a->sin6_port;
		memcpy(ip, &a->sin6_addr, 16);
		return 0;
	}
	return E_DENIED;
}

static int ask_kernel(struct sockdiag *d, struct sockdiag_ask *ask, uid_t *uid)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 req;
	} q = { .head = { .nlmsg_len = sizeof(q), .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST } };
	char answer[ANSWER_BYTES];
	ssize_t n;

	ask->seq = ++d->seq;
	ask->id.idiag_cookie[0] = ask->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	q.head.nlmsg_seq = ask->seq;
	q.req.sdiag_family = ask->family;
	q.req.sdiag_protocol = IPPROTO_TCP;
	q.req.idiag_states = ~0u;
	q.req.id = ask->id;
	do
		n = send(d->fd, &q, sizeof(q), 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(q))
		return E_DENIED;
	/* The kernel has answered while it took the question; an older answer would be one that nobody waited for. */
	for (;;) {
		struct sockaddr_nl from = { .nl_family = AF_NETLINK };
		socklen_t from_n = sizeof(from);
		struct nlmsghdr head = { 0 };

		n = recvfrom(d->fd, answer, sizeof(answer), MSG_DONTWAIT, (struct sockaddr *)&from, &from_n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return E_DENIED;
		memcpy(&head, answer, (size_t)n < sizeof(head) ? (size_t)n : sizeof(head));
		if (from.nl_pid == 0 && head.nlmsg_seq == ask->seq)
			return sockdiag_parse(answer, (size_t)n, ask, uid);
	}
}

int sockdiag_peer(struct sockdiag *d, int fd, uid_t *uid)
{
	struct sockaddr_storage here = { 0 }, there = { 0 };
	socklen_t n = sizeof(here), m = sizeof(there);
	struct sockdiag_ask ask = { .state = TCP_ESTABLISHED };

	if (getsockname(fd, (struct sockaddr *)&here, &n) != 0 || getpeername(fd, (struct sockaddr *)&there, &m) != 0 ||
	    here.ss_family != there.ss_family)
		return E_DENIED;
	ask.family = (uint8_t)here.ss_family;
	/* Seen from the other end: its address is the source. */
	if (put_end((struct sockaddr *)&there, &ask.id.idiag_sport, ask.id.idiag_src) != 0 ||
	    put_end((struct sockaddr *)&here, &ask.id.idiag_dport, ask.id.idiag_dst) != 0 || ask_kernel(d, &ask, uid) != 0)
		return E_DENIED;
	return 0;
}

int sockdiag_listener(struct sockdiag *d, const struct sockaddr *at, uid_t *uid)
{
	struct sockdiag_ask ask = { .state = TCP_LISTEN, .family = (uint8_t)at->sa_family };

	if (put_end(at, &ask.id.idiag_sport, ask.id.idiag_src) != 0)
		return E_DENIED;
	return ask_kernel(d, &ask, uid);
}
