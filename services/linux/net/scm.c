/* Files that are sent along with messages: charging them to users, and closing those that nobody can receive any more.
 *
 * A cookie that waits in a socket's queue is in that socket's list of cookies, and its files are in flight. A socket of which all
 * references are in flight can only be reached by receiving from another one. If those can only be reached so, too, they are lost
 * together: a circle, and what hangs on it. scm_collect() finds them as Linux does: of the references to each such socket, those
 * that come from queues of such sockets are taken away. What still has some is reachable, and so is what lies in its queue, and so
 * on. The rest is lost: its queues are emptied, whereupon the sockets end. */
#include <asm/errno.h>
#include <linux/resource.h>

#include "services/linux/net/socket.h"
#include "services/linux/user.h"
#include "services/runtime/heap.h"

/* Sockets with a file in flight. */
static struct list_node flying = LIST_INIT(flying);

int scm_new(struct task *self, unsigned files, struct scm_cookie **made)
{
	struct user *user = self->process->cred.user;
	struct scm_cookie *cookie;

	/* As on Linux, a message is refused only if its sender is beyond the limit already. */
	if (user->charged[USER_FILES_IN_FLIGHT] > process_limit(self->process, RLIMIT_NOFILE) && !task_is_root(self))
		return -ETOOMANYREFS;
	cookie = heap_zalloc(sizeof(*cookie) + files * sizeof(cookie->files[0]));
	if (!cookie)
		return -ENOMEM;
	list_init(&cookie->node);
	cookie->count = files;
	cookie->user = user;
	user_charge(user, USER_FILES_IN_FLIGHT, files, USER_UNLIMITED);
	*made = cookie;
	return 0;
}

struct scm_cookie *scm_copy(const struct scm_cookie *from)
{
	struct scm_cookie *copy = heap_zalloc(sizeof(*copy) + from->count * sizeof(copy->files[0]));

	if (!copy)
		return NULL;
	list_init(&copy->node);
	copy->count = from->count;
	copy->user = from->user;
	user_charge(copy->user, USER_FILES_IN_FLIGHT, copy->count, USER_UNLIMITED);
	for (unsigned i = 0; i < copy->count; i++)
		copy->files[i] = file_get(from->files[i]);
	return copy;
}

void scm_queue(struct socket *socket, struct scm_cookie **place, struct scm_cookie *cookie)
{
	*place = cookie;
	if (!cookie)
		return;
	cookie->place = place;
	list_append(&socket->cookies, &cookie->node);
	for (unsigned i = 0; i < cookie->count; i++) {
		struct socket *sent = socket_of_file(cookie->files[i]);

		if (sent && !sent->in_flight++)
			list_append(&flying, &sent->of_flying);
	}
}

struct scm_cookie *scm_unqueue(struct scm_cookie **place)
{
	struct scm_cookie *cookie = *place;

	*place = NULL;
	if (!cookie)
		return NULL;
	list_remove(&cookie->node);
	for (unsigned i = 0; i < cookie->count; i++) {
		struct socket *sent = socket_of_file(cookie->files[i]);

		if (sent && !--sent->in_flight)
			list_remove(&sent->of_flying);
	}
	return cookie;
}

/* --- circles --- */

/* Moves sockets that are doubtful and lie in the queue of this one, or of a connection that waits to be accepted by it:
 * without a list, one reference to each is known to come from there; with one, they go to its end, as they can be reached. */
static void look_into(struct socket *socket, struct list_node *reachable)
{
	list_for_each(node, &socket->cookies) {
		struct scm_cookie *cookie = container_of(node, struct scm_cookie, node);

		for (unsigned i = 0; i < cookie->count; i++) {
			struct socket *sent = socket_of_file(cookie->files[i]);

			if (!sent || !sent->doubtful)
				continue;
			if (!reachable) {
				sent->from_outside--;
				continue;
			}
			sent->doubtful = false;
			list_remove(&sent->of_flying);
			list_append(reachable, &sent->of_flying);
		}
	}
}

static void look_into_all(struct socket *socket, struct list_node *reachable)
{
	look_into(socket, reachable);
	list_for_each(node, &socket->pending)
		look_into(container_of(node, struct socket, of_pending), reachable);
}

static void empty_queue(struct socket *socket, struct list_node *lost)
{
	while (!list_is_empty(&socket->cookies)) {
		struct scm_cookie *cookie = container_of(list_first(&socket->cookies), struct scm_cookie, node);

		scm_unqueue(cookie->place);
		list_append(lost, &cookie->node);
	}
}

/* Moves the cookies in queues of lost sockets to the list. */
static void find_lost(struct list_node *lost)
{
	struct list_node doubtful = LIST_INIT(doubtful), reachable = LIST_INIT(reachable);

	list_for_each_safe(node, &flying) {
		struct socket *socket = container_of(node, struct socket, of_flying);

		if (socket->file->refs > socket->in_flight)
			continue;
		socket->doubtful = true;
		socket->from_outside = socket->in_flight;
		list_remove(node);
		list_append(&doubtful, node);
	}
	list_for_each(node, &doubtful)
		look_into_all(container_of(node, struct socket, of_flying), NULL);
	list_for_each_safe(node, &doubtful) {
		struct socket *socket = container_of(node, struct socket, of_flying);

		if (!socket->from_outside)
			continue;
		socket->doubtful = false;
		list_remove(node);
		list_append(&reachable, node);
	}
	/* The list grows while it is walked; sockets that were looked at stay in it. */
	list_for_each(node, &reachable)
		look_into_all(container_of(node, struct socket, of_flying), &reachable);
	while (!list_is_empty(&reachable)) {
		struct list_node *node = list_first(&reachable);

		list_remove(node);
		list_append(&flying, node);
	}
	while (!list_is_empty(&doubtful)) {
		struct list_node *node = list_first(&doubtful);
		struct socket *socket = container_of(node, struct socket, of_flying);

		socket->doubtful = false;
		list_remove(node);
		list_append(&flying, node);
		empty_queue(socket, lost);
		list_for_each(early, &socket->pending)
			empty_queue(container_of(early, struct socket, of_pending), lost);
	}
}

/* --- the end of cookies --- */

/* Closing a file can drop more cookies, to any depth: so these are put into a list and dropped one after another. */
static struct list_node dropping = LIST_INIT(dropping);
static bool at_work, circles_possible;

static void drop(struct task *self, struct scm_cookie *cookie)
{
	for (unsigned i = 0; i < cookie->count; i++) {
		const struct socket *sent = socket_of_file(cookie->files[i]);

		circles_possible |= sent && sent->in_flight;
		file_put(self, cookie->files[i]);
	}
	user_uncharge(cookie->user, USER_FILES_IN_FLIGHT, cookie->count);
	heap_free(cookie);
}

static void settle(struct task *self)
{
	if (at_work)
		return;
	at_work = true;
	while (circles_possible || !list_is_empty(&dropping)) {
		struct list_node *node = list_first(&dropping);

		if (list_is_empty(&dropping)) {
			circles_possible = false;
			find_lost(&dropping);
			continue;
		}
		list_remove(node);
		drop(self, container_of(node, struct scm_cookie, node));
	}
	at_work = false;
}

void scm_destroy(struct task *self, struct scm_cookie *cookie)
{
	if (!cookie)
		return;
	list_append(&dropping, &cookie->node);
	settle(self);
}

void scm_collect(struct task *self)
{
	circles_possible = true;
	settle(self);
}
