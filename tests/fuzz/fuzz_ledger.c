/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's file, as it is and with every tag put right: what is read lies inside the image and verifies only with its tag, and
 * what was read and is laid down again gives the same bytes.
 */
#include <stdlib.h>

#include "cse/base/err.h"
#include "security/ledger_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const unsigned char key[LEDGER_SECRET] = { 1, 2, 3 };

/* The same records with the tags that belong there. */
static void mend(struct str image, struct buf *out)
{
	unsigned char tag[LEDGER_TAG] = { 0 };
	struct why why = { 0 };
	struct str wrapped, rest;
	uint64_t place;
	size_t at;

	if (ledger_head_read(image, &wrapped, &place, &at, &why) != 0)
		return;
	ledger_head_pack(out, place, wrapped, key, tag);
	for (rest = str_from(image, at); rest.n >= 18 && (unsigned char)rest.p[17] <= LEDGER_KEY_MAX;) {
		size_t k = 18 + (unsigned char)rest.p[17];

		if (rest.n < k)
			break;
		ledger_fact_tag(out, rest, key, tag);
		rest = str_from(rest, k + LEDGER_TAG);
	}
}

static void check(struct str image)
{
	unsigned char tag[LEDGER_TAG], tag2[LEDGER_TAG];
	struct why why = { 0 };
	struct ledger_fact f;
	struct buf again, raw;
	struct str wrapped;
	uint64_t place;
	size_t at, n;
	int err = ledger_head_read(image, &wrapped, &place, &at, &why);

	REQUIRE(err == 0 || why.text[0]);
	if (err)
		return;
	REQUIRE(at <= image.n && wrapped.n > 0);
	if (!ledger_head_check(image, at, key, tag))
		return;
	buf_init(&again, 1 << 20);
	buf_init(&raw, 1 << 20);
	ledger_head_pack(&again, place, wrapped, key, tag2);
	REQUIRE(memcmp(tag, tag2, LEDGER_TAG) == 0);
	while ((n = ledger_fact_read(str_from(image, at), key, tag, &f)) > 0) {
		at += n;
		REQUIRE(at <= image.n && f.kind < LEDGER_KINDS && f.key.n <= LEDGER_KEY_MAX);
		buf_reset(&raw);
		ledger_fact_lay(&raw, &f);
		ledger_fact_tag(&again, buf_as_str(&raw), key, tag2);
	}
	REQUIRE(again.over || str_eq(buf_as_str(&again), str_first(image, at)));
	buf_fini(&raw);
	buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf mended;

	check(str_make((const char *)data, n));
	buf_init(&mended, 1 << 20);
	mend(str_make((const char *)data, n), &mended);
	check(buf_as_str(&mended));
	buf_fini(&mended);
	return 0;
}
