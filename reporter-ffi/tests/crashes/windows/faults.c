/* Every way in which a program in C ends by its own doing on Windows. */
#include "../product.h"

#include <assert.h>
#include <excpt.h>
#include <tlhelp32.h>

#define IN_PAGE_ERROR ((DWORD)EXCEPTION_IN_PAGE_ERROR)
#define HEAP_CORRUPTION 0xc0000374u
#define FAST_FAIL 0xc0000409u
/* A code that is nobody's but this product's. */
#define OWN_CODE 0xe0000042u

/* In ways that a compiler does not see through. */
static volatile int zero, one = 1;

static volatile int *at(uintptr_t address) { return (volatile int *)address; }

static void read_from(uintptr_t address) {
    fails_now(at(address));
    (void)*at(address);
}

static void *new_page(DWORD protection) {
    void *page = VirtualAlloc(NULL, 4096, MEM_COMMIT | MEM_RESERVE, protection);
    if (page == NULL)
        _exit(97);
    return page;
}

static void call(const void *address) {
    void (*function)(void);
    memcpy(&function, &address, sizeof function);
    fails_now(address);
    function();
}

/* A function without parameters of a library, which is loaded if it is not yet. */
static void (*function_of(const char *library, const char *name))(void) {
    HMODULE module = LoadLibraryA(library);
    FARPROC found = module == NULL ? NULL : GetProcAddress(module, name);
    void (*function)(void);
    if (found == NULL)
        _exit(97);
    memcpy(&function, &found, sizeof function);
    return function;
}

static void reads(void) { read_from(0x10); }

static void writes(void) {
    volatile int *page = new_page(PAGE_READONLY);
    fails_now(page);
    *page = 1;
}

static void executes(void) { call(new_page(PAGE_READWRITE)); }

static void calls_null(void) { call(NULL); }

#ifdef _WIN64
static void non_canonical(void) { read_from(0x8000000000000000u); }
#endif

static void guard_page(void) { read_from((uintptr_t)new_page(PAGE_READWRITE | PAGE_GUARD)); }

static void in_page(void) {
    ULONG_PTR parameters[] = {0, 0x77770000, 0xc000009c};
    fails_now(at(0x77770000));
    RaiseException(IN_PAGE_ERROR, EXCEPTION_NONCONTINUABLE, 3, parameters);
}

static void illegal(void) {
    fails_now(NULL);
    __asm__ volatile("ud2");
}

static void breakpoint(void) {
    fails_now(NULL);
    __asm__ volatile("int3");
}

static void privileged(void) {
    fails_now(NULL);
    __asm__ volatile("hlt");
}

static void divides(void) {
    fails_now(NULL);
    zero = one / zero;
}

static int overflow(int depth) {
    volatile char room[1000];
    room[0] = (char)depth;
    return depth < 0 ? 0 : overflow(depth + 1) + room[0];
}

static void overflow_main(void) {
    fails_now(NULL);
    overflow(zero);
}

