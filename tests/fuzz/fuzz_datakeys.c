/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of data keys, as it is and with every checksum put right: numbers ascend without a gap, every record lies inside the
 * image, and what is appended is read back with what was there.
 */
#include <stdlib.h>

#include "cse/base/err.h"
#include "security/datakeys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The checksum of the format: SipHash-2-4 with the key of security/datakeys.c. */
static const uint64_t key[2] = { 0x74726f74682d646bu, 0x64617461206b6579u };

static void mend_checksums(char *p, size_t n)
{
	size_t off = DATAKEYS_HEAD;
	while (n > off && n - off >= 14) {
		size_t k = (unsigned char)p[off + 4] | (size_t)(unsigned char)p[off + 5] << 8;
		if (k == 0 || k > DATAKEYS_WRAPPED_MAX || n - off < 14 + k)
			return;
		uint64_t sum = str_hash(str_make(p + off, 6 + k), key);
		for (unsigned i = 0; i < 8; i++)
			p[off + 6 + k + i] = (char)(sum >> 8 * i);
		off += 14 + k;
	}
}

static void check(struct str image)
{
	struct datakeys d, again;
	struct why why = { 0 };
	size_t whole = SIZE_MAX, whole2;
	uint32_t number;

	datakeys_init(&d);
	datakeys_init(&again);
	if (datakeys_parse(&d, image, &whole, &why) == 0) {
		REQUIRE(whole <= image.n);
		buf_put(&d.image, image.p, whole);
		for (uint32_t i = 1; i <= d.n; i++) {
			struct str w = datakeys_get(&d, i);
			REQUIRE(w.n > 0 && w.p >= d.image.p && w.p + w.n + 8 <= d.image.p + whole);
		}
		REQUIRE(datakeys_get(&d, 0).n == 0 && datakeys_get(&d, d.n + 1).n == 0);
		uint32_t before = d.n;
		REQUIRE(datakeys_append(&d, STR("wrapped"), &number, &why) == 0 && number == before + 1);
		REQUIRE(datakeys_parse(&again, buf_as_str(&d.image), &whole2, &why) == 0);
		REQUIRE(again.n == number && whole2 == d.image.n);
		buf_put(&again.image, d.image.p, d.image.n);
		REQUIRE(str_eq(datakeys_get(&again, number), STR("wrapped")));
	} else {
		REQUIRE(why.text[0] != 0);
	}
	datakeys_fini(&d);
	datakeys_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	check(str_make((const char *)data, n));
	char *copy = malloc(n + 1);
	REQUIRE(copy);
	memcpy(copy, data, n);
	mend_checksums(copy, n);
	check(str_make(copy, n));
	free(copy);
	return 0;
}
