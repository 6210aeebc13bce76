/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's book: any file, and any addresses that are kept in it. */
#include "agent/book.h"
#include "cse/base/rand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct addr_self self = { { "troth.example", 13 }, { "id-in", 5 }, { "cse-in", 6 } };
	struct agent agent = { .rnd = rnd_new_seeded(1) };
	struct str text = { (const char *)data, size }, url, token;
	struct book *book;
	struct why why = { 0 };
	enum book_kind kind;

	REQUIRE(book_open(&agent, NULL, &book, &why) == 0);
	(void)book_read(book, text);
	if (book_url(book, str_from(text, size > BOOK_TOKEN ? size - BOOK_TOKEN : 0), &url, &kind))
		REQUIRE(url.n > 0 && kind < BOOK_KINDS);
	if (book_add_sub(book, text, &self) == 0) {
		REQUIRE(book_has_sub(book, text, &self));
		REQUIRE(book_remove_sub(book, text, &self) == 0 && !book_has_sub(book, text, &self));
	}
	if (book_add_name(book, text) == 0)
		REQUIRE(book_has_name(book, text));
	if (book_token(book, BOOK_SUB, text, &token) == 0)
		REQUIRE(book_url(book, token, &url, &kind) && str_eq(url, text) && kind == BOOK_SUB);
	book_close(book);
	rnd_free(agent.rnd);
	return 0;
}
