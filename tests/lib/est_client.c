/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An EST client for scripts, honest or not: a session by an enrolment code or by a certificate, a request for a key of a file,
 * bound to the session as it should be or as the script says.  Written from RFC 7030, RFC 9266 and RFC 5869, with nothing of ours.
 *
 *   est_client [OPTION VALUE].. OPERATION..
 *     --host H --port N --cse /id-in --code CODE | --handle HEX --psk HEX | --cert FILE --key FILE
 *     --ca FILE         verifies the server (with --cert)
 *     --csr-key FILE    PEM key of the request; made when it is not there
 *     --challenge TEXT  instead of the session's binding; "" leaves it out
 *     --san URI         asks for a name
 *     --out FILE        the last answer's body
 *     --extra LINE      a further header line
 *     --wait SECONDS    between the operations
 *     --codes FILE      for a bench: enrols with each code of the file, one session each; prints how many and in how many seconds
 *     --bind ADDRESS    connects from it (IPv4)
 *   OPERATION: cacerts csrattrs simpleenroll simplereenroll, or a path that is asked for by GET
 * Prints the status of each answer, one a line; "closed" when there is none.  Ends with 0 whatever they are, with 3 when the
 * handshake failed.
 */
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CODE_SALT "troth-enrol-1"

struct options {
	const char *host, *port, *cse, *code, *handle, *psk, *cert, *key, *ca, *csr_key, *challenge, *san, *out, *extra, *wait, *bind, *codes;
};

static struct known {
	const char *name;
	size_t at;
} const known[] = {
#define O(n, m) { n, offsetof(struct options, m) }
	O("--host", host), O("--port", port), O("--cse", cse), O("--code", code), O("--handle", handle), O("--psk", psk),
	O("--cert", cert), O("--key", key), O("--ca", ca), O("--csr-key", csr_key), O("--challenge", challenge), O("--san", san),
	O("--out", out), O("--extra", extra), O("--wait", wait), O("--bind", bind), O("--codes", codes),
};

static void die(const char *what)
{
	fprintf(stderr, "est_client: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(2);
}

/* --- the code ---------------------------------------------------------------------------------------------------------- */

static void hkdf(const unsigned char secret[17], const char *info, unsigned char *out, size_t n)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);

	if (!c || EVP_PKEY_derive_init(c) != 1 || EVP_PKEY_CTX_set_hkdf_md(c, EVP_sha384()) != 1 ||
	    EVP_PKEY_CTX_set1_hkdf_salt(c, (const unsigned char *)CODE_SALT, sizeof(CODE_SALT) - 1) != 1 ||
	    EVP_PKEY_CTX_set1_hkdf_key(c, secret, 17) != 1 ||
	    EVP_PKEY_CTX_add1_hkdf_info(c, (const unsigned char *)info, (int)strlen(info)) != 1 || EVP_PKEY_derive(c, out, &n) != 1)
		die("HKDF");
	EVP_PKEY_CTX_free(c);
}

static void secret_of(const char *code, unsigned char secret[17])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	unsigned bit = 0;

	memset(secret, 0, 17);
	for (const char *hash = strchr(code, '#'); hash; hash = NULL)
		code = hash + 1;
	for (; *code && bit < 130; code++) {
		const char *d = *code == '-' ? NULL : strchr(digits, *code);

		if (*code == '-')
			continue;
		if (!d)
			die("this is no code");
		for (int i = 4; i >= 0; i--, bit++)
			if ((d - digits) >> i & 1)
				secret[bit / 8] |= (unsigned char)(0x80 >> bit % 8);
	}
}

struct psk {
	char handle[256];
	unsigned char key[48];
};

static void psk_of(const struct options *o, struct psk *p)
{
	unsigned char secret[17], raw[16];
	char info[512];
	long n = 0;

	if (o->psk) {
		unsigned char *key = OPENSSL_hexstr2buf(o->psk, &n);

		if (!key || n != 48)
			die("--psk has 48 bytes");
		memcpy(p->key, key, 48);
		OPENSSL_free(key);
		snprintf(p->handle, sizeof(p->handle), "%s", o->handle);
		return;
	}
	secret_of(o->code, secret);
	hkdf(secret, "handle", raw, sizeof(raw));
	for (int i = 0; i < 16; i++)
		snprintf(p->handle + 2 * i, 3, "%02x", raw[i]);
	snprintf(info, sizeof(info), "psk est %s %s", o->cse, p->handle);
	hkdf(secret, info, p->key, sizeof(p->key));
	if (o->handle)
		snprintf(p->handle, sizeof(p->handle), "%s", o->handle);
}

