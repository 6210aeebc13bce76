/* SPDX-License-Identifier: Apache-2.0 */
/* How a search changes SEAL's objects: inside their compression as well, and with a header that tells the new length. */
#ifndef TESTS_FUZZ_SEAL_MUTATE_H
#define TESTS_FUZZ_SEAL_MUTATE_H

#include <stdint.h>
#include <string.h>

#include <zlib.h>
#include <zstd.h>

enum { SEAL_HEADER = 16, SEAL_MODE_AT = 5, SEAL_LENGTH_AT = 8, SEAL_INNER_MAX = 64 * 1024 };

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max) __attribute__((weak)); /* libFuzzer's own */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

/* What stands behind the header, 0 when it cannot be unpacked. */
static size_t seal_inner(const uint8_t *data, size_t size, uint8_t *to)
{
	uLongf n = SEAL_INNER_MAX;
	size_t got;

	switch (data[SEAL_MODE_AT]) {
	case 0:
		if (size - SEAL_HEADER > SEAL_INNER_MAX)
			return 0;
		memcpy(to, data + SEAL_HEADER, size - SEAL_HEADER);
		return size - SEAL_HEADER;
	case 1:
		return uncompress(to, &n, data + SEAL_HEADER, size - SEAL_HEADER) == Z_OK ? n : 0;
	default:
		got = ZSTD_decompress(to, SEAL_INNER_MAX, data + SEAL_HEADER, size - SEAL_HEADER);
		return ZSTD_isError(got) ? 0 : got;
	}
}

static size_t seal_outer(uint8_t *data, size_t max, const uint8_t *inner, size_t n, uint8_t mode)
{
	uLongf z = max - SEAL_HEADER;
	uint64_t all;

	if (mode == 0 && n <= max - SEAL_HEADER) {
		memcpy(data + SEAL_HEADER, inner, n);
	} else if (mode == 1 && compress2(data + SEAL_HEADER, &z, inner, n, 1) == Z_OK) {
		n = z;
	} else if (mode == 2) {
		n = ZSTD_compress(data + SEAL_HEADER, max - SEAL_HEADER, inner, n, 1);
		if (ZSTD_isError(n))
			return 0;
	} else {
		return 0;
	}
	data[SEAL_MODE_AT] = mode;
	all = n + SEAL_HEADER;
	for (unsigned i = 0; i < 8; i++)
		data[SEAL_LENGTH_AT + i] = (uint8_t)(all >> 8 * i);
	return (size_t)all;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	uint8_t inner[SEAL_INNER_MAX];
	size_t n = 0, made = 0;

	if (seed % 4 && size > SEAL_HEADER && max > SEAL_HEADER)
		n = seal_inner(data, size, inner);
	if (n > 0) {
		n = LLVMFuzzerMutate(inner, n, sizeof(inner));
		made = seal_outer(data, max, inner, n, (uint8_t)(seed / 4 % 3));
	}
	return made > 0 ? made : LLVMFuzzerMutate(data, size, max);
}

#endif
