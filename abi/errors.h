/* Errors as an enum, made from errors.def. */
#ifndef ALLOD_ABI_ERRORS_H
#define ALLOD_ABI_ERRORS_H

#define ALLOD_ERROR(name, number, text) E_##name = number,
enum allod_error {
#include "errors.def"
};
#undef ALLOD_ERROR

#endif
