/* SPDX-License-Identifier: Apache-2.0 */
/* Keystore of files: keys survive, are never in clear on disk, and wide modes, lost and wrong keys are refused in words. */
#include "security/keystore.h"

#include <openssl/ec.h>
#include <openssl/x509.h>

#include "cse/base/err.h"
#include "tests/unit/security/state.h"

static struct keystore *open_keys(struct state *st)
{
	struct why why = { 0 };
	struct keystore *ks = NULL;
	ck_assert_msg(keystore_open("file", st->dir, st->rnd, &ks, &why) == 0, "%s", why.text);
	return ks;
}

static void refused(struct state *st, int err, const char *text)
{
	struct why why = { 0 };
	struct keystore *ks = NULL;
	ck_assert_int_eq(keystore_open("file", st->dir, st->rnd, &ks, &why), err);
	ck_assert_msg(strstr(why.text, text) != NULL, "%s", why.text);
}

static EVP_PKEY *get(struct keystore *ks, const char *name, bool make)
{
	EVP_PKEY *k = NULL;
	struct why why = { 0 };
	ck_assert_msg(keystore_key(ks, name, make, &k, &why) == 0, "%s", why.text);
	return k;
}

START_TEST(a_key_is_made_once)
{
	struct state st;
	struct why why = { 0 };
	struct stat sb;
	char path[256], group[32];
	EVP_PKEY *none = NULL;

	state_init(&st);
	struct keystore *ks = open_keys(&st);
	ck_assert_int_eq(keystore_key(ks, "root", false, &none, &why), E_ABSENT);
	EVP_PKEY *a = get(ks, "root", true), *b = get(ks, "root", true), *c = get(ks, "issuing", true);
	ck_assert_int_eq(EVP_PKEY_eq(a, b), 1);
	ck_assert_int_ne(EVP_PKEY_eq(a, c), 1);
	ck_assert_int_eq(EVP_PKEY_get_group_name(a, group, sizeof(group), NULL), 1);
	ck_assert_str_eq(group, "prime256v1");
	keystore_close(ks);
	ks = open_keys(&st);
	EVP_PKEY *again = get(ks, "root", false);
	ck_assert_int_eq(EVP_PKEY_eq(a, again), 1);
	ck_assert_int_eq(stat(state_path(&st, "keys/root.key", path), &sb), 0);
	ck_assert_uint_eq(sb.st_mode & 07777, 0600);
	ck_assert_int_eq(stat(state_path(&st, "keys", path), &sb), 0);
	ck_assert_uint_eq(sb.st_mode & 07777, 0700);
	ck_assert_int_eq(stat(state_path(&st, "kek", path), &sb), 0);
	ck_assert_uint_eq(sb.st_mode & 07777, 0600);
	ck_assert_int_eq(keystore_remove(ks, "root"), 0);
	ck_assert_int_eq(keystore_remove(ks, "root"), E_ABSENT);
	ck_assert_int_eq(keystore_put(ks, "root", c, &why), 0);
	EVP_PKEY *put = get(ks, "root", false);
	ck_assert_int_eq(EVP_PKEY_eq(put, c), 1);
	EVP_PKEY *all[] = { a, b, c, again, put };
	for (size_t i = 0; i < 5; i++)
		EVP_PKEY_free(all[i]);
	keystore_close(ks);
	state_fini(&st);
}
END_TEST

/* The scalar of the key, its PKCS#8 and PEM forms must be in no file of the folder. */
struct scan {
	const unsigned char *needle;
	size_t n;
	unsigned found, files;
};

static void scan_file(const char *path, struct scan *sc)
{
	unsigned char buf[65536];
	FILE *f = fopen(path, "rb");
	ck_assert_ptr_nonnull(f);
	size_t n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	sc->files++;
	if (memmem(buf, n, sc->needle, sc->n) || memmem(buf, n, "PRIVATE KEY", 11))
		sc->found++;
}

static void scan_dir(const char *dir, struct scan *sc)
{
	char path[512];
	struct dirent *e;
	DIR *d = opendir(dir);
	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_type == DT_DIR)
			scan_dir(path, sc);
		else
			scan_file(path, sc);
	}
	closedir(d);
}

START_TEST(no_private_key_in_clear)
{
	struct state st;
	unsigned char scalar[32];
	BIGNUM *d = NULL;

	state_init(&st);
	struct keystore *ks = open_keys(&st);
	EVP_PKEY *k = get(ks, "issuing", true);
	ck_assert_int_eq(EVP_PKEY_get_bn_param(k, "priv", &d), 1);
	ck_assert_int_eq(BN_bn2binpad(d, scalar, 32), 32);
	struct scan sc = { scalar, sizeof(scalar), 0, 0 };
	scan_dir(st.dir, &sc);
	ck_assert_uint_eq(sc.files, 2);
	ck_assert_uint_eq(sc.found, 0);
	/* The scan can find: in clear it is seen. */
	state_write(&st, "clear", scalar, sizeof(scalar));
	scan_dir(st.dir, &sc);
	ck_assert_uint_eq(sc.found, 1);
	BN_clear_free(d);
	EVP_PKEY_free(k);
	keystore_close(ks);
	state_fini(&st);
}
END_TEST

