/* Users: what all processes of one real user id have caused together, so that limits per user can refuse more.
 *
 * A struct user lives as long as it is referenced (the credentials of its processes do) or something is charged to it. So code that
 * has charged something can keep the bare pointer until it takes the charge back.
 *
 * Each kind of charge is one row of `enum user_charge`. The limit is passed with each charge, because limits belong to the process
 * that asks (RLIMIT_*) or to the machine. All functions: with the service lock. */
#ifndef LINUX_USER_H
#define LINUX_USER_H

#include "lib/list.h"

#include "services/linux/base.h"

enum user_charge {
	USER_TASKS,           /* tasks, and processes that nobody has waited for yet: RLIMIT_NPROC */
	USER_FILES_IN_FLIGHT, /* files in messages that are not received: RLIMIT_NOFILE */
	USER_EPOLL_WATCHES,   /* members of epoll sets: /proc/sys/fs/epoll/max_user_watches */
	USER_PIPE_PAGES,      /* pages of pipes: /proc/sys/fs/pipe-user-pages-soft, pipe-user-pages-hard */
	USER_INOTIFY_INSTANCES, /* /proc/sys/fs/inotify/max_user_instances */
	USER_INOTIFY_WATCHES,   /* /proc/sys/fs/inotify/max_user_watches */
	USER_SIGNALS,         /* signals that wait, timers of timer_create(): RLIMIT_SIGPENDING */
	USER_CHARGES,         /* how many kinds there are */
};

#define USER_UNLIMITED (~0ull)

struct user {
	struct list_node node; /* [L] among users of the same hash */
	u32 uid;               /* [I] */
	u32 references;        /* [L] */
	u64 charged[USER_CHARGES]; /* [L] */
};

/* The user with the id, made if need be, with one more reference. NULL: no memory. */
struct user *user_get(u32 uid);
/* One more reference to a user that has one. */
struct user *user_hold(struct user *user);
void user_put(struct user *user);

/* Charges n more, unless that is more than `limit` in all. -> has it? */
bool user_charge(struct user *user, enum user_charge which, u64 n, u64 limit);
/* Takes back what was charged; the user may be gone after that. */
void user_uncharge(struct user *user, enum user_charge which, u64 n);

#endif
