/* A host and a plug-in that each have their own copy of the library: the host's is linked in, the plug-in's is opened.
 *   two_copies LIBRARY STEP...   start, shutdown, fault; plugin-start, plugin-shutdown; fork-plugin */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int native_start(void);
int native_shutdown(void);
void native_fault(void);

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
