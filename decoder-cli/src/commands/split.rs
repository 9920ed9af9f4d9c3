//! `split`: a report as parts that are small enough for a mail.

use std::io::{self, Write};

use report_format::part;

use crate::cli::Split;
use crate::exit::Outcome;
use crate::files::{self, FileError};
use crate::private;
use crate::render::page::{Page, Span};
use crate::render::value;

pub(crate) fn run(arguments: &Split, out: &mut dyn Write) -> io::Result<Outcome> {
    let planned = files::open(&arguments.input)
        .and_then(|input| part::Split::new(input, arguments.size).map_err(FileError::from));
    let mut split = match planned {
        Ok(split) => split,
        Err(error) => return Ok(super::failed(&arguments.input, &error)),
    };
    if let Err(error) = private::create_directory(&arguments.output) {
        return Ok(super::failed(&arguments.output, &FileError::Write(error)));
    }
    let mut page = Page::new(out, false, None);
    let count = split.count();
    // As many digits for all, so that a list of the files is in order.
    let digits = count.to_string().len();
    for number in 0..count {
        let name = format!("part-{:0digits$}-of-{count}.reportpart", number + 1);
        let path = arguments.output.join(name);
        let written = files::make(&path, |output| split.write(number, output).map_err(FileError::from));
        match written {
            Ok(header) => {
                let size = value::size(part::HEADER as u64 + header.length);
                page.line(0, &[Span::plain(path.display()), Span::dim(format!("  {size}"))])?;
            }
            Err(error) => return Ok(super::failed(&path, &error)),
        }
    }
    Ok(Outcome::Ok)
}
