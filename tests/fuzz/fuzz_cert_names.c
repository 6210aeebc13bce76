/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and keys in certificates.  The first byte chooses: a certificate, a subjectAltName alone, a request, a name to be
 * certified, a host.  Statements: bounds hold, no text has a zero byte or a blank, what is written reads back as what was meant,
 * and only proven P-256 keys come out of a request.
 */
#include <openssl/err.h>

#include "cse/base/err.h"
#include "security/cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct addr_self self = { .sp = { "troth.example", 13 }, .cse = { "id-in", 5 }, .base = { "cse-in", 6 } };

static void check_names(const struct cert_names *names)
{
	REQUIRE(names->n <= CERT_NAMES_MAX);
	for (size_t i = 0; i < names->n; i++) {
		const struct cert_name *c = &names->v[i];
		REQUIRE(c->text.n <= CERT_NAME_BYTES + 32);
		if (c->kind == CERT_AE || c->kind == CERT_CSE)
			REQUIRE(str_starts(c->text, STR("//troth.example/")));
		if (c->kind == CERT_OTHER)
			REQUIRE(c->text.n == 0);
		for (size_t k = 0; c->kind != CERT_ADDRESS && k < c->text.n; k++)
			REQUIRE(c->text.p[k] > ' ' && c->text.p[k] <= '~' && c->text.p[k] != '*');
	}
}

static void certificate(struct arena *a, const uint8_t *p, size_t n)
{
	struct cert_names names;
	X509 *x = d2i_X509(NULL, &p, (long)n);
	if (x && cert_names(a, x, self.sp, &names) == 0)
		check_names(&names);
	X509_free(x);
}

static void extension(struct arena *a, const uint8_t *p, size_t n)
{
	struct cert_names names;
	GENERAL_NAMES *g = d2i_GENERAL_NAMES(NULL, &p, (long)n);
	if (g && cert_names_of(a, g, self.sp, &names) == 0)
		check_names(&names);
	GENERAL_NAMES_free(g);
}

static void request(const uint8_t *p, size_t n)
{
	struct why why = { 0 };
	EVP_PKEY *key = NULL;
	if (cert_request_key(str_make((const char *)p, n), &key, &why) == 0)
		REQUIRE(cert_key_is_p256(key));
	else
		REQUIRE(why.text[0] != 0 && key == NULL);
	EVP_PKEY_free(key);
}

static void name(struct arena *a, struct str s)
{
	struct why why = { 0 };
	struct cert_names names;
	GENERAL_NAMES *g = sk_GENERAL_NAME_new_null();
	int err = cert_name_add(g, s, &self, &why);

	REQUIRE(err == 0 || (why.text[0] != 0 && sk_GENERAL_NAME_num(g) == 0));
	if (sk_GENERAL_NAME_num(g) > 0) {
		REQUIRE(cert_names_of(a, g, self.sp, &names) == 0 && names.n == 1);
		struct str want = s.p[0] == '/'   ? arena_printf(a, "//troth.example%.*s", STR_ARG(s))
		                  : s.p[0] == 'C' ? arena_printf(a, "//troth.example/id-in/%.*s", STR_ARG(s))
		                                  : arena_printf(a, "//troth.example/%.*s", STR_ARG(s));
		REQUIRE(names.v[0].kind == (s.p[0] == '/' ? CERT_CSE : CERT_AE) && str_eq(names.v[0].text, want));
	}
	GENERAL_NAMES_free(g);
}

static void host(struct arena *a, struct str s)
{
	struct why why = { 0 };
	struct cert_names names;
	GENERAL_NAMES *g = sk_GENERAL_NAME_new_null();

	if (cert_host_add(g, s, &why) == 0) {
		REQUIRE(cert_names_of(a, g, self.sp, &names) == 0 && names.n == 1);
		REQUIRE(names.v[0].kind != CERT_AE && names.v[0].kind != CERT_OTHER);
	}
	GENERAL_NAMES_free(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a;

	if (n == 0)
		return 0;
	arena_init(&a, 4096);
	switch (data[0] % 5) {
	case 0:
		certificate(&a, data + 1, n - 1);
		break;
	case 1:
		extension(&a, data + 1, n - 1);
		break;
	case 2:
		request(data + 1, n - 1);
		break;
	case 3:
		name(&a, str_make((const char *)data + 1, n - 1));
		break;
	default:
		host(&a, str_make((const char *)data + 1, n - 1));
		break;
	}
	arena_fini(&a);
	ERR_clear_error();
	return 0;
}
