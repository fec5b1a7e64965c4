/* Doubly linked circular lists, embedded in the structures they link. A list is a node whose neighbours are its first and
 * last members; an empty list, and a node in no list after list_remove(), point at themselves. */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
	struct list_node *next, *prev;
};

#define LIST_INIT(name) { &(name), &(name) }
#define container_of(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))

/* Loops over members; the body must not remove anything. */
#define list_for_each(node, list) for (struct list_node *node = (list)->next; node != (list); node = node->next)
/* Loops over members; the body may remove `node`. */
#define list_for_each_safe(node, list) \
	for (struct list_node *node = (list)->next, *node##_next = node->next; node != (list); \
	     node = node##_next, node##_next = node->next)

static inline void list_init(struct list_node *list)
{
	list->next = list->prev = list;
}

/* Takes a node out and leaves its links as they are: the caller puts it into a list again, or frees it, next. */
static inline void list_unlink(struct list_node *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
}

static inline bool list_is_empty(const struct list_node *list)
{
	return list->next == list;
}

/* Puts node before `at`: at the end, if `at` is the list itself. */
static inline void list_insert_before(struct list_node *at, struct list_node *node)
{
	node->next = at;
	node->prev = at->prev;
	at->prev->next = node;
	at->prev = node;
}

static inline void list_append(struct list_node *list, struct list_node *node)
{
	list_insert_before(list, node);
}

static inline void list_prepend(struct list_node *list, struct list_node *node)
{
	list_insert_before(list->next, node);
}

static inline void list_remove(struct list_node *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* Moves all members of `from`, which becomes empty, to `to`, which need not be initialised. */
static inline void list_hand_over(struct list_node *from, struct list_node *to)
{
	list_append(from, to);
	list_remove(from);
}

static inline struct list_node *list_first(const struct list_node *list)
{
	return list->next;
}

#endif
