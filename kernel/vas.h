/* VASes: spaces without threads (SPACE_VAS) that are attached to spaces whose threads switch into them.
 *
 *   native window of the attached space        map of the VAS
 *   0       [ its own memory          ]
 *   half    [ offset 0 ... half       ]  <---  offset 0 ... half
 *
 * An attachment is a view of the space (space.h): a root, and the table that links the native window, whose upper half shows the
 * VAS. pt.c keeps all other entries of both equal to those of the space's main view. Everything below is linked, so neither a
 * change in the VAS nor one in the space has to be copied.
 *
 * For each space with a system that a thread is in, call.view (thread.h) says under which view. A detached attachment keeps its
 * tables, because a processor may be on them still; the next attachment to the same space uses them. All functions: under the
 * kernel lock. */
#ifndef KERNEL_VAS_H
#define KERNEL_VAS_H

#include "lib/list.h"
#include "space.h"

struct call;
struct thread;

struct attachment {
	struct view view;  /* first: a view that is not its space's main one is part of an attachment */
	struct space *vas; /* NULL: detached */
	u32 rights;        /* RIGHT_R, W, X; VAS_BY_SYSTEM */
	pte_t *links;      /* [I] the table that the native window is linked into */
	struct list_node of_space, of_vas; /* in space.attachments, in vas.attached */
};

/* The attachment that a view belongs to, NULL for a main view. */
static inline struct attachment *view_attachment(struct view *view)
{
	return view == &view->space->view ? NULL : container_of(view, struct attachment, view);
}

/* The attachment of a VAS to a space, NULL if there is none. */
struct attachment *vas_find(struct space *space, const struct space *vas);
bool vas_is_attached(const struct space *vas, const struct space *space);
/* As the native calls. */
int vas_attach(struct space *space, struct space *vas, u32 rights);
int vas_detach(struct space *space, struct space *vas, bool force);
/* Switches the thread to another VAS in the space that it is in, or (by_system) in the space whose system call it serves. -> number
 * of the VAS before, 0 for none; -E_NOENT; -E_PERM if only the system may switch there; -E_INVAL for a space without a system. */
int vas_switch(struct thread *thread, u32 number, bool by_system);
/* -> number of the VAS that the thread is in there, 0 for none, -E_INVAL; *rights as in the attachment. */
int vas_active(const struct thread *thread, bool by_system, u32 *rights);
/* Sets the view in which a thread goes on in a space, in its entry for that: an attachment, or (NULL) the main view. The entry
 * holds a reference to the VAS until the view is set anew, so the number of a VAS that has ended is not reused while a call that
 * was made in it is under way. */
void vas_set_view(struct call *call, struct space *space, struct attachment *a);
/* A new thread starts in the VAS of the thread that made it by that call, unless only the system may switch there. */
void vas_inherit(struct thread *thread, const struct call *call);

/* Steps of the end of a space: if it is a VAS, detaches it everywhere; takes its threads out of the views of its attachments. Then,
 * when no processor is on these any more, frees them. */
void vas_end_space(struct space *space);
void vas_free_views(struct space *space);

/* Is the table at a physical address the root of a view of the space? For the machine. */
bool space_has_root(const struct space *space, u64 root);

#endif
