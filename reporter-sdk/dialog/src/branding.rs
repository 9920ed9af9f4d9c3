//! What makes the window the product's: a folder of its files, as `docs/dialog.md` tells. Nothing in it is needed, and whatever is wrong with it is left out.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::texts::Texts;

/// Bytes of a picture, and of a file of words.
const LIMIT: u64 = 1 << 20;
/// In all languages; those of one language are in a file named by its tag, such as `de.ftl`.
const WORDS: &str = "branding.ftl";

/// The product's icon, colour and link. Its words are in the [`Texts`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Branding {
    /// PNG.
    pub(crate) icon: Option<Arc<[u8]>>,
    /// Red, green and blue, of a line above everything.
    pub(crate) colour: Option<[u8; 3]>,
    /// An address on the web, for a person to read.
    pub(crate) link: Option<String>,
}

impl Branding {
    /// What is in the folder. Its words replace those of `texts`.
    pub fn read(folder: &Path, texts: &mut Texts) -> Self {
        let words = [WORDS.to_owned(), format!("{}.ftl", texts.language())];
        texts.replace_by(words.iter().filter_map(|name| String::from_utf8(read(&folder.join(name))?).ok()));
        let link = texts.of_product("link").filter(|link| link.starts_with("https://"));
        Self {
            icon: read(&folder.join("icon.png")).map(Into::into),
            colour: texts.of_product("colour").and_then(|text| colour(text.trim())),
            link,
        }
    }
}

/// `None` where it is not there, or more than anybody needs.
fn read(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    // A file alone: a pipe would keep the person waiting.
    let file = File::open(path).ok().filter(|file| file.metadata().is_ok_and(|metadata| metadata.is_file()))?;
    file.take(LIMIT + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= LIMIT).then_some(bytes)
}

/// `#rrggbb`.
fn colour(text: &str) -> Option<[u8; 3]> {
    let is_hex = |digits: &&str| digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let digits = text.strip_prefix('#').filter(is_hex)?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    let [_, red, green, blue] = number.to_be_bytes();
    Some([red, green, blue])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_products_words_colour_link_and_icon_take_the_place_of_ours() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write(
            "branding.ftl",
            "colour = #0057b8\nlink = https://ledger.example/help\nsend = Send to Example Software\n",
        );
        write("de.ftl", "send = An Example Software senden\napology-crash = { $product } ist { $nothing }\n");
        write("icon.png", "\u{89}PNG");
        let read = |language| {
            let mut texts = Texts::of(language);
            (Branding::read(folder.path(), &mut texts), texts)
        };
        let (branding, texts) = read("en");
        assert_eq!((branding.colour, branding.icon.is_some()), (Some([0, 0x57, 0xb8]), true));
        assert_eq!(branding.link.as_deref(), Some("https://ledger.example/help"));
        assert_eq!(texts.get("send"), "Send to Example Software");
        let (_, texts) = read("de");
        assert_eq!(texts.get("send"), "An Example Software senden", "its own language before all");
        let ours = Texts::of("de").with("apology-crash", &[("product", "Ledger")]);
        assert_eq!(
            texts.with("apology-crash", &[("product", "Ledger")]),
            ours,
            "ours where the product's makes no sense"
        );
    }

    #[test]
    fn what_cannot_be_used_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut texts = Texts::of("en");
        assert_eq!(Branding::read(folder.path(), &mut texts), Branding::default());
        fs::create_dir(folder.path().join("icon.png")).unwrap();
        let words = "colour = blue\nlink = file:///etc/passwd\n= no message\nlater = Not now\n";
        fs::write(folder.path().join("branding.ftl"), words).unwrap();
        fs::write(folder.path().join("en.ftl"), [b'#'; (LIMIT + 1) as usize]).unwrap();
        assert_eq!(Branding::read(folder.path(), &mut texts), Branding::default());
        assert_eq!(texts.get("later"), "Not now", "one line that is wrong spoils no other");
        for text in ["#12345", "#12345g", "#1234567", "123456", "#+12345", ""] {
            assert_eq!(colour(text), None, "{text}");
        }
    }
}
