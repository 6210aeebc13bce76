/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions that may enrol only (security-model 2.1, 2.2): one that proved an enrolment code as a TLS 1.3 PSK with (EC)DHE, and one
 * that proved the key of a certificate which has ended a while ago.
 */
#include <openssl/crypto.h>
#include <openssl/x509_vfy.h>

#include "security/ca_priv.h"
#include "security/enrol.h"
#include "security/tls_priv.h"

/* What stands beside a session of ours; tickets have another length. */
static const char mark[] = "code ";
enum { MARK = sizeof(mark) - 1, APPDATA = MARK + CODE_HANDLE };

static bool is_handle(const unsigned char *id, size_t n)
{
	bool yes = n == CODE_HANDLE;

	for (size_t i = 0; yes && i < n; i++)
		yes = (id[i] >= '0' && id[i] <= '9') || (id[i] >= 'a' && id[i] <= 'f');
	return yes;
}

/* The suite and hash that the server prefers: with any other the PSK would be passed over silently. */
static SSL_SESSION *session_of(SSL *ssl, const unsigned char psk[CODE_PSK], const char appdata[APPDATA])
{
	static const unsigned char suite[] = { 0x13, 0x02 }; /* TLS_AES_256_GCM_SHA384 */
	const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, suite);
	SSL_SESSION *s = SSL_SESSION_new();

	if (s && cipher && SSL_SESSION_set1_master_key(s, psk, CODE_PSK) == 1 && SSL_SESSION_set_cipher(s, cipher) == 1 &&
	    SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION) == 1 && SSL_SESSION_set1_ticket_appdata(s, appdata, APPDATA) == 1)
		return s;
	SSL_SESSION_free(s);
	return NULL;
}

/* Called for every PSK that is offered, tickets too: those go their own way. */
static int on_psk(SSL *ssl, const unsigned char *id, size_t n, SSL_SESSION **out)
{
	struct tls_loop *l = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	struct enrol *e = l->tls->enrol;
	unsigned char psk[CODE_PSK];
	char appdata[APPDATA];
	bool known;

	*out = NULL;
	if (e == NULL || !is_handle(id, n))
		return 1;
	enrol_psk(e, str_make((const char *)id, n), psk, &known);
	memcpy(appdata, mark, MARK);
	memcpy(appdata + MARK, id, CODE_HANDLE);
	*out = session_of(ssl, psk, appdata);
	OPENSSL_cleanse(psk, sizeof(psk));
	return *out != NULL;
}

/* An end entity's certificate that has ended may be let through to renew itself; nothing else is overlooked. */
static int on_verify(int ok, X509_STORE_CTX *ctx)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_loop *l = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	X509 *x = X509_STORE_CTX_get_current_cert(ctx);
	unsigned char fp[32];

	if (ok || l->tls->enrol == NULL || x == NULL || X509_STORE_CTX_get_error(ctx) != X509_V_ERR_CERT_HAS_EXPIRED ||
	    X509_STORE_CTX_get_error_depth(ctx) != 0 || cert_fingerprint(x, fp) != 0)
		return ok;
	return enrol_in_grace(l->tls->enrol, str_make((const char *)fp, sizeof(fp)), cert_time_us(X509_get0_notAfter(x)));
}

void tls_psk_use(SSL_CTX *ctx)
{
	SSL_CTX_set_psk_find_session_callback(ctx, on_psk);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, on_verify);
}

void tls_use_enrol(struct tls *t, struct enrol *e)
{
	CHECK(t, TLS);
	t->enrol = e;
}

bool tls_code(SSL *ssl, char handle[CODE_HANDLE + 1])
{
	SSL_SESSION *s = SSL_is_init_finished(ssl) && SSL_session_reused(ssl) ? SSL_get_session(ssl) : NULL;
	void *p = NULL;
	size_t n = 0;

	if (s == NULL || SSL_get0_peer_certificate(ssl) || SSL_SESSION_get0_ticket_appdata(s, &p, &n) != 1 || n != APPDATA ||
	    memcmp(p, mark, MARK) != 0)
		return false;
	memcpy(handle, (const char *)p + MARK, CODE_HANDLE);
	handle[CODE_HANDLE] = 0;
	return true;
}

bool tls_is_ended(const SSL *ssl)
{
	return SSL_get_verify_result(ssl) == X509_V_ERR_CERT_HAS_EXPIRED;
}
