/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the other rooms may ask the security room.  It sees primitives, resources and what a channel proved; never a
 * socket, a URL or a serialization.
 */
#ifndef SECURITY_SECURITY_H
#define SECURITY_SECURITY_H

#include "cse/model/addr.h"
#include "cse/model/prim.h"
#include "db/store.h"

struct security;
struct grant; /* complete only in security/authz.c: nobody else can make one */
struct conf;
struct keystore;

struct security_opts {
	struct conf *conf;  /* counted */
	struct clock *clock;
	struct rnd *rnd;
	struct log *log;
	struct stats *stats;
	struct addr_self self;
	const char *dir;    /* state folder, NULL: nothing on disk (tests) */
	struct keystore *keystore; /* NULL without dir */
};
int security_new(const struct security_opts *o, struct security **out, struct why *why);
/* Reads credentials, stems and zones of the store into memory.  Once, after store_open. */
int security_attach(struct security *sec, struct store *store, struct why *why);
/* Takes over what may be reloaded (access.without_acpi, security.max_event_bytes, notify.allowed_*). Thread-safe. */
void security_reload(struct security *sec, struct conf *c);
/* What never moves backwards (security/ledger.h); there from security_new on. */
struct ledger;
struct ledger *security_ledger(struct security *sec);
/* Before store_close.  Events that wait are appended first. */
void security_free(struct security *sec);

/* --- credentials ------------------------------------------------------------------------------------------------- */

enum cred_kind { CRED_DEVICE, CRED_GATEWAY, CRED_ADMIN, CRED_CSE };
/* Numbers are kept in records.  A device begins as ADDED (no key), CODE_OUT (a code waits for it), ENROLLED (it has a key that was
 * not used yet).  Only ACTIVE and ENROLLED are let in; that a certificate has ended is told by not_after. */
enum cred_state {
	CRED_ACTIVE, CRED_SUSPENDED, CRED_REVOKED, CRED_ADDED, CRED_CODE_OUT, CRED_ENROLLED, CRED_LOCKED, CRED_STATES
};
static inline bool cred_state_speaks(enum cred_state s) { return s == CRED_ACTIVE || s == CRED_ENROLLED; }
/* "active", "code-out" .. */
const char *cred_state_name(enum cred_state s);

struct cred_info {
	struct str id;           /* credential id, made by us: "c" + base32 */
	enum cred_kind kind;
	enum cred_state state;
	struct strs names;       /* AE-ID stems ("CDev1", "SDev1"), CSE-IDs ("/mn1") or App-IDs ("Nmy.app"); trailing * allowed
	                            for gateways only */
	uint16_t zone;
	uint32_t max_ae;         /* AEs that may be registered with it; default 1 */
	bool random_stems;       /* the CSE may give it stems that are not listed */
	struct str name;         /* a device's, for people; empty: none.  Nobody else's who is not revoked */
	bool single_session;     /* connections from two addresses at once are a clone event */
	struct str fingerprint;  /* SHA-256 of the public key info, 32 bytes; empty: no key yet (then generation and times are 0) */
	uint32_t generation;
	uint32_t base_generation; /* the last that came by an administrator's act (code, issue); later ones by renewal */
	int64_t not_before, not_after; /* µs; not_before 0: not known */
	bool has_location;       /* provisioned: the only source for aclr */
	double lat, lon;
	struct str country;
	uint64_t seq;            /* set by cred_put: which change of all it is */
};
/* A fresh credential id, in the arena. */
struct str cred_make_id(struct security *sec, struct arena *a);
/* Part of a TX_WRITE: durable with it; takes effect for new and live peers when it commits (cred_apply is called by the
 * owner in the commit's done).  E_EXISTS: a name is another credential's (one that is not revoked lists it, or the stem is
 * bound to it): a new key for the same names is the same id with generation + 1.  E_SYNTAX, E_LIMIT, E_DENIED: why says
 * what is wrong.  A renewed key (generation higher, base_generation not): peers that proved the one before stay for
 * CRED_DRAIN_S, so that what is on its way ends. */
enum { CRED_DRAIN_S = 10, CRED_NAME_MAX = 64 };
int cred_put(struct security *sec, struct tx *tx, struct cred_info *c, struct why *why);
/* Of two changes the later put stays, whichever is applied first.  The caller records the event (EV_CREDENTIAL_ISSUED or EV_CREDENTIAL_STATE). */
void cred_apply(struct security *sec, const struct cred_info *info);
/* The same before it is durable, for what cannot wait.  The ledger is not told of its generation (a crash now would suspend the
 * credential at the next start): the caller notes that (LEDGER_GENERATION) when it is durable. */
