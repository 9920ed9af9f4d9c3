/* A host of plug-ins that loads reporter.dll and frees it a thousand times without a call, then a thousand times with one, and counts what that leaves behind. Says
 * it after the first few rounds ("warm") and at the end ("last"), and whether the library is still there. */
#include <reporter.h>
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#include <psapi.h>
#include <tlhelp32.h>

/* The first ones fill what is filled once. */
enum { WARM = 20, ROUNDS = 1000 };

static void fail(const char *what) {
    fprintf(stderr, "%s: error %lu\n", what, GetLastError());
    exit(96);
}

static int threads(void) {
    HANDLE all = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    THREADENTRY32 entry = {.dwSize = sizeof entry};
    int count = 0;
    for (BOOL more = Thread32First(all, &entry); more; more = Thread32Next(all, &entry))
        count += entry.th32OwnerProcessID == GetCurrentProcessId();
    CloseHandle(all);
    return count;
}

static void tell(const char *when) {
    PROCESS_MEMORY_COUNTERS_EX memory;
    if (!GetProcessMemoryInfo(GetCurrentProcess(), (PROCESS_MEMORY_COUNTERS *)&memory, sizeof memory))
        fail("counting");
    printf("%s threads %d memory %lu\n", when, threads(), (unsigned long)memory.PrivateUsage);
}

static FARPROC function(HMODULE library, const char *name) {
    FARPROC address = GetProcAddress(library, name);
    if (address == NULL)
        fail(name);
    return address;
}

/* One call that succeeds, and one that fails, which leaves words in the memory of the thread. */
static void calls(HMODULE library) {
    const char *(*version)(void), *(*last_error)(void);
    reporter_status_t (*annotate)(const char *, const char *);
    *(FARPROC *)&version = function(library, "reporter_version_text");
    *(FARPROC *)&annotate = function(library, "reporter_annotate");
    *(FARPROC *)&last_error = function(library, "reporter_last_error");
    if (version()[0] == '\0' || annotate(NULL, "") != REPORTER_ERROR_NULL || last_error()[0] == '\0')
        fail("a call");
}

static void loads(int called) {
    for (int round = 0; round < ROUNDS; round++) {
        HMODULE library = LoadLibraryA("reporter.dll");
        if (library == NULL)
            fail("LoadLibrary");
        if (called)
            calls(library);
        if (!FreeLibrary(library))
            fail("FreeLibrary");
        if (round == WARM)
            tell(called ? "called-warm" : "warm");
    }
    tell(called ? "called-last" : "last");
    printf("%sloaded %d\n", called ? "called-" : "", GetModuleHandleA("reporter.dll") != NULL);
    fflush(stdout);
}

int main(void) {
    tell("before");
    loads(0);
    loads(1);
    return 0;
}
