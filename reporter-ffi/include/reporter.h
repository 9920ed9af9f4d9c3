/*
 * libreporter: reports what went wrong in a product, with the user's consent.
 *
 * What holds for every function:
 *
 * - Threads: any function may be called from any thread. One options or error object belongs to one thread at a time.
 *   None may be called in a signal handler.
 * - Text is UTF-8 and ends with a zero byte. Every function that takes text has a twin with `_n` behind its name, which takes
 *   a pointer and a length in bytes after it instead; there NULL with length 0 is an empty text. Text is copied: the caller
 *   keeps its own. Paths are bytes as the file system has them, not necessarily UTF-8; on Windows they are UTF-8, and functions
 *   with `_w` behind their names take them in UTF-16.
 * - Pointers: NULL, where not said otherwise, gives REPORTER_ERROR_NULL. A pointer that is not NULL must be valid.
 * - Ownership: what `_new` returns belongs to the caller, until it is given to the one function that says that it takes it,
 *   or to `_free`.
 * - A function that fails changes nothing and writes no output; reporter_last_error() tells why in words.
 * - Before reporter_start() and after reporter_shutdown(), functions that record something check what they are given, do nothing
 *   and return REPORTER_OK: a product need not ask whether reporting is on.
 * - No function ends the product or lets a panic out.
 */


#ifndef REPORTER_H
#define REPORTER_H

/* Made by cbindgen from reporter-ffi/src: do not edit. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * The version of the library that this header belongs to. Within a major version, and while that is 0 within a minor one, what is
 * compiled with an older header runs with a newer library.
 */
#define REPORTER_VERSION_MAJOR 0

#define REPORTER_VERSION_MINOR 1

#define REPORTER_VERSION_PATCH 0

/**
 * The category of what every report holds: what went wrong, in which product. It has no switch.
 */
#define REPORTER_CATEGORY_ESSENTIAL 1

/**
 * What a function answers. Numbers are frozen once released; a retired one is never used again.
 */
enum reporter_status_t
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * It is done.
     */
    REPORTER_OK = 0,
    /**
     * A pointer is NULL that must not be.
     */
    REPORTER_ERROR_NULL = -1,
    /**
     * A text is not UTF-8.
     */
    REPORTER_ERROR_UTF8 = -2,
    /**
     * A value is out of range or contradicts another; the call can never succeed like this.
     */
    REPORTER_ERROR_ARGUMENT = -3,
    /**
     * Reporting was started before, and not shut down since.
     */
    REPORTER_ERROR_STARTED = -4,
    /**
     * The operating system refused a file, a socket or memory.
     */
    REPORTER_ERROR_IO = -5,
    /**
     * More or larger than is allowed.
     */
    REPORTER_ERROR_LIMIT = -6,
    /**
     * It was not done in time; it may still be done later.
     */
    REPORTER_ERROR_TIMEOUT = -7,
    /**
     * A bug of this library, which was kept inside it. Nothing else is affected.
     */
    REPORTER_ERROR_PANIC = -8,
    /**
     * Not on this operating system.
     */
    REPORTER_ERROR_UNSUPPORTED = -9,
    /**
     * Another copy of this library, such as a host's or a plug-in's own, reports for this process already.
     */
    REPORTER_ERROR_SECOND_COPY = -10,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum reporter_status_t reporter_status_t;
#else
typedef int32_t reporter_status_t;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A text that the person is shown before deciding, and that the report's consent record keeps.
 */
enum reporter_notice_t
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * What the data may be used for.
     */
    REPORTER_NOTICE_PURPOSE = 1,
    /**
     * Who receives it.
     */
    REPORTER_NOTICE_RECIPIENT = 2,
    /**
     * Who may read it.
     */
    REPORTER_NOTICE_ACCESS = 3,
    /**
     * How long it is kept.
     */
    REPORTER_NOTICE_RETENTION = 4,
    /**
     * How the person has it deleted.
     */
    REPORTER_NOTICE_ERASURE = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum reporter_notice_t reporter_notice_t;
#else
typedef int32_t reporter_notice_t;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How the connection to the mail server is protected.
 */
enum reporter_tls_t
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * TLS from the first byte on, usually port 465.
     */
    REPORTER_TLS_IMPLICIT = 1,
    /**
     * STARTTLS, required, usually port 587.
     */
    REPORTER_TLS_STARTTLS = 2,
    /**
     * None, usually port 25: a relay on this machine. Credentials are refused with it.
     */
    REPORTER_TLS_NONE = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum reporter_tls_t reporter_tls_t;
#else
typedef int32_t reporter_tls_t;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A category of data: one switch of the consent dialog. What went wrong, in which product, belongs to every report and has none.
 */
enum reporter_category_t
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Recent actions of the user.
     */
    REPORTER_CATEGORY_ACTIONS = 2,
    /**
     * Stacks, registers, code around instruction pointers, modules.
     */
    REPORTER_CATEGORY_MEMORY = 3,
    /**
     * Every readable page.
     */
    REPORTER_CATEGORY_FULL_MEMORY = 4,
    /**
     * Running applications, services and drivers.
     */
    REPORTER_CATEGORY_PROCESSES = 5,
    /**
     * Operating system, language, volumes, CPU.
     */
    REPORTER_CATEGORY_SYSTEM = 6,
    /**
     * The account that launched the application.
     */
    REPORTER_CATEGORY_ACCOUNT = 7,
    /**
     * Host and domain name, DNS, proxy or global address; never a local address.
     */
    REPORTER_CATEGORY_NETWORK = 8,
    /**
     * Installed programs and services.
     */
    REPORTER_CATEGORY_INSTALLED_SOFTWARE = 9,
    /**
     * Network cards, printers, displays.
     */
    REPORTER_CATEGORY_DEVICES = 10,
    /**
     * An image of the desktop.
     */
    REPORTER_CATEGORY_SCREEN = 11,
    /**
     * Name, e-mail address and description that the user types.
     */
    REPORTER_CATEGORY_CONTACT = 12,
    /**
     * Annotations and the product's command line.
     */
    REPORTER_CATEGORY_PRODUCT = 13,
    /**
     * Files that the product attaches.
     */
    REPORTER_CATEGORY_ATTACHMENTS = 14,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum reporter_category_t reporter_category_t;
