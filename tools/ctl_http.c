/* SPDX-License-Identifier: Apache-2.0 */
/* trothctl's end of the UNIX socket: one connection, requests one after the other; and writing files whole. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bindings/http1.h"
#include "tools/ctl.h"

enum { FIELDS = 32 };
static const struct http1_limits limits = { .line = 4096, .head = 16384, .body = 32 << 20, .fields = FIELDS };

void ctl_close(struct ctl *c)
{
	ctl_tls_close(c);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* 0 or errno. */
static int try_socket(struct ctl *c, const struct sockaddr_un *un)
{
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd >= 0 && connect(c->fd, (const struct sockaddr *)un, sizeof(*un)) == 0)
		return 0;
	int e = errno;
	ctl_close(c);
	return e;
}

static int open_socket(struct ctl *c)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t n = c->server ? 0 : strlen(c->socket);
	int e;

	if (c->fd >= 0)
		return CTL_OK;
	if (c->server)
		return ctl_tls_open(c);
	if (n >= sizeof(un.sun_path))
		return ctl_fail(CTL_USAGE, "the path of the socket is longer than %zu bytes", sizeof(un.sun_path) - 1);
	memcpy(un.sun_path, c->socket, n);
	for (uint64_t tries = c->wait_s * 20; (e = try_socket(c, &un)) == ENOENT || e == ECONNREFUSED; tries--) {
		if (tries == 0)
			break;
		(void)poll(NULL, 0, 50);
	}
	if (e == 0)
		return CTL_OK;
	return ctl_fail(CTL_NO_TROTHD, "cannot reach trothd at %s: %s%s", c->socket, strerror(e),
	                e == ENOENT || e == ECONNREFUSED ? "; is it running, and with this state folder?"
	                : e == EACCES                    ? "; only its own user and root may"
	                                                 : "");
}

static int send_all(struct ctl *c, const struct buf *b)
{
	for (size_t at = 0; at < b->n;) {
		ssize_t n = c->ssl ? ctl_tls_send(c, b->p + at, b->n - at) : send(c->fd, b->p + at, b->n - at, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ctl_fail(CTL_NO_TROTHD, "trothd closed the connection: %s", strerror(errno));
		at += (size_t)n;
	}
	return CTL_OK;
}

/* What is done, for how long, and how much of it is there; 0: the line is wiped. */
static void show_progress(const struct ctl *c, unsigned seconds)
{
	struct stat st;

	if (!c->doing || c->quiet || c->json || !isatty(STDERR_FILENO))
		return;
	fputs("\r\033[K", stderr);
	if (seconds)
		fprintf(stderr, "%s: %u s", c->doing, seconds);
	for (size_t i = 0; seconds && i < ARRAY_LEN(c->growing); i++) {
		if (!c->growing[i] || stat(c->growing[i], &st) != 0)
			continue;
		fprintf(stderr, ", %.1f MB", (double)st.st_size / 1e6);
		break;
	}
}

/* Until a byte is there; *waited: seconds of the whole answer. */
static int wait_for_more(struct ctl *c, unsigned *waited)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	unsigned most = c->doing ? CTL_LONG_S : CTL_ANSWER_S;

	if (c->ssl && ctl_tls_waits(c))
		return CTL_OK;
	for (int r; (r = poll(&p, 1, 1000)) <= 0;) {
		if (r < 0 && errno != EINTR)
			return ctl_fail(CTL_NO_TROTHD, "cannot wait for the answer: %s", strerror(errno));
		*waited += r == 0;
		if (*waited >= most)
			return ctl_fail(CTL_NO_TROTHD, "trothd did not answer within %u s", most);
		show_progress(c, *waited);
	}
	if (*waited)
		show_progress(c, 0);
	return CTL_OK;
}

