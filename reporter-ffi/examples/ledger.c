/*
 * Ledger: a toy account book that reports its errors.
 *
 *   cargo build -p reporter-ffi && ln -sf libreporter.so target/debug/libreporter.so.0
 *   cc -g -Ireporter-ffi/include reporter-ffi/examples/ledger.c -Ltarget/debug -Wl,-rpath,"$PWD/target/debug" -lreporter -o ledger
 *   ./ledger --config ledger.conf
 *
 * On Windows (MinGW): x86_64-w64-mingw32-gcc -Ireporter-ffi/include reporter-ffi/examples/ledger.c FOLDER/reporter.dll -o ledger.exe
 *
 * It reads commands from standard input, one a line; it prints a prompt only to a terminal. Exit status: 0, or 2 for wrong usage.
 *
 *   open NAME          begins a book              month N       what came in and went out in month N (1 to 12)
 *   add CENTS TEXT     books an amount            report        all entries and the total
 *   import FILE        books "CENTS TEXT" lines   close         forgets the book, after asking: answer y
 *   undo               takes back the last entry  flush, quit   waits for reports; ends
 *   simulate           reports as if it had crashed, and goes on
 *
 * Three bugs are in it on purpose, of the kinds that reach users:
 *
 *   use after free     `close` releases the entries, `undo` still finds the last one:  open a, add 1 x, close, y, undo
 *   unchecked index    `month 999999999` reads far behind the table
 *   wrong total        an `import` that fails half way forgets to take its amounts back: the next `report` aborts in assert()
 *
 * A file that cannot be imported is a handled error: the product reports it and goes on.
 *
 * The configuration file has `key = value` lines; `#` begins a comment. Every key may be left out:
 *
 *   handler = PATH                      the program reporter-handler
 *   spool = DIR                         where reports wait
 *   from = ADDRESS, to = ADDRESS        of the mails; `to` may come several times
 *   host = NAME, port = N, tls = implicit | starttls | none
 *   user = NAME, password-file = PATH   never a password in here, in the environment or in the arguments
 *   ca = PATH                           a PEM certificate to trust besides the system's
 *   eml-directory = PATH                writes mails there; then host and the keys below it are not used
 *   never = CATEGORY                    is never collected: screen, account, network ...; may come several times
 *   dump-handled = yes | no             whether reports of handled errors hold memory, for which the product waits
 *   full-memory = yes                   has all of its memory read when it crashes
 *   log = PATH                          what was done in this session; goes into reports
 *   restart = PATH                      a program that starts it again after a crash
 *   most-reports = N                    of the same error within a day; those beyond are counted; without it 5
 *   wait-seconds = N                    how long a crash waits for a handler that shows no sign of life; without it 10
 *
 * The product notes.rs of the Rust SDK reads the same keys.
 */
#define _POSIX_C_SOURCE 200809L

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef _WIN32
#include <io.h>
#else
#include <unistd.h>
#endif

#include <reporter.h>

/* ---- The account book ------------------------------------------------------------------------------------------------- */

struct book;
struct entry;

struct entry_kind {
    const char *name;
    void (*take_back)(struct book *book, struct entry *entry);
};

struct entry {
    const struct entry_kind *kind;
    struct entry *previous;
    long cents;
    int month;
    char text[64];
};

struct book {
    bool is_open;
    char name[64];
    struct entry *last;
    long total;
    long by_month[12];
};

static struct book book;
static FILE *session_log;

static void take_back_amount(struct book *from, struct entry *entry)
{
    from->total -= entry->cents;
    from->by_month[entry->month - 1] -= entry->cents;
}

static const struct entry_kind INCOME = {"income", take_back_amount};
static const struct entry_kind EXPENSE = {"expense", take_back_amount};

/* The month of today: what the user books, happened now. */
static int this_month(void)
{
    time_t now = time(NULL);
    struct tm parts;
#ifdef _WIN32
    return localtime_s(&parts, &now) == 0 ? parts.tm_mon + 1 : 1;
#else
    return localtime_r(&now, &parts) != NULL ? parts.tm_mon + 1 : 1;
#endif
}

static bool book_amount(struct book *into, long cents, const char *text)
{
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return false;
    entry->kind = cents < 0 ? &EXPENSE : &INCOME;
    entry->previous = into->last;
    entry->cents = cents;
    entry->month = this_month();
    snprintf(entry->text, sizeof entry->text, "%s", text);
    into->last = entry;
    into->total += cents;
    into->by_month[entry->month - 1] += cents;
    return true;
}

