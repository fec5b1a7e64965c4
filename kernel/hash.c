/* Hash tables: hash.h. */
#include "hash.h"

#include "arch.h"
#include "frame.h"

enum { HASH_BITS = 20 };

_Static_assert(HASH_FIRST + HASH_PER_PAGE * HASH_PAGES <= 1 << HASH_BITS, "hashes are large enough");
_Static_assert(HASH_PER_PAGE * sizeof(struct hash_node *) == PAGE_SIZE, "a page of buckets is full");

u64 hash_salts[2] = { 1, 1 };

void hash_init(void)
{
	hash_salts[0] = arch_random() | 1;
	hash_salts[1] = arch_random() | 1;
}

/* The first product folds the key into 44 bits; the bits of the second from 44 on depend on all of them. */
static u64 hash_of(u64 key)
{
	return (key * hash_salts[0] >> HASH_BITS) * hash_salts[1] >> (64 - HASH_BITS);
}

static struct hash_node **bucket_at(struct hash *hash, u32 index)
{
	if (index < HASH_FIRST)
		return &hash->first[index];
	index -= HASH_FIRST;
	return &hash->pages[index / HASH_PER_PAGE][index % HASH_PER_PAGE];
}

static struct hash_node **bucket_of(struct hash *hash, u64 key)
{
	u32 index = (u32)hash_of(key) & hash->mask;

	return bucket_at(hash, index < hash->size ? index : index & hash->mask >> 1);
}

struct hash_node *hash_find(struct hash *hash, u64 key)
{
	struct hash_node *node = hash->size ? *bucket_of(hash, key) : NULL;

	while (node && node->key != key)
		node = node->next;
	return node;
}

/* Adds a bucket: the objects that belong there now move to it from another bucket. */
static void grow(struct hash *hash)
{
	u32 index = hash->size, page = (index - HASH_FIRST) / HASH_PER_PAGE;
	struct hash_node **from, **to;

	if (page == HASH_PAGES)
		return;
	if (!hash->pages[page])
		hash->pages[page] = frame_alloc();
	if (!hash->pages[page])
		return;
	if (index > hash->mask)
		hash->mask = hash->mask << 1 | 1;
	hash->size++;
	to = bucket_at(hash, index);
	*to = NULL;
	for (from = bucket_at(hash, index & hash->mask >> 1); *from;) {
		struct hash_node *node = *from;

		if (bucket_of(hash, node->key) != to) {
			from = &node->next;
			continue;
		}
		*from = node->next;
		node->next = *to;
		*to = node;
	}
}

/* Removes the last bucket: its objects go back to the bucket they came from. */
static void shrink(struct hash *hash)
{
	u32 index = --hash->size;
	struct hash_node **last = bucket_at(hash, index), **to = bucket_at(hash, index & hash->mask >> 1);

	while (*to)
		to = &(*to)->next;
	*to = *last;
	if (hash->size == (hash->mask >> 1) + 1)
		hash->mask >>= 1;
	if ((index - HASH_FIRST) % HASH_PER_PAGE)
		return;
	frame_put(hash->pages[(index - HASH_FIRST) / HASH_PER_PAGE]);
	hash->pages[(index - HASH_FIRST) / HASH_PER_PAGE] = NULL;
}

void hash_insert(struct hash *hash, struct hash_node *node, u64 key)
{
	struct hash_node **bucket;

	if (!hash->size) {
		hash->size = HASH_FIRST;
		hash->mask = HASH_FIRST - 1;
	}
	if (++hash->count > hash->size)
		grow(hash);
	bucket = bucket_of(hash, key);
	node->key = key;
	node->next = *bucket;
	*bucket = node;
}

void hash_remove(struct hash *hash, struct hash_node *node)
{
	struct hash_node **link = bucket_of(hash, node->key);

	while (*link != node)
		link = &(*link)->next;
	*link = node->next;
	if (--hash->count < hash->size && hash->size > HASH_FIRST)
		shrink(hash);
}
