/* Every function, called wrongly: each answers with its status, none brings the process down. argv[1]: a handler that does not exist. */
#include <reporter.h>

#include "check.h"

#define BAD "caf\xe9"

static void wrong_pointers(void)
{
    reporter_options_t *options = reporter_options_new("v", "n", "1");
    CHECK(options != NULL);
    CHECK(reporter_options_new(NULL, "n", "1") == NULL);
    CHECK_LAST_ERROR("vendor is NULL");
    CHECK(reporter_options_new("v", "n", NULL) == NULL);
    CHECK_LAST_ERROR("version is NULL");
    CHECK(reporter_options_new_n("v", 1, NULL, 1, "1", 1) == NULL);
    CHECK_LAST_ERROR("name is NULL");
    CHECK(reporter_error_new("t", NULL) == NULL);
    CHECK(reporter_task_begin(NULL) == 0);

    CHECK_STATUS(reporter_options_set_build(NULL, "b"), REPORTER_ERROR_NULL);
    CHECK_LAST_ERROR("options is NULL");
    CHECK_STATUS(reporter_options_set_build(options, NULL), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_options_set_channel(options, NULL), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_options_set_product_id(options, NULL), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_options_set_notice(options, REPORTER_NOTICE_PURPOSE, NULL), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_options_set_spool(options, NULL), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_options_set_handler(options, NULL), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_options_attach_file(options, "n", "t", NULL), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_options_set_include_command_line(NULL, true), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_options_set_sanitised_stacks(NULL, true), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_options_set_own_windows_only(NULL, true), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_options_set_waits(NULL, 1, 2), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_options_set_mail_from(options, NULL), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_options_add_mail_to(options, NULL), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_options_set_smtp(options, NULL, 0, REPORTER_TLS_NONE), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_options_set_eml_directory(options, NULL), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_options_set_category_policy(NULL, REPORTER_CATEGORY_SCREEN, REPORTER_POLICY_ASK), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_options_set_kind_policy(NULL, REPORTER_KIND_CRASH, REPORTER_POLICY_ASK, REPORTER_DUMP_NONE), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_start(NULL), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_command("i", NULL, REPORTER_SURFACE_MENU), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_dialog_opened(NULL), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_dialog_closed("d", NULL), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_annotate("k", NULL), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_remove_annotation(NULL), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_attach_file("n", "t", NULL), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_attach_bytes("n", "t", NULL, 1), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_exclude_memory(NULL, 1), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_include_memory(NULL), REPORTER_ERROR_NULL);
    CHECK_LAST_ERROR("address is NULL");
    CHECK_STATUS(reporter_options_set_full_memory_limit(NULL, 1), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_error_add_cause(NULL, "t", "m"), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_error_set_code(NULL, 1), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_error_set_location(NULL, "f", 1), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_capture_error(NULL), REPORTER_ERROR_NULL);
    CHECK_LAST_ERROR("error is NULL");
    reporter_options_free(NULL);
    reporter_error_free(NULL);
    reporter_options_free(options);
}

static void wrong_text(void)
{
    reporter_options_t *options = reporter_options_new("v", "n", "1");
    reporter_error_t *error = reporter_error_new("t", "m");
    CHECK(options != NULL && error != NULL);
    CHECK(reporter_options_new("v", BAD, "1") == NULL);
    CHECK_LAST_ERROR("name is not UTF-8 from byte 3 on");
    CHECK(reporter_error_new(BAD, "m") == NULL);
    CHECK(reporter_task_begin(BAD) == 0);
    CHECK_STATUS(reporter_options_set_channel(options, BAD), REPORTER_ERROR_UTF8);
    CHECK_STATUS(reporter_options_set_notice(options, REPORTER_NOTICE_ACCESS, BAD), REPORTER_ERROR_UTF8);
    CHECK_STATUS(reporter_options_add_mail_to(options, BAD), REPORTER_ERROR_UTF8);
    CHECK_STATUS(reporter_command(BAD, "l", REPORTER_SURFACE_MENU), REPORTER_ERROR_UTF8);
    CHECK_STATUS(reporter_dialog_opened(BAD), REPORTER_ERROR_UTF8);
    CHECK_STATUS(reporter_annotate("k", BAD), REPORTER_ERROR_UTF8);
    CHECK_STATUS(reporter_attach_bytes(BAD, "t", NULL, 0), REPORTER_ERROR_UTF8);
    CHECK_STATUS(reporter_error_add_cause(error, "t", BAD), REPORTER_ERROR_UTF8);
    /* The bad byte lies behind the length: it is not text. */
    CHECK_STATUS(reporter_annotate_n("k", 1, BAD, 3), REPORTER_OK);
    CHECK_STATUS(reporter_annotate_n("k", 1, BAD, 4), REPORTER_ERROR_UTF8);
    CHECK_STATUS(reporter_annotate_n("k", 1, NULL, 0), REPORTER_OK);
    CHECK_STATUS(reporter_annotate_n("k", 1, "v", SIZE_MAX), REPORTER_ERROR_ARGUMENT);
    /* A path is bytes. */
    CHECK_STATUS(reporter_options_set_spool(options, "/tmp/" BAD), REPORTER_OK);
    reporter_error_free(error);
    reporter_options_free(options);
}