/* Reads "CENTS TEXT"; false where there is no number. */
static bool parse_entry(const char *line, long *cents, const char **text)
{
    char *end;
    errno = 0;
    *cents = strtol(line, &end, 10);
    if (end == line || errno != 0 || (*end != ' ' && *end != '\0'))
        return false;
    *text = end + strspn(end, " ");
    return true;
}

/* ---- Commands --------------------------------------------------------------------------------------------------------- */

static void annotate_book(void)
{
    char count[24];
    int entries = 0;
    for (const struct entry *entry = book.is_open ? book.last : NULL; entry != NULL; entry = entry->previous)
        entries++;
    snprintf(count, sizeof count, "%d", entries);
    reporter_annotate("book.entries", count);
}

static void open_book(const char *name)
{
    if (book.is_open) {
        puts("close the open book first");
        return;
    }
    memset(&book, 0, sizeof book);
    book.is_open = true;
    snprintf(book.name, sizeof book.name, "%s", *name != '\0' ? name : "unnamed");
    reporter_annotate("book.state", "open");
    annotate_book();
    printf("opened %s\n", book.name);
}

static void add_entry(const char *arguments)
{
    long cents;
    const char *text;
    if (!book.is_open)
        puts("open a book first");
    else if (!parse_entry(arguments, &cents, &text))
        puts("usage: add CENTS TEXT");
    else if (book_amount(&book, cents, text))
        printf("total %ld\n", book.total);
    annotate_book();
}

/* BUG: after `close`, book.last still points at an entry that was freed: its first word is the allocator's by then. */
static void undo_entry(void)
{
    struct entry *entry = book.last;
    if (entry == NULL) {
        puts("nothing to undo");
        return;
    }
    entry->kind->take_back(&book, entry);
    book.last = entry->previous;
    printf("took back %s %ld\n", entry->kind->name, entry->cents);
    free(entry);
    annotate_book();
}

/* BUG: the number comes from the user and is not checked. */
static void show_month(const char *arguments)
{
    long month = strtol(arguments, NULL, 10);
    printf("month %ld: %ld\n", month, book.by_month[month - 1]);
}

static void print_report(void)
{
    long sum = 0;
    for (const struct entry *entry = book.last; entry != NULL; entry = entry->previous) {
        printf("%10ld  %-8s %s\n", entry->cents, entry->kind->name, entry->text);
        sum += entry->cents;
    }
    fflush(stdout);
    assert(sum == book.total && "the total is the sum of all entries");
    printf("%10ld  total\n", book.total);
}

/* The product goes on; support sees what failed and why, outermost first. */
static void report_failed_import(const char *file, const char *type, const char *why, int code)
{
    reporter_error_t *error = reporter_error_new("ledger.ImportError", "cannot import the statement");
    reporter_error_add_cause(error, type, why);
    if (code != 0)
        reporter_error_set_code(error, code);
    reporter_capture_error(error);
    printf("cannot import %s: %s\n", file, why);
}

/* BUG: when a line is bad, the entries booked so far are dropped again, but not their amounts. */
static void import_file(const char *file)
{
    if (!book.is_open) {
        puts("open a book first");
        return;
    }
    reporter_task_t task = reporter_task_begin("import statement");
    FILE *statement = fopen(file, "r");
    if (statement == NULL) {
        int code = errno;
        report_failed_import(file, "errno", strerror(code), code);
        reporter_task_fail(task);
        return;
    }
    struct entry *before = book.last;
    char line[256];
    bool good = true;
    for (int number = 1; good && fgets(line, sizeof line, statement) != NULL; number++) {
        long cents;
        const char *text;
        line[strcspn(line, "\r\n")] = '\0';
        good = parse_entry(line, &cents, &text) && book_amount(&book, cents, text);
        if (!good) {
            char why[64];
            snprintf(why, sizeof why, "line %d is not an amount and a text", number);
            reporter_attach_bytes("failing line", "text/plain", (const uint8_t *)line, strlen(line));
            report_failed_import(file, "ledger.SyntaxError", why, number);
        }
    }
    fclose(statement);
    while (!good && book.last != before) {
        struct entry *entry = book.last;
        book.last = entry->previous;
        free(entry);
    }
    if (good) {
        printf("imported, total %ld\n", book.total);
        reporter_task_end(task);
    } else {
        reporter_task_fail(task);
    }
    annotate_book();
}

