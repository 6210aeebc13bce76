/* SPDX-License-Identifier: Apache-2.0 */
/* CSEBase, TS-0004 7.4.3: what it says of this CSE is true at the moment of the RETRIEVE, whatever was stored once. */
#include "cse/types/behaviour.h"

#include "cse/base/conf.h"

static struct val texts(struct arena *a, enum kind kind, const char *const *z, size_t n)
{
	struct val list = val_list(a, n);

	for (size_t i = 0; i < n; i++)
		list.list.v[i] = val_str(kind, str_of(z[i]));
	return list;
}

/* From the configuration; else where the first listener is found. */
static struct val points_of_access(struct change *c)
{
	const char *poa[16], *name = conf_item(c->conf, CONF_HTTP_NAMES, 0), *at = conf_item(c->conf, CONF_HTTP_LISTEN, 0);
	size_t n = 0;

	while (n < 16 && (poa[n] = conf_item(c->conf, CONF_CSE_POA, (unsigned)n)))
		n++;
	if (n == 0 && name && at && strrchr(at, ':')) {
		struct str url = arena_printf(c->arena, "https://%s%s", name, strrchr(at, ':'));

		poa[n++] = arena_strz(c->arena, url);
	}
	return texts(c->arena, K_URI, poa, n);
}

static void show(struct change *c)
{
	/* TS-0004 6.3.3, m2m:serializations: names, not media types. */
	static const char *const serializations[] = { "json" };
	static const char *const releases[] = { "1", "2", "2a", "3", "4", "5" };
	const struct known *k = c->known;
	const char *type = conf_str(c->conf, CONF_CSE_TYPE);
	struct obj *o = &c->res->o;
	const uint16_t *ty;
	struct val srt;
	size_t n;

	ty = behaviour_types(&n);
	srt = val_list(c->arena, n);
	for (size_t i = 0; i < n; i++)
		srt.list.v[i] = val_enum(ty[i]);
	*obj_put(c->arena, o, k->at[AT_CB_CST]) = val_enum(!strcmp(type, "in") ? 1 : !strcmp(type, "mn") ? 2 : 3);
	*obj_put(c->arena, o, k->at[AT_CB_SRT]) = srt;
	*obj_put(c->arena, o, k->at[AT_CB_POA]) = points_of_access(c);
	*obj_put(c->arena, o, k->at[AT_CB_CSZ]) = texts(c->arena, K_STR, serializations, 1);
	*obj_put(c->arena, o, k->at[AT_CB_SRV]) = texts(c->arena, K_STR, releases, 6);
}

const struct behaviour behaviour_cb = {
	.refuses = ACOP_U | ACOP_D,
	.show = show,
};
