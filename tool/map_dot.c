/* A map as a picture, for graphviz: map.h.
 *
 * Spaces are boxes, in a frame with all that the same manager made. Between two spaces there is one edge in each direction, from
 * the space that holds rights to the space whose memory or portals they are for; its label sums up rights and calls. Nearly every
 * space has a system that holds its whole window: that is a grey edge without a label. */
#include <stdlib.h>
#include <string.h>

#include "map.h"
#include "message.h"

enum { PORTALS_SHOWN = 5 }; /* segments too */

/* All that one space may do to another, and the calls it has made. */
struct edge {
	json_int_t from, to;
	uint64_t bytes, calls;
	unsigned grants, rights; /* of memory: how many; bits as in RIGHTS */
	bool whole, portals;     /* the whole window; right p */
};

static const char RIGHTS[] = "rwxp";

static void put_text(const char *text, FILE *to)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", to);
			break;
		case '<':
			fputs("&lt;", to);
			break;
		case '>':
			fputs("&gt;", to);
			break;
		default:
			fputc((unsigned char)*text < ' ' ? '?' : *text, to);
		}
	}
}

/* --- edges --- */

static unsigned rights_of(const struct map_grant *grant)
{
	unsigned rights = 0;

	for (unsigned i = 0; i < 4; i++)
		rights |= strchr(grant->rights, RIGHTS[i]) ? 1u << i : 0;
	return rights;
}

static int by_ends(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return x->from != y->from ? (x->from > y->from) - (x->from < y->from) : (x->to > y->to) - (x->to < y->to);
}

static void add(struct edge *edge, const struct edge *other)
{
	edge->bytes += other->bytes;
	edge->calls += other->calls;
	edge->grants += other->grants;
	edge->rights |= other->rights;
	edge->whole |= other->whole;
	edge->portals |= other->portals;
}

static struct edge edge_of_grant(const struct map *map, const struct map_grant *grant)
{
	unsigned rights = rights_of(grant);
	bool memory = rights & 7, whole = map_is_whole(map, grant);

	return (struct edge){
		.from = grant->to,
		.to = grant->owner,
		.bytes = memory && !whole ? (uint64_t)grant->bytes : 0,
		.grants = memory,
		.rights = rights & 7,
		.whole = whole,
		.portals = rights & 8,
	};
}

/* One edge for each pair of spaces that are both in the map. */
static struct edge *edges_of(const struct map *map, size_t *count)
{
	struct edge *edges = calloc(map->grant_count + map->calls_count + 1, sizeof(*edges));
	size_t used = 0, kept = 0;

	if (!edges)
		out_of_memory();
	for (size_t i = 0; i < map->grant_count; i++)
		edges[used++] = edge_of_grant(map, &map->grants[i]);
	for (size_t i = 0; i < map->calls_count; i++)
		edges[used++] = (struct edge){ .from = map->calls[i].from,
			.to = map->calls[i].to,
			.calls = (uint64_t)map->calls[i].calls };
	qsort(edges, used, sizeof(*edges), by_ends);
	for (size_t i = 0; i < used; i++) {
		if (!map_space(map, edges[i].from) || !map_space(map, edges[i].to))
			continue;
		if (kept && !by_ends(&edges[kept - 1], &edges[i]))
			add(&edges[kept - 1], &edges[i]);
		else
			edges[kept++] = edges[i];
	}
	*count = kept;
	return edges;
}

/* Writes its label, a line each for memory, portals and calls. */
static void put_label(const struct edge *edge, FILE *to)
{
	const char *line = "";
	char *size = map_size(edge->bytes);

	if (edge->rights) {
		for (unsigned i = 0; i < 3; i++)
			if (edge->rights >> i & 1)
				fputc(RIGHTS[i], to);
		fprintf(to, " %s", edge->whole ? "all" : size);
		if (edge->grants > 1)
			fprintf(to, " in %u", edge->grants);
		line = "<BR/>";
	}
	if (edge->portals || edge->calls)
		fprintf(to, "%s%s", line, edge->portals ? "p " : "");
	if (edge->calls)
		fprintf(to, "%llu call%s", (unsigned long long)edge->calls, edge->calls == 1 ? "" : "s");
	free(size);
}

/* Does the edge decide which space is drawn to the left? Of two edges between the same spaces, only that along which calls go
 * does. */
