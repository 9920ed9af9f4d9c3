/* Ledger: a toy account book with a window, which reports its errors. As ledger.c, it reads and adds up amounts; what users do with it are clicks.
 *
 *   cargo build -p reporter-ffi && ln -sf libreporter.so target/debug/libreporter.so.0
 *   c++ -std=c++17 -g -Ireporter-ffi/include reporter-ffi/examples/cpp/ledger.cpp $(fltk-config --ldflags) \
 *     -Ltarget/debug -Wl,-rpath,"$PWD/target/debug" -lreporter -o ledger
 *   ./ledger
 *
 * It needs FLTK 1.3 (libfltk1.3-dev). Options, for who tries it:
 *   --into FOLDER   reports go into FOLDER/mails, and FOLDER/reporter-handler is the program that makes them
 *   --places        says where on the screen its widgets are: see places.hpp
 *
 * Two bugs are in it on purpose: `Month...` looks up whatever number it is given, and reads far behind the table at 999999999; a file that cannot be
 * imported is a handled error, which is reported while the product goes on. */
#include "places.hpp"
#include "recorded.hpp"

#include <FL/Fl_Box.H>
#include <FL/Fl_Browser.H>
#include <FL/Fl_Double_Window.H>
#include <FL/Fl_Input.H>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

namespace {

/// Of January first.
long by_month[12];
std::vector<long> entries;
Fl_Browser *list;

void show_entries() {
    list->clear();
    for (const long cents : entries)
        list->add(std::to_string(cents).c_str());
    reporter::annotate("book.entries", std::to_string(entries.size()));
}

void book(long cents) {
    entries.push_back(cents);
    by_month[0] += cents;
}

/// Asks for a line of text; false if the user does not want to.
bool ask_for(const char *id, const char *title, const char *what, std::string &answer) {
    recorded::dialog dialog(id, title, 360, 100);
    Fl_Input input(110, 15, 240, 28, what);
    input.take_focus();
    const bool is_ok = dialog.ask();
    answer = input.value();
    return is_ok;
}

/// As the C library's, an exception for what is no amount.
void read_statement(const std::string &path) {
    std::ifstream statement(path);
    if (!statement)
        throw std::system_error(errno, std::generic_category(), "cannot open the statement");
    long cents;
    std::string text;
    while (statement >> cents && std::getline(statement, text))
        book(cents);
    if (!statement.eof())
        throw std::runtime_error("a line of the statement is no amount");
}

void import() {
    std::string path;
    if (!ask_for("import.options", "Import", "Statement", path))
        return;
    reporter::task task("import statement");
    try {
        read_statement(path);
    } catch (const std::exception &error) {
        task.fail();
        reporter::capture(error);
    }
    show_entries();
}

void undo() {
    if (entries.empty())
        return;
    by_month[0] -= entries.back();
    entries.pop_back();
    show_entries();
}

long look_up(long month) { return by_month[month - 1]; }

void month() {
    std::string number;
    if (ask_for("book.month", "Month", "1 to 12", number))
        list->add(("month: " + std::to_string(look_up(std::atol(number.c_str())))).c_str());
}

void about() {
    recorded::dialog dialog("help.about", "About Ledger", 300, 120);
    Fl_Box text(10, 10, 280, 50, "Ledger 1.0.0, by Example Software");
    dialog.ask();
}

void quit() { Fl::first_window()->hide(); }

const recorded::command IMPORT{"file.import", "Import...", FL_CTRL + 'i', import};
const recorded::command QUIT{"application.quit", "Quit", FL_CTRL + 'q', quit};
const recorded::command UNDO{"entry.undo", "Undo", FL_CTRL + 'z', undo};
const recorded::command MONTH{"book.month", "Month...", FL_CTRL + 'm', month};
const recorded::command ABOUT{"help.about", "About...", 0, about};

reporter::session start(const std::filesystem::path &into) {
    reporter::options options("Example Software", "Ledger", "1.0.0");
    options.mail_from("errors@ledger.example").mail_to("support@ledger.example");
    options.notice(REPORTER_NOTICE_PURPOSE, "to find and fix the error that you met");
    if (into.empty())
        options.smtp("mail.ledger.example", 0, REPORTER_TLS_STARTTLS);
    else
        options.handler(into / "reporter-handler").spool(into / "spool").eml_directory(into / "mails");
    return reporter::session(std::move(options));
}

} // namespace

int main(int argc, char **argv) {
    std::filesystem::path into;
    for (int n = 1; n < argc; n++) {
        if (std::strcmp(argv[n], "--places") == 0)
            places::say();
        else if (std::strcmp(argv[n], "--into") == 0 && n + 1 < argc)
            into = argv[++n];
        else
            return std::fputs("usage: ledger [--into FOLDER] [--places]\n", stderr), 2;
    }
    const reporter::session session = start(into);
    reporter::report_uncaught_exceptions();
    for (const std::string &error : reporter::soft_errors())
        std::fprintf(stderr, "ledger: error reports: %s\n", error.c_str());

    Fl_Double_Window window(50, 50, 480, 320, "Ledger");
    Fl_Menu_Bar menus(0, 0, 480, 26);
    recorded::menu_item(menus, "File", IMPORT);
    recorded::menu_item(menus, "File", QUIT);
    recorded::menu_item(menus, "Edit", UNDO);
    recorded::menu_item(menus, "View", MONTH);
    recorded::menu_item(menus, "Help", ABOUT);
    Fl_Pack tools(2, 28, 476, 30);
    tools.type(Fl_Pack::HORIZONTAL);
    tools.end();
    recorded::tool_button(tools, IMPORT, 90);
    recorded::tool_button(tools, UNDO, 70);
    list = new Fl_Browser(2, 62, 476, 256);
    window.resizable(list);
    window.end();
    show_entries();
    window.show();
    return Fl::run();
}
