/* Objects made, filled, and given back by each way there is: run under valgrind, which counts what is left. argv[1]: a handler that does not exist. */
#include <reporter.h>

#include "check.h"

static reporter_options_t *full_options(const char *handler)
{
    static const uint8_t id[16] = {1, 2, 3};
    reporter_options_t *options = reporter_options_new("Example Software", "Ledger", "1.0");
    CHECK_STATUS(reporter_options_set_build(options, "1"), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_build_n(options, "23", 1), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_channel_n(options, "stable", 6), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_product_id(options, id), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_notice_n(options, REPORTER_NOTICE_ERASURE, "by mail", 7), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_mail_from(options, "errors@ledger.example"), REPORTER_OK);
    CHECK_STATUS(reporter_options_add_mail_to(options, "support@ledger.example"), REPORTER_OK);
    CHECK_STATUS(reporter_options_add_mail_to_n(options, "more@ledger.example", 19), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_eml_directory(options, "/nowhere"), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_smtp(options, "127.0.0.1", 2525, REPORTER_TLS_STARTTLS), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_smtp_credentials_n(options, "user", 4, "secret", 6), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_smtp_root_certificate(options, (const uint8_t *)"pem", 3), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_smtp_timeout(options, 1000), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_category_policy(options, REPORTER_CATEGORY_SCREEN, REPORTER_POLICY_NEVER), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_kind_policy(options, REPORTER_KIND_HANDLED_ERROR, REPORTER_POLICY_ASK, REPORTER_DUMP_MINIDUMP),
                 REPORTER_OK);
    CHECK_STATUS(reporter_options_set_spool_n(options, "/nowhere/spool", 14), REPORTER_OK);
    CHECK_STATUS(reporter_options_attach_file_n(options, "log", 3, "text/plain", 10, "/nowhere/log", 12), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_include_command_line(options, true), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_sanitised_stacks(options, true), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_own_windows_only(options, true), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_waits(options, 1000, 2000), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_handler(options, handler), REPORTER_OK);
    /* Refused: what was there before stays, and nothing leaks. */
    CHECK_STATUS(reporter_options_set_mail_from(options, "\xff"), REPORTER_ERROR_UTF8);
    return options;
}

static reporter_error_t *full_error(void)
{
    reporter_error_t *error = reporter_error_new("ledger.ImportError", "cannot import");
    CHECK_STATUS(reporter_error_set_location(error, __FILE__, __LINE__), REPORTER_OK);
    CHECK_STATUS(reporter_error_add_cause(error, "errno", "No such file"), REPORTER_OK);
    CHECK_STATUS(reporter_error_set_code(error, 2), REPORTER_OK);
    CHECK_STATUS(reporter_error_add_cause(error, "errno", "\xff"), REPORTER_ERROR_UTF8);
    return error;
}

int main(int count, char **arguments)
{
    CHECK(count == 2);
    reporter_options_free(full_options(arguments[1]));
    reporter_error_free(full_error());
    /* Taken by calls that do their work, and by calls that do not. */
    CHECK_STATUS(reporter_capture_error(full_error()), REPORTER_OK);
    CHECK_STATUS(reporter_start(full_options(arguments[1])), REPORTER_OK);
    CHECK_STATUS(reporter_start(full_options(arguments[1])), REPORTER_ERROR_STARTED);
    CHECK_STATUS(reporter_capture_error(full_error()), REPORTER_OK);
    (void)reporter_shutdown(1000);
    CHECK_STATUS(reporter_capture_error(full_error()), REPORTER_OK);
    return 0;
}
