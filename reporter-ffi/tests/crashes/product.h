/*
 * A product that fails: PROGRAM [--config FILE] KIND. Without a configuration it fails without a reporter, as it would if we did not exist.
 */
#ifndef PRODUCT_H
#define PRODUCT_H

#include <reporter.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kind of failure that is asked for. */
static inline const char *kind(int argc, char **argv) { return argv[argc - 1]; }

/* Starts the reporter as the configuration says, and does what a product does before it fails. */
static inline void start_product(int argc, char **argv) {
    char line[4096];
    FILE *file = argc == 4 && strcmp(argv[1], "--config") == 0 ? fopen(argv[2], "r") : NULL;
    if (file == NULL)
        return;
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
    }
    fclose(file);
    if (reporter_start(options) != REPORTER_OK || !reporter_is_active()) {
        fprintf(stderr, "no reporter: %s\n", reporter_last_error());
        exit(99);
    }
    reporter_command("product.open", "Open", REPORTER_SURFACE_MENU);
    reporter_task_begin("work");
}

/* The last thing done before the fault. Tells the test which thread it is, and what address it is about; allocates nothing. */
static inline void fails_now(const volatile void *address) {
    char text[80];
    int length = snprintf(text, sizeof text, "thread %ld\naddress %#lx\n", syscall(SYS_gettid), (unsigned long)(uintptr_t)address);
    if (write(STDOUT_FILENO, text, (size_t)length) != length)
        _exit(98);
    reporter_command("product.fail", "Fail", REPORTER_SURFACE_MENU);
}

#endif
