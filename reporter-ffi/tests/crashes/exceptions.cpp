// Every way into std::terminate().
#include "product.h"

#include <exception>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <thread>

namespace ledger {

struct Locked : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Its std::exception is not at its start, and known to its table alone.
struct Entry {
    virtual ~Entry() = default;
    long amount = 1250;
};
struct Refused : Entry, virtual std::exception {
    const char *what() const noexcept override { return "the entry is refused"; }
};

// Of these two it is ambiguous which is meant.
struct One : std::exception {};
struct Two : std::exception {};
struct Both : One, Two {};

struct Dangling : std::exception {
    const char *what() const noexcept override { return *reinterpret_cast<const char *const volatile *>(0x10); }
};

[[noreturn]] void throws_number() { throw 1; }

struct Throwing : std::exception {
    const char *what() const noexcept override { throws_number(); }
};

} // namespace ledger

static void thrown() {
    fails_now(nullptr);
    throw ledger::Locked("the book is locked");
}

static void adjusted() {
    fails_now(nullptr);
    throw ledger::Refused();
}

static void ambiguous() {
    fails_now(nullptr);
    throw ledger::Both();
}

static void number() {
    fails_now(nullptr);
    throw 42;
}

static void pointer() {
    fails_now(nullptr);
    static ledger::Locked locked("the book is locked");
    throw &locked;
}

static void rethrown() {
    auto kept = std::make_exception_ptr(ledger::Locked("the book is locked"));
    fails_now(nullptr);
    std::rethrow_exception(kept);
}

static void none() {
    fails_now(nullptr);
    std::terminate();
}

static void joinable() {
    std::thread thread([] { pause(); });
    fails_now(nullptr);
}

static void promises_not_to() noexcept { thrown(); }

static void in_thread() {
    std::thread(thrown).join();
}

static void what_faults() {
    fails_now(nullptr);
    throw ledger::Dangling();
}

static void what_throws() {
    fails_now(nullptr);
    throw ledger::Throwing();
}

// glibc ends a cancelled thread by an exception that is not of C++.
static void foreign() {
    std::thread thread([]() noexcept {
        fails_now(nullptr);
        pthread_cancel(pthread_self());
        pthread_testcancel();
    });
    thread.join();
}

static void *volatile kept;

static void use_up_memory() {
    rlimit limit = {1, 1};
    setrlimit(RLIMIT_AS, &limit);
    for (size_t size = 1 << 20; size >= 16; size /= 2)
        while ((kept = malloc(size)) != nullptr)
            continue;
}

static void bad_alloc() {
    use_up_memory();
    fails_now(nullptr);
    kept = new char[1 << 20];
}

static void own_handler() {
    static const char text[] = "the product's own handler\n";
    if (write(STDOUT_FILENO, text, sizeof text - 1) > 0)
        _exit(7);
}

static const struct {
    const char *name;
    void (*run)();
} KINDS[] = {
    {"thrown", thrown},
    {"adjusted", adjusted},
    {"ambiguous", ambiguous},
    {"number", number},
    {"pointer", pointer},
    {"rethrown", rethrown},
    {"none", none},
    {"joinable", joinable},
    {"noexcept", promises_not_to},
    {"in_thread", in_thread},
    {"what_faults", what_faults},
    {"what_throws", what_throws},
    {"foreign", foreign},
    {"bad_alloc", bad_alloc},
    {"own_handler", thrown},
};

int main(int argc, char **argv) {
    if (strcmp(kind(argc, argv), "own_handler") == 0)
        std::set_terminate(own_handler);
    start_product(argc, argv);
    for (const auto &known : KINDS)
        if (strcmp(kind(argc, argv), known.name) == 0)
            known.run();
    fprintf(stderr, "%s did not end the program\n", kind(argc, argv));
    return 96;
}
