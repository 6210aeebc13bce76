/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing names in certificates, and checking the keys that are to be certified. */
#include "security/cert.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "cse/base/err.h"
#include "security/tls.h"

static const char scheme[] = "onem2m:";

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool cert_is_dns(struct str s)
{
	bool more = true;

	if (s.n == 0 || s.n > CERT_DNS_BYTES)
		return false;
	while (more) {
		struct str label = str_cut(&s, '.', &more);
		if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!is_alnum(label.p[i]) && label.p[i] != '-' && label.p[i] != '_')
				return false;
	}
	return true;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* Visible ASCII only: no zero byte can hide the end of a name from code that thinks in C strings. */
static int get_text(const ASN1_STRING *s, struct str *out)
{
	struct str t = str_make((const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
	if (t.n == 0)
		return E_SYNTAX;
	if (t.n > CERT_NAME_BYTES)
		return E_LIMIT;
	for (size_t i = 0; i < t.n; i++)
		if (t.p[i] <= ' ' || t.p[i] > '~')
			return E_SYNTAX;
	*out = t;
	return 0;
}

static void read_dns(struct arena *a, struct str dns, struct str sp, struct cert_name *out)
{
	struct str rest = dns;
	bool more;
	struct str label = str_cut(&rest, '.', &more);

	if (more && label.n > 0 && str_eq_nocase(rest, sp)) {
		out->kind = CERT_CSE;
		out->text = arena_printf(a, "//%.*s/%.*s", STR_ARG(sp), STR_ARG(label));
	} else {
		out->kind = CERT_HOST;
		out->text = arena_str(a, dns);
	}
}

/* onem2m://<SP>/<CSE-ID>/<C stem> or onem2m://<SP>/<S stem>; anything else names nobody here. */
static void read_uri(struct arena *a, struct str uri, struct str sp, struct cert_name *out)
{
	bool more;

	if (!str_starts(uri, STR("onem2m://")))
		return;
	struct str abs = str_from(uri, sizeof(scheme) - 1), rest = str_from(abs, 2);
	if (!str_eq(str_cut(&rest, '/', &more), sp) || !more)
		return;
	struct str first = str_cut(&rest, '/', &more);
	struct str stem = more ? rest : first;
	if (!addr_is_rn(first) || !addr_is_rn(stem) || stem.p[0] != (more ? 'C' : 'S'))
		return;
	out->kind = CERT_AE;
	out->text = arena_str(a, abs);
}

static int read_name(struct arena *a, const GENERAL_NAME *g, struct str sp, struct cert_name *out)
{
	struct str t;
	int type, err;
	const void *v = GENERAL_NAME_get0_value(g, &type);

	out->kind = CERT_OTHER;
	out->text = STR_NONE;
	switch (type) {
	case GEN_DNS:
	case GEN_URI:
		err = get_text(v, &t);
		if (err)
			return err;
		if (type == GEN_URI) {
			read_uri(a, t, sp, out);
			return 0;
		}
		if (!cert_is_dns(t))
			return E_SYNTAX;
		read_dns(a, t, sp, out);
		return 0;
	case GEN_IPADD:
		t = str_make((const char *)ASN1_STRING_get0_data(v), (size_t)ASN1_STRING_length(v));
		if (t.n != 4 && t.n != 16)
			return E_SYNTAX;
		out->kind = CERT_ADDRESS;
		out->text = arena_str(a, t);
		return 0;
	default:
		return 0;
	}
}

int cert_names_of(struct arena *a, const GENERAL_NAMES *gens, struct str sp, struct cert_names *out)
{
	int n = sk_GENERAL_NAME_num(gens);
	struct cert_names names = { NULL, 0 };

	if (n > CERT_NAMES_MAX)
		return E_LIMIT;
	if (n > 0)
		names.v = arena_array(a, (size_t)n, sizeof(*names.v));
	for (int i = 0; i < n; i++) {
		int err = read_name(a, sk_GENERAL_NAME_value(gens, i), sp, &names.v[names.n++]);
		if (err)
			return err;
	}
	*out = names;
	return 0;
}

int cert_names(struct arena *a, const X509 *x, struct str sp, struct cert_names *out)
{
	int crit;
	GENERAL_NAMES *gens = X509_get_ext_d2i(x, NID_subject_alt_name, &crit, NULL);
	if (!gens) {
		/* -1: there is none; otherwise it is there twice or cannot be read. */
		if (crit != -1)
			return E_SYNTAX;
		*out = (struct cert_names){ NULL, 0 };
		return 0;
	}
	int err = cert_names_of(a, gens, sp, out);
	GENERAL_NAMES_free(gens);
	return err;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static int add_text(GENERAL_NAMES *gens, int type, struct str text)
{
	GENERAL_NAME *g = GENERAL_NAME_new();
	ASN1_IA5STRING *s = ASN1_IA5STRING_new();

	if (!g || !s || ASN1_STRING_set(s, text.p, (int)text.n) != 1) {
		ASN1_IA5STRING_free(s);
		GENERAL_NAME_free(g);
		return E_NOMEM;
	}
	GENERAL_NAME_set0_value(g, type, s);
	if (sk_GENERAL_NAME_push(gens, g) > 0)
		return 0;
	GENERAL_NAME_free(g);
	return E_NOMEM;
}

static int add_cse(GENERAL_NAMES *gens, struct str id, const struct addr_self *self, struct why *why)
{
	struct buf b;
	int err = 0;

	buf_init(&b, CERT_NAME_BYTES);
	buf_str(&b, id);
	buf_putc(&b, '.');
	buf_str(&b, self->sp);
	/* One label, so that reading it back gives the CSE-ID again. */
	if (b.over || str_index(id, '.') != id.n || !cert_is_dns(buf_as_str(&b))) {
		why_set(why, RSC_BAD_REQUEST,
		        "the CSE-ID /%.*s makes no DNS name below the service provider: use letters, digits and hyphens",
		        (int)(id.n > 64 ? 64 : id.n), id.p);
		err = E_SYNTAX;
	}
	if (err == 0)
		err = add_text(gens, GEN_DNS, buf_as_str(&b));
	buf_fini(&b);
	return err;
}

static int add_ae(GENERAL_NAMES *gens, struct str stem, const struct addr_self *self)
{
	struct buf b;

	buf_init(&b, CERT_NAME_BYTES);
	BUF_LIT(&b, scheme);
	BUF_LIT(&b, "//");
	buf_str(&b, self->sp);
	if (stem.p[0] == 'C') {
		buf_putc(&b, '/');
		buf_str(&b, self->cse);
	}
	buf_putc(&b, '/');
	buf_str(&b, stem);
	int err = b.over ? E_LIMIT : add_text(gens, GEN_URI, buf_as_str(&b));
	buf_fini(&b);
	return err;
}

int cert_name_add(GENERAL_NAMES *gens, struct str name, const struct addr_self *self, struct why *why)
{
	struct str id = name.n > 0 && name.p[0] == '/' ? str_from(name, 1) : name;
	struct str plain = id.n > 0 && id.p[id.n - 1] == '*' ? str_first(id, id.n - 1) : id;

	if (plain.n < id.n && plain.n == 0)
		return 0;
	if (addr_is_rn(plain)) {
		if (plain.n < id.n)
			return 0;
		if (id.n < name.n)
			return add_cse(gens, id, self, why);
		if (id.n > 1 && (id.p[0] == 'C' || id.p[0] == 'S'))
			return add_ae(gens, id, self);
		if (id.n > 1 && (id.p[0] == 'N' || id.p[0] == 'R' || id.p[0] == 'r'))
			return 0;
	}
	why_set(why, RSC_BAD_REQUEST,
	        "'%.*s' is no AE-ID (C... or S...), CSE-ID (/...) or App-ID (N... or R...): letters, digits and - . _ ~ only",
	        (int)(name.n > 64 ? 64 : name.n), name.n ? name.p : "");
	return E_SYNTAX;
}

int cert_host_add(GENERAL_NAMES *gens, struct str host, struct why *why)
{
	char z[CERT_DNS_BYTES + 1];
	ASN1_OCTET_STRING *ip = NULL;

	if (host.n > 0 && host.n < sizeof(z) && !memchr(host.p, 0, host.n)) {
		memcpy(z, host.p, host.n);
		z[host.n] = 0;
		ip = a2i_IPADDRESS(z);
	}
	if (ip) {
		GENERAL_NAME *g = GENERAL_NAME_new();
		if (!g) {
			ASN1_OCTET_STRING_free(ip);
			return E_NOMEM;
		}
		GENERAL_NAME_set0_value(g, GEN_IPADD, ip);
		if (sk_GENERAL_NAME_push(gens, g) > 0)
			return 0;
		GENERAL_NAME_free(g);
		return E_NOMEM;
	}
	if (cert_is_dns(host))
		return add_text(gens, GEN_DNS, host);
	why_set(why, RSC_BAD_REQUEST, "'%.*s' is neither a DNS name nor an IP address", (int)(host.n > 64 ? 64 : host.n),
	        host.n ? host.p : "");
	return E_SYNTAX;
}

/* --- subjects ----------------------------------------------------------------------------------------------------- */

bool cert_subject(struct arena *a, const X509 *x, struct str *id, uint32_t *generation)
{
	char text[CERT_SERIAL_BYTES + 1];
	/* Bounded by the buffer; what is longer is none of ours and does not read. */
	int n = X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_serialNumber, text, sizeof(text));
	struct str s = n > 0 ? str_make(text, (size_t)n) : STR_NONE;
	size_t dot = str_index(s, '.');
	uint64_t v;

	if (dot == 0 || dot >= s.n || str_u64(str_from(s, dot + 1), &v) != 0 || v == 0 || v > UINT32_MAX)
		return false;
	*id = arena_str(a, str_first(s, dot));
	*generation = (uint32_t)v;
	return true;
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

bool cert_key_is_p256(const EVP_PKEY *key)
{
	char group[32];
	int explicit_params = 0;

	if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1)
		return false;
	/* A curve spelled out by its parameters is refused even when they are those of P-256. */
	(void)EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_params);
	return explicit_params == 0 && strcmp(group, "prime256v1") == 0;
}

int cert_request_key(struct str der, EVP_PKEY **out, struct why *why)
{
	X509_REQ *req;
	int err = cert_request_open(der, &req, out, why);

	if (err == 0)
		X509_REQ_free(req);
	return err;
}

int cert_request_open(struct str der, X509_REQ **out_req, EVP_PKEY **out, struct why *why)
{
	const unsigned char *p = (const unsigned char *)der.p;
	X509_REQ *req = NULL;
	EVP_PKEY *key = NULL;
	int err = E_LIMIT;

	if (der.n > CERT_CSR_BYTES) {
		why_set(why, RSC_BAD_REQUEST, "the certificate request is larger than %d bytes", CERT_CSR_BYTES);
		goto out;
	}
	err = E_SYNTAX;
	req = der.n > 0 ? d2i_X509_REQ(NULL, &p, (long)der.n) : NULL;
	if (!req || p != (const unsigned char *)der.p + der.n) {
		why_set(why, RSC_BAD_REQUEST, "the certificate request is no PKCS#10 request");
		goto out;
	}
	key = X509_REQ_get_pubkey(req);
	if (!key || !cert_key_is_p256(key)) {
		why_set(why, RSC_BAD_REQUEST, "the certificate request must carry an EC key on the named curve P-256");
		goto out;
	}
	err = E_DENIED;
	if (X509_REQ_verify(req, key) != 1) {
		why_set(why, RSC_BAD_REQUEST, "the certificate request is not signed with its own key: make it again");
		goto out;
	}
	*out = key;
	*out_req = req;
	return 0;
out:
	EVP_PKEY_free(key);
	X509_REQ_free(req);
	return err;
}

int cert_key_fingerprint(EVP_PKEY *key, unsigned char out[32])
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	if (n <= 0)
		return E_CRYPTO;
	int ok = EVP_Digest(der, (size_t)n, out, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	return ok == 1 ? 0 : E_CRYPTO;
}

int cert_fingerprint(const X509 *x, unsigned char out[32])
{
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	if (n <= 0)
		return E_CRYPTO;
	int ok = EVP_Digest(der, (size_t)n, out, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	return ok == 1 ? 0 : E_CRYPTO;
}