#else
typedef int32_t reporter_category_t;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Whether something may be offered to the person. There is no "always": only the person or the machine's administrator can say that.
 */
enum reporter_policy_t
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Ask the person, who may decline it.
     */
    REPORTER_POLICY_ASK = 1,
    /**
     * Never collect it.
     */
    REPORTER_POLICY_NEVER = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum reporter_policy_t reporter_policy_t;
#else
typedef int32_t reporter_policy_t;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A kind of error.
 */
enum reporter_kind_t
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * A fault: a signal or a structured exception.
     */
    REPORTER_KIND_CRASH = 1,
    /**
     * A Rust panic.
     */
    REPORTER_KIND_PANIC = 2,
    /**
     * An exception of C++ or a managed language that nothing caught.
     */
    REPORTER_KIND_UNHANDLED_EXCEPTION = 3,
    /**
     * Given to reporter_capture_error() by the product, which goes on.
     */
    REPORTER_KIND_HANDLED_ERROR = 4,
    REPORTER_KIND_HANG = 5,
    REPORTER_KIND_OUT_OF_MEMORY = 6,
    /**
     * The process ended without a clean exit and without a fault that anyone saw.
     */
    REPORTER_KIND_VANISHED = 7,
    /**
     * Asked for by reporter_simulate_crash().
     */
    REPORTER_KIND_SIMULATED = 8,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum reporter_kind_t reporter_kind_t;
#else
typedef int32_t reporter_kind_t;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How much memory goes into a report.
 */
enum reporter_dump_t
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * None: the error, its stack and what the person did.
     */
    REPORTER_DUMP_NONE = 1,
    /**
     * Stacks and registers of all threads, modules.
     */
    REPORTER_DUMP_MINIDUMP = 2,
    /**
     * Every readable page of the process.
     */
    REPORTER_DUMP_FULL_MEMORY = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum reporter_dump_t reporter_dump_t;
#else
typedef int32_t reporter_dump_t;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What becomes of a forked child that goes on without exec. One that runs another program has nothing of the reporter, whatever is chosen here.
 */
enum reporter_children_t
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Its calls do nothing, and its crash runs its course.
     */
    REPORTER_CHILDREN_OFF = 1,
    /**
     * The parent's handler reports its crashes, as long as the parent lives, with what the parent had recorded. Its own calls do nothing.
     */
    REPORTER_CHILDREN_INHERIT = 2,
    /**
     * It starts a reporter of its own at its first call of this library. Its reports lie in the common spool, and the parent's handler sends them.
     */
    REPORTER_CHILDREN_SEPARATE = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum reporter_children_t reporter_children_t;
#else
typedef int32_t reporter_children_t;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Where a command was invoked.
 */
enum reporter_surface_t
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    REPORTER_SURFACE_MENU = 1,
    REPORTER_SURFACE_TOOLBAR = 2,
    REPORTER_SURFACE_SHORTCUT = 3,
    REPORTER_SURFACE_COMMAND_LINE = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum reporter_surface_t reporter_surface_t;
#else
typedef int32_t reporter_surface_t;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A text of the question.
 */
enum reporter_question_t
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Whose error it is: the product's name, its version and its vendor.
     */
    REPORTER_QUESTION_PRODUCT = 1,
    REPORTER_QUESTION_VERSION = 2,
    REPORTER_QUESTION_VENDOR = 3,
    /**
     * What happened, in a line, or in one for each error where the question is about several; can be empty. It can quote the product, or what the product was fed with.
     */
    REPORTER_QUESTION_TITLE = 4,
    /**
     * What the data may be used for, who receives it, who may read it, how long it is kept, and how the person has it deleted: the notice of the options. To be shown where not empty.
     */
    REPORTER_QUESTION_PURPOSE = 5,
    REPORTER_QUESTION_RECIPIENT = 6,
    REPORTER_QUESTION_ACCESS = 7,
    REPORTER_QUESTION_RETENTION = 8,
    REPORTER_QUESTION_ERASURE = 9,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum reporter_question_t reporter_question_t;
#else
typedef int32_t reporter_question_t;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What the person types.
 */
enum reporter_contact_t
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * At most 100 characters, as the last name.
     */
    REPORTER_CONTACT_FIRST_NAME = 1,
    REPORTER_CONTACT_LAST_NAME = 2,
    /**
     * At most 254 bytes. One that nobody can write to makes the whole answer void.
     */
    REPORTER_CONTACT_EMAIL = 3,
    /**
     * What the person saw. At most 4,000 characters.
     */
    REPORTER_CONTACT_DESCRIPTION = 4,
    /**
     * In which to answer: a language tag such as "de" or "pt-BR".
     */
    REPORTER_CONTACT_LANGUAGE = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum reporter_contact_t reporter_contact_t;
#else
typedef int32_t reporter_contact_t;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What the person says.
 */
enum reporter_answer_t
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Send what is chosen.
     */
    REPORTER_ANSWER_SEND = 1,
    /**
     * And from now on send the same categories without asking.
     */
    REPORTER_ANSWER_SEND_ALWAYS = 2,
    /**
     * Send nothing, and destroy what was collected.
     */
    REPORTER_ANSWER_DECLINE = 3,
    /**
     * And collect nothing until the product's version changes.
     */
    REPORTER_ANSWER_DECLINE_FOR_VERSION = 4,
    /**
     * And collect nothing, and do not ask, from now on.
     */
    REPORTER_ANSWER_DECLINE_ALWAYS = 5,
    /**
     * Keep it, and ask another time.
     */
    REPORTER_ANSWER_LATER = 6,
    /**
     * This program cannot show anything here, for want of a display. The person is asked in the product's terminal, if there is one.
     */
    REPORTER_ANSWER_CANNOT_ASK = 7,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum reporter_answer_t reporter_answer_t;
