/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * select.h - which interfaces are to be watched: patterns against the links, and one of each stack. Pure.
 *
 * A packet of a stacked device is seen again on the device below. Of what globs and `auto` match, one of a stack is
 * wanted: the lowest that carries everything. So a VLAN gives way to its parent, a bridge or VRF to its ports, and the
 * slaves of a bond, each of which carries a part, to the bond. What is named plainly is obeyed, and said to count twice.
 */
#ifndef ESPIAL_SOURCE_SELECT_H
#define ESPIAL_SOURCE_SELECT_H

#include "source/links.h"

#define SELECT_AUTO "auto" /* the pattern: what has a default route */

struct select {
	bool kept; /* set by the caller: is watched already, and stays so whatever it is called now */
	bool matched, named; /* by any pattern; by a plain name */
	bool wanted;
	uint32_t because; /* matched, but not wanted: ifindex of the one of its stack that is */
	uint32_t twice;	  /* named and wanted: ifindex of one that shows the same packets; 0: none */
};

/* Whether it names one interface, and is no glob and not `auto`. */
bool select_is_name(const char *pattern);

/* ret[i] is about link[i]; `link` is in order of ifindex. No pattern is `auto`. */
void select_links(const struct link *link, size_t count, const char *const *pattern, size_t pattern_count,
		  struct select *ret);

#endif
