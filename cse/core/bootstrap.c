/* SPDX-License-Identifier: Apache-2.0 */
/* A new store's first resources: the CSEBase, the administrator's policy, the default policy.  security-model 1.4. */
#include "cse/core/gate.h"

#include "cse/base/clock.h"
#include "cse/base/conf.h"
#include "cse/base/err.h"
#include "cse/core/event.h"
#include "cse/core/gate_priv.h"

/* --- the CSEBase ------------------------------------------------------------------------------------------------- */

struct res *gate_make_base(struct arena *a, const struct conf *c, const struct addr_self *self, int64_t now_us)
{
	const struct type *t = type_by_ty(TY_CB);
	struct res *res = res_new(a, t, 4);
	char *csi = arena_alloc(a, self->cse.n + 1);

	(void)c;
	csi[0] = '/';
	memcpy(csi + 1, self->cse.p, self->cse.n);
	*obj_add(a, &res->o, type_attr(t, STR("csi"))) = val_str(K_ID, str_make(csi, self->cse.n + 1));
	*obj_add(a, &res->o, &attr_ct) = val_stamp(now_us / 1000 * 1000);
	return res;
}

/* --- policies ---------------------------------------------------------------------------------------------------- */

/* {"acr": [{"acor": originators, "acop": operations}]} */
static struct val policy(struct arena *a, const struct attr *pv, const char *const *originators, size_t n, unsigned acop)
{
	const struct complex *set = pv->of;
	const struct attr *acr = complex_attr(set, STR("acr"));
	const struct complex *rule = acr->of;
	struct obj *o = obj_new(a, 1), *one = obj_new(a, 2);
	struct val acor = val_list(a, n), rules = val_list(a, 1);

	for (size_t i = 0; i < n; i++)
		acor.list.v[i] = val_str(K_URI, str_of(originators[i]));
	*obj_add(a, one, complex_attr(rule, STR("acor"))) = acor;
	*obj_add(a, one, complex_attr(rule, STR("acop"))) = val_uint(acop);
	rules.list.v[0] = val_obj(one);
	*obj_add(a, o, acr) = rules;
	return val_obj(o);
}

static int make_policy(struct gate *g, struct tx *tx, const char *name, const char *const *originators, size_t n,
                       unsigned acop, struct str *ri)
{
	struct arena *a = tx_arena(tx);
	const char *admin = conf_str(gate_settings(g)->conf, CONF_ACC_ADMIN);
	struct res *res = res_new(a, type_by_ty(TY_ACP), 4);
	const struct attr *pv = g->known.at[AT_ACP_PV], *pvs = g->known.at[AT_ACP_PVS];
	const struct node *node;
	int r;

	*obj_add(a, &res->o, &attr_ct) = val_stamp(tx_now(tx));
	*obj_add(a, &res->o, &attr_et) = val_stamp(tx_now(tx) + INT64_C(100) * 365 * 86400 * 1000000);
	*obj_add(a, &res->o, pv) = policy(a, pv, originators, n, acop);
	*obj_add(a, &res->o, pvs) = policy(a, pvs, &admin, 1, ACOP_ALL);
	r = store_create(tx, store_root(tx), res, str_of(name), STR_NONE, 0, &node);
	if (r == 0)
		*ri = node_ri(tx, node);
	return r;
}

/* The administrator may do everything here; who is registered may read the CSEBase. */
static int make_policies(struct gate *g, struct tx *tx)
{
	static const char *const registered[] = { "C*", "S*" };
	const char *admin = conf_str(gate_settings(g)->conf, CONF_ACC_ADMIN);
	struct arena *a = tx_arena(tx);
	struct val acpi = val_list(a, 2);
	struct str ri[2];
	struct res *base;
	int r;

	if ((r = make_policy(g, tx, "acpAdmin", &admin, 1, ACOP_ALL, &ri[0])) != 0 ||
	    (r = make_policy(g, tx, "acpDefault", registered, 2, ACOP_R, &ri[1])) != 0)
		return r;
	for (int i = 0; i < 2; i++)
		acpi.list.v[i] = val_str(K_URI, ri[i]);
	base = res_edit(a, node_res(tx, store_root(tx)));
	*obj_put(a, &base->o, &attr_acpi) = acpi;
	store_update(tx, store_root(tx), base, false);
	return 0;
}

