/* A product whose handler program is not there: it runs, and can tell why there are no reports. argv[1]: the path of the handler. */
#include <reporter.h>

#include "check.h"

int main(int count, char **arguments)
{
    CHECK(count == 2);
    reporter_options_t *options = reporter_options_new("Example Software", "Ledger", "1.0");
    CHECK_STATUS(reporter_options_set_handler(options, arguments[1]), REPORTER_OK);
    CHECK_STATUS(reporter_start(options), REPORTER_OK);
    CHECK(!reporter_is_active());
    const char *text;
    for (size_t i = 0; (text = reporter_soft_error(i)) != NULL; i++)
        puts(text);
    CHECK(reporter_soft_error(SIZE_MAX) == NULL);
    CHECK_STATUS(reporter_annotate("k", "v"), REPORTER_OK);
    CHECK_STATUS(reporter_capture_error(reporter_error_new("t", "m")), REPORTER_OK);
    CHECK_STATUS(reporter_simulate_crash(), REPORTER_OK);
    CHECK_STATUS(reporter_rearm(), REPORTER_OK);
    (void)reporter_flush(0);
    (void)reporter_shutdown(0);
    return 0;
}