void cred_apply_early(struct security *sec, const struct cred_info *info);
/* A cred_put that was not stored: its owner says so, or cred_latest goes on showing it for a minute. */
void cred_undo(struct security *sec, const struct cred_info *info);
/* In a TX_WRITE: as it will be once what is on its way is durable.  Whoever changes a part of a credential begins here, so that
 * no change undoes another.  Copies into the tx's arena; false when unknown. */
bool cred_latest(struct security *sec, struct tx *tx, struct str id, struct cred_info *out);
/* fn hears of every cred_apply, lock and release, on its thread, once it is in effect.  Listeners are set before service and told
 * apart by arg; fn NULL: that one hears no more. */
enum { CRED_WATCHERS = 4 };
void cred_watch(struct security *sec, void (*fn)(void *arg, struct str id), void *arg);
/* The credential that a name belongs to: the one that lists it and is not revoked, else the one that the stem is bound to.
 * Copies into the arena; false when nobody's. */
bool cred_of_name(struct security *sec, struct arena *a, struct str name, struct cred_info *out);
/* The device of that name (not revoked), or the credential of that id.  Copies into the arena; false when there is none. */
bool cred_named(struct security *sec, struct arena *a, struct str id_or_name, struct cred_info *out);
/* Copies into the arena; false when unknown. */
bool cred_find(struct security *sec, struct arena *a, struct str id, struct cred_info *out);
/* How many are in that state. Thread-safe. */
uint32_t cred_count(const struct security *sec, enum cred_state state);
void cred_each(struct security *sec, struct arena *a, void (*fn)(void *arg, const struct cred_info *c), void *arg);
/* Those behind `after` (an id; empty: from the first on), in the order in which they came, until fn says false; what it is given is its for
 * the call.  The lock is held for CRED_PAGE at a time.  E_ABSENT: there is no credential `after`.  Thread-safe. */
enum { CRED_PAGE = 256 };
int cred_page(struct security *sec, struct str after, bool (*fn)(void *arg, const struct cred_info *c), void *arg);
/* What a TLS ticket is bound to.  Compared as bytes: unused ones are zero. */
struct cred_stamp {
	char id[64];
	uint32_t generation, zero;
	int64_t not_after;
};
/* Of the credential that accepts this key at present; false: there is none, or it is not active, or its certificate has ended.
 * No event: the handshake that follows tells. */
bool cred_stamp_of_key(struct security *sec, struct str fingerprint, struct cred_stamp *out);

/* --- peers: what a channel proved -------------------------------------------------------------------------------- */

struct ipaddr {
	uint8_t family; /* 4 or 6; 0: none (loopback binding, UNIX socket) */
	uint8_t b[16];
};
enum proof_kind { PROOF_CHANNEL, PROOF_GATEWAY, PROOF_E2E };
struct peer; /* counted; one per connection; holds a list of proofs */

/* A verified TLS client: the chain was checked by the channel's TLS context.  fingerprint: SHA-256 of the end entity's
 * public key info.  Unknown, suspended, revoked or expired credential: E_DENIED and an event. */
int peer_of_certificate(struct security *sec, struct str fingerprint, const struct ipaddr *from, struct peer **out);
/* For the loopback binding of tests: as if that credential had been proved. */
int peer_of_credential(struct security *sec, struct str cred_id, const struct ipaddr *from, struct peer **out);
/* Who proved no credential, but may enrol or renew by EST: speaks for nobody, reaches nothing else.  by: the handle of the code, or the
 * fingerprint of the key whose certificate has ended. */
struct peer *peer_limited(struct security *sec, const struct ipaddr *from, struct str by);
bool peer_is_limited(const struct peer *p);
/* One of our own loops or the CSE itself: "self". */
struct peer *peer_self(struct security *sec);
/* Who may open the administrator's socket: speaks for the administrator (access.administrator) and nobody else. */
struct peer *peer_administrator(struct security *sec);
/* The From of the administrator. */
struct str security_administrator(const struct security *sec);
struct peer *peer_ref(struct peer *p);
void peer_unref(struct peer *p);
/* One atomic load: false when the credential was changed, suspended or revoked, or its certificate has ended: close. */
bool peer_is_live(struct security *sec, const struct peer *p);
/* The peer is a connection of its credential from now until it is freed.  false, and an event: there are max already.
 * Once for a peer.  false also when its credential may have one session only, and has it from another address. */
bool peer_count(struct security *sec, struct peer *p, unsigned max);
/* What peer_is_live looks at, for who looks at many; as long as the peer is.  NULL: it has no credential
 * (a code's session, our own). */
const _Atomic uint32_t *peer_liveness(const struct peer *p);
/* fn hears, on any thread and not in a tx, that counted peers have ended: who holds connections looks at them (peer_is_live).  Set
 * before service and told apart by arg; fn NULL: that one hears no more. */
