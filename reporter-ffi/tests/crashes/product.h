/*
 * A product that fails: PROGRAM [--config FILE] KIND. Without a configuration it fails without a reporter, as it would if we did not exist.
 */
#ifndef PRODUCT_H
#define PRODUCT_H

#include <inttypes.h>
#include <reporter.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef _WIN32
#include <windows.h>
#else
#include <sys/syscall.h>
#endif

/* The kind of failure that is asked for. */
static inline const char *kind(int argc, char **argv) { return argv[argc - 1]; }

static inline long thread_number(void) {
#ifdef _WIN32
    return (long)GetCurrentThreadId();
#else
    return syscall(SYS_gettid);
#endif
}

/* What the configuration says. */
static inline reporter_options_t *configured(FILE *file) {
    char line[4096];
    reporter_options_t *options = reporter_options_new("Example Software", "Crashes", "1.0.0");
    while (fgets(line, sizeof line, file) != NULL) {
        char *value = strstr(line, " = ");
        if (value == NULL)
            continue;
        *value = '\0';
        value += 3;
        value[strcspn(value, "\n")] = '\0';
        if (strcmp(line, "handler") == 0)
            reporter_options_set_handler(options, value);
        else if (strcmp(line, "spool") == 0)
            reporter_options_set_spool(options, value);
        else if (strcmp(line, "from") == 0)
            reporter_options_set_mail_from(options, value);
        else if (strcmp(line, "to") == 0)
            reporter_options_add_mail_to(options, value);
        else if (strcmp(line, "eml-directory") == 0)
            reporter_options_set_eml_directory(options, value);
        else if (strcmp(line, "dialog") == 0)
            reporter_options_set_dialog(options, value);
    }
    return options;
}

/* Starts the reporter as the configuration says, and does what a product does before it fails. */
static inline void start_product(int argc, char **argv) {
    FILE *file = argc == 4 && strcmp(argv[1], "--config") == 0 ? fopen(argv[2], "r") : NULL;
    if (file == NULL)
        return;
    reporter_status_t status = reporter_start(configured(file));
#ifdef _WIN32
    /* A machine that is busy with other tests, and Wine, do not always have a handler answer in its two seconds. */
    for (int tries = 1; status == REPORTER_OK && !reporter_is_active() && tries < 10; tries++) {
        reporter_shutdown(0);
        rewind(file);
        status = reporter_start(configured(file));
    }
#endif
    fclose(file);
    if (strcmp(kind(argc, argv), "without_handler") == 0 && status == REPORTER_OK && !reporter_is_active())
        return;
    if (status != REPORTER_OK || !reporter_is_active()) {
        const char *why = status == REPORTER_OK ? reporter_soft_error(0) : reporter_last_error();
        fprintf(stderr, "no reporter: %s\n", why == NULL ? "" : why);
        exit(99);
    }
    reporter_command("product.open", "Open", REPORTER_SURFACE_MENU);
    reporter_task_begin("work");
}

/* The last thing done before the fault. Tells the test which thread it is, and what address it is about; allocates nothing. */
static inline void fails_now(const volatile void *address) {
    char text[80];
    int length = snprintf(text, sizeof text, "thread %ld\naddress 0x%" PRIxPTR "\n", thread_number(), (uintptr_t)address);
    if (write(STDOUT_FILENO, text, (unsigned)length) != length)
        _exit(98);
    reporter_command("product.fail", "Fail", REPORTER_SURFACE_MENU);
}

#endif
