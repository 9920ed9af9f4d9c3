/* A host in C that starts the reporter first, and a managed runtime after it, which then runs a program.
 *   host dotnet HOSTFXR DOTNET PROGRAM STEP…    with the library and the folder of a .NET
 *   host mono LIBRARY PROGRAM STEP… */
#include <stdio.h>

int native_start(void);

/* A function is no object: C has no conversion from what the loader gives, POSIX and Windows have. */
#pragma GCC diagnostic ignored "-Wpedantic"

#ifdef _WIN32
#include <windows.h>
typedef wchar_t text_t;
#define MAIN wmain
#define IS(text, word) (wcscmp(text, L##word) == 0)
static void *load(const text_t *path) { return (void *)LoadLibraryW(path); }
static void *find(void *library, const char *name) { return library == NULL ? NULL : (void *)GetProcAddress((HMODULE)library, name); }
#else
#include <dlfcn.h>
#include <string.h>
typedef char text_t;
#define MAIN main
#define IS(text, word) (strcmp(text, word) == 0)
static void *load(const text_t *path) { return dlopen(path, RTLD_NOW | RTLD_GLOBAL); }
static void *find(void *library, const char *name) { return library == NULL ? NULL : dlsym(library, name); }
#endif

static int run_dotnet(int argc, text_t **argv) {
    typedef int (*run_t)(int, const text_t **, const text_t *, const text_t *, const text_t *);
    run_t run = (run_t)find(load(argv[2]), "hostfxr_main_startupinfo");
    if (run == NULL)
        return 65;
    /* As if it were called `dotnet PROGRAM STEP…`. */
    argv[3] = argv[0];
    return run(argc - 3, (const text_t **)argv + 3, argv[0], argv[1], argv[4]);
}

#ifndef _WIN32
static int run_mono(int argc, char **argv) {
    void *library = load(argv[2]);
    void (*configure)(const char *) = (void (*)(const char *))find(library, "mono_config_parse");
    void *(*start)(const char *) = (void *(*)(const char *))find(library, "mono_jit_init");
    void *(*open)(void *, const char *) = (void *(*)(void *, const char *))find(library, "mono_domain_assembly_open");
    int (*run)(void *, void *, int, char **) = (int (*)(void *, void *, int, char **))find(library, "mono_jit_exec");
    if (configure == NULL || start == NULL || open == NULL || run == NULL)
        return 65;
    configure(NULL);
    void *domain = start("host");
    void *assembly = open(domain, argv[3]);
    return assembly == NULL ? 66 : run(domain, assembly, argc - 3, argv + 3);
}
#endif

int MAIN(int argc, text_t **argv) {
    if (argc < 5 || native_start() != 0)
        return 64;
    if (IS(argv[1], "dotnet")) {
        argv[1] = argv[3];
        return run_dotnet(argc, argv);
    }
#ifndef _WIN32
    if (IS(argv[1], "mono"))
        return run_mono(argc, argv);
#endif
    return 64;
}
