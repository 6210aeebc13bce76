/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing: what is sealed opens at its place only, nonces never repeat, damage is told from a torn write. */
#include "security/seal.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "cse/base/err.h"
#include "security/datakeys.h"
#include "security/keystore.h"
#include "tests/unit/security/state.h"

static struct keystore *open_keys(struct state *st)
{
	struct why why = { 0 };
	struct keystore *ks = NULL;
	ck_assert_msg(keystore_open("file", st->dir, st->rnd, &ks, &why) == 0, "%s", why.text);
	return ks;
}

static struct seal *open_seal(struct state *st, struct keystore *ks)
{
	struct why why = { 0 };
	struct seal *s = NULL;
	ck_assert_msg(seal_open(st->dir, ks, st->rnd, &s, &why) == 0, "%s", why.text);
	return s;
}

START_TEST(opens_at_its_place_only)
{
	struct state st;
	char text[] = "the quick brown fox", sealed[sizeof(text) + SEAL_OVERHEAD], clear[sizeof(text)];

	state_init(&st);
	struct seal *s = seal_new_volatile(st.rnd);
	seal_bytes(s, 3, 77, text, sizeof(text), sealed);
	ck_assert_int_eq(seal_unseal(s, 3, 77, sealed, sizeof(sealed), clear), 0);
	ck_assert_mem_eq(clear, text, sizeof(text));
	ck_assert_int_eq(seal_unseal(s, 4, 77, sealed, sizeof(sealed), clear), E_CORRUPT);
	ck_assert_int_eq(seal_unseal(s, 3, 78, sealed, sizeof(sealed), clear), E_CORRUPT);
	ck_assert_int_eq(seal_unseal(s, 3, 77 | UINT64_C(1) << 40, sealed, sizeof(sealed), clear), E_CORRUPT);
	for (size_t n = 0; n < sizeof(sealed); n++)
		ck_assert_int_eq(seal_unseal(s, 3, 77, sealed, n, clear), E_CORRUPT);
	for (size_t i = 0; i < sizeof(sealed); i++) {
		sealed[i] ^= 4;
		ck_assert_int_eq(seal_unseal(s, 3, 77, sealed, sizeof(sealed), clear), E_CORRUPT);
		sealed[i] ^= 4;
	}
	ck_assert_int_eq(seal_unseal(s, 3, 77, sealed, sizeof(sealed), clear), 0);
	seal_close(s);
	state_fini(&st);
}
END_TEST

START_TEST(empty_and_large)
{
	struct state st;
	size_t n = 1 << 20;
	char *big = malloc(n), *sealed = malloc(n + SEAL_OVERHEAD), *clear = malloc(n), none[SEAL_OVERHEAD];

	state_init(&st);
	struct seal *s = seal_new_volatile(st.rnd);
	seal_bytes(s, 1, 1, NULL, 0, none);
	ck_assert_int_eq(seal_unseal(s, 1, 1, none, sizeof(none), clear), 0);
	none[SEAL_OVERHEAD - 1] ^= 1;
	ck_assert_int_eq(seal_unseal(s, 1, 1, none, sizeof(none), clear), E_CORRUPT);
	memset(big, 'x', n);
	seal_bytes(s, 1, 2, big, n, sealed);
	ck_assert_int_eq(seal_unseal(s, 1, 2, sealed, n + SEAL_OVERHEAD, clear), 0);
	ck_assert_mem_eq(big, clear, n);
	seal_close(s);
	state_fini(&st);
	free(big);
	free(sealed);
	free(clear);
}
END_TEST

/* The layout that seal.c documents, read with OpenSSL alone: kek, wrapped data key, nonce, additional data, tag. */
static void gcm_open(const unsigned char *key, const unsigned char *nonce, const void *aad, int aad_n, const unsigned char *c,
                     int n, unsigned char *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned char tag[16];
	int k;
	memcpy(tag, c + n, 16);
	ck_assert_int_eq(EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce), 1);
	ck_assert_int_eq(EVP_DecryptUpdate(ctx, NULL, &k, aad, aad_n), 1);
	ck_assert_int_eq(EVP_DecryptUpdate(ctx, out, &k, c, n), 1);
	ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, tag), 1);
	ck_assert_int_eq(EVP_DecryptFinal_ex(ctx, out, &k), 1);
	EVP_CIPHER_CTX_free(ctx);
}

