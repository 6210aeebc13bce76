/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The issuing CA changes: a new key and certificate beside the old ones, which go on to be accepted for a while.  In the state
 * folder ca/issuing.pem says which one signs; replacing it is the moment at which the rotation has happened.  Those before stand
 * in ca/issuing-old.pem, each behind a line "retires <µs since 1970>".
 */
#include <openssl/err.h>

#include "cse/base/clock.h"
#include "cse/base/err.h"
#include "cse/base/log.h"
#include "security/ca_priv.h"
#include "security/cert.h"
#include "security/file.h"

static const char old_file[] = "ca/issuing-old.pem";
static const char mark[] = "retires ";

/* --- the file of those before ---------------------------------------------------------------------------------------- */

static int old_bad(struct why *why)
{
	why_set(why, RSC_INTERNAL_SERVER_ERROR, "%s is damaged: put a good copy back, or delete it (what the issuing CAs before the "
	                                        "last rotation have signed is then refused)", old_file);
	return E_CORRUPT;
}

int ca_old_parse(struct str text, struct ca_old *out, unsigned *n)
{
	*n = 0;
	while (text.n > 0) {
		bool more;
		unsigned got;
		struct str line = str_cut(&text, '\n', &more);
		struct ca_old *o = &out[*n];

		if (!more || !str_starts(line, STR(mark)) || *n == CA_OLD_MAX || str_i64(str_from(line, sizeof(mark) - 1), &o->retire_us))
			return E_SYNTAX;
		/* One certificate up to the next mark: it cannot stand in base64, which has no blank. */
		const char *next = memmem(text.p, text.n, mark, sizeof(mark) - 1);
		size_t len = next ? (size_t)(next - text.p) : text.n;
		if (cert_read_pem(str_first(text, len), &o->x, 1, &got))
			return E_SYNTAX;
		text = str_from(text, len);
		(*n)++;
	}
	return 0;
}

static void free_olds(struct ca_old *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		X509_free(v[i].x);
}

int ca_old_load(struct ca *ca, struct why *why)
{
	struct buf b;
	int err;

	if (!file_exists(ca->o.dir, old_file))
		return 0;
	buf_init(&b, CA_PEM_MAX);
	err = file_load(ca->o.dir, old_file, true, &b, why);
	if (err == 0 && ca_old_parse(buf_as_str(&b), ca->old, &ca->n_old))
		err = old_bad(why);
	/* A crash before the last step of a rotation leaves the one in use here, too. */
	for (unsigned i = 0; err == 0 && i < ca->n_old; i++) {
		if (X509_cmp(ca->old[i].x, ca->issuing) == 0) {
			X509_free(ca->old[i].x);
			ca->old[i] = ca->old[--ca->n_old];
			break;
		}
	}
	buf_fini(&b);
	return err;
}

static int old_save(struct ca *ca, const struct ca_old *v, unsigned n, struct why *why)
{
	struct buf b;
	int err = 0;

	buf_init(&b, CA_PEM_MAX);
	for (unsigned i = 0; err == 0 && i < n; i++) {
		buf_printf(&b, "%s%lld\n", mark, (long long)v[i].retire_us);
		err = cert_put_pem(&b, v[i].x);
	}
	if (err == 0)
		err = file_replace(ca->o.dir, old_file, 0644, buf_as_str(&b), why);
	buf_fini(&b);
	return err;
}

/* --- a new one ------------------------------------------------------------------------------------------------------- */

static int root_key(struct ca *ca, EVP_PKEY **out, struct why *why)
{
	struct why said = { 0 };
	int err = ca->root ? keystore_key(ca->o.keystore, "root", false, out, &said) : E_ABSENT;

	if (err && err != E_ABSENT)
		*why = said;
	if (err == E_ABSENT) {
		why_set(why, RSC_CONFLICT, "the root's key is not in this keystore (an imported authority): the issuing CA is to be made by "
		                           "its owner");
		return err;
	}
	if (err == 0 && X509_check_private_key(ca->root, *out) != 1) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "ca/root.pem and keys/root.key do not belong together");
		EVP_PKEY_free(*out);
		*out = NULL;
		return E_CORRUPT;
	}
	return err;
}

static int sign_issuing(struct ca *ca, EVP_PKEY *root, EVP_PKEY *key, X509 **out, struct why *why)
{
	int64_t now = clock_wall_us(ca->o.clock), end = cert_time_us(X509_get0_notAfter(ca->root));
	NAME_CONSTRAINTS *nc = X509_get_ext_d2i(ca->root, NID_name_constraints, NULL, NULL);
	char cn[64];
	int err = E_CONF;

	ca_make_name(ca, "issuing", cn);
	struct cert_plan p = {
		.subject_key = key,
		.cn = cn,
		.issuer = ca->root,
		.issuer_key = root,
		.from_us = now - CA_BACKDATE_US,
		.to_us = ca_issuing_life_us(ca) < end - now ? now + ca_issuing_life_us(ca) : end,
		.pathlen = 0,
		.permitted = nc, /* those of the first start */
	};
	if (end <= now)
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the root CA has ended: begin with a new authority");
	else if (!nc)
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the root's name constraints cannot be read");
	else
		err = cert_make(ca->o.rnd, &p, out, why);
	NAME_CONSTRAINTS_free(nc);
	return err;
}

