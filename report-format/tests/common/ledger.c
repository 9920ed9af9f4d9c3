// A process for debuggers to look at: two threads that wait, and variables of which the test knows the values.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct entry {
    int number;
    double amount;
    const char *label;
    struct entry *next;
};

enum state { OPEN, CLOSED };

static long opened = 4711;
static enum state state = CLOSED;
static struct entry *book;
static char *title;
static unsigned char *large;
static pthread_barrier_t begun;

__attribute__((noinline)) static int descend(int level, const char *name)
{
    volatile int local = level * 100;
    if (level < 3)
        return descend(level + 1, name) + local;
    pthread_barrier_wait(&begun);
    for (;;)
        pause();
}

static void *worker(void *argument)
{
    descend(1, argument);
    return NULL;
}

__attribute__((noinline)) static void await_end(struct entry *first)
{
    char byte;
    if (read(STDIN_FILENO, &byte, 1) != 1)
        exit(first->number == 0);
}

int main(void)
{
    // So that debuggers that are not root may look.
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    for (int number = 5; number > 0; number--) {
        struct entry *entry = malloc(sizeof *entry);
        *entry = (struct entry){number, number * 2.5, number % 2 ? "odd" : "even", book};
        book = entry;
    }
    title = strdup("The book of accounts");
    // Not malloc's own: a mapping, of which most was never touched.
    large = malloc(8 << 20);
    memset(large + (4 << 20), 0xa5, 10000);
    pthread_barrier_init(&begun, NULL, 2);
    pthread_t thread;
    pthread_create(&thread, NULL, worker, "helper");
    pthread_barrier_wait(&begun);
    puts("ready");
    fflush(stdout);
    await_end(book);
}
