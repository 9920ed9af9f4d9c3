/* A host that opens the library when its threads are there already. They never call it.
 *   late_host LIBRARY main|thread
 * The named one overflows its stack. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int wake[2];
static int (*start)(void);
static uintptr_t (*overflow)(uintptr_t);
static sem_t started;

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static void *waits(void *overflows) {
    char byte;
    /* The signal that brings the stack must not end this call. */
    if (read(wake[0], &byte, 1) != 1)
        fail("read");
    if (overflows != NULL)
        overflow(0);
    return NULL;
}

static void *starts(void *nothing) {
    int status = start();
    if (status != 0)
        exit(2);
    sem_post(&started);
    return nothing;
}

int main(int argc, char **argv) {
    if (argc != 3 || pipe(wake) != 0 || sem_init(&started, 0, 0) != 0)
        return 64;
    int in_main = strcmp(argv[2], "main") == 0;
    pthread_t thread, starter;
    if (pthread_create(&thread, NULL, waits, in_main ? NULL : &wake) != 0)
        fail("pthread_create");

    void *library = dlopen(argv[1], RTLD_NOW);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    *(void **)&start = dlsym(library, "native_start");
    *(void **)&overflow = dlsym(library, "native_overflow");
    if (pthread_create(&starter, NULL, starts, NULL) != 0)
        fail("pthread_create");
    while (sem_wait(&started) != 0)
        if (errno != EINTR)
            fail("sem_wait");
    puts("started");
    fflush(stdout);
    if (in_main)
        overflow(0);
    if (write(wake[1], "", 1) != 1)
        fail("write");
    pthread_join(thread, NULL);
    return 0;
}
