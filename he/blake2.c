/* SPDX-License-Identifier: Apache-2.0 */
/* BLAKE2b and BLAKE2Xb; the parts of BLAKE2Xb are independent and run eight or four side by side where vectors allow. */
#include "he/blake2.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "cse/base/check.h"

static const uint64_t start[8] = {
	0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
	0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};
static const unsigned char order[10][16] = {
	{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 }, { 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
	{ 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4 }, { 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8 },
	{ 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13 }, { 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9 },
	{ 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11 }, { 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10 },
	{ 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5 }, { 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0 },
};

/* The mixing function, over whatever type v and m have. */
#define ROR(x, r) (((x) >> (r)) | ((x) << (64 - (r))))
#define MIX(a, b, c, d, x, y) \
	do { \
		v[a] += v[b] + m[x]; \
		v[d] = ROR(v[d] ^ v[a], 32); \
		v[c] += v[d]; \
		v[b] = ROR(v[b] ^ v[c], 24); \
		v[a] += v[b] + m[y]; \
		v[d] = ROR(v[d] ^ v[a], 16); \
		v[c] += v[d]; \
		v[b] = ROR(v[b] ^ v[c], 63); \
	} while (0)
#define ROUND(s) \
	do { \
		MIX(0, 4, 8, 12, (s)[0], (s)[1]); \
		MIX(1, 5, 9, 13, (s)[2], (s)[3]); \
		MIX(2, 6, 10, 14, (s)[4], (s)[5]); \
		MIX(3, 7, 11, 15, (s)[6], (s)[7]); \
		MIX(0, 5, 10, 15, (s)[8], (s)[9]); \
		MIX(1, 6, 11, 12, (s)[10], (s)[11]); \
		MIX(2, 7, 8, 13, (s)[12], (s)[13]); \
		MIX(3, 4, 9, 14, (s)[14], (s)[15]); \
	} while (0)
/* Known indices let the words stay in registers. */
#define ROUNDS() \
	do { \
		_Pragma("GCC unroll 12") for (int r = 0; r < 12; r++) ROUND(order[r % 10]); \
	} while (0)

static void compress(uint64_t h[8], const unsigned char *block, uint64_t count, bool last)
{
	uint64_t v[16], m[16];
	int i;

	memcpy(m, block, sizeof(m));
	memcpy(v, h, 64);
	memcpy(v + 8, start, 64);
	v[12] ^= count;
	v[14] ^= last ? ~(uint64_t)0 : 0;
	ROUNDS();
	for (i = 0; i < 8; i++)
		h[i] ^= v[i] ^ v[i + 8];
}

static void begin(uint64_t h[8], const unsigned char param[BLAKE2B_PARAM])
{
	int i;

	memcpy(h, param, BLAKE2B_PARAM);
	for (i = 0; i < 8; i++)
		h[i] ^= start[i];
}

void blake2b_hash(const unsigned char param[BLAKE2B_PARAM], const unsigned char *key, const void *p, size_t n,
                  unsigned char *out)
{
	unsigned char block[BLAKE2B_BLOCK] = { 0 };
	const unsigned char *at = p;
	uint64_t h[8], count = 0;

	REQUIRE(param[0] >= 1 && param[0] <= BLAKE2B_OUT && param[1] <= 64 && (key || param[1] == 0));
	begin(h, param);
	if (param[1]) {
		memcpy(block, key, param[1]);
		count = BLAKE2B_BLOCK;
		compress(h, block, count, n == 0);
		explicit_bzero(block, sizeof(block));
		if (n == 0)
			goto done;
	}
	for (; n > BLAKE2B_BLOCK; at += BLAKE2B_BLOCK, n -= BLAKE2B_BLOCK) {
		count += BLAKE2B_BLOCK;
		compress(h, at, count, false);
	}
	if (n)
		memcpy(block, at, n);
	compress(h, block, count + n, true);
done:
	memcpy(out, h, param[0]);
}

void blake2b_plain(const void *p, size_t n, unsigned char *out, unsigned out_bytes)
{
	unsigned char param[BLAKE2B_PARAM] = { (unsigned char)out_bytes, 0, 1, 1 };

	blake2b_hash(param, NULL, p, n, out);
}

/* Parameter block of output part i: digest 64, leaf length 64, offset i, total length, inner length 64. */
static void part_param(unsigned char param[BLAKE2B_PARAM], uint32_t i, uint32_t total)
{
	uint32_t leaf = BLAKE2B_OUT;

	memset(param, 0, BLAKE2B_PARAM);
	param[0] = BLAKE2B_OUT;
	memcpy(param + 4, &leaf, 4);
	memcpy(param + 8, &i, 4);
	memcpy(param + 12, &total, 4);
	param[17] = BLAKE2B_OUT;
}

#if defined(__x86_64__)
/* Lanes first .. first + wide - 1 at once: they differ in one word of the first state. */
#define PARTS(name, isa, type, wide) \
	__attribute__((target(isa))) static void name(const uint64_t root[8], uint32_t first, uint32_t total, unsigned char *out) \
	{ \
		typedef uint64_t type __attribute__((vector_size(8 * (wide)))); \
		unsigned char param[BLAKE2B_PARAM]; \
		uint64_t base[8], lane[8][wide]; \
		type v[16], m[16] = { { 0 } }, h[8]; \
		int i, j; \
		part_param(param, 0, total); \
		begin(base, param); \
		for (i = 0; i < 8; i++) { \
			m[i] = (type){ 0 } + root[i]; \
			h[i] = (type){ 0 } + base[i]; \
			v[i + 8] = (type){ 0 } + start[i]; \
		} \
		for (j = 0; j < (wide); j++) \
			h[1][j] ^= first + (uint32_t)j; \
		for (i = 0; i < 8; i++) \
			v[i] = h[i]; \
		v[12] ^= (type){ 0 } + 64; \
		v[14] = ~v[14]; \
		ROUNDS(); \
		for (i = 0; i < 8; i++) { \
			h[i] ^= v[i] ^ v[i + 8]; \
			memcpy(lane[i], &h[i], sizeof(h[i])); \
		} \
		for (j = 0; j < (wide); j++) \
			for (i = 0; i < 8; i++) \
				memcpy(out + 64 * j + 8 * i, &lane[i][j], 8); \
	}
PARTS(parts_avx512, "avx512f", v8, 8)
PARTS(parts_avx2, "avx2", v4, 4)

/* How many parts from the first on are made so. */
static uint32_t parts_wide(const uint64_t root[8], uint32_t count, uint32_t total, unsigned char *out)
{
	uint32_t i = 0;

	if (__builtin_cpu_supports("avx512f"))
		for (; i + 8 <= count; i += 8)
			parts_avx512(root, i, total, out + (size_t)i * BLAKE2B_OUT);
	if (__builtin_cpu_supports("avx2"))
		for (; i + 4 <= count; i += 4)
			parts_avx2(root, i, total, out + (size_t)i * BLAKE2B_OUT);
	return i;
}
#else
static uint32_t parts_wide(const uint64_t *root, uint32_t count, uint32_t total, unsigned char *out)
{
	(void)root, (void)count, (void)total, (void)out;
	return 0;
}
#endif

void blake2x_keyed(const unsigned char key[BLAKE2X_KEY], const void *p, size_t n, unsigned char *out, size_t out_bytes)
{
	unsigned char param[BLAKE2B_PARAM] = { BLAKE2B_OUT, BLAKE2X_KEY, 1, 1 };
	uint32_t total = (uint32_t)out_bytes, i, count = total / BLAKE2B_OUT;
	uint64_t root[8];

	REQUIRE(out_bytes % BLAKE2B_OUT == 0 && out_bytes <= 1u << 30);
	memcpy(param + 12, &total, 4);
	blake2b_hash(param, key, p, n, (unsigned char *)root);
	for (i = parts_wide(root, count, total, out); i < count; i++) {
		part_param(param, i, total);
		blake2b_hash(param, NULL, root, sizeof(root), out + (size_t)i * BLAKE2B_OUT);
	}
}
