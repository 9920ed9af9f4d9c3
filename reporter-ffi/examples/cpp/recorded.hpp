// Menus, buttons and dialogs of FLTK that record what the user does with them. A product says once what a command is; each way to it, by a menu, the toolbar
// or a shortcut, then tells reports of itself. With another toolkit this file is another one, and as short.
#ifndef RECORDED_HPP
#define RECORDED_HPP

#include <FL/Fl.H>
#include <FL/Fl_Button.H>
#include <FL/Fl_Menu_Bar.H>
#include <FL/Fl_Pack.H>
#include <FL/Fl_Return_Button.H>
#include <FL/Fl_Window.H>

#include <string>

#include <reporter.hpp>

namespace recorded {

/// What the user can have done.
struct command {
    /// For support: the same in each version and in each language of the product.
    const char *id;
    /// As the user sees it. A fixed text: what users type is theirs.
    const char *label;
    /// Such as FL_CTRL + 'i'; 0 for none.
    int shortcut;
    void (*run)();
};

/// Recorded first: a command that fails is the last one in the report.
inline void perform(const command &command, reporter_surface_t surface) {
    reporter::command(command.id, command.label, surface);
    command.run();
}

/// What FLTK hands to a callback is not const.
inline void *as_data(const command &command) { return const_cast<recorded::command *>(&command); }

/// An item below `menu`. The command must live as long.
inline void menu_item(Fl_Menu_Bar &bar, const char *menu, const command &command) {
    const auto picked = [](Fl_Widget *, void *data) {
        // FLTK calls the same function for both ways, and its last event tells which it was.
        const bool by_key = Fl::event() == FL_SHORTCUT;
        perform(*static_cast<const recorded::command *>(data), by_key ? REPORTER_SURFACE_SHORTCUT : REPORTER_SURFACE_MENU);
    };
    bar.add((std::string(menu) + "/" + command.label).c_str(), command.shortcut, picked, as_data(command));
}

/// A button at the end of the toolbar. The command must live as long.
inline void tool_button(Fl_Pack &bar, const command &command, int width) {
    auto *button = new Fl_Button(0, 0, width, bar.h(), command.label);
    button->callback([](Fl_Widget *, void *data) { perform(*static_cast<const recorded::command *>(data), REPORTER_SURFACE_TOOLBAR); },
                     as_data(command));
    // Keys go to what the user works in.
    button->clear_visible_focus();
    bar.add(button);
}

/// A modal dialog with OK and Cancel. Make the widgets that it asks with between its making and ask().
class dialog : public Fl_Window {
public:
    dialog(const char *id, const char *title, int width, int height)
        : Fl_Window(width, height, title), id_(id), ok_(width - 190, height - 40, 85, 30, "OK"), cancel_(width - 95, height - 40, 85, 30, "Cancel") {
        const auto answer = [](Fl_Widget *button, void *) { button->window()->hide(); };
        ok_.callback([](Fl_Widget *button, void *is_ok) {
            *static_cast<bool *>(is_ok) = true;
            button->window()->hide();
        }, &is_ok_);
        cancel_.callback(answer);
        set_modal();
    }

    /// Shows it until it is answered; closing the window is a no.
    bool ask() {
        end();
        reporter::dialog shown(id_);
        show();
        while (visible())
            Fl::wait();
        shown.close(is_ok_ ? "ok" : "cancel");
        return is_ok_;
    }

private:
    const char *id_;
    Fl_Return_Button ok_;
    Fl_Button cancel_;
    bool is_ok_ = false;
};

} // namespace recorded

#endif // RECORDED_HPP
