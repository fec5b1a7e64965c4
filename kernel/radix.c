/* Sparse arrays: radix.h. */
#include "radix.h"

#include "panic.h"
#include "pool.h"
#include "work.h"

enum { ASK_EVERY = 4 /* leaves, then it asks whether it is time to stop */ };

static struct pool node_pool = POOL_INIT(node_pool, struct radix_node);

void radix_init(struct radix *radix, unsigned bits)
{
	radix->root = radix->leaf = NULL;
	radix->has_emptied = false;
	radix->height = bits <= RADIX_BITS ? 1 : (bits + RADIX_BITS - 1) / RADIX_BITS;
	ASSERT(radix->height <= RADIX_HEIGHT_MAX);
}

static unsigned slot_of(u64 index, unsigned level)
{
	return index >> (RADIX_BITS * level) & (RADIX_SLOTS - 1);
}

static bool is_in_range(const struct radix *radix, u64 index)
{
	return !(index >> (RADIX_BITS * radix->height));
}

static bool is_in_leaf(const struct radix *radix, u64 index)
{
	return radix->leaf && radix->leaf_first == (index & ~(u64)(RADIX_SLOTS - 1));
}

static void *value_at(const struct radix_node *leaf, u64 index)
{
	return leaf->used >> slot_of(index, 0) & 1 ? leaf->slot[slot_of(index, 0)] : NULL;
}

void *radix_find(const struct radix *radix, u64 index)
{
	struct radix *cache = (struct radix *)radix; /* the leaf that it remembers is not part of its value */
	struct radix_node *node = radix->root;

	if (is_in_leaf(radix, index))
		return value_at(radix->leaf, index);
	if (!node || !is_in_range(radix, index))
		return NULL;
	for (unsigned level = radix->height - 1; level > 0; level--) {
		unsigned slot = slot_of(index, level);

		if (!(node->used >> slot & 1))
			return NULL;
		node = node->slot[slot];
	}
	cache->leaf = node;
	cache->leaf_first = index & ~(u64)(RADIX_SLOTS - 1);
	return value_at(node, index);
}

static struct radix_node *node_make(void)
{
	struct radix_node *node = pool_alloc(&node_pool);

	if (node)
		node->used = 0;
	return node;
}

struct radix_node *radix_reserve(struct radix *radix, u64 index)
{
	struct radix_node *node;

	if (is_in_leaf(radix, index))
		return radix->leaf;
	ASSERT(is_in_range(radix, index));
	if (!radix->root)
		radix->root = node_make();
	node = radix->root;
	for (unsigned level = radix->height; node && --level > 0;) {
		unsigned slot = slot_of(index, level);

		if (!(node->used >> slot & 1)) {
			node->slot[slot] = node_make();
			if (!node->slot[slot])
				return NULL;
			node->used |= 1ul << slot;
		}
		node = node->slot[slot];
	}
	radix->leaf = node;
	radix->leaf_first = index & ~(u64)(RADIX_SLOTS - 1);
	return node;
}

void radix_trim(struct radix *radix, u64 index)
{
	struct radix_node *path[RADIX_HEIGHT_MAX] = { NULL }, *node = radix->root;
	unsigned level = radix->height;

	radix->leaf = NULL;
	while (node && level-- > 0) {
		path[level] = node;
		if (!(node->used >> slot_of(index, level) & 1))
			break;
		node = node->slot[slot_of(index, level)];
	}
	/* From the lowest node upwards, as long as nodes are empty. */
	for (; node && level < radix->height && !path[level]->used; level++) {
		pool_free(&node_pool, path[level]);
		if (level + 1 < radix->height)
			path[level + 1]->used &= ~(1ul << slot_of(index, level + 1));
		else
			radix->root = NULL;
	}
}

int radix_set(struct radix *radix, u64 index, void *value)
{
	struct radix_node *leaf = radix_reserve(radix, index);
	unsigned slot = slot_of(index, 0);

	if (!leaf) {
		radix_trim(radix, index);
		return -E_NOMEM;
	}
	leaf->slot[slot] = value;
	leaf->used |= 1ul << slot;
	return 0;
}

/* Keeps the leaf that has just been emptied, and frees the one kept before. */
static void keep_emptied(struct radix *radix, u64 first)
{
	if (radix->has_emptied && radix->emptied != first)
		radix_trim(radix, radix->emptied);
	radix->has_emptied = true;
	radix->emptied = first;
}

void *radix_take(struct radix *radix, u64 index)
{
	struct radix_node *leaf;
	void *value = radix_find(radix, index);

	if (!value)
		return NULL;
	/* The leaf exists: nothing is made. */
	leaf = radix_reserve(radix, index);
	leaf->used &= ~(1ul << slot_of(index, 0));
	if (!leaf->used)
		keep_emptied(radix, index & ~(u64)(RADIX_SLOTS - 1));
	return value;
}

struct radix_node *radix_next_leaf(const struct radix *radix, u64 *index)
{
	struct radix_node *node;
	unsigned level;

	if (!radix->root)
		return NULL;
	if (is_in_leaf(radix, *index)) {
		*index = radix->leaf_first;
		return radix->leaf;
	}
again:
	if (!is_in_range(radix, *index))
		return NULL;
	node = radix->root;
	for (level = radix->height - 1; level > 0; level--) {
		unsigned slot = slot_of(*index, level);
		u64 behind = node->used >> slot << slot;

		if (!behind) {
			/* Nothing more is in this node: goes on with the one after it. */
			*index = ((*index >> (RADIX_BITS * (level + 1))) + 1) << (RADIX_BITS * (level + 1));
			goto again;
		}
		if ((unsigned)__builtin_ctzl(behind) != slot) {
			slot = (unsigned)__builtin_ctzl(behind);
			*index = (*index >> (RADIX_BITS * (level + 1)) << RADIX_BITS | slot) << (RADIX_BITS * level);
		}
		node = node->slot[slot];
	}
	*index &= ~(u64)(RADIX_SLOTS - 1);
	return node;
}

u64 radix_next(const struct radix *radix, u64 index)
{
	const struct radix_node *leaf;
	u64 first = index;

	while ((leaf = radix_next_leaf(radix, &first))) {
		unsigned slot = index > first ? (unsigned)(index - first) : 0;
		u64 behind = leaf->used >> slot << slot;

		if (behind)
			return first + (unsigned)__builtin_ctzl(behind);
		first = index = first + RADIX_SLOTS;
	}
	return RADIX_NONE;
}

/* Frees all below a node. -> false: it was time to stop; the rest is still in the node. */
static bool destroy_below(struct radix_node *node, unsigned level, void (*drop)(void *value))
{
	for (u64 used = node->used; used; used &= used - 1) {
		void *value = node->slot[__builtin_ctzl(used)];
		bool done;

		if (!level) {
			drop(value);
			continue;
		}
		done = destroy_below(value, level - 1, drop);
		if (done && (__builtin_ctzl(used) % ASK_EVERY || !work_is_due()))
			continue;
		node->used = done ? used & (used - 1) : used;
		return false;
	}
	pool_free(&node_pool, node);
	return true;
}

bool radix_destroy(struct radix *radix, void (*drop)(void *value))
{
	radix->leaf = NULL;
	radix->has_emptied = false;
	if (radix->root && !destroy_below(radix->root, radix->height - 1, drop))
		return false;
	radix->root = NULL;
	return true;
}
