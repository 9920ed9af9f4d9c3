/* A product that looks at its errors before they are handed over. The last argument says what the hook does. */
#include "check.h"

#include <reporter.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct known {
    int code;
};

static const char *how;

static bool look(reporter_error_t *error, const void *hint, void *data)
{
    int *calls = data;
    ++*calls;
    const struct known *known = hint;
    if (known != NULL && known->code == 7)
        return false;
    CHECK(reporter_error_count(error) == 2);
    CHECK(strcmp(reporter_error_type(error, 0), "ledger.ImportError") == 0);
    CHECK(strcmp(reporter_error_message(error, 1), "no entry of Anna Berg") == 0);
    CHECK(reporter_error_type(error, 2) == NULL && reporter_error_message(error, 2) == NULL);
    CHECK(reporter_error_set_message(error, 2, "none") == REPORTER_ERROR_ARGUMENT);
    CHECK(reporter_error_set_message_n(error, 1, "no entry of (name)", 18) == REPORTER_OK);
    CHECK(reporter_error_add_cause(error, "seen", "by the hook") == REPORTER_OK);
    /* Would be looked at without an end. */
    CHECK(reporter_capture_error(reporter_error_new("inner", "of the hook")) == REPORTER_OK);
    return true;
}

static reporter_error_t *import_error(void)
{
    reporter_error_t *error = reporter_error_new("ledger.ImportError", "the statement cannot be imported");
    CHECK(reporter_error_add_cause(error, "", "no entry of Anna Berg") == REPORTER_OK);
    return error;
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    how = argv[1];
    char path[4096];
    const char *folder = getenv("REPORTER_TEST_FOLDER");
    reporter_options_t *options = reporter_options_new("Example Software", "Ledger", "1.0.0");
    snprintf(path, sizeof path, "%s/reporter-handler", folder);
    CHECK(reporter_options_set_handler(options, path) == REPORTER_OK);
    snprintf(path, sizeof path, "%s/spool", folder);
    CHECK(reporter_options_set_spool(options, path) == REPORTER_OK);
    snprintf(path, sizeof path, "%s/mails", folder);
    CHECK(reporter_options_set_eml_directory(options, path) == REPORTER_OK);
    CHECK(reporter_options_set_mail_from(options, "errors@ledger.example") == REPORTER_OK);
    CHECK(reporter_options_add_mail_to(options, "support@ledger.example") == REPORTER_OK);
    int calls = 0;
    CHECK(reporter_options_set_before_send(options, NULL, &calls) == REPORTER_ERROR_NULL);
    CHECK(reporter_options_set_before_send(options, look, &calls) == REPORTER_OK);
    CHECK(reporter_start(options) == REPORTER_OK);
    CHECK(reporter_is_active());

    struct known seven = {7}, eight = {8};
    if (strcmp(how, "handled") == 0) {
        CHECK(reporter_capture_error_with_hint(import_error(), &seven) == REPORTER_OK);
        CHECK(reporter_capture_error_with_hint(import_error(), &eight) == REPORTER_OK);
        CHECK(calls == 2);
    } else {
        /* As a runtime does: its hook, then its abort. Nothing is wanted of it. */
        CHECK(reporter_capture_unhandled_with_hint(import_error(), &seven) == REPORTER_OK);
        CHECK(calls == 1);
        abort();
    }
    CHECK(reporter_shutdown(10000) == REPORTER_OK);
    puts("done");
    return 0;
}
