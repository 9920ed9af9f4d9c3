//! Every value that is planted, each once on the whole machine and none a part of another.

// What a report tells, if the category is granted.

/// The account that runs the product (S3). Below its home it is a secret: [`super::never`].
pub(crate) const USER: &str = "canaryuser";
pub(crate) const HOST: &str = "canary-host";
pub(crate) const DOMAIN: &str = "canary-domain.example";
pub(crate) const DNS_SUFFIX: &str = "canary-suffix.example";
pub(crate) const DNS_SERVER: &str = "149.112.112.177";
/// Routable on the Internet; the machine has no way there.
pub(crate) const PUBLIC_ADDRESS: &str = "9.9.9.186";
pub(crate) const PUBLIC_PROXY: &str = "9.9.9.203";

pub(crate) const OS: &str = "CanaryOS";
pub(crate) const DOTNET: &str = "3.1.407-canary";
pub(crate) const KEYBOARD: &str = "canarykeys";
pub(crate) const LOCALE: &str = "xx_CANARYLAND.UTF-8";
pub(crate) const TIME_ZONE: &str = "Canary/Islands";
pub(crate) const PROCESSOR: &str = "Canary Processor 9000";
pub(crate) const VOLUME: &str = "/srv/canary-volume";

pub(crate) const PROGRAM: &str = "canaryprocess";
pub(crate) const RUNNING_SERVICE: &str = "canary-running.service";
/// Of this the template: the instance is the user.
pub(crate) const TEMPLATE: &str = "canary-template@.service";
pub(crate) const DRIVER: &str = "canary_driver";
pub(crate) const PACKAGE: &str = "canary-package";
pub(crate) const UNIT: &str = "canary-unit.service";
pub(crate) const NETWORK_CARD_DRIVER: &str = "canary_nic";
pub(crate) const GRAPHICS_DRIVER: &str = "canary_gpu";
/// At most 13 letters, as in a display's own description of itself.
pub(crate) const DISPLAY: &str = "CANARYDISPLAY";
pub(crate) const PRINTER: &str = "CanaryPrinter";

pub(crate) const TASK: &str = "canary of a task";
pub(crate) const COMMAND: &str = "canary.command";
pub(crate) const COMMAND_LABEL: &str = "Canary in a menu";
pub(crate) const DIALOG: &str = "canary.dialog";
pub(crate) const DIALOG_RESULT: &str = "canary as an answer";
pub(crate) const ANNOTATION: &str = "canary.annotation";
pub(crate) const ANNOTATION_VALUE: &str = "canary of a fact";
pub(crate) const ATTACHMENT: &str = "canary log";
pub(crate) const ATTACHMENT_CONTENT: &str = "canary in a log file";
pub(crate) const LIBRARY: &str = "libcanary-library.so";
/// Its file is removed once it is loaded: what cannot be read is told about, too.
pub(crate) const GONE_LIBRARY: &str = "libcanary-gone.so";
/// Beside the instruction that faults.
macro_rules! code {
    () => {
        "canary-among-instructions"
    };
}
pub(crate) use code;
/// Where nothing is mapped, and what is written to.
pub(crate) const FAULT_ADDRESS: u64 = 0xca9_a12e_5000;
/// In the words of a panic, behind a path of the user's.
pub(crate) const ERROR: &str = "canary-of-a-message.txt";

pub(crate) const FIRST_NAME: &str = "Cänaria";
pub(crate) const LAST_NAME: &str = "O'Canary-Łaska";
pub(crate) const EMAIL: &str = "canary+reply@canary-mail.example";
/// With letters that take two units in UTF-16, and four bytes in UTF-8.
pub(crate) const DESCRIPTION: &str = "The 🐤 sang 𝄞 and it went wrong; 金丝雀";

// What no report tells, whatever is granted.

pub(crate) const MAC: [u8; 6] = [0x5e, 0xca, 0x9a, 0x17, 0xe0, 0xb1];
/// RFC 1918, carrier-grade NAT, link-local.
pub(crate) const LAN_V4: [&str; 3] = ["10.203.177.91", "100.77.201.113", "169.254.177.203"];
/// Unique-local, link-local.
pub(crate) const LAN_V6: [&str; 2] = ["fd1c:9a17:e0b1::c0de:ca9a", "fe80::ca9a:17e0:b1c0:de5e"];
pub(crate) const LAN_DNS_SERVER: &str = "10.203.177.153";
pub(crate) const LAN_PROXY: &str = "10.203.177.138";
pub(crate) const PROXY_USER: &str = "canary-proxy-user";
pub(crate) const PROXY_PASSWORD: &str = "canary-proxy-password";
pub(crate) const SSH_CLIENT: &str = "192.168.233.117";
pub(crate) const PRINTER_ADDRESS: &str = "10.203.177.199";

pub(crate) const PRINTER_PLACE: &str = "canary cage";
pub(crate) const PRINTER_DESCRIPTION: &str = "canary laser";

pub(crate) const VARIABLE: &str = "CANARY_OF_A_VARIABLE";
pub(crate) const VALUE: &str = "canary-in-the-environment";
pub(crate) const ARGUMENT: &str = "canary-in-an-argument";
pub(crate) const WORKING_DIRECTORY: &str = "canary-working-directory";
pub(crate) const OPEN_FILE: &str = "canary-open-file";
pub(crate) const MISSING_FILE: &str = "canary-missing-file";
pub(crate) const MISSING_ATTACHMENT: &str = "canary of no log";
pub(crate) const OTHERS_VALUE: &str = "canary-in-another-environment";
pub(crate) const OTHERS_ARGUMENT: &str = "canary-in-another-argument";
pub(crate) const OTHERS_WORKING_DIRECTORY: &str = "canary-other-directory";
pub(crate) const UNIT_VALUE: &str = "canary-in-the-environment-of-a-unit";
pub(crate) const UNIT_ARGUMENT: &str = "canary-in-the-arguments-of-a-unit";
pub(crate) const WINDOW_TITLE: &str = "canary-as-a-title";
pub(crate) const USERS_VOLUME: &str = "canary-vault";
pub(crate) const FULL_NAME: &str = "Canary Full-Name";
pub(crate) const MACHINE_SERIAL: &str = "CANARY-SERIAL-OF-THE-MACHINE";
pub(crate) const BOARD_SERIAL: &str = "CANARY-SERIAL-OF-THE-BOARD";
/// At most 13 letters, too.
pub(crate) const DISPLAY_SERIAL: &str = "CNRYSERIAL-42";
pub(crate) const MACHINE_ID: &str = "ca9a717ecafe4a1fb0a7d15ea5ecab1e";
