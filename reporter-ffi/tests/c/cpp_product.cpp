// A product in C++ that uses reporter.hpp for all there is in it. Its argument says how it ends; what it says of itself ends with "done" where it goes on.
#include <reporter.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

static_assert(REPORTER_VERSION_MAJOR == 0 && REPORTER_VERSION_MINOR >= 1, "the version of the header is there for the preprocessor");

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            std::fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition, reporter::last_error().c_str()); \
            std::exit(99);                                                        \
        }                                                                         \
    } while (0)

namespace {

using std::chrono::milliseconds;

std::filesystem::path folder() {
    const char *folder = std::getenv("REPORTER_TEST_FOLDER");
    return folder == nullptr ? "" : folder;
}

#ifdef _WIN32
constexpr const char *handler = "reporter-handler.exe";
/// A machine that is busy with other tests, and Wine, do not always have a handler answer in its two seconds.
constexpr int most_tries = 10;
#else
constexpr const char *handler = "reporter-handler";
constexpr int most_tries = 1;
#endif

reporter::options options() {
    reporter::options options("Example Software", "Ledger", "1.4.2");
    options.spool(folder() / "spool").handler(folder() / handler).eml_directory(folder() / "mails");
    options.mail_from("errors@ledger.example").mail_to("support@ledger.example");
    options.build("1.4.2+7").channel("beta").notice(REPORTER_NOTICE_PURPOSE, "To find the error.");
    options.kind_policy(REPORTER_KIND_HANDLED_ERROR, REPORTER_POLICY_ASK, REPORTER_DUMP_NONE);
    options.category_policy(REPORTER_CATEGORY_SCREEN, REPORTER_POLICY_NEVER);
    options.include_command_line(false).sanitised_stacks(false).own_windows_only().children(REPORTER_CHILDREN_OFF);
    options.hang_after(std::chrono::hours(1)).limits(5, 25).spool_limits(20, 100, 1 << 28).full_memory_limit(1 << 30);
    options.waits(std::chrono::seconds(10), std::chrono::minutes(2)).product_id({1, 2, 3});
    options.dialog(folder() / "no-such-dialog").before_send([](reporter_error_t *error, const void *hint, void *) noexcept {
        return hint == nullptr && reporter_error_count(error) > 0;
    });
    return options;
}

void work() {
    CHECK(reporter::command("file.import", "Import...", REPORTER_SURFACE_MENU) == REPORTER_OK);
    reporter::dialog dialog("import.options");
    CHECK(dialog.close("ok") == REPORTER_OK && dialog.close("again") == REPORTER_OK);
    CHECK(reporter::annotate("book", "household") == REPORTER_OK);
    CHECK(reporter::annotate("gone", "soon") == REPORTER_OK && reporter::remove_annotation("gone") == REPORTER_OK);
    CHECK(reporter::attach_bytes("settings", "text/plain", "a=1", 3) == REPORTER_OK);
    CHECK(reporter::heartbeat() == REPORTER_OK && reporter::heartbeat_pause() == REPORTER_OK);
    CHECK(reporter::rearm() == REPORTER_OK);
    CHECK(reporter::error("dropped", "by the hook").capture("hint") == REPORTER_OK);
}

#ifndef REPORTER_NO_EXCEPTIONS

struct import_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void read_file() { throw std::system_error(ENOENT, std::generic_category(), "cannot open june.csv"); }

void import() {
    reporter::task task("import statement");
    try {
        read_file();
    } catch (...) {
        std::throw_with_nested(import_error("the statement cannot be imported"));
    }
}

/// What the library has to say to options that are no good.
int refused() {
    try {
        reporter::options("\xff", "Ledger", "1");
        return 1;
    } catch (const reporter::failure &failure) {
        CHECK(failure.status() == REPORTER_ERROR_ARGUMENT && std::strlen(failure.what()) > 0);
    }
    reporter::options good("Example Software", "Ledger", "1.4.2");
    try {
        good.hang_after(milliseconds(1));
        return 2;
    } catch (const reporter::failure &failure) {
        CHECK(failure.status() == REPORTER_ERROR_ARGUMENT);
    }
    reporter::session session(std::move(good), milliseconds(1000));
    try {
        reporter::session second(reporter::options("Example Software", "Ledger", "1.4.2"));
        return 3;
    } catch (const reporter::failure &failure) {
        CHECK(failure.status() == REPORTER_ERROR_STARTED);
    }
    return 0;
}

void tells_of_before() {
    std::puts("the product's own");
    std::fflush(stdout);
}

#else

int refused() {
    reporter::options options("Example Software", "Ledger", "1.4.2");
    options.hang_after(milliseconds(1)).channel("beta");
    CHECK(options.status() == REPORTER_ERROR_ARGUMENT && !options.why().empty());
    reporter::session session(std::move(options));
    CHECK(session.status() == REPORTER_ERROR_ARGUMENT && !session.why().empty() && !reporter::is_active());
    return 0;
}

#endif

} // namespace

int main(int argc, char **argv) {
    const std::string_view how = argc > 1 ? argv[1] : "";
    if (how == "refused")
        return refused() == 0 && std::puts("done") >= 0 ? 0 : 98;
#ifndef REPORTER_NO_EXCEPTIONS
    if (how == "own-handler")
        std::set_terminate([] {
            tells_of_before();
            std::_Exit(42);
        });
#endif

    std::optional<reporter::session> started;
    for (int tries = 0; tries < most_tries && !reporter::is_active(); tries++) {
        started.reset();
        started.emplace(options(), milliseconds(10000));
    }
    reporter::session &session = *started;
    CHECK(session.status() == REPORTER_OK && reporter::is_active() && reporter::soft_errors().empty());
    work();
    if (how == "crash" || how == "crash-with-secret") {
        // On the stack, which a minidump has.
        char secret[32];
        std::snprintf(secret, sizeof secret, "CANARY-%s", "of-the-excluded");
        reporter::excluded_memory excluded(secret, how == "crash" ? sizeof secret : 0);
        CHECK(excluded.status() == REPORTER_OK);
        *static_cast<volatile int *>(nullptr) = 1;
    }
    if (how == "handled")
        CHECK(reporter::error("ledger.Error", "the book is locked").code(5).location("book.cpp", 7).cause("", "by anna").capture() == REPORTER_OK);
    if (how == "simulated")
        CHECK(reporter::simulate_crash() == REPORTER_OK);
#ifndef REPORTER_NO_EXCEPTIONS
    if (how == "caught") {
        try {
            import();
        } catch (const std::exception &exception) {
            CHECK(reporter::capture(exception) == REPORTER_OK);
        }
    }
    if (how == "uncaught" || how == "own-handler" || how == "number" || how == "no-exception") {
        reporter::report_uncaught_exceptions();
        reporter::report_uncaught_exceptions();
        if (how == "number")
            throw 7;
        if (how == "no-exception")
            std::terminate();
        import();
    }
#endif
    CHECK(reporter::flush(milliseconds(10000)) == REPORTER_OK);
    CHECK(session.end() == REPORTER_OK && !reporter::is_active() && session.end() == REPORTER_ERROR_ARGUMENT);
    std::puts("done");
    return 0;
}