#else
typedef int32_t reporter_answer_t;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a person is to be asked about one report, in a program that the product named by reporter_options_set_dialog().
 *
 * The handler starts that program for each question, without arguments, in the environment that the product had at its start. It
 * gets the request by reporter_consent_request_read(), shows it, and gives the person's answer by reporter_consent_request_answer(). It decides nothing itself, and
 * writes nothing else to its standard output. A program that ends well without an answer, or has none in the time of
 * reporter_consent_request_timeout(), has said REPORTER_ANSWER_LATER. Its answer is checked against the question, and the report says that the product's
 * own dialog gave it. The product does not wait meanwhile.
 */
typedef struct reporter_consent_request_t reporter_consent_request_t;

/**
 * An error and what caused it, outermost first.
 *
 * Made by reporter_error_new(), taken by reporter_capture_error() or reporter_capture_unhandled() whether that succeeds or not. One that is not
 * captured after all goes to reporter_error_free().
 */
typedef struct reporter_error_t reporter_error_t;

/**
 * What the product is, what may be collected, who is told what, and where reports go.
 *
 * Made by reporter_options_new(), filled by the other functions named reporter_options_, taken by reporter_start() whether that succeeds
 * or not. Options that are not started after all go to reporter_options_free().
 */
typedef struct reporter_options_t reporter_options_t;

/**
 * A task that was begun; 0 for none.
 */
typedef uint64_t reporter_task_t;

/**
 * Looks at an error before it is handed over, and changes it by the functions named reporter_error_set_. `true` keeps it; `false` drops it: nothing is
 * reported, and nobody is asked.
 *
 * `error` is the library's, for the time of the call: the hook neither captures nor frees it. `hint` is what the capturing call was given, NULL where it was given
 * none; `data` is what reporter_options_set_before_send() was given. No exception of C++ may leave the hook.
 */
typedef bool (*reporter_before_send_t)(reporter_error_t *error, const void *hint, void *data);

/**
 * One switch of the dialog, and what it stands for.
 */
typedef struct {
    /**
     * A reporter_category_t, or REPORTER_CATEGORY_ESSENTIAL, which is sent whatever is chosen. REPORTER_CATEGORY_CONTACT is what the person may add.
     */
    int32_t category;
    /**
     * Whether it is sent if the person leaves the choice as it is.
     */
    bool chosen;
    /**
     * Before compression; of a memory image, as it would be sent.
     */
    uint64_t bytes;
    /**
     * Every field exactly as it would be sent, a line each. Control characters are escaped. The request's, as long as that lives.
     */
    const char *contents;
} reporter_offer_t;

/**
 * Lines of an offer's contents that can be left out by themselves: those of one field, or of one section with all its fields, such as a file. Parts lie in one another; what holds others
 * comes before them, and they go with it.
 */
typedef struct {
    /**
     * In reporter_offer_t::contents, from 0 on.
     */
    size_t first_line;
    size_t lines;
    /**
     * About so much less is sent without it.
     */
    uint64_t bytes;
    /**
     * Whether reporter_consent_request_leave_out() has left it out.
     */
    bool left_out;
} reporter_part_t;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library that runs: major << 24 | minor << 16 | patch.
 */
uint32_t reporter_version(void);

/**
 * The version of the library that runs, such as "0.1.0". It is the library's, and always valid.
 */
const char *reporter_version_text(void);

/**
 * Why the last call on this thread that failed did so, for people; empty where none has. Calls that succeed leave it as it is.
 *
 * Never NULL. The text is the library's, and valid until the next call of a function of this library on the same thread.
 */
const char *reporter_last_error(void);

/**
 * Options of the product `name` of `vendor`, in `version`; the caller owns them. NULL on failure.
 */
reporter_options_t *reporter_options_new(const char *vendor, const char *name, const char *version);

reporter_options_t *reporter_options_new_n(const char *vendor,
                                           size_t vendor_length,
                                           const char *name,
                                           size_t name_length,
                                           const char *version,
                                           size_t version_length);

/**
 * Frees options that were not given to reporter_start(). NULL is allowed.
 */
void reporter_options_free(reporter_options_t *options);

/**
 * The build within the version: what symbols are filed under.
 */
reporter_status_t reporter_options_set_build(reporter_options_t *options, const char *build);

reporter_status_t reporter_options_set_build_n(reporter_options_t *options, const char *build, size_t length);

/**
 * The release channel, such as "stable" or "beta".
 */
reporter_status_t reporter_options_set_channel(reporter_options_t *options, const char *channel);

reporter_status_t reporter_options_set_channel_n(reporter_options_t *options, const char *channel, size_t length);

/**
 * The product's own UUID, 16 bytes, by which support routes reports. Default: derived from vendor and name.
 */
reporter_status_t reporter_options_set_product_id(reporter_options_t *options, const uint8_t *id);

/**
 * Sets one text of the notice. Those left out or empty are not shown.
 */
reporter_status_t reporter_options_set_notice(reporter_options_t *options, reporter_notice_t notice, const char *text);

reporter_status_t reporter_options_set_notice_n(reporter_options_t *options,
                                                reporter_notice_t notice,
                                                const char *text,
                                                size_t length);

/**
 * The folder that keeps reports until they are sent: absolute, and one product's alone.
 * Default on Linux: $XDG_STATE_HOME/VENDOR/NAME/reports.
 */
reporter_status_t reporter_options_set_spool(reporter_options_t *options, const char *directory);

reporter_status_t reporter_options_set_spool_n(reporter_options_t *options, const char *directory, size_t length);

/**
 * The program reporter-handler: absolute, and writable by no one with fewer rights than the product.
 * Default: beside the library or executable that holds this code; on Linux also in the folder `reporter-0` beside the library.
 */
