/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets and TLS of an actor, and the framing of HTTP/1.1 responses (RFC 9112). */
#include "tests/flows/http_line.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { WAIT_SECONDS = 20, MAX_RESPONSE = 64 << 20, CHUNK = 16384 };

/* --- connection --------------------------------------------------------------------------------------------------- */

static int connect_from(const char *from, unsigned port)
{
	struct sockaddr_in me = { .sin_family = AF_INET }, it = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct timeval wait = { .tv_sec = WAIT_SECONDS };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, *from ? from : "127.0.0.1", &me.sin_addr);
	inet_pton(AF_INET, "127.0.0.1", &it.sin_addr);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&me, sizeof(me)) < 0 || connect(fd, (struct sockaddr *)&it, sizeof(it)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int http_line_open(struct http_line *l)
{
	http_line_close(l);
	l->fd = connect_from(l->from, l->port);
	if (l->fd < 0)
		return -1;
	l->ssl = SSL_new(l->ctx);
	if (!l->ssl)
		abort();
	X509_VERIFY_PARAM *param = SSL_get0_param(l->ssl);
	X509_VERIFY_PARAM_set_time(param, (time_t)(l->now_us / 1000000));
	X509_VERIFY_PARAM_set1_ip_asc(param, "127.0.0.1");
	SSL_set_fd(l->ssl, l->fd);
	if (SSL_connect(l->ssl) != 1) {
		http_line_close(l);
		return -1;
	}
	return 0;
}

void http_line_close(struct http_line *l)
{
	if (l->ssl)
		SSL_free(l->ssl);
	if (l->fd >= 0)
		close(l->fd);
	ERR_clear_error();
	free(l->in);
	l->ssl = NULL;
	l->fd = -1;
	l->in = NULL;
	l->n = l->cap = 0;
	l->used = false;
}

int http_line_write(struct http_line *l, const char *p, size_t n)
{
	size_t done = 0;
	while (done < n) {
		size_t k;
		if (SSL_write_ex(l->ssl, p + done, n - done, &k) != 1)
			return -1;
		done += k;
	}
	return 0;
}

bool http_line_ready(struct http_line *l)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };
	int flags = fcntl(l->fd, F_GETFL), r;
	char c;
	size_t k;
	if (l->n > 0 || SSL_pending(l->ssl) > 0)
		return true;
	if (poll(&p, 1, 0) <= 0)
		return false;
	/* It may be a message of TLS itself, a ticket for instance. */
	fcntl(l->fd, F_SETFL, flags | O_NONBLOCK);
	r = SSL_peek_ex(l->ssl, &c, 1, &k);
	r = r == 1 ? SSL_ERROR_NONE : SSL_get_error(l->ssl, r);
	fcntl(l->fd, F_SETFL, flags);
	ERR_clear_error();
	return r != SSL_ERROR_WANT_READ;
}

/* More bytes; false at the end of the connection or of patience. */
static bool more(struct http_line *l)
{
	size_t k;
	if (l->n + CHUNK > l->cap) {
		l->cap = (l->n + CHUNK) * 2;
		l->in = realloc(l->in, l->cap);
		if (!l->in)
			abort();
	}
	if (l->n > MAX_RESPONSE || SSL_read_ex(l->ssl, l->in + l->n, CHUNK, &k) != 1)
		return false;
	l->n += k;
	return true;
}

static void drop(struct http_line *l, size_t n)
{
	memmove(l->in, l->in + n, l->n - n);
	l->n -= n;
}

/* --- responses ---------------------------------------------------------------------------------------------------- */

/* Length of the head with its empty line; 0 when it is not complete. */
static size_t head_length(const struct http_line *l)
{
	const char *end = l->n ? memmem(l->in, l->n, "\r\n\r\n", 4) : NULL;
	return end ? (size_t)(end - l->in) + 4 : 0;
}

static int read_status(const char *line, size_t n, struct ts0009_answer *out, struct fail *f)
{
	if (n < 13 || strncmp(line, "HTTP/1.1 ", 9) != 0 || !isdigit((unsigned char)line[9]) || line[12] != ' ')
		return fail_set(f, "not a status line of HTTP/1.1: %.*s", (int)(n < 60 ? n : 60), line);
	out->status = (unsigned)strtoul(line + 9, NULL, 10);
	out->has_reason = n > 13;
	return 0;
}

