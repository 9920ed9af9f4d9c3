// reporter.hpp: reporter.h for C++17 and later. Header only; link libreporter as in C.
//
//   int main() {
//       reporter::options options("Example Software", "Ledger", "1.4.2");
//       options.mail_from("errors@ledger.example").mail_to("support@ledger.example").smtp("mail.ledger.example", 587, REPORTER_TLS_STARTTLS);
//       reporter::session session(std::move(options));
//       reporter::report_uncaught_exceptions();
//       ...
//       reporter::task task("import statement");
//       reporter::command("file.import", "Import...", REPORTER_SURFACE_MENU);
//   }
//
// Objects own what the C functions hand out, and give it back; text is a std::string_view, a path a std::filesystem::path, a time a std::chrono duration.
//
// Failures: to set an option throws reporter::failure. What a product calls while it works (command(), annotate(), a task, capture() ...) never throws and
// never ends it: it returns a status that may be ignored. Where exceptions are off (-fno-exceptions, or REPORTER_NO_EXCEPTIONS defined), options keep their first
// failure, and the session has it: ask session::status().
//
// Threads: an object of these classes belongs to one thread at a time; the functions may be called from any.

#ifndef REPORTER_HPP
#define REPORTER_HPP

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <typeinfo>
#include <utility>
#include <vector>

#if __has_include(<cxxabi.h>)
#include <cstdlib>
#include <cxxabi.h>
#endif

#include "reporter.h"

#if !defined(__cpp_exceptions) && !defined(REPORTER_NO_EXCEPTIONS)
#define REPORTER_NO_EXCEPTIONS
#endif
#if !defined(__cpp_rtti) && !defined(REPORTER_NO_RTTI)
#define REPORTER_NO_RTTI
#endif

// A path in the units of the system.
#ifdef _WIN32
#define REPORTER_HPP_WITH_PATH(function, path) function##_w(get(), (path).c_str())
#else
#define REPORTER_HPP_WITH_PATH(function, path) function##_n(get(), (path).native().data(), (path).native().size())
#endif

namespace reporter {

using milliseconds = std::chrono::milliseconds;

/// Why the last call on this thread that failed did so, for people.
inline std::string last_error() { return reporter_last_error(); }

/// The version of the library that runs, such as "0.1.0". That of this header is in the macros REPORTER_VERSION_MAJOR, _MINOR and _PATCH.
inline std::string_view version() noexcept { return reporter_version_text(); }

/// An option that cannot be set, or a start that failed.
class failure : public std::runtime_error {
public:
    failure(reporter_status_t status, const std::string &why) : std::runtime_error(why), status_(status) {}
    /// Which kind of failure; what() has the words.
    reporter_status_t status() const noexcept { return status_; }

private:
    reporter_status_t status_;
};

namespace detail {

struct free_options {
    void operator()(reporter_options_t *options) const noexcept { reporter_options_free(options); }
};
struct free_error {
    void operator()(reporter_error_t *error) const noexcept { reporter_error_free(error); }
};
struct free_consent_request {
    void operator()(reporter_consent_request_t *request) const noexcept { reporter_consent_request_free(request); }
};

/// As the C functions take it: what is longer is longest.
inline std::uint32_t count(milliseconds time) noexcept {
    constexpr auto most = (std::numeric_limits<std::uint32_t>::max)(); // windows.h has a macro of that name
    const auto value = time.count();
    return value < 0 ? 0 : value > static_cast<milliseconds::rep>(most) ? most : static_cast<std::uint32_t>(value);
}

} // namespace detail

/// What the product is, what may be collected, who is told what, and where reports go. Each function says in reporter.h, under
/// reporter_options_set_..., what it means and what its default is.
class options {
public:
    /// Of the product `name` of `vendor`.
    options(std::string_view vendor, std::string_view name, std::string_view version)
        : raw_(reporter_options_new_n(vendor.data(), vendor.size(), name.data(), name.size(), version.data(), version.size())) {
        if (!raw_)
            note(REPORTER_ERROR_ARGUMENT);
    }

