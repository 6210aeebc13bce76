/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the security room share: the object, credentials in memory, peers. */
#ifndef SECURITY_SECURITY_PRIV_H
#define SECURITY_SECURITY_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "cse/base/buf.h"
#include "cse/base/clock.h"
#include "cse/base/conf.h"
#include "cse/base/err.h"
#include "cse/base/log.h"
#include "cse/base/rand.h"
#include "cse/base/stat.h"
#include "security/acp_cache.h"
#include "security/crowd.h"
#include "security/ledger.h"
#include "security/security.h"
#include "security/strmap.h"

/* --- credentials (credential.c) ------------------------------------------------------------------------------------ */

struct entity_name {
	struct str text; /* as listed */
	struct str abs;  /* absolute form; empty for App-IDs and patterns */
};
struct entity_names {
	struct entity_name *v;
	size_t n;
};

/* One version of a credential: immutable but for `live`, counted.  A change makes another one and ends this one. */
#define CRED_MAGIC 0x63726564u
struct cred {
	uint32_t magic;
	_Atomic uint32_t refs;
	_Atomic uint32_t live; /* 0: its peers are to be closed */
	_Atomic uint32_t connections;
	struct arena mem;      /* holds this struct and all it points to */
	struct cred_info info;
	struct holder *holder;
	struct entity_names ae, cse, app;
	uint16_t country;
};

/* An AE-ID stem that was given to a credential, for ever. */
struct stem {
	struct str text; /* behind the struct */
	struct holder *holder;
	struct stem *next; /* of the same holder, newest first */
};

/* A credential through all its versions.  Never freed while the room stands. */
struct holder {
	struct str id; /* behind the struct */
	struct holder *later;
	struct cred *cred; /* NULL: stems are bound to an id that has no record */
	uint64_t seq;      /* of the change that made it so */
	struct stem *stems;
	size_t n_stems;
	/* The version before a renewed key, whose peers end what they are at. */
	struct cred *draining;
	int64_t drain_ns;
	struct holder *next_drain;
	/* Connections of a single-session credential, and where they come from. */
	pthread_mutex_t session_lock;
	unsigned sessions;
	struct ipaddr session_from;
	enum cred_state stored;          /* whatever a lock or a hold makes of it */
	bool held;                       /* registry_hold */
	_Atomic int64_t locked_until_ns; /* monotonic; 0: not, INT64_MAX: until it is released (lockout.c) */
};

/* Names of a cred_put that is not yet applied. */
struct claim {
	struct claim *next;
	struct cred *cred;
	int64_t since_ns;
};

struct registry {
	pthread_rwlock_t lock; /* guards all below; writers first (db/README says why) */
	struct strmap by_id;   /* struct holder */
	struct strmap by_key;  /* fingerprint -> struct cred, current versions */
	struct strmap by_name; /* AE-ID stem or CSE-ID -> struct cred that lists it, not revoked, no gateways */
	struct strmap by_label; /* a device's name -> struct cred, not revoked */
	struct strmap stems;   /* struct stem */
	struct holder *drains, **last_drain; /* oldest first */
	struct holder *holders, **last_holder; /* all, in the order in which they came; none ever goes */
	struct claim *claims;
	_Atomic uint32_t in_state[CRED_STATES]; /* credentials in each; read without the lock */
	_Atomic bool ended;    /* live connections have ended since it was looked at */
	uint64_t seq;          /* of the latest cred_put */
	int64_t next_end;      /* when the next certificate ends, µs */
};

void registry_init(struct registry *r, struct rnd *rnd);
void registry_fini(struct registry *r);
int registry_load(struct security *sec, struct store *store, struct why *why);
/* Ends the peers of certificates that have ended by then, and of keys that were renewed a while ago. */
void registry_tick(struct security *sec, int64_t now_us);
/* A version from a description; one reference.  Names are split, absolute forms made. */
struct cred *cred_new(const struct addr_self *self, const struct cred_info *info);
struct cred *cred_ref(struct cred *c);
void cred_unref(struct cred *c);
/* 0, or what is wrong with a description, whatever others there are. */
int cred_check(struct security *sec, const struct cred_info *c, struct why *why);
/* 80 random bits behind `first`: an AE-ID stem, a credential's id. */
struct str random_name(struct rnd *rnd, struct arena *a, char first);