START_TEST(wrapping)
{
	struct state st;
	unsigned char key[32], out[32];
	struct buf a, b;

	state_init(&st);
	buf_init(&a, 512);
	buf_init(&b, 512);
	memset(key, 0x5a, sizeof(key));
	struct keystore *ks = open_keys(&st);
	ck_assert_int_eq(keystore_wrap(ks, key, &a), 0);
	ck_assert_int_eq(keystore_wrap(ks, key, &b), 0);
	ck_assert(!str_eq(buf_as_str(&a), buf_as_str(&b)));
	ck_assert_int_eq(keystore_unwrap(ks, buf_as_str(&a), out), 0);
	ck_assert_mem_eq(key, out, 32);
	for (size_t i = 0; i < a.n; i++) {
		a.p[i] ^= 1;
		ck_assert_int_eq(keystore_unwrap(ks, buf_as_str(&a), out), E_CORRUPT);
		a.p[i] ^= 1;
		ck_assert_int_eq(keystore_unwrap(ks, str_first(buf_as_str(&a), i), out), E_CORRUPT);
	}
	buf_fini(&a);
	buf_fini(&b);
	keystore_close(ks);
	state_fini(&st);
}
END_TEST

START_TEST(wide_modes_and_lost_keys)
{
	struct state st;
	unsigned char kek[64], key[1024];
	char path[256], hex[65];
	struct why why = { 0 };
	EVP_PKEY *k, *k2 = NULL;

	state_init(&st);
	struct keystore *ks = open_keys(&st);
	k = get(ks, "root", true);
	keystore_close(ks);
	ck_assert_int_eq(chmod(state_path(&st, "kek", path), 0644), 0);
	refused(&st, E_DENIED, "0600");
	ck_assert_int_eq(chmod(path, 0600), 0);
	/* The same key as hexadecimal text. */
	ck_assert_uint_eq(state_read(&st, "kek", kek, sizeof(kek)), 32);
	for (unsigned i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", kek[i]);
	state_write(&st, "kek", hex, 64);
	ks = open_keys(&st);
	EVP_PKEY *same = get(ks, "root", false);
	ck_assert_int_eq(EVP_PKEY_eq(k, same), 1);
	EVP_PKEY_free(same);
	/* A key in another's place. */
	size_t n = state_read(&st, "keys/root.key", key, sizeof(key));
	state_write(&st, "keys/issuing.key", key, n);
	ck_assert_int_eq(chmod(state_path(&st, "keys/issuing.key", path), 0600), 0);
	ck_assert_int_eq(keystore_key(ks, "issuing", true, &k2, &why), E_CORRUPT);
	ck_assert_ptr_nonnull(strstr(why.text, "right kek"));
	why = (struct why){ 0 };
	ck_assert_int_eq(chmod(path, 0604), 0);
	ck_assert_int_eq(keystore_key(ks, "issuing", true, &k2, &why), E_DENIED);
	keystore_close(ks);
	state_write(&st, "kek", hex, 63);
	refused(&st, E_SYNTAX, "64 hexadecimal");
	state_write(&st, "kek", hex, 20);
	refused(&st, E_SYNTAX, "64 hexadecimal");
	ck_assert_int_eq(unlink(state_path(&st, "kek", path)), 0);
	refused(&st, E_ABSENT, "put it");
	ck_assert_int_eq(symlink("/dev/null", path), 0);
	refused(&st, E_IO, "kek");
	EVP_PKEY_free(k);
	state_fini(&st);
}
END_TEST

START_TEST(systemd_credential)
{
	struct state st, creds;
	char path[256];
	unsigned char kek[32] = "0123456789abcdef0123456789abcdE"; /* 31 characters and a zero byte */

	state_init(&st);
	state_init(&creds);
	state_write(&creds, "troth.kek", kek, 32);
	ck_assert_int_eq(chmod(state_path(&creds, "troth.kek", path), 0440), 0);
	ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", creds.dir, 1), 0);
	struct keystore *ks = open_keys(&st);
	EVP_PKEY *k = get(ks, "root", true);
	keystore_close(ks);
	ck_assert_int_ne(access(state_path(&st, "kek", path), F_OK), 0);
	ck_assert_int_eq(chmod(state_path(&creds, "troth.kek", path), 0444), 0);
	refused(&st, E_DENIED, "others");
	ck_assert_int_eq(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	refused(&st, E_ABSENT, "troth.kek");
	EVP_PKEY_free(k);
	state_fini(&st);
	state_fini(&creds);
}
END_TEST

START_TEST(unknown_kind)
{
	struct state st;
	struct why why = { 0 };
	struct keystore *ks = NULL;

	state_init(&st);
	ck_assert_int_eq(keystore_open("tape", st.dir, st.rnd, &ks, &why), E_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(why.text, "file"));
	state_fini(&st);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keystore");
	TCase *tc = tcase_create("keystore");
	tcase_add_test(tc, a_key_is_made_once);
	tcase_add_test(tc, no_private_key_in_clear);
	tcase_add_test(tc, wrapping);
	tcase_add_test(tc, wide_modes_and_lost_keys);
	tcase_add_test(tc, systemd_credential);
	tcase_add_test(tc, unknown_kind);
	suite_add_tcase(suite, tc);
	SRunner *r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
