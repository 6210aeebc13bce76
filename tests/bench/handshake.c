/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-handshake: mutual TLS 1.3 handshakes one after the other on a few threads, full or by a ticket; prints how many a second.
 * Each connection says goodbye and waits for the server's, so the server has done all of its part when the next one begins.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cse/model/rsc.h"
#include "security/tls.h"

enum { MAX_THREADS = 64 };

struct run {
	SSL_CTX *ctx;
	const char *request;     /* whose answer carries the ticket */
	struct sockaddr_in to;
	SSL_SESSION *session;    /* NULL: full handshakes */
	unsigned long count;     /* of each thread */
	_Atomic unsigned long done, reused;
	_Atomic bool failed;
};

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static SSL *dial(struct run *r)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	SSL *ssl = SSL_new(r->ctx);

	if (fd < 0 || ssl == NULL || connect(fd, (struct sockaddr *)&r->to, sizeof(r->to)) != 0)
		return NULL;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	SSL_set_fd(ssl, fd);
	if (r->session) {
		SSL_SESSION *s = SSL_SESSION_dup(r->session);
		SSL_set_session(ssl, s);
		SSL_SESSION_free(s);
	}
	return SSL_connect(ssl) == 1 ? ssl : NULL;
}

static void hang_up(SSL *ssl)
{
	char rest[4096];
	int fd = SSL_get_fd(ssl);

	SSL_shutdown(ssl);
	shutdown(fd, SHUT_WR);
	while (SSL_read(ssl, rest, sizeof(rest)) > 0)
		;
	while (recv(fd, rest, sizeof(rest), 0) > 0)
		;
	SSL_free(ssl);
	close(fd);
	ERR_clear_error();
}

static void *shake(void *arg)
{
	struct run *r = arg;

	for (unsigned long i = 0; i < r->count && !r->failed; i++) {
		SSL *ssl = dial(r);
		if (ssl == NULL) {
			ERR_print_errors_fp(stderr);
			r->failed = true;
			break;
		}
		r->reused += SSL_session_reused(ssl) ? 1 : 0;
		hang_up(ssl);
		r->done++;
	}
	return NULL;
}

static int keep(SSL *ssl, SSL_SESSION *s)
{
	struct run *r = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if (r->session)
		return 0;
	r->session = s;
	return 1;
}

/* A ticket comes with the first answer. */
static bool get_ticket(struct run *r)
{
	char answer[8192];

	SSL_CTX_set_app_data(r->ctx, r);
	SSL_CTX_set_session_cache_mode(r->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(r->ctx, keep);
	SSL *ssl = dial(r);
	if (ssl == NULL)
		return false;
	SSL_write(ssl, r->request, (int)strlen(r->request));
	SSL_read(ssl, answer, sizeof(answer));
	hang_up(ssl);
	SSL_CTX_sess_set_new_cb(r->ctx, NULL);
	return r->session != NULL;
}

int main(int argc, char **argv)
{
	struct run r = { .request = "GET /cse-in HTTP/1.1\r\nHost: localhost\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\nX-M2M-Origin: CBench\r\n\r\n" };
	struct why why = { 0 };
	pthread_t t[MAX_THREADS];

	if (argc != 8 || (strcmp(argv[7], "full") != 0 && strcmp(argv[7], "resume") != 0)) {
		fprintf(stderr, "usage: bench-handshake PORT CA CERT KEY THREADS COUNT full|resume\n");
		return 2;
	}
	unsigned threads = (unsigned)strtoul(argv[5], NULL, 10);
	r.count = strtoul(argv[6], NULL, 10);
	r.to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (threads < 1 || threads > MAX_THREADS || tls_client_new(argv[2], argv[3], argv[4], &r.ctx, &why) != 0) {
		fprintf(stderr, "bench-handshake: %s\n", why.text);
		return 2;
	}
	if (strcmp(argv[7], "resume") == 0 && !get_ticket(&r)) {
		fprintf(stderr, "bench-handshake: no ticket came\n");
		return 1;
	}
	double began = now_s();
	for (unsigned i = 0; i < threads; i++)
		if (pthread_create(&t[i], NULL, shake, &r) != 0)
			return 1;
	for (unsigned i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	double seconds = now_s() - began;
	printf("{\"done\": %lu, \"reused\": %lu, \"per_s\": %.0f, \"seconds\": %.3f}\n", r.done, r.reused, (double)r.done / seconds, seconds);
	SSL_SESSION_free(r.session);
	SSL_CTX_free(r.ctx);
	return r.failed ? 1 : 0;
}
