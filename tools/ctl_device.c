/* SPDX-License-Identifier: Apache-2.0 */
/* trothctl device: devices are added with a one-time code, shown, suspended and revoked. */
#include <errno.h>
#include <qrencode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl.h"

/* --- the code ------------------------------------------------------------------------------------------------------------- */

static bool is_dark(const QRcode *q, int x, int y)
{
	return x >= 0 && y >= 0 && x < q->width && y < q->width && q->data[y * q->width + x] & 1;
}

/* Two rows of modules in one line of text, with the quiet zone that readers need; light on dark, so that the dark modules
 * are dark on any terminal. */
static int show_qr(const char *url)
{
	static const char *const blocks[] = { "\xe2\x96\x88", "\xe2\x96\x80", "\xe2\x96\x84", " " };
	enum { QUIET = 4 };
	QRcode *q = QRcode_encodeString8bit(url, 0, QR_ECLEVEL_M);

	if (!q)
		return ctl_fail(CTL_FILE, "the QR code cannot be made: %s", strerror(errno));
	for (int y = -QUIET; y < q->width + QUIET; y += 2) {
		printf("\033[97;40m");
		for (int x = -QUIET; x < q->width + QUIET; x++)
			fputs(blocks[is_dark(q, x, y) * 2 + is_dark(q, x, y + 1)], stdout);
		printf("\033[0m\n");
	}
	explicit_bzero(q->data, (size_t)q->width * (size_t)q->width);
	QRcode_free(q);
	return CTL_OK;
}

struct place {
	char dir[4096];
	const char *name;
};

/* DIR and NAME of --out, before a code is made that nobody would see. */
static int find_place(const struct ctl_args *a, struct place *p)
{
	const char *path = ctl_option(a, "out"), *slash = path ? strrchr(path, '/') : NULL;
	int n = slash ? snprintf(p->dir, sizeof(p->dir), "%.*s", slash == path ? 1 : (int)(slash - path), path)
	              : snprintf(p->dir, sizeof(p->dir), ".");

	p->name = slash ? slash + 1 : path;
	if (n < 0 || n >= (int)sizeof(p->dir))
		return ctl_fail(CTL_USAGE, "the path of --out is too long");
	if (path && !*p->name)
		return ctl_fail(CTL_USAGE, "--out takes a file, not the folder %s", path);
	if (path && !ctl_option(a, "force") && ctl_exists(p->dir, p->name))
		return ctl_fail(CTL_FILE, "%s is there already: choose another --out, or --force", path);
	if (path && access(p->dir, W_OK | X_OK) != 0)
		return ctl_fail(CTL_FILE, "cannot write into %s: %s", p->dir, strerror(errno));
	return CTL_OK;
}

static int tell_code(struct ctl *c, const struct ctl_args *a, const struct place *p, const json_t *j)
{
	const char *out = ctl_option(a, "out"), *url = ctl_text(j, "url");
	struct buf ends;
	int code = CTL_OK;

	if (out)
		code = ctl_write(p->dir, p->name, 0600, url, strlen(url), ctl_option(a, "force"));
	if (code || c->json)
		return code;
	buf_init(&ends, 256);
	ctl_put_plain(&ends, ctl_text(j, "codeEnds"));
	printf("%s, credential %s: the code works once, until %.*s\n", ctl_text(j, "name"), ctl_text(j, "id"), STR_ARG(buf_as_str(&ends)));
	buf_fini(&ends);
	if (out)
		printf("on the device: troth-agent enrol @FILE, with %s as FILE\n", out);
	else
		printf("%s\non the device: troth-agent enrol %s\n", ctl_text(j, "code"), url);
	return ctl_option(a, "qr") ? show_qr(url) : CTL_OK;
}

/* The answer; what went into a file is not printed. */
static void print_json(const struct ctl_args *a, json_t *j)
{
	if (ctl_option(a, "out")) {
		json_object_del(j, "code");
		json_object_del(j, "url");
	}
	json_dumpf(j, stdout, JSON_COMPACT);
	putchar('\n');
}

static int ask_code(struct ctl *c, const struct ctl_args *a, const char *path, json_t *body)
{
	json_t *j = NULL;
	struct place p;

	int code = find_place(a, &p);
	if (code == CTL_OK)
		code = ctl_body_options(body, a);
	if (code) {
		json_decref(body);
		return code;
	}
	code = ctl_call_json(c, "POST", path, body, &j);
	if (code == CTL_OK)
		code = tell_code(c, a, &p, j);
	if (code == CTL_OK && c->json)
		print_json(a, j);
	json_decref(j);
	return code;
}

/* --- commands ------------------------------------------------------------------------------------------------------------- */

int ctl_device_add(struct ctl *c, const struct ctl_args *a)
{
	json_t *body = json_pack("{s:s}", "name", a->v[0]);

	REQUIRE(body);
	ctl_body_names(body, "aeIds", a, "ae-id");
	ctl_body_names(body, "appIds", a, "app-id");
	ctl_body_names(body, "cseIds", a, "cse-id");
	return ask_code(c, a, "/v1/devices", body);
}

static void put_path(char path[256], const char *device, const char *word)
{
	snprintf(path, 256, "/v1/devices/%s%s%s", device, word ? "/" : "", word ? word : "");
}

int ctl_device_code(struct ctl *c, const struct ctl_args *a)
{
	char path[256];

	put_path(path, a->v[0], a->word);
	return ask_code(c, a, path, json_object());
}

int ctl_device_list(struct ctl *c, const struct ctl_args *a)
{
	static const struct ctl_column columns[] = { { "name", "device" }, { "state", "state" }, { "kind", "kind" }, { "zone", "zone" },
		{ "generation", "generation" }, { "notAfter", "until" }, { "codeEnds", "code until" }, { "id", "credential" }, { "names", "names" } };
	(void)a;
	return ctl_show_pages(c, "/v1/devices", columns, ARRAY_LEN(columns));
}

int ctl_device_show(struct ctl *c, const struct ctl_args *a)
{
	char path[256];

	put_path(path, a->v[0], NULL);
	return ctl_show_members(c, "GET", path, NULL);
}

int ctl_device_change(struct ctl *c, const struct ctl_args *a)
{
	char path[256];

	put_path(path, a->v[0], a->word);
	return ctl_order(c, "POST", path, NULL);
}