static void close_book(bool terminal)
{
    char answer[16] = "";
    if (!book.is_open) {
        puts("no book is open");
        return;
    }
    reporter_dialog_opened("book.close");
    if (terminal) {
        fputs("Forget the book and its entries? [y/N] ", stdout);
        fflush(stdout);
    }
    bool yes = fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
    reporter_dialog_closed("book.close", yes ? "yes" : "no");
    if (!yes) {
        puts("kept");
        return;
    }
    for (struct entry *entry = book.last; entry != NULL;) {
        struct entry *previous = entry->previous;
        free(entry);
        entry = previous;
    }
    book.is_open = false;
    reporter_annotate("book.state", "closed");
    reporter_remove_annotation("book.entries");
    printf("closed %s\n", book.name);
}

/* ---- The prompt ------------------------------------------------------------------------------------------------------- */

/* What does not work in reporting and was not yet told: the user, or whoever looks after the machine, can put it right. */
static void tell_soft_errors(void)
{
    static size_t told;
    const char *text;
    for (; (text = reporter_soft_error(told)) != NULL; told++)
        fprintf(stderr, "ledger: error reports: %s\n", text);
}

/* Runs one line; false ends the program. */
static bool run(char *line, bool terminal)
{
    char *arguments = line + strcspn(line, " ");
    if (*arguments != '\0')
        *arguments++ = '\0';
    if (*line == '\0')
        return true;

    /* The id and a fixed label only: what the user typed behind it is the user's. */
    static const struct {
        const char *name, *id, *label;
    } COMMANDS[] = {
        {"open", "book.open", "Open book"},
        {"add", "entry.add", "Add entry"},
        {"import", "statement.import", "Import statement"},
        {"undo", "entry.undo", "Undo"},
        {"month", "book.month", "Month"},
        {"report", "book.report", "Report"},
        {"close", "book.close", "Close book"},
        {"simulate", "report.simulate", "Simulate"},
        {"flush", "report.flush", "Flush"},
        {"quit", "application.quit", "Quit"},
    };
    size_t at = 0;
    while (at < sizeof COMMANDS / sizeof *COMMANDS && strcmp(line, COMMANDS[at].name) != 0)
        at++;
    if (at == sizeof COMMANDS / sizeof *COMMANDS) {
        printf("unknown command %s\n", line);
        return true;
    }
    reporter_command(COMMANDS[at].id, COMMANDS[at].label, REPORTER_SURFACE_COMMAND_LINE);
    if (session_log != NULL) {
        fprintf(session_log, "%s\n", line);
        fflush(session_log);
    }

    if (strcmp(line, "open") == 0)
        open_book(arguments);
    else if (strcmp(line, "add") == 0)
        add_entry(arguments);
    else if (strcmp(line, "import") == 0)
        import_file(arguments);
    else if (strcmp(line, "undo") == 0)
        undo_entry();
    else if (strcmp(line, "month") == 0)
        show_month(arguments);
    else if (strcmp(line, "report") == 0)
        print_report();
    else if (strcmp(line, "close") == 0)
        close_book(terminal);
    else if (strcmp(line, "simulate") == 0)
        reporter_simulate_crash();
    else if (strcmp(line, "flush") == 0) {
        puts(reporter_flush(10000) == REPORTER_OK ? "flushed" : reporter_last_error());
        tell_soft_errors();
    } else
        return false;
    return true;
}

/* ---- Configuration ---------------------------------------------------------------------------------------------------- */

struct settings {
    bool eml_directory;
    char host[256];
    long port;
    reporter_tls_t tls;
    char user[256];
    char password_file[1024];
    char ca[1024];
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "ledger: %s: %s\n", what, why);
    exit(2);
}

/* A setting that is refused is named, with the reason: better at the first start than at the first crash. */
static void need(reporter_status_t status, const char *what)
{
    if (status != REPORTER_OK)
        die(what, reporter_last_error());
}

static size_t read_file(const char *path, char *into, size_t capacity)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        die(path, strerror(errno));
    /* Without a buffer, which would keep a password in the heap. */
    setvbuf(file, NULL, _IONBF, 0);
    size_t length = fread(into, 1, capacity - 1, file);
    into[length] = '\0';
    fclose(file);
    return length;
}

