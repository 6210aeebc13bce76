/* SPDX-License-Identifier: Apache-2.0 */
/* Who is it, whose name is this?  Answers from memory, each in one look under the lock. */
#include "security/registry_priv.h"

static struct cred *maybe_ref(struct cred *c)
{
	return c ? cred_ref(c) : NULL;
}

struct cred *registry_get(struct security *sec, struct str id)
{
	struct holder *h;
	struct cred *c;

	pthread_rwlock_rdlock(&sec->registry.lock);
	h = strmap_get(&sec->registry.by_id, id);
	c = maybe_ref(h ? h->cred : NULL);
	pthread_rwlock_unlock(&sec->registry.lock);
	return c;
}

struct cred *registry_by_key(struct security *sec, struct str fingerprint)
{
	struct cred *c;

	pthread_rwlock_rdlock(&sec->registry.lock);
	c = maybe_ref(strmap_get(&sec->registry.by_key, fingerprint));
	pthread_rwlock_unlock(&sec->registry.lock);
	return c;
}

struct cred *registry_of_name(struct security *sec, struct str name)
{
	struct cred *c;
	struct stem *s;

	pthread_rwlock_rdlock(&sec->registry.lock);
	c = strmap_get(&sec->registry.by_name, name);
	s = strmap_get(&sec->registry.stems, name);
	c = maybe_ref(c ? c : s ? s->holder->cred : NULL);
	pthread_rwlock_unlock(&sec->registry.lock);
	return c;
}

bool registry_is_draining(struct security *sec, struct str id)
{
	struct holder *h;
	bool yes;

	pthread_rwlock_rdlock(&sec->registry.lock);
	h = strmap_get(&sec->registry.by_id, id);
	yes = h && h->draining;
	pthread_rwlock_unlock(&sec->registry.lock);
	return yes;
}

struct cred *registry_latest(struct security *sec, struct str id)
{
	struct registry *r = &sec->registry;
	int64_t since = clock_mono_ns(sec->clock) - CLAIM_S * NS_PER_S;
	struct cred *c = NULL;

	pthread_rwlock_rdlock(&r->lock);
	for (const struct claim *k = r->claims; k && c == NULL; k = k->next) {
		if (k->since_ns >= since && str_eq(k->cred->info.id, id))
			c = cred_ref(k->cred);
	}
	if (c == NULL) {
		struct holder *h = strmap_get(&r->by_id, id);

		c = maybe_ref(h ? h->cred : NULL);
	}
	pthread_rwlock_unlock(&r->lock);
	return c;
}

struct cred *registry_of_label(struct security *sec, struct str label)
{
	struct cred *c;

	pthread_rwlock_rdlock(&sec->registry.lock);
	c = maybe_ref(strmap_get(&sec->registry.by_label, label));
	pthread_rwlock_unlock(&sec->registry.lock);
	return c;
}

struct cred **registry_all(struct security *sec, struct arena *a, size_t *n)
{
	struct cred **all;
	struct holder *h;
	size_t at = 0;

	pthread_rwlock_rdlock(&sec->registry.lock);
	all = arena_array(a, sec->registry.by_id.n, sizeof(*all));
	for (*n = 0; (h = strmap_next(&sec->registry.by_id, &at)) != NULL;) {
		if (h->cred)
			all[(*n)++] = cred_ref(h->cred);
	}
	pthread_rwlock_unlock(&sec->registry.lock);
	return all;
}

bool registry_page(struct security *sec, struct arena *a, struct str after, size_t max, struct cred ***out, size_t *n)
{
	struct cred **v = arena_array(a, max, sizeof(*v));
	struct registry *r = &sec->registry;
	const struct holder *h, *from;
	size_t k = 0;

	pthread_rwlock_rdlock(&r->lock);
	from = after.n ? strmap_get(&r->by_id, after) : NULL;
	for (h = from ? from->later : after.n ? NULL : r->holders; h && k < max; h = h->later)
		if (h->cred)
			v[k++] = cred_ref(h->cred);
	pthread_rwlock_unlock(&r->lock);
	*out = v;
	*n = k;
	return from || !after.n;
}

enum owner registry_owner(struct security *sec, const struct cred *asking, struct str name)
{
	enum owner o = OWNER_NOBODY;
	struct cred *lister;
	struct stem *s;

	pthread_rwlock_rdlock(&sec->registry.lock);
	lister = strmap_get(&sec->registry.by_name, name);
	s = strmap_get(&sec->registry.stems, name);
	if (lister)
		o = lister->holder == asking->holder ? OWNER_SELF : OWNER_OTHER;
	else if (s && s->holder == asking->holder)
		o = OWNER_SELF;
	else if (s && asking->info.kind == CRED_GATEWAY && registry_is_gateways(s) && s->holder->cred->info.zone == asking->info.zone)
		o = OWNER_GATEWAY;
	else if (s)
		o = OWNER_OTHER;
	pthread_rwlock_unlock(&sec->registry.lock);
	return o;
}

struct str registry_bound(struct security *sec, const struct cred *c, struct str stem)
{
	struct str text = STR_NONE;
	struct stem *s;

	pthread_rwlock_rdlock(&sec->registry.lock);
	s = strmap_get(&sec->registry.stems, stem);
	if (s && s->holder == c->holder)
		text = s->text;
	pthread_rwlock_unlock(&sec->registry.lock);
	return text;
}

struct strs registry_stems(struct security *sec, const struct cred *c, struct arena *a)
{
	struct strs out;
	const struct stem *s;

	pthread_rwlock_rdlock(&sec->registry.lock);
	out.v = arena_array(a, c->holder->n_stems, sizeof(*out.v));
	out.n = 0;
	/* Their texts live as long as the room. */
	for (s = c->holder->stems; s; s = s->next)
		out.v[out.n++] = s->text;
	pthread_rwlock_unlock(&sec->registry.lock);
	return out;
}

void registry_names(struct security *sec, void (*fn)(void *arg, struct str name), void *arg)
{
	struct registry *r = &sec->registry;
	struct cred *c;
	struct stem *s;
	struct holder *h;
	size_t at = 0, i;

	pthread_rwlock_rdlock(&r->lock);
	while ((s = strmap_next(&r->stems, &at)) != NULL)
		fn(arg, s->text);
	for (at = 0; (h = strmap_next(&r->by_id, &at)) != NULL;) {
		c = h->cred;
		for (i = 0; c && i < c->info.names.n; i++)
			fn(arg, c->info.names.v[i]);
	}
	pthread_rwlock_unlock(&r->lock);
}

enum cred_state registry_stored_state(struct security *sec, struct str id)
{
	enum cred_state state = CRED_SUSPENDED;
	struct holder *h;

	pthread_rwlock_rdlock(&sec->registry.lock);
	h = strmap_get(&sec->registry.by_id, id);
	if (h)
		state = h->stored;
	pthread_rwlock_unlock(&sec->registry.lock);
	return state;
}

uint32_t cred_count(const struct security *sec, enum cred_state state)
{
	CHECK(sec, SECURITY);
	REQUIRE((unsigned)state < CRED_STATES);
	return atomic_load_explicit(&sec->registry.in_state[state], memory_order_relaxed);
}
