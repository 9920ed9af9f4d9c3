/* A dialog of the product's own. What it is asked goes to the file of REPORTER_TEST_ASKED; what it answers stands in REPORTER_TEST_ANSWER, since no person sits here. */
#include <reporter.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>
static void sleep_long(void) { Sleep(60000); }
#else
#include <unistd.h>
static void sleep_long(void) { sleep(60); }
#endif

static void need(reporter_status_t status)
{
    if (status != REPORTER_OK) {
        fprintf(stderr, "own_dialog: %s\n", reporter_last_error());
        exit(3);
    }
}

static void write_down(reporter_consent_request_t *request)
{
    FILE *asked = fopen(getenv("REPORTER_TEST_ASKED"), "a");
    if (asked == NULL)
        exit(4);
    fprintf(asked, "%s %s of %s: %s\n", reporter_consent_request_text(request, REPORTER_QUESTION_PRODUCT),
            reporter_consent_request_text(request, REPORTER_QUESTION_VERSION),
            reporter_consent_request_text(request, REPORTER_QUESTION_VENDOR),
            reporter_consent_request_text(request, REPORTER_QUESTION_TITLE));
    fprintf(asked, "%zu reports, kind %" PRId32 ", for %s\n", reporter_consent_request_reports(request), reporter_consent_request_kind(request),
            reporter_consent_request_text(request, REPORTER_QUESTION_PURPOSE));
    reporter_offer_t offer;
    for (size_t n = 0; reporter_consent_request_offer(request, n, &offer) == REPORTER_OK; n++)
        fprintf(asked, "%d %s %" PRIu64 "\n%s\n", (int)offer.category, offer.chosen ? "on" : "off", offer.bytes, offer.contents);
    const uint8_t *png;
    size_t length;
    for (size_t n = 0; reporter_consent_request_image(request, n, &png, &length) == REPORTER_OK; n++)
        fprintf(asked, "image of %zu bytes, %.3s\n", length, (const char *)png + 1);
    fclose(asked);
}

/* Whether the line of this number, from 0 on, has these words. */
static bool line_has(const char *contents, size_t number, const char *words)
{
    for (; number > 0; number--)
        contents = strchr(contents, '\n') + 1;
    const char *found = strstr(contents, words);
    return found != NULL && strcspn(contents, "\n") > (size_t)(found - contents);
}

/* What each line with these words stands for, left out or taken in again. */
static void leave_out(reporter_consent_request_t *request, const char *words, bool left_out)
{
    reporter_offer_t offer;
    reporter_part_t part;
    size_t done = 0;
    for (size_t n = 0; reporter_consent_request_offer(request, n, &offer) == REPORTER_OK; n++)
        for (size_t m = 0; reporter_consent_request_part(request, n, m, &part) == REPORTER_OK; m++) {
            if (part.lines != 1 || !line_has(offer.contents, part.first_line, words))
                continue;
            need(reporter_consent_request_leave_out(request, n, m, left_out));
            need(reporter_consent_request_part(request, n, m, &part));
            done += part.left_out == left_out && part.bytes > 0;
        }
    if (done == 0) {
        fprintf(stderr, "own_dialog: no part with %s\n", words);
        exit(5);
    }
}

int main(void)
{
    const char *how = getenv("REPORTER_TEST_ANSWER");
    if (how == NULL)
        how = "";
    reporter_consent_request_t *request = reporter_consent_request_read();
    if (request == NULL) {
        fprintf(stderr, "%s\n", reporter_last_error());
        return 1;
    }
    write_down(request);
    if (strcmp(how, "send") == 0) {
        need(reporter_consent_request_choose(request, REPORTER_CATEGORY_ACTIONS, false));
        need(reporter_consent_request_set_contact(request, REPORTER_CONTACT_FIRST_NAME, "Anna"));
        need(reporter_consent_request_set_contact_n(request, REPORTER_CONTACT_DESCRIPTION, "It said no.", 11));
        need(reporter_consent_request_answer(request, REPORTER_ANSWER_SEND));
    } else if (strcmp(how, "strike-out") == 0) {
        leave_out(request, "title: ", true);
        leave_out(request, "command id: ", true);
        leave_out(request, "command id: ", false);
        need(reporter_consent_request_answer(request, REPORTER_ANSWER_SEND_ALWAYS));
    } else if (strcmp(how, "always") == 0)
        need(reporter_consent_request_answer(request, REPORTER_ANSWER_SEND_ALWAYS));
    else if (strcmp(how, "decline") == 0)
        need(reporter_consent_request_answer(request, REPORTER_ANSWER_DECLINE));
    else if (strcmp(how, "never") == 0)
        need(reporter_consent_request_answer(request, REPORTER_ANSWER_DECLINE_ALWAYS));
    else if (strcmp(how, "cannot-ask") == 0)
        need(reporter_consent_request_answer(request, REPORTER_ANSWER_CANNOT_ASK));
    else if (strcmp(how, "closed") == 0)
        reporter_consent_request_free(request);
    else if (strcmp(how, "chatter") == 0) {
        puts("Gtk-Message: hello");
        fflush(stdout);
        need(reporter_consent_request_answer(request, REPORTER_ANSWER_SEND));
    } else if (strcmp(how, "crash") == 0)
        abort();
    else if (strcmp(how, "stays-open") == 0)
        sleep_long();
    return 0;
}