static reporter_category_t category(const char *name)
{
    static const struct {
        const char *name;
        reporter_category_t category;
    } CATEGORIES[] = {
        {"actions", REPORTER_CATEGORY_ACTIONS},
        {"memory", REPORTER_CATEGORY_MEMORY},
        {"full-memory", REPORTER_CATEGORY_FULL_MEMORY},
        {"processes", REPORTER_CATEGORY_PROCESSES},
        {"system", REPORTER_CATEGORY_SYSTEM},
        {"account", REPORTER_CATEGORY_ACCOUNT},
        {"network", REPORTER_CATEGORY_NETWORK},
        {"installed-software", REPORTER_CATEGORY_INSTALLED_SOFTWARE},
        {"devices", REPORTER_CATEGORY_DEVICES},
        {"screen", REPORTER_CATEGORY_SCREEN},
        {"contact", REPORTER_CATEGORY_CONTACT},
        {"product", REPORTER_CATEGORY_PRODUCT},
        {"attachments", REPORTER_CATEGORY_ATTACHMENTS},
    };
    for (size_t i = 0; i < sizeof CATEGORIES / sizeof *CATEGORIES; i++)
        if (strcmp(name, CATEGORIES[i].name) == 0)
            return CATEGORIES[i].category;
    die(name, "is not a category");
    return REPORTER_CATEGORY_ACTIONS;
}

static reporter_tls_t tls(const char *name)
{
    if (strcmp(name, "implicit") == 0)
        return REPORTER_TLS_IMPLICIT;
    if (strcmp(name, "starttls") == 0)
        return REPORTER_TLS_STARTTLS;
    if (strcmp(name, "none") != 0)
        die(name, "is not implicit, starttls or none");
    return REPORTER_TLS_NONE;
}

/* In seconds: what a crash waits for a handler that is at work. */
enum { LONGEST_WAIT = 120 };

static reporter_dump_t dump(const char *answer)
{
    if (strcmp(answer, "yes") == 0)
        return REPORTER_DUMP_MINIDUMP;
    if (strcmp(answer, "no") != 0)
        die(answer, "is not yes or no");
    return REPORTER_DUMP_NONE;
}

static void set(reporter_options_t *options, struct settings *settings, const char *key, const char *value)
{
    if (strcmp(key, "handler") == 0)
        need(reporter_options_set_handler(options, value), key);
    else if (strcmp(key, "dialog") == 0)
        need(reporter_options_set_dialog(options, value), key);
    else if (strcmp(key, "spool") == 0)
        need(reporter_options_set_spool(options, value), key);
    else if (strcmp(key, "from") == 0)
        need(reporter_options_set_mail_from(options, value), key);
    else if (strcmp(key, "to") == 0)
        need(reporter_options_add_mail_to(options, value), key);
    else if (strcmp(key, "eml-directory") == 0) {
        need(reporter_options_set_eml_directory(options, value), key);
        settings->eml_directory = true;
    } else if (strcmp(key, "never") == 0)
        need(reporter_options_set_category_policy(options, category(value), REPORTER_POLICY_NEVER), key);
    else if (strcmp(key, "host") == 0)
        snprintf(settings->host, sizeof settings->host, "%s", value);
    else if (strcmp(key, "port") == 0)
        settings->port = strtol(value, NULL, 10);
    else if (strcmp(key, "tls") == 0)
        settings->tls = tls(value);
    else if (strcmp(key, "user") == 0)
        snprintf(settings->user, sizeof settings->user, "%s", value);
    else if (strcmp(key, "password-file") == 0)
        snprintf(settings->password_file, sizeof settings->password_file, "%s", value);
    else if (strcmp(key, "ca") == 0)
        snprintf(settings->ca, sizeof settings->ca, "%s", value);
    else if (strcmp(key, "dump-handled") == 0)
        need(reporter_options_set_kind_policy(options, REPORTER_KIND_HANDLED_ERROR, REPORTER_POLICY_ASK, dump(value)), key);
    else if (strcmp(key, "full-memory") == 0 && strcmp(value, "yes") == 0)
        need(reporter_options_set_kind_policy(options, REPORTER_KIND_CRASH, REPORTER_POLICY_ASK, REPORTER_DUMP_FULL_MEMORY), key);
    else if (strcmp(key, "restart") == 0) {
        /* However soon it was: not in a loop all the same, since that is bounded by the hour. */
        need(reporter_options_set_restart(options, 0), key);
        need(reporter_options_set_restart_program(options, value), key);
    } else if (strcmp(key, "most-reports") == 0)
        need(reporter_options_set_limits(options, (uint32_t)strtoul(value, NULL, 10), 25), key);
    else if (strcmp(key, "log") == 0) {
        session_log = fopen(value, "w");
        if (session_log == NULL)
            die(value, strerror(errno));
        need(reporter_options_attach_file(options, "session log", "text/plain", value), key);
    } else if (strcmp(key, "wait-seconds") == 0) {
        long seconds = strtol(value, NULL, 10);
        if (seconds < 1 || seconds > LONGEST_WAIT)
            die(key, "is not between 1 and 120");
        need(reporter_options_set_waits(options, (uint32_t)seconds * 1000, LONGEST_WAIT * 1000), key);
    } else
        die(key, "is not a key of the configuration");
}

