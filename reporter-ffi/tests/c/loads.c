/* A host of plug-ins that opens and closes the library again and again, and counts what that leaves behind.
 *   loads LIBRARY ROUNDS          opens it, calls it in a thread that ends, closes it
 *   loads LIBRARY ROUNDS starts   and starts and ends reporting in between
 * Says what it counted: before, while it was open for the first time, after the first few rounds ("warm"), and at the end. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <reporter.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first ones fill what is filled once: tables of the C library, stacks of threads that it keeps, statics of ours. */
enum { WARM = 5 };

static void fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void *function(void *library, const char *name) {
    void *address = dlsym(library, name);
    if (address == NULL)
        fail(name, dlerror());
    return address;
}

static int entries(const char *path) {
    DIR *folder = opendir(path);
    if (folder == NULL)
        fail(path, "cannot be listed");
    int count = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

/* Lines of this process's memory map, all of them or those that hold `what`. */
static int mappings(const char *what) {
    char line[4096];
    FILE *maps = fopen("/proc/self/maps", "r");
    if (maps == NULL)
        fail("maps", "cannot be read");
    int count = 0;
    while (fgets(line, sizeof line, maps) != NULL)
        count += strstr(line, what) != NULL;
    fclose(maps);
    return count;
}

static int handlers(void) {
    int count = 0;
    for (int signal = 1; signal < NSIG; signal++) {
        struct sigaction action;
        if (sigaction(signal, NULL, &action) == 0)
            count += action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN;
    }
    return count;
}

static void tell(const char *when) {
    stack_t stack;
    sigaltstack(NULL, &stack);
    int has_stack = (stack.ss_flags & SS_DISABLE) == 0;
    struct mallinfo2 heap = mallinfo2();
    printf("%s: threads %d files %d handlers %d stack %d mappings %d heap %zu\n", when, entries("/proc/self/task"), entries("/proc/self/fd"),
           handlers(), has_stack, mappings(""), heap.uordblks + heap.hblkhd);
    fflush(stdout);
}

/* As a product does, by the addresses of the functions alone. */
static void starts(void *library) {
    const char *folder = getenv("REPORTER_TEST_FOLDER");
    char path[4096];
    reporter_options_t *(*new)(const char *, const char *, const char *) = NULL;
    reporter_status_t (*set_handler)(reporter_options_t *, const char *), (*set_spool)(reporter_options_t *, const char *);
    reporter_status_t (*start)(reporter_options_t *), (*command)(const char *, const char *, reporter_surface_t), (*shut_down)(uint32_t);
    bool (*is_active)(void);
    *(void **)&new = function(library, "reporter_options_new");
    *(void **)&set_handler = function(library, "reporter_options_set_handler");
    *(void **)&set_spool = function(library, "reporter_options_set_spool");
    *(void **)&start = function(library, "reporter_start");
    *(void **)&command = function(library, "reporter_command");
    *(void **)&shut_down = function(library, "reporter_shutdown");
    *(void **)&is_active = function(library, "reporter_is_active");
    reporter_options_t *options = new("Example Software", "Host", "1.0.0");
    snprintf(path, sizeof path, "%s/reporter-handler", folder);
    set_handler(options, path);
    snprintf(path, sizeof path, "%s/spool", folder);
    set_spool(options, path);
    if (start(options) != REPORTER_OK || !is_active())
        fail("start", "nothing is reported");
    command("host.load", "Load", REPORTER_SURFACE_MENU);
    if (shut_down(10000) != REPORTER_OK)
        fail("shutdown", "the handler did not confirm");
}

/* One call that succeeds, and one that fails, which leaves words in the memory of the thread. Why a thread: such memory has a destructor in the library, and the
 * C library unloads nothing that a thread has still to call. */
static void *calls(void *library) {
    const char *(*version)(void), *(*last_error)(void);
    reporter_status_t (*annotate)(const char *, const char *);
    *(void **)&version = function(library, "reporter_version_text");
    *(void **)&annotate = function(library, "reporter_annotate");
    *(void **)&last_error = function(library, "reporter_last_error");
    if (version()[0] == '\0' || annotate(NULL, "") != REPORTER_ERROR_NULL || last_error()[0] == '\0')
        fail("a call", "does not do what it should");
    return NULL;
}

int main(int argc, char **argv) {
    if (argc < 3)
        return 64;
    int rounds = atoi(argv[2]), is_started = argc > 3;
    const char *name = strrchr(argv[1], '/');
    tell("before");
    for (int round = 0; round < rounds; round++) {
        void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        if (library == NULL)
            fail("dlopen", dlerror());
        pthread_t thread;
        if (pthread_create(&thread, NULL, calls, library) != 0)
            fail("pthread_create", "no thread");
        pthread_join(thread, NULL);
        if (is_started)
            starts(library);
        if (round == 0)
            tell("open");
        dlclose(library);
        if (round == WARM)
            tell("warm");
    }
    tell("last");
    printf("mapped: %d\n", mappings(name) > 0);
    return 0;
}
