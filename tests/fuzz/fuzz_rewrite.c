/* SPDX-License-Identifier: Apache-2.0 */
/* Points of access in any content, both ways: what is given back is what was there, and nothing plaintext leaves in an attribute that is looked at. */
#include "agent/peek.h"
#include "agent/rewrite.h"
#include "cse/base/rand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void peek(struct str text)
{
	static const char *const sur[] = { "*", "sur", NULL }, *const rep[] = { "*", "nev", "rep", NULL }, *const none[] = { NULL };
	struct str s;

	if (peek_string(text, sur, &s))
		REQUIRE(s.p >= text.p && s.p + s.n <= text.p + text.n);
	if (peek_root(text, rep, &s) || peek_root(text, none, &s) || peek_member(text, sur, &s))
		REQUIRE(s.p >= text.p && s.p + s.n <= text.p + text.n);
}

static bool has(struct str text, const char *what)
{
	return text.n > 0 && memmem(text.p, text.n, what, strlen(what)) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t ports[] = { 8080 };
	struct agent agent = { .rnd = rnd_new_seeded(1) };
	struct str text = { (const char *)data, size };
	struct book *book;
	struct why why = { 0 };
	struct buf out, back;
	struct arena arena;
	bool changed;
	enum rsc rsc;

	REQUIRE(book_open(&agent, NULL, &book, &why) == 0);
	struct rewrite w = { .book = book, .authority = STR("a:1"), .own_ports = ports, .n_own_ports = 1 };
	buf_init(&out, 4 * size + 4096);
	buf_init(&back, 8 * size + 4096);
	peek(text);
	rsc = rewrite_content(&w, text, size % 2, &out, &changed, &why);
	REQUIRE((rsc == RSC_NONE) == (why.text[0] == 0));
	if (!changed) {
		REQUIRE(out.n == 0);
	} else {
		bool removed = has(text, "null") || has(text, "[");
		bool found = rewrite_back(&w, buf_as_str(&out), &back);

		/* Byte for byte, but for escapes in a URL and points of access that were removed or never given. */
		REQUIRE(found || removed);
		REQUIRE(!found || removed || has(text, "\\") || has(text, "https://a:1/") || has(buf_as_str(&out), "\"poa\":[") || str_eq(buf_as_str(&back), text));
	}
	buf_reset(&out);
	buf_reset(&back);
	why = (struct why){ 0 };
	rsc = rewrite_rtu(&w, text, &out, &changed, &why);
	REQUIRE(changed == (out.n > 0) && (rsc == RSC_NONE || !changed));
	rewrite_back(&w, text, &back);
	buf_reset(&out);
	arena_init(&arena, 1024);
	rewrite_query(&w, &arena, text, &out);
	arena_fini(&arena);
	REQUIRE(out.n >= text.n || has(text, "http") || has(text, "%"));
	buf_fini(&out);
	buf_fini(&back);
	book_close(book);
	rnd_free(agent.rnd);
	return 0;
}
