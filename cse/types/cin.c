/* SPDX-License-Identifier: Apache-2.0 */
/* contentInstance, TS-0004 7.4.7: the size of its content, and whether the container takes it. */
#include "cse/types/behaviour.h"

#include "cse/model/any.h"

static bool is_number_in(struct str s, uint64_t max)
{
	uint64_t v;

	return s.n == 1 && str_u64(s, &v) == 0 && v <= max;
}

/* m2m:contentInfo, TS-0004 6.3.3: media type, ':' encoding (0 to 2), optionally ':' content security (0 to 5). */
static enum rsc check_info(struct change *c)
{
	const struct val *cnf = res_get(c->res, c->known->at[AT_CIN_CNF]);
	struct str rest, media, encoding;
	bool more;

	if (!cnf)
		return RSC_NONE;
	rest = cnf->s;
	media = str_cut(&rest, ':', &more);
	if (more && str_index(media, '/') > 0 && str_index(media, '/') + 1 < media.n) {
		encoding = str_cut(&rest, ':', &more);
		if (is_number_in(encoding, 2) && (!more || is_number_in(rest, 5)))
			return RSC_NONE;
	}
	return why_set(c->why, RSC_BAD_REQUEST,
	               "contentInfo (cnf) must be a media type, a colon and an encoding from 0 to 2, like text/plain:0");
}

static enum rsc create(struct change *c)
{
	const struct val *con = res_get(c->res, c->known->at[AT_CIN_CON]);
	uint64_t mbs = behaviour_uint(node_res(c->tx, c->parent), c->known->at[AT_CNT_MBS], UINT64_MAX);
	enum rsc rsc;

	if (!con || con->kind == K_NULL || str_eq(con->s, STR("null")))
		return why_set(c->why, RSC_BAD_REQUEST, "content (con) must not be null");
	if ((rsc = check_info(c)))
		return rsc;
	c->append->size = any_size(con->s);
	if (c->append->size > mbs)
		return why_set(c->why, RSC_NOT_ACCEPTABLE, "content (con) is larger than maxByteSize (mbs) of the container");
	return RSC_NONE;
}

const struct behaviour behaviour_cin = {
	.refuses = ACOP_U,
	.create = create,
};
