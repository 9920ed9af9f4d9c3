//! Mails that lie together: a Maildir, an mbox.

use std::fs;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

/// The mails of a Maildir, by their names, which begin with the time of arrival: `new/` and `cur/`, never `tmp/`, where
/// mails are still being written. `None` if the directory is no Maildir.
///
/// Only ordinary files count: a named pipe in the folder would hold us forever.
pub(crate) fn maildir(directory: &Path) -> io::Result<Option<Vec<PathBuf>>> {
    let mut mails = Vec::new();
    let mut is_maildir = false;
    for folder in ["new", "cur"].map(|name| directory.join(name)) {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => continue,
            Err(error) => return Err(error),
        };
        is_maildir = true;
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_file() && !entry.file_name().as_encoded_bytes().starts_with(b".") {
                mails.push(entry.path());
            }
        }
    }
    mails.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    Ok(is_maildir.then_some(mails))
}

/// The mails of an mbox, one at a time, each of at most `largest` bytes. A line that begins with `From ` starts the next
/// one; `>From ` is undone.
///
/// Our own loop, since mail-parser's reader grows with a line or a mail without limit.
#[derive(Debug)]
pub(crate) struct Mbox<R> {
    input: R,
    largest: u64,
    ended: bool,
}

impl<R: BufRead> Mbox<R> {
    /// Reads from `input`, which stands at the first `From ` line.
    ///
    /// # Errors
    /// What reading gave.
    pub(crate) fn new(input: R, largest: u64) -> io::Result<Mbox<R>> {
        let mut mbox = Mbox { input, largest, ended: false };
        mbox.ended = mbox.line(0)?.is_empty();
        Ok(mbox)
    }

    /// The next mail, or `None` after the last.
    ///
    /// # Errors
    /// What reading gave, or [`io::ErrorKind::FileTooLarge`] for a mail over the limit; the rest is of no use then.
    pub(crate) fn next_mail(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.ended {
            return Ok(None);
        }
        let mut mail = Vec::new();
        loop {
            let line = self.line(mail.len() as u64)?;
            self.ended = line.is_empty();
            if self.ended || line.starts_with(b"From ") {
                return Ok(Some(mail));
            }
            let quotes = line.iter().take_while(|byte| **byte == b'>').count();
            let quoted = quotes > 0 && line[quotes..].starts_with(b"From ");
            mail.extend_from_slice(&line[usize::from(quoted)..]);
        }
    }

    /// The next line with its end, empty at the end of the input.
    fn line(&mut self, mail_so_far: u64) -> io::Result<Vec<u8>> {
        let left = self.largest.saturating_sub(mail_so_far);
        let mut line = Vec::new();
        if (&mut self.input).take(left + 1).read_until(b'\n', &mut line)? as u64 > left {
            self.ended = true;
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("a mail is over {} bytes", self.largest)));
        }
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mails(text: &str, buffer: usize, largest: u64) -> io::Result<Vec<String>> {
        let mut mbox = Mbox::new(io::BufReader::with_capacity(buffer, text.as_bytes()), largest)?;
        let mut mails = Vec::new();
        while let Some(mail) = mbox.next_mail()? {
            mails.push(String::from_utf8(mail).unwrap());
        }
        Ok(mails)
    }

    #[test]
    fn an_mbox_gives_its_mails_whatever_the_buffer_size() {
        let text = "From a Mon\nA: 1\n\n>From here\n>>From\n> From\nFrom b Tue\nB: 2\n\nx";
        for buffer in 1..80 {
            assert_eq!(mails(text, buffer, 100).unwrap(), ["A: 1\n\nFrom here\n>>From\n> From\n", "B: 2\n\nx"]);
        }
    }

    #[test]
    fn a_mail_over_the_limit_is_an_error() {
        let error = mails("From a\nA: 12345\n", 8, 6).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_maildir_lists_new_and_cur_by_arrival_and_leaves_tmp_alone() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(maildir(directory.path()).unwrap(), None);
        for (folder, name) in [("cur", "100.a:2,S"), ("new", "101.b"), ("new", ".hidden"), ("tmp", "102.c")] {
            fs::create_dir_all(directory.path().join(folder)).unwrap();
            fs::write(directory.path().join(folder).join(name), "").unwrap();
        }
        let names: Vec<_> = maildir(directory.path()).unwrap().unwrap();
        assert_eq!(names, [directory.path().join("cur/100.a:2,S"), directory.path().join("new/101.b")]);
    }
}
