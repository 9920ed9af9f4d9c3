#!/usr/bin/env python3
"""accessible.py: what a screen reader is told of the one window on this session's accessibility bus, and what it does in it.

Reads commands, a line each, and answers on standard output, lines that begin with "=":
  list               a line ROLE|NAME|STATES for each accessible that shows, then "end"
  press NAME         the button of that name
  type NAME|TEXT     into the field of that name
  line NAME|TEXT     the line, as it is shown, in which this begins in the text of that name
  seen WIDTH HEIGHT NAME  whether all of what has that name, such as a field, lies in the part that all around it show of it, on a display of that size: "yes" or where it is
"""

import sys
import time

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi  # noqa: E402

STATES = [Atspi.StateType.CHECKED, Atspi.StateType.FOCUSABLE, Atspi.StateType.FOCUSED, Atspi.StateType.SENSITIVE]


def say(line):
    print(f"={line}", flush=True)


def below(accessible):
    for index in range(accessible.get_child_count()):
        child = accessible.get_child_at_index(index)
        if child is not None:
            yield child
            yield from below(child)


def window():
    """The first window of the first application; waits for it."""
    for _ in range(200):
        desktop = Atspi.get_desktop(0)
        for index in range(desktop.get_child_count()):
            application = desktop.get_child_at_index(index)
            if application is not None and application.get_child_count() > 0:
                # What is in it comes to the bus a little later.
                time.sleep(0.5)
                return application.get_child_at_index(0)
        time.sleep(0.05)
    sys.exit("no window on the accessibility bus")


def shows(accessible):
    states = accessible.get_state_set()
    return states.contains(Atspi.StateType.SHOWING) or states.contains(Atspi.StateType.VISIBLE)


def find(root, name, can):
    # A page that was just opened comes to the bus a little later.
    for _ in range(100):
        root.clear_cache()
        for accessible in below(root):
            if accessible.get_name() == name and shows(accessible) and can(accessible) is not None:
                return accessible
        time.sleep(0.05)
    sys.exit(f"nothing is called {name}")


def pressable(accessible):
    """Not the label in a button, which has the same name."""
    is_button = accessible.get_role() == Atspi.Role.PUSH_BUTTON
    is_sensitive = accessible.get_state_set().contains(Atspi.StateType.SENSITIVE)
    return accessible.get_action_iface() if is_button and is_sensitive else None


def extents(accessible):
    rectangle = accessible.get_component_iface().get_extents(Atspi.CoordType.WINDOW)
    return rectangle.x, rectangle.y, rectangle.x + rectangle.width, rectangle.y + rectangle.height


def seen(accessible, display):
    """Whatever scrolls is around what it scrolls."""
    left, top, right, bottom = within = extents(accessible)
    around = [("display", (0, 0, *display))]
    parent = accessible.get_parent()
    while parent is not None and parent.get_component_iface() is not None:
        around.append((parent.get_role_name(), extents(parent)))
        parent = parent.get_parent()
    for name, (least_left, least_top, most_right, most_bottom) in around:
        if left < least_left or top < least_top or right > most_right or bottom > most_bottom:
            return f"{within} is not in the {name}: {(least_left, least_top, most_right, most_bottom)}"
    return "yes" if left < right and top < bottom else f"{within} has no size"


def main():
    root = window()
    for line in sys.stdin:
        command, _, rest = line.rstrip("\n").partition(" ")
        if command == "list":
            say(f"{root.get_role_name()}|{root.get_name()}|")
            for accessible in below(root):
                if shows(accessible):
                    states = accessible.get_state_set()
                    names = [state.value_nick for state in STATES if states.contains(state)]
                    say(f"{accessible.get_role_name()}|{accessible.get_name()}|{' '.join(names)}")
            say("end")
        elif command == "press":
            find(root, rest, pressable).do_action(0)
            # What it leads to is drawn a little later, and takes no press before.
            time.sleep(0.3)
            say("done")
        elif command == "line":
            name, _, wanted = rest.partition("|")
            text = find(root, name, lambda it: it.get_text_iface() if it.get_role() == Atspi.Role.TEXT else None)
            place = text.get_text(0, text.get_character_count()).index(wanted)
            say(text.get_string_at_offset(place, Atspi.TextGranularity.LINE).content.strip("\n"))
        elif command == "seen":
            width, height, name = rest.split(" ", 2)
            # Not what only describes it, such as a field's label.
            focusable = lambda it: it.get_state_set().contains(Atspi.StateType.FOCUSABLE) or None  # noqa: E731
            say(seen(find(root, name, focusable), (int(width), int(height))))
        elif command == "type":
            name, _, text = rest.partition("|")
            field = find(root, name, lambda it: it.get_editable_text_iface())
            field.set_text_contents(text)
            say("done")


main()
