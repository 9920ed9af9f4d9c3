/* Every way in which a program in C ends by its own doing. */
#define _GNU_SOURCE
#include "product.h"

#include <assert.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* In ways that a compiler does not see through. */
static void *(*volatile allocate)(size_t) = malloc;
static void (*volatile release)(void *) = free;
static volatile int zero, one = 1;

static volatile int *at(uintptr_t address) { return (volatile int *)address; }

static void read_from(uintptr_t address) {
    fails_now(at(address));
    (void)*at(address);
}

static void *new_pages(int count, int protection) {
    return mmap(NULL, (size_t)(count * getpagesize()), protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void segv_read(void) { read_from(0x10); }

static void segv_write(void) {
    volatile int *page = new_pages(1, PROT_READ);
    fails_now(page);
    *page = 1;
}

static void segv_exec(void) {
    void *page = new_pages(1, PROT_READ | PROT_WRITE);
    void (*function)(void);
    memcpy(&function, &page, sizeof function);
    fails_now(page);
    function();
}

static void non_canonical(void) { read_from(0x8000000000000000u); }

static void bus(void) {
    char name[] = "/tmp/crashes-XXXXXX";
    int file = mkstemp(name);
    unlink(name);
    if (ftruncate(file, getpagesize()) != 0)
        _exit(97);
    volatile int *page = mmap(NULL, (size_t)getpagesize(), PROT_READ, MAP_SHARED, file, 0);
    if (ftruncate(file, 0) != 0)
        _exit(97);
    fails_now(page);
    (void)*page;
}

static void ill(void) {
    fails_now(NULL);
#ifdef __x86_64__
    __asm__ volatile("ud2");
#else
    __asm__ volatile(".inst 0");
#endif
}

static void fpe(void) {
    fails_now(NULL);
    zero = one / zero;
}

static void trap(void) {
    fails_now(NULL);
#ifdef __x86_64__
    __asm__ volatile("int3");
#else
    __asm__ volatile("brk 0");
#endif
}

static void aborts(void) {
    fails_now(NULL);
    abort();
}

/* From now on the kernel answers this system call by SIGSYS. */
static void forbid(unsigned number) {
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof program / sizeof *program, program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        _exit(97);
}

static void sys(void) {
    forbid(SYS_acct);
    fails_now(NULL);
    syscall(SYS_acct, NULL);
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

static void *overflows(void *unused) {
    (void)unused;
    overflow_main();
    return NULL;
}

static pthread_t start(void *(*function)(void *), void *argument) {
    pthread_t thread;
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 128 << 10);
    if (pthread_create(&thread, &small, function, argument) != 0)
        _exit(97);
    return thread;
}

static void overflow_thread(void) { pthread_join(start(overflows, NULL), NULL); }

static void *sleeps(void *unused) {
    pause();
    return unused;
}

static void double_free(void) {
    void *chunk = allocate(24);
    fails_now(NULL);
    release(chunk);
    release(chunk);
}

/* Writes over the size of the free memory behind the chunk. */
static void smashed_chunk(void) {
    /* With another thread the allocator takes its lock, and holds it where it finds the damage. */
    start(sleeps, NULL);
    /* What others have freed is used up first: behind the last one nothing was ever allocated. */
    char *chunk = NULL;
    for (int n = 0; n < 10000; n++)
        chunk = allocate(24);
    fails_now(NULL);
    memset(chunk + 24, 0xff, 8);
    allocate(100 << 10);
}

static void failed_assertion(void) {
    fails_now(NULL);
    assert(zero == 1);
}

/* Inside malloc(), where it holds its lock: the kernel refuses it more memory. */
static void malloc_lock(void) {
    start(sleeps, NULL);
    forbid(SYS_brk);
    fails_now(NULL);
    for (;;)
        allocate(100 << 10);
}

static void faults_in_handler(int signal) {
    (void)signal;
    segv_read();
}

static void in_signal_handler(void) {
    signal(SIGUSR1, faults_in_handler);
    raise(SIGUSR1);
}

static pthread_barrier_t together;

static void *reads_with_others(void *address) {
    pthread_barrier_wait(&together);
    (void)*(volatile int *)address;
    return NULL;
}

static void many_threads(unsigned count) {
    pthread_barrier_init(&together, NULL, count);
    fails_now(NULL);
    pthread_t last = pthread_self();
    for (unsigned n = 0; n < count; n++)
        last = start(reads_with_others, (void *)at(0x100 + 4 * n));
    pthread_join(last, NULL);
    pause();
}

static void two_threads(void) { many_threads(2); }
static void eight_threads(void) { many_threads(8); }

static void *reads(void *unused) {
    pthread_barrier_wait(&together);
    segv_read();
    return unused;
}

static void beside_500_threads(void) {
    pthread_barrier_init(&together, NULL, 2);
    for (int n = 0; n < 250; n++)
        start(sleeps, NULL);
    pthread_t failing = start(reads, NULL);
    for (int n = 0; n < 250; n++)
        start(sleeps, NULL);
    pthread_barrier_wait(&together);
    pthread_join(failing, NULL);
}

/* Until not a byte more can be had. */
static void use_up_memory(void) {
    struct rlimit limit = {1, 1};
    setrlimit(RLIMIT_AS, &limit);
    for (size_t size = 1 << 20; size >= 16; size /= 2)
        while (allocate(size) != NULL)
            continue;
}

static void without_memory(void) {
    use_up_memory();
    segv_read();
}

/* A plug-in brings the C++ runtime along, for itself alone, when the reporter runs already. */
static void late_terminate(void) {
    void *library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_LOCAL);
    void *symbol = library == NULL ? NULL : dlsym(library, "_ZSt9terminatev");
    void (*terminate)(void);
    if (symbol == NULL)
        _exit(97);
    reporter_rearm();
    memcpy(&terminate, &symbol, sizeof terminate);
    fails_now(NULL);
    terminate();
}

static void leaves(void) { exit(0); }

static void fork_child(void) {
    pid_t child = fork();
    if (child == 0)
        segv_read();
    int status;
    waitpid(child, &status, 0);
    exit(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV ? 0 : 1);
}

/* The child lives until its parent is gone. */
static void fork_parent(void) {
    int ends[2];
    if (pipe(ends) != 0)
        _exit(97);
    if (fork() == 0) {
        char byte;
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    segv_read();
}

static void killed(void) {
    fails_now(NULL);
    kill(getpid(), SIGKILL);
}

static void simulates(void) {
    fails_now(NULL);
    reporter_simulate_crash();
    reporter_shutdown(5000);
    exit(0);
}

static const struct {
    const char *name;
    void (*run)(void);
} KINDS[] = {
    {"segv_read", segv_read},
    {"segv_write", segv_write},
    {"segv_exec", segv_exec},
    {"non_canonical", non_canonical},
    {"bus", bus},
    {"ill", ill},
    {"fpe", fpe},
    {"trap", trap},
    {"abort", aborts},
    {"sys", sys},
    {"overflow_main", overflow_main},
    {"overflow_thread", overflow_thread},
    {"double_free", double_free},
    {"smashed_chunk", smashed_chunk},
    {"failed_assertion", failed_assertion},
    {"malloc_lock", malloc_lock},
    {"in_signal_handler", in_signal_handler},
    {"two_threads", two_threads},
    {"eight_threads", eight_threads},
    {"beside_500_threads", beside_500_threads},
    {"without_memory", without_memory},
    {"late_terminate", late_terminate},
    {"at_exit_before", leaves},
    {"at_exit_after", leaves},
    {"fork_child", fork_child},
    {"fork_parent", fork_parent},
    {"killed", killed},
    {"simulated", simulates},
};

static int is(int argc, char **argv, const char *name) { return strcmp(kind(argc, argv), name) == 0; }

__attribute__((constructor)) static void constructor(int argc, char **argv) {
    if (is(argc, argv, "constructor")) {
        start_product(argc, argv);
        segv_read();
    }
}

int main(int argc, char **argv) {
    if (is(argc, argv, "at_exit_before"))
        atexit(segv_read);
    start_product(argc, argv);
    if (is(argc, argv, "at_exit_after"))
        atexit(segv_read);
    for (size_t n = 0; n < sizeof KINDS / sizeof *KINDS; n++)
        if (is(argc, argv, KINDS[n].name))
            KINDS[n].run();
    fprintf(stderr, "%s did not end the program\n", kind(argc, argv));
    return 96;
}
