/* Fixed-size objects: pool.h.
 *
 *   page: | header | object | object | ...      free objects are linked; objects beyond header.made were never used */
#include "pool.h"

#include "frame.h"
#include "lib/string.h"
#include "panic.h"

struct header {
	struct list_node node; /* in pool.usable, or in no list if all objects are in use */
	struct pool *pool;
	void *free; /* freed objects, linked through their first word */
	u32 used, made;
};

enum { FIRST = (sizeof(struct header) + 15) & ~15u };
static u32 room = PAGE_SIZE - FIRST; /* bytes for objects in a page; 0: one object in each page, however small */

_Static_assert(FIRST + POOL_OBJECT_MAX <= PAGE_SIZE, "an object of the greatest size fits");

/* Has every object of a page been used? */
static bool is_made(const struct pool *pool, const struct header *page)
{
	return (page->made + 1) * pool->bytes > room;
}

void pool_keep_apart(void)
{
	room = 0;
}

static struct header *page_make(struct pool *pool)
{
	struct header *page = frame_alloc_raw();

	if (!page)
		return NULL;
	page->pool = pool;
	page->free = NULL;
	page->used = page->made = 0;
	list_prepend(&pool->usable, &page->node);
	pool->pages++;
	return page;
}

void *pool_alloc(struct pool *pool)
{
	struct header *page;
	void *object;

	if (list_is_empty(&pool->usable)) {
		page = page_make(pool);
		if (!page)
			return NULL;
	} else {
		page = container_of(list_first(&pool->usable), struct header, node);
	}
	object = page->free;
	if (object) {
		page->free = *(void **)object;
	} else {
		object = (char *)page + FIRST + page->made * pool->bytes;
		page->made++;
	}
	page->used++;
	if (!page->free && is_made(pool, page))
		list_remove(&page->node);
	pool->objects++;
	return object;
}

void *pool_alloc_zeroed(struct pool *pool)
{
	void *object = pool_alloc(pool);

	if (object)
		memset(object, 0, pool->bytes);
	return object;
}

void pool_free(struct pool *pool, void *object)
{
	struct header *page = (struct header *)page_down((u64)object);

	ASSERT(page->pool == pool && page->used);
	if (list_is_empty(&page->node))
		list_prepend(&pool->usable, &page->node);
	*(void **)object = page->free;
	page->free = object;
	pool->objects--;
	if (--page->used)
		return;
	list_remove(&page->node);
	pool->pages--;
	frame_put(page);
}
