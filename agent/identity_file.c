/* SPDX-License-Identifier: Apache-2.0 */
/* The state folder: its lock, identity.json, and the keys that belong to it. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/identity_priv.h"
#include "cse/base/err.h"
#include "security/cert.h"
#include "security/file.h"

enum { FACTS_MAX = 262144, FACTS_DEPTH = 4 };
static const char file_name[] = "identity.json", pending[] = "pending";

void facts_fini(struct facts *f)
{
	X509_free(f->leaf);
	sk_X509_pop_free(f->ca, X509_free);
	f->leaf = NULL;
	f->ca = NULL;
}

/* --- reading ------------------------------------------------------------------------------------------------------------ */

static STACK_OF(X509) *certs_of(const json_t *j, int max)
{
	STACK_OF(X509) *out = sk_X509_new_null();
	BIO *b = json_is_string(j) ? BIO_new_mem_buf(json_string_value(j), (int)json_string_length(j)) : NULL;
	X509 *x;

	while (b && out && (x = PEM_read_bio_X509(b, NULL, NULL, NULL))) {
		if (sk_X509_num(out) < max && sk_X509_push(out, x) > 0)
			continue;
		X509_free(x);
		sk_X509_pop_free(out, X509_free);
		out = NULL;
	}
	BIO_free(b);
	ERR_clear_error();
	if (out && sk_X509_num(out) > 0)
		return out;
	sk_X509_pop_free(out, X509_free);
	return NULL;
}

static bool get_text(const json_t *o, const char *name, char *out, size_t size)
{
	const json_t *j = json_object_get(o, name);

	if (!json_is_string(j) || json_string_length(j) == 0 || json_string_length(j) >= size ||
	    strlen(json_string_value(j)) != json_string_length(j))
		return false;
	memcpy(out, json_string_value(j), json_string_length(j) + 1);
	return true;
}

static bool get_number(const json_t *o, const char *name, int64_t least, int64_t most, int64_t *out)
{
	const json_t *j = json_object_get(o, name);

	if (!json_is_integer(j) || json_integer_value(j) < least || json_integer_value(j) > most)
		return false;
	*out = json_integer_value(j);
	return true;
}

static bool take(const json_t *o, struct facts *f)
{
	int64_t version, port, generation;
	STACK_OF(X509) *leaf;

	if (!get_number(o, "version", 1, 1, &version) || !get_text(o, "host", f->host, sizeof(f->host)) ||
	    !get_number(o, "port", 1, 65535, &port) || !get_text(o, "cse", f->cse_id, sizeof(f->cse_id)) || f->cse_id[0] != '/' ||
	    !addr_is_rn(str_of(f->cse_id + 1)) || !get_text(o, "sp", f->sp, sizeof(f->sp)) || !cert_is_dns(str_of(f->sp)) ||
	    !get_number(o, "generation", 1, INT64_MAX, &generation) || !get_number(o, "since", 0, INT64_MAX, &f->since_us))
		return false;
	f->port = (unsigned)port;
	f->generation = (uint64_t)generation;
	leaf = certs_of(json_object_get(o, "certificate"), 1);
	f->leaf = leaf ? sk_X509_pop(leaf) : NULL;
	sk_X509_free(leaf);
	f->ca = certs_of(json_object_get(o, "ca"), IDENTITY_CAS);
	return f->leaf && f->ca;
}

int facts_read(struct str text, struct facts *out, struct why *why)
{
	json_t *o = text.n <= FACTS_MAX ? json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL) : NULL;
	struct facts f = { .port = 0 };
	int err = E_CORRUPT;

	if (json_is_object(o) && take(o, &f)) {
		*out = f;
		err = 0;
	} else {
		facts_fini(&f);
		why_set(why, RSC_INTERNAL_SERVER_ERROR,
		        "%s in the state folder is damaged: put it back from a copy, or enrol the device anew with another folder", file_name);
	}
	json_decref(o);
	return err;
}

int facts_load(const char *dir, struct facts *out, struct why *why)
{
	struct buf b;
	int err;

	if (!file_exists(dir, file_name)) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "%.100s holds no identity: enrol this device with troth-agent enrol CODE", dir);
		return E_ABSENT;
	}
	buf_init(&b, FACTS_MAX);
	err = file_load(dir, file_name, false, &b, why);
	if (err == 0)
		err = facts_read(buf_as_str(&b), out, why);
	buf_fini(&b);
	return err;
}

/* --- writing ------------------------------------------------------------------------------------------------------------ */

