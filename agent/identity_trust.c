/* SPDX-License-Identifier: Apache-2.0 */
/* Whom the device trusts: the authority that it enrolled at, and what that one vouches for. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "agent/identity_priv.h"
#include "cse/base/err.h"
#include "security/cert.h"

int64_t facts_time_us(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) * 1000000 : 0;
}

STACK_OF(X509) *facts_anchors(const STACK_OF(X509) *ca)
{
	STACK_OF(X509) *out = sk_X509_new_null();

	REQUIRE(out != NULL);
	for (int pass = 0; pass < 2 && sk_X509_num(out) == 0; pass++) {
		for (int i = 0; i < sk_X509_num(ca); i++) {
			X509 *x = sk_X509_value(ca, i);

			if (pass == 0 && X509_check_issued(x, x) != X509_V_OK)
				continue;
			X509_up_ref(x);
			REQUIRE(sk_X509_push(out, x) > 0);
		}
	}
	return out;
}

const char *facts_verify(X509 *x, const STACK_OF(X509) *ca, const STACK_OF(X509) *anchors, int64_t at_us)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *untrusted = sk_X509_dup(ca);
	const char *text = "memory is short";

	if (store && ctx && untrusted && X509_STORE_CTX_init(ctx, store, x, untrusted) == 1) {
		X509_STORE_CTX_set0_trusted_stack(ctx, (STACK_OF(X509) *)(void *)(uintptr_t)anchors);
		X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN);
		X509_STORE_CTX_set_time(ctx, 0, (time_t)(at_us / 1000000));
		text = X509_verify_cert(ctx) == 1 ? NULL : X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx));
	}
	sk_X509_free(untrusted);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	ERR_clear_error();
	return text;
}

static bool has(const STACK_OF(X509) *v, X509 *x)
{
	for (int i = 0; i < sk_X509_num(v); i++)
		if (X509_cmp(sk_X509_value(v, i), x) == 0)
			return true;
	return false;
}

void facts_take_ca(struct facts *f, const STACK_OF(X509) *offered, int64_t now_us, unsigned *refused)
{
	STACK_OF(X509) *anchors = facts_anchors(f->ca), *fresh = X509_chain_up_ref(anchors);
	bool rooted = X509_check_issued(sk_X509_value(anchors, 0), sk_X509_value(anchors, 0)) == X509_V_OK;

	REQUIRE(fresh != NULL);
	*refused = 0;
	for (int i = 0; i < sk_X509_num(offered); i++) {
		X509 *x = sk_X509_value(offered, i);

		if (has(fresh, x))
			continue;
		if (X509_check_ca(x) != 1 || facts_verify(x, offered, anchors, now_us) || sk_X509_num(fresh) >= IDENTITY_CAS) {
			++*refused;
			continue;
		}
		X509_up_ref(x);
		REQUIRE(sk_X509_push(fresh, x) > 0);
	}
	if (!rooted || sk_X509_num(fresh) > sk_X509_num(anchors)) {
		STACK_OF(X509) *old = f->ca;

		f->ca = fresh;
		fresh = old;
	}
	sk_X509_pop_free(fresh, X509_free);
	sk_X509_pop_free(anchors, X509_free);
}

/* --- the service provider ------------------------------------------------------------------------------------------------ */

static bool take_sp(const ASN1_STRING *s, char sp[201])
{
	struct str t = str_make((const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));

	if (t.n > 200 || !cert_is_dns(t))
		return false;
	memcpy(sp, t.p, t.n);
	sp[t.n] = 0;
	return true;
}

static bool sp_of_ca(const X509 *x, char sp[201])
{
	NAME_CONSTRAINTS *nc = X509_get_ext_d2i(x, NID_name_constraints, NULL, NULL);
	bool found = false;

	for (int i = 0; nc && !found && i < sk_GENERAL_SUBTREE_num(nc->permittedSubtrees); i++) {
		int type;
		const ASN1_STRING *s = GENERAL_NAME_get0_value(sk_GENERAL_SUBTREE_value(nc->permittedSubtrees, i)->base, &type);

		found = type == GEN_URI && take_sp(s, sp);
	}
	NAME_CONSTRAINTS_free(nc);
	return found;
}

/* onem2m://<SP>/... */
static bool sp_of_leaf(const X509 *x, char sp[201])
{
	GENERAL_NAMES *gens = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; !found && i < sk_GENERAL_NAME_num(gens); i++) {
		int type;
		const ASN1_STRING *s = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(gens, i), &type);
		struct str t;
		bool more;

		if (type != GEN_URI)
			continue;
		t = str_make((const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
		if (!str_starts(t, STR("onem2m://")))
			continue;
		t = str_from(t, 9);
		t = str_cut(&t, '/', &more);
		found = more && t.n <= 200 && cert_is_dns(t);
		if (found) {
			memcpy(sp, t.p, t.n);
			sp[t.n] = 0;
		}
	}
	GENERAL_NAMES_free(gens);
	return found;
}

int facts_sp(const STACK_OF(X509) *ca, const X509 *leaf, char sp[201])
{
	for (int i = 0; i < sk_X509_num(ca); i++)
		if (sp_of_ca(sk_X509_value(ca, i), sp))
			return 0;
	return sp_of_leaf(leaf, sp) ? 0 : E_ABSENT;
}
