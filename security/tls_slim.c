/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as OpenSSL writes them, less the certificate; the sealing of what is left. */
#include "security/tls_slim.h"

#include <openssl/asn1.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

enum { PEER_TAG = 3 /* SSL_SESSION_ASN1 */, SESSION_MAX = 65535, BLOCK = 16, KEY = 32, IV = 16 };

/* --- the session ------------------------------------------------------------------------------------------------------- */

size_t tls_slim_session(const unsigned char *der, size_t n, unsigned char *out)
{
	const unsigned char *p = der, *end = der + n;
	size_t peer = 0, head, rest;
	const unsigned char *peer_at = NULL, *fields;
	unsigned char *o = out;
	int tag, class;
	long len;

	if (n > SESSION_MAX || ASN1_get_object(&p, &len, &tag, &class, (long)n) != V_ASN1_CONSTRUCTED || tag != V_ASN1_SEQUENCE || p + len != end)
		return 0;
	fields = p;
	while (p < end) {
		const unsigned char *at = p;
		if (ASN1_get_object(&p, &len, &tag, &class, end - p) & 0x81)
			return 0;
		p += len;
		if (class == V_ASN1_CONTEXT_SPECIFIC && tag == PEER_TAG) {
			peer_at = at;
			peer = (size_t)(p - at);
		}
	}
	if (peer_at == NULL)
		peer_at = end;
	rest = (size_t)(end - fields) - peer;
	ASN1_put_object(&o, 1, (int)rest, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	head = (size_t)(peer_at - fields);
	memcpy(o, fields, head);
	memcpy(o + head, peer_at + peer, rest - head);
	return (size_t)(o - out) + rest;
}

/* --- a cipher of OpenSSL's kind (provider-cipher(7)) --------------------------------------------------------------------- */

struct slim {
	OSSL_LIB_CTX *lib;
	EVP_CIPHER_CTX *aes;
};

static void slim_free(void *v)
{
	struct slim *s = v;

	if (s == NULL)
		return;
	EVP_CIPHER_CTX_free(s->aes);
	OPENSSL_free(s);
}

static void *slim_new(void *lib)
{
	struct slim *s = OPENSSL_zalloc(sizeof(*s));

	if (s == NULL)
		return NULL;
	s->lib = lib;
	s->aes = EVP_CIPHER_CTX_new();
	if (s->aes == NULL) {
		slim_free(s);
		return NULL;
	}
	return s;
}

static int slim_seal_init(void *v, const unsigned char *key, size_t key_n, const unsigned char *iv, size_t iv_n, const OSSL_PARAM params[])
{
	struct slim *s = v;
	(void)params;

	if (key == NULL || iv == NULL || key_n != KEY || iv_n != IV)
		return 0;
	EVP_CIPHER *aes = EVP_CIPHER_fetch(s->lib, "AES-256-CBC", NULL);
	int ok = aes && EVP_EncryptInit_ex2(s->aes, aes, key, iv, NULL) == 1;
	EVP_CIPHER_free(aes);
	return ok;
}

/* The whole session comes at once. */
static int slim_update(void *v, unsigned char *out, size_t *out_n, size_t out_max, const unsigned char *in, size_t in_n)
{
	struct slim *s = v;
	unsigned char *slim = in_n <= SESSION_MAX ? OPENSSL_malloc(in_n) : NULL;
	size_t n = slim ? tls_slim_session(in, in_n, slim) : 0;
	int done = 0, ok = n > 0 && n + BLOCK <= out_max && EVP_EncryptUpdate(s->aes, out, &done, slim, (int)n) == 1;

	OPENSSL_clear_free(slim, in_n);
	*out_n = ok ? (size_t)done : 0;
	return ok;
}

static int slim_final(void *v, unsigned char *out, size_t *out_n, size_t out_max)
{
	struct slim *s = v;
	int done = 0, ok = out_max >= BLOCK && EVP_EncryptFinal_ex(s->aes, out, &done) == 1;

	*out_n = ok ? (size_t)done : 0;
	return ok;
}

static int put(OSSL_PARAM params[], const char *name, size_t value)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

	return p == NULL || OSSL_PARAM_set_size_t(p, value);
}

static int slim_sizes(OSSL_PARAM params[])
{
	return put(params, OSSL_CIPHER_PARAM_BLOCK_SIZE, BLOCK) && put(params, OSSL_CIPHER_PARAM_KEYLEN, KEY) && put(params, OSSL_CIPHER_PARAM_IVLEN, IV);
}

static int slim_ctx_sizes(void *v, OSSL_PARAM params[])
{
	(void)v;
	return slim_sizes(params);
}

static const OSSL_PARAM *slim_gettable(void *provider)
{
	static const OSSL_PARAM sizes[] = { OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_BLOCK_SIZE, NULL), OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_KEYLEN, NULL),
		OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_IVLEN, NULL), OSSL_PARAM_END };
	(void)provider;
	return sizes;
}

#define ENTRY(id, fn) { id, (void (*)(void))(fn) }
static const OSSL_DISPATCH slim_functions[] = {
	ENTRY(OSSL_FUNC_CIPHER_NEWCTX, slim_new),
	ENTRY(OSSL_FUNC_CIPHER_FREECTX, slim_free),
	ENTRY(OSSL_FUNC_CIPHER_ENCRYPT_INIT, slim_seal_init),
	ENTRY(OSSL_FUNC_CIPHER_UPDATE, slim_update),
	ENTRY(OSSL_FUNC_CIPHER_FINAL, slim_final),
	ENTRY(OSSL_FUNC_CIPHER_GET_PARAMS, slim_sizes),
	ENTRY(OSSL_FUNC_CIPHER_GET_CTX_PARAMS, slim_ctx_sizes),
	ENTRY(OSSL_FUNC_CIPHER_GETTABLE_PARAMS, slim_gettable),
	{ 0, NULL },
};

static const OSSL_ALGORITHM ciphers[] = {
	{ "TROTH-TICKET", "provider=troth", slim_functions, "a session without its certificate in AES-256-CBC" },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
	(void)provider;
	*no_cache = 0;
	return operation == OSSL_OP_CIPHER ? ciphers : NULL;
}

static const OSSL_DISPATCH provider_functions[] = {
	ENTRY(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
	{ 0, NULL },
};

static int start(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **provider)
{
	OSSL_FUNC_core_get_libctx_fn *get = NULL;

	for (; in->function_id != 0; in++)
		if (in->function_id == OSSL_FUNC_CORE_GET_LIBCTX)
			get = OSSL_FUNC_core_get_libctx(in);
	if (get == NULL)
		return 0;
	/* For what is built in, the core's context is the library context itself. */
	*provider = get(handle);
	*out = provider_functions;
	return 1;
}

bool tls_slim_init(struct tls_slim *p, OSSL_LIB_CTX *lib)
{
	memset(p, 0, sizeof(*p));
	/* Who loads one provider has to load the standard one, too. */
	if (OSSL_PROVIDER_add_builtin(lib, "troth", start) == 1) {
		p->standard = OSSL_PROVIDER_load(lib, "default");
		p->own = OSSL_PROVIDER_load(lib, "troth");
	}
	if (p->standard && p->own)
		p->cipher = EVP_CIPHER_fetch(lib, "TROTH-TICKET", NULL);
	return p->cipher != NULL;
}

void tls_slim_fini(struct tls_slim *p)
{
	EVP_CIPHER_free(p->cipher);
	OSSL_PROVIDER_unload(p->own);
	OSSL_PROVIDER_unload(p->standard);
	memset(p, 0, sizeof(*p));
}
