/* A host and a plug-in that each have their own copy of the library: the host's is linked in, the plug-in's is opened.
 *   two_copies LIBRARY STEP...   start, shutdown, fault; plugin-start, plugin-shutdown; fork-plugin; both-start */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int native_start(void);
int native_shutdown(void);
void native_fault(void);

static pthread_barrier_t together;

static void *starts(void *start) {
    pthread_barrier_wait(&together);
    return (void *)(long)(*(int (**)(void))start)();
}

/* At the same instant. Returns how many have started. */
static int both_start(int (*plugin_start)(void)) {
    int (*host_start)(void) = native_start;
    pthread_t host, plugin;
    void *of_host, *of_plugin;
    pthread_barrier_init(&together, NULL, 2);
    pthread_create(&host, NULL, starts, &host_start);
    pthread_create(&plugin, NULL, starts, &plugin_start);
    pthread_join(host, &of_host);
    pthread_join(plugin, &of_plugin);
    return (of_host == NULL) + (of_plugin == NULL);
}

int main(int argc, char **argv) {
    if (argc < 2)
        return 64;
    void *plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (plugin == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    int (*plugin_start)(void), (*plugin_shutdown)(void);
    *(void **)&plugin_start = dlsym(plugin, "native_start");
    *(void **)&plugin_shutdown = dlsym(plugin, "native_shutdown");
    if (plugin_start == native_start)
        return 65;
    for (int n = 2; n < argc; n++) {
        int status = 0;
        if (strcmp(argv[n], "start") == 0)
            status = native_start();
        else if (strcmp(argv[n], "shutdown") == 0)
            status = native_shutdown();
        else if (strcmp(argv[n], "plugin-start") == 0)
            status = plugin_start();
        else if (strcmp(argv[n], "plugin-shutdown") == 0)
            status = plugin_shutdown();
        else if (strcmp(argv[n], "both-start") == 0)
            status = both_start(plugin_start);
        else if (strcmp(argv[n], "fork-plugin") == 0) {
            pid_t child = fork();
            if (child == 0) {
                status = plugin_start();
                plugin_shutdown();
                _exit(status == 0 ? 0 : 1);
            }
            waitpid(child, &status, 0);
        } else if (strcmp(argv[n], "fault") == 0)
            native_fault();
        else
            return 64;
        printf("%s: %d\n", argv[n], status);
        fflush(stdout);
    }
    return 0;
}