reporter_status_t reporter_options_set_handler(reporter_options_t *options,
                                               const char *program);

reporter_status_t reporter_options_set_handler_n(reporter_options_t *options, const char *program, size_t length);

/**
 * A dialog of the product's own, in place of reporter-dialog and of the question in its terminal: a program, absolute, and writable by no one with fewer rights than the
 * product. It takes the question by reporter_consent_request_read(), which says more.
 */
reporter_status_t reporter_options_set_dialog(reporter_options_t *options,
                                              const char *program);

reporter_status_t reporter_options_set_dialog_n(reporter_options_t *options, const char *program, size_t length);

/**
 * A folder with what makes reporter-dialog the product's: an icon, a colour, a link, and words in place of ours. Absolute, and writable by no one with fewer
 * rights than the product. What in it cannot be used is left out.
 */
reporter_status_t reporter_options_set_branding(reporter_options_t *options,
                                                const char *folder);

reporter_status_t reporter_options_set_branding_n(reporter_options_t *options, const char *folder, size_t length);

/**
 * A file to attach to every report, read when the error happens. `name` labels it in the report; `path` never leaves the machine.
 */
reporter_status_t reporter_options_attach_file(reporter_options_t *options,
                                               const char *name,
                                               const char *media_type,
                                               const char *path);

reporter_status_t reporter_options_attach_file_n(reporter_options_t *options,
                                                 const char *name,
                                                 size_t name_length,
                                                 const char *media_type,
                                                 size_t media_type_length,
                                                 const char *path,
                                                 size_t path_length);

/**
 * Puts the product's command line into reports. Off by default, since arguments can hold the user's data.
 */
reporter_status_t reporter_options_set_include_command_line(reporter_options_t *options, bool include);

/**
 * Keeps of stacks, and of memory that registers point at, only what looks like an address: of code, or of a stack. Off by default.
 * For products whose stacks can hold what must not leave the machine. Frames are found as before; values of variables are lost.
 */
reporter_status_t reporter_options_set_sanitised_stacks(reporter_options_t *options,
                                                        bool sanitised);

/**
 * Blanks out all but the product's own windows in an image of the desktop. Off by default.
 */
reporter_status_t reporter_options_set_own_windows_only(reporter_options_t *options, bool only);

/**
 * How long, in milliseconds, a crashed product waits for the handler: `without_progress` with no sign of life, `longest` in all.
 * Default: 10,000 and 120,000. `longest` must not be the smaller one, and neither more than a day.
 */
reporter_status_t reporter_options_set_waits(reporter_options_t *options,
                                             uint32_t without_progress,
                                             uint32_t longest);

/**
 * The vendor's own address, from which reports come.
 */
reporter_status_t reporter_options_set_mail_from(reporter_options_t *options, const char *address);

reporter_status_t reporter_options_set_mail_from_n(reporter_options_t *options, const char *address, size_t length);

/**
 * One more address of support, which reports go to.
 */
reporter_status_t reporter_options_add_mail_to(reporter_options_t *options, const char *address);

reporter_status_t reporter_options_add_mail_to_n(reporter_options_t *options, const char *address, size_t length);

/**
 * Sends by the mail server `host`; `port` 0 is the usual one of `tls`. Replaces the way chosen before, with its credentials and certificate.
 */
reporter_status_t reporter_options_set_smtp(reporter_options_t *options,
                                            const char *host,
                                            uint16_t port,
                                            reporter_tls_t tls);

reporter_status_t reporter_options_set_smtp_n(reporter_options_t *options,
                                              const char *host,
                                              size_t length,
                                              uint16_t port,
                                              reporter_tls_t tls);

/**
 * User name and password for the server given to reporter_options_set_smtp() before.
 *
 * They go to the handler at start, and the library's copies are overwritten; the caller's are the caller's to overwrite. A password
 * inside a product can be extracted by its users: a relay that needs none is better.
 */
reporter_status_t reporter_options_set_smtp_credentials(reporter_options_t *options,
                                                        const char *username,
                                                        const char *password);

reporter_status_t reporter_options_set_smtp_credentials_n(reporter_options_t *options,
                                                          const char *username,
                                                          size_t username_length,
                                                          const char *password,
                                                          size_t password_length);

/**
 * A root certificate (PEM) to accept in addition to the system's, for the server given before.
 */
reporter_status_t reporter_options_set_smtp_root_certificate(reporter_options_t *options,
                                                             const uint8_t *pem,
                                                             size_t length);

/**
 * How long, in milliseconds, each step of the conversation with the server given before may take. Default: 30,000.
 */
reporter_status_t reporter_options_set_smtp_timeout(reporter_options_t *options, uint32_t timeout);

/**
 * Writes mails as .eml files into a folder, for another program to send. Replaces the way chosen before.
 */
reporter_status_t reporter_options_set_eml_directory(reporter_options_t *options, const char *directory);

reporter_status_t reporter_options_set_eml_directory_n(reporter_options_t *options,
                                                       const char *directory,
                                                       size_t length);

/**
 * Whether a category of data may be offered to the person at all. Default: REPORTER_POLICY_ASK. The last call for a category counts.
 */
reporter_status_t reporter_options_set_category_policy(reporter_options_t *options,
                                                       reporter_category_t category,
                                                       reporter_policy_t policy);

/**
 * Whether errors of a kind are reported, and with how much memory. The last call for a kind counts.
 *
 * Default: REPORTER_POLICY_ASK; REPORTER_DUMP_NONE for handled errors, which then cost under a millisecond, REPORTER_DUMP_MINIDUMP
 * for all others.
 */
reporter_status_t reporter_options_set_kind_policy(reporter_options_t *options,
                                                   reporter_kind_t kind,
                                                   reporter_policy_t policy,
                                                   reporter_dump_t dump);

/**
 * What becomes of children that are forked from the product. Default: REPORTER_CHILDREN_OFF.
 */
reporter_status_t reporter_options_set_children(reporter_options_t *options, reporter_children_t children);

