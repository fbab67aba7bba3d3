/* make.c, for main.c. */
int build(int count, char **words);
