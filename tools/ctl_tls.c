/* SPDX-License-Identifier: Apache-2.0 */
/* trothctl from afar: the same interface over HTTPS, with an administrator's credential. */
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tools/ctl.h"

enum { HOST = 256, CONNECT_S = 10 };

/* "HOST:PORT" or "[ADDRESS]:PORT". */
static bool split(const char *server, char host[HOST], char port[8])
{
	const char *colon = strrchr(server, ':');
	struct str h = colon ? str_make(server, (size_t)(colon - server)) : STR_NONE;
	uint64_t v;

	if (h.n > 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
		h = str_make(h.p + 1, h.n - 2);
	else if (str_index(h, ':') < h.n || str_index(h, '[') < h.n)
		return false;
	if (h.n == 0 || h.n >= HOST || str_u64(str_of(colon + 1), &v) != 0 || v < 1 || v > 65535)
		return false;
	snprintf(host, HOST, "%.*s", STR_ARG(h));
	snprintf(port, 8, "%llu", (unsigned long long)v);
	return true;
}

bool ctl_fits_server(const char *text, const char *words)
{
	char host[HOST], port[8];
	return ctl_fits_text(text, words) && split(text, host, port);
}

static int file_failed(const char *path)
{
	char text[256];
	unsigned long e = ERR_peek_last_error();

	ERR_error_string_n(e, text, sizeof(text));
	return ctl_fail(CTL_FILE, "cannot use %s: %s", path, e ? text : strerror(errno));
}

/* STEM.crt (chain), STEM.key, and ca.crt beside them, as ca issue writes them. */
static int load_files(SSL_CTX *ctx, const char *stem)
{
	char crt[PATH_MAX], key[PATH_MAX], ca[PATH_MAX];
	const char *slash = strrchr(stem, '/');
	int folder = slash ? (int)(slash - stem) + 1 : 0;

	if (strlen(stem) > PATH_MAX - 16)
		return ctl_fail(CTL_USAGE, "the path of --credential is too long");
	snprintf(crt, sizeof(crt), "%s.crt", stem);
	snprintf(key, sizeof(key), "%s.key", stem);
	snprintf(ca, sizeof(ca), "%.*sca.crt", folder, stem);
	if (SSL_CTX_load_verify_file(ctx, ca) != 1)
		return file_failed(ca);
	if (SSL_CTX_use_certificate_chain_file(ctx, crt) != 1)
		return file_failed(crt);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		return file_failed(key);
	return CTL_OK;
}

static int make_context(struct ctl *c, SSL_CTX **out)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int code;

	if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1) {
		SSL_CTX_free(ctx);
		return ctl_fail(CTL_NO_TROTHD, "OpenSSL cannot be set up");
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	code = load_files(ctx, c->credential);
	if (code)
		SSL_CTX_free(ctx);
	else
		*out = ctx;
	return code;
}

static int connect_to(struct ctl *c, const char *host, const char *port)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct timeval tv = { .tv_sec = CONNECT_S };
	struct addrinfo *list = NULL;
	int e = getaddrinfo(host, port, &hints, &list), last = 0;

	if (e)
		return ctl_fail(CTL_NO_TROTHD, "cannot find %s: %s", host, gai_strerror(e));
	for (const struct addrinfo *ai = list; ai && c->fd < 0; ai = ai->ai_next) {
		c->fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, ai->ai_protocol);
		if (c->fd >= 0 && setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == 0 &&
		    connect(c->fd, ai->ai_addr, ai->ai_addrlen) == 0)
			break;
		last = errno;
		if (c->fd >= 0)
			close(c->fd);
		c->fd = -1;
	}
	freeaddrinfo(list);
	return c->fd >= 0 ? CTL_OK : ctl_fail(CTL_NO_TROTHD, "cannot reach %s: %s", c->server, strerror(last));
}

/* The server proves the name that was asked for, or its address. */
static bool expect_host(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *p = SSL_get0_param(ssl);

	if (X509_VERIFY_PARAM_set1_ip_asc(p, host) == 1)
		return true;
	X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(p, host, 0) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static int failed(struct ctl *c)
{
	long v = SSL_get_verify_result(c->ssl);
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	return ctl_fail(CTL_NO_TROTHD, "no TLS with %s: %s", c->server,
	                v != X509_V_OK ? X509_verify_cert_error_string(v) : reason ? reason : "it closed the connection");
}

int ctl_tls_open(struct ctl *c)
{
	char host[HOST], port[8];
	SSL_CTX *ctx = NULL;

	if (!c->credential)
		return ctl_fail(CTL_USAGE, "--server needs --credential");
	int code = make_context(c, &ctx);
	if (code)
		return code;
	REQUIRE(split(c->server, host, port));
	code = connect_to(c, host, port);
	if (code == CTL_OK) {
		c->ssl = SSL_new(ctx);
		if (!c->ssl || !expect_host(c->ssl, host) || SSL_set_fd(c->ssl, c->fd) != 1 || SSL_connect(c->ssl) != 1)
			code = failed(c);
	}
	SSL_CTX_free(ctx);
	if (code)
		ctl_close(c);
	return code;
}

void ctl_tls_close(struct ctl *c)
{
	SSL_free(c->ssl);
	c->ssl = NULL;
}

bool ctl_tls_waits(const struct ctl *c)
{
	return SSL_has_pending(c->ssl) != 0;
}

ssize_t ctl_tls_send(struct ctl *c, const char *p, size_t n)
{
	int k = SSL_write(c->ssl, p, n > INT_MAX ? INT_MAX : (int)n);
	return k > 0 ? k : -1;
}

ssize_t ctl_tls_recv(struct ctl *c, char *p, size_t n)
{
	ERR_clear_error();
	int k = SSL_read(c->ssl, p, (int)n);
	if (k > 0)
		return k;
	/* TLS 1.3: that a certificate is not taken is heard after the handshake. */
	if (SSL_get_error(c->ssl, k) == SSL_ERROR_SSL)
		ctl_fail(CTL_NO_TROTHD, "trothd ends the connection: %s", ERR_reason_error_string(ERR_peek_error()));
	return 0;
}
