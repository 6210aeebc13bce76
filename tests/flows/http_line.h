/* SPDX-License-Identifier: Apache-2.0 */
/* A blocking HTTPS client for one actor: connects from its address, shows its certificate, reads one response at a time. */
#ifndef FLOWS_HTTP_LINE_H
#define FLOWS_HTTP_LINE_H

#include <openssl/ssl.h>

#include "tests/flows/ts0009.h"

struct http_line {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;                 /* -1: not connected */
	char host[64];          /* "127.0.0.1:8443" */
	unsigned port;
	char from[48];          /* own address */
	int64_t now_us;         /* of the CSE's clock: certificates are judged by it */
	char *in;               /* bytes that have been read and not used */
	size_t n, cap;
	bool used;              /* a request went through on this connection before */
};

/* 0, or -1 when the server does not let us in. */
int http_line_open(struct http_line *l);
void http_line_close(struct http_line *l);
/* All of it, or -1. */
int http_line_write(struct http_line *l, const char *p, size_t n);
/* Is there anything to read, now? */
bool http_line_ready(struct http_line *l);
/* The next response.  1 read; 0 closed before its first byte; -1 and a sentence otherwise. */
int http_line_read(struct http_line *l, struct ts0009_answer *out, struct fail *f);

#endif