/* Those before and the one in use, each once, whose time is not over.  E_LIMIT: letting go of one would shut devices out. */
static int list_olds(struct ca *ca, int64_t retire_us, struct ca_old out[CA_OLD_MAX], unsigned *count,
                     struct why *why)
{
	int64_t now = clock_wall_us(ca->o.clock), end = cert_time_us(X509_get0_notAfter(ca->issuing));
	unsigned n = 0;

	for (unsigned i = 0; i < ca->n_old; i++)
		if (ca->old[i].retire_us > now)
			out[n++] = ca->old[i];
	if (retire_us > now && n == CA_OLD_MAX) {
		why_set(why, RSC_CONFLICT, "%d issuing CAs of the time before still count: wait until the first of them goes", CA_OLD_MAX);
		return E_LIMIT;
	}
	if (retire_us > now)
		out[n++] = (struct ca_old){ ca->issuing, retire_us < end ? retire_us : end };
	for (unsigned i = 0; i < n; i++)
		X509_up_ref(out[i].x);
	*count = n;
	return 0;
}

static void take_olds(struct ca *ca, const struct ca_old *v, unsigned n)
{
	free_olds(ca->old, ca->n_old);
	memcpy(ca->old, v, n * sizeof(*v));
	ca->n_old = n;
}

static int change(struct ca *ca, int64_t retire_us, struct why *why)
{
	unsigned slot = 1 - ca->slot, n = 0;
	struct ca_old olds[CA_OLD_MAX];
	EVP_PKEY *root = NULL, *key = NULL;
	X509 *x = NULL;
	int err = root_key(ca, &root, why);

	if (err)
		return err;
	(void)keystore_remove(ca->o.keystore, ca_slot_name(slot));
	err = keystore_key(ca->o.keystore, ca_slot_name(slot), true, &key, why);
	if (err == 0)
		err = sign_issuing(ca, root, key, &x, why);
	if (err == 0)
		err = list_olds(ca, retire_us, olds, &n, why);
	if (err == 0)
		err = old_save(ca, olds, n, why);
	if (err == 0)
		err = ca_save_pem(ca, "ca/issuing.pem", x, why);
	EVP_PKEY_free(root);
	if (err) {
		free_olds(olds, n);
		X509_free(x);
		EVP_PKEY_free(key);
		(void)keystore_remove(ca->o.keystore, ca_slot_name(slot));
		return err;
	}
	pthread_mutex_lock(&ca->lock);
	take_olds(ca, olds, n);
	X509_free(ca->issuing);
	EVP_PKEY_free(ca->key);
	ca->issuing = x;
	ca->key = key;
	ca->slot = slot;
	pthread_mutex_unlock(&ca->lock);
	(void)keystore_remove(ca->o.keystore, ca_slot_name(1 - slot));
	return 0;
}

int ca_rotate(struct ca *ca, int64_t retire_us, struct why *why)
{
	CHECK(ca, CA);
	pthread_mutex_lock(&ca->work);
	int err = change(ca, retire_us, why);
	pthread_mutex_unlock(&ca->work);
	ERR_clear_error();
	if (err && !why->text[0])
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "%s", err_text(err));
	if (err == 0)
		log_write(ca->o.log, LOG_CA_MADE, "issuing CA rotated");
	return err;
}

bool ca_retire(struct ca *ca, struct why *why)
{
	CHECK(ca, CA);
	struct ca_old left[CA_OLD_MAX];
	int64_t now = clock_wall_us(ca->o.clock);
	unsigned n = 0;
	bool some = false;

	pthread_mutex_lock(&ca->work);
	for (unsigned i = 0; i < ca->n_old; i++)
		if (ca->old[i].retire_us > now)
			left[n++] = ca->old[i];
	some = n < ca->n_old;
	/* Also when it cannot be written: a restart looks at the time again. */
	if (some) {
		(void)old_save(ca, left, n, why);
		for (unsigned i = 0; i < n; i++)
			X509_up_ref(left[i].x);
		pthread_mutex_lock(&ca->lock);
		take_olds(ca, left, n);
		pthread_mutex_unlock(&ca->lock);
	}
	pthread_mutex_unlock(&ca->work);
	ERR_clear_error();
	return some;
}