    options &build(std::string_view build) { return set(reporter_options_set_build_n(get(), build.data(), build.size())); }
    options &channel(std::string_view channel) { return set(reporter_options_set_channel_n(get(), channel.data(), channel.size())); }
    options &product_id(const std::array<std::uint8_t, 16> &id) { return set(reporter_options_set_product_id(get(), id.data())); }
    options &notice(reporter_notice_t notice, std::string_view text) {
        return set(reporter_options_set_notice_n(get(), notice, text.data(), text.size()));
    }
    options &category_policy(reporter_category_t category, reporter_policy_t policy) {
        return set(reporter_options_set_category_policy(get(), category, policy));
    }
    options &kind_policy(reporter_kind_t kind, reporter_policy_t policy, reporter_dump_t dump) {
        return set(reporter_options_set_kind_policy(get(), kind, policy, dump));
    }

    options &include_command_line(bool include = true) { return set(reporter_options_set_include_command_line(get(), include)); }
    options &sanitised_stacks(bool sanitised = true) { return set(reporter_options_set_sanitised_stacks(get(), sanitised)); }
    options &own_windows_only(bool only = true) { return set(reporter_options_set_own_windows_only(get(), only)); }
    options &children(reporter_children_t children) { return set(reporter_options_set_children(get(), children)); }
    options &hang_after(milliseconds silence) { return set(reporter_options_set_hang_after(get(), detail::count(silence))); }
    options &limits(std::uint32_t per_signature, std::uint32_t per_day) {
        return set(reporter_options_set_limits(get(), per_signature, per_day));
    }
    options &spool_limits(std::uint32_t undecided, std::uint32_t outgoing, std::uint64_t bytes) {
        return set(reporter_options_set_spool_limits(get(), undecided, outgoing, bytes));
    }
    options &full_memory_limit(std::uint64_t bytes) { return set(reporter_options_set_full_memory_limit(get(), bytes)); }
    options &waits(milliseconds without_progress, milliseconds longest) {
        return set(reporter_options_set_waits(get(), detail::count(without_progress), detail::count(longest)));
    }

    options &mail_from(std::string_view address) {
        return set(reporter_options_set_mail_from_n(get(), address.data(), address.size()));
    }
    /// One more address of support.
    options &mail_to(std::string_view address) {
        return set(reporter_options_add_mail_to_n(get(), address.data(), address.size()));
    }
    /// Port 0 is the usual one of `tls`.
    options &smtp(std::string_view host, std::uint16_t port, reporter_tls_t tls) {
        return set(reporter_options_set_smtp_n(get(), host.data(), host.size(), port, tls));
    }
    options &smtp_credentials(std::string_view username, std::string_view password) {
        return set(reporter_options_set_smtp_credentials_n(get(), username.data(), username.size(), password.data(), password.size()));
    }
    /// In PEM.
    options &smtp_root_certificate(std::string_view pem) {
        return set(reporter_options_set_smtp_root_certificate(get(), reinterpret_cast<const std::uint8_t *>(pem.data()), pem.size()));
    }
    options &smtp_timeout(milliseconds timeout) { return set(reporter_options_set_smtp_timeout(get(), detail::count(timeout))); }

    options &spool(const std::filesystem::path &directory) {
        return set(REPORTER_HPP_WITH_PATH(reporter_options_set_spool, directory));
    }
    options &handler(const std::filesystem::path &program) {
        return set(REPORTER_HPP_WITH_PATH(reporter_options_set_handler, program));
    }
    /// A folder with what makes reporter-dialog the product's: an icon, a colour, a link, words.
    options &branding(const std::filesystem::path &folder) { return set(REPORTER_HPP_WITH_PATH(reporter_options_set_branding, folder)); }
    /// A program that asks the person in place of reporter-dialog and the terminal: see consent_request.
    options &dialog(const std::filesystem::path &program) { return set(REPORTER_HPP_WITH_PATH(reporter_options_set_dialog, program)); }
    /// A look at each error before it is handed over. No exception may leave the hook, and `data` has to live until the session ends.
    options &before_send(reporter_before_send_t hook, void *data = nullptr) {
        return set(reporter_options_set_before_send(get(), hook, data));
    }
    options &eml_directory(const std::filesystem::path &directory) {
        return set(REPORTER_HPP_WITH_PATH(reporter_options_set_eml_directory, directory));
    }
    /// Read when the error happens.
    options &attach_file(const std::string &name, const std::string &media_type, const std::filesystem::path &path) {
#ifdef _WIN32
        return set(reporter_options_attach_file_w(get(), name.c_str(), media_type.c_str(), path.c_str()));
#else
        return set(reporter_options_attach_file_n(get(), name.data(), name.size(), media_type.data(), media_type.size(),
                                                  path.native().data(), path.native().size()));
#endif
    }

