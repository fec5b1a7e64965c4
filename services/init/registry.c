/* The registry: registry.h. Calls come in on the threads of the children, each through a portal of its own. */
#include "registry.h"

#include "map.h"
#include "watchdog.h"

/* A child offers a portal. */
static i64 offer(struct child *caller, u64 service, u64 portal)
{
	i64 result = 0;

	lock_acquire(&child_lock);
	if (service != (u64)caller->service || address_space(portal) != caller->space) {
		result = -E_INVAL;
	} else {
		caller->portal = portal;
		caller->failures = 0;
		condition_wake_all(&child_offered);
	}
	lock_release(&child_lock);
	return result;
}

static bool is_alive(const struct child *child)
{
	struct space_info info;

	return child->space && call_space_info(child->space, &info) >= 0 && info.end == SPACE_ALIVE;
}

/* Grants the caller right p on the other child's portal, and the other child the caller's arena, until the other's life ends. */
static i64 introduce(struct child *caller, struct child *other, u64 arena, u64 bytes)
{
	struct connection *connection = &caller->connections[other->service];
	i64 result = 0;

	if (connection->space == other->space && connection->arena == arena && connection->bytes == bytes)
		return 0;
	if (bytes)
		result = child_grant(other, arena, bytes, other->space, RIGHT_R | RIGHT_W);
	if (result >= 0 && connection->space != other->space)
		result = child_grant(other, other->portal, 1, caller->space, RIGHT_P);
	if (result >= 0)
		*connection = (struct connection){ other->space, arena, bytes };
	return result;
}

static struct portal_result find(struct child *caller, u64 service, u64 arena, u64 bytes)
{
	struct portal_result result = { -E_INVAL, 0 };
	struct child *other;

	if (service >= SERVICES || service == (u64)caller->service)
		return result;
	other = &children[service];
	lock_acquire(&child_lock);
	if (!(arena >> service_start->number_shift))
		arena = address_in(caller->space, arena);
	if (bytes && address_space(arena) != caller->space)
		goto out;
	/* Its life may have just ended, and its supervisor not noticed yet. */
	while (!other->portal || !is_alive(other))
		condition_wait(&child_offered, &child_lock, clock_now() + 100000000, 0);
	result.word0 = introduce(caller, other, arena, bytes);
	if (result.word0 >= 0)
		result = (struct portal_result){ (i64)other->portal, other->space };
out:
	lock_release(&child_lock);
	return result;
}

/* Ends a driver that does not answer; its supervisor starts it again. */
static i64 restart(const struct child *caller, u64 service)
{
	u32 space;

	if (caller->service != SERVICE_LINUX || service == SERVICE_LINUX || service >= SERVICES)
		return -E_PERM;
	lock_acquire(&child_lock);
	space = children[service].space;
	lock_release(&child_lock);
	return space ? call_space_destroy(space) : -E_NOENT;
}

static i64 count_restarts(void)
{
	i64 restarts = 0;

	lock_acquire(&child_lock);
	for (unsigned i = 0; i < SERVICES; i++)
		restarts += children[i].lives > 1 ? children[i].lives - 1 : 0;
	lock_release(&child_lock);
	return restarts;
}

static struct portal_result serve(struct child *caller, u64 op, u64 service, u64 w2, u64 w3)
{
	switch (op) {
	case REGISTRY_OFFER:
		return (struct portal_result){ offer(caller, service, w2), 0 };
	case REGISTRY_FIND:
		return find(caller, service, w2, w3);
	case REGISTRY_END:
		if (caller->service == SERVICE_LINUX)
			call_power_off((u32)service);
		return (struct portal_result){ -E_PERM, 0 };
	case REGISTRY_RESTARTS:
		return (struct portal_result){ count_restarts(), 0 };
	case REGISTRY_RESTART:
		return (struct portal_result){ restart(caller, service), 0 };
	case REGISTRY_ALIVE:
		return (struct portal_result){ caller->service == SERVICE_LINUX ? watchdog_alive() : -E_PERM, 0 };
	case REGISTRY_TIME_OUT:
		if (caller->service == SERVICE_LINUX)
			watchdog_end("the time is up");
		return (struct portal_result){ -E_PERM, 0 };
	case REGISTRY_MAP:
		if (caller->service != SERVICE_LINUX || address_space(service) != caller->space)
			return (struct portal_result){ -E_PERM, 0 };
		return (struct portal_result){ map_write(service, w2), 0 };
	default:
		return (struct portal_result){ -E_INVAL, 0 };
	}
}

static struct portal_result serve_linux(u64 op, u64 w1, u64 w2, u64 w3, u64 w4, u64 w5)
{
	(void)w4, (void)w5;
	return serve(&children[SERVICE_LINUX], op, w1, w2, w3);
}

static struct portal_result serve_fs(u64 op, u64 w1, u64 w2, u64 w3, u64 w4, u64 w5)
{
	(void)w4, (void)w5;
	return serve(&children[SERVICE_FS], op, w1, w2, w3);
}

static struct portal_result serve_console(u64 op, u64 w1, u64 w2, u64 w3, u64 w4, u64 w5)
{
	(void)w4, (void)w5;
	return serve(&children[SERVICE_CONSOLE], op, w1, w2, w3);
}

void registry_init(void)
{
	static portal_function *const functions[SERVICES] = {
		[SERVICE_LINUX] = serve_linux,
		[SERVICE_FS] = serve_fs,
		[SERVICE_CONSOLE] = serve_console,
	};

	for (unsigned i = 0; i < SERVICES; i++) {
		const i64 portal = service_portal(i, functions[i]);

		service_assert(portal > 0);
		children[i].registry_portal = (u64)portal;
		children[i].start.registry = (u64)portal;
	}
}