static int use_psk(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *n, SSL_SESSION **out)
{
	static const unsigned char suite[] = { 0x13, 0x02 };
	struct psk *p = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	SSL_SESSION *s = SSL_SESSION_new();

	(void)md;
	if (!s || SSL_SESSION_set1_master_key(s, p->key, sizeof(p->key)) != 1 ||
	    SSL_SESSION_set_cipher(s, SSL_CIPHER_find(ssl, suite)) != 1 || SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION) != 1)
		die("a session");
	*id = (const unsigned char *)p->handle;
	*n = strlen(p->handle);
	*out = s;
	return 1;
}

/* --- the session ------------------------------------------------------------------------------------------------------- */

static int dial(const char *host, const char *port, const char *from)
{
	struct sockaddr_in own = { .sin_family = AF_INET };
	struct addrinfo hint = { .ai_socktype = SOCK_STREAM }, *list;
	int fd;

	if (getaddrinfo(host, port, &hint, &list))
		die("the host is not known");
	fd = socket(list->ai_family, SOCK_STREAM, 0);
	if (from && (inet_pton(AF_INET, from, &own.sin_addr) != 1 || bind(fd, (struct sockaddr *)&own, sizeof(own))))
		die("--bind");
	if (fd < 0 || connect(fd, list->ai_addr, list->ai_addrlen))
		die("cannot connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	freeaddrinfo(list);
	return fd;
}

static SSL *open_session(const struct options *o, struct psk *p)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)"\x08http/1.1", 9);
	if (o->cert) {
		if (SSL_CTX_use_certificate_chain_file(ctx, o->cert) != 1 ||
		    SSL_CTX_use_PrivateKey_file(ctx, o->key, SSL_FILETYPE_PEM) != 1)
			die("certificate and key");
		if (o->ca && SSL_CTX_load_verify_file(ctx, o->ca) != 1)
			die("--ca");
		SSL_CTX_set_verify(ctx, o->ca ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	} else {
		psk_of(o, p);
		SSL_CTX_set_app_data(ctx, p);
		SSL_CTX_set_psk_use_session_callback(ctx, use_psk);
		SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	}
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, dial(o->host, o->port, o->bind));
	if (SSL_connect(ssl) != 1) {
		printf("handshake failed\n");
		ERR_print_errors_fp(stderr);
		exit(3);
	}
	if (!o->cert && !SSL_session_reused(ssl)) {
		printf("the code was not taken\n");
		exit(3);
	}
	return ssl;
}

/* --- the request ------------------------------------------------------------------------------------------------------- */

static EVP_PKEY *key_of(const char *file)
{
	FILE *f = file ? fopen(file, "r") : NULL;
	EVP_PKEY *k;

	if (f) {
		k = PEM_read_PrivateKey(f, NULL, NULL, NULL);
		fclose(f);
		return k;
	}
	k = EVP_EC_gen("P-256");
	if (file) {
		umask(077);
		f = fopen(file, "w");
		if (!f || PEM_write_PrivateKey(f, k, NULL, NULL, 0, NULL, NULL) != 1)
			die("--csr-key cannot be written");
		fclose(f);
	}
	return k;
}

static void add_san(X509_REQ *r, const char *uri)
{
	STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();
	char text[512];

	snprintf(text, sizeof(text), "%s", uri);
	sk_X509_EXTENSION_push(exts, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text));
	X509_REQ_add_extensions(r, exts);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
}

/* base64 of PKCS#10; malloced. */
static char *request_of(const struct options *o, SSL *ssl)
{
	X509_REQ *r = X509_REQ_new();
	EVP_PKEY *k = key_of(o->csr_key);
	unsigned char raw[32], *der = NULL;
	char bound[64], *text;
	int n;

	if (SSL_export_keying_material(ssl, raw, sizeof(raw), "EXPORTER-Channel-Binding", 24, NULL, 0, 0) != 1)
		die("no binding");
	EVP_EncodeBlock((unsigned char *)bound, raw, sizeof(raw));
	X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(r), "CN", MBSTRING_ASC, (const unsigned char *)"device", -1, -1, 0);
	X509_REQ_set_pubkey(r, k);
	if (!o->challenge || *o->challenge) {
		const char *c = o->challenge ? o->challenge : bound;
		X509_REQ_add1_attr_by_NID(r, NID_pkcs9_challengePassword, MBSTRING_ASC, (const unsigned char *)c, (int)strlen(c));
	}
	if (o->san)
		add_san(r, o->san);
	if (X509_REQ_sign(r, k, EVP_sha256()) <= 0)
		die("the request");
	n = i2d_X509_REQ(r, &der);
	text = malloc((size_t)n * 2 + 8);
	EVP_EncodeBlock((unsigned char *)text, der, n);
	OPENSSL_free(der);
	X509_REQ_free(r);
	EVP_PKEY_free(k);
	return text;
}

