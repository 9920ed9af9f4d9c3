//! Options about mail: where reports are sent, and by which way.

use std::{
    ffi::c_char,
    mem::{self, MaybeUninit},
    path::PathBuf,
    time::Duration,
};

use reporter_sdk::{Mail, Smtp, Tls};

use crate::{
    ffi::{Choice, Failure, Given, Raw, meaning},
    options::{edit, reporter_options_t},
    status::reporter_status_t::{self, *},
};

/// The SDK makes these in one expression; C gives them one after the other.
#[derive(Debug, Default)]
pub(crate) struct MailOptions {
    from: String,
    to: Vec<String>,
    transport: Transport,
}

#[derive(Debug, Default)]
enum Transport {
    #[default]
    None,
    Smtp(Smtp),
    EmlDirectory(PathBuf),
}

impl MailOptions {
    /// None where nothing at all was said about mail; what is half said, the SDK tells in a soft error.
    pub(crate) fn into_sdk(self) -> Option<Mail> {
        if self.from.is_empty() && self.to.is_empty() && matches!(self.transport, Transport::None) {
            return None;
        }
        let mail = Mail::new(self.from, self.to);
        Some(match self.transport {
            Transport::None => mail,
            Transport::Smtp(smtp) => mail.smtp(smtp),
            Transport::EmlDirectory(directory) => mail.eml_directory(directory),
        })
    }

    fn change_smtp(&mut self, change: impl FnOnce(Smtp) -> Smtp) -> Result<(), Failure> {
        match mem::take(&mut self.transport) {
            Transport::Smtp(smtp) => {
                self.transport = Transport::Smtp(change(smtp));
                Ok(())
            }
            other => {
                self.transport = other;
                Err(Failure::new(
                    REPORTER_ERROR_ARGUMENT,
                    "there is no mail server yet: reporter_options_set_smtp() comes first",
                ))
            }
        }
    }
}

/// How the connection to the mail server is protected.
#[repr(i32)]
#[derive(Clone, Copy, Debug)]
pub enum reporter_tls_t {
    /// TLS from the first byte on, usually port 465.
    REPORTER_TLS_IMPLICIT = 1,
    /// STARTTLS, required, usually port 587.
    REPORTER_TLS_STARTTLS = 2,
    /// None, usually port 25: a relay on this machine. Credentials are refused with it.
    REPORTER_TLS_NONE = 3,
}

// SAFETY: it is `repr(i32)`.
unsafe impl Choice for reporter_tls_t {
    type Meaning = Tls;
    const WHAT: &'static str = "TLS mode";
    const MEANINGS: &'static [(Self, Tls)] = &[
        (Self::REPORTER_TLS_IMPLICIT, Tls::Implicit),
        (Self::REPORTER_TLS_STARTTLS, Tls::StartTls),
        (Self::REPORTER_TLS_NONE, Tls::None),
    ];
}

/// The vendor's own address, from which reports come.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_mail_from(
    options: *mut reporter_options_t,
    address: *const c_char,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::terminated("address", address)], set_from) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_mail_from_n(
    options: *mut reporter_options_t,
    address: *const c_char,
    length: usize,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::counted("address", address, length)], set_from) }
}

fn set_from(options: &mut reporter_options_t, [address]: [Given<'_>; 1]) -> Result<(), Failure> {
    address.text()?.clone_into(&mut options.mail.from);
    Ok(())
}

/// One more address of support, which reports go to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_add_mail_to(
    options: *mut reporter_options_t,
    address: *const c_char,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::terminated("address", address)], add_to) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_add_mail_to_n(
    options: *mut reporter_options_t,
    address: *const c_char,
    length: usize,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::counted("address", address, length)], add_to) }
}

