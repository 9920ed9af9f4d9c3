//! `reporter_options_t`: what a product says once, at start. What it says about mail, policies, limits, restart and children
//! has files of its own.

use std::{
    ffi::c_char,
    mem::{self, MaybeUninit},
    path::PathBuf,
    ptr,
    time::Duration,
};

use reporter_sdk::{Notice, Options};

use crate::{
    ffi::{Choice, Failure, Given, Raw, borrow, boundary, boundary_or, give, meaning, read_all, take},
    mail::MailOptions,
    restart::RestartOptions,
    status::reporter_status_t::{self, *},
};

/// What the product is, what may be collected, who is told what, and where reports go.
///
/// Made by reporter_options_new(), filled by the other functions named reporter_options_, taken by reporter_start() whether that succeeds
/// or not. Options that are not started after all go to reporter_options_free().
#[derive(Debug)]
pub struct reporter_options_t {
    sdk: Options,
    notice: Notice,
    pub(crate) mail: MailOptions,
    pub(crate) restart: Option<RestartOptions>,
}

impl reporter_options_t {
    /// The SDK's options change by value.
    pub(crate) fn change(&mut self, change: impl FnOnce(Options) -> Options) {
        self.sdk = change(mem::replace(&mut self.sdk, Options::new("", "", "")));
    }

    pub(crate) fn into_sdk(self) -> Options {
        let mut options = self.sdk.notice(self.notice);
        if let Some(restart) = self.restart {
            options = options.restart(restart.into_sdk());
        }
        match self.mail.into_sdk() {
            Some(mail) => options.mail(mail),
            None => options,
        }
    }
}

/// Reads options and the caller's bytes, and changes the options by `change`, inside the boundary.
///
/// # Safety
/// As [`borrow`] for `options` and [`given`](crate::ffi::given) for `raw`.
pub(crate) unsafe fn edit<const N: usize>(
    options: *mut reporter_options_t,
    raw: [Raw; N],
    change: impl FnOnce(&mut reporter_options_t, [Given<'_>; N]) -> Result<(), Failure>,
) -> reporter_status_t {
    boundary(|| {
        // SAFETY: as this function's caller promises.
        let options = unsafe { borrow("options", options) }?;
        // SAFETY: as this function's caller promises.
        change(options, unsafe { read_all(raw) }?)
    })
}

/// Options of the product `name` of `vendor`, in `version`; the caller owns them. NULL on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_new(
    vendor: *const c_char,
    name: *const c_char,
    version: *const c_char,
) -> *mut reporter_options_t {
    let raw = [Raw::terminated("vendor", vendor), Raw::terminated("name", name), Raw::terminated("version", version)];
    // SAFETY: the caller answers for the texts.
    unsafe { new_options(raw) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_new_n(
    vendor: *const c_char,
    vendor_length: usize,
    name: *const c_char,
    name_length: usize,
    version: *const c_char,
    version_length: usize,
) -> *mut reporter_options_t {
    let raw = [
        Raw::counted("vendor", vendor, vendor_length),
        Raw::counted("name", name, name_length),
        Raw::counted("version", version, version_length),
    ];
    // SAFETY: the caller answers for the texts.
    unsafe { new_options(raw) }
}

/// # Safety
/// As [`given`](crate::ffi::given).
unsafe fn new_options(raw: [Raw; 3]) -> *mut reporter_options_t {
    boundary_or(ptr::null_mut(), || {
        // SAFETY: as this function's caller promises.
        let [vendor, name, version] = unsafe { read_all(raw) }?;
        Ok(give(reporter_options_t {
            sdk: Options::new(vendor.text()?, name.text()?, version.text()?),
            notice: Notice::default(),
            mail: MailOptions::default(),
            restart: None,
        }))
    })
}

/// Frees options that were not given to reporter_start(). NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_free(options: *mut reporter_options_t) {
    boundary_or((), || {
        if !options.is_null() {
            // SAFETY: the caller gives up what it got from `reporter_options_new`.
            drop(unsafe { take("options", options) }?);
        }
        Ok(())
    });
}

/// The build within the version: what symbols are filed under.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_build(
    options: *mut reporter_options_t,
    build: *const c_char,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::terminated("build", build)], set_build) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_build_n(
    options: *mut reporter_options_t,
    build: *const c_char,
    length: usize,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::counted("build", build, length)], set_build) }
}

fn set_build(options: &mut reporter_options_t, [build]: [Given<'_>; 1]) -> Result<(), Failure> {
    let build = build.text()?;
    options.change(|sdk| sdk.build(build));
    Ok(())
}

/// The release channel, such as "stable" or "beta".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_channel(
    options: *mut reporter_options_t,
    channel: *const c_char,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::terminated("channel", channel)], set_channel) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_channel_n(
    options: *mut reporter_options_t,
    channel: *const c_char,
    length: usize,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::counted("channel", channel, length)], set_channel) }
}