    /// Starts the product again after a crash, if it had run for so long. The other three come after this one.
    options &restart(milliseconds uptime) { return set(reporter_options_set_restart(get(), detail::count(uptime))); }
    options &restart_argument(std::string_view argument) {
        return set(reporter_options_add_restart_argument_n(get(), argument.data(), argument.size()));
    }
    options &restart_program(const std::filesystem::path &program) {
        return set(REPORTER_HPP_WITH_PATH(reporter_options_set_restart_program, program));
    }
    options &restart_directory(const std::filesystem::path &directory) {
        return set(REPORTER_HPP_WITH_PATH(reporter_options_set_restart_directory, directory));
    }

    /// The first option that could not be set; REPORTER_OK if there is none.
    reporter_status_t status() const noexcept { return status_; }
    /// Why that one could not.
    const std::string &why() const noexcept { return why_; }

    /// For the functions of reporter.h; the options stay the owner. NULL once a session has them.
    reporter_options_t *get() const noexcept { return raw_.get(); }
    /// The same; the caller is the owner.
    reporter_options_t *release() noexcept { return raw_.release(); }

private:
    options &set(reporter_status_t status) {
        if (status != REPORTER_OK)
            note(status);
        return *this;
    }

    void note(reporter_status_t status) {
#ifdef REPORTER_NO_EXCEPTIONS
        if (status_ == REPORTER_OK) {
            status_ = status;
            why_ = last_error();
        }
#else
        throw failure(status, last_error());
#endif
    }

    std::unique_ptr<reporter_options_t, detail::free_options> raw_;
    reporter_status_t status_ = REPORTER_OK;
    std::string why_;
};

/// Reporting, from here to the end of the scope.
class session {
public:
    /// Takes the options. That it could be started says that the product may go on, not that all works: see soft_errors().
    /// At the end of the scope the handler has so long to finish.
    explicit session(options &&options, milliseconds patience = milliseconds(2000)) : patience_(patience), status_(options.status()) {
        if (status_ == REPORTER_OK) {
            status_ = reporter_start(options.release());
            if (status_ != REPORTER_OK)
                why_ = last_error();
        } else {
            why_ = options.why();
        }
#ifndef REPORTER_NO_EXCEPTIONS
        if (status_ != REPORTER_OK)
            throw failure(status_, why_);
#endif
    }

    session(const session &) = delete;
    session &operator=(const session &) = delete;
    session(session &&other) noexcept
        : patience_(other.patience_), status_(std::exchange(other.status_, REPORTER_ERROR_ARGUMENT)), why_(std::move(other.why_)) {}
    session &operator=(session &&) = delete;
    ~session() { end(); }

    /// Whether the start succeeded; REPORTER_ERROR_ARGUMENT once it has ended.
    reporter_status_t status() const noexcept { return status_; }
    /// Why it did not.
    const std::string &why() const noexcept { return why_; }