/**
 * Reports a hang: reporter_heartbeat() was called, and then is not called for so many milliseconds. Default: 0, hangs are not looked for.
 * Else at least 100 and at most a day; 10,000 or more tell a hang from a slow disk. The product goes on untouched.
 */
reporter_status_t reporter_options_set_hang_after(reporter_options_t *options,
                                                  uint32_t silence);

/**
 * Reports within 24 hours: of errors with the same signature, and of all. 0 is no limit. Default: 5 and 25. Errors beyond are counted, and nobody is
 * asked about them; the next report of that signature tells how many there were.
 */
reporter_status_t reporter_options_set_limits(reporter_options_t *options,
                                              uint32_t per_signature,
                                              uint32_t per_day);

/**
 * What the spool holds at most: reports that nobody has decided about, reports that wait for delivery, and bytes of each of the two. 0 is no limit.
 * Default: 20, 100 and 268,435,456. The oldest give way to a new one.
 */
reporter_status_t reporter_options_set_spool_limits(reporter_options_t *options,
                                                    uint32_t undecided,
                                                    uint32_t outgoing,
                                                    uint64_t bytes);

/**
 * The most bytes of memory that are read for a REPORTER_DUMP_FULL_MEMORY; 0 is no limit. Default: 8,589,934,592. Memory that was never written to does not
 * count. A product that has more loses what says the least of it first, and the report says how much is missing.
 */
reporter_status_t reporter_options_set_full_memory_limit(reporter_options_t *options,
                                                         uint64_t bytes);

/**
 * Starts the product again after a crash, an unhandled exception or a panic that ended it: its own program, without arguments, in the directory in
 * which it calls reporter_start(). Never in a loop: only if it had run for `uptime` milliseconds (60,000 is a good value), and not more than
 * twice in an hour. Never after a clean exit or a signal that somebody sent, and never with more rights than its user has.
 *
 * The new process has the environment of the old one at its start, in which REPORTER_RESTARTED counts the restarts of the last hour, from 1. It has a
 * session of its own without a terminal, and its standard streams lead to /dev/null.
 */
reporter_status_t reporter_options_set_restart(reporter_options_t *options,
                                               uint32_t uptime);

/**
 * Gives the product one argument more when it is started again. reporter_options_set_restart() comes first.
 */
reporter_status_t reporter_options_add_restart_argument(reporter_options_t *options, const char *argument);

reporter_status_t reporter_options_add_restart_argument_n(reporter_options_t *options,
                                                          const char *argument,
                                                          size_t length);

/**
 * Starts another program than the product's own: absolute. reporter_options_set_restart() comes first.
 */
reporter_status_t reporter_options_set_restart_program(reporter_options_t *options, const char *program);

reporter_status_t reporter_options_set_restart_program_n(reporter_options_t *options,
                                                         const char *program,
                                                         size_t length);

/**
 * Starts it in another directory: absolute. reporter_options_set_restart() comes first.
 */
reporter_status_t reporter_options_set_restart_directory(reporter_options_t *options, const char *directory);

reporter_status_t reporter_options_set_restart_directory_n(reporter_options_t *options,
                                                           const char *directory,
                                                           size_t length);

/**
 * Starts the handler and begins to catch crashes. Takes `options` in any case: the caller must not use or free them any more.
 *
 * REPORTER_OK says that the product may go on, not that all works: ask reporter_is_active() and reporter_soft_error().
 * REPORTER_ERROR_STARTED if it was started before and not shut down since. REPORTER_ERROR_SECOND_COPY if another copy of the library, such as the
 * host's own of a plug-in, reports for the process: its reports tell of both; another start can succeed once that one is shut down.
 *
 * Takes the time that a program takes to be started, and does not wait until it runs: a crash, and whatever else is reported from here on, finds the
 * handler when it does. reporter_is_active(), reporter_soft_error(), reporter_flush() and reporter_shutdown() wait for the handler's first answer, two
 * seconds from the start on at most. A handler that answers otherwise or not at all is ended, and nothing is reported from then on.
 *
 * The handler is no child of the product: no SIGCHLD comes of it, and wait() does not know it.
 *
 * Threads that are alive get an alternate stack each, so that their stack overflows can be reported: by a SIGURG, or a SIGWINCH where that one is
 * handled, which may end a call such as poll() early, with EINTR. A thread of this library does it while the product goes on, and ends within
 * milliseconds. Threads made later have theirs once they make any call of this library.
 */
reporter_status_t reporter_start(reporter_options_t *options);

/**
 * Whether errors are caught and a handler takes them. Waits for the handler's first answer: see reporter_start().
 */
bool reporter_is_active(void);

/**
 * What does not work, now and since the start, one text for each index from 0 on: a missing handler, an unwritable spool ...
 * NULL behind the last one, and where reporting is off. Waits for the handler's first answer, which may tell of more: see reporter_start().
 *
 * The text is the library's, and valid until the next call of this function on the same thread.
 */
const char *reporter_soft_error(size_t index);

/**
 * Puts the library's signal handlers on top again, where others have replaced them since: after loading a plug-in, a driver, a managed runtime.
 *
 * Those others stay in the chain: they are called as if the library had come later, which lets a managed runtime have its own faults first. Costs seven
 * system calls where nothing has changed.
 */
reporter_status_t reporter_rearm(void);

/**
 * Waits up to `timeout` milliseconds until what was reported so far is stored and, as far as the time allows, delivered.
 * REPORTER_ERROR_TIMEOUT if it is not.
 */
reporter_status_t reporter_flush(uint32_t timeout);

/**
 * Ends reporting: the product ends as it should. Where a terminal is there, the handler may ask the person about handled errors first.
 * A product that ends by exit() without this call ends cleanly, too, but nothing is asked then.
 *
 * Waits up to `timeout` milliseconds. REPORTER_ERROR_TIMEOUT if the handler did not confirm; reporting has ended then, too.
 *
 * Another start can follow. Each one keeps its two file descriptors and about 2 MiB of address space until the process ends, since a thread that is
 * in the middle of a call may hold them: a product starts once, or now and then, not for each document.
 */
