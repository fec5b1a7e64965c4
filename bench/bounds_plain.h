/* The five programs of bounds_programs.h with C's own pointers. Included before them; no guard, as the other kind follows. */
#define KIND(name) plain_##name
#define REF void *
#define AT(type, r, i) (((type *)(r))[i])
#define NEW(bytes) calloc(1, bytes)
#define OF(object, bytes) ((void *)(object))
#define PART(r, offset, bytes) ((void *)((char *)(r) + (offset)))
#define ADD(r, bytes) ((void *)((char *)(r) + (bytes)))
#define SAVE(location, r) (*(void **)(location) = (r))
#define FETCH(location) (*(void *const *)(location))
#define IS_NULL(r) (!(r))
#define NOTHING NULL
#define COMPARE(a, b) strcmp(a, b)
