/* Copying from and to memory of other spaces: copy.h. */
#include "copy.h"

#include "service.h"

_Static_assert(E_FAULT == 3, "copy.S");

extern const char copy_start[], copy_end[], runtime_copy_landing[];
i64 runtime_copy(void *to, const void *from, u64 bytes);

void copy_init(void)
{
	static const struct landing landing = {
		.copy_start = (u64)copy_start,
		.copy_end = (u64)copy_end,
		.copy_landing = (u64)runtime_copy_landing,
	};

	call_space_set_landing(&landing);
}

/* The whole range lies in the window of one other space. */
static bool is_foreign(u64 address, u64 bytes)
{
	const u64 shift = service_start->number_shift, number = address >> shift;

	if (bytes > service_start->window || (address + bytes) < address)
		return false;
	return number && number != service_start->number && (address + bytes - (bytes != 0)) >> shift == number;
}

i64 copy_in(void *to, u64 from, u64 bytes)
{
	return is_foreign(from, bytes) ? runtime_copy(to, (const void *)from, bytes) : -E_FAULT;
}

i64 copy_out(u64 to, const void *from, u64 bytes)
{
	return is_foreign(to, bytes) ? runtime_copy((void *)to, from, bytes) : -E_FAULT;
}