static bool is_backward(const struct edge *edge, const struct edge *edges, size_t count)
{
	const struct edge key = { .from = edge->to, .to = edge->from };
	const struct edge *other = bsearch(&key, edges, count, sizeof(key), by_ends);
	bool calls = edge->portals || edge->calls, other_calls = other && (other->portals || other->calls);

	return other && (calls == other_calls ? edge->from > edge->to : other_calls);
}

static void put_edge(const struct map *map, const struct edge *edge, bool backward, FILE *to)
{
	const struct map_space *owner = map_space(map, edge->to);
	bool calls = edge->portals || edge->calls;

	if (edge->whole && !calls && edge->grants == 1 && (owner->system == edge->from || owner->manager == edge->from))
		return; /* drawn as a grey edge */
	fprintf(to, "s%lld -> s%lld [label=<", (long long)edge->from, (long long)edge->to);
	put_label(edge, to);
	fprintf(to, ">, color=\"%s\", fontcolor=\"%s\"%s%s];\n", calls ? "#b45309" : "#1d4ed8",
		calls ? "#92400e" : "#1e3a8a",
		edge->calls > 1000    ? ", penwidth=2.2"
			: edge->calls ? ", penwidth=1.5"
				      : "",
		backward ? ", constraint=false" : "");
}

/* Grey: the system of a space, or a manager that holds its whole window. */
static void put_grey_edge(const struct map *map, const struct map_space *space, const struct map_grant *whole, FILE *to)
{
	if (space->system && map_space(map, space->system))
		fprintf(to, "s%lld -> s%lld [color=\"#9ca3af\", style=%s, arrowsize=0.5, weight=2];\n",
			(long long)space->number, (long long)space->system,
			whole && whole->to == space->system ? "solid, dir=both" : "dashed");
	else if (whole)
		fprintf(to, "s%lld -> s%lld [color=\"#9ca3af\", style=dotted, arrowsize=0.5, constraint=false];\n",
			(long long)whole->to, (long long)space->number);
}

/* The grant of a whole window that its system or manager holds; NULL: none. */
static const struct map_grant *whole_of(const struct map *map, const struct map_space *space)
{
	for (size_t i = 0; i < map->grant_count; i++) {
		const struct map_grant *grant = &map->grants[i];

		if (grant->owner == space->number && map_is_whole(map, grant) && map_space(map, grant->to) &&
			(grant->to == space->system || grant->to == space->manager))
			return grant;
	}
	return NULL;
}

/* --- spaces --- */

static void put_portals(const struct map *map, const struct map_space *space, FILE *to)
{
	unsigned count = 0;

	for (size_t i = 0; i < map->portal_count; i++) {
		const struct map_portal *portal = &map->portals[i];

		if (portal->space != space->number || ++count > PORTALS_SHOWN)
			continue;
		fputs("<TR><TD ALIGN=\"LEFT\" BORDER=\"1\" SIDES=\"T\"><FONT COLOR=\"#92400e\">&#9656; ", to);
		put_text(portal->symbol ? portal->symbol : portal->address, to);
		fputs("</FONT></TD></TR>", to);
	}
	if (count > PORTALS_SHOWN)
		fprintf(to, "<TR><TD ALIGN=\"LEFT\">and %u more</TD></TR>", count - PORTALS_SHOWN);
}

/* The segments of a VAS. */
static void put_segments(const struct map *map, const struct map_space *space, FILE *to)
{
	struct map_segment segment;
	json_t *item;
	size_t index;

	for (size_t i = 0; i < map->vas_count; i++) {
		if (map->vases[i].space != space->number)
			continue;
		json_array_foreach(map->vases[i].segments, index, item)
			if (index < PORTALS_SHOWN && map_segment_of(item, &segment)) {
				char *size = map_size((uint64_t)segment.bytes);

				fputs("<TR><TD ALIGN=\"LEFT\" BORDER=\"1\" SIDES=\"T\">", to);
				put_text(segment.name, to);
				fprintf(to, " %s</TD></TR>", size);
				free(size);
			}
	}
}

static const char *fill_of(const struct map_space *space)
{
	if (map_has_flag(space->flags, "devices"))
		return "#fee2e2";
	if (map_has_flag(space->flags, "trusted"))
		return "#ffedd5";
	if (map_has_flag(space->flags, "vas"))
		return "#fef9c3";
	if (space->pid)
		return "#dbeafe";
	return space->manager > 1 ? "#f3e8ff" : "#dcfce7";
}