START_TEST(layout_is_as_documented)
{
	struct state st;
	unsigned char kek[64], file[512], key[32], clear[5], blob[5 + SEAL_OVERHEAD];
	const unsigned char aad[12] = { 7, 0, 0, 0, 9, 1 };

	state_init(&st);
	struct keystore *ks = open_keys(&st);
	struct seal *s = open_seal(&st, ks);
	seal_bytes(s, 7, 0x109, "hello", 5, (char *)blob);
	ck_assert_uint_eq(state_read(&st, "kek", kek, sizeof(kek)), 32);
	ck_assert_uint_eq(state_read(&st, "datakeys", file, sizeof(file)), 12 + 6 + 60 + 8);
	ck_assert_mem_eq(file, "trothdk\n\1\0\0\0\1\0\0\0\x3c\0", 18);
	gcm_open(kek, file + 18, "troth data key 1", 16, file + 30, 32, key);
	ck_assert_mem_eq(blob, "\1\0\0\0", 4);
	gcm_open(key, blob + 4, aad, 12, blob + 16, 5, clear);
	ck_assert_mem_eq(clear, "hello", 5);
	seal_close(s);
	keystore_close(ks);
	state_fini(&st);
}
END_TEST

enum { REOPENS = 120, THREADS = 3, SEALS = 50, TOTAL = REOPENS * THREADS * SEALS };
struct sealer {
	struct seal *s;
	char (*out)[SEAL_OVERHEAD + 8];
};

static void *seal_some(void *arg)
{
	struct sealer *w = arg;
	struct why why = { 0 };
	for (uint64_t i = 0; i < SEALS; i++) {
		seal_bytes(w->s, 1, i, "12345678", 8, w->out[i]);
		if (i == SEALS / 2)
			ck_assert_int_eq(seal_rotate(w->s, &why), 0);
	}
	return NULL;
}