static void wrong_values(void)
{
    reporter_options_t *options = reporter_options_new("v", "n", "1");
    CHECK_STATUS(reporter_options_set_notice(options, (reporter_notice_t)0, "t"), REPORTER_ERROR_ARGUMENT);
    CHECK_LAST_ERROR("0 is not a notice that reporter.h names");
    CHECK_STATUS(reporter_options_set_category_policy(options, (reporter_category_t)1, REPORTER_POLICY_ASK), REPORTER_ERROR_ARGUMENT);
    CHECK_STATUS(reporter_options_set_category_policy(options, REPORTER_CATEGORY_SCREEN, (reporter_policy_t)3), REPORTER_ERROR_ARGUMENT);
    CHECK_STATUS(reporter_options_set_kind_policy(options, (reporter_kind_t)-1, REPORTER_POLICY_ASK, REPORTER_DUMP_NONE),
                 REPORTER_ERROR_ARGUMENT);
    CHECK_STATUS(reporter_options_set_kind_policy(options, REPORTER_KIND_HANG, REPORTER_POLICY_ASK, (reporter_dump_t)INT32_MAX),
                 REPORTER_ERROR_ARGUMENT);
    CHECK_STATUS(reporter_options_set_smtp(options, "h", 0, (reporter_tls_t)9), REPORTER_ERROR_ARGUMENT);
    CHECK_STATUS(reporter_command("i", "l", (reporter_surface_t)INT32_MIN), REPORTER_ERROR_ARGUMENT);
    CHECK_STATUS(reporter_options_set_waits(options, 2, 1), REPORTER_ERROR_ARGUMENT);
    CHECK_STATUS(reporter_options_set_waits(options, 1, 86400001), REPORTER_ERROR_ARGUMENT);
    CHECK_STATUS(reporter_options_set_hang_after(options, 99), REPORTER_ERROR_ARGUMENT);
    CHECK_STATUS(reporter_options_set_hang_after(options, 86400001), REPORTER_ERROR_ARGUMENT);
    CHECK_STATUS(reporter_options_set_hang_after(options, 0), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_children(options, (reporter_children_t)0), REPORTER_ERROR_ARGUMENT);
    CHECK_STATUS(reporter_options_set_children(options, REPORTER_CHILDREN_INHERIT), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_limits(options, 0, UINT32_MAX), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_spool_limits(options, 0, 0, UINT64_MAX), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_full_memory_limit(options, UINT64_MAX), REPORTER_OK);
    CHECK_STATUS(reporter_exclude_memory(options, SIZE_MAX), REPORTER_ERROR_ARGUMENT);
    /* What belongs to a restart comes after it. */
    CHECK_STATUS(reporter_options_add_restart_argument(options, "--recover"), REPORTER_ERROR_ARGUMENT);
    CHECK_STATUS(reporter_options_set_restart_program(options, "/opt/launcher"), REPORTER_ERROR_ARGUMENT);
    CHECK_STATUS(reporter_options_set_restart_directory(options, "/"), REPORTER_ERROR_ARGUMENT);
    CHECK_STATUS(reporter_options_set_restart(options, 60000), REPORTER_OK);
    CHECK_STATUS(reporter_options_add_restart_argument(options, NULL), REPORTER_ERROR_NULL);
    CHECK_STATUS(reporter_options_add_restart_argument_n(options, "--recover!", 9), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_restart_program(options, "/opt/launcher"), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_restart_directory(options, "/"), REPORTER_OK);
    /* What belongs to a server comes after it. */
    CHECK_STATUS(reporter_options_set_smtp_credentials(options, "u", "p"), REPORTER_ERROR_ARGUMENT);
    CHECK_STATUS(reporter_options_set_smtp_timeout(options, 1), REPORTER_ERROR_ARGUMENT);
    CHECK_STATUS(reporter_options_set_eml_directory(options, "/tmp"), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_smtp_root_certificate(options, (const uint8_t *)"pem", 3), REPORTER_ERROR_ARGUMENT);
    CHECK_STATUS(reporter_options_set_smtp(options, "h", 0, REPORTER_TLS_STARTTLS), REPORTER_OK);
    CHECK_STATUS(reporter_options_set_smtp_credentials(options, "u", "p"), REPORTER_OK);
    reporter_options_free(options);
}