    /// Ends reporting before the end of the scope. REPORTER_ERROR_TIMEOUT if the handler did not confirm.
    reporter_status_t end() noexcept {
        if (status_ != REPORTER_OK)
            return status_;
        status_ = REPORTER_ERROR_ARGUMENT;
        return reporter_shutdown(detail::count(patience_));
    }

private:
    milliseconds patience_;
    reporter_status_t status_;
    std::string why_;
};

/// Whether errors are caught and a handler takes them.
inline bool is_active() noexcept { return reporter_is_active(); }

/// What does not work, now and since the start.
inline std::vector<std::string> soft_errors() {
    std::vector<std::string> errors;
    while (const char *error = reporter_soft_error(errors.size()))
        errors.emplace_back(error);
    return errors;
}

/// Waits until what was reported so far is stored and, as far as the time allows, delivered.
inline reporter_status_t flush(milliseconds timeout) noexcept { return reporter_flush(detail::count(timeout)); }

/// Makes a report as a crash would, and goes on.
inline reporter_status_t simulate_crash() noexcept { return reporter_simulate_crash(); }

/// Puts the library's handlers on top again, where a plug-in or a driver has replaced them.
inline reporter_status_t rearm() noexcept { return reporter_rearm(); }

/// The product answers: for each round of its main loop.
inline reporter_status_t heartbeat() noexcept { return reporter_heartbeat(); }

/// Until the next heartbeat() the product waits on purpose.
inline reporter_status_t heartbeat_pause() noexcept { return reporter_heartbeat_pause(); }

/// The user invoked a command: its stable id, its label as the user saw it, and where.
inline reporter_status_t command(std::string_view id, std::string_view label, reporter_surface_t surface) noexcept {
    return reporter_command_n(id.data(), id.size(), label.data(), label.size(), surface);
}

/// Sets the fact `key` in all reports from now on.
inline reporter_status_t annotate(std::string_view key, std::string_view value) noexcept {
    return reporter_annotate_n(key.data(), key.size(), value.data(), value.size());
}

/// Forgets the fact `key`.
inline reporter_status_t remove_annotation(std::string_view key) noexcept {
    return reporter_remove_annotation_n(key.data(), key.size());
}

/// Attaches a copy of these bytes to every report from now on.
inline reporter_status_t attach_bytes(std::string_view name, std::string_view media_type, const void *bytes, std::size_t length) noexcept {
    return reporter_attach_bytes_n(name.data(), name.size(), media_type.data(), media_type.size(),
                                   static_cast<const std::uint8_t *>(bytes), length);
}

/// Attaches a file to every report from now on; it is read when the error happens.
inline reporter_status_t attach_file(const std::string &name, const std::string &media_type, const std::filesystem::path &path) noexcept {
#ifdef _WIN32
    return reporter_attach_file_w(name.c_str(), media_type.c_str(), path.c_str());
#else
    return reporter_attach_file_n(name.data(), name.size(), media_type.data(), media_type.size(), path.native().data(),
                                  path.native().size());
#endif
}

/// What the user works on, in the product's own words, from here to the end of the scope. A scope that is left by an exception is a task that failed.
class task {
public:
    explicit task(std::string_view name) noexcept
        : raw_(reporter_task_begin_n(name.data(), name.size())), exceptions_(std::uncaught_exceptions()) {}
    task(const task &) = delete;
    task &operator=(const task &) = delete;
    task(task &&other) noexcept : raw_(std::exchange(other.raw_, 0)), exceptions_(other.exceptions_) {}
    task &operator=(task &&) = delete;
    ~task() {
        if (std::uncaught_exceptions() > exceptions_)
            fail();
        else
            end();
    }

    /// Ends it before the end of the scope.
    reporter_status_t end() noexcept { return reporter_task_end(std::exchange(raw_, 0)); }
    /// The same, and it has failed.
    reporter_status_t fail() noexcept { return reporter_task_fail(std::exchange(raw_, 0)); }

private:
    reporter_task_t raw_;
    int exceptions_;
};

/// A dialog is shown, from here to the end of the scope, or to close(). Named by the product's own stable id.
class dialog {
public:
    explicit dialog(std::string id) : id_(std::move(id)), is_open_(true) { reporter_dialog_opened_n(id_.data(), id_.size()); }
    dialog(const dialog &) = delete;
    dialog &operator=(const dialog &) = delete;
    dialog(dialog &&other) noexcept : id_(std::move(other.id_)), is_open_(std::exchange(other.is_open_, false)) {}
    dialog &operator=(dialog &&) = delete;
    ~dialog() { close({}); }

    /// With a result such as "ok" or "cancel".
    reporter_status_t close(std::string_view result) noexcept {
        if (!std::exchange(is_open_, false))
            return REPORTER_OK;
        return reporter_dialog_closed_n(id_.data(), id_.size(), result.data(), result.size());
    }

private:
    std::string id_;
    bool is_open_;
};

/// Memory that no report has, from here to the end of the scope: keys, passwords, what the law protects. It has to live as long.
class excluded_memory {
public:
    excluded_memory(const void *address, std::size_t length) noexcept
        : address_(address), status_(reporter_exclude_memory(address, length)) {}
    excluded_memory(const excluded_memory &) = delete;
    excluded_memory &operator=(const excluded_memory &) = delete;
    ~excluded_memory() {
        if (status_ == REPORTER_OK)
            reporter_include_memory(address_);
    }