/* The answer into c->in; *status. */
static int receive(struct ctl *c, unsigned *status)
{
	struct http1_field fields[FIELDS];
	struct http1 h;
	unsigned waited = 0;

	buf_reset(&c->in);
	http1_init(&h, HTTP1_RESPONSE, &limits, fields);
	for (;;) {
		enum http1_result r = c->in.n ? http1_parse(&h, c->in.p, &c->in.n) : HTTP1_MORE;
		if (r == HTTP1_DONE)
			break;
		if (r == HTTP1_BAD)
			return ctl_fail(CTL_NO_TROTHD, "what answers at %s is no trothd: %s", c->server ? c->server : c->socket, h.why);
		if (r == HTTP1_HEAD_DONE)
			continue;
		int code = wait_for_more(c, &waited);
		if (code)
			return code;
		char *p = buf_room(&c->in, 65536);
		ssize_t n = !p ? 0 : c->ssl ? ctl_tls_recv(c, p, 65536) : recv(c->fd, p, 65536, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ctl_fail(CTL_NO_TROTHD, "trothd did not answer: %s",
			                n == 0 ? "it closed the connection" : strerror(errno));
		buf_added(&c->in, (size_t)n);
	}
	*status = h.status;
	c->reply = http1_body(&h, c->in.p);
	if (!h.keep_alive)
		ctl_close(c);
	return CTL_OK;
}

static int refused(struct ctl *c, unsigned status)
{
	json_t *j = json_loadb(c->reply.n ? c->reply.p : "", c->reply.n, 0, NULL);
	const char *text = json_string_value(json_object_get(j, "error"));
	int code;

	/* What is no JSON is shown as it is: one line of it. */
	if (text)
		code = ctl_fail(CTL_REFUSED, "%s (%u)", text, status);
	else
		code = ctl_fail(CTL_REFUSED, "trothd refused (%u)%s%.*s", status, c->reply.n ? ": " : "",
		                (int)str_index(str_first(c->reply, c->reply.n < 400 ? c->reply.n : 400), '\n'), c->reply.p);
	json_decref(j);
	return code;
}

int ctl_call(struct ctl *c, const char *method, const char *path, json_t *body)
{
	struct buf out;
	unsigned status = 0;
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);

	int code = open_socket(c);
	buf_init(&out, 1 << 20);
	buf_printf(&out, "%s %s%s HTTP/1.1\r\nHost: %s\r\n", method, c->server ? "/-/admin" : "", path,
	           c->server ? c->server : "localhost");
	if (text) {
		BUF_LIT(&out, "Content-Type: application/json\r\n");
		http1_put_length(&out, strlen(text));
	}
	BUF_LIT(&out, "\r\n");
	if (text)
		buf_z(&out, text);
	if (code == CTL_OK)
		code = send_all(c, &out);
	if (code == CTL_OK)
		code = receive(c, &status);
	if (code == CTL_OK && (status < 200 || status > 299))
		code = refused(c, status);
	free(text);
	buf_fini(&out);
	return code;
}

int ctl_call_json(struct ctl *c, const char *method, const char *path, json_t *body, json_t **out)
{
	int code = ctl_call(c, method, path, body);
	if (code)
		return code;
	json_t *j = json_loadb(c->reply.n ? c->reply.p : "", c->reply.n, 0, NULL);
	if (!j)
		return ctl_fail(CTL_NO_TROTHD, "the answer is no JSON");
	*out = j;
	return CTL_OK;
}

void ctl_print_reply(struct ctl *c)
{
	ctl_print_json(c->reply);
}

int ctl_order(struct ctl *c, const char *method, const char *path, json_t *body)
{
	int code = ctl_call(c, method, path, body);
	if (code == CTL_OK && c->json)
		ctl_print_reply(c);
	return code;
}

int ctl_ask(struct ctl *c, const char *method, const char *path, json_t *body, json_t **out)
{
	json_t *j = NULL;

	int code = ctl_call_json(c, method, path, body, &j);
	*out = NULL;
	if (code)
		return code;
	if (c->json)
		ctl_print_reply(c);
	else
		*out = json_incref(j);
	json_decref(j);
	return CTL_OK;
}

void ctl_put_escaped(struct buf *b, const char *text)
{
	for (; *text; text++) {
		unsigned char ch = (unsigned char)*text;
		if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || strchr("-._~", ch))
			buf_putc(b, *text);
		else
			buf_printf(b, "%%%02X", ch);
	}
}

/* --- files --------------------------------------------------------------------------------------------------------------- */

bool ctl_exists(const char *dir, const char *name)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);
	return n > 0 && n < PATH_MAX && access(path, F_OK) == 0;
}

static bool write_synced(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, p, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return fsync(fd) == 0;
}

int ctl_write(const char *dir, const char *name, unsigned mode, const char *p, size_t n, bool force)
{
	char path[PATH_MAX], temp[PATH_MAX];
	int a = snprintf(path, sizeof(path), "%s/%s", dir, name), b = snprintf(temp, sizeof(temp), "%s/.%s.new", dir, name);
	if (a < 0 || a >= PATH_MAX || b < 0 || b >= PATH_MAX)
		return ctl_fail(CTL_FILE, "the path of %s is too long", name);
	if (!force && access(path, F_OK) == 0)
		return ctl_fail(CTL_FILE, "%s is there already: choose another --name, or --force", path);
	(void)unlink(temp);
	int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);
	/* The mode is ours whatever the umask says. */
	bool ok = fd >= 0 && fchmod(fd, (mode_t)mode) == 0 && write_synced(fd, p, n);
	/* link refuses what rename would replace; some file systems have no links. */
	if (ok && !force)
		ok = link(temp, path) == 0 || ((errno == EPERM || errno == EOPNOTSUPP) && rename(temp, path) == 0);
	else if (ok)
		ok = rename(temp, path) == 0;
	int e = errno;
	if (fd >= 0) {
		close(fd);
		(void)unlink(temp);
	}
	return ok ? CTL_OK : ctl_fail(CTL_FILE, "cannot write %s: %s", path, strerror(e));
}