static void set_mail_server(reporter_options_t *options, const struct settings *settings)
{
    if (settings->port < 0 || settings->port > UINT16_MAX)
        die("port", "is not between 0 and 65535");
    need(reporter_options_set_smtp(options, settings->host, (uint16_t)settings->port, settings->tls), "host");
    if (settings->ca[0] != '\0') {
        static char pem[65536];
        size_t length = read_file(settings->ca, pem, sizeof pem);
        need(reporter_options_set_smtp_root_certificate(options, (const uint8_t *)pem, length), settings->ca);
    }
    if (settings->password_file[0] != '\0') {
        char password[256];
        read_file(settings->password_file, password, sizeof password);
        password[strcspn(password, "\r\n")] = '\0';
        need(reporter_options_set_smtp_credentials(options, settings->user, password), settings->password_file);
        /* Through volatile, or the compiler would leave it out: nobody reads the password again. */
        for (volatile char *at = password; at < password + sizeof password; at++)
            *at = '\0';
    }
}

static void configure(reporter_options_t *options, const char *path)
{
    struct settings settings = {.tls = REPORTER_TLS_STARTTLS};
    char line[2048];
    FILE *file = fopen(path, "r");
    if (file == NULL)
        die(path, strerror(errno));
    while (fgets(line, sizeof line, file) != NULL) {
        char *key = line + strspn(line, " \t");
        key[strcspn(key, "\r\n")] = '\0';
        if (*key == '\0' || *key == '#')
            continue;
        char *value = strchr(key, '=');
        if (value == NULL)
            die(path, "a line is not `key = value`");
        char *end = value;
        while (end > key && (end[-1] == ' ' || end[-1] == '\t'))
            end--;
        value += 1 + strspn(value + 1, " \t");
        *end = '\0';
        end = value + strlen(value);
        while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
            *--end = '\0';
        set(options, &settings, key, value);
    }
    fclose(file);
    if (settings.host[0] != '\0' && !settings.eml_directory)
        set_mail_server(options, &settings);
}

int main(int count, char **arguments)
{
    reporter_options_t *options = reporter_options_new("Example Software", "Ledger", "1.0.0");
    if (options == NULL)
        die("options", reporter_last_error());
    reporter_options_set_build(options, "20261123.1");
    reporter_options_set_channel(options, "example");
    reporter_options_set_notice(options, REPORTER_NOTICE_PURPOSE, "to find and fix the error that you met");
    reporter_options_set_notice(options, REPORTER_NOTICE_RECIPIENT, "Example Software, support");
    reporter_options_set_notice(options, REPORTER_NOTICE_ACCESS, "employees of Example Software only");
    reporter_options_set_notice(options, REPORTER_NOTICE_RETENTION, "180 days");
    reporter_options_set_notice(options, REPORTER_NOTICE_ERASURE, "write to privacy@ledger.example with the report's number");
    if (count == 3 && strcmp(arguments[1], "--config") == 0)
        configure(options, arguments[2]);
    else if (count != 1)
        die("usage", "ledger [--config FILE]");

    /* A product runs without reports rather than not at all. */
    if (reporter_start(options) != REPORTER_OK)
        fprintf(stderr, "ledger: no error reports: %s\n", reporter_last_error());
    tell_soft_errors();

#ifdef _WIN32
    bool terminal = _isatty(_fileno(stdin));
#else
    bool terminal = isatty(STDIN_FILENO);
#endif
    char line[1200];
    for (;;) {
        if (terminal) {
            fputs("ledger> ", stdout);
            fflush(stdout);
        }
        if (fgets(line, sizeof line, stdin) == NULL)
            break;
        line[strcspn(line, "\r\n")] = '\0';
        if (!run(line, terminal))
            break;
        fflush(stdout);
    }
    reporter_shutdown(60000);
    if (session_log != NULL)
        fclose(session_log);
    return 0;
}
