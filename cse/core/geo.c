/* SPDX-License-Identifier: Apache-2.0 */
/* Places: read from coordinates, compared as sets of points in the plane.  What takes too many steps does not match. */
#include "cse/core/geo.h"

#include <math.h>
#include <stdlib.h>

#include "cse/model/any.h"

/* Degrees: a tenth of a millimetre. */
#define NEAR 1e-9
enum { STEPS = 1 << 18, CUTS = 256 };

struct point {
	double x, y;
};
/* A point, a line, or a ring; the rings of one polygon follow one another, the outer one first. */
struct chain {
	struct point *p;
	size_t n;
	bool ring, hole;
};
struct geo {
	enum geo_type type;
	struct chain *c;
	size_t n, room;
	size_t points;
};

/* --- reading ----------------------------------------------------------------------------------------------------- */

struct reader {
	struct arena *a;
	struct any x;
	struct geo *g;
	size_t max_points;
	const char *fault;
	struct point *buf; /* the chain that is being read */
	size_t n, room;
};

static bool fail(struct reader *r, const char *fault)
{
	r->fault = fault;
	return false;
}

static bool next_is(struct reader *r, char c)
{
	any_blank(&r->x);
	if (r->x.p == r->x.end || *r->x.p != c)
		return false;
	r->x.p++;
	return true;
}

static bool read_number(struct reader *r, double *out)
{
	enum { LONGEST = 64 };
	char copy[LONGEST + 1];
	bool integer;
	struct str t;

	any_blank(&r->x);
	if (any_number(&r->x, &t, &integer) || t.n > LONGEST)
		return fail(r, "a position holds numbers: longitude, latitude");
	memcpy(copy, t.p, t.n);
	copy[t.n] = '\0';
	*out = strtod(copy, NULL);
	return true;
}

static bool read_point(struct reader *r, struct point *out)
{
	double altitude;

	if (!next_is(r, '['))
		return fail(r, "a position is an array: [longitude, latitude]");
	if (!read_number(r, &out->x))
		return false;
	if (!next_is(r, ','))
		return fail(r, "a position holds longitude and latitude");
	if (!read_number(r, &out->y))
		return false;
	if (next_is(r, ',') && !read_number(r, &altitude))
		return false;
	if (!next_is(r, ']'))
		return fail(r, "a position holds two or three numbers");
	if (!(fabs(out->x) <= 180) || !(fabs(out->y) <= 90))
		return fail(r, "longitude goes from -180 to 180, latitude from -90 to 90");
	return ++r->g->points <= r->max_points || fail(r, "there are too many positions");
}

static void grow(struct reader *r)
{
	struct point *more = arena_array(r->a, r->room ? 2 * r->room : 8, sizeof(*more));

	if (r->n)
		memcpy(more, r->buf, r->n * sizeof(*more));
	r->buf = more;
	r->room = r->room ? 2 * r->room : 8;
}

static void add_chain(struct reader *r, bool ring, bool hole)
{
	struct geo *g = r->g;

	if (g->n == g->room) {
		struct chain *more = arena_array(r->a, g->room ? 2 * g->room : 4, sizeof(*more));

		if (g->n)
			memcpy(more, g->c, g->n * sizeof(*more));
		g->c = more;
		g->room = g->room ? 2 * g->room : 4;
	}
	g->c[g->n++] = (struct chain){ r->buf, r->n, ring, hole };
	r->buf = NULL;
	r->n = r->room = 0;
}

static bool same(struct point a, struct point b)
{
	return fabs(a.x - b.x) <= NEAR && fabs(a.y - b.y) <= NEAR;
}

static bool read_positions(struct reader *r, bool ring, bool hole)
{
	if (!next_is(r, '['))
		return fail(r, "an array of positions is missing");
	do {
		if (r->n == r->room)
			grow(r);
		if (!read_point(r, &r->buf[r->n]))
			return false;
		r->n++;
	} while (next_is(r, ','));
	if (!next_is(r, ']'))
		return fail(r, "an array of positions is not closed");
	if (!ring && r->n < 2)
		return fail(r, "a line has two positions or more");
	if (ring && (r->n < 4 || !same(r->buf[0], r->buf[r->n - 1])))
		return fail(r, "a ring has four positions or more, the last of which is the first");
	add_chain(r, ring, hole);
	return true;
}

static bool read_single(struct reader *r)
{
	grow(r);
	if (!read_point(r, &r->buf[0]))
		return false;
	r->n = 1;
	add_chain(r, false, false);
	return true;
}

static bool read_polygon(struct reader *r)
{
	bool hole = false;

	if (!next_is(r, '['))
		return fail(r, "a polygon is an array of rings");
	do {
		if (!read_positions(r, true, hole))
			return false;
		hole = true;
	} while (next_is(r, ','));
	return next_is(r, ']') || fail(r, "a polygon is not closed by a bracket");
}

