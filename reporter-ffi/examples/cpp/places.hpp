// For programs that click: says on standard output what lies where on the screen, whenever another window is on top.
//   window TITLE
//   place X Y LABEL      of each menu, button and field; X and Y are its middle
#ifndef PLACES_HPP
#define PLACES_HPP

#include <FL/Fl.H>
#include <FL/Fl_Menu_Bar.H>
#include <FL/Fl_Window.H>

#include <cstdio>
#include <string>

namespace places {

inline std::string line(int x, int y, const char *label) {
    return "place " + std::to_string(x) + " " + std::to_string(y) + " " + label + "\n";
}

/// Those in `group`, whose window's corner is `left`, `top`.
inline std::string of(Fl_Group &group, int left, int top) {
    std::string said;
    for (int n = 0; n < group.children(); n++) {
        Fl_Widget &widget = *group.child(n);
        const int middle = top + widget.y() + widget.h() / 2;
        if (auto *menus = dynamic_cast<Fl_Menu_Bar *>(&widget)) {
            // As Fl_Menu_Bar draws its titles.
            int x = left + widget.x() + 6;
            for (const Fl_Menu_Item *menu = menus->menu(); menu->text != nullptr; menu = menu->next()) {
                const int width = menu->measure(nullptr, menus) + 16;
                said += line(x + width / 2, middle, menu->text);
                x += width;
            }
        } else if (auto *inner = dynamic_cast<Fl_Group *>(&widget)) {
            said += of(*inner, left, top);
        } else if (widget.label() != nullptr) {
            said += line(left + widget.x() + widget.w() / 2, middle, widget.label());
        }
    }
    return said;
}

/// From now on.
inline void say(void * = nullptr) {
    static std::string before;
    Fl_Window *window = Fl::modal() != nullptr ? Fl::modal() : Fl::first_window();
    // Drawn, and so where it stays. An open menu is a window without a title.
    if (window != nullptr && window->label() != nullptr && window->visible() && window->damage() == 0) {
        const std::string said = "window " + std::string(window->label()) + "\n" + of(*window, window->x_root(), window->y_root());
        if (said != before)
            std::fputs(said.c_str(), stdout);
        std::fflush(stdout);
        before = said;
    }
    Fl::add_timeout(0.05, say);
}

} // namespace places

#endif // PLACES_HPP
