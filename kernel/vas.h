/* VASes: spaces without threads (SPACE_VAS) that are attached to spaces whose threads switch into them.
 *
 *   native window of the attached space        map of the VAS
 *   0       [ its own memory          ]
 *   half    [ offset 0 ... half       ]  <---  offset 0 ... half
 *
 * An attachment is a view of its own (space.h): a root, and the table that links the native window, of which the upper half
 * shows the VAS. All else in both is a copy of what the space's main view has, kept so by pt.c; the tables of the VAS's own map
 * are linked, so nothing that happens in the VAS or in the space has to be copied or told to anyone.
 *
 * Each thread is in one view wherever it is in a space with a system: call.view (thread.h). A detached attachment keeps its
 * tables for the next one of the same space, as a processor may be on them still. Under the kernel lock. */
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
/* The thread goes on in another VAS in the space it is in, or (by_system) in that whose call the caller serves. -> number of
 * the VAS before, 0 for none; -E_NOENT; -E_PERM if only the system may do it; -E_INVAL for a space without a system. */
int vas_switch(struct thread *thread, u32 number, bool by_system);
/* -> number of the VAS it is in, 0 for none, -E_INVAL; *rights as in the attachment. */
int vas_active(const struct thread *thread, bool by_system, u32 *rights);
/* The thread whose call this is goes on in an attachment in that space, NULL: in the main view. It holds the VAS until it goes on
 * elsewhere: the number of one that has ended is not given out anew while a call made in it is under way. */
void vas_set_view(struct call *call, struct space *space, struct attachment *a);
/* A new thread of a space starts in the VAS of the thread whose call made it, unless only the system switches there. */
void vas_inherit(struct thread *thread, const struct call *call);

/* Steps of space_end(): detaches all of a VAS, and lets threads leave the views of a space; then, when no processor is on
 * these any more, frees them. */
void vas_end_space(struct space *space);
void vas_free_views(struct space *space);

/* Is the table at a physical address the root of a view of the space? For the machine. */
bool space_has_root(const struct space *space, u64 root);

#endif