static bool read_one(struct reader *r, enum geo_type type)
{
	switch (type) {
	case GEO_POINT:
		return read_single(r);
	case GEO_LINE:
		return read_positions(r, false, false);
	case GEO_POLYGON:
		return read_polygon(r);
	default:
		return fail(r, "the type of geometry is unknown");
	}
}

static bool read_all(struct reader *r, enum geo_type type)
{
	if (type < GEO_POINTS)
		return read_one(r, type);
	if (!next_is(r, '['))
		return fail(r, "several geometries are an array");
	do {
		if (!read_one(r, type - GEO_POINTS + GEO_POINT))
			return false;
	} while (next_is(r, ','));
	return next_is(r, ']') || fail(r, "the array of geometries is not closed");
}

struct geo *geo_parse(struct arena *a, enum geo_type type, struct str text, size_t max_points, const char **fault)
{
	struct reader r = { .a = a, .x = { .p = text.p, .end = text.p + text.n }, .g = ARENA_NEW(a, struct geo),
		                .max_points = max_points };

	r.g->type = type;
	if (text.n > GEO_BYTES) {
		*fault = "the text is too long";
		return NULL;
	}
	if (!read_all(&r, type)) {
		*fault = r.fault;
		return NULL;
	}
	any_blank(&r.x);
	if (r.x.p != r.x.end) {
		*fault = "something follows the coordinates";
		return NULL;
	}
	return r.g;
}

/* --- points and segments ----------------------------------------------------------------------------------------- */

struct work {
	size_t steps;
};

static double cross(struct point o, struct point a, struct point b)
{
	return (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x);
}

static bool on_segment(struct point a, struct point b, struct point p)
{
	double dx = b.x - a.x, dy = b.y - a.y, len = dx * dx + dy * dy, t;

	if (len == 0)
		return same(a, p);
	t = ((p.x - a.x) * dx + (p.y - a.y) * dy) / len;
	t = t < 0 ? 0 : t > 1 ? 1 : t;
	return same((struct point){ a.x + t * dx, a.y + t * dy }, p);
}

static bool segments_meet(struct point a, struct point b, struct point c, struct point d)
{
	double u = cross(a, b, c), v = cross(a, b, d), s = cross(c, d, a), t = cross(c, d, b);

	if (((u > 0 && v < 0) || (u < 0 && v > 0)) && ((s > 0 && t < 0) || (s < 0 && t > 0)))
		return true;
	return on_segment(a, b, c) || on_segment(a, b, d) || on_segment(c, d, a) || on_segment(c, d, b);
}

enum where { OUTSIDE, BORDER, INSIDE };

static enum where in_ring(struct work *w, const struct chain *c, struct point p)
{
	bool in = false;

	w->steps += c->n;
	for (size_t i = 0; i + 1 < c->n; i++) {
		struct point a = c->p[i], b = c->p[i + 1];

		if (on_segment(a, b, p))
			return BORDER;
		if ((a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x)
			in = !in;
	}
	return in ? INSIDE : OUTSIDE;
}

/* The rings of the polygon that begins at chain i; *next: behind them. */
static enum where in_polygon(struct work *w, const struct geo *g, size_t i, struct point p, size_t *next)
{
	enum where at = in_ring(w, &g->c[i], p);

	for (i++; i < g->n && g->c[i].hole; i++) {
		enum where h = at == INSIDE ? in_ring(w, &g->c[i], p) : OUTSIDE;

		at = h == INSIDE ? OUTSIDE : h == BORDER ? BORDER : at;
	}
	*next = i;
	return at;
}

static enum where locate(struct work *w, const struct geo *g, struct point p)
{
	enum where best = OUTSIDE;

	for (size_t i = 0; i < g->n && best != INSIDE;) {
		const struct chain *c = &g->c[i];
		enum where at = OUTSIDE;

		if (c->ring) {
			at = in_polygon(w, g, i, p, &i);
		} else {
			w->steps += c->n;
			if (c->n == 1 && same(c->p[0], p))
				at = BORDER;
			for (size_t k = 0; k + 1 < c->n && at == OUTSIDE; k++)
				at = on_segment(c->p[k], c->p[k + 1], p) ? BORDER : OUTSIDE;
			i++;
		}
		best = at > best ? at : best;
	}
	return best;
}

/* --- intersection ------------------------------------------------------------------------------------------------ */

static bool chains_meet(struct work *w, const struct chain *a, const struct chain *b)
{
	for (size_t i = 0; i + 1 < a->n; i++) {
		w->steps += b->n;
		if (w->steps > STEPS)
			return false;
		for (size_t k = 0; k + 1 < b->n; k++)
			if (segments_meet(a->p[i], a->p[i + 1], b->p[k], b->p[k + 1]))
				return true;
	}
	return false;
}

/* Some vertex of one lies in the other, or borders cross. */
static bool meets(struct work *w, const struct geo *a, const struct geo *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (w->steps <= STEPS && locate(w, b, a->c[i].p[0]) != OUTSIDE)
			return true;
	for (size_t i = 0; i < b->n; i++)
		if (w->steps <= STEPS && locate(w, a, b->c[i].p[0]) != OUTSIDE)
			return true;
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++)
			if (chains_meet(w, &a->c[i], &b->c[k]))
				return true;
	return false;
}