/* Held: suspended, whatever its record says, until it is let go or somebody gives it a state.  No record is written. */
void registry_hold(struct security *sec, struct str id, bool held);

/* Look-ups; a reference for the caller, or NULL. */
struct cred *registry_get(struct security *sec, struct str id);
struct cred *registry_by_key(struct security *sec, struct str fingerprint);
struct cred *registry_of_name(struct security *sec, struct str name);
/* Was its key renewed within CRED_DRAIN_S? */
bool registry_is_draining(struct security *sec, struct str id);
/* A change of the last minute that is not applied yet, else as registry_get. */
struct cred *registry_latest(struct security *sec, struct str id);
struct cred *registry_of_label(struct security *sec, struct str label);
struct cred **registry_all(struct security *sec, struct arena *a, size_t *n);
/* At most max of those behind `after` (its id; empty: from the first on), in the order in which they came, a reference each.  false: there is no
 * such id. */
bool registry_page(struct security *sec, struct arena *a, struct str after, size_t max, struct cred ***out, size_t *n);
/* May this become a version of its credential?  Then its names are kept for it until cred_apply, or a minute.
 * *moved: stems that were a gateway's. */
int registry_claim(struct security *sec, struct arena *a, struct cred_info *info, struct strs *moved,
                   struct why *why);

/* Whose is a stem or a CSE-ID?  Answers for one asking credential, in one look. */
enum owner {
	OWNER_NOBODY,
	OWNER_SELF,
	OWNER_GATEWAY, /* bound to another gateway of the same zone */
	OWNER_OTHER,
};
enum owner registry_owner(struct security *sec, const struct cred *asking, struct str name);
/* Is the stem bound to the credential?  Then its text, which lives as long as the room; else empty. */
struct str registry_bound(struct security *sec, const struct cred *c, struct str stem);
/* Binds the stem in memory; false when it is another's.  *fresh: it was not bound before. */
bool registry_bind(struct security *sec, const struct cred *c, struct str stem, bool *fresh);
/* Stems bound to the credential, newest first, copied into the arena. */
struct strs registry_stems(struct security *sec, const struct cred *c, struct arena *a);
/* Calls fn with every name that is listed or bound (to resolve pseudonyms). */
void registry_names(struct security *sec, void (*fn)(void *arg, struct str name), void *arg);

/* A lock begins or ends (until_ns 0): live peers of the credential end, its state is shown as locked while nobody has said how
 * long. */
void registry_lock(struct security *sec, struct str id, int64_t until_ns);
/* Part of a cred_put. */
void registry_release(struct security *sec, struct tx *tx, const struct cred_info *info);
/* What a record says of a credential that is shown as locked. */
enum cred_state registry_stored_state(struct security *sec, struct str id);
/* Is the credential locked at present?  For who comes anew. */
bool lockout_holds(struct security *sec, const struct cred *c);

/* --- peers (peer.c) ------------------------------------------------------------------------------------------------ */

struct proof {
	enum proof_kind kind;
	struct cred *cred; /* counted */
};
enum { PEER_MAX_PROOFS = 4 };

#define PEER_MAGIC 0x70656572u
struct peer {
	uint32_t magic;
	_Atomic uint32_t refs;
	bool self, administers, counted, limited, joined;
	struct crowd *crowd;        /* a limited one that is counted */
	struct crowd_place place;   /* of a limited one */
	struct ipaddr from;
	unsigned n;
	struct proof proof[PEER_MAX_PROOFS]; /* strongest last */
};
struct peer *peer_new(const struct ipaddr *from);
/* Adds a proof; takes a reference of the credential. */
void peer_prove(struct peer *p, enum proof_kind kind, struct cred *c);
/* The credential of the channel; NULL for self. */
static inline struct cred *peer_cred(const struct peer *p)
{
	return p->n ? p->proof[0].cred : NULL;
}

/* --- zones (zone.c) ------------------------------------------------------------------------------------------------ */