    /// Whether it is kept out.
    reporter_status_t status() const noexcept { return status_; }

private:
    const void *address_;
    reporter_status_t status_;
};

/// A type's name as the source has it, where the compiler lets us know.
inline std::string type_name(const char *mangled) {
#if __has_include(<cxxabi.h>)
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> plain(abi::__cxa_demangle(mangled, nullptr, nullptr, &status), std::free);
    const std::string name = plain ? plain.get() : mangled;
#else
    const std::string name = mangled;
#endif
    // What std::throw_with_nested() makes of a type, in the standard libraries of GCC and of LLVM.
    for (const std::string_view wrapper : {"std::_Nested_exception<", "std::__nested<", "std::__1::__nested<"}) {
        if (name.compare(0, wrapper.size(), wrapper) == 0 && name.back() == '>')
            return name.substr(wrapper.size(), name.size() - wrapper.size() - 1);
    }
    return name;
}

/// An error and what caused it, outermost first.
class error {
public:
    /// Of the type `type_name` (empty where there is none), in the program's words.
    error(std::string_view type_name, std::string_view message) noexcept
        : raw_(reporter_error_new_n(type_name.data(), type_name.size(), message.data(), message.size())) {}

#if !defined(REPORTER_NO_EXCEPTIONS) && !defined(REPORTER_NO_RTTI)
    /// With the exceptions that are nested in it (std::throw_with_nested), and the number of a std::system_error.
    explicit error(const std::exception &exception)
        : error(reporter::type_name(typeid(exception).name()), exception.what()) {
        code_of(exception);
        causes_of(exception, most_links);
    }
#endif

    /// Adds what caused it, or its last cause so far.
    error &cause(std::string_view type_name, std::string_view message) noexcept {
        reporter_error_add_cause_n(get(), type_name.data(), type_name.size(), message.data(), message.size());
        return *this;
    }
    /// The number of the link added last, such as errno or an HRESULT.
    error &code(std::int64_t code) noexcept {
        reporter_error_set_code(get(), code);
        return *this;
    }
    /// Where the link added last comes from: __FILE__ and __LINE__.
    error &location(std::string_view file, std::uint32_t line) noexcept {
        reporter_error_set_location_n(get(), file.data(), file.size(), line);
        return *this;
    }

    /// Reports it as one that the product has handled, and goes on. It is empty after that.
    reporter_status_t capture() noexcept { return reporter_capture_error(raw_.release()); }
    /// The same, with something for the hook of options::before_send() to know it by.
    reporter_status_t capture(const void *hint) noexcept { return reporter_capture_error_with_hint(raw_.release(), hint); }
    /// Reports it as one that nothing has caught. It is empty after that.
    reporter_status_t capture_unhandled() noexcept { return reporter_capture_unhandled(raw_.release()); }

    /// For the functions of reporter.h; this object stays the owner.
    reporter_error_t *get() const noexcept { return raw_.get(); }

private:
    /// A report keeps as many.
    static constexpr int most_links = 32;

#if !defined(REPORTER_NO_EXCEPTIONS) && !defined(REPORTER_NO_RTTI)
    void code_of(const std::exception &exception) noexcept {
        if (const auto *system = dynamic_cast<const std::system_error *>(&exception))
            code(system->code().value());
    }

    void causes_of(const std::exception &exception, int left) {
        if (left <= 1)
            return;
        try {
            std::rethrow_if_nested(exception);
        } catch (const std::exception &inner) {
            cause(reporter::type_name(typeid(inner).name()), inner.what());
            code_of(inner);
            causes_of(inner, left - 1);
        } catch (...) {
            cause({}, "an exception that is no std::exception");
        }
    }
#endif

    std::unique_ptr<reporter_error_t, detail::free_error> raw_;
};

/// Reports an error that the product has handled, and goes on.
inline reporter_status_t capture(std::string_view type_name, std::string_view message) noexcept {
    return error(type_name, message).capture();
}

/// For a dialog of the product's own: what the person is to be asked. The program that options::dialog() named makes one object of this class, shows what it
/// says, and gives the person's answer. Destroyed without one: ask another time.
class consent_request {
public:
    /// From standard input, which the handler has filled. Empty where nobody has: last_error() tells why.
    consent_request() noexcept : raw_(reporter_consent_request_read()) {}

    explicit operator bool() const noexcept { return raw_ != nullptr; }

