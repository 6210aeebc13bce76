/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places: the geometry of a geo-query (geometryType, geometry, geoSpatialFunction; Release 4) against the location (loc) of a
 * resource.  Coordinates are those of GeoJSON (RFC 7946): longitude, latitude, an altitude that is not looked at; the plane is
 * that of longitude and latitude, and nothing is meant to cross the antimeridian (RFC 7946 3.1.9).
 */
#ifndef CORE_GEO_H
#define CORE_GEO_H

#include "cse/base/arena.h"
#include "cse/model/rsc.h"

enum geo_type { GEO_POINT = 1, GEO_LINE, GEO_POLYGON, GEO_POINTS, GEO_LINES, GEO_POLYGONS };
/* The resource within the query's geometry, the resource contains it, both have a point in common. */
enum geo_function { GEO_WITHIN = 1, GEO_CONTAINS, GEO_INTERSECTS };

/* Points of a query's geometry, of a resource's location; bytes of their text. */
enum { GEO_QUERY_POINTS = 128, GEO_POINTS_MAX = 1024, GEO_BYTES = 65536 };

struct geo;
/* Coordinates as text of a JSON array ("[13.4, 52.5]" for a point).  In the arena.  NULL and *fault (a few words): it is none. */
struct geo *geo_parse(struct arena *a, enum geo_type type, struct str text, size_t max_points, const char **fault);
/* Does the function hold?  Borders belong to a polygon. */
bool geo_match(enum geo_function f, const struct geo *resource, const struct geo *query);

#endif