static bool ask(const struct options *o, SSL *ssl, const char *op)
{
	bool post = strncmp(op, "simple", 6) == 0, path = *op == '/';
	char *body = post ? request_of(o, ssl) : NULL, head[1024], in[65536];
	size_t n = 0, length = 0;
	int k, status = 0;
	char *end = NULL;

	snprintf(head, sizeof(head), "%s %s%s HTTP/1.1\r\nHost: %s\r\n%s%s%sContent-Length: %zu\r\n\r\n", post ? "POST" : "GET",
	         path ? "" : "/.well-known/est/", op, o->host, post ? "Content-Type: application/pkcs10\r\n" : "", o->extra ? o->extra : "",
	         o->extra ? "\r\n" : "", body ? strlen(body) : 0);
	if (SSL_write(ssl, head, (int)strlen(head)) <= 0 || (body && SSL_write(ssl, body, (int)strlen(body)) <= 0))
		return false;
	free(body);
	while (n + 1 < sizeof(in) && (k = SSL_read(ssl, in + n, (int)(sizeof(in) - 1 - n))) > 0) {
		char *at;

		n += (size_t)k;
		in[n] = 0;
		end = strstr(in, "\r\n\r\n");
		at = end ? strcasestr(in, "content-length:") : NULL;
		length = at ? (size_t)strtoul(at + 15, NULL, 10) : 0;
		if (end && n >= (size_t)(end + 4 - in) + length)
			break;
	}
	if (!end || sscanf(in, "HTTP/1.1 %d", &status) != 1)
		return false;
	printf("%d\n", status);
	if (status >= 300)
		fprintf(stderr, "%s\n", end + 4);
	if (o->out) {
		FILE *f = fopen(o->out, "w");
		if (!f || fwrite(end + 4, 1, length, f) != length)
			die("--out cannot be written");
		fclose(f);
	}
	return true;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void end_session(SSL *ssl)
{
	SSL_CTX *ctx = SSL_get_SSL_CTX(ssl);
	int fd = SSL_get_fd(ssl);

	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fd);
}

static int enrol_all(struct options *o)
{
	FILE *f = fopen(o->codes, "r");
	char line[256];
	double begin = now();
	unsigned n = 0;
	struct psk p;

	if (!f)
		die("--codes cannot be read");
	while (fgets(line, sizeof(line), f)) {
		SSL *ssl;
		bool ok;

		line[strcspn(line, "\n")] = 0;
		o->code = line;
		ssl = open_session(o, &p);
		ok = ask(o, ssl, "simpleenroll");
		end_session(ssl);
		if (!ok)
			die("an enrolment failed");
		n++;
	}
	fclose(f);
	fprintf(stderr, "%u %.6f\n", n, now() - begin);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { .host = "127.0.0.1", .port = "8443", .cse = "/id-in" };
	struct psk p;
	SSL *ssl;
	int i = 1;

	for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		size_t k = 0;

		while (k < sizeof(known) / sizeof(known[0]) && strcmp(known[k].name, argv[i]))
			k++;
		if (k == sizeof(known) / sizeof(known[0]))
			die("there is no such option");
		memcpy((char *)&o + known[k].at, &argv[i + 1], sizeof(char *));
	}
	if (o.codes)
		return enrol_all(&o);
	if (!o.code && !o.psk && !o.cert)
		die("--code, --psk or --cert is needed");
	ssl = open_session(&o, &p);
	for (bool first = true; i < argc; i++, first = false) {
		if (!first && o.wait)
			sleep((unsigned)strtoul(o.wait, NULL, 10));
		if (!ask(&o, ssl, argv[i])) {
			printf("closed\n");
			break;
		}
	}
	end_session(ssl);
	return 0;
}