reporter_status_t reporter_shutdown(uint32_t timeout);

/**
 * Makes a report as a crash would, of the kind REPORTER_KIND_SIMULATED, and goes on: to try the way to support.
 */
reporter_status_t reporter_simulate_crash(void);

/**
 * Begins a task: what the user works on, in the product's own words, not the user's data. End it in the same thread, by
 * reporter_task_end() or reporter_task_fail(); tasks begun meanwhile in this thread are parts of it.
 *
 * 0 while reporting is off and on failure: a value that can be ended like any other.
 */
reporter_task_t reporter_task_begin(const char *name);

reporter_task_t reporter_task_begin_n(const char *name, size_t length);

/**
 * Ends a task. 0, and a task that is not open, are ignored.
 */
reporter_status_t reporter_task_end(reporter_task_t task);

/**
 * Ends a task that failed. 0, and a task that is not open, are ignored.
 */
reporter_status_t reporter_task_fail(reporter_task_t task);

/**
 * The user invoked a command: its stable id, its label as the user saw it, and where it was invoked.
 */
reporter_status_t reporter_command(const char *id, const char *label, reporter_surface_t surface);

reporter_status_t reporter_command_n(const char *id,
                                     size_t id_length,
                                     const char *label,
                                     size_t label_length,
                                     reporter_surface_t surface);

/**
 * A dialog is shown, named by the product's own stable id.
 */
reporter_status_t reporter_dialog_opened(const char *id);

reporter_status_t reporter_dialog_opened_n(const char *id, size_t length);

/**
 * A dialog was closed with a result such as "ok" or "cancel", empty where there is none.
 */
reporter_status_t reporter_dialog_closed(const char *id, const char *result);

reporter_status_t reporter_dialog_closed_n(const char *id, size_t id_length, const char *result, size_t result_length);

/**
 * Sets the fact `key` to `value` in all reports from now on.
 *
 * Keys have up to 128 bytes, values up to 872; longer ones are cut at a character. There is room for 64 keys: one more is dropped, and counted
 * in the report.
 */
reporter_status_t reporter_annotate(const char *key,
                                    const char *value);

reporter_status_t reporter_annotate_n(const char *key, size_t key_length, const char *value, size_t value_length);

/**
 * Forgets the fact `key`.
 */
reporter_status_t reporter_remove_annotation(const char *key);

reporter_status_t reporter_remove_annotation_n(const char *key, size_t length);

/**
 * Attaches a file to every report from now on; it is read when the error happens. `name` labels it in the report; `path` never
 * leaves the machine.
 */
reporter_status_t reporter_attach_file(const char *name,
                                       const char *media_type,
                                       const char *path);

reporter_status_t reporter_attach_file_n(const char *name,
                                         size_t name_length,
                                         const char *media_type,
                                         size_t media_type_length,
                                         const char *path,
                                         size_t path_length);

/**
 * Attaches bytes to every report from now on. They are copied. What was attached under the same name before is replaced.
 * REPORTER_ERROR_LIMIT if they are too many.
 */
reporter_status_t reporter_attach_bytes(const char *name,
                                        const char *media_type,
                                        const uint8_t *bytes,
                                        size_t length);

reporter_status_t reporter_attach_bytes_n(const char *name,
                                          size_t name_length,
                                          const char *media_type,
                                          size_t media_type_length,
                                          const uint8_t *bytes,
                                          size_t length);

/**
 * An error of the type `type_name`, such as "ledger.ImportError" (empty where there is none), in the program's words `message`.
 * The caller owns it. NULL on failure; the functions below then answer REPORTER_ERROR_NULL and nothing is reported.
 *
 * A message can quote the user's data. The person sees it before it is sent.
 */
reporter_error_t *reporter_error_new(const char *type_name,
                                     const char *message);

reporter_error_t *reporter_error_new_n(const char *type_name,
                                       size_t type_name_length,
                                       const char *message,
                                       size_t message_length);

/**
 * Frees an error that was not captured. NULL is allowed.
 */
void reporter_error_free(reporter_error_t *error);

/**
 * Adds what caused the error, or its last cause so far. A report keeps 32 links, the error itself among them.
 */
reporter_status_t reporter_error_add_cause(reporter_error_t *error, const char *type_name, const char *message);

reporter_status_t reporter_error_add_cause_n(reporter_error_t *error,
                                             const char *type_name,
                                             size_t type_name_length,
                                             const char *message,
                                             size_t message_length);

/**
 * The number of the link added last, such as errno or an HRESULT.
 */
reporter_status_t reporter_error_set_code(reporter_error_t *error, int64_t code);

/**
 * Where in the product's source the link added last comes from, such as `__FILE__` and `__LINE__`.
 */
reporter_status_t reporter_error_set_location(reporter_error_t *error, const char *file, uint32_t line);

reporter_status_t reporter_error_set_location_n(reporter_error_t *error,
                                                const char *file,
                                                size_t length,
                                                uint32_t line);

/**
 * Adds a frame to the link added last, innermost first: of code that is known by its method, such as .NET's, or of a stack that the caller knows better.
 * `assembly` is the full name of what holds the method, empty where that is not known. A link keeps 256 frames.
 */
reporter_status_t reporter_error_add_frame(reporter_error_t *error,
                                           const char *method,
                                           const char *assembly);

reporter_status_t reporter_error_add_frame_n(reporter_error_t *error,
                                             const char *method,
                                             size_t method_length,
                                             const char *assembly,
                                             size_t assembly_length);

/**
 * Where in its assembly the frame added last is: the assembly's module version id (16 bytes, in the order in which .NET's Guid.ToByteArray() has them; NULL
 * where it is not known), the method's metadata token, and the offset in its intermediate language.
 */
