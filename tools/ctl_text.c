/* SPDX-License-Identifier: Apache-2.0 */
/* trothctl: answers as people read them. */
#include <stdio.h>

#include "tools/ctl.h"

enum { COLUMNS = 16 };

const char *ctl_text(const json_t *j, const char *member)
{
	const char *z = json_string_value(json_object_get(j, member));
	return z ? z : "";
}

/* "20261120T171323,349000" in UTC. */
static bool is_stamp(const char *text)
{
	size_t day = strspn(text, "0123456789"), time = day == 8 && text[8] == 'T' ? strspn(text + 9, "0123456789") : 0;

	return time == 6 && (!text[15] || (text[15] == ',' && strspn(text + 16, "0123456789") == 6 && !text[22]));
}

/* Bytes of the control character that the text begins with: C0, DELETE, and in UTF-8 those from U+0080 to U+009F, which terminals obey, too. */
static size_t control_length(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
		return 2;
	return p[0] < 0x20 || p[0] == 0x7f ? 1 : 0;
}

/* What came over the network must not steer the terminal; a time is shown as people write it. */
void ctl_put_plain(struct buf *b, const char *text)
{
	if (is_stamp(text)) {
		buf_printf(b, "%.4s-%.2s-%.2s %.2s:%.2s:%.2s", text, text + 4, text + 6, text + 9, text + 11, text + 13);
		return;
	}
	for (size_t n; *text; text += n) {
		n = control_length(text);
		if (n)
			buf_putc(b, '?');
		else
			buf_put(b, text, n = 1);
	}
}

/* JSON needs escapes only below a blank. */
void ctl_print_json(struct str text)
{
	const char *p = text.p, *end = text.p + text.n;

	while (p < end) {
		size_t n = *p == '\n' || (end - p == 1 && *p != 0x7f) ? 0 : control_length(p);

		if (n)
			printf("\\u%04x", n == 2 ? (unsigned char)p[1] : (unsigned char)*p);
		else
			putchar(*p);
		p += n ? n : 1;
	}
	putchar('\n');
}

/* One value on one line. */
static void put_value(struct buf *b, const json_t *v)
{
	const json_t *e;
	size_t i;

	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_STRING:
		ctl_put_plain(b, json_string_value(v));
		break;
	case JSON_INTEGER:
		buf_printf(b, "%lld", (long long)json_integer_value(v));
		break;
	case JSON_REAL:
		buf_printf(b, "%g", json_real_value(v));
		break;
	case JSON_TRUE:
		BUF_LIT(b, "yes");
		break;
	case JSON_FALSE:
		BUF_LIT(b, "no");
		break;
	case JSON_ARRAY:
		json_array_foreach((json_t *)(uintptr_t)v, i, e) {
			if (i)
				buf_putc(b, ' ');
			put_value(b, e);
		}
		break;
	default:
		break;
	}
}

/* Letters, not bytes. */
static size_t width_of(struct str s)
{
	size_t w = 0;
	for (size_t i = 0; i < s.n; i++)
		w += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return w;
}

static struct str cell(struct buf *b, const json_t *row, const struct ctl_column *column)
{
	buf_reset(b);
	if (row)
		put_value(b, json_object_get(row, column->member));
	else
		buf_z(b, column->title);
	if (b->n == 0)
		buf_putc(b, '-');
	return buf_as_str(b);
}

static void show_row(struct buf *b, const json_t *row, const struct ctl_column *columns, size_t n, const size_t *width)
{
	for (size_t i = 0; i < n; i++) {
		struct str s = cell(b, row, &columns[i]);
		size_t w = width_of(s);
		printf("%.*s%*s", STR_ARG(s), i + 1 < n ? (int)(width[i] - w + 2) : 0, "");
	}
	putchar('\n');
}

void ctl_table(const json_t *list, const struct ctl_column *columns, size_t n)
{
	size_t width[COLUMNS] = { 0 };
	struct buf b;
	size_t k;
	const json_t *row;

	REQUIRE(n <= COLUMNS);
	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < n; i++) {
		width[i] = width_of(cell(&b, NULL, &columns[i]));
		json_array_foreach((json_t *)(uintptr_t)list, k, row) {
			size_t w = width_of(cell(&b, row, &columns[i]));
			width[i] = w > width[i] ? w : width[i];
		}
	}
	if (json_array_size(list) > 0)
		show_row(&b, NULL, columns, n, width);
	json_array_foreach((json_t *)(uintptr_t)list, k, row)
		show_row(&b, row, columns, n, width);
	buf_fini(&b);
}

static void show_members(const json_t *object, unsigned depth)
{
	struct buf b;
	void *at;

	buf_init(&b, 1 << 20);
	for (at = json_object_iter((json_t *)(uintptr_t)object); at; at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
		const json_t *v = json_object_iter_value(at);
		if (json_is_object(v) && depth < 8) {
			printf("%*s%s\n", (int)depth * 2, "", json_object_iter_key(at));
			show_members(v, depth + 1);
			continue;
		}
		buf_reset(&b);
		put_value(&b, v);
		printf("%*s%-*s %.*s\n", (int)depth * 2, "", 42 - (int)depth * 2, json_object_iter_key(at), STR_ARG(buf_as_str(&b)));
	}
	buf_fini(&b);
}

void ctl_members(const json_t *object)
{
	show_members(object, 0);
}

int ctl_show_table(struct ctl *c, const char *path, const struct ctl_column *columns, size_t n)
{
	json_t *j = NULL;

	int code = ctl_ask(c, "GET", path, NULL, &j);
	if (j)
		ctl_table(j, columns, n);
	json_decref(j);
	return code;
}

/* Pages behind one another, until one is empty.  An older trothd has one page: it shows the same again. */
static int read_pages(struct ctl *c, const char *path, json_t *all)
{
	char next[256];
	json_t *list = NULL;

	snprintf(next, sizeof(next), "%s", path);
	for (;;) {
		const char *last;
		int code = ctl_call_json(c, "GET", next, NULL, &list);
		if (code)
			return code;
		size_t n = json_array_size(list);
		last = n ? ctl_text(json_array_get(list, n - 1), "id") : "";
		bool again = !*last || (json_array_size(all) > 0 &&
		                        !strcmp(last, ctl_text(json_array_get(all, json_array_size(all) - 1), "id")));
		if (!again) {
			json_array_extend(all, list);
			snprintf(next, sizeof(next), "%s?after=%.*s", path, 100, last);
		}
		json_decref(list);
		if (again)
			return CTL_OK;
	}
}

int ctl_show_pages(struct ctl *c, const char *path, const struct ctl_column *columns, size_t n)
{
	json_t *all = json_array();
	int code = read_pages(c, path, all);

	if (code == CTL_OK && c->json) {
		json_dumpf(all, stdout, JSON_COMPACT);
		putchar('\n');
	} else if (code == CTL_OK) {
		ctl_table(all, columns, n);
	}
	json_decref(all);
	return code;
}

int ctl_show_members(struct ctl *c, const char *method, const char *path, json_t *body)
{
	json_t *j = NULL;

	int code = ctl_ask(c, method, path, body, &j);
	if (j)
		ctl_members(j);
	json_decref(j);
	return code;
}
