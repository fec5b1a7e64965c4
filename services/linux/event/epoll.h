/* epoll sets. */
#ifndef LINUX_EVENT_EPOLL_H
#define LINUX_EVENT_EPOLL_H

struct file;

/* The file is going: no set watches it any more. */
void epoll_release_file(struct file *file);

#endif
