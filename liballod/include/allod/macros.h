/* The mechanics behind ALLOD_PORTAL of allod/portal.h: argument lists out of (type, name) pairs, none to six of them. Not for
 * use by programs. */
#ifndef ALLOD_MACROS_H
#define ALLOD_MACROS_H

#define ALLOD_PAIR_TYPE(type, name) type
#define ALLOD_PAIR_PARAMETER(type, name) , __typeof__(type) name
#define ALLOD_PAIR_WORD(type, name) ALLOD_WORD(type, name),

/* An argument as a word. Floating-point numbers and structures do not compile. */
#ifdef __cplusplus
#include <type_traits>
template <typename T> static inline uint64_t allod_word_of(T value)
{
	static_assert(sizeof(T) <= 8 && !std::is_floating_point<T>::value, "only integers and pointers can be passed");
	return (uint64_t)value;
}
#define ALLOD_WORD(type, name) allod_word_of<type>(name)
#define ALLOD_CHECK(type) \
	static_assert(sizeof(type) <= 8 && !std::is_floating_point<type>::value, "a result is an integer or a pointer")
#define ALLOD_SAME_TYPE(type, name, types) \
	static_assert(std::is_convertible<decltype(&name), __typeof__(type)(*) types>::value, "not the function's type");
#else
#define ALLOD_IS_FLOAT(type) \
	(__builtin_types_compatible_p(type, float) || __builtin_types_compatible_p(type, double) || \
		__builtin_types_compatible_p(type, long double))
#define ALLOD_WORD(type, name) \
	((uint64_t)(name) + sizeof(struct { \
		_Static_assert(!ALLOD_IS_FLOAT(type) && sizeof(type) <= 8, "only integers and pointers can be passed"); \
		char one; \
	}) - 1)
#define ALLOD_CHECK(type) _Static_assert(!ALLOD_IS_FLOAT(type) && sizeof(type) <= 8, "a result is an integer or a pointer")
/* Declares the function once more: a mistake in the types does not compile. */
#define ALLOD_SAME_TYPE(type, name, types) extern __typeof__(type) name types;
#endif

/* How many pairs follow the name. It is passed along because without it -std=c11 would keep the comma before an empty list. */
#define ALLOD_NTH(name, a, b, c, d, e, f, n, ...) n
#define ALLOD_COUNT(name, ...) ALLOD_NTH(name, ##__VA_ARGS__, 6, 5, 4, 3, 2, 1, 0, end)
#define ALLOD_JOIN(a, b) ALLOD_JOIN_(a, b)
#define ALLOD_JOIN_(a, b) a##b

#define ALLOD_EACH_0(m)
#define ALLOD_EACH_1(m, a) m a
#define ALLOD_EACH_2(m, a, b) m a m b
#define ALLOD_EACH_3(m, a, b, c) m a m b m c
#define ALLOD_EACH_4(m, a, b, c, d) m a m b m c m d
#define ALLOD_EACH_5(m, a, b, c, d, e) m a m b m c m d m e
#define ALLOD_EACH_6(m, a, b, c, d, e, f) m a m b m c m d m e m f

#define ALLOD_TYPES_0() (void)
#define ALLOD_TYPES_1(a) (ALLOD_PAIR_TYPE a)
#define ALLOD_TYPES_2(a, b) (ALLOD_PAIR_TYPE a, ALLOD_PAIR_TYPE b)
#define ALLOD_TYPES_3(a, b, c) (ALLOD_PAIR_TYPE a, ALLOD_PAIR_TYPE b, ALLOD_PAIR_TYPE c)
#define ALLOD_TYPES_4(a, b, c, d) (ALLOD_PAIR_TYPE a, ALLOD_PAIR_TYPE b, ALLOD_PAIR_TYPE c, ALLOD_PAIR_TYPE d)
#define ALLOD_TYPES_5(a, b, c, d, e) \
	(ALLOD_PAIR_TYPE a, ALLOD_PAIR_TYPE b, ALLOD_PAIR_TYPE c, ALLOD_PAIR_TYPE d, ALLOD_PAIR_TYPE e)
#define ALLOD_TYPES_6(a, b, c, d, e, f) \
	(ALLOD_PAIR_TYPE a, ALLOD_PAIR_TYPE b, ALLOD_PAIR_TYPE c, ALLOD_PAIR_TYPE d, ALLOD_PAIR_TYPE e, ALLOD_PAIR_TYPE f)

#define ALLOD_PARAMETERS(name, ...) \
	ALLOD_JOIN(ALLOD_EACH_, ALLOD_COUNT(name, ##__VA_ARGS__))(ALLOD_PAIR_PARAMETER, ##__VA_ARGS__)
#define ALLOD_ARGUMENTS(name, ...) \
	ALLOD_JOIN(ALLOD_EACH_, ALLOD_COUNT(name, ##__VA_ARGS__))(ALLOD_PAIR_WORD, ##__VA_ARGS__)
#define ALLOD_TYPES(name, ...) ALLOD_JOIN(ALLOD_TYPES_, ALLOD_COUNT(name, ##__VA_ARGS__))(__VA_ARGS__)

#endif
