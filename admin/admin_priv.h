/* SPDX-License-Identifier: Apache-2.0 */
/* A call of the administrator's interface, and the handlers. */
#ifndef ADMIN_ADMIN_PRIV_H
#define ADMIN_ADMIN_PRIV_H

#include <jansson.h>

#include "admin/admin.h"
#include "admin/ask.h"
#include "bindings/http1.h"
#include "cse/base/loop.h"
#include "cse/base/stat.h"
#include "cse/base/work.h"
#include "security/enrol.h"
#include "security/ledger.h"

enum { ADMIN_CONNS = 16, ADMIN_REMOTE = 64, ADMIN_FIELDS = 32, ADMIN_REPLY_BYTES = 16 << 20, ADMIN_EVENTS = 256 };

struct admin_conn;
struct admin {
	struct cse *cse;
	struct loop *loop;
	struct loop_io io;
	char *path;
	int64_t start_us; /* wall clock */
	struct admin_conn *conns;
	unsigned n_conns;
	unsigned waiting; /* calls that a commit or a worker will end */
	unsigned remote;  /* calls that came by HTTPS */
	_Atomic unsigned posted; /* such that are on their way to loop 0 */
};

struct admin_call;
typedef void admin_fn(struct admin_call *c);

/* One request.  A handler ends it by admin_answer or admin_refuse, at once or later on loop 0. */
struct admin_call {
	struct admin *admin;
	/* Sends the reply; waited: admin_wait was called. */
	void (*end)(struct admin_call *c, unsigned status, bool waited);
	struct peer *peer; /* NULL: it came by the UNIX socket */
	bool waits;
	bool changes; /* its answer leaves when what it left in the security events is on disk */
	struct audit_wait told;
	struct arena arena;
	struct str query, body, id; /* id: what stood for * in the path */
	struct buf reply;
	const char *type;
	/* While it waits for the store: */
	struct commit commit;
	struct ledger_wait noted;
	struct cred_info cred;
	enum sec_event event;
	const char *what;
	unsigned status;
	struct enrol_code code; /* its id is empty: none */
	bool replaces;          /* another key for a credential: the code that may be out ends with it */
	uint16_t zone, to;  /* to 0: the zone itself */
	bool open;
	/* While it waits for a worker: */
	struct work work;
	admin_fn *fn;   /* ADMIN_LONG: runs now on a worker; answers wait for its end */
	unsigned lines;
};

/* Who may ask, beside those who may open the UNIX socket. */
enum admin_need {
	ADMIN_NEEDS_ADMIN,  /* a credential of kind admin */
	ADMIN_NEEDS_READER, /* the same, or one that admin.metrics_readers lists */
	ADMIN_NEEDS_NONE,   /* any client that TLS lets in */
};
enum admin_work {
	ADMIN_SHORT, /* fn runs on loop 0; ends the call at once, or after admin_wait later */
	/* fn runs on a worker, may take long and read the disk, and ends the call by admin_answer or admin_refuse before it
	 * returns (not admin_wait); the answer leaves from the loop */
	ADMIN_LONG,
};
struct admin_route {
	enum http1_method method;
	const char *path; /* "*" stands for one segment */
	enum admin_work work;
	enum admin_need need;
	admin_fn *fn;
};
/* The route of a request: HTTP status 0, *route and what stood for *; or 404, 405. */
unsigned admin_find(enum http1_method method, struct str path, const struct admin_route **route, struct str *id);

/* Sends c->reply with the status; the call is over. */
void admin_answer(struct admin_call *c, unsigned status);
/* The JSON is printed into the reply and freed. */
void admin_answer_json(struct admin_call *c, unsigned status, json_t *j);
/* {"error": sentence} */
void admin_refuse(struct admin_call *c, unsigned status, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* HTTP status for an internal error. */
unsigned admin_status(int err);
/* The call waits: nothing of its connection is read before admin_answer. */
void admin_wait(struct admin_call *c);
/* Is it the administrator who asks?  What is NEEDS_NONE may tell others less. */
bool admin_is_admin(const struct admin_call *c);
/* Finds, allows and carries out.  admin, end, peer, query, body and arena are set. */
void admin_begin(struct admin_call *c, enum http1_method method, struct str path);

/* A list of credentials, page by page (limit, after): on a worker, for whoever has many.  show: NULL where one is not listed. */
enum { ADMIN_PAGE = 1000 };
typedef json_t *admin_show_fn(struct cse *cse, const struct cred_info *info);
void admin_list_page(struct admin_call *c, admin_show_fn *show);
/* admin/credentials.c */
admin_fn admin_issue, admin_list, admin_suspend, admin_resume, admin_revoke;
/* admin/locks.c */
admin_fn admin_locks, admin_release;
/* admin/rotations.c */
admin_fn admin_rotations, admin_rotate_ca, admin_rotate_server, admin_rotate_data;
/* admin/backup.c */
admin_fn admin_backup, admin_store_check, admin_accept_rollback;
/* Stores c->cred, and c->code if there is one, with that TX_WRITE; the reply is made already and leaves when all is durable.
 * c->cred.id ends with a zero byte. */
void admin_put_credential(struct admin_call *c, struct tx *tx, enum sec_event event, const char *what, unsigned status);
/* admin/devices.c */
admin_fn admin_device_add, admin_devices, admin_device, admin_device_code, admin_device_suspend, admin_device_resume,
	admin_device_revoke, admin_device_release;
/* admin/zones.c */
admin_fn admin_zones, admin_zone, admin_conduit_open, admin_conduit_close;
/* admin/watch.c */
admin_fn admin_ca, admin_show_status, admin_events, admin_accept_clock, admin_verify_events, admin_acp_why;

/* admin/tree.c */
admin_fn admin_tree, admin_resource;
/* admin/settings.c */
admin_fn admin_config, admin_limits, admin_set_limits, admin_log_level, admin_set_log_level, admin_reload;
/* admin/health.c */
admin_fn admin_live, admin_ready;
/* admin/metrics.c */
admin_fn admin_metrics;
uint64_t admin_counter(const struct cse *cse, enum stat_id id);

json_t *admin_json(struct str s);
json_t *admin_json_stamp(int64_t us);
json_t *admin_json_credential(const struct cse *cse, const struct cred_info *info);
/* "expired" is told by the time, the others by the record. */
const char *admin_state_name(const struct cse *cse, const struct cred_info *info);
const char *admin_kind_name(enum cred_kind k);

#endif
