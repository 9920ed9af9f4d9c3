/* What the test programs share. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Not assert(): it must hold in every build, and say what was found. */
#define CHECK_STATUS(call, expected)                                                                                                       \
    do {                                                                                                                                   \
        int got = (int)(call);                                                                                                             \
        if (got != (int)(expected)) {                                                                                                      \
            fprintf(stderr, "%s:%d: %s is %d (%s), not %s\n", __FILE__, __LINE__, #call, got, reporter_last_error(), #expected);          \
            exit(1);                                                                                                                       \
        }                                                                                                                                  \
    } while (0)

#define CHECK(condition)                                                                                                                   \
    do {                                                                                                                                   \
        if (!(condition)) {                                                                                                                \
            fprintf(stderr, "%s:%d: not so: %s (last error: %s)\n", __FILE__, __LINE__, #condition, reporter_last_error());                \
            exit(1);                                                                                                                       \
        }                                                                                                                                  \
    } while (0)

#define CHECK_LAST_ERROR(expected)                                                                                                         \
    do {                                                                                                                                   \
        if (strcmp(reporter_last_error(), expected) != 0) {                                                                                \
            fprintf(stderr, "%s:%d: the last error is \"%s\", not \"%s\"\n", __FILE__, __LINE__, reporter_last_error(), expected);         \
            exit(1);                                                                                                                       \
        }                                                                                                                                  \
    } while (0)

#endif
