/* A product with a handler of its own for SIGSEGV. Its arguments are steps, taken one after another.
 *   ends      its handler is installed, and ends the process with 42
 *   chains    its handler is installed, and calls the one that was there before
 *   start, rearm, fault */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int native_start(void);
int native_rearm(void);
void native_fault(void);

static struct sigaction previous;

static void say(const char *text) {
    if (write(1, text, strlen(text)) < 0)
        _exit(65);
}

static void ends(int signal) {
    (void)signal;
    say("own handler\n");
    _exit(42);
}

static void chains(int signal, siginfo_t *info, void *context) {
    say("own handler\n");
    if (previous.sa_flags & SA_SIGINFO)
        previous.sa_sigaction(signal, info, context);
    else
        sigaction(signal, &previous, NULL);
}

int main(int argc, char **argv) {
    for (int n = 1; n < argc; n++) {
        if (strcmp(argv[n], "ends") == 0)
            signal(SIGSEGV, ends);
        else if (strcmp(argv[n], "chains") == 0) {
            struct sigaction action = {.sa_sigaction = chains, .sa_flags = SA_SIGINFO};
            sigaction(SIGSEGV, &action, &previous);
        } else if (strcmp(argv[n], "start") == 0) {
            if (native_start() != 0)
                return 2;
        } else if (strcmp(argv[n], "rearm") == 0)
            native_rearm();
        else if (strcmp(argv[n], "fault") == 0)
            native_fault();
        else
            return 64;
    }
    return 0;
}
