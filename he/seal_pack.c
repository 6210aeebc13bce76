/* SPDX-License-Identifier: Apache-2.0 */
/* Compression of an object's members: one zlib stream or one zstd frame, inflated under a hard bound. */
#include "he/seal_priv.h"

#include <zlib.h>
#include <zstd.h>

#include "cse/base/check.h"
#include "cse/base/err.h"

enum { CHUNK = 64 * 1024, WINDOW_LOG = 23 };

/* Room for the next piece; one byte beside the buffer when that is full, so that an end is seen and more is noticed. */
struct sink {
	struct buf *out;
	unsigned char spare;
	size_t n;
	bool is_full;
};

static unsigned char *sink_room(struct sink *s)
{
	size_t left = s->out->max - s->out->n;

	s->is_full = left == 0;
	s->n = s->is_full ? 1 : left < CHUNK ? left : CHUNK;
	return s->is_full ? &s->spare : (unsigned char *)buf_room(s->out, s->n);
}

static int sink_filled(struct sink *s, size_t n)
{
	if (s->is_full)
		return n ? E_LIMIT : 0;
	s->out->n += n;
	return 0;
}

static int inflate_zlib(struct str in, bool prefix, struct buf *out)
{
	struct sink sink = { .out = out };
	z_stream z = { 0 };
	int r = 0, state = Z_OK;

	if (in.n > UINT32_MAX)
		return E_LIMIT;
	if (inflateInit(&z) != Z_OK)
		return E_NOMEM;
	z.next_in = (z_const Bytef *)(uintptr_t)in.p;
	z.avail_in = (uInt)in.n;
	while (r == 0 && state == Z_OK && !(prefix && out->n == out->max)) {
		z.next_out = sink_room(&sink);
		z.avail_out = (uInt)sink.n;
		if (z.next_out == NULL) {
			r = E_NOMEM;
			break;
		}
		state = inflate(&z, Z_NO_FLUSH);
		r = sink_filled(&sink, sink.n - z.avail_out);
	}
	if (r == 0 && !prefix && (state != Z_STREAM_END || z.avail_in != 0))
		r = E_CORRUPT;
	inflateEnd(&z);
	return r;
}

static int inflate_zstd(struct str in, bool prefix, struct buf *out)
{
	ZSTD_DCtx *d = ZSTD_createDCtx();
	ZSTD_inBuffer from = { in.p, in.n, 0 };
	struct sink sink = { .out = out };
	size_t state = 1;
	int r = 0;

	if (d == NULL)
		return E_NOMEM;
	ZSTD_DCtx_setParameter(d, ZSTD_d_windowLogMax, WINDOW_LOG);
	while (r == 0 && state != 0 && !(prefix && out->n == out->max)) {
		ZSTD_outBuffer to = { sink_room(&sink), sink.n, 0 };
		size_t before = from.pos;

		if (to.dst == NULL) {
			r = E_NOMEM;
			break;
		}
		state = ZSTD_decompressStream(d, &to, &from);
		if (ZSTD_isError(state) || (state != 0 && to.pos == 0 && from.pos == before))
			r = E_CORRUPT;
		else
			r = sink_filled(&sink, to.pos);
	}
	if (r == 0 && !prefix && from.pos != from.size)
		r = E_CORRUPT;
	ZSTD_freeDCtx(d);
	return r;
}

int wire_inflate(struct str in, enum seal_compression kind, bool prefix, struct buf *out)
{
	switch (kind) {
	case SEAL_ZLIB:
		return inflate_zlib(in, prefix, out);
	case SEAL_ZSTD:
		return inflate_zstd(in, prefix, out);
	case SEAL_NONE:
		break;
	}
	return E_UNSUPPORTED;
}

int wire_deflate(struct buf *b, size_t from, enum seal_compression kind)
{
	size_t n = b->n - from, most = kind == SEAL_ZLIB ? compressBound(n) : ZSTD_compressBound(n), got;
	struct buf packed;
	uLongf length = most;
	int r = E_NOMEM;

	buf_init(&packed, most + 1);
	if (buf_room(&packed, most + 1) == NULL)
		goto out;
	if (kind == SEAL_ZLIB) {
		if (compress((Bytef *)packed.p, &length, (const Bytef *)b->p + from, n) != Z_OK)
			goto out;
		got = length;
	} else {
		got = ZSTD_compress(packed.p, most, b->p + from, n, ZSTD_CLEVEL_DEFAULT);
		if (ZSTD_isError(got))
			goto out;
	}
	explicit_bzero(b->p + from, n);
	b->n = from;
	buf_put(b, packed.p, got);
	r = b->over ? E_LIMIT : 0;
out:
	/* A secret key may be what was packed. */
	buf_fini_secret(&packed);
	return r;
}
