//! Names of functions as their authors wrote them.
//!
//! Rust's alone. Demanglers of C++ walk a structure that a name of some hundred bytes can make exponential: of a hostile
//! report, one such frame would hold the program for half a minute.

use std::fmt::{self, Write};

/// The longest symbol that is looked at, in bytes.
const LONGEST: usize = 4 << 10;
/// The longest name made of one, in bytes.
const LONGEST_NAME: usize = 8 << 10;
/// How many bytes one byte of a symbol may become. Symbols refer back to parts of themselves, so that a short one may
/// stand for a name without end; no compiler writes any that comes near this.
const GROWTH: usize = 16;

/// The name that `symbol` is the mangled form of, without the hash at its end. `None` where it is no mangled Rust symbol,
/// and where it or its name is longer than any compiler makes it: then the symbol itself is the better thing to show.
pub(crate) fn demangle(symbol: &str) -> Option<String> {
    if symbol.len() > LONGEST {
        return None;
    }
    let name = rustc_demangle::try_demangle(symbol).ok()?;
    let mut bounded = Bounded { text: String::new(), room: LONGEST_NAME.min(symbol.len() * GROWTH) };
    write!(bounded, "{name:#}").ok()?;
    Some(bounded.text)
}

/// Text that ends the work of whoever writes it once it is full.
struct Bounded {
    text: String,
    room: usize,
}

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.room = self.room.checked_sub(text.len()).ok_or(fmt::Error)?;
        self.text.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn symbols_of_rust_become_paths() {
        for (symbol, name) in [
            ("_ZN6ledger4book5close17h0123456789abcdefE", "ledger::book::close"),
            ("_ZN6ledger13List$LT$T$GT$4push17h0123456789abcdefE", "ledger::List<T>::push"),
            ("_RNvNtC6ledger4book5close", "ledger::book::close"),
            ("_RINvNtC3std3mem8align_ofjdE", "std::mem::align_of::<usize, f64>"),
        ] {
            assert_eq!(demangle(symbol).as_deref(), Some(name));
        }
    }

    #[test]
    fn other_symbols_are_left_as_they_are() {
        for symbol in ["", "main", "close_book", "_ZNSt6vectorIiSaIiEE9push_backERKi", "_RNvC", "\u{1b}[2J"] {
            assert_eq!(demangle(symbol), None, "{symbol}");
        }
    }

    /// Each pair holds the one before it twice: 40 of them would be a name of a terabyte.
    #[test]
    fn a_symbol_that_doubles_itself_is_not_followed_to_its_end() {
        let mut symbol = "_RINvC1a1bTuuE".to_owned();
        let mut last = symbol.find('T').unwrap();
        for _ in 0..40 {
            let at = symbol.len();
            let reference = base62(last - "_R".len());
            symbol += &format!("TB{reference}B{reference}E");
            last = at;
        }
        symbol += "E";
        assert_eq!(demangle(&symbol), None);
        assert!(rustc_demangle::try_demangle(&symbol).is_ok(), "{symbol}");
    }

    fn base62(number: usize) -> String {
        const DIGITS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let Some(mut rest) = number.checked_sub(1) else { return "_".to_owned() };
        let mut digits = vec!['_'];
        loop {
            digits.push(char::from(DIGITS[rest % 62]));
            rest /= 62;
            if rest == 0 {
                return digits.into_iter().rev().collect();
            }
        }
    }

    proptest! {
        #[test]
        fn no_symbol_panics_or_becomes_long(
            prefix in prop::sample::select(vec!["", "_R", "_RINvC1a1b", "_RNvC", "_ZN", "__ZN4core"]),
            rest in "[_RNvCIMXYBKFGDTQPOASuElpZ$.LTu0-9a-h]{0,300}",
            ending in prop::sample::select(vec!["", "E", "17h0123456789abcdefE", "_"]),
            repeat in 1_usize..20,
        ) {
            let symbol = format!("{prefix}{}{ending}", rest.repeat(repeat));
            if let Some(name) = demangle(&symbol) {
                prop_assert!(symbol.len() <= LONGEST && name.len() <= LONGEST_NAME && name.len() <= symbol.len() * GROWTH);
            }
        }

        #[test]
        fn no_text_panics(symbol in any::<String>()) {
            demangle(&symbol);
            demangle(&format!("_R{symbol}"));
        }
    }
}