reporter_status_t reporter_error_set_frame_method(reporter_error_t *error,
                                                  const uint8_t *mvid,
                                                  uint32_t token,
                                                  uint32_t il_offset);

/**
 * Where in the source the frame added last is.
 */
reporter_status_t reporter_error_set_frame_location(reporter_error_t *error, const char *file, uint32_t line);

reporter_status_t reporter_error_set_frame_location_n(reporter_error_t *error,
                                                      const char *file,
                                                      size_t length,
                                                      uint32_t line);

/**
 * The stack to report, `count` instruction pointers, innermost first, in place of that of the thread that captures: of the place where the error was made, say.
 * 64 are kept.
 */
reporter_status_t reporter_error_set_stack(reporter_error_t *error,
                                           const uint64_t *instructions,
                                           size_t count);

/**
 * The name of the thread in which the error happened. Default: that of the thread that captures, as the system or Rust knows it.
 */
reporter_status_t reporter_error_set_thread_name(reporter_error_t *error,
                                                 const char *name);

reporter_status_t reporter_error_set_thread_name_n(reporter_error_t *error, const char *name, size_t length);

/**
 * Reports an error that the product handled, with the stack of this thread, and goes on. Takes `error` in any case: the caller must not use or
 * free it any more.
 *
 * Returns in under a millisecond and without asking anyone, unless reporter_options_set_kind_policy() wants memory for handled errors: then
 * the product is held for the dump.
 */
reporter_status_t reporter_capture_error(reporter_error_t *error);

/**
 * As reporter_capture_error(), with something for the hook of reporter_options_set_before_send() to know the error by: the product's own error object, say. The
 * library does not look behind `hint`.
 */
reporter_status_t reporter_capture_error_with_hint(reporter_error_t *error,
                                                   const void *hint);

/**
 * Reports an exception that nothing has caught, from the hook that the runtime of another language calls for it: AppDomain.UnhandledException in
 * .NET and Mono, Thread.setDefaultUncaughtExceptionHandler in Java, sys.excepthook in Python. Takes `error` in any case, as
 * reporter_capture_error() does.
 *
 * Holds the calling thread until the report is made, with a dump unless reporter_options_set_kind_policy() says otherwise. If the runtime then
 * aborts the process from the same thread, that is no second error. Exceptions of C++ are reported without this function.
 */
reporter_status_t reporter_capture_unhandled(reporter_error_t *error);

/**
 * As reporter_capture_unhandled(), with a hint as in reporter_capture_error_with_hint().
 */
reporter_status_t reporter_capture_unhandled_with_hint(reporter_error_t *error, const void *hint);

/**
 * Tells that the product answers: to be called in each round of its main loop, by the thread that must not hang.
 *
 * Costs a few nanoseconds; about once a second it also looks whether the library's signal handlers are still on top, and puts them back where another
 * party has replaced them, as reporter_rearm() does. From the first call on the product is watched, if reporter_options_set_hang_after() was called:
 * when no other follows for so long, the thread that gave the last one is reported as hanging. While the product waits on purpose, call
 * reporter_heartbeat_pause().
 */
reporter_status_t reporter_heartbeat(void);

/**
 * Stops the watch until the next reporter_heartbeat(): for a modal dialog with a loop of its own, a long wait, the end of the main loop.
 */
reporter_status_t reporter_heartbeat_pause(void);

/**
 * Keeps `length` bytes of the product's memory out of all reports from now on: keys, passwords, what the law protects. Whatever is made of the product's
 * memory, a minidump or an image of all of it, has zeros there. Nothing is read here, so the memory need not be readable; length 0 does nothing.
 *
 * It holds for errors that happen after the call has returned, until reporter_include_memory(), which is to be called before the memory is given back:
 * else what comes to lie there is excluded as well. Copies elsewhere are not known. A second call for the same address takes the place of the first.
 * Does nothing before reporter_start().
 *
 * REPORTER_ERROR_LIMIT beyond 1024 pieces, REPORTER_ERROR_ARGUMENT for a piece that ends behind the last address.
 */
reporter_status_t reporter_exclude_memory(const void *address,
                                          size_t length);

/**
 * Ends what reporter_exclude_memory() began for this address. Does nothing for another one.
 */
reporter_status_t reporter_include_memory(const void *address);

/**
 * Has `hook` look at each handled error and each unhandled exception (reporter_capture_unhandled()) before it is handed over. The last call counts.
 *
 * The hook runs in the thread that captures, in several at once where several do; `data` goes to each call, and has to live until reporter_shutdown().
 * It is not called for crashes and hangs, where nothing of the product's can be relied on; there, reporter_options_set_kind_policy() and
 * reporter_options_set_category_policy() decide. What the hook captures itself is dropped.
 */
reporter_status_t reporter_options_set_before_send(reporter_options_t *options,
                                                   reporter_before_send_t hook,
                                                   void *data);

/**
 * How many links the error has: itself and its causes.
 */
size_t reporter_error_count(reporter_error_t *error);

/**
 * The type of a link, 0 for the error itself, then its causes. Empty where it has none; NULL behind the last link.
 * The text is the library's, and valid until the next call with this error.
 */
const char *reporter_error_type(reporter_error_t *error, size_t index);

/**
 * The words of a link, as reporter_error_type() counts them.
 */
const char *reporter_error_message(reporter_error_t *error, size_t index);

/**
 * Other words for a link, to take out what is not to leave the machine, say.
 */
reporter_status_t reporter_error_set_message(reporter_error_t *error, size_t index, const char *message);

reporter_status_t reporter_error_set_message_n(reporter_error_t *error,
                                               size_t index,
                                               const char *message,
                                               size_t length);

/**
 * The request that this process was started for, from its standard input. Once. NULL where there is none, as where a person has started the
 * program: reporter_last_error() tells why.
 *
 * The caller owns it. reporter_start() is not needed, and not to be called in this program.
 */
reporter_consent_request_t *reporter_consent_request_read(void);