    /// Empty where there is none.
    std::string_view text(reporter_question_t text) const noexcept {
        const char *known = reporter_consent_request_text(get(), text);
        return known == nullptr ? "" : known;
    }
    /// A reporter_kind_t.
    std::int32_t kind() const noexcept { return reporter_consent_request_kind(get()); }
    milliseconds timeout() const noexcept { return milliseconds(reporter_consent_request_timeout(get())); }
    /// How many errors the question is about; the answer holds for all of them.
    std::size_t reports() const noexcept { return reporter_consent_request_reports(get()); }
    /// The switches, in the order in which they are shown. Their texts live as long as this object.
    std::vector<reporter_offer_t> offers() const {
        std::vector<reporter_offer_t> offers;
        for (reporter_offer_t offer; reporter_consent_request_offer(get(), offers.size(), &offer) == REPORTER_OK;)
            offers.push_back(offer);
        return offers;
    }
    /// What of the offer of this index can be left out by itself.
    std::vector<reporter_part_t> parts(std::size_t offer) const {
        std::vector<reporter_part_t> parts;
        for (reporter_part_t part; reporter_consent_request_part(get(), offer, parts.size(), &part) == REPORTER_OK;)
            parts.push_back(part);
        return parts;
    }
    /// Images of the desktop, in PNG, which live as long as this object.
    std::vector<std::string_view> images() const {
        std::vector<std::string_view> images;
        const std::uint8_t *png = nullptr;
        for (std::size_t length = 0; reporter_consent_request_image(get(), images.size(), &png, &length) == REPORTER_OK;)
            images.emplace_back(reinterpret_cast<const char *>(png), length);
        return images;
    }

    reporter_status_t choose(reporter_category_t category, bool chosen) noexcept {
        return reporter_consent_request_choose(get(), category, chosen);
    }
    /// Of the offer and part of these indices: whether it is left out.
    reporter_status_t leave_out(std::size_t offer, std::size_t part, bool left_out = true) noexcept {
        return reporter_consent_request_leave_out(get(), offer, part, left_out);
    }
    reporter_status_t contact(reporter_contact_t contact, std::string_view text) noexcept {
        return reporter_consent_request_set_contact_n(get(), contact, text.data(), text.size());
    }
    /// Empty after that; the program is to end.
    reporter_status_t answer(reporter_answer_t answer) noexcept {
        return reporter_consent_request_answer(raw_.release(), answer);
    }

    /// For the functions of reporter.h; this object stays the owner.
    reporter_consent_request_t *get() const noexcept { return raw_.get(); }

private:
    std::unique_ptr<reporter_consent_request_t, detail::free_consent_request> raw_;
};

#if !defined(REPORTER_NO_EXCEPTIONS) && !defined(REPORTER_NO_RTTI)
/// The same of a caught exception.
inline reporter_status_t capture(const std::exception &exception) noexcept {
    try {
        return error(exception).capture();
    } catch (...) {
        return REPORTER_ERROR_IO;
    }
}

namespace detail {

/// The exception in flight.
inline error in_flight() {
    try {
        throw;
    } catch (const std::exception &exception) {
        return error(exception);
    } catch (...) {
#if __has_include(<cxxabi.h>)
        if (const std::type_info *type = abi::__cxa_current_exception_type())
            return error(reporter::type_name(type->name()), {});
#endif
        return error({}, "an exception that is no std::exception");
    }
}

inline std::terminate_handler &handler_before() noexcept {
    static std::terminate_handler before = nullptr;
    return before;
}

[[noreturn]] inline void on_terminate() {
    // Without one, terminate() was called for another reason: the abort that follows is reported for itself.
    if (std::current_exception()) {
        try {
            in_flight().capture_unhandled();
        } catch (...) {
        }
    }
    if (const auto before = handler_before())
        before();
    std::abort();
}

} // namespace detail

/// Has std::terminate report the exception that nothing has caught, with all that is nested in it, and then do what it did before: for compilers whose exceptions
/// the library does not see (MinGW's), and to have more than the type and the text of the outermost. Once, after the start; there is one report of it.
inline void report_uncaught_exceptions() noexcept {
    const auto before = std::set_terminate(detail::on_terminate);
    if (before != detail::on_terminate)
        detail::handler_before() = before;
}
#endif

} // namespace reporter

#undef REPORTER_HPP_WITH_PATH

#endif // REPORTER_HPP