static json_t *pem_of(const STACK_OF(X509) *certs, X509 *one)
{
	BIO *b = BIO_new(BIO_s_mem());
	json_t *j = NULL;
	bool ok = b != NULL;
	char *p;

	for (int i = 0; ok && i < sk_X509_num(certs); i++)
		ok = PEM_write_bio_X509(b, sk_X509_value(certs, i)) == 1;
	if (ok && one)
		ok = PEM_write_bio_X509(b, one) == 1;
	if (ok) {
		long n = BIO_get_mem_data(b, &p);
		j = json_stringn(p, (size_t)n);
	}
	BIO_free(b);
	return j;
}

int facts_store(const char *dir, const struct facts *f, struct why *why)
{
	json_t *o = json_pack("{si ss si ss ss sI sI so so}", "version", 1, "host", f->host, "port", (int)f->port, "cse", f->cse_id, "sp", f->sp,
	                      "generation", (json_int_t)f->generation, "since", (json_int_t)f->since_us, "certificate",
	                      pem_of(NULL, f->leaf), "ca", pem_of(f->ca, NULL));
	char *text = o ? json_dumps(o, JSON_INDENT(1)) : NULL;
	int err = E_NOMEM;

	if (text)
		err = file_replace(dir, file_name, 0600, str_of(text), why);
	free(text);
	json_decref(o);
	return err;
}

/* --- the folder ---------------------------------------------------------------------------------------------------------- */

static int check_folder(const char *dir, struct why *why)
{
	struct stat st;

	if (stat(dir, &st) != 0) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "cannot look at the state folder %.100s: %s", dir, strerror(errno));
		return errno == ENOENT ? E_ABSENT : E_IO;
	}
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 077) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the state folder %.80s must be a folder of this user (%u) with mode 0700", dir,
		        (unsigned)geteuid());
		return E_DENIED;
	}
	return 0;
}

int state_open(const char *dir, bool make, int *lock, struct why *why)
{
	int fd, err;

	if (make && mkdir(dir, 0700) != 0 && errno != EEXIST) {
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "cannot make the state folder %.100s: %s", dir, strerror(errno));
		return E_IO;
	}
	err = check_folder(dir, why);
	if (err == E_ABSENT)
		*why = (struct why){ RSC_NONE, "" };
	if (err == E_ABSENT)
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "%.100s is not there: enrol this device with troth-agent enrol CODE", dir);
	if (err)
		return err;
	err = file_open_at(dir, "lock", O_RDWR | O_CREAT, &fd, why);
	if (err)
		return err;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		close(fd);
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "another troth-agent uses %.100s: stop it, or use another agent.state", dir);
		return E_EXISTS;
	}
	*lock = fd;
	return 0;
}

void state_close(int lock)
{
	if (lock >= 0)
		close(lock);
}

int state_pending_key(struct keystore *ks, EVP_PKEY **out, struct why *why)
{
	return keystore_key(ks, pending, true, out, why);
}

static void key_name(uint64_t generation, char out[32])
{
	snprintf(out, 32, "device-%llu", (unsigned long long)generation);
}

int state_key(struct keystore *ks, const struct facts *f, EVP_PKEY **out, struct why *why)
{
	EVP_PKEY *key, *left;
	struct why ignored = { RSC_NONE, "" };
	char name[32];
	int err;

	key_name(f->generation, name);
	err = keystore_key(ks, name, false, &key, why);
	if (err)
		return err;
	if (X509_check_private_key(f->leaf, key) != 1) {
		ERR_clear_error();
		EVP_PKEY_free(key);
		why_set(why, RSC_INTERNAL_SERVER_ERROR, "the key %s is not the certificate's: put the state folder back as it was", name);
		return E_CORRUPT;
	}
	/* An end between the two steps of a commit leaves the key twice. */
	if (keystore_key(ks, pending, false, &left, &ignored) == 0) {
		if (EVP_PKEY_eq(key, left) == 1)
			(void)keystore_remove(ks, pending);
		EVP_PKEY_free(left);
	}
	*out = key;
	return 0;
}

int state_commit(const char *dir, struct keystore *ks, const struct facts *f, EVP_PKEY *key, struct why *why)
{
	char name[32];
	int err;

	key_name(f->generation, name);
	err = keystore_put(ks, name, key, why);
	if (err == 0)
		err = facts_store(dir, f, why);
	if (err)
		return err;
	(void)keystore_remove(ks, pending);
	key_name(f->generation - 1, name);
	(void)keystore_remove(ks, name);
	return 0;
}
