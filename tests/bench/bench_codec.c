/* SPDX-License-Identifier: Apache-2.0 */
/* What reading, writing, packing and unpacking cost, beside jansson: ns for each operation, the best of some rounds. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "cse/base/clock.h"
#include "cse/codec/codec.h"
#include "cse/model/stamp.h"

enum { TIMES = 20000, ROUNDS = 15 };

/* A telemetry value of 200 bytes in a representation of 270, and the same in a whole primitive. */
#define CON "load 0.52 0.58 0.59; memory 3.9G of 7.8G; temperature 48.5; disk 41 %; up 12 days, 3:14; tasks 187; " \
	    "rx 81723 tx 52311; fan 1240; gpu 0.02; swap 0; power 35.2 W; users 2; inode 12 %; sensor ok; end......"
static const char instance[] = "{\"m2m:cin\":{\"cnf\":\"text/plain:0\",\"lbl\":[\"unit:mixed\",\"host\"],\"con\":\"" CON "\"}}";
static const char primitive[] =
    "{\"op\":1,\"to\":\"cse-in/ae/telemetry\",\"fr\":\"CDev1\",\"rqi\":\"7f3a91c2\",\"rvi\":\"3\",\"ty\":4,\"pc\":"
    "{\"m2m:cin\":{\"cnf\":\"text/plain:0\",\"con\":\"" CON "\"}}}";

struct bench {
	struct arena arena;
	struct buf buf;
	struct content content;
	struct res *shown;
	json_t *tree;
};

static void read_content(struct bench *b)
{
	struct why w = { 0 };

	arena_reset(&b->arena);
	if (codec_json.decode_content(&b->arena, STR(instance), &codec_limits_default, &b->content, &w))
		abort();
}

static void read_request(struct bench *b)
{
	struct prim p;

	arena_reset(&b->arena);
	prim_init(&p, &b->arena);
	if (codec_json.decode_request(&b->arena, STR(primitive), &codec_limits_default, &p))
		abort();
}

static void write_content(struct bench *b)
{
	struct val v = val_obj(&b->shown->o);

	buf_reset(&b->buf);
	codec_json.encode_content(&b->buf, b->shown->type->root, &v);
}

static void pack(struct bench *b)
{
	buf_reset(&b->buf);
	res_pack(b->shown, &b->buf);
}

static void unpack(struct bench *b)
{
	struct res *r;

	arena_reset(&b->arena);
	if (res_unpack(&b->arena, buf_as_str(&b->buf), &r))
		abort();
}

static void keep(struct bench *b)
{
	res_unref(res_keep(b->shown));
}

static void jansson_read(struct bench *b)
{
	json_decref(b->tree);
	b->tree = json_loadb(instance, sizeof instance - 1, JSON_REJECT_DUPLICATES, NULL);
}

static void jansson_write(struct bench *b)
{
	char out[1024];

	if (json_dumpb(b->tree, out, sizeof out, JSON_COMPACT) == 0)
		abort();
}

static void stamp(struct bench *b)
{
	char out[STAMP_MAX];
	int64_t us;

	(void)b;
	if (stamp_parse(str_make(out, stamp_format(INT64_C(1412335232123000), out)), &us))
		abort();
}

/* What a retrieve shows: all attributes of an instance. */
static struct res *shown(struct arena *a)
{
	struct why w = { 0 };
	struct content c;

	if (codec_json.decode_content(
	        a,
	        STR("{\"m2m:cin\":{\"rn\":\"cin1f\",\"ty\":4,\"ri\":\"cin1z-1f\",\"pi\":\"cnt1z\",\"ct\":\"20261120T101539,123000\","
	            "\"lt\":\"20261120T101539,123000\",\"et\":\"20361118T101539\",\"st\":1234,\"cs\":200,\"con\":\"" CON "\"}}"),
	        &codec_limits_default, &c, &w))
		abort();
	return res_keep(c.res);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*fn)(struct bench *);
	} rows[] = {
		{ "read content (270 bytes)", read_content },
		{ "read primitive (340 bytes)", read_request },
		{ "write content (360 bytes)", write_content },
		{ "pack", pack },
		{ "unpack", unpack },
		{ "keep, unref", keep },
		{ "stamp, both ways", stamp },
		{ "jansson reads content", jansson_read },
		{ "jansson writes it", jansson_write },
	};
	struct clock *clock = clock_new();
	struct bench b = { 0 };

	arena_init(&b.arena, 16384);
	buf_init(&b.buf, 1 << 16);
	b.shown = shown(&b.arena);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t best = INT64_MAX;

		for (int round = 0; round < ROUNDS; round++) {
			int64_t from = clock_mono_ns(clock), took;

			for (int k = 0; k < TIMES; k++)
				rows[i].fn(&b);
			took = clock_mono_ns(clock) - from;
			best = took < best ? took : best;
		}
		printf("%-28s %7.1f ns\n", rows[i].name, (double)best / TIMES);
	}
	json_decref(b.tree);
	res_unref(b.shown);
	buf_fini(&b.buf);
	arena_fini(&b.arena);
	clock_free(clock);
	return EXIT_SUCCESS;
}