/* Everything that records, while reporting is off: accepted, without effect. */
static void while_off(void)
{
    CHECK(!reporter_is_active());
    CHECK(reporter_soft_error(0) == NULL);
    CHECK(reporter_task_begin("t") == 0);
    CHECK_STATUS(reporter_task_end(0), REPORTER_OK);
    CHECK_STATUS(reporter_task_fail(UINT64_MAX), REPORTER_OK);
    CHECK_STATUS(reporter_command("i", "l", REPORTER_SURFACE_SHORTCUT), REPORTER_OK);
    CHECK_STATUS(reporter_dialog_opened("d"), REPORTER_OK);
    CHECK_STATUS(reporter_dialog_closed("d", "ok"), REPORTER_OK);
    CHECK_STATUS(reporter_annotate("k", "v"), REPORTER_OK);
    CHECK_STATUS(reporter_remove_annotation("k"), REPORTER_OK);
    CHECK_STATUS(reporter_attach_file("n", "text/plain", "/nowhere"), REPORTER_OK);
    CHECK_STATUS(reporter_attach_bytes("n", "text/plain", (const uint8_t *)"b", 1), REPORTER_OK);
    CHECK_STATUS(reporter_exclude_memory("key", 3), REPORTER_OK);
    CHECK_STATUS(reporter_exclude_memory(NULL, 0), REPORTER_OK);
    CHECK_STATUS(reporter_include_memory("key"), REPORTER_OK);
    CHECK_STATUS(reporter_capture_error(reporter_error_new("t", "m")), REPORTER_OK);
    CHECK_STATUS(reporter_simulate_crash(), REPORTER_OK);
    CHECK_STATUS(reporter_heartbeat(), REPORTER_OK);
    CHECK_STATUS(reporter_heartbeat_pause(), REPORTER_OK);
    CHECK_STATUS(reporter_rearm(), REPORTER_OK);
    CHECK_STATUS(reporter_flush(0), REPORTER_OK);
    CHECK_STATUS(reporter_shutdown(0), REPORTER_OK);
}

static reporter_options_t *options_without_handler(const char *handler)
{
    reporter_options_t *options = reporter_options_new("v", "n", "1");
    CHECK_STATUS(reporter_options_set_handler(options, handler), REPORTER_OK);
    return options;
}

int main(int count, char **arguments)
{
    CHECK(count == 2);
    CHECK(reporter_version() == (REPORTER_VERSION_MAJOR << 24 | REPORTER_VERSION_MINOR << 16 | REPORTER_VERSION_PATCH));
    CHECK_LAST_ERROR("");
    wrong_pointers();
    wrong_text();
    wrong_values();
    while_off();
    /* Started twice, and again after the end. */
    for (int round = 0; round < 2; round++) {
        CHECK_STATUS(reporter_start(options_without_handler(arguments[1])), REPORTER_OK);
        CHECK_STATUS(reporter_start(options_without_handler(arguments[1])), REPORTER_ERROR_STARTED);
        CHECK(!reporter_is_active());
        (void)reporter_shutdown(1000);
        while_off();
    }
    puts("ok");
    return 0;
}