static void require_grant(struct gate *g, struct tx *tx, unsigned acop)
{
	struct prim prim;
	struct ask q = { .prim = &prim, .origin = &g->self, .acop = acop, .node = store_root(tx), .internal = true };
	const struct grant *grant;

	prim_init(&prim, tx_arena(tx));
	prim.op = acop == ACOP_C ? OP_CREATE : OP_UPDATE;
	grant = authz_decide(g->o.security, tx, &q);
	REQUIRE(grant && grant_covers(grant, tx, store_root(tx), acop));
}

struct first {
	struct commit commit;
	int err;
};

static void stored(struct commit *c, int err)
{
	CONTAINER_OF(c, struct first, commit)->err = err;
}

/* --- identity ---------------------------------------------------------------------------------------------------- */

static const char admin_key[] = "administrator";

struct made_for {
	struct arena *a;
	struct str admin; /* empty: not noted yet */
};

static int read_made_for(void *arg, struct str key, struct str value)
{
	struct made_for *m = arg;

	if (str_eqz(key, admin_key))
		m->admin = arena_str(m->a, value);
	return 0;
}

static int compare(enum conf_id id, struct str made, const char *now, struct why *why)
{
	const struct conf_row *row = conf_row(id);

	if (made.n == 0 || str_eqz(made, now))
		return 0;
	why_set(why, RSC_INTERNAL_SERVER_ERROR,
	        "%s.%s: the state folder was made for %.*s, which stands in what it holds; set %s.%s so, or give another cse.state",
	        row->section, row->name, STR_ARG(made), row->section, row->name);
	return E_CONF;
}

/* What is stored names this CSE and its administrator everywhere: owners, policies, bindings of AE-IDs, certificates. */
static int check_identity(const struct gate *g, struct tx *tx, const struct made_for *m, struct why *why)
{
	const struct node *root = store_root(tx);
	const struct val *csi = res_find(node_res(tx, root), "csi");
	const struct conf *c = gate_settings(g)->conf;
	int r = compare(CONF_CSE_ID, csi ? csi->s : STR_NONE, conf_str(c, CONF_CSE_ID), why);

	if (r == 0)
		r = compare(CONF_CSE_NAME, node_rn(tx, root), conf_str(c, CONF_CSE_NAME), why);
	return r ? r : compare(CONF_ACC_ADMIN, m->admin, conf_str(c, CONF_ACC_ADMIN), why);
}

/* The first time: policies, and for whom they were made. */
static int make_all(struct gate *g, struct tx *tx, const struct made_for *m)
{
	int r = 0;

	if (!res_get(node_res(tx, store_root(tx)), &attr_acpi)) {
		require_grant(g, tx, ACOP_C);
		require_grant(g, tx, ACOP_U);
		r = make_policies(g, tx);
	}
	if (r == 0 && m->admin.n == 0)
		store_rec_put(tx, REC_META, str_of(admin_key), str_of(conf_str(gate_settings(g)->conf, CONF_ACC_ADMIN)));
	return r;
}

int gate_bootstrap(struct gate *g, struct why *why)
{
	struct first first = { .commit = { .magic = COMMIT_MAGIC, .done = stored } };
	struct made_for made = { .a = NULL };
	struct arena a;
	struct tx *tx;
	int r;

	CHECK(g, GATE);
	arena_init(&a, 4096);
	made.a = &a;
	r = store_rec_each(g->o.store, REC_META, read_made_for, &made);
	tx = store_begin(g->o.store, &a, TX_WRITE);
	if (r == 0)
		r = check_identity(g, tx, &made, why);
	if (r == 0)
		r = make_all(g, tx, &made);
	if (r != 0) {
		store_end(tx);
	} else if (store_commit(tx, &first.commit)) {
		store_ready(g->o.store, &first.commit);
		store_flush(g->o.store);
		r = first.err;
	}
	if (r != 0)
		why_set(why, (enum rsc)err_rsc(r), "the first access-control policies could not be stored: %s", err_text(r));
	else
		event_start(g);
	arena_fini(&a);
	return r;
}