fn set_channel(options: &mut reporter_options_t, [channel]: [Given<'_>; 1]) -> Result<(), Failure> {
    let channel = channel.text()?;
    options.change(|sdk| sdk.channel(channel));
    Ok(())
}

/// The product's own UUID, 16 bytes, by which support routes reports. Default: derived from vendor and name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_product_id(
    options: *mut reporter_options_t,
    id: *const u8,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers, and for 16 bytes.
    unsafe {
        edit(options, [Raw::bytes("id", id, 16)], |options, [id]| {
            let mut uuid = [0; 16];
            uuid.copy_from_slice(id.bytes);
            options.change(|sdk| sdk.product_id(uuid));
            Ok(())
        })
    }
}

/// A text that the person is shown before deciding, and that the report's consent record keeps.
#[repr(i32)]
#[derive(Clone, Copy, Debug)]
pub enum reporter_notice_t {
    /// What the data may be used for.
    REPORTER_NOTICE_PURPOSE = 1,
    /// Who receives it.
    REPORTER_NOTICE_RECIPIENT = 2,
    /// Who may read it.
    REPORTER_NOTICE_ACCESS = 3,
    /// How long it is kept.
    REPORTER_NOTICE_RETENTION = 4,
    /// How the person has it deleted.
    REPORTER_NOTICE_ERASURE = 5,
}

/// Where in the SDK's notice a text goes.
type NoticeField = fn(&mut Notice) -> &mut String;

// SAFETY: it is `repr(i32)`.
unsafe impl Choice for reporter_notice_t {
    type Meaning = NoticeField;
    const WHAT: &'static str = "notice";
    const MEANINGS: &'static [(Self, NoticeField)] = &[
        (Self::REPORTER_NOTICE_PURPOSE, |notice| &mut notice.purpose),
        (Self::REPORTER_NOTICE_RECIPIENT, |notice| &mut notice.recipient),
        (Self::REPORTER_NOTICE_ACCESS, |notice| &mut notice.access),
        (Self::REPORTER_NOTICE_RETENTION, |notice| &mut notice.retention),
        (Self::REPORTER_NOTICE_ERASURE, |notice| &mut notice.erasure),
    ];
}

/// Sets one text of the notice. Those left out or empty are not shown.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_notice(
    options: *mut reporter_options_t,
    notice: MaybeUninit<reporter_notice_t>,
    text: *const c_char,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::terminated("text", text)], |options, text| set_notice(options, notice, text)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_notice_n(
    options: *mut reporter_options_t,
    notice: MaybeUninit<reporter_notice_t>,
    text: *const c_char,
    length: usize,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::counted("text", text, length)], |options, text| set_notice(options, notice, text)) }
}

fn set_notice(
    options: &mut reporter_options_t,
    notice: MaybeUninit<reporter_notice_t>,
    [text]: [Given<'_>; 1],
) -> Result<(), Failure> {
    let field = meaning(notice)?;
    text.text()?.clone_into(field(&mut options.notice));
    Ok(())
}

/// The folder that keeps reports until they are sent: absolute, and one product's alone.
/// Default on Linux: $XDG_STATE_HOME/VENDOR/NAME/reports.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_spool(
    options: *mut reporter_options_t,
    directory: *const c_char,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::terminated("directory", directory)], set_spool) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_spool_n(
    options: *mut reporter_options_t,
    directory: *const c_char,
    length: usize,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::counted("directory", directory, length)], set_spool) }
}

fn set_spool(options: &mut reporter_options_t, [directory]: [Given<'_>; 1]) -> Result<(), Failure> {
    spool(options, directory.path()?)
}

#[allow(clippy::unnecessary_wraps, reason = "as the others that change options")]
pub(crate) fn spool(options: &mut reporter_options_t, directory: PathBuf) -> Result<(), Failure> {
    options.change(|sdk| sdk.spool(directory));
    Ok(())
}

/// The program reporter-handler: absolute, and writable by no one with fewer rights than the product.
/// Default: beside the library or executable that holds this code; on Linux also in the folder `reporter-0` beside the library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_handler(
    options: *mut reporter_options_t,
    program: *const c_char,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::terminated("program", program)], set_handler) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_handler_n(
    options: *mut reporter_options_t,
    program: *const c_char,
    length: usize,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::counted("program", program, length)], set_handler) }
}

fn set_handler(options: &mut reporter_options_t, [program]: [Given<'_>; 1]) -> Result<(), Failure> {
    handler(options, program.path()?)
}

#[allow(clippy::unnecessary_wraps, reason = "as the others that change options")]
pub(crate) fn handler(options: &mut reporter_options_t, program: PathBuf) -> Result<(), Failure> {
    options.change(|sdk| sdk.handler(program));
    Ok(())
}

/// A dialog of the product's own, in place of reporter-dialog and of the question in its terminal: a program, absolute, and writable by no one with fewer rights than the
/// product. It takes the question by reporter_consent_request_read(), which says more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_dialog(
    options: *mut reporter_options_t,
    program: *const c_char,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::terminated("program", program)], set_dialog) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_dialog_n(
    options: *mut reporter_options_t,
    program: *const c_char,
    length: usize,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::counted("program", program, length)], set_dialog) }
}

