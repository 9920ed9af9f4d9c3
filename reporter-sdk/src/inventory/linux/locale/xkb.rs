//! The keyboard of an X display: its layouts in their order, and which of them is in use.

use x11rb::protocol::xkb::{ConnectionExt as _, ID};
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _};

use super::super::machine::word;
use crate::x11::{X11, X11Error};

/// Of the property, in words of four bytes.
const PROPERTY_LIMIT: u32 = 1 << 10;

#[derive(Debug, Default, PartialEq)]
pub(in crate::inventory) struct Keyboard {
    pub(in crate::inventory) layouts: Vec<String>,
    pub(in crate::inventory) active: String,
}

pub(super) fn keyboard(x11: &X11) -> Result<Keyboard, X11Error> {
    let connection = x11.connection();
    let atom = connection.intern_atom(true, b"_XKB_RULES_NAMES")?.reply()?.atom;
    if atom == 0 {
        return Ok(Keyboard::default());
    }
    let property =
        connection.get_property(false, x11.screen().root, atom, AtomEnum::STRING, 0, PROPERTY_LIMIT)?.reply()?;
    let layouts = layouts(&String::from_utf8_lossy(&property.value));
    connection.xkb_use_extension(1, 0)?.reply()?;
    let group = usize::from(u8::from(connection.xkb_get_state(ID::USE_CORE_KBD.into())?.reply()?.group));
    Ok(Keyboard { active: layouts.get(group).or(layouts.first()).cloned().unwrap_or_default(), layouts })
}

/// Rules, model, layouts, variants and options, each ended by a NUL.
pub(in crate::inventory) fn layouts(property: &str) -> Vec<String> {
    let mut names = property.split('\0').skip(2);
    let mut next = || names.next().unwrap_or_default();
    let (layouts, variants) = (next(), next());
    with_variants(layouts, variants)
}

/// `de,us` and `,dvorak` are `de` and `us(dvorak)`.
pub(super) fn with_variants(layouts: &str, variants: &str) -> Vec<String> {
    let mut variants = variants.split(',').map(word);
    let variant = |layout: &str| match (word(layout), variants.next().unwrap_or_default()) {
        (layout, variant) if layout.is_empty() || variant.is_empty() => layout,
        (layout, variant) => format!("{layout}({variant})"),
    };
    layouts.split(',').map(variant).filter(|layout| !layout.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_read_with_their_variants() {
        for (property, expected) in [
            ("evdev\0pc105\0de,us\0,dvorak\0grp:alt_shift_toggle\0", &["de", "us(dvorak)"][..]),
            ("evdev\0pc105\0us\0\0\0", &["us"]),
            ("evdev\0pc105\0us", &["us"]),
            ("evdev\0pc105\0de,,fr\0a,b,c\0", &["de(a)", "fr(c)"]),
            ("evdev\0pc105\0/home/anna,de\0,/etc\0", &["de"]),
            ("", &[]),
        ] {
            assert_eq!(layouts(property), expected, "{property}");
        }
    }
}
