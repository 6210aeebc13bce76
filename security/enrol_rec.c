/* SPDX-License-Identifier: Apache-2.0 */
/* A device's record: what enrolment remembers beside the credential. */
#include "security/enrol_priv.h"

#include "cse/base/err.h"
#include "security/pack.h"

enum { FORMAT = 1, HAS_CODE = 1, CODE_IS_USED = 2, HAS_NEXT = 4, HAS_ANSWER = 8, ALL = 15 };

void device_rec_pack(const struct device_rec *r, struct buf *out)
{
	unsigned has = (r->handle[0] ? HAS_CODE : 0u) | (r->used ? CODE_IS_USED : 0u) | (r->next ? HAS_NEXT : 0u) |
	               (r->answer.n ? HAS_ANSWER : 0u);

	pack_uint(out, FORMAT, 1);
	pack_uint(out, has, 1);
	pack_uint(out, (uint64_t)r->life_us, 8);
	if (has & HAS_CODE) {
		buf_put(out, r->handle, CODE_HANDLE);
		buf_put(out, r->psk, CODE_PSK);
		pack_uint(out, (uint64_t)r->code_ends, 8);
	}
	if (has & HAS_NEXT) {
		pack_uint(out, r->next, 4);
		buf_put(out, r->next_key, ENROL_KEY);
		pack_uint(out, (uint64_t)r->next_from, 8);
		pack_uint(out, (uint64_t)r->next_to, 8);
	}
	if (has & HAS_ANSWER) {
		buf_put(out, r->answer_key, ENROL_KEY);
		pack_text(out, r->answer);
	}
}

static void unpack_bytes(struct unpack *r, void *out, size_t n)
{
	if (r->in.n < n) {
		r->bad = true;
		return;
	}
	memcpy(out, r->in.p, n);
	r->in = str_from(r->in, n);
}

static bool is_handle(const char h[CODE_HANDLE + 1])
{
	for (size_t i = 0; i < CODE_HANDLE; i++)
		if (!((h[i] >= '0' && h[i] <= '9') || (h[i] >= 'a' && h[i] <= 'f')))
			return false;
	return true;
}

int device_rec_unpack(struct str in, struct device_rec *out)
{
	struct unpack r = { .in = in };
	struct device_rec d = { .used = false };
	unsigned format = (unsigned)unpack_uint(&r, 1), has = (unsigned)unpack_uint(&r, 1);

	if (in.n && format > FORMAT)
		return E_NEWER;
	d.life_us = (int64_t)unpack_uint(&r, 8);
	d.used = has & CODE_IS_USED;
	if (has & HAS_CODE) {
		unpack_bytes(&r, d.handle, CODE_HANDLE);
		unpack_bytes(&r, d.psk, CODE_PSK);
		d.code_ends = (int64_t)unpack_uint(&r, 8);
	}
	if (has & HAS_NEXT) {
		d.next = (uint32_t)unpack_uint(&r, 4);
		unpack_bytes(&r, d.next_key, ENROL_KEY);
		d.next_from = (int64_t)unpack_uint(&r, 8);
		d.next_to = (int64_t)unpack_uint(&r, 8);
	}
	if (has & HAS_ANSWER) {
		unpack_bytes(&r, d.answer_key, ENROL_KEY);
		d.answer = unpack_text(&r, ENROL_ANSWER_MAX);
	}
	if (r.bad || r.in.n || format != FORMAT || has & ~(unsigned)ALL || (has & HAS_CODE && !is_handle(d.handle)) ||
	    ((has & HAS_NEXT) != 0) != (d.next != 0) || ((has & HAS_ANSWER) != 0) != (d.answer.n != 0) ||
	    (d.used && !(has & HAS_CODE)) || d.life_us < 0)
		return E_CORRUPT;
	*out = d;
	return 0;
}
