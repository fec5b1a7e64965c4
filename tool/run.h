/* `allod run`: everything between the command line and the exit status. */
#ifndef TOOL_RUN_H
#define TOOL_RUN_H

/* `words` are those behind "run". -> exit status. */
int run(char **words);

#endif
