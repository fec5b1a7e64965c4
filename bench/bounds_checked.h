/* The five programs of bounds_programs.h with <allod/bounded.h>: each access checked, each pointer in memory with its bounds. Takes
 * the place of bounds_plain.h. */
#undef KIND
#undef REF
#undef AT
#undef NEW
#undef OF
#undef PART
#undef ADD
#undef SAVE
#undef FETCH
#undef IS_NULL
#undef NOTHING
#undef COMPARE
#define KIND(name) checked_##name
#define REF struct allod_ref
#define AT(type, r, i) ALLOD_AT(type, r, i)
#define NEW(bytes) allod_ref_calloc(1, bytes)
#define OF(object, bytes) allod_ref_of(object, bytes)
#define PART(r, offset, bytes) allod_ref_part(r, offset, bytes)
#define ADD(r, bytes) allod_ref_add(r, bytes)
#define SAVE(location, r) allod_ref_store(location, r)
#define FETCH(location) allod_ref_load(location)
#define IS_NULL(r) (!(r).at)
#define NOTHING allod_ref_null()
#define COMPARE(a, b) allod_ref_strcmp(a, b)
