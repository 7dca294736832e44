/* message.h: one way to fail, for the files of jit/. */
#ifndef JIT_MESSAGE_H
#define JIT_MESSAGE_H

/* Sets *error, malloc'ed, and returns NULL; without memory even for the message, *error is NULL. */
void *jit_fail(char **error, const char *format, ...) __attribute__((format(printf, 2, 3)));

enum { MESSAGES_MAX = 1 << 14 }; /* bytes kept of what a compiler says */

/* What a compiler said, cut at MESSAGES_MAX. */
typedef struct messages {
    char text[MESSAGES_MAX + 1];
    unsigned len;
} messages;
void messages_add(messages *m, const char *s, unsigned long n);

#endif
