// Every way into std::terminate() on Windows, as MinGW's runtime goes it.
#include "../product.h"

#include <exception>
#include <new>
#include <stdexcept>
#include <string>

namespace ledger {

struct Locked : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Dangling : std::exception {
    const char *what() const noexcept override { return *reinterpret_cast<const char *const volatile *>(0x10); }
};

struct Page {
    Page() { print(); }
    virtual ~Page() = default;
    virtual void print() const;
    virtual void content() const = 0;
};
void Page::print() const { content(); }
struct Cover : Page {
    void content() const override {}
};

} // namespace ledger

static void thrown() {
    fails_now(nullptr);
    throw ledger::Locked("the book is locked");
}

static void number() {
    fails_now(nullptr);
    throw 42;
}

static void rethrown() {
    try {
        thrown();
    } catch (const std::exception &) {
        throw;
    }
}

static void none() {
    fails_now(nullptr);
    std::terminate();
}

static void promises_not_to() noexcept { thrown(); }

static DWORD WINAPI throws_there(void *) {
    thrown();
    return 0;
}

static void in_thread() { WaitForSingleObject(CreateThread(nullptr, 0, throws_there, nullptr, 0, nullptr), INFINITE); }

static void what_faults() {
    fails_now(nullptr);
    throw ledger::Dangling();
}

static void *volatile kept;
static volatile size_t too_much = SIZE_MAX / 2;

static void bad_alloc() {
    fails_now(nullptr);
    kept = new char[too_much];
}

static void pure_virtual() {
    fails_now(nullptr);
    ledger::Cover cover;
}

// Caught: no error.
static void caught() {
    try {
        thrown();
    } catch (const std::exception &) {
        exit(5);
    }
}

static void own_handler() {
    _exit(7);
}

static const struct {
    const char *name;
    void (*run)();
} KINDS[] = {
    {"thrown", thrown},
    {"number", number},
    {"rethrown", rethrown},
    {"none", none},
    {"noexcept", promises_not_to},
    {"in_thread", in_thread},
    {"what_faults", what_faults},
    {"bad_alloc", bad_alloc},
    {"pure_virtual", pure_virtual},
    {"caught", caught},
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