static int cmp_nonce(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

static int cmp_key(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

/* Numbers name keys: if all keys differ and no (number, nonce) comes twice, no (key, nonce) does. */
START_TEST(no_key_and_nonce_twice)
{
	struct state st;
	char (*all)[SEAL_OVERHEAD + 8] = calloc(TOTAL, sizeof(*all)), clear[8];
	unsigned char (*keys)[32] = calloc(REOPENS * (THREADS + 1), 32);
	struct datakeys d;
	struct why why = { 0 };

	state_init(&st);
	struct keystore *ks = open_keys(&st);
	for (unsigned r = 0; r < REOPENS; r++) {
		struct seal *s = open_seal(&st, ks);
		pthread_t t[THREADS];
		struct sealer w[THREADS];
		for (unsigned i = 0; i < THREADS; i++) {
			w[i] = (struct sealer){ s, all + (r * THREADS + i) * SEALS };
			ck_assert_int_eq(pthread_create(&t[i], NULL, seal_some, &w[i]), 0);
		}
		for (unsigned i = 0; i < THREADS; i++)
			pthread_join(t[i], NULL);
		seal_close(s);
	}
	struct seal *s = open_seal(&st, ks);
	for (size_t i = 0; i < TOTAL; i++)
		ck_assert_int_eq(seal_unseal(s, 1, i % SEALS, all[i], sizeof(*all), clear), 0);
	seal_close(s);
	qsort(all, TOTAL, sizeof(*all), cmp_nonce);
	for (size_t i = 1; i < TOTAL; i++)
		ck_assert_int_ne(cmp_nonce(all[i - 1], all[i]), 0);
	ck_assert_int_eq(datakeys_open(&d, st.dir, &why), 0);
	ck_assert_uint_eq(d.n, REOPENS * (THREADS + 1)); /* the last opening sealed nothing */
	for (uint32_t i = 0; i < REOPENS * (THREADS + 1); i++)
		ck_assert_int_eq(keystore_unwrap(ks, datakeys_get(&d, i + 1), keys[i]), 0);
	qsort(keys, REOPENS * (THREADS + 1), 32, cmp_key);
	for (size_t i = 1; i < REOPENS * (THREADS + 1); i++)
		ck_assert_int_ne(cmp_key(keys[i - 1], keys[i]), 0);
	datakeys_fini(&d);
	keystore_close(ks);
	state_fini(&st);
	free(all);
	free(keys);
}
END_TEST

/* What a child has sealed before it was killed, in memory that it shares with the test. */
struct shared {
	_Atomic uint32_t n;
	unsigned char head[1 << 18][16]; /* number and nonce of each blob */
};

static void seal_until_killed(struct state *st, struct shared *sh)
{
	struct why why = { 0 };
	struct keystore *ks;
	struct seal *s;
	char blob[SEAL_OVERHEAD + 8];

	if (keystore_open("file", st->dir, st->rnd, &ks, &why) || seal_open(st->dir, ks, st->rnd, &s, &why))
		_exit(1);
	for (uint64_t i = 0;; i++) {
		seal_bytes(s, 1, i, "12345678", 8, blob);
		uint32_t at = sh->n;
		if (at == ARRAY_LEN(sh->head))
			_exit(0);
		memcpy(sh->head[at], blob, 16);
		sh->n = at + 1;
		if (i % 20 == 19 && seal_rotate(s, &why))
			_exit(1);
	}
}

/* TROTH_KILLS=1000 for the long run. */
START_TEST(no_key_and_nonce_twice_over_kills)
{
	const char *kills = getenv("TROTH_KILLS");
	struct state st;
	struct datakeys d;
	struct why why = { 0 };
	int status;

	state_init(&st);
	struct shared *sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(sh != MAP_FAILED);
	for (int k = kills ? (int)strtol(kills, NULL, 10) : 40; k > 0; k--) {
		uint32_t before = sh->n, want = before + (uint32_t)rnd_below(st.rnd, 60);
		/* A child that is killed before it seals has opened, recorded, or neither. */
		uint64_t turns = rnd_below(st.rnd, 400);
		pid_t pid = fork();
		ck_assert_int_ge(pid, 0);
		if (pid == 0)
			seal_until_killed(&st, sh);
		pid_t ended = 0;
		while (sh->n < want && (k % 4 || turns-- > 0) && (ended = waitpid(pid, &status, WNOHANG)) == 0)
			sched_yield();
		kill(pid, SIGKILL);
		if (ended == 0)
			ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(WIFSIGNALED(status), "the folder does not open after a kill");
	}
	uint32_t n = sh->n;
	qsort(sh->head, n, 16, cmp_nonce);
	for (uint32_t i = 1; i < n; i++)
		ck_assert_int_ne(memcmp(sh->head[i - 1], sh->head[i], 16), 0);
	ck_assert_int_eq(datakeys_open(&d, st.dir, &why), 0);
	struct keystore *ks = open_keys(&st);
	unsigned char (*keys)[32] = calloc(d.n, 32);
	for (uint32_t i = 0; i < d.n; i++)
		ck_assert_int_eq(keystore_unwrap(ks, datakeys_get(&d, i + 1), keys[i]), 0);
	qsort(keys, d.n, 32, cmp_key);
	for (uint32_t i = 1; i < d.n; i++)
		ck_assert_int_ne(cmp_key(keys[i - 1], keys[i]), 0);
	ck_assert_uint_gt(n, 0);
	free(keys);
	datakeys_fini(&d);
	keystore_close(ks);
	munmap(sh, sizeof(*sh));
	state_fini(&st);
}
END_TEST

START_TEST(key_is_on_disk_before_use)
{
	struct state st;
	struct datakeys d;
	struct why why = { 0 };
	char blob[1 + SEAL_OVERHEAD], clear[1];

	state_init(&st);
	struct keystore *ks = open_keys(&st);
	struct seal *s = open_seal(&st, ks);
	seal_bytes(s, 1, 1, "x", 1, blob);
	/* As a kill leaves it: the file is read while the sealer still runs. */
	ck_assert_int_eq(datakeys_open(&d, st.dir, &why), E_EXISTS);
	ck_assert_ptr_nonnull(strstr(why.text, "another process"));
	seal_close(s);
	s = open_seal(&st, ks);
	ck_assert_int_eq(seal_unseal(s, 1, 1, blob, sizeof(blob), clear), 0);
	ck_assert_int_eq(clear[0], 'x');
	seal_close(s);
	keystore_close(ks);
	state_fini(&st);
}
END_TEST

/* Every length that a crash may leave of the last record: that key was never used, the others open. */
START_TEST(torn_append_is_cut_off)
{
	struct state st;
	unsigned char file[1024];
	char blob[1 + SEAL_OVERHEAD], clear[1];

	state_init(&st);
	struct keystore *ks = open_keys(&st);
	struct seal *s = open_seal(&st, ks);
	seal_bytes(s, 1, 1, "x", 1, blob);
	seal_close(s);
	size_t one = state_read(&st, "datakeys", file, sizeof(file));
	seal_close(open_seal(&st, ks));
	size_t two = state_read(&st, "datakeys", file, sizeof(file));
	for (size_t n = one; n < two; n++) {
		state_write(&st, "datakeys", file, n);
		s = open_seal(&st, ks);
		ck_assert_int_eq(seal_unseal(s, 1, 1, blob, sizeof(blob), clear), 0);
		seal_close(s);
	}
	/* Extended but never written, as after a power cut. */
	memset(file + one, 0, two - one);
	state_write(&st, "datakeys", file, two);
	s = open_seal(&st, ks);
	ck_assert_int_eq(seal_unseal(s, 1, 1, blob, sizeof(blob), clear), 0);
	seal_close(s);
	/* A first start that ended inside the head. */
	for (size_t n = 0; n <= 12; n++) {
		state_write(&st, "datakeys", file, n);
		seal_close(open_seal(&st, ks));
	}
	keystore_close(ks);
	state_fini(&st);
}
END_TEST

static void refused(struct state *st, struct keystore *ks, int err, const char *text)
{
	struct why why = { 0 };
	struct seal *s;
	ck_assert_int_eq(seal_open(st->dir, ks, st->rnd, &s, &why), err);
	ck_assert_msg(strstr(why.text, text) != NULL, "%s", why.text);
}

START_TEST(damage_is_refused)
{
	struct state st, other;
	unsigned char file[1024], bad[1024];

	state_init(&st);
	state_init(&other);
	struct keystore *ks = open_keys(&st), *ks2 = open_keys(&other);
	for (unsigned i = 0; i < 4; i++) {
		char blob[1 + SEAL_OVERHEAD];
		struct seal *s = open_seal(&st, ks);
		seal_bytes(s, 1, i, "x", 1, blob);
		seal_close(s);
	}
	size_t n = state_read(&st, "datakeys", file, sizeof(file));
	ck_assert_uint_eq(n, 12 + 4 * 74);
	/* Any bit of a record that has good ones behind it. */
	for (size_t i = 12; i < 12 + 74 * 3; i += 5) {
		memcpy(bad, file, n);
		bad[i] ^= 1;
		state_write(&st, "datakeys", bad, n);
		refused(&st, ks, E_CORRUPT, "damaged");
		ck_assert_uint_eq(state_read(&st, "datakeys", bad, sizeof(bad)), n);
	}
	memcpy(bad, file, n);
	bad[0] ^= 1;
	state_write(&st, "datakeys", bad, n);
	refused(&st, ks, E_CORRUPT, "begin");
	memcpy(bad, file, n);
	bad[8] = 2;
	state_write(&st, "datakeys", bad, n);
	refused(&st, ks, E_NEWER, "version 2");
	state_write(&st, "datakeys", file, n);
	refused(&st, ks2, E_CORRUPT, "kek");
	ck_assert_uint_eq(state_read(&st, "datakeys", bad, sizeof(bad)), n);
	ck_assert_mem_eq(bad, file, n);
	seal_close(open_seal(&st, ks));
	keystore_close(ks);
	keystore_close(ks2);
	state_fini(&st);
	state_fini(&other);
}
END_TEST

START_TEST(wide_mode_is_refused)
{
	struct state st;
	char path[256];

	state_init(&st);
	struct keystore *ks = open_keys(&st);
	seal_close(open_seal(&st, ks));
	ck_assert_int_eq(chmod(state_path(&st, "datakeys", path), 0640), 0);
	refused(&st, ks, E_DENIED, "0600");
	keystore_close(ks);
	state_fini(&st);
}
END_TEST

static off_t keys_size(struct state *st)
{
	char path[300];
	struct stat sb;

	state_path(st, "datakeys", path);
	ck_assert_int_eq(stat(path, &sb), 0);
	return sb.st_size;
}

/* A start that seals nothing leaves no key behind; one that does keeps it, and nobody gets its number again. */
START_TEST(unused_keys_are_taken_back)
{
	struct state st;
	char a[8 + SEAL_OVERHEAD], b[8 + SEAL_OVERHEAD], clear[8];

	state_init(&st);
	struct keystore *ks = open_keys(&st);
	struct seal *s = open_seal(&st, ks);
	seal_bytes(s, 1, 1, "12345678", 8, a);
	seal_close(s);
	off_t size = keys_size(&st);
	for (int i = 0; i < 5; i++) {
		s = open_seal(&st, ks);
		ck_assert_int_eq(keys_size(&st), size + 74);
		ck_assert_int_eq(seal_unseal(s, 1, 1, a, sizeof(a), clear), 0);
		seal_close(s);
		ck_assert_int_eq(keys_size(&st), size);
	}
	s = open_seal(&st, ks);
	seal_bytes(s, 1, 2, "12345678", 8, b);
	ck_assert_mem_ne(a, b, 4); /* number of the key */
	seal_close(s);
	ck_assert_int_eq(keys_size(&st), size + 74);
	s = open_seal(&st, ks);
	ck_assert_int_eq(seal_unseal(s, 1, 1, a, sizeof(a), clear), 0);
	ck_assert_int_eq(seal_unseal(s, 1, 2, b, sizeof(b), clear), 0);
	seal_close(s);
	keystore_close(ks);
	state_fini(&st);
}
END_TEST

START_TEST(old_keys_only_open)
{
	struct state st;
	struct why why = { 0 };
	char blob[20][1 + SEAL_OVERHEAD], clear[1];

	state_init(&st);
	struct seal *s = seal_new_volatile(st.rnd);
	for (unsigned i = 0; i < 20; i++) {
		seal_bytes(s, 1, i, "x", 1, blob[i]);
		ck_assert_int_eq(blob[i][0], (char)(i + 1));
		ck_assert_int_eq(seal_rotate(s, &why), 0);
	}
	/* More keys than a thread keeps scheduled, back and forth. */
	for (unsigned k = 0; k < 3; k++)
		for (unsigned i = 20; i-- > 0;)
			ck_assert_int_eq(seal_unseal(s, 1, i, blob[i], sizeof(blob[i]), clear), 0);
	blob[0][0] = 99;
	ck_assert_int_eq(seal_unseal(s, 1, 0, blob[0], sizeof(blob[0]), clear), E_CORRUPT);
	blob[0][0] = 0;
	ck_assert_int_eq(seal_unseal(s, 1, 0, blob[0], sizeof(blob[0]), clear), E_CORRUPT);
	seal_close(s);
	state_fini(&st);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("seal");
	TCase *tc = tcase_create("seal");
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, opens_at_its_place_only);
	tcase_add_test(tc, empty_and_large);
	tcase_add_test(tc, layout_is_as_documented);
	tcase_add_test(tc, no_key_and_nonce_twice);
	tcase_add_test(tc, no_key_and_nonce_twice_over_kills);
	tcase_add_test(tc, key_is_on_disk_before_use);
	tcase_add_test(tc, torn_append_is_cut_off);
	tcase_add_test(tc, damage_is_refused);
	tcase_add_test(tc, wide_mode_is_refused);
	tcase_add_test(tc, unused_keys_are_taken_back);
	tcase_add_test(tc, old_keys_only_open);
	suite_add_tcase(suite, tc);
	SRunner *r = srunner_create(suite);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