static HANDLE start(LPTHREAD_START_ROUTINE function, void *argument) {
    HANDLE thread = CreateThread(NULL, 256 << 10, function, argument, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    if (thread == NULL)
        _exit(97);
    return thread;
}

static void in_a_thread(LPTHREAD_START_ROUTINE function) { WaitForSingleObject(start(function, NULL), INFINITE); }

static DWORD WINAPI overflows(void *unused) {
    (void)unused;
    overflow_main();
    return 0;
}

static void overflow_thread(void) { in_a_thread(overflows); }

static DWORD WINAPI reads_there(void *unused) {
    (void)unused;
    reads();
    return 0;
}

static void in_thread(void) { in_a_thread(reads_there); }

static HANDLE together;

static DWORD WINAPI reads_with_others(void *address) {
    WaitForSingleObject(together, INFINITE);
    (void)*(volatile int *)address;
    return 0;
}

static void many_threads(unsigned count) {
    HANDLE last = NULL;
    together = CreateEventA(NULL, TRUE, FALSE, NULL);
    for (unsigned n = 0; n < count; n++)
        last = start(reads_with_others, (void *)at(0x100 + 4 * n));
    fails_now(NULL);
    SetEvent(together);
    WaitForSingleObject(last, INFINITE);
    Sleep(INFINITE);
}

static void two_threads(void) { many_threads(2); }
static void eight_threads(void) { many_threads(8); }

static DWORD WINAPI sleeps(void *unused) {
    (void)unused;
    Sleep(INFINITE);
    return 0;
}

static void beside_100_threads(void) {
    for (int n = 0; n < 100; n++)
        start(sleeps, NULL);
    reads();
}

/* As the heap's own code does it. */
static void heap_raised(void) {
    fails_now(NULL);
    RaiseException(HEAP_CORRUPTION, EXCEPTION_NONCONTINUABLE, 0, NULL);
}

static void double_free(void) {
    HANDLE heap = GetProcessHeap();
    void *block = HeapAlloc(heap, 0, 24);
    HeapSetInformation(NULL, HeapEnableTerminationOnCorruption, NULL, 0);
    fails_now(NULL);
    HeapFree(heap, 0, block);
    HeapFree(heap, 0, block);
}

static void aborts(void) {
    fails_now(NULL);
    abort();
}

/* Of the runtime that others than MinGW use, which fails fast where it is Windows' own. */
static void universal_abort(void) {
    void (*function)(void) = function_of("ucrtbase.dll", "abort");
    fails_now(NULL);
    function();
}

static void failed_assertion(void) {
    fails_now(NULL);
    assert(zero == 1);
}

/* What compilers put into the tables of classes whose functions are nobody's. */
static void pure_call(void) {
    void (*function)(void) = function_of("vcruntime140.dll", "_purecall");
    fails_now(NULL);
    function();
}

typedef int copies(char *, size_t, const char *);

static void invalid_parameter_of(const char *runtime) {
    void (*function)(void) = function_of(runtime, "strcpy_s");
    copies *copy;
    memcpy(&copy, &function, sizeof copy);
    fails_now(NULL);
    copy(NULL, 8, "text");
}

static void invalid_parameter(void) { invalid_parameter_of("ucrtbase.dll"); }

/* The runtime comes with a plug-in, when the reporter runs already. */
static void late_invalid_parameter(void) {
    function_of("ucrtbase.dll", "strcpy_s");
    reporter_rearm();
    invalid_parameter();
}

/* To that of the system an error as any other: the product goes on. */
static void tolerated_parameter(void) {
    invalid_parameter_of("msvcrt.dll");
    exit(4);
}

static void raises(void) {
    fails_now(NULL);
    RaiseException(OWN_CODE, 0, 0, NULL);
}

/* What a vectored handler and a filter make of the first exception is a second one, of this address. */
static LONG CALLBACK faults_first(EXCEPTION_POINTERS *pointers) {
    static volatile LONG calls;
    (void)pointers;
    if (InterlockedIncrement(&calls) == 1)
        (void)*at(0x18);
    return EXCEPTION_CONTINUE_SEARCH;
}

static void in_vectored_handler(void) {
    AddVectoredExceptionHandler(1, faults_first);
    fails_now(at(0x18));
    (void)*at(0x10);
}

static LONG CALLBACK leaves_by_itself(EXCEPTION_POINTERS *pointers) {
    (void)pointers;
    _exit(7);
}

/* `__try` of other compilers: a frame's handler, and where to go on. */
static void *volatile behind;

__attribute__((used)) static EXCEPTION_DISPOSITION goes_on_behind(
    EXCEPTION_RECORD *record, void *frame, CONTEXT *context, void *dispatcher) {
    (void)record, (void)frame, (void)dispatcher;
#ifdef _WIN64
    context->Rip = (uintptr_t)behind;
#else
    context->Eip = (uintptr_t)behind;
#endif
    return ExceptionContinueExecution;
}

/* In the tables of the program where addresses have 64 bits, in a list on the stack where they have 32. */
#ifndef _WIN64
static void read_with_handler(EXCEPTION_DISPOSITION (*handler)(EXCEPTION_RECORD *, void *, CONTEXT *, void *)) {
    NT_TIB *block = (NT_TIB *)NtCurrentTeb();
    EXCEPTION_REGISTRATION_RECORD here;
    here.Next = block->ExceptionList;
    here.Handler = (PEXCEPTION_ROUTINE)(uintptr_t)handler;
    block->ExceptionList = &here;
    __asm__ volatile("movl $1f, %0\n\t"
                     "movl 0x10, %%eax\n"
                     "1:"
                     : "=m"(behind)
                     :
                     : "eax", "memory");
    block->ExceptionList = here.Next;
}
#endif

__attribute__((noinline)) static void reads_guarded(void) {
#ifndef _WIN64
    read_with_handler(goes_on_behind);
#else
    __asm__ volatile(".seh_handler goes_on_behind, @except\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "movq %%rax, %0\n\t"
                     "movl 0x10, %%eax\n"
                     "1:"
                     : "=m"(behind)
                     :
                     : "rax", "memory");
#endif
}

static void handled(void) {
    fails_now(at(0x10));
    for (int n = 0; n < 1000; n++)
        reads_guarded();
    exit(5);
}

__attribute__((used)) static EXCEPTION_DISPOSITION faults_itself(
    EXCEPTION_RECORD *record, void *frame, CONTEXT *context, void *dispatcher) {
    static volatile LONG calls;
    (void)record, (void)frame, (void)context, (void)dispatcher;
    if (InterlockedIncrement(&calls) == 1)
        (void)*at(0x18);
    return ExceptionContinueSearch;
}

__attribute__((noinline)) static void in_frame_handler(void) {
    fails_now(at(0x18));
#ifndef _WIN64
    read_with_handler(faults_itself);
#else
    __asm__ volatile(".seh_handler faults_itself, @except\n\t"
                     "movl 0x10, %%eax"
                     :
                     :
                     : "rax", "memory");
#endif
}

static void fast_fail(void) {
    fails_now(NULL);
    /* FAST_FAIL_STACK_COOKIE_CHECK_FAILURE */
    __asm__ volatile("int $0x29" : : "c"(2));
}

static void terminates_as(DWORD code) {
    fails_now(NULL);
    TerminateProcess(GetCurrentProcess(), code);
    Sleep(INFINITE);
}

static void ends_as_fast_fail(void) { terminates_as(FAST_FAIL); }
static void ends_as_heap_corruption(void) { terminates_as(HEAP_CORRUPTION); }
static void killed(void) { terminates_as(1); }

static void returns_3(void) {
    fails_now(NULL);
    exit(3);
}

static void exits_process(void) {
    fails_now(NULL);
    ExitProcess(3);
}

/* As the task manager would: the one program that this one has started. */
static void ends_its_handler(void) {
    PROCESSENTRY32 entry = {.dwSize = sizeof entry};
    HANDLE processes = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    for (BOOL found = Process32First(processes, &entry); found; found = Process32Next(processes, &entry)) {
        if (entry.th32ParentProcessID != GetCurrentProcessId() || strcmp(entry.szExeFile, "reporter-handler.exe") != 0)
            continue;
        HANDLE handler = OpenProcess(PROCESS_TERMINATE | SYNCHRONIZE, FALSE, entry.th32ProcessID);
        TerminateProcess(handler, 1);
        WaitForSingleObject(handler, INFINITE);
    }
    reads();
}

static void leaves(void) { exit(0); }

/* A plug-in that lies beside the program. Where it cannot be loaded the product goes on without it. */
static void loads(const char *library) {
    fails_now(at(0x20));
    HMODULE module = LoadLibraryA(library);
    exit(module == NULL ? 6 : 0);
}

static void library_start(void) { loads("faults_at_start.dll"); }
static void library_end(void) { loads("faults_at_end.dll"); }

static void simulates(void) {
    fails_now(NULL);
    reporter_simulate_crash();
    reporter_shutdown(60000);
    exit(0);
}

static const struct {
    const char *name;
    void (*run)(void);
} KINDS[] = {
    {"read", reads},
    {"write", writes},
    {"execute", executes},
    {"null_call", calls_null},
#ifdef _WIN64
    {"non_canonical", non_canonical},
#endif
    {"guard_page", guard_page},
    {"in_page", in_page},
    {"illegal", illegal},
    {"breakpoint", breakpoint},
    {"privileged", privileged},
    {"divide", divides},
    {"overflow_main", overflow_main},
    {"overflow_thread", overflow_thread},
    {"in_thread", in_thread},
    {"two_threads", two_threads},
    {"eight_threads", eight_threads},
    {"beside_100_threads", beside_100_threads},
    {"heap_raised", heap_raised},
    {"double_free", double_free},
    {"abort", aborts},
    {"universal_abort", universal_abort},
    {"failed_assertion", failed_assertion},
    {"pure_call", pure_call},
    {"invalid_parameter", invalid_parameter},
    {"late_invalid_parameter", late_invalid_parameter},
    {"tolerated_parameter", tolerated_parameter},
    {"raised", raises},
    {"in_vectored_handler", in_vectored_handler},
    {"in_filter", reads},
    {"own_filter", reads},
    {"in_frame_handler", in_frame_handler},
    {"handled", handled},
    {"fast_fail", fast_fail},
    {"ends_as_fast_fail", ends_as_fast_fail},
    {"ends_as_heap_corruption", ends_as_heap_corruption},
    {"killed", killed},
    {"exit", returns_3},
    {"exit_process", exits_process},
    {"at_exit_before", leaves},
    {"at_exit_after", leaves},
    {"library_start", library_start},
    {"library_end", library_end},
    {"simulated", simulates},
    {"without_handler", reads},
    {"handler_ended", ends_its_handler},
};

static int is(int argc, char **argv, const char *name) { return strcmp(kind(argc, argv), name) == 0; }

/* Before main(), when the libraries of the program have started. */
__attribute__((constructor)) static void constructor(void) {
    if (is(__argc, __argv, "constructor")) {
        start_product(__argc, __argv);
        reads();
    }
}

int main(int argc, char **argv) {
    if (is(argc, argv, "at_exit_before"))
        atexit(reads);
    if (is(argc, argv, "in_filter"))
        SetUnhandledExceptionFilter(faults_first);
    if (is(argc, argv, "own_filter"))
        SetUnhandledExceptionFilter(leaves_by_itself);
    if (is(argc, argv, "pure_call"))
        function_of("vcruntime140.dll", "_purecall");
    if (is(argc, argv, "invalid_parameter") || is(argc, argv, "universal_abort"))
        function_of("ucrtbase.dll", "strcpy_s");
    start_product(argc, argv);
    if (is(argc, argv, "at_exit_after"))
        atexit(reads);
    for (size_t n = 0; n < sizeof KINDS / sizeof *KINDS; n++)
        if (is(argc, argv, KINDS[n].name))
            KINDS[n].run();
    fprintf(stderr, "%s did not end the program\n", kind(argc, argv));
    return 96;
}
