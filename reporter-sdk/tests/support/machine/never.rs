//! What no report tells, whatever is granted.

use super::canary;
use super::search::Forms;

/// What it is, and how it looks.
pub(crate) fn never() -> Vec<(&'static str, Forms)> {
    let text = |what, value: &str| (what, Forms::of(value));
    let mut all = vec![
        ("the hardware address of a network card", Forms::of_mac(canary::MAC)),
        text("a name server of the local network", canary::LAN_DNS_SERVER),
        text("a proxy of the local network", canary::LAN_PROXY),
        text("the address that the user comes from", canary::SSH_CLIENT),
        text("the address of a printer", canary::PRINTER_ADDRESS),
        text("where a printer stands", canary::PRINTER_PLACE),
        text("a printer's description", canary::PRINTER_DESCRIPTION),
        text("the proxy's user", canary::PROXY_USER),
        text("the proxy's password", canary::PROXY_PASSWORD),
        text("the name of an environment variable", canary::VARIABLE),
        text("the product's environment", canary::VALUE),
        text("the product's arguments", canary::ARGUMENT),
        text("the product's working directory", canary::WORKING_DIRECTORY),
        text("a file that the product has open", canary::OPEN_FILE),
        text("a file that was to be attached, and is not there", canary::MISSING_FILE),
        text("what the product calls that file", canary::MISSING_ATTACHMENT),
        text("another program's environment", canary::OTHERS_VALUE),
        text("another program's arguments", canary::OTHERS_ARGUMENT),
        text("another program's working directory", canary::OTHERS_WORKING_DIRECTORY),
        text("the environment of a unit", canary::UNIT_VALUE),
        text("the arguments of a unit", canary::UNIT_ARGUMENT),
        text("the title of a window", canary::WINDOW_TITLE),
        text("where the user's volume is mounted", canary::USERS_VOLUME),
        text("the user's full name", canary::FULL_NAME),
        text("the user's name in a path", &format!("/{}", canary::USER)),
        text("the machine's serial number", canary::MACHINE_SERIAL),
        text("the board's serial number", canary::BOARD_SERIAL),
        text("a display's serial number", canary::DISPLAY_SERIAL),
        text("the machine's id", canary::MACHINE_ID),
    ];
    all.extend(canary::LAN_V4.iter().map(|address| text("an address of the local network", address)));
    all.extend(canary::LAN_V6.iter().map(|address| text("an address of the local network", address)));
    all
}