struct zones {
	pthread_rwlock_t lock;
	uint64_t known[65536 / 64];
	uint32_t *conduits; /* from << 16 | to, ascending */
	size_t n, cap;
};
void zones_init(struct zones *z);
void zones_fini(struct zones *z);
int zones_load(struct security *sec, struct store *store, struct why *why);
bool zone_known(struct security *sec, uint16_t zone);

/* --- clock (clockguard.c) ------------------------------------------------------------------------------------------ */

struct clockguard {
	_Atomic bool doubtful;
	_Atomic bool accept;   /* the administrator said so; taken up by the next tick */
	_Atomic int64_t late_us; /* how much later than the wall clock it is at least; 0 while that is trusted */
	bool early;            /* doubtful since the start: before the last commit */
	int64_t wall_us, mono_ns; /* where progress is measured from */
	int64_t last_seen_us, accepted_seen_us;
	struct commit commit;     /* of accepted_seen_us */
	_Atomic bool committing;
};
/* --- store against ledger (rollback.c) ------------------------------------------------------------------------------ */

struct rollback {
	_Atomic int hold;     /* enum ledger_hold */
	uint64_t epoch, seq;  /* what the store says, or is about to */
	uint64_t head_n, noted_n; /* of the event chain: waits to be on disk; is in the ledger */
	unsigned char head[32];
	bool failing;
	_Atomic bool accepting;
	struct commit commit; /* of epoch and seq */
	_Atomic bool committing;
};

/* First of all: what is written from now on is seen later than what the clock is compared with. */
int clockguard_attach(struct security *sec, struct store *store);
void clockguard_start(struct security *sec);

/* --- the object (security.c) --------------------------------------------------------------------------------------- */

/* Outgoing requests: security/target.h. */
struct target_rules;
void target_reload(struct security *sec, struct conf *c);
void target_fini(struct security *sec);

struct audit;
struct lockout;
#define SECURITY_MAGIC 0x73656375u
struct security {
	uint32_t magic;
	struct arena mem; /* of self, administrator */
	struct clock *clock;
	struct rnd *rnd;
	struct log *log;
	struct stats *stats;
	struct addr_self self;
	struct str self_abs;      /* "//sp/cse" */
	struct str administrator; /* stem */
	bool six_fields;
	_Atomic bool without_acpi_parent;
	struct store *store;
	struct peer *self_peer, *admin_peer;
	struct crowd crowd; /* sessions that may enrol only */
	struct registry registry;
	struct zones zones;
	struct acp_cache *cache;
	struct clockguard guard;
	struct audit *audit;
	struct ledger *ledger;
	struct lockout *lockout;
	void (*cloned)(void *arg, struct str id, const char *what); /* set before service: a key is in use at two places */
	void *cloned_arg;
	struct rollback rollback;
	_Atomic(struct target_rules *) targets;
	_Atomic uint64_t epoch; /* security/target.h */
	struct {
		void (*fn)(void *arg, struct str id);
		void *arg;
	} watchers[CRED_WATCHERS]; /* cred_watch */
	struct {
		void (*fn)(void *arg);
		void *arg;
	} peer_watchers[PEER_WATCHERS]; /* peer_watch */
};
/* Tells the watchers. */
void security_tell(struct security *sec, struct str id);
static inline void security_changed(struct security *sec)
{
	atomic_fetch_add_explicit(&sec->epoch, 1, memory_order_release);
}

/* A small TX_WRITE of its own at start: waits for durability.  0, or why it failed. */
int security_commit(struct security *sec, struct tx *tx);

/* --- events (audit.c) ---------------------------------------------------------------------------------------------- */

struct audit *audit_new(struct security *sec, size_t max_bytes);
void audit_free(struct audit *a);
/* Key of pseudonyms, head of the chain; then events go to the store. */
/* How many events there are, and the hash of the last; they may not be on disk yet. */
uint64_t audit_head(struct audit *a, unsigned char hash[32]);
int audit_attach(struct security *sec, struct store *store, struct why *why);
void audit_set_max(struct audit *a, size_t max_bytes);
/* Its thread also stores locks: there are some. */
void audit_poke(struct audit *a);
/* Once a second: counts of what was held back are written. */
void audit_tick(struct audit *a);

#endif