fn set_dialog(options: &mut reporter_options_t, [program]: [Given<'_>; 1]) -> Result<(), Failure> {
    dialog(options, program.path()?)
}

pub(crate) fn dialog(options: &mut reporter_options_t, program: PathBuf) -> Result<(), Failure> {
    if !program.is_absolute() {
        let text = format!("program must be absolute, not {}", program.display());
        return Err(Failure::new(REPORTER_ERROR_ARGUMENT, text));
    }
    options.change(|sdk| sdk.dialog(program));
    Ok(())
}

/// A folder with what makes reporter-dialog the product's: an icon, a colour, a link, and words in place of ours. Absolute, and writable by no one with fewer
/// rights than the product. What in it cannot be used is left out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_branding(
    options: *mut reporter_options_t,
    folder: *const c_char,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::terminated("folder", folder)], set_branding) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_branding_n(
    options: *mut reporter_options_t,
    folder: *const c_char,
    length: usize,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::counted("folder", folder, length)], set_branding) }
}

fn set_branding(options: &mut reporter_options_t, [folder]: [Given<'_>; 1]) -> Result<(), Failure> {
    branding(options, folder.path()?)
}

pub(crate) fn branding(options: &mut reporter_options_t, folder: PathBuf) -> Result<(), Failure> {
    if !folder.is_absolute() {
        let text = format!("folder must be absolute, not {}", folder.display());
        return Err(Failure::new(REPORTER_ERROR_ARGUMENT, text));
    }
    options.change(|sdk| sdk.branding(folder));
    Ok(())
}

/// A file to attach to every report, read when the error happens. `name` labels it in the report; `path` never leaves the machine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_attach_file(
    options: *mut reporter_options_t,
    name: *const c_char,
    media_type: *const c_char,
    path: *const c_char,
) -> reporter_status_t {
    let raw = [Raw::terminated("name", name), Raw::terminated("media_type", media_type), Raw::terminated("path", path)];
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, raw, attach_file) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_attach_file_n(
    options: *mut reporter_options_t,
    name: *const c_char,
    name_length: usize,
    media_type: *const c_char,
    media_type_length: usize,
    path: *const c_char,
    path_length: usize,
) -> reporter_status_t {
    let raw = [
        Raw::counted("name", name, name_length),
        Raw::counted("media_type", media_type, media_type_length),
        Raw::counted("path", path, path_length),
    ];
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, raw, attach_file) }
}

fn attach_file(options: &mut reporter_options_t, [name, media_type, path]: [Given<'_>; 3]) -> Result<(), Failure> {
    attached(options, name.text()?, media_type.text()?, path.path()?)
}

#[allow(clippy::unnecessary_wraps, reason = "as the others that change options")]
pub(crate) fn attached(
    options: &mut reporter_options_t,
    name: &str,
    media_type: &str,
    path: PathBuf,
) -> Result<(), Failure> {
    options.change(|sdk| sdk.attach_file(name, media_type, path));
    Ok(())
}

/// Puts the product's command line into reports. Off by default, since arguments can hold the user's data.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_include_command_line(
    options: *mut reporter_options_t,
    include: bool,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointer.
    unsafe {
        edit(options, [], |options, []| {
            options.change(|sdk| sdk.include_command_line(include));
            Ok(())
        })
    }
}

/// Keeps of stacks, and of memory that registers point at, only what looks like an address: of code, or of a stack. Off by default.
/// For products whose stacks can hold what must not leave the machine. Frames are found as before; values of variables are lost.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_sanitised_stacks(
    options: *mut reporter_options_t,
    sanitised: bool,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointer.
    unsafe {
        edit(options, [], |options, []| {
            options.change(|sdk| sdk.sanitised_stacks(sanitised));
            Ok(())
        })
    }
}

/// Blanks out all but the product's own windows in an image of the desktop. Off by default.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_own_windows_only(
    options: *mut reporter_options_t,
    only: bool,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointer.
    unsafe {
        edit(options, [], |options, []| {
            options.change(|sdk| sdk.own_windows_only(only));
            Ok(())
        })
    }
}

/// How long, in milliseconds, a crashed product waits for the handler: `without_progress` with no sign of life, `longest` in all.
/// Default: 10,000 and 120,000. `longest` must not be the smaller one, and neither more than a day.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_waits(
    options: *mut reporter_options_t,
    without_progress: u32,
    longest: u32,
) -> reporter_status_t {
    const DAY: u32 = 24 * 60 * 60 * 1000;
    // SAFETY: the caller answers for the pointer.
    unsafe {
        edit(options, [], |options, []| {
            if without_progress > longest || longest > DAY {
                let text = format!(
                    "waits of {without_progress} ms and {longest} ms: the first is at most the second, which is at most {DAY} ms"
                );
                return Err(Failure::new(REPORTER_ERROR_ARGUMENT, text));
            }
            let [without_progress, longest] = [without_progress, longest].map(|ms| Duration::from_millis(ms.into()));
            options.change(|sdk| sdk.waits(without_progress, longest));
            Ok(())
        })
    }
}