static void put_space(const struct map *map, const struct map_space *space, FILE *to)
{
	char *mapped = map_size((uint64_t)space->mapped), *frames = map_size((uint64_t)space->frames * 4096);

	fprintf(to,
		"s%lld [fillcolor=\"%s\", label=<<TABLE BORDER=\"0\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"1\">"
		"<TR><TD ALIGN=\"LEFT\"><FONT POINT-SIZE=\"13\"><B>%lld ",
		(long long)space->number, fill_of(space), (long long)space->number);
	put_text(*space->name ? space->name : "-", to);
	fputs("</B></FONT></TD></TR><TR><TD ALIGN=\"LEFT\">", to);
	if (space->pid)
		fprintf(to, "pid %lld, ", (long long)space->pid);
	fprintf(to, "%lld thread%s</TD></TR><TR><TD ALIGN=\"LEFT\">%s in use, %s mapped</TD></TR>",
		(long long)space->threads, space->threads == 1 ? "" : "s", frames, mapped);
	put_portals(map, space, to);
	put_segments(map, space, to);
	fputs("</TABLE>>];\n", to);
	free(mapped);
	free(frames);
}

/* Draws boxes, and a frame around those that a space manages. */
static void put_spaces(const struct map *map, FILE *to)
{
	const struct map_order *order = &map->by_manager;

	for (size_t i = 0; i < map->space_count; i++) {
		const struct map_space *space = &map->spaces[order->items[i]];
		size_t next = i + 1 < map->space_count ? order->depths[i + 1] : 0, depth = order->depths[i];

		put_space(map, space, to);
		if (next > depth) {
			fprintf(to, "subgraph cluster_%lld {\nlabel=<managed by %lld ", (long long)space->number,
				(long long)space->number);
			put_text(space->name, to);
			fputs(">;\n", to);
		}
		for (; next < depth; depth--)
			fputs("}\n", to);
	}
}

/* Draws edges to a VAS from the spaces that it is attached to. */
static void put_attachments(const struct map *map, const struct map_vas *vas, FILE *to)
{
	struct map_attached attached;
	json_t *item;
	size_t index;

	json_array_foreach(vas->attached, index, item)
		if (map_attached_of(item, &attached) && map_space(map, attached.space) && map_space(map, vas->space)) {
			fprintf(to, "s%lld -> s%lld [color=\"#7e22ce\", fontcolor=\"#6b21a8\", label=<",
				(long long)attached.space, (long long)vas->space);
			put_text(attached.rights, to);
			fputs(">];\n", to);
		}
}

void map_print_dot(const struct map *map, FILE *to)
{
	size_t count;
	struct edge *edges = edges_of(map, &count);

	fputs("digraph map {\n"
	      "graph [rankdir=LR, fontname=\"Helvetica\", fontsize=11, nodesep=0.3, ranksep=0.9, style=\"rounded\", "
	      "color=\"#9ca3af\", fontcolor=\"#4b5563\", labeljust=l, labelloc=t, remincross=true];\n"
	      "node [shape=box, style=\"filled,rounded\", color=\"#4b5563\", fontname=\"Helvetica\", fontsize=10, "
	      "margin=\"0.06,0.03\"];\n"
	      "edge [fontname=\"Helvetica\", fontsize=10, arrowsize=0.7];\n"
	      "label=<a &#8594; b: a may read, write, execute memory of b (blue), "
	      "may call its portals (p, brown; calls made so far)<BR ALIGN=\"LEFT\"/>"
	      "grey: system calls, and the system holds the whole window; dotted: so does the manager; "
	      "violet: may switch into the VAS<BR ALIGN=\"LEFT\"/>>;\n",
		to);
	put_spaces(map, to);
	for (size_t i = 0; i < map->space_count; i++)
		put_grey_edge(map, &map->spaces[i], whole_of(map, &map->spaces[i]), to);
	for (size_t i = 0; i < count; i++)
		put_edge(map, &edges[i], is_backward(&edges[i], edges, count), to);
	for (size_t i = 0; i < map->vas_count; i++)
		put_attachments(map, &map->vases[i], to);
	fputs("}\n", to);
	free(edges);
}
