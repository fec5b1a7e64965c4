/* Grants: grant.h. */
#include <allod/grant.h>

#include <errno.h>

#include "liballod.h"

_Static_assert((int)ALLOD_R == (int)RIGHT_R && (int)ALLOD_W == (int)RIGHT_W && (int)ALLOD_X == (int)RIGHT_X &&
		(int)ALLOD_P == (int)RIGHT_P && (int)ALLOD_PASS == (int)GRANT_PASS,
	"the kernel's rights");
_Static_assert((int)ALLOD_KEEP == (int)GRANT_KEEP && (int)ALLOD_EXACT == (int)GRANT_EXACT, "the kernel's flags");

long allod_result(long result)
{
	if (result >= 0)
		return result;
	errno = allod_errno(result);
	return -1;
}

int allod_grant(const volatile void *start, size_t bytes, uint32_t to, unsigned rights)
{
	if (!allod_present())
		return errno = ENOSYS, -1;
	return (int)allod_result(call_grant((u64)allod_global(start), bytes, to, rights));
}

int allod_grant_all(uint32_t to, unsigned rights)
{
	return allod_grant(allod_pointer(allod_self(), 0), allod_layout.window, to, rights);
}

int allod_keep(const volatile void *address)
{
	if (!allod_present())
		return errno = ENOSYS, -1;
	return (int)allod_result(call_grant_keep((u64)address));
}

int allod_revoke(int grant)
{
	return (int)allod_result(call_revoke((u32)grant));
}