enum { PEER_WATCHERS = 8 };
void peer_watch(struct security *sec, void (*fn)(void *arg), void *arg);
uint16_t peer_zone(const struct peer *p);
/* The same number for all connections and keys of a credential, as long as the room stands. */
uint64_t peer_credential_key(const struct peer *p);
/* Did the channel prove that credential? */
bool peer_is_credential(const struct peer *p, struct str cred_id);
bool peer_is_kind(const struct peer *p, enum cred_kind kind);
/* Is that the id of the credential that the channel proved, or a name that it lists as it is written? */
bool peer_has_name(const struct peer *p, struct str name);

/* --- the questions of a request, in this order -------------------------------------------------------------------- */

/* Filled by origin_check; lives in the request. */
struct origin {
	struct str from;     /* checked originator, absolute form; empty: AE registration without From */
	struct str stem;     /* as a bare AE-ID stem when it is an AE registered (or to be registered) here, else empty */
	bool authenticated;  /* proved by its own channel (acaf); false when vouched for by a gateway */
	bool admin, self;
	bool registering;    /* CREATE of an AE: From may be absent, C, S or a new stem */
	uint16_t zone;
	const struct peer *peer;
};
/* RSC_NONE, ORIGINATOR_NOT_AUTHENTICATED (+ event), SECURITY_ASSOCIATION_REQUIRED, BAD_REQUEST.  No tree is needed:
 * false names are told from the credential alone. TS-0004 7.3.2.1. */
enum rsc origin_check(struct security *sec, struct prim *p, const struct peer *peer, struct origin *out);
/* Zones (micro-segmentation): may this origin's zone reach that zone at all?  Asked before anything of the target shows:
 * refused and absent look alike (NOT_FOUND in both).  A refusal of a request is the caller's to record (EV_ZONE). */
bool zone_allows(struct security *sec, const struct origin *o, uint16_t target_zone);
enum { ZONE_COMMON = 0 /* CSEBase and what lies beside the AE subtrees: every zone reaches it */, ZONE_DEFAULT = 1 };
/* A zone, or a conduit from zone to zone (open or closed), as part of a TX_WRITE; zone_apply once it is durable.
 * E_ABSENT: no such zone; E_RANGE: zone 0, or a conduit to itself. */
int zone_put(struct security *sec, struct tx *tx, uint16_t zone);
int zone_put_conduit(struct security *sec, struct tx *tx, uint16_t from, uint16_t to, bool open);
/* Every zone (to 0), and every open conduit.  Not in a tx. */
void zone_each(struct security *sec, void (*fn)(void *arg, uint16_t from, uint16_t to), void *arg);
void zone_apply(struct security *sec, uint16_t zone);
void zone_apply_conduit(struct security *sec, uint16_t from, uint16_t to, bool open);

/* What is asked of authorize. */
/* What the policies linked by one resource said is what they say of the next one that links the same, in one hold of the lock
 * and for one question.  Cleared by its owner, who keeps one for a request. */
struct authz_memo {
	uint64_t epoch;
	const struct origin *origin;
	const struct type *type;
	unsigned acop;
	const struct val *acpi;
	bool yes;
};
struct ask {
	const struct prim *prim;
	const struct origin *origin;
	unsigned acop;            /* one ACOP_ bit */
	const struct node *node;  /* the target; for an instance, la and ol its container */
	bool on_instance;         /* the target is an instance, la or ol: types without acpi follow the parent */
	bool acpi_update;         /* UPDATE of acpi alone: judged by pvs */
	const struct val *policies; /* these decide, not the acpi of the node (a group's fanOutPoint); NULL: as always */
	unsigned create_ty;       /* type to be created, 0 otherwise (accessControlObjectDetails) */
	bool internal;            /* the CSE's own work ("self: expiration"); origin->self must be set */
	bool quiet;               /* a filter (children, discovery), not a refusal: a "no" is no event */
	bool meta;                /* RETRIEVE that will show type, size and times only: the administrator's right */
	bool walk;                /* with meta: one of many in a walk, for which its owner records one EV_ADMIN_OVERRIDE */
	struct authz_memo *memo;  /* NULL, or for a question that is asked of many resources; not for CREATE */
};
/* ACPs of one resource that are looked at; a longer acpi is to be refused. */
enum { AUTHZ_MAX_ACPI = 32 };
/* The creator of a resource is its attr_owner (model/type.h), which the procedures set at CREATE; not `cr`.
 * The only maker of a grant; NULL when the originator may not (p->why is not touched).  Reads durable state.
 * The grant lives in the tx's arena and is good for this tx only. */
