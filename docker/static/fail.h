/* fail.c: one line on stderr, and our exit status. */
int fail(const char *what);
int fail_with_traceback(void);
