/*
 * The smallest product that crashes and whose report arrives: tries a package of libreporter. Knows its header, its library and nothing else of it, not even
 * where the helper program is.
 *
 *   product DIR     crashes; undecided reports wait in DIR/spool, granted ones become mails in DIR/mails
 */
#include <stdio.h>
#include <string.h>

#include <reporter.h>

static char path[1024];

static const char *in(const char *folder, const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void cross_the_line(volatile int *nowhere)
{
    *nowhere = 1;
}

int main(int count, char **arguments)
{
    if (count != 2) {
        fputs("usage: product DIR\n", stderr);
        return 2;
    }
    reporter_options_t *options = reporter_options_new("Example Software", "Consumer", "1.0.0");
    reporter_options_set_spool(options, in(arguments[1], "spool"));
    reporter_options_set_eml_directory(options, in(arguments[1], "mails"));
    reporter_options_set_mail_from(options, "errors@consumer.example");
    reporter_options_add_mail_to(options, "support@consumer.example");
    if (reporter_start(options) != REPORTER_OK || !reporter_is_active()) {
        fprintf(stderr, "no reports: %s\n", reporter_last_error());
        for (size_t i = 0; reporter_soft_error(i) != NULL; i++)
            fprintf(stderr, "no reports: %s\n", reporter_soft_error(i));
        return 3;
    }
    printf("libreporter %s\n", reporter_version_text());
    fflush(stdout);
    reporter_command("line.cross", "Cross the line", REPORTER_SURFACE_COMMAND_LINE);
    cross_the_line(NULL);
    return 0;
}