fn add_to(options: &mut reporter_options_t, [address]: [Given<'_>; 1]) -> Result<(), Failure> {
    options.mail.to.push(address.text()?.to_owned());
    Ok(())
}

/// Sends by the mail server `host`; `port` 0 is the usual one of `tls`. Replaces the way chosen before, with its credentials and certificate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_smtp(
    options: *mut reporter_options_t,
    host: *const c_char,
    port: u16,
    tls: MaybeUninit<reporter_tls_t>,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::terminated("host", host)], |options, host| set_smtp(options, host, port, tls)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_smtp_n(
    options: *mut reporter_options_t,
    host: *const c_char,
    length: usize,
    port: u16,
    tls: MaybeUninit<reporter_tls_t>,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::counted("host", host, length)], |options, host| set_smtp(options, host, port, tls)) }
}

fn set_smtp(
    options: &mut reporter_options_t,
    [host]: [Given<'_>; 1],
    port: u16,
    tls: MaybeUninit<reporter_tls_t>,
) -> Result<(), Failure> {
    let smtp = Smtp::new(host.text()?, meaning(tls)?);
    options.mail.transport = Transport::Smtp(if port == 0 { smtp } else { smtp.port(port) });
    Ok(())
}

/// User name and password for the server given to reporter_options_set_smtp() before.
///
/// They go to the handler at start, and the library's copies are overwritten; the caller's are the caller's to overwrite. A password
/// inside a product can be extracted by its users: a relay that needs none is better.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_smtp_credentials(
    options: *mut reporter_options_t,
    username: *const c_char,
    password: *const c_char,
) -> reporter_status_t {
    let raw = [Raw::terminated("username", username), Raw::terminated("password", password)];
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, raw, set_credentials) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_smtp_credentials_n(
    options: *mut reporter_options_t,
    username: *const c_char,
    username_length: usize,
    password: *const c_char,
    password_length: usize,
) -> reporter_status_t {
    let raw =
        [Raw::counted("username", username, username_length), Raw::counted("password", password, password_length)];
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, raw, set_credentials) }
}

fn set_credentials(options: &mut reporter_options_t, [username, password]: [Given<'_>; 2]) -> Result<(), Failure> {
    let (username, password) = (username.text()?, password.text()?);
    // An owned password moves into the SDK, which wipes it: no second copy stays behind.
    options.mail.change_smtp(|smtp| smtp.credentials(username, password.to_owned()))
}

/// A root certificate (PEM) to accept in addition to the system's, for the server given before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_smtp_root_certificate(
    options: *mut reporter_options_t,
    pem: *const u8,
    length: usize,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe {
        edit(options, [Raw::bytes("pem", pem, length)], |options, [pem]| {
            options.mail.change_smtp(|smtp| smtp.root_certificate(pem.bytes))
        })
    }
}

/// How long, in milliseconds, each step of the conversation with the server given before may take. Default: 30,000.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_smtp_timeout(
    options: *mut reporter_options_t,
    timeout: u32,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointer.
    unsafe {
        edit(options, [], |options, []| {
            options.mail.change_smtp(|smtp| smtp.timeout(Duration::from_millis(timeout.into())))
        })
    }
}

/// Writes mails as .eml files into a folder, for another program to send. Replaces the way chosen before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_eml_directory(
    options: *mut reporter_options_t,
    directory: *const c_char,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::terminated("directory", directory)], set_eml_directory) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_eml_directory_n(
    options: *mut reporter_options_t,
    directory: *const c_char,
    length: usize,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::counted("directory", directory, length)], set_eml_directory) }
}

fn set_eml_directory(options: &mut reporter_options_t, [directory]: [Given<'_>; 1]) -> Result<(), Failure> {
    eml_directory(options, directory.path()?)
}

#[allow(clippy::unnecessary_wraps, reason = "as the others that change options")]
pub(crate) fn eml_directory(options: &mut reporter_options_t, directory: PathBuf) -> Result<(), Failure> {
    options.mail.transport = Transport::EmlDirectory(directory);
    Ok(())
}
