/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the security room: the first byte says which.  What is read is written again as the same bytes. */
#include "cse/base/check.h"
#include "security/audit_row.h"
#include "security/lockout_priv.h"
#include "security/enrol_priv.h"
#include "security/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(struct buf *b, struct str in)
{
	REQUIRE(!b->over && str_eq(buf_as_str(b), in));
}

static void read_cred(struct arena *a, struct buf *b, struct str in)
{
	struct cred_info c;
	size_t i;

	if (record_unpack_cred(a, STR("c1"), in, &c) != 0)
		return;
	REQUIRE(c.kind <= CRED_CSE && c.state < CRED_STATES && (c.fingerprint.n == 0 || c.fingerprint.n == CRED_FINGERPRINT) &&
	        c.country.n <= 2 && c.names.n <= CRED_MAX_NAMES);
	for (i = 0; i < c.names.n; i++)
		REQUIRE(c.names.v[i].n <= CRED_MAX_NAME);
	record_pack_cred(&c, b);
	if (in.p[0] == 1) {
		/* The first format says less: it becomes the present one, which says the same again. */
		struct cred_info again;
		struct buf twice;

		REQUIRE(record_unpack_cred(a, STR("c1"), buf_as_str(b), &again) == 0 && again.base_generation == c.generation);
		buf_init(&twice, RECORD_MAX);
		record_pack_cred(&again, &twice);
		same(&twice, buf_as_str(b));
		buf_fini(&twice);
		return;
	}
	same(b, in);
}

static void read_device(struct buf *b, struct str in)
{
	struct device_rec r;

	if (device_rec_unpack(in, &r) != 0)
		return;
	REQUIRE(r.answer.n <= ENROL_ANSWER_MAX && (r.handle[0] == 0 || strlen(r.handle) == CODE_HANDLE));
	device_rec_pack(&r, b);
	same(b, in);
}

static void read_stem(struct buf *b, struct str in)
{
	struct str id;

	if (record_unpack_stem(in, &id) != 0)
		return;
	REQUIRE(id.n > 0 && id.n <= CRED_MAX_ID);
	record_pack_stem(id, b);
	same(b, in);
}

static void read_zone(struct buf *b, struct str in)
{
	uint16_t from, to;
	bool conduit;

	if (record_read_zone(in, STR("\1"), &conduit, &from, &to) != 0)
		return;
	REQUIRE(from != 0 && (to != 0) == conduit);
	if (conduit)
		record_conduit_key(from, to, b);
	else
		record_zone_key(from, b);
	same(b, in);
}

static void read_lock(struct buf *b, struct str in)
{
	struct lock_info l;

	if (lock_unpack(in, &l) != 0)
		return;
	REQUIRE(l.cred_id.n > 0 && l.cred_id.n <= CRED_MAX_ID && l.originator.n <= CRED_MAX_NAME && l.why < STRIKE_COUNT);
	lock_pack(&l, b);
	same(b, in);
}

/* A row of the event table: the hash is made anew, the rest is the same. */
static void read_event(struct buf *b, struct str in)
{
	unsigned char head[AUDIT_HASH] = { 0 };
	struct audit_row row;

	REQUIRE(audit_row_unpack(in, head, true, &row) != 0 || memcmp(head, in.p, AUDIT_HASH) == 0);
	memset(head, 0, sizeof(head));
	if (audit_row_unpack(in, head, false, &row) != 0)
		return;
	memset(head, 0, sizeof(head));
	audit_row_pack(&row, head, b);
	REQUIRE(!b->over && str_eq(str_from(buf_as_str(b), AUDIT_HASH), str_from(in, AUDIT_HASH)));
	/* Now it is a row of a chain. */
	memset(head, 0, sizeof(head));
	REQUIRE(audit_row_unpack(buf_as_str(b), head, true, &row) == 0);
	buf_reset(b);
	audit_row_json(&row, 7, STR_NONE, b);
	REQUIRE(!b->over && str_is_utf8(buf_as_str(b)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_make((const char *)data + 1, size ? size - 1 : 0);
	struct arena a;
	struct buf b;

	if (size == 0)
		return 0;
	arena_init(&a, 1024);
	buf_init(&b, RECORD_MAX);
	if (data[0] == 'c')
		read_cred(&a, &b, in);
	else if (data[0] == 'd')
		read_device(&b, in);
	else if (data[0] == 's')
		read_stem(&b, in);
	else if (data[0] == 'l')
		read_lock(&b, in);
	else if (data[0] == 'e')
		read_event(&b, in);
	else
		read_zone(&b, in);
	buf_fini(&b);
	arena_fini(&a);
	return 0;
}