static int read_field(const char *line, size_t n, struct ts0009_answer *out, struct fail *f)
{
	const char *colon = memchr(line, ':', n);
	if (!colon || colon == line)
		return fail_set(f, "not a header field: %.*s", (int)(n < 60 ? n : 60), line);
	char name[80];
	size_t k = (size_t)(colon - line), from = k + 1, end = n;
	if (k >= sizeof(name))
		return fail_set(f, "a header field's name is too long");
	for (size_t i = 0; i < k; i++)
		name[i] = (char)tolower((unsigned char)line[i]);
	name[k] = 0;
	/* X-M2M-RSC and so on; only Origin has small letters (TS-0009 6.4). */
	for (size_t i = 0; i < k && strncmp(name, "x-m2m-", 6) == 0; i++)
		if (isalpha((unsigned char)line[i]) && !isupper((unsigned char)line[i]) && (strcmp(name, "x-m2m-origin") != 0 || i < 7))
			snprintf(out->misspelt, sizeof(out->misspelt), "%.*s", (int)k, line);
	while (from < end && (line[from] == ' ' || line[from] == '\t'))
		from++;
	while (end > from && (line[end - 1] == ' ' || line[end - 1] == '\t'))
		end--;
	json_t *all = json_object_get(out->fields, name);
	if (!all) {
		all = json_array();
		json_object_set_new(out->fields, name, all);
	}
	json_array_append_new(all, json_stringn(line + from, end - from));
	return 0;
}

static int read_head(struct http_line *l, size_t head, struct ts0009_answer *out, struct fail *f)
{
	const char *p = l->in, *end = l->in + head - 2;
	const char *nl = memmem(p, head, "\r\n", 2);
	out->fields = json_object();
	if (read_status(p, (size_t)(nl - p), out, f) < 0)
		return -1;
	for (p = nl + 2; p < end; p = nl + 2) {
		nl = memmem(p, (size_t)(end - p) + 2, "\r\n", 2);
		if (read_field(p, (size_t)(nl - p), out, f) < 0)
			return -1;
	}
	return 0;
}

static int read_length(struct http_line *l, size_t n, struct ts0009_answer *out, struct fail *f)
{
	while (l->n < n)
		if (!more(l))
			return fail_set(f, "the body ends after %zu of %zu bytes", l->n, n);
	out->body = calloc(1, n + 1);
	if (!out->body)
		abort();
	memcpy(out->body, l->in, n);
	out->body_n = n;
	drop(l, n);
	return 0;
}

/* RFC 9112 7.1; trailers are read and dropped. */
static int read_chunks(struct http_line *l, struct ts0009_answer *out, struct fail *f)
{
	for (;;) {
		const char *nl;
		while ((nl = l->n ? memmem(l->in, l->n, "\r\n", 2) : NULL) == NULL)
			if (!more(l))
				return fail_set(f, "the chunks end too early");
		size_t line = (size_t)(nl - l->in) + 2, k = strtoul(l->in, NULL, 16);
		if (k == 0) {
			drop(l, line);
			while (head_length(l) == 0 && (l->n < 2 || memcmp(l->in, "\r\n", 2) != 0))
				if (!more(l))
					return fail_set(f, "the trailers end too early");
			drop(l, memcmp(l->in, "\r\n", 2) == 0 ? 2 : head_length(l));
			return 0;
		}
		while (l->n < line + k + 2)
			if (!more(l))
				return fail_set(f, "a chunk ends too early");
		out->body = realloc(out->body, out->body_n + k + 1);
		if (!out->body)
			abort();
		memcpy(out->body + out->body_n, l->in + line, k);
		out->body_n += k;
		out->body[out->body_n] = 0;
		drop(l, line + k + 2);
	}
}

static const char *first(const struct ts0009_answer *a, const char *name)
{
	return json_string_value(json_array_get(json_object_get(a->fields, name), 0));
}

int http_line_read(struct http_line *l, struct ts0009_answer *out, struct fail *f)
{
	size_t head;
	while ((head = head_length(l)) == 0)
		if (!more(l))
			return l->n ? fail_set(f, "the head of a response ends too early") : 0;
	*out = (struct ts0009_answer){ 0 };
	if (read_head(l, head, out, f) < 0)
		return -1;
	drop(l, head);
	const char *length = first(out, "content-length"), *coding = first(out, "transfer-encoding");
	const char *connection = first(out, "connection");
	int rc = coding ? read_chunks(l, out, f) : read_length(l, length ? strtoul(length, NULL, 10) : 0, out, f);
	if (!coding && !length && out->status != 204)
		rc = fail_set(f, "a response without Content-Length");
	l->used = true;
	if (rc == 0 && connection && strcasecmp(connection, "close") == 0)
		http_line_close(l);
	return rc < 0 ? -1 : 1;
}
