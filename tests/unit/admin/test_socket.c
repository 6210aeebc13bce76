/* SPDX-License-Identifier: Apache-2.0 */
/* The administrator's socket: who may open it, messages whole, in pieces and in rows, long work, and how many may connect. */
#include "admin/admin.h"

#include "tests/unit/admin/rig.h"

START_TEST(socket_is_private)
{
	struct rig *r = malloc(sizeof(*r));
	struct stat st;

	rig_init(r);
	ck_assert_int_eq(stat(r->path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	rig_fini(r);
	free(r);
}
END_TEST

/* A lock is shown, and released once. */
static void send_raw(struct rig *r, const char *text)
{
	if (r->fd < 0)
		r->fd = dial(r);
	ck_assert_int_eq(send(r->fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

START_TEST(framing)
{
	struct rig *r = malloc(sizeof(*r));

	rig_init(r);
	/* Byte by byte. */
	for (const char *p = "GET /v1/ca HTTP/1.1\r\nHost: x\r\n\r\n"; *p; p++) {
		char one[2] = { *p, 0 };
		send_raw(r, one);
		loop_turn(r->cse.loops[0], 0);
	}
	ck_assert(answer(r));
	ck_assert_uint_eq(r->status, 200);
	/* Not HTTP: told why, then closed. */
	send_raw(r, "hello\r\n\r\n");
	ck_assert(answer(r));
	ck_assert_uint_eq(r->status, 400);
	ck_assert(!answer(r));
	close(r->fd);
	r->fd = -1;
	/* Too large a body is refused by its announcement. */
	send_raw(r, "POST /v1/credentials HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n");
	ck_assert(answer(r));
	ck_assert_uint_eq(r->status, 413);
	close(r->fd);
	r->fd = -1;
	send_raw(r, "GET /v1/ca HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	ck_assert(answer(r));
	ck_assert(!answer(r));
	rig_fini(r);
	free(r);
}
END_TEST

/* Several requests at once are answered in order; a client that leaves while the store works does no harm. */
START_TEST(pipelined_and_gone)
{
	struct rig *r = malloc(sizeof(*r));
	EVP_PKEY *key = pki_key();
	char all[65536] = { 0 };
	size_t n = 0;

	rig_init(r);
	send_raw(r, "GET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\nPOST /v1/clock/accept HTTP/1.1\r\nHost: x\r\n\r\n"
	            "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	for (int i = 0; i < 1000; i++) {
		loop_turn(r->cse.loops[0], 5);
		ssize_t k = recv(r->fd, all + n, sizeof(all) - 1 - n, 0);
		if (k == 0)
			break;
		n += k > 0 ? (size_t)k : 0;
	}
	const char *a = strstr(all, "HTTP/1.1 404"), *b = strstr(all, "accepted"), *c = strstr(all, "EV_START"),
	           *d = b ? strstr(b, "HTTP/1.1 404") : NULL;
	ck_assert_msg(a && b && c && d && a < b && b < c && c < d, "%s", all);
	close(r->fd);
	for (int i = 0; i < 10; i++) {
		r->fd = dial(r);
		send_raw(r, "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
		for (int k = 0; k < i; k++)
			loop_turn(r->cse.loops[0], 0);
		close(r->fd);
		loop_turn(r->cse.loops[0], 0);
	}
	r->fd = -1;
	ck_assert_uint_eq(issue(r, key, "CDev1", ""), 201);
	/* And one that is under way when the server ends. */
	send_raw(r, "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
	loop_turn(r->cse.loops[0], 1);
	EVP_PKEY_free(key);
	rig_fini(r);
	free(r);
}
END_TEST

struct hold {
	struct work work; /* first */
	int fd[2];
};

static void hold_on(struct work *w)
{
	char go;

	ck_assert_int_eq(read(((struct hold *)(void *)w)->fd[0], &go, 1), 1);
}

/* A backup of a large store takes longer than a connection may be idle. */
START_TEST(long_work_is_waited_for)
{
	static const char ask[] = "POST /v1/store/check HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
	struct hold h = { .work = { .run = hold_on } };
	struct rig r;

	rig_init_at(&r, INT64_C(1790000000) * 1000000);
	ck_assert_int_eq(pipe2(h.fd, O_CLOEXEC), 0);
	workers_submit(r.cse.workers, &h.work);
	r.fd = dial(&r);
	ck_assert_int_eq(send(r.fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL), (int)sizeof(ask) - 1);
	for (int i = 0; i < 10; i++)
		loop_turn(r.cse.loops[0], 1);
	for (int i = 0; i < 5; i++) {
		clock_advance_us(r.cse.clock, INT64_C(50) * 1000000);
		loop_turn(r.cse.loops[0], 1);
	}
	ck_assert_int_eq(write(h.fd[1], "g", 1), 1);
	ck_assert(answer(&r));
	ck_assert_uint_eq(r.status, 200);
	/* Idle it is now. */
	clock_advance_us(r.cse.clock, INT64_C(61) * 1000000);
	for (int i = 0; i < 5; i++)
		loop_turn(r.cse.loops[0], 1);
	ck_assert_int_eq(recv(r.fd, r.body, 1, 0), 0);
	rig_fini(&r);
	close(h.fd[0]);
	close(h.fd[1]);
}
END_TEST

START_TEST(connections_are_bounded)
{
	struct rig *r = malloc(sizeof(*r));
	int fds[40], open = 0;
	char c;

	rig_init(r);
	for (int i = 0; i < 40; i++) {
		fds[i] = i < 16 ? dial(r) : -1;
		loop_turn(r->cse.loops[0], 0);
	}
	for (int i = 16; i < 40; i++) {
		fds[i] = dial(r);
		loop_turn(r->cse.loops[0], 0);
		ck_assert_int_eq(recv(fds[i], &c, 1, 0), 0);
	}
	for (int i = 0; i < 16; i++)
		open += recv(fds[i], &c, 1, 0) < 0;
	ck_assert_int_eq(open, 16);
	for (int i = 0; i < 40; i++)
		close(fds[i]);
	for (int i = 0; i < 20; i++)
		loop_turn(r->cse.loops[0], 0);
	ck_assert_uint_eq(call(r, "GET", "/v1/ca", NULL), 200);
	rig_fini(r);
	free(r);
}
END_TEST

START_TEST(long_path_is_refused)
{
	struct rig *r = malloc(sizeof(*r));
	struct why why = { 0 };
	struct admin *a;
	char path[200];

	rig_init(r);
	memset(path, 'x', sizeof(path));
	path[199] = 0;
	ck_assert_int_eq(admin_open(&r->cse, path, &a, &why), E_CONF);
	ck_assert_ptr_nonnull(strstr(why.text, "cse.state"));
	rig_fini(r);
	free(r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("admin/socket");
	TCase *tc = tcase_create("socket");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, socket_is_private);
	tcase_add_test(tc, framing);
	tcase_add_test(tc, pipelined_and_gone);
	tcase_add_test(tc, long_work_is_waited_for);
	tcase_add_test(tc, connections_are_bounded);
	tcase_add_test(tc, long_path_is_refused);
	suite_add_tcase(suite, tc);
	return rig_run(suite);
}