/**
 * Frees a request without an answer: the same as REPORTER_ANSWER_LATER once the program ends. NULL is allowed.
 */
void reporter_consent_request_free(reporter_consent_request_t *request);

/**
 * A text of the question, empty where there is none. The request's, as long as that lives. NULL on failure.
 */
const char *reporter_consent_request_text(reporter_consent_request_t *request, reporter_question_t text);

/**
 * What kind of error it is: a reporter_kind_t, 0 where it is none that this release knows.
 */
int32_t reporter_consent_request_kind(reporter_consent_request_t *request);

/**
 * How many errors the question is about: one, or several that have waited for an answer, which holds for all of them. 0 on failure.
 */
size_t reporter_consent_request_reports(reporter_consent_request_t *request);

/**
 * How long the handler waits for the answer, in milliseconds from the start of this program on.
 */
uint32_t reporter_consent_request_timeout(reporter_consent_request_t *request);

/**
 * What may be sent, one switch for each index from 0 on, in the order in which it is shown. REPORTER_ERROR_ARGUMENT behind the last one.
 */
reporter_status_t reporter_consent_request_offer(reporter_consent_request_t *request,
                                                 size_t index,
                                                 reporter_offer_t *offer);

/**
 * What can be left out of an offer by itself, one part for each index from 0 on. REPORTER_ERROR_ARGUMENT behind the last one.
 */
reporter_status_t reporter_consent_request_part(reporter_consent_request_t *request,
                                                size_t offer,
                                                size_t index,
                                                reporter_part_t *part);

/**
 * Leaves a part out of what is sent, or takes it in again. With one left out REPORTER_ANSWER_SEND_ALWAYS is REPORTER_ANSWER_SEND: nobody would look through the next report.
 * REPORTER_ERROR_ARGUMENT where there is no such part.
 */
reporter_status_t reporter_consent_request_leave_out(reporter_consent_request_t *request,
                                                     size_t offer,
                                                     size_t index,
                                                     bool left_out);

/**
 * An image of the desktop, one for each index from 0 on: a PNG file, the request's as long as that lives. REPORTER_ERROR_ARGUMENT behind the last one.
 */
reporter_status_t reporter_consent_request_image(reporter_consent_request_t *request,
                                                 size_t index,
                                                 const uint8_t **png,
                                                 size_t *length);

/**
 * Sets a switch as the person does. REPORTER_ERROR_ARGUMENT for a category that is not offered.
 */
reporter_status_t reporter_consent_request_choose(reporter_consent_request_t *request,
                                                  reporter_category_t category,
                                                  bool chosen);

/**
 * Sets what the person has typed. Sent with REPORTER_CATEGORY_CONTACT, which is chosen until it is switched off.
 */
reporter_status_t reporter_consent_request_set_contact(reporter_consent_request_t *request,
                                                       reporter_contact_t contact,
                                                       const char *text);

reporter_status_t reporter_consent_request_set_contact_n(reporter_consent_request_t *request,
                                                         reporter_contact_t contact,
                                                         const char *text,
                                                         size_t length);

/**
 * Gives the person's answer; the program is to end then. Takes `request` in any case: the caller must not use or free it any more.
 * REPORTER_ERROR_IO if the handler does not wait any more; nothing is sent then.
 */
reporter_status_t reporter_consent_request_answer(reporter_consent_request_t *request,
                                                  reporter_answer_t answer);

#if defined(_WIN32)
/**
 * As reporter_options_set_spool(), with a path of 16-bit units. On Windows alone.
 */
reporter_status_t reporter_options_set_spool_w(reporter_options_t *options, const wchar_t *directory);
#endif

#if defined(_WIN32)
/**
 * As reporter_options_set_dialog(), with a path of 16-bit units. On Windows alone.
 */
reporter_status_t reporter_options_set_dialog_w(reporter_options_t *options, const wchar_t *program);
#endif

#if defined(_WIN32)
/**
 * As reporter_options_set_branding(), with a path of 16-bit units. On Windows alone.
 */
reporter_status_t reporter_options_set_branding_w(reporter_options_t *options, const wchar_t *folder);
#endif

#if defined(_WIN32)
/**
 * As reporter_options_set_handler(), with a path of 16-bit units. On Windows alone.
 */
reporter_status_t reporter_options_set_handler_w(reporter_options_t *options, const wchar_t *program);
#endif

#if defined(_WIN32)
/**
 * As reporter_options_attach_file(), with a path of 16-bit units. On Windows alone.
 */
reporter_status_t reporter_options_attach_file_w(reporter_options_t *options,
                                                 const char *name,
                                                 const char *media_type,
                                                 const wchar_t *path);
#endif

#if defined(_WIN32)
/**
 * As reporter_options_set_eml_directory(), with a path of 16-bit units. On Windows alone.
 */
reporter_status_t reporter_options_set_eml_directory_w(reporter_options_t *options, const wchar_t *directory);
#endif

#if defined(_WIN32)
/**
 * As reporter_options_add_restart_argument(), with a text of 16-bit units. On Windows alone.
 */
reporter_status_t reporter_options_add_restart_argument_w(reporter_options_t *options, const wchar_t *argument);
#endif

#if defined(_WIN32)
/**
 * As reporter_options_set_restart_program(), with a path of 16-bit units. On Windows alone.
 */
reporter_status_t reporter_options_set_restart_program_w(reporter_options_t *options, const wchar_t *program);
#endif

#if defined(_WIN32)
/**
 * As reporter_options_set_restart_directory(), with a path of 16-bit units. On Windows alone.
 */
reporter_status_t reporter_options_set_restart_directory_w(reporter_options_t *options, const wchar_t *directory);
#endif

#if defined(_WIN32)
/**
 * As reporter_attach_file(), with a path of 16-bit units. On Windows alone.
 */
reporter_status_t reporter_attach_file_w(const char *name, const char *media_type, const wchar_t *file);
#endif

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* REPORTER_H */