/* --- containment ------------------------------------------------------------------------------------------------- */

/* Where the segment a-b meets c-d, as parts of a-b. */
static size_t cut(struct point a, struct point b, struct point c, struct point d, double t[3])
{
	double dx = b.x - a.x, dy = b.y - a.y, len = dx * dx + dy * dy, s = cross(c, d, a), e = cross(c, d, b);
	size_t n = 0;

	if (len == 0)
		return 0;
	if (on_segment(a, b, c))
		t[n++] = ((c.x - a.x) * dx + (c.y - a.y) * dy) / len;
	if (on_segment(a, b, d))
		t[n++] = ((d.x - a.x) * dx + (d.y - a.y) * dy) / len;
	if (n == 0 && ((s > 0 && e < 0) || (s < 0 && e > 0)) && segments_meet(a, b, c, d))
		t[n++] = s / (s - e);
	return n;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Every part of the segment between two meetings with g's borders lies in g when its middle does. */
static bool segment_within(struct work *w, struct point a, struct point b, const struct geo *g)
{
	double t[CUTS];
	size_t n = 0;

	t[n++] = 0;
	t[n++] = 1;
	for (size_t i = 0; i < g->n; i++) {
		const struct chain *c = &g->c[i];

		w->steps += c->n;
		for (size_t k = 0; k + 1 < c->n; k++) {
			if (n + 3 > CUTS)
				w->steps = STEPS + 1;
			if (w->steps > STEPS)
				return false;
			n += cut(a, b, c->p[k], c->p[k + 1], t + n);
		}
	}
	qsort(t, n, sizeof(*t), by_value);
	for (size_t i = 0; i + 1 < n; i++) {
		double m = (t[i] + t[i + 1]) / 2;

		if (w->steps > STEPS || locate(w, g, (struct point){ a.x + m * (b.x - a.x), a.y + m * (b.y - a.y) }) == OUTSIDE)
			return false;
	}
	return true;
}

/* A point inside of a ring: between the first two borders on a line that passes through no vertex. */
static bool inner_point(const struct chain *c, struct point *out)
{
	double top = c->p[0].y, next = -HUGE_VAL, y, x1 = HUGE_VAL, x2 = HUGE_VAL;

	for (size_t i = 0; i < c->n; i++)
		top = c->p[i].y > top ? c->p[i].y : top;
	for (size_t i = 0; i < c->n; i++)
		if (c->p[i].y < top && c->p[i].y > next)
			next = c->p[i].y;
	y = (top + next) / 2;
	for (size_t i = 0; i + 1 < c->n; i++) {
		struct point a = c->p[i], b = c->p[i + 1];
		double x;

		if ((a.y > y) == (b.y > y))
			continue;
		x = (b.x - a.x) * (y - a.y) / (b.y - a.y) + a.x;
		if (x < x1) {
			x2 = x1;
			x1 = x;
		} else if (x < x2) {
			x2 = x;
		}
	}
	*out = (struct point){ (x1 + x2) / 2, y };
	return x2 < HUGE_VAL;
}

/* The borders of a lie in b, and no hole of b lies in a. */
static bool within(struct work *w, const struct geo *a, const struct geo *b)
{
	bool area = false;
	struct point p;

	for (size_t i = 0; i < a->n; i++) {
		const struct chain *c = &a->c[i];

		area = area || c->ring;
		if (c->n == 1 && locate(w, b, c->p[0]) == OUTSIDE)
			return false;
		for (size_t k = 0; k + 1 < c->n; k++)
			if (!segment_within(w, c->p[k], c->p[k + 1], b))
				return false;
	}
	if (!area)
		return true;
	for (size_t i = 0; i < a->n; i++)
		if (a->c[i].ring && !a->c[i].hole && (!inner_point(&a->c[i], &p) || (locate(w, a, p) == INSIDE && locate(w, b, p) != INSIDE)))
			return false;
	for (size_t i = 0; i < b->n; i++)
		if (b->c[i].hole && inner_point(&b->c[i], &p) && locate(w, a, p) == INSIDE && locate(w, b, p) != INSIDE)
			return false;
	return true;
}

bool geo_match(enum geo_function f, const struct geo *resource, const struct geo *query)
{
	struct work w = { 0 };
	bool yes = f == GEO_WITHIN ? within(&w, resource, query) : f == GEO_CONTAINS ? within(&w, query, resource)
	                                                                              : meets(&w, resource, query);

	return yes && w.steps <= STEPS;
}
