//! `parts\*`: on Windows no shell makes this the names of the files, so the program does. On Unix the shell has, and a name may hold a `*`.

use std::fs;
use std::path::{Path, PathBuf};

/// The paths, and in the place of one whose last part has a `*` or `?` the files that it means, in order. One that means none stays, for the
/// complaint. Brackets mean nothing: browsers save `crash[1].report`.
pub(crate) fn expand(paths: &[PathBuf]) -> Vec<PathBuf> {
    match cfg!(windows) {
        true => paths.iter().flat_map(|path| meant(path)).collect(),
        false => paths.to_vec(),
    }
}

fn meant(path: &Path) -> Vec<PathBuf> {
    let pattern = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    if !pattern.contains(['*', '?']) {
        return vec![path.to_owned()];
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name());
    let mut found: Vec<PathBuf> = names
        .filter(|name| matches(&pattern, &name.to_string_lossy().to_lowercase()))
        .map(|name| path.with_file_name(name))
        .collect();
    found.sort();
    if found.is_empty() { vec![path.to_owned()] } else { found }
}

/// In time linear in the product of both lengths, however many `*` there are.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Behind the last `*`, and up to where in the name that one has reached.
    let mut star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                p += 1;
                star = Some((p, n));
            }
            Some(&c) if c == '?' || c == name[n] => (p, n) = (p + 1, n + 1),
            _ => {
                let Some((behind, reached)) = star else { return false };
                (p, n) = (behind, reached + 1);
                star = Some((p, n));
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_characters() {
        for (pattern, name, expected) in [
            ("*", "part-1-of-3.reportpart", true),
            ("*.report", "a.report", true),
            ("*.report", "a.report.part", false),
            ("part-?-of-*", "part-1-of-3", true),
            ("part-?-of-*", "part-12-of-30", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("ä?", "äö", true),
            ("crash[1]", "crash1", false),
            ("?", "", false),
            ("**", "", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
        assert!(!matches(&"*a".repeat(200), &"a".repeat(199)));
    }

    #[test]
    fn a_pattern_becomes_the_names_in_order_and_one_for_nothing_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for name in ["b.report", "A.REPORT", "c.txt"] {
            fs::write(path(name), "").unwrap();
        }
        assert_eq!(meant(&path("*.report")), [path("A.REPORT"), path("b.report")]);
        for stays in
            [path("*.dmp"), path("missing"), PathBuf::from("-"), PathBuf::from("missing*/x"), PathBuf::from("/")]
        {
            assert_eq!(meant(&stays), [stays]);
        }
        assert_eq!(expand(&[path("*.report")]).len(), if cfg!(windows) { 2 } else { 1 });
    }
}