const struct grant *authz_decide(struct security *sec, struct tx *tx, const struct ask *q);
/* Is the grant of this tx, and does it cover acop on node?  Procedures call it first; false ends the process there. */
bool grant_covers(const struct grant *g, const struct tx *tx, const struct node *node, unsigned acop);
/* The same for a question with `meta`: type, size and times may be shown. */
bool grant_covers_meta(const struct grant *g, const struct tx *tx, const struct node *node);
/* AE registration is allowed by the credential, not by an ACP: checks App-ID and stem, chooses the stem when From is absent,
 * "C" or "S", records the binding stem -> credential in the tx.  *stem in the arena.
 * RSC_NONE, APP_RULE_VALIDATION_FAILED, ORIGINATOR_HAS_ALREADY_REGISTERED, BAD_REQUEST. security-model 1.1, 1.7. */
enum rsc authz_register_ae(struct security *sec, struct tx *tx, struct prim *p, const struct origin *o, struct str app_id,
                           struct str *stem, const struct grant **out);
/* Which rule decided, or what was missing. In the arena. */
struct str authz_explain(struct security *sec, struct tx *tx, const struct ask *q);
/* The same for `trothctl acp why`: as if the credential that names the originator had sent the request now, from no address.
 * RSC_NONE, or BAD_REQUEST or NOT_FOUND with a sentence. */
struct authz_question {
	struct str originator; /* as in From */
	struct str to;         /* any address of this CSE */
	unsigned acop, create_ty;
};
enum rsc authz_why(struct security *sec, struct arena *a, const struct authz_question *q, struct str *out, struct why *why);
/* Representation of privileges (pv, pvs): contexts, CIDR, windows, originators are well formed.  RSC_NONE or BAD_REQUEST. */
enum rsc acp_validate(const struct obj *acp, const struct addr_self *self, bool six_fields, struct why *w);

/* --- events, time ------------------------------------------------------------------------------------------------ */

enum sec_event {
#define AUDIT(name, text) name,
#include "security/audit.def"
#undef AUDIT
	AUDIT_COUNT
};
/* Records a security event: hash-chained, durable soon, no payload, never waits (may be called in a tx).  The originator
 * (may be empty) becomes a keyed pseudonym.  Refusals that repeat (same event, credential, originator and detail) within
 * a second are one row with a count.  peer may be NULL.  The detail must not hold anything that a client sent.
 * Thread-safe. */
void audit(struct security *sec, enum sec_event ev, const struct peer *peer, struct str originator, const char *fmt, ...)
    PRINTF_LIKE(5, 6);
/* An event of somebody who proved nothing: counted per source prefix, at most one row a second each, the prefix as a
 * pseudonym.  from may be NULL.  Thread-safe. */
void audit_stranger(struct security *sec, enum sec_event ev, const struct ipaddr *from);
/* An event that has to be there before what it tells of is done: waits until it is on disk.  E_FULL, E_READONLY: it is not, and nothing
 * may be done.  Not one of those that repeat; not on a loop, not in a tx. */
int audit_first(struct security *sec, enum sec_event ev, const struct peer *peer, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Waits until all events so far are in the store; not on a loop, not in a tx. */
void audit_flush(struct security *sec);
/* The same for a loop: done runs there when all that was noted before is on disk, or cannot be written now.  The struct is the
 * room's until then.  Thread-safe. */
struct audit_wait {
	struct event_wait stored; /* first */
	struct audit_wait *next;
	struct loop *loop;
	uint64_t left;
	void (*done)(struct audit_wait *w);
};
void audit_after(struct security *sec, struct audit_wait *w, struct loop *loop, void (*done)(struct audit_wait *w));
/* The event table is at its bound: new unauthenticated work is refused. */
bool audit_is_full(const struct security *sec);
/* Walks the chain; 0 or E_CORRUPT with the first bad row in *bad. */
int audit_verify(struct security *sec, uint64_t *bad);
/* Calls fn with one JSON line per event from number `from` on until it returns other than 0, which is then returned.
 * Not on a loop: it waits for events that are on their way and reads the disk. */
int audit_each(struct security *sec, uint64_t from, int (*fn)(void *arg, struct str line), void *arg);
/* The same for at most `most` events, with the names of originators.  Where there is a name to show, that is an event of its own
 * (EV_NAMES_SHOWN), on disk before fn is called; E_FULL, E_READONLY: it could not be written, and nothing
 * is shown. */
int audit_reveal(struct security *sec, const struct peer *peer, uint64_t from, unsigned most, int (*fn)(void *arg, struct str line),
                 void *arg);

/* Watches the wall clock against monotonic time and the last commit; call every second.  True while doubtful. */
bool clockguard_tick(struct security *sec);
bool clockguard_doubtful(const struct security *sec);
/* The wall clock, and while it stands before what it is at least (it was set back), that: what has ended does not begin again. */
int64_t clockguard_least_us(const struct security *sec);
/* The administrator says that the clock is right. */
void clockguard_accept(struct security *sec);

#endif
